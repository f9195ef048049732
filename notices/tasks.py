import logging

from celery import shared_task

from core import clock
from notices.domain import announcing, changes, reminders

log = logging.getLogger(__name__)


@shared_task(name="notices.tasks.tell")
def tell() -> None:
    """What people are to be told at its moment: reminders, changes that have settled, announcements; and the seats of
    those who did not say that they still come go to the waiting list."""
    now = clock.database_now()
    for step in (reminders.release_silent, reminders.remind, changes.tell_settled, announcing.send_due):
        try:
            step(now)
        except Exception:
            # One row that cannot be read silences its own kind alone, and is tried again at the next tick.
            log.exception("What is due could not be told: %s", step.__name__)
