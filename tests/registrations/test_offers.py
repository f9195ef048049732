"""A seat offered for a time: to the first on the waiting list, then to the next (docs/rules.md#waiting-list)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from programme.models import Event, Session
from registrations.domain import booking, waitlist
from registrations.models import Registration
from tests import make
from tests.registrations.acts import books, cancel, fill, last, line, mails, refused, register, status, wait

pytestmark = pytest.mark.django_db


@pytest.fixture
def offering():
    """A session of one seat, offered to the first of two who wait."""
    session = make.session(seats=1, waiting_list=Session.WaitingList.OFFER, offer_hours=24)
    [session.holder] = fill(session)
    session.first, session.second = wait(session), wait(session)
    cancel(session, session.holder)
    return session


def accept(session, who, **options):
    return booking.accept(session, who, actor=who.user, **options)


def until(session, who):
    return last(session, who).offer_expires_at


@pytest.mark.proves("offer-holds-seat")
def test_a_freed_seat_is_offered_to_the_first_and_held_meanwhile(offering):
    assert (status(offering, offering.first), status(offering, offering.second)) == ("offered", "waiting")
    assert make.pool(offering).left == 0
    assert abs(until(offering, offering.first) - timezone.now() - timedelta(hours=24)) < timedelta(minutes=1)
    assert mails(offering.first) == ["waiting", "offered", "offer_ends"]
    refused("full", register, offering, make.attendee())
    assert books() == []


def test_an_offer_is_accepted_once(offering):
    for _ in range(2):
        accepted = accept(offering, offering.first)

    assert (accepted.status, accepted.offer_expires_at) == ("confirmed", None)
    assert mails(offering.first) == ["waiting", "offered", "offer_ends", "confirmed"]
    assert make.pool(offering).taken == 1
    assert books() == []


def test_an_offer_is_good_until_its_last_second(offering):
    end = until(offering, offering.first)

    assert accept(offering, offering.first, at=end - timedelta(microseconds=1)).status == "confirmed"


@pytest.mark.proves("offer-holds-seat")
def test_an_offer_accepted_too_late_goes_to_the_next_at_once(offering):
    end = until(offering, offering.first)

    with pytest.raises(booking.SeatRefused) as refusal:
        accept(offering, offering.first, at=end)

    assert refusal.value.code == "offer_expired"
    assert (status(offering, offering.first), status(offering, offering.second)) == ("", "offered")
    assert last(offering, offering.first).ending == "offer_expired"
    assert books(end) == []


@pytest.mark.proves("offer-holds-seat")
def test_an_offer_that_nobody_answers_goes_to_the_next_by_the_clock_once(offering):
    end = until(offering, offering.first)

    assert waitlist.tend(end - timedelta(seconds=1))["expired"] == 0
    assert [waitlist.tend(end)["expired"] for _ in range(2)] == [1, 0]

    assert (status(offering, offering.first), status(offering, offering.second)) == ("", "offered")
    assert mails(offering.first) == ["waiting", "offered", "offer_ends", "cancelled"]
    assert until(offering, offering.second) > end


def test_an_offer_declined_goes_to_the_next(offering):
    declined = cancel(offering, offering.first)

    assert declined.ending == "offer_declined"
    assert status(offering, offering.second) == "offered"


def test_the_last_of_the_waiting_list_who_declines_leaves_a_free_seat(offering):
    cancel(offering, offering.first)
    cancel(offering, offering.second)

    assert make.pool(offering).left == 1
    assert register(offering, make.attendee()).status == "confirmed"


@pytest.mark.proves("offer-holds-seat")
def test_who_has_no_offer_accepts_nothing(offering):
    """Offers of others, a place on the waiting list, and nothing at all."""
    refused("no_offer", accept, offering, offering.second)
    refused("no_offer", accept, offering, make.attendee())
    assert status(offering, offering.first) == "offered"


@pytest.mark.proves("offer-holds-seat")
def test_whoever_let_an_offer_pass_may_wait_again_at_the_end(offering):
    waitlist.tend(until(offering, offering.first))

    wait(offering, offering.first)

    assert line(offering) == [offering.first]


@pytest.mark.proves("offer-holds-seat")
@pytest.mark.parametrize(
    ("hours", "left", "window"),
    [
        (24, timedelta(days=30), timedelta(hours=24)),
        (24, timedelta(hours=96), timedelta(hours=24)),
        (24, timedelta(hours=40), timedelta(hours=10)),
        (2, timedelta(hours=40), timedelta(hours=2)),
        (24, timedelta(hours=1), timedelta(minutes=15)),
        (24, timedelta(minutes=20), timedelta(minutes=15)),
        (24, timedelta(minutes=10), timedelta(minutes=10)),
    ],
)
def test_the_time_to_answer_is_shorter_as_the_start_comes_near(hours, left, window):
    """At most a quarter of the time that is left, 15 minutes at least, and never beyond the start."""
    session = make.session(waiting_list=Session.WaitingList.OFFER, offer_hours=hours)
    at = session.starts_at - left

    assert waitlist.offer_end(session, at) - at == window


def test_no_offer_outlives_the_start_of_a_session_that_was_moved_earlier(offering):
    now = timezone.now()
    Session.objects.filter(pk=offering.pk).update(starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=2))
    offering.refresh_from_db()
    begun = now + timedelta(hours=1)

    refused("started", accept, offering, offering.first, at=begun)
    waitlist.tend(begun)

    assert status(offering, offering.first) == ""
    assert make.pool(offering).taken == 0


def test_an_offer_is_not_accepted_beside_a_seat_that_the_event_does_not_allow():
    event = make.event(clash_policy=Event.ClashPolicy.REFUSE)
    session = make.session(seats=1, event=event, waiting_list=Session.WaitingList.OFFER)
    [holder] = fill(session)
    ada = wait(session)
    cancel(session, holder)
    register(make.session(), ada, despite=True)  # an event that only warns

    refused("clash", accept, session, ada)

    assert status(session, ada) == "offered"


def test_an_offer_is_accepted_by_giving_up_what_clashes():
    event = make.event(clash_policy=Event.ClashPolicy.SWAP)
    session = make.session(seats=1, event=event, waiting_list=Session.WaitingList.OFFER)
    other = make.session(seats=1)
    [holder] = fill(session)
    ada = wait(session)
    cancel(session, holder)
    register(other, ada, despite=True)
    next_one = wait(other)

    accept(session, ada, leave=[last(other, ada).uuid])

    assert (status(session, ada), status(other, ada), status(other, next_one)) == ("confirmed", "", "confirmed")
    assert last(other, ada).ending == "swapped"
    assert books() == []


def test_no_one_can_accept_for_somebody_else_by_naming_their_registration(offering):
    mallory = make.attendee()
    register(make.session(), mallory)

    refused("no_offer", accept, offering, mallory, leave=[last(offering, offering.first).uuid])


def test_more_seats_are_offered_to_as_many(offering):
    offering.capacity = 3
    offering.save()

    assert [status(offering, who) for who in (offering.first, offering.second)] == ["offered", "offered"]
    assert Registration.objects.filter(status="offered").count() == 2
    assert make.pool(offering).left == 1
