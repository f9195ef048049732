"""Anything that anybody may do about seats, in any order: after every step the books are right.

Hypothesis makes up the order, and shrinks what it finds to a few lines of Python that can be pasted into a test.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import TestCase
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from programme.domain import publication
from programme.models import Duty, Event, Session
from registrations.domain import booking, cohorts, pools, waitlist
from registrations.domain.booking import SeatRefused
from registrations.models import Invitation, Limit, Membership, Party, Registration
from tests import make
from tests.registrations.acts import books, register

pytestmark = pytest.mark.django_db

Access = Session.Access
Mode = Session.WaitingList
Policy = Event.ClashPolicy
PEOPLE = st.integers(0, 7)
SESSIONS = st.integers(0, 8)
ANY = st.integers(0, 100)  # of those there are at the moment
REFUSALS = {
    *(
        "full",
        "clash",
        "limit",
        "stale",
        "reason",
        "public",
        "invitation",
        "cohort",
        "closed",
        "cancelled",
        "over",
        "started",
        "not_yet",
    ),
    *(
        "no_offer",
        "offer_expired",
        "decided",
        "gone",
        "kept_out",
        "not_waiting",
        "unknown_code",
        "party_full",
        "party_drawn",
    ),
}


class Clock:
    """The moment that Django tells everybody: it stands until a step moves it."""

    now = datetime.now(tz=timezone.get_default_timezone())


class Everything(RuleBasedStateMachine):
    """Eight people, nine sessions of each access and mode, most at the same hour, one cohort, one organiser."""

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @initialize()
    def world(self) -> None:
        Clock.now = datetime.now(tz=timezone.get_default_timezone()).replace(minute=0, second=0, microsecond=0)
        refuse, swap, warn = (make.event(clash_policy=policy) for policy in (Policy.REFUSE, Policy.SWAP, Policy.WARN))
        noon = Clock.now + timedelta(days=4)

        def session(seats: int, hours: int = 0, **fields: Any) -> Session:
            return make.session(seats=seats, starts_at=noon + timedelta(hours=hours), minutes=90, **fields)

        self.events = [refuse, swap, warn]
        self.sessions = [
            session(2, event=refuse),
            session(2, event=refuse, hours=1),
            session(2, event=swap, waiting_list=Mode.OFFER, offer_hours=5),
            session(1, event=warn, waiting_list=Mode.BY_HAND),
            session(2, event=swap, waiting_list=Mode.DRAW, draw_at=Clock.now + timedelta(days=1)),
            session(3, event=refuse, hours=30, access=Access.COHORT),
            session(1, event=warn, hours=30, access=Access.APPROVAL),
            session(1, event=swap, hours=30, access=Access.APPROVAL, holds_requests=False),
            session(2, event=warn, hours=31, access=Access.INVITATION),
        ]
        self.people = [make.attendee(f"P{number}") for number in range(8)]
        self.organiser = make.organiser(email=f"organiser{id(self)}@example.org")
        self.cohort = make.cohort(size=5)
        for who in self.people[:3]:
            Membership.objects.create(cohort=self.cohort, attendee=who)
        for who in self.people[2:5]:
            Invitation.objects.create(session=self.sessions[8], email=who.user.email)
        pools.allot(self.sessions[5], self.cohort, 2, release_at=Clock.now + timedelta(days=2))
        pools.allot(self.sessions[0], self.cohort, 1)

    # --- How a step is done -------------------------------------------------------------------------------------------

    def do(self, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What `act` answers, None when it is refused; what it left for after the commit is done."""
        try:
            with TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
                return act(*arguments, **options)
        except SeatRefused as refused:
            if refused.code not in REFUSALS:
                raise
        except ValidationError:
            pass
        return None

    def session(self, number: int) -> Session:
        return Session.objects.select_related("event", "room__venue").get(pk=self.sessions[number].pk)

    def one(self, number: int, **fields: Any) -> Registration | None:
        """One of the registrations with `fields`, the same for the same number."""
        found = list(
            Registration.objects.filter(**fields).select_related("session__event", "attendee__user").order_by("pk")
        )
        return found[number % len(found)] if found else None

    def save(self, session: Session, **fields: Any) -> None:
        def act() -> None:
            for name, value in fields.items():
                setattr(session, name, value)
            session.full_clean()
            session.save()

        self.do(act)

    def tick(self) -> None:
        self.do(waitlist.tend, Clock.now)

    # --- What people do -----------------------------------------------------------------------------------------------

    @rule(person=PEOPLE, session=SESSIONS, waits=st.booleans(), despite=st.booleans())
    def register(self, person: int, session: int, waits: bool, despite: bool) -> None:
        who = self.people[person]
        self.do(register, self.session(session), who, waits=waits, despite=despite, reason="Oui")

    @rule(person=PEOPLE, session=SESSIONS)
    def join(self, person: int, session: int) -> None:
        self.register(person, session, waits=True, despite=True)

    @rule(person=PEOPLE, session=SESSIONS)
    def bring_a_guest(self, person: int, session: int) -> None:
        self.do(register, self.session(session), self.people[person], actor=self.organiser, let_in=True)

    @rule(person=PEOPLE, session=SESSIONS)
    def cancel(self, person: int, session: int) -> None:
        who = self.people[person]
        self.do(booking.cancel, self.session(session), who, actor=who.user)

    @rule(number=ANY)
    def cancel_a_seat(self, number: int) -> None:
        if held := self.one(number, pool__isnull=False):
            self.do(booking.cancel, held.session, held.attendee, actor=held.attendee.user)

    @rule(person=PEOPLE, session=SESSIONS)
    def swap(self, person: int, session: int) -> None:
        who = self.people[person]
        leave = Registration.objects.live().filter(attendee=who).values_list("uuid", flat=True)
        self.do(register, self.session(session), who, leave=leave, waits=True, reason="Oui")

    @rule(number=ANY, despite=st.booleans(), leaves=st.booleans())
    def accept(self, number: int, despite: bool, leaves: bool) -> None:
        if offer := self.one(number, status="offered"):
            who = offer.attendee
            others = (
                Registration.objects.live().filter(attendee=who).exclude(pk=offer.pk).values_list("uuid", flat=True)
            )
            self.do(booking.accept, offer.session, who, actor=who.user, despite=despite, leave=others if leaves else [])

    @rule(person=PEOPLE)
    def leave_everything(self, person: int) -> None:
        self.do(booking.leave_all, self.people[person], actor=self.organiser)

    @rule(number=ANY)
    def start_party(self, number: int) -> None:
        if waiting := self.one(number, status="waiting"):
            self.do(waitlist.start_party, waiting, actor=waiting.attendee.user)

    @rule(number=ANY, party=ANY)
    def join_party(self, number: int, party: int) -> None:
        codes = list(Party.objects.filter(registrations__isnull=False).distinct().order_by("pk"))
        if codes and (waiting := self.one(number, status="waiting", session=codes[party % len(codes)].session)):
            code = codes[party % len(codes)].code
            self.do(waitlist.join_party, waiting, code, actor=waiting.attendee.user, at=Clock.now)

    @rule(number=ANY)
    def leave_party(self, number: int) -> None:
        if waiting := self.one(number, status="waiting", party__isnull=False):
            self.do(waitlist.leave_party, waiting, actor=waiting.attendee.user, at=Clock.now)

    # --- What organisers do -------------------------------------------------------------------------------------------

    @rule(number=ANY, grant=st.booleans())
    def decide(self, number: int, grant: bool) -> None:
        if request := self.one(number, session__access=Access.APPROVAL):
            self.do(booking.decide, request, grant=grant, answer="", actor=self.organiser)

    @rule(number=ANY)
    def give(self, number: int) -> None:
        if waiting := self.one(number, status="waiting"):
            self.do(waitlist.give, waiting, actor=self.organiser, at=Clock.now)

    @rule(number=ANY, priority=st.integers(-1, 2))
    def prefer(self, number: int, priority: int) -> None:
        if waiting := self.one(number, status="waiting"):
            self.do(waitlist.set_priority, waiting, priority, actor=self.organiser)

    @rule(session=SESSIONS, seats=st.integers(0, 3), hours=st.sampled_from([None, 1, 30]))
    def allot(self, session: int, seats: int, hours: int | None) -> None:
        release_at = Clock.now + timedelta(hours=hours) if hours else None
        self.do(pools.allot, self.session(session), self.cohort, seats, release_at=release_at)

    @rule(session=SESSIONS, capacity=st.integers(1, 6))
    def resize(self, session: int, capacity: int) -> None:
        self.save(self.session(session), capacity=capacity)

    @rule(session=SESSIONS, capacity=st.integers(0, 3), how=st.sampled_from(pools.Lowering))
    def lower(self, session: int, capacity: int, how: pools.Lowering) -> None:
        self.do(pools.lower_capacity, self.session(session), capacity, how, actor=self.organiser)

    @rule(session=SESSIONS, hours=st.sampled_from([-30, -1, 1, 30]))
    def move(self, session: int, hours: int) -> None:
        found, by = self.session(session), timedelta(hours=hours)
        self.save(found, starts_at=found.starts_at + by, ends_at=found.ends_at + by)

    @rule(session=SESSIONS, mode=st.sampled_from([Mode.NONE, Mode.AUTOMATIC, Mode.OFFER, Mode.BY_HAND, Mode.DRAW]))
    def change_mode(self, session: int, mode: str) -> None:
        found = self.session(session)
        self.save(found, waiting_list=mode, draw_at=found.draw_at or Clock.now + timedelta(hours=2))

    @rule(
        session=SESSIONS,
        access=st.sampled_from([Access.REGISTRATION, Access.COHORT, Access.APPROVAL, Access.INVITATION]),
    )
    def change_access(self, session: int, access: str) -> None:
        self.save(self.session(session), access=access)

    @rule(session=SESSIONS)
    def cancel_session(self, session: int) -> None:
        self.save(self.session(session), status=Session.Status.CANCELLED)

    @rule(session=SESSIONS)
    def take_place_after_all(self, session: int) -> None:
        self.save(self.session(session), status=Session.Status.PUBLISHED)

    @rule(session=SESSIONS)
    def unpublish(self, session: int) -> None:
        self.do(publication.unpublish, [self.session(session)], self.organiser)

    @rule(person=PEOPLE, enters=st.booleans())
    def change_the_cohort(self, person: int, enters: bool) -> None:
        self.do(
            cohorts.add_member if enters else cohorts.remove_member,
            self.cohort,
            self.people[person],
            actor=self.organiser,
        )

    # What organisers change around a line is seen by the clock, within seconds.

    @rule(person=PEOPLE, session=SESSIONS)
    def change_a_duty(self, person: int, session: int) -> None:
        user = self.people[person].user
        if not Duty.objects.filter(user=user, session=self.sessions[session]).delete()[0]:
            Duty.objects.create(user=user, session=self.sessions[session])
        self.tick()

    @rule(event=st.integers(0, 2), policy=st.sampled_from(Policy))
    def change_a_policy(self, event: int, policy: str) -> None:
        found = Event.objects.get(pk=self.events[event].pk)
        found.clash_policy = policy
        found.save()
        self.tick()

    @rule(event=st.integers(0, 2), at_most=st.integers(0, 2))
    def change_a_limit(self, event: int, at_most: int) -> None:
        Limit.objects.filter(event=self.events[event]).delete()
        if at_most:
            Limit.objects.create(event=self.events[event], at_most=at_most)
        self.tick()

    @rule(person=PEOPLE, session=SESSIONS)
    def invite(self, person: int, session: int) -> None:
        Invitation.objects.get_or_create(session=self.sessions[session], email=self.people[person].user.email)
        self.tick()

    # --- What time does -----------------------------------------------------------------------------------------------

    @precondition(lambda self: Clock.now < max(session.starts_at for session in Session.objects.all()))
    @rule(minutes=st.sampled_from([10, 100, 600, 1500]))
    def pass_time(self, minutes: int) -> None:
        Clock.now += timedelta(minutes=minutes)
        self.tick()

    # --- What is true after every step --------------------------------------------------------------------------------

    @invariant()
    def the_books_are_right(self) -> None:
        if hasattr(self, "people"):
            assert books(Clock.now) == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: Clock.now)


def run(examples: int, steps: int, *, by_chance: bool) -> None:
    """`by_chance`: other orders each time, and what goes wrong is made as short as can be, which takes minutes; else
    the same orders each time, so that a red run can be run again."""
    run_state_machine_as_test(
        Everything,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=not by_chance,
            phases=[Phase.generate, Phase.shrink] if by_chance else [Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.proves("no-lost-seat", "fair-waitlist")
@pytest.mark.slow(8)
def test_whatever_happens_in_whatever_order_the_books_are_right_after_every_step(clock: None) -> None:
    run(examples=12, steps=30, by_chance=False)


@pytest.mark.proves("no-lost-seat", "fair-waitlist")
@pytest.mark.faults
@pytest.mark.runs_once("one act after the other: the short orders are tried on both databases")
def test_whatever_happens_for_long_the_books_are_right_after_every_step(clock: None) -> None:
    """With BY_CHANCE=1 in the environment: twelve times as many orders, and new ones each time."""
    by_chance = os.environ.get("BY_CHANCE") == "1"
    run(examples=300 if by_chance else 25, steps=60, by_chance=by_chance)
