"""The rule of the seat, one person at a time; test_race.py has the crowds."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from outbox.models import Message
from programme.models import Session
from registrations.domain import booking, pools, ways_in
from registrations.domain.booking import SeatRefused
from registrations.models import Registration
from tests import make

pytestmark = pytest.mark.django_db


def register(session, attendee, **options):
    return booking.register(booking.Ask(session, attendee, actor=attendee.user, **options))


def cancel(session, attendee, **options):
    return booking.cancel(session, attendee, actor=attendee.user, **options)


def messages_to(attendee):
    return [message.kind for message in Message.objects.filter(to=attendee.user.email).order_by("id")]


def test_registering_takes_a_seat_and_queues_the_confirmation():
    session, ada = make.session(seats=2), make.attendee(language="en")

    registration = register(session, ada)

    assert registration.status == Registration.Status.CONFIRMED
    assert registration.pool == make.pool(session)
    assert make.pool(session).left == 1
    message = Message.objects.get()
    assert (message.kind, message.to, message.language, message.status) == (
        "registrations.confirmed",
        ada.user.email,
        "en",
        "queued",
    )
    assert message.context == {"registration": str(registration.uuid)}


def test_registering_twice_changes_nothing():
    """A double click, a replayed post."""
    session, ada = make.session(), make.attendee()

    first, second = register(session, ada), register(session, ada)

    assert first == second
    assert make.pool(session).taken == 1
    assert messages_to(ada) == ["registrations.confirmed"]
    assert Registration.history.count() == 1


def test_the_last_seat_goes_to_the_first_and_the_next_is_told_it_is_full():
    session, ada, grace = make.session(seats=1), make.attendee(), make.attendee("Grace Hopper")
    register(session, ada)

    with pytest.raises(SeatRefused) as refused:
        register(session, grace)

    assert refused.value.code == "full"
    assert make.pool(session).taken == 1
    assert not grace.registrations.exists()
    assert messages_to(grace) == []


def test_whoever_holds_a_seat_is_not_told_that_the_session_is_full():
    session, ada = make.session(seats=1), make.attendee()
    registration = register(session, ada)

    assert register(session, ada) == registration


def test_a_full_session_leaves_the_others_open():
    full, other, ada = make.session(seats=1), make.session(seats=1), make.attendee()
    make.registration(full)

    assert register(other, ada).status == Registration.Status.CONFIRMED


@pytest.mark.proves("kept-seats-not-sold")
def test_the_seats_kept_for_a_cohort_are_not_sold_to_the_public():
    session = make.session(seats=3)
    pools.allot(session, make.cohort(), 2)
    make.registration(session)

    with pytest.raises(SeatRefused) as refused:
        register(session, make.attendee())

    assert refused.value.code == "full"


@pytest.mark.proves("access-in-words")
@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("public", {"access": Session.Access.PUBLIC}),
        ("reason", {"access": Session.Access.APPROVAL}),
        ("invitation", {"access": Session.Access.INVITATION}),
        ("cohort", {"access": Session.Access.COHORT}),
        ("closed", {"status": Session.Status.DRAFT}),
        ("cancelled", {"status": Session.Status.CANCELLED}),
    ],
)
def test_a_session_that_one_cannot_enter_alone_is_refused_with_its_reason(code, fields):
    session, ada = make.session(**fields), make.attendee()

    with pytest.raises(SeatRefused) as refused:
        register(session, ada)

    assert refused.value.code == code
    assert not Registration.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.proves("registration-hours")
def test_registration_closes_when_the_session_starts():
    session = make.session(minutes=60)
    a_second_before = session.starts_at - timedelta(seconds=1)

    assert ways_in.refusal(session, a_second_before) is None
    assert ways_in.refusal(session, session.starts_at).code == "started"
    assert ways_in.refusal(session, session.ends_at - timedelta(seconds=1)).code == "started"
    assert ways_in.refusal(session, session.ends_at).code == "over"


@pytest.mark.proves("freed-seat-to-waitlist")
def test_cancelling_gives_the_seat_back_and_tells_the_person():
    session, ada = make.session(seats=1), make.attendee()
    register(session, ada)

    cancelled = cancel(session, ada)

    assert (cancelled.status, cancelled.pool) == (Registration.Status.CANCELLED, None)
    assert abs(cancelled.ended_at - timezone.now()) < timedelta(minutes=1)
    assert make.pool(session).taken == 0
    assert messages_to(ada) == ["registrations.confirmed", "registrations.cancelled"]


def test_cancelling_twice_gives_one_seat_back():
    session, ada = make.session(), make.attendee()
    make.registration(session)
    register(session, ada)

    cancel(session, ada)
    again = cancel(session, ada)

    assert again is None
    assert make.pool(session).taken == 1
    assert messages_to(ada) == ["registrations.confirmed", "registrations.cancelled"]


def test_nobody_gives_back_a_seat_of_a_session_that_is_over():
    session, ada = make.session(), make.attendee()
    register(session, ada)

    with pytest.raises(SeatRefused) as refused:
        cancel(session, ada, at=session.ends_at)

    assert refused.value.code == "over"
    assert make.pool(session).taken == 1


@pytest.mark.proves("freed-seat-to-waitlist")
def test_a_seat_given_back_can_be_taken_again():
    session, ada = make.session(seats=1), make.attendee()
    register(session, ada)
    cancel(session, ada)

    again = register(session, ada)

    assert again.status == Registration.Status.CONFIRMED
    assert ada.registrations.count() == 2
    assert messages_to(ada) == ["registrations.confirmed", "registrations.cancelled", "registrations.confirmed"]


def test_a_form_drawn_before_the_cancellation_takes_no_seat():
    """Back and a replayed post never register again unasked."""
    session, ada = make.session(), make.attendee()
    drawn_at_first = booking.stamp(None)
    register(session, ada, seen=drawn_at_first)
    cancelled = cancel(session, ada)

    with pytest.raises(SeatRefused) as refused:
        register(session, ada, seen=drawn_at_first)

    assert refused.value.code == "stale"
    assert make.pool(session).taken == 0
    assert register(session, ada, seen=booking.stamp(cancelled)).status == Registration.Status.CONFIRMED


@pytest.mark.proves("one-trace-per-change")
def test_each_change_leaves_one_history_row_with_who_did_it():
    session, ada, organiser = make.session(), make.attendee(), make.organiser()

    registration = booking.register(booking.Ask(session, ada, actor=organiser))
    cancel(session, ada)

    trace = registration.history.order_by("history_id").values_list("history_type", "status", "history_user")
    assert list(trace) == [("+", "confirmed", organiser.pk), ("~", "cancelled", ada.user.pk)]


@pytest.mark.proves("one-trace-per-change")
@pytest.mark.django_db(transaction=True)
def test_a_registration_that_is_cut_short_leaves_nothing():
    """The seat, the row, its history and its mail live or die together."""
    session, ada = make.session(), make.attendee()

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        register(session, ada)
        raise ZeroDivisionError

    assert make.pool(session).taken == 0
    assert not Registration.objects.exists()
    assert not Registration.history.exists()
    assert not Message.objects.exists()


@pytest.mark.proves("no-lock-errors")
def test_a_refusal_of_a_full_session_opens_no_transaction(django_assert_num_queries):
    """In a rush, most people are refused; they read twice and wait for nobody."""
    session, grace = make.session(seats=1), make.attendee()
    make.registration(session)

    with django_assert_num_queries(2), pytest.raises(SeatRefused):
        register(session, grace)
