from celery import shared_task

from core import clock
from registrations.domain import replays, waitlist


@shared_task(name="registrations.tasks.tend")
def tend() -> None:
    """What time alone brings about in the lines (waitlist.tend)."""
    now = clock.database_now()
    waitlist.tend(now)
    replays.forget_old(now)
