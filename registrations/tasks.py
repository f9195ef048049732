from celery import shared_task

from core import clock
from registrations.domain import waitlist


@shared_task(name="registrations.tasks.tend")
def tend() -> None:
    """What time alone brings about in the lines (waitlist.tend)."""
    waitlist.tend(clock.database_now())
