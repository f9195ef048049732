"""How gunicorn serves Summit: read by itself from this folder; GUNICORN_CMD_ARGS and the command line win over it."""

import gc
import os
from typing import Any

wsgi_app = "summit.wsgi"
workers = int(os.environ.get("WEB_CONCURRENCY", "4"))
worker_class = "gthread"  # a thread waits for a slow client, not a whole worker
threads = 4
keepalive = 75  # longer than a proxy keeps an idle connection, so that it is never the proxy that finds one closed
graceful_timeout = 25  # less than the time that docker-compose.yml leaves before it kills
# One import for all workers: a quicker start, memory that they share, and a wrong setting is told once.
preload_app = True
control_socket_disable = True  # a file in the home folder that several servers would fight for
if os.path.isdir("/dev/shm"):  # noqa: S108 - gunicorn makes its own file there
    worker_tmp_dir = "/dev/shm"  # noqa: S108 - the sign of life of a worker must never wait for a slow disk

# One form for every line (summit/logs.py). No User-Agent and no Referer: they tell about people, and nobody reads them.
# Nor what somebody searched for: it may be a name.
access_log_format = '%(h)s "%(m)s %(U)s %(H)s" %(s)s %(B)s bytes %(M)s ms %({x-request-id}o)s'
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "summit.logs.LineFormatter", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}


def when_ready(server: Any) -> None:
    """Before the first worker: what was loaded lives as long as the process, so the garbage collector need not look at
    it again.

    A full collection of it would hold up every request of a worker, and would copy the pages of memory that workers
    share.
    """
    gc.collect()
    gc.freeze()
