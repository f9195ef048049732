from celery import shared_task

from registrations.domain import announcing, changes, clock, reminders, replays, waitlist


@shared_task(name="registrations.tasks.tend")
def tend() -> None:
    """What time alone brings about in the lines (waitlist.tend)."""
    now = clock.now()
    waitlist.tend(now)
    replays.forget_old(now)


@shared_task(name="registrations.tasks.tell")
def tell() -> None:
    """What people are to be told at its moment: reminders, changes that have settled, announcements; and the seats of those who did
    not say that they still come go to the line."""
    now = clock.now()
    reminders.release_silent(now)
    reminders.remind(now)
    changes.tell_settled(now)
    announcing.send_due(now)
