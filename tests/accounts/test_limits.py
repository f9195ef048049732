"""Limits on guessing and on mails, counted on a real table by real threads."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.domain import limits
from core.limits import Brake, Limit, TooMany, give_back
from outbox.models import Message
from tests import make
from tests.accounts.test_sign_in import CODE, LOGIN, SIGN_UP, last_code
from tests.crowd import all_at_once

ROWS = {
    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
    "LOCATION": "accounts_limits",
    "OPTIONS": {"MAX_ENTRIES": 100_000},
}


@pytest.fixture
def rows(settings: Any, transactional_db: None) -> Iterator[None]:
    """The cache of production: a table. It is made by a migration, which the tests' own cache settings had skip it."""
    settings.CACHES = settings.CACHES | {"default": ROWS}
    call_command("createcachetable", verbosity=0)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE accounts_limits")


@pytest.mark.proves("sign-in-limits")
def test_two_hundred_tries_at_once_leave_five(rows: None) -> None:
    limit, now = Limit("tries", 5, timedelta(minutes=5)), timezone.now()

    for address in ("ada@example.org", "grace@example.org", "emmy@example.org"):
        marks = all_at_once([partial(limit.take, address, at=now)] * 200)

        assert len([mark for mark in marks if isinstance(mark, str)]) == 5
        assert len([refusal for refusal in marks if isinstance(refusal, TooMany)]) == 195


@pytest.mark.proves("sign-in-limits")
@pytest.mark.parametrize("door", ["one session", "many sessions"])
def test_two_hundred_wrong_codes_at_once_are_not_all_looked_at(
    rows: None, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.attendee(email="ada@example.org")
    looked_at: list[str] = []
    real = Limit.take

    def take(self: Limit, key: str, *, at: datetime) -> str:
        mark = real(self, key, at=at)
        if self.name == "tries-of-a-code":
            looked_at.append(mark)  # the last wall before the code is compared
        return mark

    monkeypatch.setattr(Limit, "take", take)
    # All at one moment: a try a window later is another try.
    with time_machine.travel(timezone.now(), tick=False):
        answers = guess_at_once(door)

    assert 0 < len(looked_at) <= (3 if door == "one session" else 5)
    assert set(answers) <= {200, 302, 429}


def guess_at_once(door: str) -> list[Any]:
    """Ask for a code, and give sixty wrong ones at once; the status of each answer."""
    clients = [Client() for _n in range(1 if door == "one session" else 5)]
    for client in clients:
        client.post(LOGIN, {"login": "ada@example.org"})

    def guess(n: int) -> int:
        guesser = Client()
        guesser.cookies.update(clients[n % len(clients)].cookies)
        return guesser.post(CODE, {"code": f"{n:08}"}).status_code

    return all_at_once([partial(guess, n) for n in range(60)])


def test_too_many_codes_are_answered_with_the_time_to_come_back(client: Client, db: None) -> None:
    make.attendee(email="ada@example.org")
    with time_machine.travel(datetime(2027, 2, 4, 8, 1, tzinfo=UTC), tick=False) as clock:
        for address in ("ada@example.org", "stranger@example.org"):
            answers = [client.post(LOGIN, {"login": address}) for _n in range(6)]

            assert [a.status_code for a in answers] == [302] * 5 + [429]
            assert answers[-1]["Retry-After"] == "541"
            assert "dans 9\u00a0minutes, à 9\u00a0h\u00a010, heure de Paris" in answers[-1].content.decode()
        in_english = client.post("/en" + SIGN_UP, {"login": "ADA@example.org"})
        elsewhere = client.post(LOGIN, {"login": "grace@example.org"})
        clock.move_to(datetime(2027, 2, 4, 8, 10, tzinfo=UTC))
        later = client.post(LOGIN, {"login": "ada@example.org"})

    assert "in 9 minutes, at " in in_english.content.decode()
    assert (elsewhere.status_code, later.status_code) == (302, 302)
    assert Message.objects.filter(to="ada@example.org").count() == 6


def test_right_codes_are_not_counted(client: Client, db: None) -> None:
    make.attendee(email="ada@example.org")
    with time_machine.travel(datetime(2027, 2, 4, 8, 1, tzinfo=UTC), tick=False) as clock:
        for _n in range(4):
            clock.shift(timedelta(seconds=1))
            client.post(LOGIN, {"login": "ada@example.org"})
            client.post(CODE, {"code": "00000000"})
            assert client.post(CODE, {"code": last_code("ada@example.org")})["Location"] == "/me/"
            client.post("/accounts/logout/")
        clock.shift(timedelta(seconds=1))
        client.post(LOGIN, {"login": "ada@example.org"})
        fifth = client.post(CODE, {"code": "00000000"})
        sixth = client.post(CODE, {"code": last_code("ada@example.org")})

    assert (fifth.status_code, sixth.status_code) == (200, 429)


@pytest.mark.proves("sign-in-limits")
def test_another_address_has_limits_of_its_own() -> None:
    limit, now = Limit("tries", 1, timedelta(minutes=5)), timezone.now()
    limit.take("ada@example.org", at=now)

    limit.take("grace@example.org", at=now)

    with pytest.raises(TooMany):
        limit.take("ada@example.org", at=now)


def test_a_try_given_back_can_be_taken_again() -> None:
    limit, now = Limit("tries", 1, timedelta(minutes=5)), timezone.now()

    give_back(limit.take("ada@example.org", at=now))

    assert limit.take("ada@example.org", at=now)


@pytest.mark.proves("anonymous-limits")
def test_the_table_of_limits_names_nobody(rows: None) -> None:
    limits.CODES_SENT.take("zoe@example.org", at=timezone.now())

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_limits")
        assert "zoe" not in str(cursor.fetchall())  # no letters that a fingerprint may hold


@pytest.mark.proves("sign-in-limits")
def test_one_network_opens_accounts_up_to_a_brake_that_honest_people_never_meet(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limits.ACCOUNTS_OF_A_NETWORK.amount >= 3000  # a whole venue behind one address, in the opening minute
    monkeypatch.setattr(limits, "ACCOUNTS_OF_A_NETWORK", Brake("accounts-of-a-network", 2, timedelta(hours=1)))

    def sign_up(number: int, **headers: Any) -> int:
        return client.post(SIGN_UP, {"login": f"person{number}@example.org"}, **headers).status_code

    assert [sign_up(1), sign_up(2), sign_up(3)] == [302, 302, 429]
    assert sign_up(4, headers={"X-Forwarded-For": "192.0.2.9"}) == 429  # what a client claims counts for nothing
    assert sign_up(5, REMOTE_ADDR="192.0.2.9") == 302
    assert [sign_up(n, REMOTE_ADDR=odd) for n, odd in ((20, ""), (21, "unix:"))] == [302, 302]
    assert [sign_up(n, REMOTE_ADDR=f"2001:db8::{n}") for n in (6, 7, 8)] == [302, 302, 429]
    assert client.post(LOGIN, {"login": "person1@example.org"}).status_code == 302
