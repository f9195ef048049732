"""check_invariants: each wrong sum is found, and only then does it fail."""

import json

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from outbox.models import Message
from registrations.domain import booking, invariants, pools
from registrations.models import Registration, SeatPool
from tests import make

pytestmark = pytest.mark.django_db


def breaches() -> list[str]:
    return [breach["rule"] for breach in invariants.check(timezone.now())["breaches"]]


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


def test_a_seat_in_a_foreign_pool_is_found():
    registration = make.registration()
    other = make.pool(make.session())
    Registration.objects.update(pool=other)
    SeatPool.objects.filter(pk=other.pk).update(taken=1)
    SeatPool.objects.filter(session=registration.session).update(taken=0)

    assert breaches() == ["a seat is in its own session’s pool"]


def test_a_message_left_behind_is_found():
    make.registration()
    ago = timezone.now() - timezone.timedelta(hours=1)
    Message.objects.update(status="sending", lease_until=ago, lease_token="00000000-0000-4000-8000-000000000000")

    assert breaches() == ["no message outlives its lease"]


def test_the_command_prints_json_and_exits_1_on_a_wrong_sum(capsys):
    make.registration()
    call_command("check_invariants")
    assert json.loads(capsys.readouterr().out)["ok"] is True

    SeatPool.objects.update(taken=0)

    with pytest.raises(SystemExit) as stop:
        call_command("check_invariants")
    assert stop.value.code == 1
    assert json.loads(capsys.readouterr().out)["breaches"][0]["rule"] == "a pool counts the seats that are held"
