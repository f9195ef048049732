from celery import shared_task

from core import clock
from programme.domain import retention


@shared_task(name="programme.tasks.delete_what_was_promised_in_hours")
def delete_what_was_promised_in_hours() -> None:
    """Delete data about people that were to be kept for hours."""
    retention.run(clock.now(), hourly=True)


@shared_task(name="programme.tasks.delete_what_is_old")
def delete_what_is_old() -> None:
    """Delete data about people that were to be kept for days."""
    retention.run(clock.now(), hourly=False)
