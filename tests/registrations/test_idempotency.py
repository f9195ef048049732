"""A form has its effect once, however often it is sent (docs/rules.md#forms-sent-twice); test_race.py sends it fifty
times at once."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from outbox.models import Message
from programme.domain import retention
from programme.models import Session
from registrations.models import IdempotencyKey, Registration
from tests import make
from tests.registrations.acts import books, cancel, fill, last, line, mails, register, status, wait

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client):
    ada = make.attendee()
    make.sign_in(client, ada)
    return ada


def press(client, session, act="register", **fields):
    """Send a form of the seat box; "key" is a new one unless it is given."""
    data = {"seen": "", "key": str(uuid.uuid4())} | fields
    return client.post(
        reverse(f"registrations:{act}", args=[session.slug]),
        data,
        headers={"HX-Request": "true", "HX-Target": "seat-box"},
    )


def counts():
    return (
        Registration.objects.count(),
        Registration.history.count(),
        Message.objects.count(),
        IdempotencyKey.objects.count(),
    )


def test_the_key_of_a_form_is_spent_with_its_effect(client, ada):
    session, key = make.session(), str(uuid.uuid4())

    press(client, session, key=key)

    spent = IdempotencyKey.objects.get()
    assert (str(spent.key), spent.user) == (key, ada.user)
    assert spent.answer == {"registration": str(last(session, ada).uuid), "status": "confirmed"}


def test_the_same_form_again_answers_the_same_and_changes_nothing(client, ada):
    session, key = make.session(), str(uuid.uuid4())
    press(client, session, key=key)
    before = counts()

    for _ in range(2):
        again = press(client, session, key=key)
        assert (again.status_code, "Votre place est confirmée" in again.content.decode()) == (200, True)

    assert counts() == before


@pytest.mark.parametrize("act", ["register", "cancel", "accept"])
def test_a_key_that_comes_with_something_else_is_refused(client, ada, act):
    """422, and nothing changes."""
    session, other, key = make.session(), make.session(), str(uuid.uuid4())
    press(client, session, key=key, despite="on")
    before = counts()

    answer = press(client, session if act != "register" else other, act, key=key, despite="on")

    assert answer.status_code == 422
    assert (
        gettext("You’ve already sent this form with something else in it: nothing has changed.")
        in answer.content.decode()
    )
    assert counts() == before
    assert status(session, ada) == "confirmed"


def test_the_same_key_with_another_reason_is_refused(client, ada):
    session, key = make.session(access=Session.Access.APPROVAL), str(uuid.uuid4())
    press(client, session, key=key, reason="Je viens de loin")

    assert press(client, session, key=key, reason="Je viens de près").status_code == 422
    assert last(session, ada).reason == "Je viens de loin"


def test_somebody_elses_key_is_as_good_as_new(client, ada):
    session, key = make.session(), str(uuid.uuid4())
    press(client, session, key=key)
    grace = make.attendee()

    press(make.sign_in(Client(), grace), session, key=key)

    assert status(session, grace) == "confirmed"
    assert IdempotencyKey.objects.count() == 2


@pytest.mark.proves("idempotent-forms")
def test_what_was_refused_spends_no_key(client, ada):
    session, key = make.session(seats=1, waiting_list=Session.WaitingList.NONE), str(uuid.uuid4())
    [holder] = fill(session)
    press(client, session, key=key)
    assert IdempotencyKey.objects.count() == 0
    cancel(session, holder)

    press(client, session, key=key)

    assert status(session, ada) == "confirmed"


def test_a_place_on_the_waiting_list_asked_for_again_is_the_same_place(client, ada):
    session, key = make.session(seats=1), str(uuid.uuid4())
    fill(session)
    first = press(client, session, key=key)
    wait(session)

    again = press(client, session, key=key)

    sentence = gettext("This session is full: you’re number %(place)d on the waiting list.") % {"place": 1}
    assert sentence in first.content.decode()
    assert sentence in again.content.decode()
    assert line(session)[0] == ada


@pytest.mark.proves("idempotent-forms")
def test_a_cancellation_sent_again_does_not_cancel_what_was_taken_since(client, ada):
    session, key = make.session(), str(uuid.uuid4())
    register(session, ada)
    press(client, session, "cancel", key=key)
    register(session, ada)

    answer = press(client, session, "cancel", key=key)

    assert answer.status_code == 200
    assert status(session, ada) == "confirmed"
    assert mails(ada) == ["confirmed", "cancelled", "confirmed"]


def test_a_form_sent_again_after_things_have_changed_says_how_they_are_now(client, ada):
    session, key = make.session(seats=1), str(uuid.uuid4())
    [holder] = fill(session)
    press(client, session, key=key)
    cancel(session, holder)
    assert status(session, ada) == "confirmed"

    answer = press(client, session, key=key)

    sentence = gettext("You’ve already sent this form, and things have changed since: this is how they stand now.")
    assert sentence in answer.content.decode()
    assert status(session, ada) == "confirmed"


def test_a_form_without_a_key_or_with_an_odd_one_works_all_the_same(client, ada):
    for key in ("", "\0", "not-a-key", "é" * 500):
        session = make.session()
        assert press(client, session, key=key, despite="on").status_code == 200
        assert status(session, ada) == "confirmed"
    assert not IdempotencyKey.objects.exists()


@pytest.mark.proves("idempotent-forms")
def test_keys_are_kept_for_two_days(client, ada):
    now = timezone.now()
    for age in (timedelta(hours=47), timedelta(hours=49)):
        press(client, make.session(), despite="on")
        IdempotencyKey.objects.filter(created_at__gt=now - timedelta(hours=1)).update(created_at=now - age)

    assert retention.run(now)["forms"] == 1
    assert retention.run(now)["forms"] == 0
    assert IdempotencyKey.objects.count() == 1
    assert books() == []
