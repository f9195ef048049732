"""Giving one seat up for another, in one step: both or neither (docs/rules.md#seats)."""

import uuid

import pytest

from programme.models import Event
from registrations.domain import waitlist, ways_in
from registrations.domain.booking import Clashing
from registrations.models import Limit, Registration
from tests import make
from tests.registrations.acts import books, cancel, fill, last, line, mails, refused, register, status, wait

pytestmark = pytest.mark.django_db

Policy = Event.ClashPolicy


@pytest.fixture
def ada():
    return make.attendee()


@pytest.fixture
def two(ada):
    """Two sessions at the same time, of an event that asks to give one up for the other; Ada has a seat in the
    first."""
    event = make.event(clash_policy=Policy.SWAP)
    first, second = make.session(seats=1, event=event), make.session(seats=1, event=event)
    register(first, ada)
    return first, second


def test_the_refusal_says_what_can_be_given_up(two, ada):
    first, second = two

    with pytest.raises(Clashing) as refusal:
        register(second, ada)

    assert [clash.commitment.session for clash in refusal.value.clashes] == [first]
    assert str(first) in str(refusal.value)


@pytest.mark.proves("atomic-swap")
def test_a_swap_gives_up_one_seat_and_takes_the_other(two, ada):
    first, second = two
    given_up = last(first, ada)

    taken = register(second, ada, leave=[given_up.uuid])

    assert (taken.session, taken.status) == (second, "confirmed")
    assert (status(first, ada), last(first, ada).ending) == ("", "swapped")
    assert (make.pool(first).taken, make.pool(second).taken) == (0, 1)
    assert mails(ada) == ["confirmed", "cancelled", "confirmed"]
    assert books() == []


def test_swapping_twice_changes_nothing(two, ada):
    first, second = two
    given_up = last(first, ada).uuid

    assert register(second, ada, leave=[given_up]) == register(second, ada, leave=[given_up])
    assert mails(ada) == ["confirmed", "cancelled", "confirmed"]


@pytest.mark.proves("atomic-swap")
def test_a_swap_into_a_full_session_leaves_everything_as_it_was(two, ada):
    first, second = two
    fill(second)

    refused("full", register, second, ada, leave=[last(first, ada).uuid], waits=True)

    assert status(first, ada) == "confirmed"
    assert line(second) == []


@pytest.mark.proves("atomic-swap")
def test_the_seat_that_is_given_up_goes_to_its_waiting_list(two, ada):
    first, second = two
    waiting = wait(first)

    register(second, ada, leave=[last(first, ada).uuid])

    assert status(first, waiting) == "confirmed"


def test_a_place_on_the_waiting_list_can_be_given_up_for_another_place_on_the_waiting_list(ada):
    event = make.event(clash_policy=Policy.SWAP)
    first, second = make.session(seats=1, event=event), make.session(seats=1, event=event)
    fill(first)
    fill(second)
    wait(first, ada)

    registration = register(second, ada, leave=[last(first, ada).uuid], waits=True)

    assert registration.status == "waiting"
    assert (line(first), last(first, ada).ending) == ([], "left_waitlist")


def test_nothing_is_swapped_where_a_second_clash_remains(two, ada):
    first, second = two
    third = make.session(event=make.event(clash_policy=Policy.WARN))
    register(third, ada, despite=True)

    refused("clash", register, second, ada, leave=[last(first, ada).uuid])

    register(second, ada, leave=[last(first, ada).uuid, last(third, ada).uuid])
    assert [status(session, ada) for session in (first, second, third)] == ["", "confirmed", ""]


def test_a_speech_cannot_be_given_up_for_a_seat(two, ada):
    first, second = two
    make.participation(session=make.session(), speaker=make.speaker(user=ada.user))

    refused("clash", register, second, ada, leave=[last(first, ada).uuid])


@pytest.mark.proves("atomic-swap")
def test_other_peoples_seats_are_not_given_up_by_naming_them(two, ada):
    """A forged form: the code of somebody else's registration, and codes that nobody has."""
    _first, second = two
    other = make.session()
    grace = make.attendee()
    register(other, grace)

    refused("clash", register, second, ada, leave=[last(other, grace).uuid, uuid.uuid4()])

    assert status(other, grace) == "confirmed"
    assert register(make.session(), make.attendee(), leave=[last(other, grace).uuid]).status == "confirmed"
    assert status(other, grace) == "confirmed"


@pytest.mark.proves("atomic-swap")
def test_a_seat_of_a_session_that_is_over_is_not_given_up(two, ada):
    """Who was there stays written down."""
    first, _second = two
    attended = last(first, ada)
    tomorrow = make.session(starts_at=first.ends_at + (first.ends_at - first.starts_at))

    register(tomorrow, ada, leave=[attended.uuid], at=first.ends_at)

    attended.refresh_from_db()
    assert (attended.status, attended.ending) == ("confirmed", "")


def test_a_swap_keeps_within_a_limit(two, ada):
    first, second = two
    Limit.objects.create(event=first.event, at_most=1)

    assert register(second, ada, leave=[last(first, ada).uuid]).status == "confirmed"


def test_a_swap_that_was_overtaken_says_so(two, ada, monkeypatch):
    """The seat to give up was cancelled in another tab while this request was on its way."""
    first, second = two
    in_turn = waitlist.in_turn

    def late(sessions, people, act, at):
        monkeypatch.setattr(waitlist, "in_turn", in_turn)
        cancel(first, ada)
        return in_turn(sessions, people, act, at)

    monkeypatch.setattr(waitlist, "in_turn", late)

    with pytest.raises(ways_in.SeatRefused) as refusal:
        register(second, ada, leave=[last(first, ada).uuid])

    assert refusal.value.code == "stale"
    assert not Registration.objects.filter(session=second).exists()
