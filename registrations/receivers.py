from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import User
from accounts.signals import address_changed
from core import clock
from core.effects import Watch, warnings_asked, watching
from programme.domain.next_edition import Copy, Counted
from programme.models import Edition, Session
from programme.signals import (
    edition_closing,
    edition_copied,
    edition_copy_asked,
    edition_moved,
    session_checked,
    session_moved,
    session_saved,
    session_withdrawn,
)
from registrations.domain import clashes, next_edition, pools, waitlist, ways_in
from venues.models import TravelTime, Venue
from venues.signals import ways_changed


@receiver(session_checked)
def refuse_a_capacity_below_what_is_taken(session: Session, **kwargs: Any) -> None:
    pools.check_capacity(session)


@receiver(session_saved)
def keep_seats_in_step(session: Session, before: dict[str, Any], **kwargs: Any) -> None:
    """More seats, or a wider way in, go to the waiting list at once; a session that is cancelled empties; a draft lets
    nobody in."""
    now = clock.now()
    was, is_now = before.get("status"), session.status
    if is_now == Session.Status.CANCELLED and was != is_now:
        pools.empty(session, getattr(session, "_history_user", None), now)
        look_at_the_waitlists_again(session)  # those of its speakers, who had no seat to give up
    elif is_now == Session.Status.DRAFT and was == Session.Status.PUBLISHED:
        pools.withdraw(session)
    elif is_now == Session.Status.PUBLISHED and before and was != is_now:
        pools.reopen(session)
    changed = {name for name in ("access", "waiting_list") if before and before[name] != getattr(session, name)}
    pools.fit_general_pool(session, now, serves_waitlist=bool(changed))


@receiver(session_moved)
def look_at_the_waitlists_again(session: Session, **kwargs: Any) -> None:
    """Whom the session was in the way of may get a seat elsewhere. After the commit, so that each line has its locks
    for itself; were it to fail, the clock looks again within seconds."""
    transaction.on_commit(lambda: waitlist.settle_all(clock.now()), robust=True)


@receiver(session_withdrawn)
def refuse_to_hide_a_session_from_those_who_come(session: Session, **kwargs: Any) -> None:
    pools.check_nobody_comes(session)


@receiver(edition_closing)
def refuse_to_close_an_edition_to_which_people_come(edition: Edition, at: datetime, **kwargs: Any) -> None:
    pools.check_nobody_comes_to(edition, at)


@receiver(address_changed)
def let_invitations_follow(user: User, old: str, **kwargs: Any) -> None:
    ways_in.move_invitations(user, old)


@receiver(edition_moved)
def open_or_close_its_pools(edition: Edition, **kwargs: Any) -> None:
    pools.follow(edition)


@receiver(edition_copy_asked)
def say_what_seats_a_copy_begins_with(edition: Edition, **kwargs: Any) -> list[Counted]:
    return next_edition.counted(edition)


@receiver(edition_copied)
def copy_its_limits_cohorts_and_pools(copy: Copy, **kwargs: Any) -> None:
    next_edition.copy_seats(copy)


@receiver([post_save, post_delete], sender=TravelTime)
def touch_a_way(instance: TravelTime, **kwargs: Any) -> None:
    if watch := watching():
        watch.touched["way"] |= {instance.origin_id, instance.destination_id}


@receiver(ways_changed)
def touch_the_ways_of_the_venue(venue: Venue, **kwargs: Any) -> None:
    if watch := watching():
        watch.touched["way"].add(venue.pk)


@receiver(warnings_asked)
def say_who_would_be_late(watch: Watch, **kwargs: Any) -> list[str]:
    """Nobody is written to for it: the organisers know what it means."""
    touched = watch.touched["way"]
    return [late.sentence() for late in clashes.late_between(touched, clock.now())] if touched else []
