import uuid

from celery import shared_task
from django.utils import timezone

from outbox.domain import delivery
from outbox.models import Heartbeat


@shared_task(name="outbox.tasks.deliver")
def deliver(message_uuid: str) -> None:
    delivery.deliver(uuid.UUID(message_uuid))


@shared_task(name="outbox.tasks.sweep")
def sweep() -> None:
    """Deliver what is due, and leave a sign of life for /readyz."""
    Heartbeat.objects.update_or_create(name="sweep", defaults={"seen_at": timezone.now()})
    delivery.deliver_due()
