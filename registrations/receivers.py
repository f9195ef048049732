from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from programme.models import Session
from programme.signals import session_checked, session_moved, session_saved, session_withdrawn
from registrations.domain import pools, waitlist


@receiver(session_checked)
def refuse_a_capacity_below_what_is_taken(session: Session, **kwargs: Any) -> None:
    pools.check_capacity(session)


@receiver(session_saved)
def keep_seats_in_step(session: Session, before: dict[str, Any], **kwargs: Any) -> None:
    """More seats go to the line at once; a session that is cancelled empties, one that moves may let others in."""
    now = timezone.now()
    cancelled = session.status == Session.Status.CANCELLED
    if cancelled and before.get("status") != Session.Status.CANCELLED:
        pools.empty(session, getattr(session, "_history_user", None), now)
    elif before.get("status") == Session.Status.CANCELLED and not cancelled:
        pools.reopen(session)
    if not cancelled:
        pools.fit_general_pool(session, now)


@receiver(session_moved)
def look_at_the_lines_again(session: Session, **kwargs: Any) -> None:
    waitlist.settle_all(timezone.now())


@receiver(session_withdrawn)
def refuse_to_hide_a_session_from_those_who_come(session: Session, **kwargs: Any) -> None:
    pools.check_nobody_comes(session)
