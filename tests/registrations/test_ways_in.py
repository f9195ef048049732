"""Who may take a seat, from which pool, and in one sentence why not (docs/rules.md#access)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.templatetags.when import moment
from programme.models import Session
from registrations.domain import booking, cohorts, pools, waitlist, ways_in
from registrations.models import Invitation, Limit, Registration
from tests import make
from tests.registrations.acts import books, cancel, fill, line, member, refused, register, status, wait

pytestmark = pytest.mark.django_db

Access = Session.Access


def pool_of(session, who):
    return Registration.objects.live().get(session=session, attendee=who).pool


# --- Registration and its hours ---------------------------------------------------------------------------------------


@pytest.mark.proves("registration-hours")
def test_registration_opens_and_closes_at_its_moments_and_the_sentence_says_when():
    session = make.session()
    opens, closes = session.starts_at - timedelta(days=3), session.starts_at - timedelta(days=1)
    session.registration_opens_at, session.registration_closes_at = opens, closes
    session.save()
    early, late = make.attendee(), make.attendee()

    too_early = refused("not_yet", register, session, early, at=opens - timedelta(seconds=1))
    too_late = refused("closed", register, session, late, at=closes)

    assert moment(opens, session.zone) in too_early
    assert moment(closes, session.zone) in too_late
    assert register(session, early, at=opens).status == "confirmed"
    assert register(session, late, at=closes - timedelta(seconds=1)).status == "confirmed"


@pytest.mark.proves("registration-hours")
def test_the_hours_of_registration_bind_neither_the_waiting_list_nor_the_organisers():
    session = make.session(seats=1)
    closes = session.starts_at - timedelta(days=1)
    [holder] = fill(session)
    waiting = wait(session)
    Session.objects.filter(pk=session.pk).update(registration_closes_at=closes)
    session.refresh_from_db()

    cancel(session, holder, at=closes + timedelta(hours=1))

    assert status(session, waiting) == "confirmed"
    session.capacity = 2
    session.save()
    guest = make.attendee()
    assert register(session, guest, let_in=True, at=closes + timedelta(hours=2)).status == "confirmed"


@pytest.mark.proves("organisers-let-in")
def test_nobody_enters_a_session_that_has_started_not_even_the_organisers_guest():
    session = make.session()

    refused("started", register, session, make.attendee(), at=session.starts_at)
    refused("started", register, session, make.attendee(), let_in=True, at=session.starts_at)
    refused("over", register, session, make.attendee(), let_in=True, at=session.ends_at)


# --- Invitations ------------------------------------------------------------------------------------------------------


@pytest.mark.proves("access-in-words")
def test_an_invitation_is_personal():
    session, ada, grace = (
        make.session(access=Access.INVITATION),
        make.attendee(email="ada@example.org"),
        make.attendee(),
    )
    Invitation.objects.create(session=session, email="Ada@Example.org")

    assert register(session, ada).status == "confirmed"
    refused("invitation", register, session, grace)


@pytest.mark.proves("cohort-seats-by-invitation")
def test_a_cohort_has_its_own_seats_in_a_session_by_invitation_and_no_others():
    session, cohort = make.session(seats=2, access=Access.INVITATION), make.cohort()
    pools.allot(session, cohort, 1)
    first, second = member(cohort), member(cohort)

    assert register(session, first).pool.cohort == cohort
    refused("full", register, session, second)  # one seat is free, for those who are invited

    Invitation.objects.create(session=session, email=second.user.email)
    assert register(session, second).pool.cohort is None


@pytest.mark.proves("cohort-seats-by-invitation")
def test_a_seat_freed_in_a_session_by_invitation_goes_to_no_member_who_is_not_invited():
    session, cohort = make.session(seats=2, access=Access.INVITATION), make.cohort()
    pools.allot(session, cohort, 1)
    guest, student = make.attendee(), member(cohort)
    Invitation.objects.create(session=session, email=guest.user.email)
    register(session, guest)
    register(session, student)
    other_student = wait(session, member(cohort))

    cancel(session, guest)
    assert status(session, other_student) == "waiting"

    cancel(session, student)
    assert status(session, other_student) == "confirmed"
    assert books() == []


# --- Cohorts ----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("cohort-allotment")
def test_a_member_takes_a_seat_of_the_cohort_first_then_a_general_one():
    session, cohort = make.session(seats=2), make.cohort()
    pools.allot(session, cohort, 1)
    first, second, third = member(cohort), member(cohort), member(cohort)

    assert register(session, first).pool.cohort == cohort
    assert register(session, second).pool.cohort is None
    refused("full", register, session, third)


@pytest.mark.proves("cohort-allotment")
def test_seats_are_kept_for_a_cohort_before_anybody_belongs_to_it():
    """Named-later seats: an allotment counts before its people are known."""
    session, cohort = make.session(seats=2), make.cohort()
    pools.allot(session, cohort, 1)
    register(session, make.attendee())

    refused("full", register, session, make.attendee())
    assert register(session, member(cohort)).pool.cohort == cohort


@pytest.mark.proves("cohort-allotment")
def test_a_cohort_that_comes_for_some_hours_has_seats_in_those_hours_only():
    session = make.session()
    begins, ends = session.starts_at - timedelta(hours=1), session.starts_at + timedelta(minutes=1)
    present = make.cohort(starts_at=begins, ends_at=ends)
    gone = make.cohort(starts_at=begins, ends_at=ends)
    pools.allot(session, present, 1)
    pools.allot(session, gone, 1)
    gone.ends_at = session.starts_at
    gone.save()

    assert register(session, member(present)).pool.cohort == present
    assert register(session, member(gone)).pool.cohort is None


@pytest.mark.proves("cohort-only-session")
def test_a_cohort_session_is_closed_to_everybody_else():
    session, cohort = make.session(seats=10, access=Access.COHORT), make.cohort()
    pools.allot(session, cohort, 1)

    sentence = refused("cohort", register, session, make.attendee())

    assert sentence.endswith(".")
    assert register(session, member(cohort)).pool.cohort == cohort


@pytest.mark.proves("cohort-only-session")
def test_the_other_seats_of_a_cohort_session_open_to_members_once_their_own_are_released():
    session, cohort = make.session(seats=10, access=Access.COHORT), make.cohort()
    release = session.starts_at - timedelta(days=1)
    pools.allot(session, cohort, 1, release_at=release)
    register(session, member(cohort))
    second = member(cohort)

    refused("full", register, session, second, at=release - timedelta(seconds=1))

    assert register(session, second, at=release).pool.cohort is None
    refused("cohort", register, session, make.attendee(), at=release)


def test_somebody_in_two_cohorts_may_use_the_seats_of_both():
    session, one, two = make.session(seats=2, access=Access.COHORT), make.cohort(), make.cohort()
    pools.allot(session, one, 1)
    pools.allot(session, two, 1)
    register(session, member(one))

    assert register(session, member(two, member(one))).pool.cohort == two


def test_a_guest_of_the_organisers_takes_a_general_seat_of_a_cohort_session():
    session, cohort = make.session(seats=2, access=Access.COHORT), make.cohort()
    pools.allot(session, cohort, 1)

    assert register(session, make.attendee(), let_in=True).pool.cohort is None
    refused("full", register, session, make.attendee(), let_in=True)


def test_an_allotment_that_came_while_somebody_asked_is_not_overlooked():
    session, cohort = make.session(seats=1), make.cohort()
    who = member(cohort)
    [holder] = fill(session)
    read_before = list(booking.ways_in.pools_for(who).filter(session=session))
    cancel(session, holder)
    pools.allot(session, cohort, 1)

    registration = register(session, who, pools=read_before, waits=True)

    assert registration.pool and registration.pool.cohort == cohort
    assert books() == []


@pytest.mark.proves("cohort-allotment")
def test_who_becomes_a_member_while_waiting_gets_a_free_seat_of_the_cohort_at_once():
    session, cohort = make.session(seats=2), make.cohort()
    pools.allot(session, cohort, 1)
    fill(session)
    stranger, student = wait(session), wait(session)

    cohorts.add_member(cohort, student, actor=make.organiser())

    assert (status(session, stranger), status(session, student)) == ("waiting", "confirmed")
    assert books() == []


# --- By hand ----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("waitlist-by-hand")
def test_where_organisers_choose_a_free_seat_is_not_for_newcomers_but_for_whom_they_choose():
    session = make.session(seats=1, waiting_list=Session.WaitingList.BY_HAND)
    [holder] = fill(session)
    first, second = wait(session), wait(session)
    cancel(session, holder)

    newcomer = wait(session)

    assert line(session) == [first, second, newcomer]
    waitlist.give(Registration.objects.get(session=session, attendee=second), actor=make.organiser(), at=timezone.now())
    assert (status(session, first), status(session, second)) == ("waiting", "confirmed")


def test_where_organisers_choose_they_may_also_choose_a_guest_who_does_not_wait():
    session = make.session(seats=1, waiting_list=Session.WaitingList.BY_HAND)
    [holder] = fill(session)
    wait(session)
    cancel(session, holder)

    assert register(session, make.attendee(), let_in=True).status == "confirmed"


# --- Limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("seat-limit")
def test_a_limit_counts_seats_of_its_event_and_format_and_the_sentence_says_the_number():
    event = make.event()
    Limit.objects.create(event=event, kind=Session.Kind.WORKSHOP, at_most=2)
    workshops = [make.session(event=event, kind=Session.Kind.WORKSHOP) for _ in range(3)]
    talk = make.session(event=event, kind=Session.Kind.KEYNOTE)
    elsewhere = make.session(kind=Session.Kind.WORKSHOP)
    ada = make.attendee()
    for session in workshops[:2]:
        register(session, ada, despite=True)

    sentence = refused("limit", register, workshops[2], ada, despite=True)

    assert "2" in sentence
    assert register(talk, ada, despite=True).status == "confirmed"
    assert register(elsewhere, ada, despite=True).status == "confirmed"
    cancel(workshops[0], ada)
    assert register(workshops[2], ada, despite=True).status == "confirmed"


@pytest.mark.proves("seat-limit")
def test_requests_and_offers_count_in_a_limit_and_waiting_places_do_not():
    event = make.event()
    Limit.objects.create(event=event, at_most=1)
    full, other = make.session(event=event, seats=1), make.session(event=event)
    on_request = make.session(event=event, access=Access.APPROVAL)
    fill(full)
    ada = wait(full)

    assert register(on_request, ada, reason="Je viens de loin", despite=True).status == "pending"
    refused("limit", register, other, ada, despite=True)


@pytest.mark.proves("seat-limit")
def test_a_limit_binds_the_organisers_guest_too():
    event = make.event()
    Limit.objects.create(event=event, at_most=1)
    ada = make.attendee()
    register(make.session(event=event), ada)

    refused("limit", register, make.session(event=event), ada, let_in=True)


@pytest.mark.proves("cohort-allotment")
def test_somebody_who_left_the_cohort_while_asking_gets_none_of_its_seats():
    """The pools are read before the person is locked: what they said of the cohort is asked again."""
    session, cohort = make.session(seats=10), make.cohort()
    ada = member(cohort)
    pools.allot(session, cohort, 5)
    seen = list(ways_in.pools_for(ada).filter(session=session))
    cohort.memberships.all().delete()

    assert "cohorte" in refused("stale", register, session, ada, pools=seen)

    assert pool_of(session, register(session, ada).attendee).cohort is None
