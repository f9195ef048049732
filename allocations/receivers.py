from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.dispatch import receiver
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Attendee
from allocations.domain import allocation, holding, wishes
from allocations.models import Allocation
from programme.models import Edition, Session
from programme.signals import edition_closing, home_shown, session_saved
from registrations.domain.seats import GivenOut
from registrations.signals import own_programme_shown, wishes_asked

Member = Allocation.sessions.through


@receiver(post_save, sender=Allocation)
def hold_or_free_its_seats(instance: Allocation, created: bool, **kwargs: Any) -> None:
    if not created:  # a new one has no sessions yet
        holding.hold_seats(_sessions_of(instance))


@receiver(m2m_changed, sender=Member)
def hold_what_is_added_and_free_what_is_removed(
    instance: Allocation | Session, action: str, pk_set: set[int] | None, **kwargs: Any
) -> None:
    if action == "pre_clear":
        instance._cleared = _sessions_of(instance)  # type: ignore[union-attr]
    elif action == "post_clear":
        holding.hold_seats(instance._cleared)  # type: ignore[union-attr]
    elif action in ("post_add", "post_remove"):
        holding.hold_seats([instance.pk] if isinstance(instance, Session) else pk_set or ())


@receiver(pre_delete, sender=Allocation)
def remember_what_it_holds(instance: Allocation, **kwargs: Any) -> None:
    instance._cleared = _sessions_of(instance)  # type: ignore[attr-defined]


@receiver(post_delete, sender=Allocation)
def free_what_it_held(instance: Allocation, **kwargs: Any) -> None:
    holding.hold_seats(instance._cleared)  # type: ignore[attr-defined]


@receiver(session_saved)
def hold_the_seats_of_a_session_that_had_none(session: Session, before: dict[str, Any], **kwargs: Any) -> None:
    """A session that was open to all has its pool once all have heard of it."""
    if before and before["access"] != session.access:
        transaction.on_commit(partial(holding.hold_seats, [session.pk]), robust=True)


@receiver(wishes_asked)
def say_which_sessions_are_given_out(sessions: list[Session], **kwargs: Any) -> dict[int, GivenOut]:
    members = Member.objects.filter(session__in=sessions, allocation__in=holding.to_come())
    return {
        member.session_id: GivenOut(
            reverse("allocations:allocation", args=[member.allocation.slug]),
            member.allocation.opens_at,
            member.allocation.closes_at,
        )
        # Of two, the one whose wishes close first.
        for member in members.select_related("allocation").order_by("-allocation__closes_at", "-pk")
    }


@receiver(own_programme_shown)
def show_own_wishes(attendee: Attendee, at: datetime, **kwargs: Any) -> str:
    listed = wishes.listed(attendee, at)
    return render_to_string("allocations/_wishes_link.html", {"allocations": listed}) if listed else ""


@receiver(edition_closing)
def refuse_to_close_an_edition_in_which_people_have_wishes(edition: Edition, at: datetime, **kwargs: Any) -> None:
    allocation.check_nobody_wishes_in(edition, at)


@receiver(home_shown)
def announce_what_takes_wishes(at: datetime, **kwargs: Any) -> str:
    listed = [each for each in wishes.listed(None, at) if each.is_open]
    return render_to_string("allocations/_announced.html", {"allocations": listed}) if listed else ""


def _sessions_of(instance: Allocation | Session) -> list[int]:
    if isinstance(instance, Session):
        return [instance.pk]
    return list(instance.sessions.values_list("pk", flat=True))
