"""Crowds: never a seat too many, never one too few, and nobody sees an error."""

import random
import re
import time
import uuid
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from outbox.models import Message
from programme.domain import retention
from registrations.domain import booking, invariants, waitlist
from registrations.domain.booking import SeatRefused
from registrations.models import IdempotencyKey, Registration, SeatPool
from tests import make
from tests.crowd import all_at_once

pytestmark = pytest.mark.django_db(transaction=True)


def register(session, attendee):
    return booking.register(booking.Ask(session, attendee, actor=attendee.user, despite=True))


def cancel(session, attendee):
    return booking.cancel(session, attendee, actor=attendee.user)


def assert_books_balance():
    for pool in SeatPool.objects.all():
        assert pool.taken == pool.registrations.count()
        assert 0 <= pool.taken <= pool.seats
    live = Registration.objects.live()
    assert live.count() == live.values("session", "attendee").distinct().count()
    assert invariants.check(timezone.now())["breaches"] == []
    told = Message.objects.filter(kind="registrations.confirmed").values_list("dedupe_key", flat=True)
    seated = Registration.history.filter(status="confirmed").values_list("uuid", flat=True).distinct()
    assert sorted(told) == sorted(f"registrations.confirmed:{uuid}" for uuid in seated)


def sell(people, seats):
    """Let `people` try for `seats` at once, and judge the answers."""
    session = make.session(seats=seats)

    answers = all_at_once([partial(register, session, attendee) for attendee in make.attendees(people)])

    sold = [answer for answer in answers if isinstance(answer, Registration)]
    refused = [answer for answer in answers if isinstance(answer, SeatRefused) and answer.code == "full"]
    assert (len(sold), len(refused)) == (seats, people - seats), [
        a for a in answers if a not in sold and a not in refused
    ][:3]
    assert make.pool(session).taken == session.registrations.live().count() == seats
    assert_books_balance()


@pytest.mark.proves("no-overselling", "no-lost-seat")
@pytest.mark.slow(5)
def test_a_thousand_people_for_three_hundred_seats():
    """Exactly 300 sold, 700 told that it is full, no error."""
    sell(people=1000, seats=300)


@pytest.mark.proves("no-overselling")
@pytest.mark.faults
@pytest.mark.slow(100)
def test_a_thousand_people_for_three_hundred_seats_twenty_times():
    for _ in range(20):
        sell(people=1000, seats=300)


@pytest.mark.proves("no-overselling")
# SQLite runs one writer at a time: there, even the careless code below oversells nothing.
@pytest.mark.only_on_postgresql
def test_without_its_guard_the_same_crowd_oversells():
    """The control: if this crowd could not oversell careless code, the test above would prove nothing."""

    def register_carelessly(session, attendee):
        with transaction.atomic():
            pool = SeatPool.objects.get(session=session, cohort=None)
            if pool.taken >= pool.seats:
                raise SeatRefused("full", "")
            SeatPool.objects.filter(pk=pool.pk).update(taken=pool.taken + 1)
            return Registration.objects.create(session=session, attendee=attendee, status="confirmed", pool=pool)

    session = make.session(seats=300)
    people = make.attendees(1000)

    answers = all_at_once([partial(register_carelessly, session, attendee) for attendee in people])

    oversold = sum(isinstance(answer, Registration) for answer in answers) - 300
    print(f"Careless code sold {oversold} seats that do not exist.")
    assert oversold > 0
    assert make.pool(session).taken != session.registrations.count()


@pytest.mark.proves("database-constraints")
@pytest.mark.only_on_postgresql
def test_without_the_condition_the_database_itself_refuses_the_seat_too_many():
    """Under a crowd: were the WHERE forgotten, people would see errors, but nobody would get a seat that does not
    exist."""

    def register_without_condition(session, attendee):
        with transaction.atomic():
            pool = SeatPool.objects.get(session=session, cohort=None)
            SeatPool.objects.filter(pk=pool.pk).update(taken=F("taken") + 1)
            return Registration.objects.create(session=session, attendee=attendee, status="confirmed", pool=pool)

    session = make.session(seats=10)

    answers = all_at_once([partial(register_without_condition, session, attendee) for attendee in make.attendees(40)])

    assert sum(isinstance(answer, Registration) for answer in answers) == 10
    assert make.pool(session).taken == session.registrations.count() == 10


