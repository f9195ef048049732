"""Who belongs to a cohort: never more people than its size (docs/rules.md#seats)."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts.models import Attendee, User
from core import clock
from programme.models import Session
from registrations.domain import booking, waitlist
from registrations.models import Cohort, Membership, Registration, SeatPool


def add_member(cohort: Cohort, attendee: Attendee, *, actor: User, at: datetime | None = None) -> Membership:
    """Make `attendee` a member of `cohort`; once more changes nothing. Raises ValidationError when the cohort is
    complete.

    Where they wait while a seat of the cohort is free, it is theirs at once.
    """
    with transaction.atomic():
        # One after the other: whoever counts has the cohort's row to themselves (its size moves under the same lock).
        cohort = Cohort.objects.select_for_update(no_key=True).get(pk=cohort.pk)
        membership = Membership.objects.filter(cohort=cohort, attendee=attendee).first()
        if membership:
            return membership
        check_size(cohort, Membership.objects.filter(cohort=cohort).count() + 1)
        membership = Membership(cohort=cohort, attendee=attendee)
        membership._history_user = actor
        membership.save(force_insert=True)
        waits = Registration.objects.filter(
            session=OuterRef("pk"), attendee=attendee, status=Registration.Status.WAITING
        )
        kept = SeatPool.objects.filter(session=OuterRef("pk"), cohort=cohort)
        if sessions := list(
            Session.objects.filter(Exists(waits), Exists(kept)).select_related("event__edition", "room__venue")
        ):
            waitlist.in_turn(sessions, [attendee.pk], lambda: None, at or clock.now())
    return membership


def part_with(cohort: Cohort, attendee: Attendee, *, actor: User | None, at: datetime, ending: str = "") -> int:
    """Take `attendee` out of `cohort` together with what it gave them: the seats that it kept for them, and their
    places in the lines of sessions that are for cohorts alone. Each seat goes to its line. `ending` says why, when it
    is not their own wish. Returns how many seats; once more changes nothing."""
    live = Registration.objects.live().filter(attendee=attendee, session__ends_at__gt=at)
    live = live.select_related("session__event__edition", "session__room__venue").order_by("session_id", "pk")
    others = SeatPool.objects.filter(session=OuterRef("session"), cohort__memberships__attendee=attendee).exclude(
        cohort=cohort
    )
    waits = live.filter(
        status=Registration.Status.WAITING, session__access=Session.Access.COHORT, session__pools__cohort=cohort
    )
    for registration in waits.exclude(Exists(others)):
        booking.cancel(
            registration.session,
            attendee,
            actor=actor,
            at=at,
            ending=Registration.Ending.LEFT_WAITLIST,
            only=registration,
        )
    seats = 0
    # Once, unless what is given up lets a line give them another of the cohort's seats.
    while held := list(live.filter(pool__cohort=cohort)):
        for registration in held:
            booking.cancel(registration.session, attendee, actor=actor, at=at, ending=ending, only=registration)
        seats += len(held)
    remove_member(cohort, attendee, actor=actor, at=at)
    return seats


def remove_member(cohort: Cohort, attendee: Attendee, *, actor: User | None, at: datetime | None = None) -> None:
    """Take `attendee` out of `cohort`; once more changes nothing.

    Raises ValidationError while the person holds one of the cohort's seats in a session that is not over.
    """
    with transaction.atomic():
        # The person's row, as in booking: nobody takes one of the cohort's seats while they leave it.
        Attendee.objects.select_for_update(no_key=True).only("pk").get(pk=attendee.pk)
        membership = Membership.objects.filter(cohort=cohort, attendee=attendee).first()
        if membership is None:
            return
        check_leaves(cohort, attendee, at=at)
        membership._history_user = actor
        membership.delete()


def check_size(cohort: Cohort, people: int) -> None:
    """Raise ValidationError when `cohort` does not hold that many `people`."""
    if people > cohort.size:
        raise ValidationError(
            _("“%(cohort)s” is full: it already has %(size)d people."),
            params={"cohort": cohort, "size": cohort.size},
            code="full",
        )


def check_leaves(cohort: Cohort, attendee: Attendee, *, at: datetime | None = None) -> None:
    """Raise ValidationError while `attendee` holds one of the cohort's seats in a session that is not over."""
    held = Registration.objects.holding().filter(
        attendee=attendee, pool__cohort=cohort, session__ends_at__gt=at or clock.now()
    )
    seat = held.select_related("session").order_by("session__starts_at", "pk").first()
    if seat:
        raise ValidationError(
            _("%(name)s has one of the seats reserved for “%(cohort)s” in “%(session)s”: cancel it first."),
            params={"name": attendee, "cohort": cohort, "session": seat.session},
            code="seated",
        )
