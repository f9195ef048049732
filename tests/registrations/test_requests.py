"""Seats on request: asked for with a reason, decided by the organisers (docs/rules.md#access)."""

import pytest

from programme.models import Session
from registrations.domain import booking
from tests import make
from tests.registrations.acts import books, cancel, last, line, mails, refused, register, status

pytestmark = pytest.mark.django_db


def on_request(seats=1, *, holds=True):
    return make.session(seats=seats, access=Session.Access.APPROVAL, holds_requests=holds)


def ask(session, who=None, **options):
    return register(session, who or make.attendee(), reason="Je viens de loin", waits=True, **options)


def decide(request, *, grant, answer="", actor=None):
    return booking.decide(request, grant=grant, answer=answer, actor=actor or make.organiser())


@pytest.mark.proves("request-decided-once")
def test_a_request_needs_a_reason_and_holds_a_seat():
    session, ada = on_request(), make.attendee()
    refused("reason", register, session, ada, reason="   ")

    request = ask(session, ada)

    assert (request.status, request.reason, request.pool) == ("pending", "Je viens de loin", make.pool(session))
    assert make.pool(session).left == 0
    assert mails(ada) == ["requested"]
    assert books() == []


def test_where_requests_hold_seats_the_next_one_waits_and_asks_when_a_seat_is_free():
    session = on_request()
    first = ask(session)
    second = ask(session)
    assert second.status == "waiting"

    decide(first, grant=False, answer="Complet")

    assert status(session, second.attendee) == "pending"
    assert books() == []


@pytest.mark.proves("request-decided-once")
def test_where_requests_hold_no_seat_anybody_may_ask_and_the_decision_takes_the_seat():
    session = on_request(holds=False)
    first, second = ask(session), ask(session)
    assert [request.status for request in (first, second)] == ["pending", "pending"]
    assert make.pool(session).taken == 0

    assert decide(second, grant=True).status == "confirmed"

    refused("full", decide, first, grant=True)
    assert make.pool(session).taken == 1
    assert books() == []


@pytest.mark.proves("request-decided-once")
def test_a_request_is_granted_once_with_the_answer_and_a_mail():
    session, ada, organiser = on_request(), make.attendee(), make.organiser()
    request = ask(session, ada)

    for _ in range(2):
        granted = decide(request, grant=True, answer="Bienvenue", actor=organiser)

    assert (granted.status, granted.answer) == ("confirmed", "Bienvenue")
    assert granted.history.first().history_user == organiser
    assert granted.history.count() == 2
    assert mails(ada) == ["requested", "confirmed"]
    assert books() == []


@pytest.mark.proves("request-decided-once")
def test_a_request_is_refused_once_with_the_answer_and_a_mail():
    session, ada = on_request(), make.attendee()
    request = ask(session, ada)

    for _ in range(2):
        declined = decide(request, grant=False, answer="Une autre fois")

    assert (declined.status, declined.ending, declined.answer) == ("declined", "refused", "Une autre fois")
    assert make.pool(session).taken == 0
    assert mails(ada) == ["requested", "declined"]
    assert books() == []


@pytest.mark.proves("request-decided-once")
def test_a_request_that_was_decided_otherwise_or_withdrawn_is_not_decided_again():
    session = on_request(seats=3)
    granted, declined, withdrawn = ask(session), ask(session), ask(session)
    decide(granted, grant=True)
    decide(declined, grant=False)
    cancel(session, withdrawn.attendee)

    refused("decided", decide, granted, grant=False)
    refused("decided", decide, declined, grant=True)
    assert withdrawn.attendee.name in refused("decided", decide, withdrawn, grant=True)


def test_no_request_is_granted_once_the_session_has_started():
    session = on_request()
    request = ask(session)

    refused("started", booking.decide, request, grant=True, answer="", actor=make.organiser(), at=session.starts_at)


def test_whoever_was_declined_may_ask_again():
    session, ada = on_request(), make.attendee()
    decide(ask(session, ada), grant=False)

    assert ask(session, ada).status == "pending"


def test_organisers_may_grant_a_request_from_the_waiting_list_when_a_seat_is_free():
    session = on_request()
    first, second = ask(session), ask(session)
    refused("full", decide, second, grant=True)

    cancel(session, first.attendee)

    assert status(session, second.attendee) == "pending"
    assert decide(second, grant=True).status == "confirmed"


def test_a_guest_of_the_organisers_need_not_ask():
    assert register(on_request(), make.attendee(), let_in=True).status == "confirmed"


def test_a_request_counts_as_a_seat_for_clashes_until_it_is_decided():
    event = make.event(clash_policy="refuse")
    session, other, ada = (
        make.session(event=event, access=Session.Access.APPROVAL),
        make.session(event=event),
        make.attendee(),
    )
    request = ask(session, ada)

    refused("clash", register, other, ada)
    decide(request, grant=False)

    assert register(other, ada).status == "confirmed"


def test_a_request_on_the_waiting_list_is_served_in_turn_but_never_confirmed_without_a_decision():
    session = on_request()
    [holder] = [ask(session)]
    decide(holder, grant=True)
    waiting = ask(session)

    cancel(session, holder.attendee)

    assert status(session, waiting.attendee) == "pending"
    assert line(session) == []
    assert last(session, waiting.attendee).pool == make.pool(session)
