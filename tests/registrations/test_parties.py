"""Waiting together: all of them get a seat or none (docs/rules.md#waiting-list)."""

import pytest
from django.utils import timezone

from programme.models import Event, Session
from registrations.domain import pools, waitlist
from registrations.models import Party, Registration
from tests import make
from tests.registrations.acts import books, cancel, fill, last, member, place, refused, register, status, wait

pytestmark = pytest.mark.django_db


@pytest.fixture
def full():
    session = make.session(seats=3)
    session.holders = fill(session)
    return session


def join(session, who, code):
    return waitlist.join_party(last(session, who), code, actor=who.user, at=timezone.now())


def together(session, *people):
    party = waitlist.start_party(last(session, people[0]), actor=people[0].user)
    for who in people[1:]:
        join(session, who, party.code)
    return party


def leave(session, who):
    waitlist.leave_party(last(session, who), actor=who.user, at=timezone.now())


@pytest.mark.proves("waiting-together")
def test_a_party_gets_its_seats_together(full):
    a, b = wait(full), wait(full)
    together(full, a, b)

    cancel(full, full.holders[0])
    assert (status(full, a), status(full, b)) == ("waiting", "waiting")
    assert make.pool(full).left == 1
    assert books() == []

    cancel(full, full.holders[1])
    assert (status(full, a), status(full, b)) == ("confirmed", "confirmed")
    assert books() == []


@pytest.mark.proves("waiting-together")
def test_a_party_that_does_not_fit_is_passed_over_and_keeps_its_place(full):
    a, b, single = wait(full), wait(full), wait(full)
    together(full, a, b)

    cancel(full, full.holders[0])

    assert (status(full, a), status(full, single)) == ("waiting", "confirmed")
    assert place(full, a) == 2


@pytest.mark.proves("waiting-together")
def test_a_party_stands_where_its_last_member_stands(full):
    a, single, b = wait(full), wait(full), wait(full)
    together(full, a, b)

    assert (place(full, a), place(full, single), place(full, b)) == (3, 2, 3)
    cancel(full, full.holders[0])
    assert status(full, single) == "confirmed"


def test_starting_twice_gives_the_same_code_and_joining_twice_changes_nothing(full):
    a, b = wait(full), wait(full)
    party = waitlist.start_party(last(full, a), actor=a.user)

    assert waitlist.start_party(last(full, a), actor=a.user) == party
    assert join(full, b, f" {party.code.lower()} ") == join(full, b, party.code) == party
    assert last(full, b).history.count() == 2


@pytest.mark.parametrize("code", ["", "ABCDEFGH", "é" * 200, "' OR 1=1"])
def test_a_forged_code_opens_nothing(full, code):
    a, b = wait(full), wait(full)
    waitlist.start_party(last(full, a), actor=a.user)

    refused("unknown_code", join, full, b, code)


def test_the_code_of_another_session_opens_nothing(full):
    other = make.session(seats=1)
    fill(other)
    a, b = wait(other), wait(full)
    party = waitlist.start_party(last(other, a), actor=a.user)

    refused("unknown_code", join, full, b, party.code)


def test_the_code_of_a_party_that_nobody_waits_in_any_more_opens_nothing(full):
    a, b = wait(full), wait(full)
    party = waitlist.start_party(last(full, a), actor=a.user)
    cancel(full, a)

    refused("unknown_code", join, full, b, party.code)


def test_at_most_six_wait_together(full):
    people = [wait(full) for _ in range(7)]
    party = together(full, *people[:6])

    assert "6" in refused("party_full", join, full, people[6], party.code)


def test_only_who_waits_may_wait_together(full):
    a = wait(full)
    party = waitlist.start_party(last(full, a), actor=a.user)
    holder = full.holders[0]

    refused("not_waiting", waitlist.start_party, last(full, holder), actor=holder.user)
    refused("not_waiting", join, full, holder, party.code)


def test_when_one_leaves_the_party_the_others_may_fit(full):
    a, b = wait(full), wait(full)
    together(full, a, b)
    cancel(full, full.holders[0])

    leave(full, b)
    leave(full, b)

    assert (status(full, a), status(full, b)) == ("confirmed", "waiting")
    assert books() == []


def test_when_one_leaves_the_waiting_list_the_others_may_fit(full):
    a, b = wait(full), wait(full)
    together(full, a, b)
    cancel(full, full.holders[0])

    cancel(full, b)

    assert status(full, a) == "confirmed"
    assert books() == []


