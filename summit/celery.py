"""The worker and its clock. Celery is a bell: every effect that matters is a row first (docs/architecture.md)."""

import logging
import os
import sys
from typing import Any

from billiard.process import current_process
from celery import Celery, signals
from kombu.transport.redis import QoS

from summit.processes import die_with

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "summit.settings")

log = logging.getLogger(__name__)
app = Celery("summit")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# When its broker dies with tasks in hand, a worker of Celery 5.7 tries to put them back over the connection that it has
# just let go, stumbles over None, and is left alive but deaf for ever. Tasks here are only rings, and the sweep finds
# the rows: put nothing back.
QoS.restore_at_shutdown = False


@signals.worker_init.connect
def erase_again(**_kwargs: Any) -> None:
    """Before anything is sent: whom a restored database has brought back goes again. Celery would log what is raised
    here, and go on."""
    from summit.erasures import replay_at_start  # noqa: PLC0415 - the apps are loaded by now

    try:
        replay_at_start()
    except Exception:
        log.exception("Erasures could not be done again: the worker does not start.")
        sys.exit(1)


@signals.beat_embedded_init.connect
def end_with_the_worker(**_kwargs: Any) -> None:
    """A clock that runs in a worker ends with it: else that of a killed worker, or of one that was stopped before this
    clock listened to signals, would ring for ever."""
    die_with(current_process()._parent_pid)()