def sell_with_waitlist(people, seats):
    """Let `people` try for `seats` at once, where who comes too late waits; judge the answers, the seats and the
    waiting list."""
    session = make.session(seats=seats)
    crowd = make.attendees(people)
    took: list[float] = []

    def ask(attendee):
        began = time.monotonic()
        answer = booking.register(booking.Ask(session, attendee, actor=attendee.user, despite=True, waits=True))
        took.append(time.monotonic() - began)
        return answer

    began = time.monotonic()
    answers = all_at_once([partial(ask, attendee) for attendee in crowd])
    seconds = time.monotonic() - began

    assert [answer for answer in answers if not isinstance(answer, Registration)] == []
    assert Counter(answer.status for answer in answers) == {"confirmed": seats, "waiting": people - seats}
    line = list(Registration.objects.waiting().filter(session=session))
    places = waitlist.places(line)
    assert [places[registration.pk] for registration in line] == list(range(1, people - seats + 1))
    assert [registration.pk for registration in sorted(line, key=lambda one: (one.waiting_at, one.pk))] == [
        one.pk for one in line
    ]
    assert_books_balance()
    took.sort()
    print(
        f"{people} for {seats}: {seats} confirmed, {len(line)} waiting in {seconds:.1f} s, "
        f"{people / seconds:.0f} decisions/s, p95 {took[len(took) * 95 // 100] * 1000:.0f} ms, "
        f"slowest {took[-1] * 1000:.0f} ms."
    )


@pytest.mark.proves("no-overselling", "no-lost-seat", "no-lock-errors")
@pytest.mark.slow(8)
def test_a_thousand_people_for_three_hundred_seats_and_a_waiting_list():
    """300 confirmed, 700 in line, from 1 to 700 in the order in which they came."""
    sell_with_waitlist(people=1000, seats=300)


@pytest.mark.proves("no-overselling")
@pytest.mark.faults
# SQLite lets one writer in at a time: the twenty rounds without a waiting list show it there.
@pytest.mark.only_on_postgresql
@pytest.mark.slow(200)
def test_a_thousand_people_for_three_hundred_seats_and_a_waiting_list_twenty_times():
    for _ in range(20):
        sell_with_waitlist(people=1000, seats=300)


def clicks(who, number, session, **fields):
    """`number` equal presses of one form of `session`, each by a browser of its own that is signed in as `who`."""
    cookies = make.sign_in(Client(), who).cookies
    url = reverse("registrations:register", args=[session.slug])

    def click():
        browser = Client()
        browser.cookies = cookies
        return browser.post(url, {"seen": ""} | fields, headers={"HX-Request": "true", "HX-Target": "seat-box"})

    return [click] * number


def words(answer):
    """What was answered, without what Django draws anew each time: tokens, and the key of the next form."""
    drawn = rb"\b[A-Za-z0-9]{64}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    return re.sub(drawn, b"", answer.content)


def ask_for_overlapping_seats(rounds):
    strict = make.event(clash_policy="refuse")
    one, two = make.session(event=strict), make.session(event=strict)
    free = make.session(event=strict, starts_at=one.starts_at + timedelta(days=2))
    for round_ in range(rounds):
        ada = make.attendee()
        jobs = [job for session, n in ((one, 67), (two, 67), (free, 66)) for job in clicks(ada, n, session)]
        random.Random(round_).shuffle(jobs)

        answers = all_at_once(jobs)

        assert {getattr(answer, "status_code", answer) for answer in answers} == {200}
        held = [registration.session for registration in Registration.objects.live().filter(attendee=ada)]
        assert len(held) == 2
        assert free in held
        assert Registration.history.filter(attendee=ada).count() == 2
        assert Message.objects.filter(to=ada.user.email).count() == 2
    assert_books_balance()
    print(f"{rounds} × 200 posts of one person at once: one of two overlapping seats and the free one, 0 errors.")


