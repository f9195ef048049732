"""The second step of signing in (docs/rules.md#second-factor): who is asked for it, what it is worth, what follows from
a change. The ceremony of a passkey, with a browser's own authenticator: tests/e2e/test_passkeys.py."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.domain import factors, sign_in_log
from accounts.models import SignInEvent, User, WebSession
from core.models import AuditLogEntry
from outbox.models import Message
from partners.models import PartnerRole
from tests import make
from tests.accounts.test_sign_in import CODE, LOGIN, last_code

pytestmark = pytest.mark.django_db

SECURITY, ADD, FACTOR = "/accounts/security/", "/accounts/security/add/", "/accounts/login/factor/"
CODES, AGAIN = f"{SECURITY}recovery-codes/", f"{SECURITY}again/"


def code_of(secret: str, away: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // factors.PERIOD + away))


def by_code(client: Client, address: str, **extra: Any) -> Any:
    client.post(LOGIN, {"login": address} | extra)
    return client.post(CODE, {"code": last_code(address)} | extra)


def secret_on(page: Any) -> str:
    [shown] = re.findall(r'<span class="key"[^>]*>([^<]+)</span>', page.content.decode())
    return shown.replace(" ", "")


def coordinator(role: str = "coordinator") -> User:
    who = make.attendee("Camille Coordinatrice").user
    PartnerRole.objects.create(institution=make.institution(), user=who, role=role)
    return who


# --- Who is asked -----------------------------------------------------------------------------------------------------


@pytest.mark.proves("second-factor")
@pytest.mark.parametrize("whose", ["organiser", "owner", "coordinator"])
def test_whoever_works_with_others_data_adds_one_before_anything_else(client: Client, whose: str) -> None:
    user = make.organiser() if whose == "organiser" else coordinator(whose)
    inside = "/admin/" if whose == "organiser" else "/partners/"

    answer = by_code(client, user.email, next=inside)
    refused = [client.get(path) for path in (inside, "/me/", "/accounts/profile/", SECURITY)]
    page = client.get(answer["Location"])
    added = client.post(answer["Location"], {"action": "app", "code": code_of(secret_on(page)), "next": inside})
    codes = client.get(added["Location"])

    assert answer["Location"].startswith(f"{ADD}?next=")
    assert {one.status_code for one in refused} == {302}
    assert all(one["Location"].startswith((LOGIN, f"/admin{LOGIN[9:]}")) for one in refused)
    assert client.get(inside, follow=True).status_code == 200
    assert len(re.findall(r"<li>\d{8}</li>", codes.content.decode())) == 10
    assert f'href="{inside}"' in codes.content.decode()


@pytest.mark.proves("second-factor")
def test_attendees_and_those_who_only_look_are_not_asked_but_may_have_one(client: Client) -> None:
    viewer = coordinator("viewer")

    assert by_code(client, viewer.email)["Location"] == "/me/"
    assert client.get(SECURITY).status_code == 200
    assert client.get(ADD).status_code == 200  # the code was typed a moment ago


@pytest.mark.proves("second-factor")
def test_who_has_one_is_asked_for_it_and_goes_on(client: Client) -> None:
    ada = make.attendee("Ada").user
    secret = make.app(ada)

    asked = by_code(client, ada.email, next="/me/?a=1")
    outside = client.get("/me/")
    wrong = client.post(FACTOR, {"code": "000000"})
    right = client.post(FACTOR, {"code": code_of(secret)})

    assert asked["Location"] == FACTOR
    assert (outside.status_code, wrong.status_code) == (302, 200)
    assert "horloge" in wrong.content.decode()
    assert right["Location"] == "/me/?a=1"
    assert client.get("/me/").status_code == 200
    assert list(SignInEvent.objects.values_list("kind", "means").order_by("id")) == [
        ("factor_added", "totp"),
        ("wrong_factor", ""),
        ("signed_in", "code totp"),
    ]


@pytest.mark.proves("second-factor")
def test_who_becomes_a_coordinator_while_signed_in_is_asked_at_once(client: Client) -> None:
    ada = make.attendee("Ada").user
    by_code(client, ada.email)
    role = PartnerRole.objects.create(institution=make.institution(), user=ada, role="coordinator")

    assert client.get("/me/")["Location"].startswith(LOGIN)
    assert by_code(client, ada.email)["Location"].startswith(ADD)
    role.delete()
    assert client.get("/me/")["Location"].startswith(LOGIN)
    assert by_code(client, ada.email)["Location"] == "/me/"


@pytest.mark.proves("second-factor")
def test_a_web_session_without_it_cannot_add_one_beside_those_that_are_there() -> None:
    """Somebody who has only the mailbox of an organiser, and a web session that began before they were one."""
    ada = make.attendee("Ada").user
    make.app(ada)
    thief = make.sign_in(Client(), ada, factor=False)
    User.objects.filter(pk=ada.pk).update(is_staff=True)

    answer = thief.get(ADD)

    assert answer["Location"].startswith(LOGIN)
    assert thief.post(ADD, {"action": "app", "code": "123456"})["Location"].startswith(LOGIN)
    assert Authenticator.objects.filter(user=ada, type="totp").count() == 1


def test_who_does_not_want_one_now_is_signed_out(client: Client) -> None:
    by_code(client, make.organiser().email)
    assert client.get(LOGIN)["Location"].startswith(ADD)
    assert client.post(ADD, {"action": "leave"}).status_code == 302
    assert client.get(LOGIN).status_code == 200
    assert not WebSession.objects.filter(account__isnull=False).exists()


# --- What a code is worth ---------------------------------------------------------------------------------------------


@pytest.mark.proves("second-factor")
def test_a_code_is_worth_something_once_and_an_older_one_nothing() -> None:
    ada = make.attendee().user
    secret = make.app(ada)
    with time_machine.travel(timezone.now(), tick=False):
        now = time.time()
        assert factors.accept(ada, code_of(secret), now)
        assert factors.accept(ada, code_of(secret), now) is None
        assert factors.accept(ada, code_of(secret, -1), now) is None
        assert factors.accept(ada, code_of(secret, 2), now) is None
        assert factors.accept(ada, code_of(secret, 1), now)
        assert factors.accept(ada, code_of(secret, 1), now + 45) is None


@pytest.mark.proves("second-factor")
def test_each_recovery_code_opens_once() -> None:
    ada = make.attendee().user
    make.app(ada)
    codes = factors.unused_codes(factors.of(ada))

    assert len(codes) == 10
    assert factors.accept(ada, codes[3], time.time())
    assert factors.accept(ada, codes[3], time.time()) is None
    assert factors.unused_codes(factors.of(ada)) == codes[:3] + codes[4:]


@pytest.mark.proves("second-factor")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery code"])
def test_of_twenty_equal_codes_at_once_one_is_accepted(kind: str) -> None:
    ada = make.attendee().user
    secret = make.app(ada)
    code = code_of(secret) if kind == "app" else factors.unused_codes(factors.of(ada))[0]
    now = time.time()

    def take(_number: int) -> bool:
        try:
            return factors.accept(ada, code, now) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(20))) == 1


@pytest.mark.proves("second-factor")
def test_after_five_wrong_codes_none_is_looked_at(client: Client) -> None:
    ada = make.attendee().user
    secret = make.app(ada)
    by_code(client, ada.email)

    answers = [client.post(FACTOR, {"code": f"{number:06}"}).status_code for number in range(6)]

    assert answers == [200] * 5 + [429]
    assert client.post(FACTOR, {"code": code_of(secret)}).status_code == 429


@pytest.mark.parametrize(("minutes", "said"), [(5, "d’environ 5 min"), (-7, "d’environ 7 min")])
def test_the_clock_of_the_phone_is_named_when_it_is_wrong(client: Client, minutes: int, said: str) -> None:
    by_code(client, make.organiser().email)
    secret = secret_on(client.get(ADD))

    page = client.post(ADD, {"action": "app", "code": code_of(secret, minutes * 2)})

    assert page.status_code == 422
    assert said in page.content.decode()
    assert not Authenticator.objects.exists()


def test_a_phone_that_is_half_a_minute_late_is_right_enough(client: Client) -> None:
    by_code(client, make.organiser().email)
    secret = secret_on(client.get(ADD))
    assert client.post(ADD, {"action": "app", "code": code_of(secret, -1)}).status_code == 302


ODD = {
    "clientDataJSON": "e30",
    "authenticatorData": "AA",
    "signature": "AA",
    "attestationObject": "oA",
    "userHandle": "zzzzzzzzzzzzzzzzzzzzzzzz",
}
ANSWER = {"id": "YQ", "rawId": "YQ", "type": "public-key", "response": ODD}
NO_ANSWERS = [
    "9" * 5000,
    "[" * 100_000,
    '{"a":' * 100_000,
    "",
    "x",
    "null",
    "[]",
    "7",
    '"x"',
    "{}",
    '{"id": 1}',
    '{"rawId": "x", "response": {}}',
]
NO_ANSWERS += [json.dumps(ANSWER), json.dumps(ANSWER | {"response": ODD | {"userHandle": "é"}})]
NO_ANSWERS += [json.dumps(ANSWER | {"response": ODD | {name: odd}}) for name in ODD for odd in (None, 7, [], "é")]


@pytest.mark.parametrize("typed", NO_ANSWERS, ids=range(len(NO_ANSWERS)))
def test_what_is_no_answer_of_a_passkey_is_refused_in_words(client: Client, typed: str) -> None:
    client.post("/accounts/login/passkey/options/")
    login = client.post("/accounts/login/passkey/", {"credential": typed})
    assert login["Location"] == LOGIN
    ada = make.attendee().user
    by_code(client, ada.email)
    page = client.get(ADD)
    added = client.post(ADD, {"action": "passkey", "credential": typed, "name": "clé"})

    assert (page.status_code, added.status_code) == (200, 422)
    assert "passkey" in added.content.decode().lower() or "clé d’accès" in added.content.decode()
    assert not Authenticator.objects.exists()


# --- Changes ----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("second-factor")
def test_a_change_ends_the_other_web_sessions_and_is_told_by_mail(client: Client) -> None:
    ada = make.attendee().user
    other = make.sign_in(Client(), ada, factor=False)
    by_code(client, ada.email)
    page = client.get(ADD)

    client.post(ADD, {"action": "app", "code": code_of(secret_on(page))})

    assert client.get("/me/").status_code == 200
    assert other.get("/me/").status_code == 302
    mail = Message.objects.get(kind="accounts.factor")
    assert (mail.to, mail.context["what"]) == (ada.email, "added")


@pytest.mark.proves("second-factor")
def test_nothing_is_changed_on_a_screen_that_was_left_open(client: Client) -> None:
    ada = make.attendee().user
    secret = make.app(ada)
    make.sign_in(client, ada)
    [app] = factors.steps(factors.of(ada))
    with time_machine.travel(time.time() + 16 * 60):
        answers = [client.get(ADD), client.post(f"{SECURITY}{app.pk}/remove/"), client.post(CODES)]
        assert {answer["Location"].partition("?")[0] for answer in answers} == {AGAIN}
        assert len(factors.of(ada)) == 2
        went_on = client.post(AGAIN, {"code": code_of(secret), "next": f"{SECURITY}{app.pk}/remove/"})
        assert client.post(went_on["Location"]).status_code == 302
    assert factors.of(ada) == []


@pytest.mark.proves("second-factor")
def test_an_organiser_keeps_one_at_least(client: Client) -> None:
    olympe = make.organiser()
    make.app(olympe)
    make.sign_in(client, olympe)
    [app] = factors.steps(factors.of(olympe))

    page = client.get(f"{SECURITY}{app.pk}/remove/").content.decode()
    answer = client.post(f"{SECURITY}{app.pk}/remove/", follow=True).content.decode()

    assert 'class="button bad"' not in page
    assert "ajoutez" in answer.lower()
    assert factors.steps(factors.of(olympe)) == [app]


@pytest.mark.proves("second-factor")
def test_who_left_the_page_open_signs_in_again_before_the_first_is_added(client: Client) -> None:
    camille = coordinator()
    by_code(client, camille.email)
    secret = secret_on(client.get(ADD))

    with time_machine.travel(time.time() + 16 * 60):
        late = client.post(ADD, {"action": "app", "code": code_of(secret)})

    assert late["Location"].startswith(LOGIN)
    assert factors.of(camille) == []


@pytest.mark.proves("second-factor")
def test_none_is_added_beside_one_that_was_not_there_when_it_was_judged() -> None:
    ada = make.attendee().user
    make.app(ada)
    thiefs = Authenticator(user=ada, type="webauthn", data={"name": "x", "credential": {}})

    with pytest.raises(ValidationError):
        factors.add(thiefs, ada, beside=[], at=timezone.now(), this=None, here=sign_in_log.NOWHERE)

    assert not Authenticator.objects.filter(type="webauthn").exists()


@pytest.mark.proves("second-factor")
def test_codes_of_an_app_are_guessed_fifty_times_a_day_and_recovery_codes_go_on(client: Client) -> None:
    make.app(ada := make.attendee().user)
    with time_machine.travel(timezone.now().replace(hour=1), tick=False) as now:
        seen = []
        for _window in range(11):
            by_code(client, ada.email)
            seen += [client.post(FACTOR, {"code": f"{number:06}"}).status_code for number in range(5)]
            now.shift(5 * 60)
        by_code(client, ada.email)
        code = factors.unused_codes(factors.of(ada))[0]
        assert client.post(FACTOR, {"code": code})["Location"] == "/me/"

    assert seen == [200] * 50 + [429] * 5


def test_somebody_elses_cannot_be_named(client: Client) -> None:
    make.app(ada := make.attendee().user)
    make.app(bob := make.attendee().user)
    make.sign_in(client, ada)
    [other] = factors.steps(factors.of(bob))
    assert client.post(f"{SECURITY}{other.pk}/remove/").status_code == 404


@pytest.mark.proves("second-factor")
def test_new_recovery_codes_end_the_old_ones_and_are_shown_once(client: Client) -> None:
    make.app(ada := make.attendee().user)
    old = factors.unused_codes(factors.of(ada))
    make.sign_in(client, ada)

    shown = client.get(client.post(CODES)["Location"]).content.decode()

    new = factors.unused_codes(factors.of(ada))
    assert set(new).isdisjoint(old)
    assert all(code in shown for code in new)
    assert new[0] not in client.get(CODES).content.decode()
    assert factors.accept(ada, old[0], time.time()) is None


@pytest.mark.proves("second-factor")
def test_an_owner_resets_what_was_lost_and_both_are_told(client: Client) -> None:
    owner, olympe = make.organiser(), make.organiser("Olympe Deux")
    make.app(olympe)
    theirs = make.sign_in(Client(), olympe)
    page = f"/admin/accounts/signinevent/of/{olympe.pk}/"
    make.sign_in(client, owner)

    assert client.get(page).status_code == 200
    assert Authenticator.objects.filter(user=olympe).exists()
    client.post(page)
    client.post(page)

    assert not Authenticator.objects.filter(user=olympe).exists()
    assert theirs.get("/admin/").status_code == 302
    sent = Message.objects.filter(kind="accounts.factor").exclude(context__what="added").order_by("id")
    assert [(one.to, one.context["what"]) for one in sent] == [(olympe.email, "reset"), (owner.email, "reset_by_you")]
    assert by_code(theirs, olympe.email)["Location"].startswith(ADD)
    event = SignInEvent.objects.get(kind="factor_reset")
    assert (event.account, event.actor) == (olympe, owner)
    entry = AuditLogEntry.objects.get(act="reset")
    assert (entry.actor, entry.role, entry.key) == (owner.pk, "owner", str(olympe.pk))


def test_the_last_owner_is_helped_on_the_server() -> None:
    owner, said = make.organiser(), StringIO()
    make.app(owner)
    for _time in range(2):
        call_command("reset_second_step", owner.email.upper(), stdout=said)
    assert factors.of(owner) == []
    assert said.getvalue().splitlines()[0].endswith("asks for a new second step.")
    assert said.getvalue().splitlines()[1].endswith("nothing to reset.")
    with pytest.raises(CommandError, match="no account"):
        call_command("reset_second_step", "nobody@example.org")


@pytest.mark.proves("second-factor")
@pytest.mark.parametrize("rights", [{}, {"is_staff": True}])
def test_nobody_else_resets_or_reads_it(client: Client, rights: dict[str, Any]) -> None:
    make.app(olympe := make.organiser())
    make.sign_in(client, make.user(**rights))
    page = f"/admin/accounts/signinevent/of/{olympe.pk}/"

    assert client.get(page).status_code in (302, 403)
    assert client.post(page).status_code in (302, 403)
    assert client.get("/admin/accounts/signinevent/").status_code in (302, 403)
    assert Authenticator.objects.filter(user=olympe).exists()


def test_an_owner_does_not_reset_their_own(client: Client) -> None:
    make.app(owner := make.organiser())
    make.sign_in(client, owner)
    client.post(f"/admin/accounts/signinevent/of/{owner.pk}/")
    assert Authenticator.objects.filter(user=owner).exists()


@pytest.mark.proves("second-factor")
def test_secrets_of_apps_and_recovery_codes_do_not_stand_in_the_database(settings: Any) -> None:
    ada = make.attendee().user
    secret = make.app(ada)
    code = factors.unused_codes(factors.of(ada))[0]
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))

    assert secret not in kept
    settings.SECRET_KEY = "another" * 9
    assert factors.accept(ada, code_of(secret), time.time()) is None
    assert factors.accept(ada, code, time.time()) is None


@pytest.mark.proves("second-factor")
def test_the_demo_takes_the_step_of_its_made_up_people_and_nothing_else_does(client: Client, settings: Any) -> None:
    olympe = make.organiser()
    make.app(olympe)
    Authenticator.objects.filter(type="totp").update(data={"secret": "x", factors.OF_THE_DEMO: True})

    by_code(client, olympe.email)
    asked = client.get(FACTOR)
    settings.DEMO_MODE = True
    done = client.get(FACTOR)

    assert asked.status_code == 200
    assert done.status_code == 302
    assert client.get("/admin/").status_code == 200


@pytest.mark.proves("sign-in-log")
def test_people_and_owners_read_who_came_in_and_who_could_not(client: Client) -> None:
    ada = make.attendee("Ada").user
    stranger = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    stranger.post(LOGIN, {"login": ada.email})
    stranger.post(CODE, {"code": "00000000"})
    stranger.post(LOGIN, {"login": "nobody@example.org"})
    stranger.post(CODE, {"code": "00000000"})
    by_code(client, ada.email)

    mine = client.get(f"/en{SECURITY}").content.decode()
    owner = make.sign_in(Client(), make.organiser())
    log = owner.get("/en/admin/accounts/signinevent/?q=" + ada.email).content.decode()

    assert list(SignInEvent.objects.filter(account=ada).values_list("kind", "browser", "network")) == [
        ("signed_in", "", "127.0.0.1"),
        ("wrong_code", "Firefox, Linux", "127.0.0.1"),
    ]
    assert SignInEvent.objects.exclude(account=ada).exclude(account__is_staff=True).count() == 0
    for page in (mine, log):
        assert "rong code from an email" in page
        assert "Firefox, Linux" in page
