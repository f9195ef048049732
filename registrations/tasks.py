from celery import shared_task
from django.utils import timezone

from registrations.domain import replays, waitlist


@shared_task(name="registrations.tasks.tend")
def tend() -> None:
    """What time alone brings about in the lines (waitlist.tend)."""
    now = timezone.now()
    waitlist.tend(now)
    replays.forget_old(now)
