from celery import shared_task

from accounts.domain import access_needs
from core import clock


@shared_task(name="accounts.tasks.forget_access_needs")
def forget_access_needs() -> None:
    """Delete what people needed in order to come, once its last day is over."""
    access_needs.forget_old(clock.now())
