"""What people do about seats, one word each, and how things stand afterwards."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Attendee, User
from core import clock
from outbox.models import Message
from programme.models import Session
from registrations.domain import booking, invariants, waitlist
from registrations.domain.booking import SeatRefused
from registrations.models import Cohort, Membership, Registration, SeatPool
from tests import make


def register(
    session: Session, who: Attendee, *, actor: User | None = None, pools: list[SeatPool] | None = None, **options: Any
) -> Registration:
    return booking.register(booking.Ask(session, who, actor=actor or who.user, **options), pools=pools)


def wait(session: Session, who: Attendee | None = None, **options: Any) -> Attendee:
    """Stand in line for a full session, whatever else one does meanwhile."""
    who = who or make.attendee()
    registration = register(session, who, waits=True, despite=True, **options)
    assert registration.status == "waiting", registration.status
    return who


def cancel(session: Session, who: Attendee, **options: Any) -> Registration | None:
    return booking.cancel(session, who, actor=who.user, **options)


def fill(session: Session, at: datetime | None = None) -> list[Attendee]:
    """Take all free seats of the general pool, each by somebody else."""
    people = [make.attendee() for _ in range(make.pool(session).left)]
    for who in people:
        register(session, who, despite=True, at=at or clock.now())
    return people


def refused(code: str, act: Any, *arguments: Any, **options: Any) -> str:
    """The sentence with which `act` is refused; `code` is the case it must be, and nothing may have changed."""
    before = list(Registration.objects.order_by("pk").values()), Registration.history.count(), Message.objects.count()
    with pytest.raises(SeatRefused) as refusal:
        act(*arguments, **options)
    assert refusal.value.code == code, f"{refusal.value.code}: {refusal.value}"
    assert before == (
        list(Registration.objects.order_by("pk").values()),
        Registration.history.count(),
        Message.objects.count(),
    )
    return str(refusal.value)


def status(session: Session, who: Attendee) -> str:
    """What `who` has in `session` now, "" when nothing."""
    return (
        Registration.objects.live().filter(session=session, attendee=who).values_list("status", flat=True).first() or ""
    )


def last(session: Session, who: Attendee) -> Registration:
    """The newest registration of `who` in `session`, live or ended."""
    return Registration.objects.filter(session=session, attendee=who).latest("id")


def line(session: Session) -> list[Attendee]:
    """Those who wait, the next one first."""
    return [registration.attendee for registration in Registration.objects.waiting().filter(session=session)]


def place(session: Session, who: Attendee) -> int | None:
    registration = last(session, who)
    return waitlist.places([registration]).get(registration.pk)


def member(cohort: Cohort, who: Attendee | None = None) -> Attendee:
    who = who or make.attendee()
    Membership.objects.create(cohort=cohort, attendee=who)
    return who


def mails(who: Attendee) -> list[str]:
    """What `who` was written about seats, in order."""
    kinds = Message.objects.filter(to=who.user.email).order_by("id").values_list("kind", flat=True)
    return [kind.partition(".")[2] for kind in kinds]


def eve(session: Session) -> datetime:
    """A minute past 18:00 on the day before `session`, by the clocks there, when `make.reminder()` is due."""
    return datetime.combine(session.day - timedelta(days=1), time(18, 1), session.zone)


def books(at: datetime | None = None) -> list[Any]:
    """What is wrong in the books: nothing, after everything."""
    breaches = invariants.check(at or timezone.now())["breaches"]
    assert isinstance(breaches, list)
    return breaches