@pytest.mark.proves("idempotent-requests")
def test_one_person_who_asks_for_two_overlapping_seats_two_hundred_times_gets_one_of_them():
    """200 posts over two sessions at the same time, in an event that refuses clashes, and one that is free."""
    ask_for_overlapping_seats(rounds=1)


@pytest.mark.proves("idempotent-requests")
@pytest.mark.faults
@pytest.mark.slow(50)
def test_ten_people_who_ask_for_two_overlapping_seats_two_hundred_times_get_one_of_them():
    ask_for_overlapping_seats(rounds=10)


@pytest.mark.proves("idempotent-requests")
def test_one_person_who_asks_fifty_times_at_once_gets_one_seat_and_one_mail():
    session, ada = make.session(seats=300), make.attendee()

    answers = all_at_once([partial(register, session, ada)] * 50, threads=50)

    assert len({answer.pk for answer in answers}) == 1
    assert make.pool(session).taken == 1
    assert Message.objects.count() == 1
    assert Registration.history.count() == 1


@pytest.mark.proves("idempotent-requests", "idempotent-forms")
@pytest.mark.parametrize("key", [{}, {"key": str(uuid.uuid4())}], ids=["without a key", "with its key"])
@pytest.mark.parametrize("full", [False, True], ids=["a seat", "a place on the waiting list"])
def test_fifty_equal_posts_of_one_form_have_one_effect_and_one_answer(key, full):
    """The whole way through the page, double-clicked fifty times; then the same an hour later; then Back after
    cancelling."""
    session, ada = make.session(seats=1), make.attendee()
    if full:
        make.registration(session)
    status = "waiting" if full else "confirmed"

    answers = all_at_once(clicks(ada, 50, session, **key), threads=50)

    assert {answer.status_code for answer in answers} == {200}
    assert len({words(answer) for answer in answers}) == 1
    assert [registration.status for registration in ada.registrations.all()] == [status]
    assert Message.objects.filter(to=ada.user.email).count() == 1
    assert Registration.history.filter(attendee=ada).count() == 1

    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=1))
    retention.run(timezone.now(), hourly=True)
    [later] = all_at_once(clicks(ada, 1, session, **key))
    assert words(later) == words(answers[0])

    cancel(session, ada)
    [back] = all_at_once(clicks(ada, 1, session, **key))
    assert "Vous avez libéré cette place entre-temps" in back.content.decode()
    assert not Registration.objects.live().filter(attendee=ada).exists()
    assert_books_balance()


def test_one_person_who_cancels_fifty_times_at_once_gives_one_seat_back():
    session, ada = make.session(seats=300), make.attendee()
    make.registration(session)
    register(session, ada)

    answers = all_at_once([partial(cancel, session, ada)] * 50, threads=50)

    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType"] * 49 + ["Registration"]
    assert make.pool(session).taken == 1
    assert Message.objects.filter(to=ada.user.email).count() == 2


def storm(people, sessions, deeds):
    """`people` take and give back seats of `sessions` at random, `deeds` times in all."""
    dice = random.Random(20270204)
    crowd = make.attendees(people)
    places = [make.session(seats=people // 3) for _ in range(sessions)]
    jobs = [
        partial(dice.choice([register, register, cancel]), dice.choice(places), dice.choice(crowd))
        for _ in range(deeds)
    ]

    answers = all_at_once(jobs)

    errors = [
        answer
        for answer in answers
        if isinstance(answer, Exception) and not (isinstance(answer, SeatRefused) and answer.code == "full")
    ]
    assert errors == []
    assert_books_balance()


@pytest.mark.proves("no-lost-seat")
def test_a_storm_of_registrations_and_cancellations_leaves_the_books_right():
    storm(people=60, sessions=3, deeds=600)


@pytest.mark.proves("no-lost-seat")
@pytest.mark.faults
@pytest.mark.slow(60)
def test_a_long_storm_leaves_the_books_right():
    storm(people=200, sessions=5, deeds=10_000)
