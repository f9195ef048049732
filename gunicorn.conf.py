"""How gunicorn serves Summit: read by itself from this folder; GUNICORN_CMD_ARGS and the command line win over it."""

import os

wsgi_app = "summit.wsgi"
workers = int(os.environ.get("WEB_CONCURRENCY", "4"))
worker_class = "gthread"
threads = 4
keepalive = 75  # longer than a proxy keeps an idle connection, so that it is never the proxy that finds one closed
preload_app = True  # one import for all workers: a quicker start, and memory that they share
control_socket_disable = True  # a file in the home folder that several servers would fight for
if os.path.isdir("/dev/shm"):  # noqa: S108 - gunicorn makes its own file there
    worker_tmp_dir = "/dev/shm"  # noqa: S108 - the sign of life of a worker must never wait for a slow disk
