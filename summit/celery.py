"""The worker and its clock. Celery is a bell: every effect that matters is a row first (docs/architecture.md)."""

import os

from celery import Celery
from kombu.transport.redis import QoS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "summit.settings")

app = Celery("summit")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# When its broker dies with tasks in hand, a worker of Celery 5.7 tries to put them back over the connection that it has just let go,
# stumbles over None, and is left alive but deaf for ever. Tasks here are only rings, and the sweep finds the rows: put nothing back.
QoS.restore_at_shutdown = False
