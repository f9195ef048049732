"""Limits on guessing and on mails: they slow strangers down, and never whoever an address belongs to."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts import devices
from accounts.domain import codes, limits
from accounts.models import MailedCode
from core import erasure
from core.limits import Limit, TooMany
from core.models import LimitCounter
from outbox.models import Message
from tests import make
from tests.accounts.test_sign_in import CODE, LOGIN, SIGN_UP, last_code
from tests.crowd import all_at_once

ADA = "ada@example.org"
HOME = "203.0.113.7"  # where Ada is
NOON = datetime(2027, 2, 4, 12, 1, 30, tzinfo=UTC)


def browser(network: str = HOME, **extra: Any) -> Client:
    return Client(REMOTE_ADDR=network, **extra)


def ask(client: Client, address: str = ADA) -> str:
    """The page that asking for a code leads to."""
    return client.post(LOGIN, {"login": address}, follow=True).content.decode()


def comes_in(client: Client, code: str | None = None) -> bool:
    client.post(CODE, {"code": code or last_code(ADA)})
    return "_auth_user_id" in client.session


def hammer(tries: int, networks: int, **extra: Any) -> None:
    """Strangers ask for Ada's code and guess at it, in turn."""
    strangers = [browser(f"198.51.{100 + n // 250}.{n % 250}", **extra) for n in range(networks)]
    for n in range(tries):
        stranger = strangers[n // 2 % networks]
        if n % 2 == 0:
            stranger.post(LOGIN, {"login": ADA})
        else:
            assert not comes_in(stranger, f"{n:08}")


@pytest.fixture
def ada(db: None) -> Any:
    return make.attendee(email=ADA)


@pytest.fixture
def noon() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


# --- What strangers cannot do -----------------------------------------------------------------------------------------


@pytest.mark.proves("sign-in-limits")
@pytest.mark.parametrize("networks", [1, 20, 200])
@pytest.mark.parametrize("tries", [5, 500])
def test_whatever_strangers_try_the_owner_signs_in_from_elsewhere(ada: Any, tries: int, networks: int) -> None:
    with time_machine.travel(NOON, tick=False):
        hammer(tries, networks, headers={"X-Forwarded-For": HOME})

    with time_machine.travel(NOON + timedelta(seconds=5), tick=False):
        owner = browser()
        ask(owner)
        assert comes_in(owner)


@pytest.mark.proves("sign-in-limits")
def test_on_a_device_known_from_before_strangers_of_the_same_network_change_nothing(ada: Any, noon: Any) -> None:
    owner = browser()
    ask(owner)
    assert comes_in(owner)
    owner.post("/accounts/logout/")
    stranger = browser()
    for n in range(20):
        ask(stranger)
        comes_in(stranger, f"{n:08}")
    theirs = last_code(ADA)

    page = ask(owner)

    assert "reste valable" not in page and last_code(ADA) != theirs  # at once, and a code of her own
    assert not comes_in(stranger, last_code(ADA))
    assert comes_in(owner)


@pytest.mark.proves("sign-in-limits")
@pytest.mark.parametrize("whose", ["somebody else's", "forged", "old"])
def test_a_device_is_known_by_a_cookie_that_only_this_site_can_write(ada: Any, noon: Any, whose: str) -> None:
    make.attendee(email="bob@example.org")
    known = browser()
    ask(known, ADA if whose == "old" else "bob@example.org")
    known.post(CODE, {"code": last_code(ADA if whose == "old" else "bob@example.org")})
    cookie = known.cookies[devices.COOKIE]
    if whose == "old":
        noon.shift(timedelta(seconds=devices.AGE + 1))
    ask(browser())
    stranger = browser()
    stranger.cookies[devices.COOKIE] = f"{cookie.value}x" if whose == "forged" else cookie.value

    ask(stranger)

    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert "example" not in cookie.value
    assert MailedCode.objects.filter(asked_by="", is_current=True).get().mails == 1
    assert MailedCode.objects.exclude(asked_by="").count() == 0


def test_a_device_knows_the_last_five_who_signed_in_on_it(ada: Any, noon: Any, rf: Any) -> None:
    request = rf.get("/")
    for address in [ADA, *(f"person{n}@example.org" for n in range(5))]:
        response = HttpResponse()
        devices.remember(request, response, address)
        request.COOKIES[devices.COOKIE] = response.cookies[devices.COOKIE].value

    assert devices.known_device(request, "person0@example.org") == devices.known_device(request, "person4@example.org")
    assert not devices.known_device(request, ADA)


@pytest.mark.proves("sign-in-limits")
def test_a_code_in_the_mailbox_stays_right_when_strangers_have_another_one_sent(ada: Any, noon: Any) -> None:
    ask(browser("198.51.100.1"))
    first = last_code(ADA)
    noon.shift(timedelta(minutes=14))
    owner, other = browser(), browser()
    for one in (owner, other):
        ask(one)
    noon.shift(timedelta(minutes=2))
    ask(browser("198.51.100.2"))
    second = last_code(ADA)

    assert first != second
    assert comes_in(owner, first)
    assert comes_in(other, second)


# --- How often an address is mailed -----------------------------------------------------------------------------------


@pytest.mark.proves("sign-in-limits")
def test_the_same_code_is_mailed_again_after_one_minute_then_two_and_the_page_says_so(ada: Any, noon: Any) -> None:
    mailed = []
    for minute in range(15):
        pages = [ask(browser(f"198.51.100.{n}")) for n in range(2)]
        mailed += [minute] * (Message.objects.count() - len(mailed))
        if minute == 0:
            said = pages[-1].replace("\u202f", " ").replace("\xa0", " ")
        noon.shift(timedelta(minutes=1))

    assert mailed == [0, 1, 3, 7]
    assert "Un code a été demandé à 13 h 01, heure de Paris, et reste valable" in said
    assert "redemandez-le à 13 h 03" in said
    assert len({code["code"] for code in Message.objects.values_list("context", flat=True)}) == 1


@pytest.mark.proves("sign-in-limits")
def test_a_mailbox_is_not_flooded_in_a_day_and_its_code_is_right_at_any_time(ada: Any) -> None:
    with time_machine.travel(datetime(2027, 2, 4, tzinfo=UTC), tick=False) as clock:
        for minute in range(0, 24 * 60, 8):
            ask(browser(f"198.51.100.{minute % 250}"))
            if minute % 480 == 240:
                owner = browser()
                ask(owner)
                assert comes_in(owner)
                owner.cookies.clear()
            clock.shift(timedelta(minutes=8))

    assert 30 < Message.objects.count() <= 45  # thirty, then one in two hours; and one after each of her three


@pytest.mark.proves("sign-in-limits")
def test_of_many_who_ask_at_once_one_has_the_code_mailed(transactional_db: None) -> None:
    at = timezone.now()
    for _round in range(3):
        sent = all_at_once([partial(codes.issue, ADA, at=at)] * 20)
        assert [one.is_new for one in sent if isinstance(one, codes.Sent)].count(True) == 1
        assert len({one.code for one in sent if isinstance(one, codes.Sent)}) == 1
        at += timedelta(minutes=20)


# --- Guessing ---------------------------------------------------------------------------------------------------------


@pytest.mark.proves("sign-in-limits")
@pytest.mark.parametrize("door", ["one session", "many sessions"])
def test_two_hundred_wrong_codes_at_once_are_not_all_looked_at(
    transactional_db: None, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.attendee(email=ADA)
    looked_at: list[str] = []
    real = Limit.take

    def take(self: Limit, key: str, *, at: datetime, source: str = "") -> str:
        mark = real(self, key, at=at, source=source)
        if self.name == "guesses-a-day":
            looked_at.append(mark)  # the last wall before the code is compared
        return mark

    monkeypatch.setattr(Limit, "take", take)
    # All at one moment: a try a window later is another try.
    with time_machine.travel(timezone.now(), tick=False):
        answers = guess_at_once(door)

    assert 0 < len(looked_at) <= (3 if door == "one session" else 5)
    assert set(answers) <= {200, 302, 429}


def guess_at_once(door: str) -> list[Any]:
    """Ask for a code, and give two hundred wrong ones at once; the status of each answer."""
    clients = [Client() for _n in range(1 if door == "one session" else 5)]
    for client in clients:
        client.post(LOGIN, {"login": ADA})

    def guess(n: int) -> int:
        guesser = Client(headers={"X-Forwarded-For": f"192.0.2.{n}"})  # what a client claims counts for nothing
        guesser.cookies.update(clients[n % len(clients)].cookies)
        return guesser.post(CODE, {"code": f"{n:08}"}).status_code

    return all_at_once([partial(guess, n) for n in range(200)])


@pytest.mark.proves("sign-in-limits")
def test_a_day_of_guesses_from_anywhere_is_bounded_and_then_codes_are_longer(ada: Any, noon: Any) -> None:
    early = browser()
    ask(early)
    short = last_code(ADA)
    for network in range(48):
        sent = codes.issue(ADA, at=NOON)
        for n in range(5):
            codes.is_right(
                codes.Sent(ADA, sent.number, sent.at - network - n / 10), f"{n:08}", network=f"n{network}", at=NOON
            )

    assert not comes_in(early, short)  # 240 were wrong: no other short code is looked at today
    answer = early.get(LOGIN).content.decode()
    assert "Ce code n’est plus valable" in answer

    noon.shift(timedelta(minutes=1))
    ask(early)
    long = last_code(ADA)
    assert len(long.replace("-", "")) == 16
    assert comes_in(early, long)


def test_a_code_that_many_asked_for_works_once(transactional_db: None) -> None:
    make.attendee(email=ADA)
    browsers = [browser(f"198.51.100.{n}") for n in range(8)]
    for one in browsers:
        ask(one)
    code = last_code(ADA)

    came_in = all_at_once([partial(comes_in, one, code) for one in browsers])

    assert came_in.count(True) == 1, came_in
    assert not comes_in(browsers[came_in.index(False)], code)
    ask(browsers[0])
    assert Message.objects.count() == 2  # whoever asks now has a new one


def test_tries_of_one_network_are_answered_with_the_time_to_come_back(ada: Any, noon: Any) -> None:
    noon.move_to(datetime(2027, 2, 4, 8, 1, tzinfo=UTC))
    client, answers = browser(), []
    for n in range(6):
        if n % 3 == 0:
            ask(client)
        answers.append(client.post(CODE, {"code": f"{n:08}"}))
        noon.shift(timedelta(seconds=1))

    assert [a.status_code for a in answers] == [200, 200, 302, 200, 200, 429]
    assert int(answers[-1]["Retry-After"]) == 4 * 60 - 5 + 1
    assert "dans 4\u00a0minutes, à 9\u00a0h\u00a005, heure de Paris" in answers[-1].content.decode()


def test_right_codes_are_not_counted(client: Client, ada: Any, noon: Any) -> None:
    for _n in range(5):
        noon.shift(timedelta(seconds=1))
        ask(client)
        client.post(CODE, {"code": "00000000"})
        assert comes_in(client)
        client.post("/accounts/logout/")
    noon.shift(timedelta(seconds=1))
    ask(client)
    fifth = client.post(CODE, {"code": "00000000"})  # on this device; the first was before it was known
    sixth = client.post(CODE, {"code": last_code(ADA)})

    assert (fifth.status_code, sixth.status_code) == (200, 429)


# --- What is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.proves("anonymous-limits")
def test_codes_and_limits_name_nobody_and_are_gone_when_the_person_is(ada: Any, noon: Any) -> None:
    ask(browser())
    comes_in(browser(), "00000000")
    ask(browser(), "bob@example.org")
    rows = str([*MailedCode.objects.values_list(), *LimitCounter.objects.values_list()])
    before, code = LimitCounter.objects.count(), last_code(ADA).replace("-", "")

    erasure.erase([ada.user.pk], why=erasure.Why.BY_PERSON, at=NOON)

    assert not [word for word in (ADA, HOME, code) if word in rows]
    assert [row.address_hash for row in MailedCode.objects.all()] == [codes.hash_of("bob@example.org")]
    assert LimitCounter.objects.count() < before


# --- Opening accounts -------------------------------------------------------------------------------------------------

VENUE = "192.0.2.1"


@pytest.mark.proves("sign-up-limits")
def test_three_thousand_people_behind_one_address_sign_up_in_the_opening_minute(client: Client, ada: Any) -> None:
    at = NOON
    with time_machine.travel(at, tick=False):
        for _person in range(3000):
            limits.count_sign_up(VENUE, at=at)  # none of them has typed the code yet

        answer = client.post(SIGN_UP, {"login": "last@example.org"}, REMOTE_ADDR=VENUE)
        came_in = client.post(CODE, {"code": last_code("last@example.org")}, REMOTE_ADDR=VENUE)

    assert (answer.status_code, came_in["Location"]) == (302, "/accounts/welcome/?next=%2Fme%2F")


@pytest.mark.proves("sign-up-limits")
def test_a_script_that_never_confirms_is_stopped_and_people_with_accounts_are_not(client: Client, ada: Any) -> None:
    opened, hours = 0, 0
    with pytest.raises(TooMany) as stopped:
        for hours in range(24):
            with suppress(TooMany):
                for _n in range(4001):
                    limits.count_sign_up(VENUE, at=NOON + timedelta(hours=hours))
                    opened += 1
            if limits.SIGN_UPS_A_DAY.is_spent(VENUE, at=NOON):
                limits.SIGN_UPS_A_DAY.take(VENUE, at=NOON)
    assert (opened, hours) == (10_000, 2)
    assert stopped.value.retry_at == datetime(2027, 2, 5, tzinfo=UTC)

    with time_machine.travel(NOON, tick=False):
        refused = client.post(SIGN_UP, {"login": "person@example.org"}, REMOTE_ADDR=VENUE)
        elsewhere = client.post(SIGN_UP, {"login": "person@example.org"}, REMOTE_ADDR=HOME)
        at_the_venue = browser(VENUE)
        ask(at_the_venue)
        assert comes_in(at_the_venue)
    assert (refused.status_code, elsewhere.status_code) == (429, 302)


@pytest.mark.proves("sign-up-limits")
def test_a_sign_up_counts_until_its_code_is_typed(db: None, monkeypatch: pytest.MonkeyPatch, noon: Any) -> None:
    monkeypatch.setattr(limits, "SIGN_UPS", Limit("sign-ups", 2, timedelta(hours=1)))

    def sign_up(number: int, client: Client | None = None, **extra: Any) -> int:
        client = client or browser(VENUE, **extra)
        return client.post(SIGN_UP, {"login": f"person{number}@example.org"}).status_code

    first = browser(VENUE)
    assert [sign_up(1, first), sign_up(1, first), sign_up(2), sign_up(3)] == [302, 302, 302, 429]
    assert sign_up(4, headers={"X-Forwarded-For": "192.0.2.9"}) == 429  # what a client claims counts for nothing
    first.post(LOGIN, {"login": "person5@example.org"})
    assert sign_up(5, first) == 429  # another address counts anew
    first.post(SIGN_UP, {"login": "person1@example.org"})
    first.post(CODE, {"code": last_code("person1@example.org")})
    assert [sign_up(6), sign_up(7)] == [302, 429]


def test_networks_are_told_apart_as_subscribers_are(db: None, monkeypatch: pytest.MonkeyPatch, noon: Any) -> None:
    monkeypatch.setattr(limits, "SIGN_UPS", Limit("sign-ups", 2, timedelta(hours=1)))

    def sign_up(number: int, network: str) -> int:
        return browser(network).post(SIGN_UP, {"login": f"person{number}@example.org"}).status_code

    assert [sign_up(n, odd) for n, odd in ((20, ""), (21, "unix:"))] == [302, 302]
    assert [sign_up(n, f"2001:db8::{n}") for n in (6, 7, 8)] == [302, 302, 429]
    assert sign_up(9, "2001:db8:0:1::9") == 302
