"""check_invariants: each wrong sum is found, and only then does it fail."""

import json
from datetime import timedelta
from itertools import count

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from outbox.models import Message
from programme.models import Event, Session
from registrations.domain import booking, invariants, pools, waitlist
from registrations.models import Draw, Figure, Registration, SeatPool
from tests import make
from tests.registrations.acts import books, cancel, fill, last, wait

pytestmark = pytest.mark.django_db


def breaches() -> list[str]:
    return [breach["rule"] for breach in invariants.check(timezone.now())["breaches"]]


@pytest.mark.proves("check-invariants")
def test_the_books_are_right_after_ordinary_work():
    session = make.session(seats=3)
    ada = make.attendee()
    make.registration(session, ada)
    make.registration(session)
    booking.cancel(session, ada, actor=ada.user)
    pools.allot(session, make.cohort(), 1)

    assert breaches() == []


def test_a_wrong_count_is_found():
    make.registration()
    SeatPool.objects.update(taken=F("taken") + 1)

    assert breaches() == ["a pool counts the seats that are held"]


def test_a_missing_mail_is_found():
    make.registration()
    Message.objects.all().delete()

    assert breaches() == ["a confirmed seat has its mail"]


def test_a_missing_trace_is_found():
    make.registration()
    Registration.history.all().delete()

    assert breaches() == ["a change of a seat leaves a trace"]


def test_pools_above_the_capacity_are_found():
    make.session(seats=10)
    SeatPool.objects.update(seats=11)

    assert breaches() == ["pools never exceed the capacity"]


def test_seats_that_are_in_no_pool_are_found():
    make.session(seats=10)
    SeatPool.objects.update(seats=9)

    assert breaches() == ["every seat of the capacity is in a pool"]


def test_somebody_in_a_session_that_does_not_take_place_is_found():
    session = make.registration().session
    SeatPool.objects.update(closed=True)
    for status in ("cancelled", "draft"):
        Session.objects.filter(pk=session.pk).update(status=status)
        assert breaches() == ["nobody is registered for what does not take place"]


def test_a_door_that_is_wrongly_open_or_closed_is_found():
    session = make.session()
    SeatPool.objects.update(closed=True)
    assert breaches() == ["a session that takes place lets people in"]

    SeatPool.objects.update(closed=False)
    Session.objects.filter(pk=session.pk).update(status="cancelled")
    assert breaches() == ["a cancelled session lets nobody in"]


def test_an_offer_that_outlived_its_end_or_the_start_is_found():
    session = make.session(seats=1, waiting_list="offer")
    [holder] = fill(session)
    ada = wait(session)
    cancel(session, holder)
    assert breaches() == []
    end = last(session, ada).offer_expires_at

    assert [breach["rule"] for breach in books(end + timedelta(minutes=6))] == ["an offer ends at its moment"]
    Session.objects.filter(pk=session.pk).update(starts_at=timezone.now() - timedelta(minutes=6))
    assert breaches() == ["an offer ends at its moment"]


def test_lots_that_were_not_drawn_are_found():
    session = make.session(seats=1)
    fill(session)
    session.waiting_list, session.draw_at = "draw", timezone.now()
    session.save()
    for _ in range(3):
        wait(session, at=timezone.now() - timedelta(minutes=1))
    drawn = waitlist.draw(session, timezone.now())
    assert breaches() == []

    Registration.objects.filter(lot=1).update(lot=4)
    assert breaches() == ["a lot is the one that was drawn"]

    Registration.objects.filter(lot=4).update(lot=1)
    another = next(seed for seed in map(str, count()) if waitlist.draw_order(drawn.entries, seed) != drawn.order)
    Draw.objects.update(seed=another)
    assert breaches() == ["lots can be drawn again"]


def test_two_seats_at_once_are_found_where_that_is_refused_and_only_there():
    strict = make.event(clash_policy="refuse")
    one, two = make.session(event=strict), make.session(event=strict, starts_at=timezone.now() + timedelta(days=20))
    ada = make.attendee()
    make.registration(one, ada)
    make.registration(two, ada)

    two.starts_at, two.ends_at = one.starts_at, one.ends_at
    two.save()
    assert breaches() == []  # it was moved: nobody's seat is taken away for that

    for history in (Session.history, Event.history):
        history.all().delete()
    for row in (one, two, strict):
        row.save()
    assert breaches() == ["nobody has two seats at once where it is refused"]

    strict.clash_policy = "warn"
    strict.save()
    assert breaches() == []


def test_a_party_that_is_astray_or_too_large_is_found():
    session = make.session(seats=1)
    fill(session)
    people = [wait(session) for _ in range(7)]
    party = waitlist.start_party(last(session, people[0]), actor=people[0].user)
    Registration.objects.filter(status="waiting").update(party=party)
    assert breaches() == ["a party has a largest size"]

    gone = last(session, people[6])
    cancel(session, people[6])
    assert breaches() == []

    Registration.objects.filter(pk=gone.pk).update(party=party)
    assert breaches() == ["people wait together for one session"]


def test_a_seat_in_a_foreign_pool_is_found():
    registration = make.registration()
    other = make.pool(make.session())
    Registration.objects.update(pool=other)
    SeatPool.objects.filter(pk=other.pk).update(taken=1)
    SeatPool.objects.filter(session=registration.session).update(taken=0)

    assert breaches() == ["a seat is in its own session’s pool"]


def test_a_figure_of_another_edition_is_found():
    figure = Figure.objects.create(
        session=make.session(), cohort=make.cohort(edition=make.edition()), outcome="came", people=1
    )
    assert [breach["row"] for breach in invariants.check(timezone.now())["breaches"]] == [f"figure {figure.pk}"]


def test_a_message_left_behind_is_found():
    make.registration()
    ago = timezone.now() - timezone.timedelta(hours=1)
    Message.objects.update(status="sending", lease_until=ago, lease_token="00000000-0000-4000-8000-000000000000")

    assert breaches() == ["no message outlives its lease"]


@pytest.mark.proves("check-invariants")
def test_the_command_prints_json_and_exits_1_on_a_wrong_sum(capsys):
    make.registration()
    call_command("check_invariants")
    assert json.loads(capsys.readouterr().out)["ok"] is True

    SeatPool.objects.update(taken=0)

    with pytest.raises(SystemExit) as stop:
        call_command("check_invariants")
    assert stop.value.code == 1
    assert json.loads(capsys.readouterr().out)["breaches"][0]["rule"] == "a pool counts the seats that are held"
