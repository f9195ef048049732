from celery import shared_task

from core import clock
from registrations.domain import idempotency, waitlist


@shared_task(name="registrations.tasks.tend")
def tend() -> None:
    """What time alone brings about in the lines (waitlist.tend)."""
    now = clock.database_now()
    waitlist.tend(now)
    idempotency.forget_old(now)
