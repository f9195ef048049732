"""Limits on guessing and on mails."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.domain import limits
from core.limits import Limit
from outbox.models import Message
from tests import make
from tests.accounts.test_sign_in import CODE, LOGIN, SIGN_UP, last_code
from tests.crowd import all_at_once


@pytest.mark.proves("sign-in-limits")
@pytest.mark.parametrize("door", ["one session", "many sessions"])
def test_two_hundred_wrong_codes_at_once_are_not_all_looked_at(
    transactional_db: None, door: str, monkeypatch: pytest.MonkeyPatch
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
def test_one_network_opens_accounts_up_to_a_brake_that_honest_people_never_meet(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limits.ACCOUNTS_OF_A_NETWORK.amount >= 3000  # a whole venue behind one address, in the opening minute
    monkeypatch.setattr(limits, "ACCOUNTS_OF_A_NETWORK", Limit("accounts-of-a-network", 2, timedelta(hours=1)))

    def sign_up(number: int, **headers: Any) -> int:
        return client.post(SIGN_UP, {"login": f"person{number}@example.org"}, **headers).status_code

    assert [sign_up(1), sign_up(2), sign_up(3)] == [302, 302, 429]
    assert sign_up(4, headers={"X-Forwarded-For": "192.0.2.9"}) == 429  # what a client claims counts for nothing
    assert sign_up(5, REMOTE_ADDR="192.0.2.9") == 302
    assert [sign_up(n, REMOTE_ADDR=odd) for n, odd in ((20, ""), (21, "unix:"))] == [302, 302]
    assert [sign_up(n, REMOTE_ADDR=f"2001:db8::{n}") for n in (6, 7, 8)] == [302, 302, 429]
    assert client.post(LOGIN, {"login": "person1@example.org"}).status_code == 302