def test_when_one_joins_another_party_those_left_behind_may_fit(full):
    a, b, c = wait(full), wait(full), wait(full)
    together(full, a, b)
    cancel(full, full.holders[0])
    assert (status(full, a), status(full, b)) == ("waiting", "waiting")
    # c was served: another one waits, and b changes over.
    d = wait(full)
    party = waitlist.start_party(last(full, d), actor=d.user)

    join(full, b, party.code)

    assert status(full, c) == "confirmed"
    assert status(full, a) == "waiting"
    cancel(full, full.holders[1])
    assert status(full, a) == "confirmed"
    assert books() == []


def test_a_seat_that_a_party_could_not_use_alone_is_used_by_who_is_left(full):
    a, b = wait(full), wait(full)
    together(full, a, b)
    cancel(full, full.holders[0])
    d = make.attendee()
    # The one free seat is nobody's yet: d waits with priority over nothing, in a party of their own.
    Registration.objects.create(
        session=full,
        attendee=d,
        status="waiting",
        waiting_at=timezone.now(),
        party=Party.objects.create(session=full, code="TWOOFUS2"),
    )
    e = make.attendee()
    Registration.objects.create(
        session=full, attendee=e, status="waiting", waiting_at=timezone.now(), party=Party.objects.get(code="TWOOFUS2")
    )

    join(full, b, "TWOOFUS2")

    assert status(full, a) == "confirmed"


def test_a_party_with_a_clash_is_passed_over_as_a_whole():
    session = make.session(seats=2, event=make.event(clash_policy=Event.ClashPolicy.REFUSE))
    elsewhere = make.session()
    holders = fill(session)
    a, b = wait(session), wait(session)
    together(session, a, b)
    register(elsewhere, a, despite=True)
    for holder in holders:
        cancel(session, holder)
    assert (status(session, a), status(session, b)) == ("waiting", "waiting")

    cancel(elsewhere, a)

    assert (status(session, a), status(session, b)) == ("confirmed", "confirmed")
    assert books() == []


@pytest.mark.proves("waiting-together")
def test_a_clash_is_not_forgotten_when_the_party_stands_far_apart():
    """The line is read in portions: one of the party stands in the first, the other beyond it."""
    session = make.session(seats=2, event=make.event(clash_policy=Event.ClashPolicy.REFUSE))
    holders = fill(session)
    a, busy = wait(session), [wait(session) for _ in range(25)]
    b = wait(session)
    together(session, a, b)
    elsewhere = make.session()
    for who in (a, *busy):
        register(elsewhere, who, despite=True)

    for holder in holders:
        cancel(session, holder)

    assert (status(session, a), status(session, b)) == ("waiting", "waiting")


def test_a_cohort_is_not_forgotten_when_the_party_stands_far_apart():
    session, cohort = make.session(seats=2), make.cohort()
    pools.allot(session, cohort, 1)
    student = member(cohort)
    register(session, student)
    [holder] = fill(session)
    a = wait(session, member(cohort))
    pairs = [(wait(session), wait(session)) for _ in range(15)]
    b = wait(session)
    together(session, a, b)
    for pair in pairs:  # who wait in twos, and cannot have two general seats
        together(session, *pair)
    cancel(session, student)
    assert status(session, a) == "waiting"

    cancel(session, holder)

    assert (status(session, a), status(session, b)) == ("confirmed", "confirmed")
    assert last(session, a).pool.cohort == cohort
    assert books() == []


def test_a_party_of_a_student_and_a_stranger_takes_a_seat_of_each_kind():
    session, cohort = make.session(seats=2), make.cohort()
    pools.allot(session, cohort, 1)
    student = member(cohort)
    register(session, student)
    [holder] = fill(session)
    a, b = wait(session, member(cohort)), wait(session)
    together(session, a, b)

    cancel(session, student)
    cancel(session, holder)

    assert (last(session, a).pool.cohort, last(session, b).pool.cohort) == (cohort, None)


@pytest.mark.proves("waiting-together")
def test_where_seats_are_offered_each_of_a_party_answers_alone():
    session = make.session(seats=2, waiting_list=Session.WaitingList.OFFER)
    holders = fill(session)
    a, b, c = wait(session), wait(session), wait(session)
    together(session, a, b)
    for holder in holders:
        cancel(session, holder)
    # The first seat was no use to the party: it was offered to c.
    assert [status(session, who) for who in (a, b, c)] == ["waiting", "waiting", "offered"]

    cancel(session, c)

    assert [status(session, who) for who in (a, b)] == ["offered", "offered"]
