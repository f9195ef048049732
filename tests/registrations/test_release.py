"""Seats kept for a cohort go back to everybody at their moment: once, by the clock or by whoever comes first
(docs/rules.md#cohorts-and-allotments)."""

from datetime import timedelta

import pytest

from programme.models import Session
from registrations.domain import pools, waitlist
from registrations.models import SeatPool
from tests import make
from tests.registrations.acts import books, cancel, fill, line, member, register, status, wait

pytestmark = pytest.mark.django_db


@pytest.fixture
def released():
    """A session of 5 seats, 3 of them kept until a day before it starts; 2 of these are taken, and the others are
    too."""

    class Released:
        session = make.session(seats=5)
        cohort = make.cohort()
        moment = session.starts_at - timedelta(days=1)

    pools.allot(Released.session, Released.cohort, 3, release_at=Released.moment)
    Released.students = [member(Released.cohort) for _ in range(2)]
    for student in Released.students:
        register(Released.session, student)
    Released.others = fill(Released.session)
    return Released


def numbers(released):
    kept = SeatPool.objects.get(session=released.session, cohort=released.cohort)
    general = make.pool(released.session)
    return (kept.seats, kept.taken), (general.seats, general.taken)


def test_before_the_moment_nothing_is_released(released):
    waitlist.tend(released.moment - timedelta(seconds=1))

    assert numbers(released) == ((3, 2), (2, 2))


@pytest.mark.proves("allotment-release")
def test_at_the_moment_what_is_unsold_goes_to_the_general_pool_once(released):
    done = [waitlist.tend(released.moment)["settled"] for _ in range(3)]

    assert done == [1, 0, 0]
    assert numbers(released) == ((2, 2), (3, 2))
    kept = SeatPool.objects.get(cohort=released.cohort)
    assert kept.history.filter(history_change_reason="released").count() == 1
    assert books(released.moment) == []


@pytest.mark.proves("allotment-release")
def test_who_comes_before_the_clock_releases_by_asking(released):
    newcomer = make.attendee()

    registration = register(released.session, newcomer, at=released.moment)

    assert (registration.status, registration.pool.cohort) == ("confirmed", None)
    assert numbers(released) == ((2, 2), (3, 3))
    assert waitlist.tend(released.moment)["settled"] == 0


@pytest.mark.proves("allotment-release")
def test_what_is_released_goes_to_the_waiting_list_before_any_newcomer(released):
    waiting = wait(released.session)

    newcomer = wait(released.session, at=released.moment)

    assert status(released.session, waiting) == "confirmed"
    assert line(released.session) == [newcomer]


def test_a_member_who_waits_gets_a_seat_of_the_cohort_before_it_is_released(released):
    cancel(released.session, released.students[0])
    register(released.session, member(released.cohort))
    register(released.session, member(released.cohort))
    student = wait(released.session, member(released.cohort))
    cancel(released.session, released.students[1], at=released.moment + timedelta(hours=1))

    assert status(released.session, student) == "confirmed"
    assert numbers(released) == ((3, 3), (2, 2))


def test_a_kept_seat_that_is_freed_after_the_moment_goes_to_the_general_waiting_list(released):
    waitlist.tend(released.moment)
    fill(released.session, at=released.moment)
    waiting = wait(released.session, at=released.moment)

    cancel(released.session, released.students[0], at=released.moment + timedelta(hours=1))

    assert status(released.session, waiting) == "confirmed"
    assert numbers(released) == ((1, 1), (4, 4))


def test_nothing_is_released_in_a_session_that_is_cancelled_or_has_started(released):
    waitlist.tend(released.session.starts_at)
    assert numbers(released)[0] == (3, 2)

    Session.objects.filter(pk=released.session.pk).update(status=Session.Status.CANCELLED)
    waitlist.tend(released.moment)
    assert numbers(released)[0] == (3, 2)


def test_an_allotment_made_after_its_moment_is_released_at_once(released):
    waitlist.tend(released.moment)
    cohort = make.cohort()

    pools.allot(released.session, cohort, 1, release_at=released.moment, at=released.moment)

    assert SeatPool.objects.get(cohort=cohort).seats == 0
    assert make.pool(released.session).seats == 3
