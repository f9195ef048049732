"""The line: its order, and the seat that goes to it in the step that frees it (docs/rules.md#waiting-list)."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from programme.models import Duty, Event, Session
from registrations.domain import booking, invariants, pools, waitlist
from registrations.models import Limit, Registration, SeatPool
from tests import make
from tests.registrations.acts import (
    books,
    cancel,
    fill,
    last,
    line,
    mails,
    member,
    place,
    refused,
    register,
    status,
    wait,
)

pytestmark = pytest.mark.django_db

Mode = Session.WaitingList
Policy = Event.ClashPolicy


@pytest.fixture
def full():
    """A session of two seats, both taken."""
    session = make.session(seats=2)
    session.holders = fill(session)
    return session


def set_priority(session, who, priority):
    waitlist.set_priority(last(session, who), priority, actor=make.organiser())


# --- Joining ----------------------------------------------------------------------------------------------------------


def test_who_comes_to_a_full_session_waits_and_knows_their_place(full):
    people = [wait(full) for _ in range(3)]

    assert line(full) == people
    assert [place(full, who) for who in people] == [1, 2, 3]
    assert mails(people[0]) == ["waiting"]


def test_waiting_twice_changes_nothing(full):
    ada = wait(full)
    wait(full)

    wait(full, ada)

    assert place(full, ada) == 1
    assert last(full, ada).history.count() == 1


def test_a_session_without_a_waiting_list_is_just_full():
    session = make.session(seats=1, waiting_list=Mode.NONE)
    fill(session)

    refused("full", register, session, make.attendee(), waits=True)


def test_who_did_not_ask_to_wait_does_not(full):
    refused("full", register, full, make.attendee())


def test_leaving_the_waiting_list_moves_the_others_up_and_tells_nobody(full):
    first, second = wait(full), wait(full)

    left = cancel(full, first)

    assert (left.status, left.ending) == ("cancelled", "left_waitlist")
    assert place(full, second) == 1
    assert mails(first) == ["waiting"]


# --- Order ------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("fair-waitlist")
def test_the_waiting_list_is_ordered_by_priority_then_time_then_row(full):
    now = timezone.now()
    late, early, second, first = (make.attendee() for _ in range(4))
    wait(full, late, at=now + timedelta(seconds=2))
    wait(full, first, at=now + timedelta(seconds=1))
    wait(full, second, at=now + timedelta(seconds=1))
    wait(full, early, at=now)
    assert line(full) == [early, first, second, late]

    set_priority(full, late, 1)
    set_priority(full, early, -1)

    assert line(full) == [late, first, second, early]
    assert [place(full, who) for who in line(full)] == [1, 2, 3, 4]


def test_a_lot_counts_after_the_priority_and_before_the_time(full):
    people = [wait(full) for _ in range(4)]
    for who, lot in zip(people, [None, 2, 1, 3], strict=True):
        Registration.objects.filter(attendee=who).update(lot=lot)
    set_priority(full, people[3], 1)

    assert line(full) == [people[3], people[2], people[1], people[0]]
    assert [place(full, who) for who in line(full)] == [1, 2, 3, 4]


def test_what_a_click_answers_is_the_persons_own_place_however_late_it_is_sent_again(full):
    ada = wait(full)
    grace = wait(full)
    set_priority(full, ada, -1)
    wait(full)

    assert [place(full, who) for who in (grace, ada)] == [1, 3]
    assert place(full, full.holders[0]) is None


def test_a_priority_is_changed_for_those_who_wait_alone_and_leaves_a_trace(full):
    organiser = make.organiser()
    ada = wait(full)
    waitlist.set_priority(last(full, ada), 5, actor=organiser)
    waitlist.set_priority(last(full, ada), 5, actor=organiser)
    waitlist.set_priority(last(full, full.holders[0]), 5, actor=organiser)

    assert list(last(full, ada).history.values_list("priority", "history_user")) == [
        (5, organiser.pk),
        (0, ada.user.pk),
    ]
    assert last(full, full.holders[0]).priority == 0


# --- A freed seat -----------------------------------------------------------------------------------------------------


@pytest.mark.proves("fair-waitlist")
def test_a_freed_seat_goes_to_the_first_on_the_waiting_list_with_a_mail(full):
    first, second = wait(full), wait(full)

    cancel(full, full.holders[0])

    assert (status(full, first), status(full, second)) == ("confirmed", "waiting")
    assert mails(first) == ["waiting", "confirmed"]
    assert next(iter(last(full, first).history.values_list("status", "history_user"))) == ("confirmed", None)
    assert books() == []


@pytest.mark.proves("fair-waitlist")
def test_a_freed_seat_is_never_free_for_a_newcomer_while_somebody_waits(full):
    waiting = wait(full)

    with transaction.atomic():
        cancel(full, full.holders[0])
        # In the very step that freed the seat it is taken again: there is no moment between in which somebody could
        # slip in.
        assert make.pool(full).left == 0
        assert status(full, waiting) == "confirmed"
    refused("full", register, full, make.attendee())


def test_two_cancellations_serve_two_in_their_order(full):
    people = [wait(full) for _ in range(3)]

    for holder in full.holders:
        cancel(full, holder)

    assert [status(full, who) for who in people] == ["confirmed", "confirmed", "waiting"]


def test_a_seat_given_back_after_the_start_goes_to_nobody(full):
    waiting = wait(full)

    cancel(full, full.holders[0], at=full.starts_at)

    assert status(full, waiting) == "waiting"
    assert books(full.starts_at) == []


@pytest.mark.proves("cohort-first-to-own-seats")
def test_the_seat_of_a_student_goes_to_the_same_cohort_first():
    """Even past somebody who waits longer; and past everybody while no student waits."""
    session, cohort = make.session(seats=3), make.cohort()
    pools.allot(session, cohort, 2)
    students = [member(cohort) for _ in range(3)]
    for student in students[:2]:
        register(session, student)
    fill(session)
    stranger = wait(session)
    wait(session, students[2])

    cancel(session, students[0])
    assert (status(session, stranger), status(session, students[2])) == ("waiting", "confirmed")

    cancel(session, students[1])
    assert status(session, stranger) == "waiting"
    assert SeatPool.objects.get(cohort=cohort).left == 1
    assert books() == []


@pytest.mark.proves("cohort-first-to-own-seats")
def test_a_general_seat_goes_to_a_student_who_stands_first():
    session, cohort = make.session(seats=2), make.cohort()
    pools.allot(session, cohort, 1)
    register(session, member(cohort))
    [holder] = fill(session)
    student, stranger = wait(session, member(cohort)), wait(session)

    cancel(session, holder)

    assert (status(session, student), status(session, stranger)) == ("confirmed", "waiting")


def test_whoever_stops_waiting_elsewhere_is_not_given_a_second_seat(full):
    ada = wait(full)
    cancel(full, ada)

    cancel(full, full.holders[0])

    assert status(full, ada) == ""
    assert make.pool(full).left == 1


# --- Passing over -----------------------------------------------------------------------------------------------------


@pytest.mark.proves("passed-over-keeps-place")
@pytest.mark.parametrize("policy", [Policy.REFUSE, Policy.SWAP])
def test_who_has_a_clash_is_passed_over_and_gets_the_next_seat_when_the_clash_is_gone(policy):
    session = make.session(seats=2, event=make.event(clash_policy=policy))
    elsewhere = make.session()  # at the same time, in an event that only warns
    holders = fill(session)
    ada, grace = wait(session), wait(session)
    register(elsewhere, ada, despite=True)

    cancel(session, holders[0])
    cancel(session, holders[1])
    assert (status(session, ada), status(session, grace)) == ("waiting", "confirmed")
    assert make.pool(session).left == 1
    assert books() == []

    cancel(elsewhere, ada)

    assert status(session, ada) == "confirmed"
    assert books() == []


@pytest.mark.proves("passed-over-keeps-place")
def test_under_a_policy_that_warns_nobody_is_passed_over():
    session, elsewhere = make.session(seats=1), make.session()
    [holder] = fill(session)
    ada = wait(session)
    register(elsewhere, ada, despite=True)

    cancel(session, holder)

    assert status(session, ada) == "confirmed"


def test_who_speaks_elsewhere_meanwhile_is_passed_over():
    session = make.session(seats=1, event=make.event(clash_policy=Policy.REFUSE))
    [holder] = fill(session)
    ada, grace = wait(session), wait(session)
    Duty.objects.create(session=make.session(), user=ada.user)

    cancel(session, holder)

    assert (status(session, ada), status(session, grace)) == ("waiting", "confirmed")


def limited_waitlist():
    """Ada has the one workshop that she may have, and waits for another, in which a seat is free; Grace is served."""
    event = make.event()
    Limit.objects.create(event=event, at_most=1)
    session, other = make.session(seats=2, event=event), make.session(seats=1, event=event)
    holders = fill(session)
    ada, grace = wait(session), wait(session)
    register(other, ada, despite=True)
    for holder in holders:
        cancel(session, holder)
    assert (status(session, ada), status(session, grace)) == ("waiting", "confirmed")
    assert make.pool(session).left == 1
    return session, other, ada


@pytest.mark.proves("passed-over-keeps-place")
def test_who_has_reached_a_limit_is_passed_over_until_a_seat_is_given_up_elsewhere():
    session, other, ada = limited_waitlist()

    cancel(other, ada)

    assert status(session, ada) == "confirmed"


@pytest.mark.proves("passed-over-keeps-place")
def test_a_seat_given_up_by_a_swap_lets_the_person_in_elsewhere():
    session, other, ada = limited_waitlist()

    register(make.session(), ada, leave=[last(other, ada).uuid], despite=True)

    assert status(session, ada) == "confirmed"
    assert books() == []


def test_a_request_that_is_refused_lets_the_person_in_elsewhere():
    event = make.event(clash_policy=Policy.REFUSE)
    session, asked = make.session(seats=1, event=event), make.session(access=Session.Access.APPROVAL)
    [holder] = fill(session)
    ada = wait(session)
    request = register(asked, ada, reason="Je viens de loin", despite=True)
    cancel(session, holder)
    assert status(session, ada) == "waiting"

    booking.decide(request, grant=False, answer="", actor=make.organiser())

    assert status(session, ada) == "confirmed"


def test_an_offer_that_runs_out_lets_the_person_in_elsewhere():
    event = make.event(clash_policy=Policy.REFUSE)
    session, offering = make.session(seats=1, event=event), make.session(seats=1, waiting_list=Mode.OFFER)
    [holder], [other] = fill(session), fill(offering)
    ada = wait(session)
    wait(offering, ada)
    cancel(offering, other)
    cancel(session, holder)
    assert (status(offering, ada), status(session, ada)) == ("offered", "waiting")

    waitlist.expire_offers(last(offering, ada).offer_expires_at)

    assert (status(offering, ada), status(session, ada)) == ("", "confirmed")


@pytest.mark.proves("passed-over-keeps-place")
def test_a_session_that_is_cancelled_lets_its_people_in_elsewhere():
    session, other, ada = limited_waitlist()

    other.status = Session.Status.CANCELLED
    other.save()

    assert status(session, ada) == "confirmed"
    assert books() == []


@pytest.mark.proves("passed-over-keeps-place")
@pytest.mark.django_db(transaction=True)
def test_a_session_that_moves_out_of_the_way_lets_people_in():
    session = make.session(seats=1, event=make.event(clash_policy=Policy.REFUSE))
    elsewhere = make.session()
    [holder] = fill(session)
    ada = wait(session)
    register(elsewhere, ada, despite=True)
    cancel(session, holder)
    assert status(session, ada) == "waiting"

    elsewhere.starts_at += timedelta(days=2)
    elsewhere.ends_at += timedelta(days=2)
    elsewhere.save()

    assert status(session, ada) == "confirmed"


@pytest.mark.proves("passed-over-keeps-place")
def test_a_clash_that_ends_by_itself_is_seen_by_the_clock():
    """Duties, ways, limits and members change elsewhere: the beat looks again within seconds."""
    session = make.session(seats=1, event=make.event(clash_policy=Policy.REFUSE))
    [holder] = fill(session)
    ada = wait(session)
    duty = Duty.objects.create(session=make.session(), user=ada.user)
    cancel(session, holder)
    duty.delete()

    waitlist.tend(timezone.now())

    assert status(session, ada) == "confirmed"


# --- Given by the organisers, and changes of mode ---------------------------------------------------------------------


@pytest.fixture
def by_hand():
    session = make.session(seats=1, waiting_list=Mode.BY_HAND)
    [holder] = fill(session)
    session.first, session.second = wait(session), wait(session)
    cancel(session, holder)
    return session


@pytest.mark.proves("waitlist-by-hand")
def test_by_hand_a_freed_seat_waits_for_the_organisers(by_hand):
    waitlist.tend(timezone.now())

    assert [status(by_hand, who) for who in (by_hand.first, by_hand.second)] == ["waiting", "waiting"]
    assert make.pool(by_hand).left == 1
    assert books() == []


@pytest.mark.proves("waitlist-by-hand")
def test_organisers_give_a_free_seat_to_whom_they_choose_once(by_hand):
    organiser, chosen = make.organiser(), last(by_hand, by_hand.second)

    for _ in range(2):
        given = waitlist.give(chosen, actor=organiser, at=timezone.now())

    assert given.status == "confirmed"
    assert given.history.first().history_user == organiser
    assert mails(by_hand.second) == ["waiting", "confirmed"]
    refused("full", waitlist.give, last(by_hand, by_hand.first), actor=organiser, at=timezone.now())


def test_organisers_give_no_seat_to_who_has_left_or_when_the_session_has_started(by_hand):
    organiser = make.organiser()
    left = last(by_hand, by_hand.first)
    cancel(by_hand, by_hand.first)

    refused("gone", waitlist.give, left, actor=organiser, at=timezone.now())
    refused("started", waitlist.give, last(by_hand, by_hand.second), actor=organiser, at=by_hand.starts_at)


@pytest.mark.proves("waitlist-by-hand")
def test_organisers_pass_no_clash_and_no_limit_by_giving_a_seat():
    """They change the order of the waiting list, not the rules of the event."""
    session = make.session(seats=1, waiting_list=Mode.BY_HAND, event=make.event(clash_policy=Policy.REFUSE))
    [holder] = fill(session)
    ada = wait(session)
    register(make.session(), ada, despite=True)
    cancel(session, holder)

    sentence = refused("kept_out", waitlist.give, last(session, ada), actor=make.organiser(), at=timezone.now())

    assert ada.name in sentence


@pytest.mark.proves("waitlist-mode-change")
@pytest.mark.parametrize("mode", [Mode.AUTOMATIC, Mode.NONE])
def test_when_organisers_stop_choosing_the_waiting_list_is_served_at_once(by_hand, mode):
    """Also where nobody may join it any more: nobody who waits is forgotten."""
    by_hand.waiting_list = mode
    by_hand.save()

    assert [status(by_hand, who) for who in (by_hand.first, by_hand.second)] == ["confirmed", "waiting"]
    refused("full", register, by_hand, make.attendee(), waits=mode != Mode.NONE and False)


@pytest.mark.proves("waitlist-mode-change")
def test_a_session_that_opens_to_all_serves_who_waits_at_once():
    session, cohort = make.session(seats=2, access=Session.Access.COHORT), make.cohort()
    pools.allot(session, cohort, 1)
    register(session, member(cohort))
    waiting = wait(session, member(cohort))

    session.access = Session.Access.REGISTRATION
    session.save()

    assert status(session, waiting) == "confirmed"


# --- The books --------------------------------------------------------------------------------------------------------


def test_the_books_find_a_seat_that_is_idle_while_somebody_waits(full):
    wait(full)
    SeatPool.objects.filter(session=full).update(seats=3)
    Session.objects.filter(pk=full.pk).update(capacity=3)

    assert [breach["rule"] for breach in invariants.check(timezone.now())["breaches"]] == [
        "no seat is idle while someone eligible waits"
    ]
    waitlist.tend(timezone.now())
    assert books() == []


# --- What it costs ----------------------------------------------------------------------------------------------------


def test_joining_a_waiting_list_costs_six_queries(full, django_assert_num_queries):
    ada = make.attendee()
    read = list(booking.ways_in.pools_for(ada).filter(session=full))

    # lock the person, what is theirs, lock the pools, registration, history, mail
    with django_assert_num_queries(6 + 2):  # and the savepoint that stands for BEGIN and COMMIT here
        register(full, ada, waits=True, pools=read)


def test_giving_a_seat_to_the_next_on_the_waiting_list_costs_the_same_however_long_the_waiting_list(
    full, django_assert_num_queries
):
    for _ in range(3):
        wait(full)
    with django_assert_num_queries(18):
        cancel(full, full.holders[0])
    for _ in range(20):
        wait(full)
    with django_assert_num_queries(18):
        cancel(full, full.holders[1])
