"""More seats, fewer seats, and sessions that move or do not take place (docs/rules.md#capacity)."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from programme.domain import publication
from programme.models import Session
from registrations.domain import booking, clashes, pools, waitlist, ways_in
from registrations.domain.pools import Lowering
from registrations.models import Registration, SeatPool
from tests import make
from tests.registrations.acts import books, cancel, fill, last, line, mails, member, refused, register, status, wait
from venues.domain.travel import Travel

pytestmark = pytest.mark.django_db


@pytest.fixture
def organiser():
    return make.organiser()


@pytest.fixture
def full():
    session = make.session(seats=4)
    session.holders = fill(session)
    return session


def lower(session, capacity, how, actor, **options):
    return pools.lower_capacity(session, capacity, how, actor=actor, **options)


def raise_to(session, capacity):
    session.refresh_from_db()
    session.capacity = capacity
    session.save()


# --- More seats -------------------------------------------------------------------------------------------------------


@pytest.mark.proves("capacity-change")
def test_more_seats_go_to_the_waiting_list_at_once(full):
    people = [wait(full) for _ in range(3)]

    raise_to(full, 6)

    assert [status(full, who) for who in people] == ["confirmed", "confirmed", "waiting"]
    assert books() == []


def test_seats_that_a_cohort_gives_back_go_to_the_waiting_list_at_once():
    session, cohort = make.session(seats=3), make.cohort()
    pools.allot(session, cohort, 2)
    fill(session)
    people = [wait(session) for _ in range(3)]

    pools.allot(session, cohort, 1)
    assert [status(session, who) for who in people] == ["confirmed", "waiting", "waiting"]

    pools.allot(session, cohort, 0)
    assert [status(session, who) for who in people] == ["confirmed", "confirmed", "waiting"]
    assert books() == []


def test_seats_kept_for_a_cohort_go_to_its_members_on_the_waiting_list_at_once():
    session, cohort = make.session(seats=2, access=Session.Access.COHORT), make.cohort()
    pools.allot(session, cohort, 1)
    register(session, member(cohort))
    waiting = wait(session, member(cohort))

    pools.allot(session, cohort, 2)

    assert status(session, waiting) == "confirmed"


# --- Fewer seats ------------------------------------------------------------------------------------------------------


@pytest.mark.proves("capacity-change")
def test_a_capacity_below_what_is_taken_is_refused_with_the_choice(full):
    full.capacity = 3

    with pytest.raises(ValidationError):
        full.full_clean()
    assert pools.above(full, 3) == 1
    assert [registration.attendee for registration in pools.last_come(full, 2)] == full.holders[:1:-1]


@pytest.mark.proves("capacity-change")
def test_keep_keeps_everybody_and_lowers_to_what_is_taken(full, organiser):
    raise_to(full, 10)

    session = lower(full, 2, Lowering.KEEP, organiser)

    assert (session.capacity, make.pool(full).seats, make.pool(full).taken) == (4, 4, 4)
    assert session.history.first().history_user == organiser
    assert books() == []


def test_keep_still_serves_the_waiting_list_with_what_is_freed(full, organiser):
    lower(full, 2, Lowering.KEEP, organiser)
    waiting = wait(full)

    cancel(full, full.holders[0])

    assert status(full, waiting) == "confirmed"


@pytest.mark.proves("capacity-change")
def test_close_keeps_everybody_lets_nobody_in_and_gives_no_freed_seat_away(full, organiser):
    waiting = wait(full)

    session = lower(full, 2, Lowering.CLOSE, organiser)
    cancel(session, full.holders[0])

    assert status(session, waiting) == "waiting"
    refused("closed", register, session, make.attendee(), waits=True)
    assert [status(session, who) for who in full.holders[1:]] == ["confirmed"] * 3
    assert books() == []


def test_close_means_closed_though_registration_was_yet_to_open(full, organiser):
    opens = full.starts_at - timedelta(days=1)
    Session.objects.filter(pk=full.pk).update(registration_opens_at=opens)
    full.refresh_from_db()

    session = lower(full, 2, Lowering.CLOSE, organiser)

    for moment in (timezone.now(), opens, opens + timedelta(microseconds=1), opens + timedelta(hours=1)):
        assert ways_in.closed(session, moment), moment
    session.full_clean()


@pytest.mark.proves("capacity-change")
def test_move_moves_those_who_came_last_to_the_head_of_the_waiting_list_and_tells_exactly_them(full, organiser):
    waiting = wait(full)

    session = lower(full, 2, Lowering.MOVE, organiser)

    assert [status(full, who) for who in full.holders] == ["confirmed", "confirmed", "waiting", "waiting"]
    assert line(full) == [full.holders[2], full.holders[3], waiting]
    assert (session.capacity, make.pool(full).seats, make.pool(full).taken) == (2, 2, 2)
    assert [mails(who) for who in full.holders] == [["confirmed"]] * 2 + [["confirmed", "moved_to_waitlist"]] * 2
    assert mails(waiting) == ["waiting"]
    assert books() == []


def test_move_moves_those_who_are_named(full, organiser):
    named = [last(full, full.holders[0])]

    lower(full, 3, Lowering.MOVE, organiser, moved=named)

    assert [status(full, who) for who in full.holders] == ["waiting", "confirmed", "confirmed", "confirmed"]


def test_move_refuses_a_wrong_number_of_names_and_names_of_others(full, organiser):
    other = make.registration()
    for moved in ([], [last(full, full.holders[0])] * 2, [other], [last(full, who) for who in full.holders[:3]]):
        with pytest.raises(ValidationError):
            lower(full, 2, Lowering.MOVE, organiser, moved=moved)

    assert make.pool(full).taken == 4
    assert Session.objects.get(pk=full.pk).capacity == 4


@pytest.mark.proves("capacity-change")
def test_whoever_was_moved_is_the_first_to_come_back_and_is_told_each_time(full, organiser):
    waiting, unlucky = wait(full), full.holders[3]

    for times in (1, 2):
        lower(full, 3, Lowering.MOVE, organiser)
        assert status(full, unlucky) == "waiting"
        raise_to(full, 4)
        assert status(full, unlucky) == "confirmed"
        assert mails(unlucky) == ["confirmed", *["moved_to_waitlist", "confirmed"] * times]
    assert status(full, waiting) == "waiting"
    assert books() == []


def test_move_makes_a_waiting_list_where_there_was_none(full, organiser):
    Session.objects.filter(pk=full.pk).update(waiting_list=Session.WaitingList.NONE)

    session = lower(full, 3, Lowering.MOVE, organiser)

    assert session.waiting_list == "automatic"
    cancel(session, full.holders[0])
    assert status(full, full.holders[3]) == "confirmed"


def test_what_is_kept_for_cohorts_is_not_taken_by_lowering(full, organiser):
    raise_to(full, 6)
    pools.allot(full, make.cohort(), 2)

    session = lower(full, 5, Lowering.KEEP, organiser)
    assert (session.capacity, make.pool(full).seats) == (6, 4)

    session = lower(full, 5, Lowering.MOVE, organiser)
    assert (session.capacity, make.pool(full).seats, make.pool(full).taken) == (5, 3, 3)
    with pytest.raises(ValidationError):
        lower(full, 1, Lowering.MOVE, organiser)  # less than what is kept


@pytest.mark.parametrize("capacity", [0, -1, 5])
def test_lowering_to_nothing_or_to_more_is_refused(full, organiser, capacity):
    for how in Lowering:
        with pytest.raises(ValidationError):
            lower(full, capacity, how, organiser)

    assert Session.objects.get(pk=full.pk).capacity == 4


def test_who_leaves_a_seat_by_being_moved_may_get_one_elsewhere(organiser):
    event = make.event(clash_policy="refuse")
    session, other = make.session(seats=1, event=event), make.session(seats=2)
    [holder] = fill(session)
    ada = wait(session)
    fill_one = make.attendee()
    register(other, fill_one)
    register(other, ada, despite=True)
    cancel(session, holder)
    assert status(session, ada) == "waiting"

    lower(other, 1, Lowering.MOVE, organiser)

    assert (status(other, ada), status(session, ada)) == ("waiting", "confirmed")
    assert books() == []


@pytest.mark.proves("cancelled-session-empty")
def test_whoever_would_have_spoken_in_a_cancelled_session_gets_the_seat_that_waits_elsewhere(
    django_capture_on_commit_callbacks,
):
    """What kept the speaker out is no registration: the waiting list is looked at after the commit, not by the
    clock."""
    event = make.event(clash_policy="refuse")
    session, speech = make.session(seats=1, event=event), make.session(event=event)
    [holder] = fill(session)
    ada = wait(session)
    make.participation(session=speech, speaker=make.speaker(user=ada.user))
    cancel(session, holder)
    assert status(session, ada) == "waiting"

    with django_capture_on_commit_callbacks(execute=True):
        publication.cancel([speech], make.organiser())

    assert status(session, ada) == "confirmed"
    assert books() == []


# --- Allotments -------------------------------------------------------------------------------------------------------


def test_an_allotment_is_judged_by_the_capacity_as_it_is_not_as_it_was_read(full):
    """Somebody else lowered the capacity while the form was open."""
    stale = Session.objects.get(pk=full.pk)
    raise_to(stale, 20)
    raise_to(full, 5)

    with pytest.raises(ValidationError, match="1"):
        pools.allot(stale, make.cohort(), 10)

    assert make.pool(full).seats == 5


@pytest.mark.proves("no-double-allotment")
def test_an_allotment_can_only_grow_by_what_is_left_and_shrink_to_what_is_taken():
    session, cohort = make.session(seats=10), make.cohort()
    pools.allot(session, cohort, 4)
    register(session, member(cohort))
    fill(session)

    for seats in (5, 0):
        with pytest.raises(ValidationError):
            pools.allot(session, cohort, seats)
    assert pools.allot(session, cohort, 1).seats == 1
    assert make.pool(session).seats == 9


# --- Cancelled --------------------------------------------------------------------------------------------------------


def cancel_session(session):
    session.refresh_from_db()
    session.status = Session.Status.CANCELLED
    session.save()


@pytest.mark.proves("cancelled-session-empty")
def test_a_cancelled_session_has_nobody_each_is_told_once_and_nobody_comes_in(full):
    waiting = wait(full)

    for _ in range(2):
        cancel_session(full)

    assert not Registration.objects.live().filter(session=full).exists()
    assert {last(full, who).ending for who in [*full.holders, waiting]} == {"session_cancelled"}
    assert mails(full.holders[0]) == ["confirmed", "cancelled"]
    assert mails(waiting) == ["waiting", "cancelled"]
    stale = Session.objects.get(pk=full.pk)
    stale.status = Session.Status.PUBLISHED  # as somebody read it a moment before
    refused("cancelled", register, stale, make.attendee())
    refused("cancelled", register, stale, make.attendee(), let_in=True)
    assert books() == []


def test_a_cancelled_session_keeps_its_numbers_in_step_for_the_case_that_it_takes_place(full):
    cancel_session(full)
    raise_to(full, 6)
    pools.allot(full, make.cohort(), 2)
    born_cancelled = make.session(status=Session.Status.CANCELLED)

    assert (make.pool(full).seats, SeatPool.objects.filter(session=full, closed=False).count()) == (4, 0)
    assert make.pool(born_cancelled).closed
    assert books() == []


@pytest.mark.parametrize("holds", [True, False])
def test_no_request_is_taken_for_a_session_that_was_cancelled_meanwhile(holds):
    session = make.session(access=Session.Access.APPROVAL, holds_requests=holds)
    stale = Session.objects.get(pk=session.pk)
    cancel_session(session)

    refused("cancelled", register, stale, make.attendee(), reason="Je viens de loin")


def test_a_session_that_takes_place_after_all_is_open_again(full):
    cancel_session(full)

    full.refresh_from_db()
    full.status = Session.Status.PUBLISHED
    full.save()

    assert register(full, full.holders[0]).status == "confirmed"
    assert make.pool(full).seats == 4
    assert books() == []


# --- Back to draft ----------------------------------------------------------------------------------------------------


def test_nobody_registers_for_a_session_that_was_taken_back_to_draft_meanwhile(organiser):
    session = make.session()
    stale = Session.objects.get(pk=session.pk)
    publication.unpublish([session], organiser)

    refused("closed", register, stale, make.attendee())

    publication.publish([session], organiser)
    session.refresh_from_db()
    assert register(session, make.attendee()).status == "confirmed"
    assert books() == []


# --- Moved ------------------------------------------------------------------------------------------------------------


def move(session, by):
    session.refresh_from_db()
    session.starts_at += by
    session.ends_at += by
    session.save()


@pytest.mark.proves("cancelled-session-empty")
def test_a_session_that_moves_keeps_its_people_and_their_clashes_are_found(full):
    other = make.session(starts_at=full.ends_at + timedelta(days=1))
    ada = full.holders[0]
    register(other, ada)

    move(full, timedelta(days=1))

    assert status(full, ada) == status(other, ada) == "confirmed"
    expected = clashes.commitments_of([ada])[ada.pk]
    assert [clash.commitment.session for clash in clashes.clashes_with(other, expected, Travel())] == [full]
    assert books() == []


def test_a_session_that_moves_into_a_clash_passes_its_people_over_on_the_waiting_list():
    event = make.event(clash_policy="refuse")
    session = make.session(seats=1, event=event)
    other = make.session(starts_at=session.starts_at + timedelta(days=3))
    [holder] = fill(session)
    ada = wait(session)
    register(other, ada)

    move(other, -timedelta(days=3))
    cancel(session, holder)

    assert status(session, ada) == "waiting"


# --- Everything given up at once --------------------------------------------------------------------------------------


@pytest.mark.proves("leaving-altogether")
def test_somebody_who_leaves_gives_up_everything_in_one_step_and_each_waiting_list_is_served(full):
    """What an erasure begins with."""
    ada = full.holders[0]
    next_one = wait(full)
    offering = make.session(seats=1, waiting_list=Session.WaitingList.OFFER)
    [holder] = fill(offering)
    wait(offering, ada)
    second = wait(offering)
    cancel(offering, holder)
    others = [make.session(seats=1) for _ in range(3)]
    for session in others:
        fill(session)
        wait(session, ada)
    asked = make.session(access=Session.Access.APPROVAL)
    register(asked, ada, reason="Je viens de loin", despite=True)
    attended = make.session()
    register(attended, ada, despite=True)
    now = timezone.now()
    Session.objects.filter(pk=attended.pk).update(starts_at=now - timedelta(hours=2), ends_at=now - timedelta(hours=1))

    ended = booking.leave_all(ada, actor=make.organiser(), at=now)

    assert len(ended) == 6
    assert [registration.session for registration in Registration.objects.live().filter(attendee=ada)] == [attended]
    assert status(full, next_one) == "confirmed"
    assert status(offering, second) == "offered"
    assert all(line(session) == [] for session in others)
    assert make.pool(asked).taken == 0
    assert booking.leave_all(ada, actor=ada.user, at=now) == []
    assert books() == []


def test_leaving_everything_frees_nobody_elses_seat(full):
    booking.leave_all(make.attendee(), actor=make.organiser(), at=timezone.now())

    assert make.pool(full).taken == 4
    assert SeatPool.objects.count() == 1
    assert waitlist.tend(timezone.now()) == {"expired": 0, "drawn": 0, "settled": 0}
