import os
import uuid
from typing import Any

from celery import shared_task, signals

from core import clock
from outbox.domain import delivery, slots
from outbox.domain.posting import ring_for_a_sweep
from outbox.models import Heartbeat

NICENESS = 10  # people who look at a page go before mails when both want the processor


@shared_task(name="outbox.tasks.deliver")
def deliver(message_uuid: str) -> None:
    """Deliver the message that was rung for, and what else is due."""
    delivery.deliver_due(first=uuid.UUID(message_uuid), call_for_help=ring_for_a_sweep)


@shared_task(name="outbox.tasks.sweep")
def sweep() -> None:
    """Deliver what is due, and leave a sign of life for /readyz."""
    Heartbeat.objects.update_or_create(name="sweep", defaults={"seen_at": clock.now()})
    delivery.deliver_due(call_for_help=ring_for_a_sweep)


@signals.worker_init.connect
def prepare_the_worker(sender: Any, **_kwargs: Any) -> None:
    """Before a worker forks: keep one of its processes for urgent mails, and let the web go first."""
    slots.reserve(sender.concurrency if isinstance(sender.concurrency, int) else os.cpu_count() or 1)
    os.nice(NICENESS)
