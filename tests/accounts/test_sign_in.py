"""The door: an address, a code, a name."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from accounts.domain import accounts, factors
from accounts.models import Attendee, User
from outbox.domain import delivery
from outbox.models import Message
from tests import make

pytestmark = pytest.mark.django_db

LOGIN, SIGN_UP, CODE, LOGOUT = "/accounts/login/", "/accounts/signup/", "/accounts/login/code/", "/accounts/logout/"
WELCOME = "/accounts/welcome/"


def last_code(to: str) -> str:
    return Message.objects.filter(kind="accounts.code", to=to).latest("id").context["code"]


def sign_in(client: Client, address: str, code: str | None = None, **extra: Any) -> Any:
    """By code, and with a second step where one is needed."""
    user = User.objects.filter(email=address).first()
    known = factors.of(user) if user else []
    if user and user.is_staff and not known:
        make.app(user)
    client.post(LOGIN, {"login": address} | extra)
    answer = client.post(CODE, {"code": code or last_code(address)} | extra)
    if user and answer.status_code == 302 and answer["Location"].endswith("/login/factor/"):
        return client.post(answer["Location"], {"code": factors.unused_codes(factors.of(user))[0]} | extra)
    return answer


def text_of(response: Any) -> str:
    """What a page shows, without what must differ at each view: the token of its forms."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())
    return re.sub(r"\s+", " ", page)


def test_a_known_person_comes_in_with_the_code_of_the_mail_and_goes_on(client: Client) -> None:
    ada = make.attendee(email="ada@example.org")

    asked = client.post(LOGIN, {"login": " ADA@Example.org ", "next": "/me/?a=1"})
    message = Message.objects.get()
    answer = client.post(asked["Location"], {"code": message.context["code"], "next": "/me/?a=1"})

    assert (asked.status_code, asked["Location"]) == (302, f"{CODE}?next=%2Fme%2F%3Fa%3D1")
    assert (message.to, message.kind, message.lane, message.language) == (
        "ada@example.org",
        "accounts.code",
        Message.Lane.URGENT,
        "fr",
    )
    assert (answer.status_code, answer["Location"]) == (302, "/me/?a=1")
    assert client.session["_auth_user_id"] == str(ada.user.pk)


@pytest.mark.proves("sign-in-by-code")
def test_a_new_person_gives_an_address_then_a_code_then_a_name(client: Client) -> None:
    asked = client.post("/en" + SIGN_UP, {"login": "grace@example.org", "next": "/en/me/"})
    named = client.post("/en" + CODE, {"code": last_code("grace@example.org"), "next": "/en/me/"})
    page = client.get(named["Location"])
    done = client.post(named["Location"], {"name": "  grace HOPPER ", "next": "/en/me/"})

    assert asked["Location"] == "/en/accounts/login/code/?next=%2Fen%2Fme%2F"
    assert named["Location"] == "/en/accounts/welcome/?next=%2Fen%2Fme%2F"
    assert page.status_code == 200
    assert done["Location"] == "/en/me/"
    grace = User.objects.get(email="grace@example.org")
    assert (grace.language, grace.attendee.name, grace.is_staff, grace.has_usable_password()) == (
        "en",
        "grace HOPPER",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("typed"), ["{0} ", "{0} {1}", "{0}-{1}", "{0}–{1}", "{0}\u00a0{1}", "{0}\u2011{1}\n", " {0}.{1}", "wide"]
)
def test_a_code_is_right_however_it_is_spaced(client: Client, typed: str) -> None:
    make.attendee(email="ada@example.org")
    client.post(LOGIN, {"login": "ada@example.org"})
    code = last_code("ada@example.org")
    first, second = code.split("-") if "{1}" in typed else (code, "")

    if typed == "wide":  # as some keyboards of Asia write digits
        first = "".join(chr(ord(c) + 0xFEE0) for c in code if c.isdigit())
        typed = "{0}"

    answer = client.post(CODE, {"code": typed.format(first, second)})

    assert answer["Location"] == "/me/"


@pytest.mark.proves("sign-in-by-code")
def test_a_code_works_once(client: Client) -> None:
    make.attendee(email="ada@example.org")
    sign_in(client, "ada@example.org")
    code = last_code("ada@example.org")
    client.post(LOGOUT)

    again = client.post(CODE, {"code": code})

    assert again["Location"] == LOGIN
    assert "_auth_user_id" not in client.session


def test_three_wrong_codes_lead_back_to_the_start_with_the_reason(client: Client) -> None:
    make.attendee(email="ada@example.org")
    client.post(LOGIN, {"login": "ada@example.org", "next": "/me/"})
    code = last_code("ada@example.org")

    first = client.post(CODE, {"code": "0000-0001", "next": "/me/"})
    client.post(CODE, {"code": "0000-0002", "next": "/me/"})
    third = client.post(CODE, {"code": "0000-0003", "next": "/me/"})
    start = client.get(third["Location"])
    too_late = client.post(CODE, {"code": code})

    assert first.status_code == 200
    assert "Il reste 2 essais." in first.content.decode()
    assert third["Location"] == f"{LOGIN}?next=%2Fme%2F"
    assert "Trois codes faux" in start.content.decode()
    assert 'value="ada@example.org"' in start.content.decode()
    assert too_late["Location"] == LOGIN
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("slip", ["", "0000", "00000000x", "0" * 10_000, "١٢٣٤٥٦٧٨"])
def test_what_cannot_be_a_code_costs_no_try(client: Client, slip: str) -> None:
    make.attendee(email="ada@example.org")
    client.post(LOGIN, {"login": "ada@example.org"})

    for _n in range(6):
        assert client.post(CODE, {"code": slip}).status_code == 200

    assert client.post(CODE, {"code": last_code("ada@example.org")})["Location"] == "/me/"


@pytest.mark.proves("sign-in-by-code")
def test_a_code_runs_out_after_fifteen_minutes_and_the_page_says_so(client: Client) -> None:
    make.attendee(email="ada@example.org")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client.post(LOGIN, {"login": "ada@example.org"})
        code = last_code("ada@example.org")
        clock.shift(timedelta(minutes=15, seconds=1))

        answer = client.post(CODE, {"code": code})

        assert answer["Location"] == LOGIN
        assert "Ce code n’est plus valable" in client.get(LOGIN).content.decode()


def test_a_code_that_is_asked_for_again_is_mailed_again_and_has_its_own_time_and_tries(client: Client) -> None:
    make.attendee(email="ada@example.org")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client.post(LOGIN, {"login": "ada@example.org"})
        first = last_code("ada@example.org")
        client.post(CODE, {"code": "0000-0001"})
        clock.shift(timedelta(minutes=14))

        resent = client.post(CODE, {"action": "resend"}, follow=True)
        clock.shift(timedelta(minutes=14))
        second = last_code("ada@example.org")
        tries = [client.post(CODE, {"code": f"0000-000{n}"}).status_code for n in (1, 2)]
        answer = client.post(CODE, {"code": second})

    assert "Nous vous avons renvoyé votre code" in resent.content.decode()
    assert first == second
    assert Message.objects.count() == 2
    assert tries == [200, 200]
    assert answer["Location"] == "/me/"


@pytest.mark.proves("no-account-disclosure")
@pytest.mark.parametrize("door", [LOGIN, SIGN_UP])
def test_the_answer_never_tells_whether_an_account_exists(door: str) -> None:
    make.attendee(email="known1@example.org")
    make.user("gone12@example.org", is_active=False)
    answers = []
    for address in ("known1@example.org", "absent@example.org", "gone12@example.org"):
        client = Client()
        asked = client.post(door, {"login": address, "next": "/me/"}, follow=True)
        wrong = client.post(CODE, {"code": "0000-0000"})
        resent = client.post(CODE, {"action": "resend"}, follow=True)
        again = client.post(door, {"login": address, "next": "/me/"}, follow=True)
        answers.append(
            [
                (
                    a.redirect_chain if hasattr(a, "redirect_chain") else [],
                    a.status_code,
                    text_of(a).replace(address, "X"),
                    sorted(a.cookies),
                )
                for a in (asked, wrong, resent, again)
            ]
        )

    assert answers[0] == answers[1] == answers[2]


@pytest.mark.proves("no-account-disclosure")
@pytest.mark.parametrize("door", [LOGIN, SIGN_UP])
def test_no_answer_comes_sooner_than_the_others(client: Client, door: str, settings: Any) -> None:
    make.attendee(email="ada@example.org")
    settings.SIGN_IN_ANSWER_SECONDS = 0.3

    for address in ("ada@example.org", "absent@example.org", "not an address"):
        asked_at = time.perf_counter()
        client.post(door, {"login": address})

        assert time.perf_counter() - asked_at >= 0.3


@pytest.mark.proves("no-account-disclosure")
def test_signing_in_never_writes_to_an_unknown_address_nor_to_a_closed_account(client: Client) -> None:
    make.user("gone@example.org", is_active=False)

    client.post(LOGIN, {"login": "stranger@example.org"})
    client.post(LOGIN, {"login": "gone@example.org"})
    client.post(SIGN_UP, {"login": "gone@example.org"})

    assert not Message.objects.exists()
    assert not User.objects.filter(email="stranger@example.org").exists()


def test_signing_up_with_a_known_address_signs_in_whoever_reads_its_mail(client: Client) -> None:
    ada = make.attendee(email="ada@example.org")

    client.post(SIGN_UP, {"login": "Ada@example.org"})
    answer = client.post(CODE, {"code": last_code("ada@example.org")})

    assert answer["Location"] == "/me/"
    assert client.session["_auth_user_id"] == str(ada.user.pk)
    assert User.objects.count() == 1


def test_an_account_closed_after_the_code_left_stays_out(client: Client) -> None:
    ada = make.attendee(email="ada@example.org")
    client.post(LOGIN, {"login": "ada@example.org"})
    User.objects.filter(pk=ada.user.pk).update(is_active=False)

    answer = client.post(CODE, {"code": last_code("ada@example.org")}, follow=True)

    assert "_auth_user_id" not in client.session
    assert "Ce compte est fermé" in answer.content.decode()


EVIL = [
    "//evil.example",
    "/\\evil.example",
    "https:evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "/me/\r\nSet-Cookie: a=b",
    "///evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "http://testserver@evil.example/",
    "/accounts/login/",
    "/en/accounts/logout/?x",
    "/admin/login/",
    "/" + "a" * 10_000,
]


@pytest.mark.parametrize("evil", EVIL)
def test_next_never_leads_out_of_the_site_nor_in_circles(client: Client, evil: str) -> None:
    make.attendee(email="ada@example.org")

    page = client.get(LOGIN, {"next": evil})
    asked = client.post(LOGIN, {"login": "ada@example.org", "next": evil})
    came_in = client.post(f"{CODE}", {"code": last_code("ada@example.org"), "next": evil})
    again = client.get(LOGIN, {"next": evil})
    named = client.get(WELCOME, {"next": evil})
    saved = client.post(
        "/accounts/profile/",
        {"name": "Ada", "language": "fr", "timezone": "Europe/Paris", "organisation": "", "country": "", "next": evil},
    )
    left = client.post(LOGOUT, {"next": evil})

    assert 'name="next"' not in page.content.decode()
    assert [a["Location"] for a in (asked, came_in, again, named, saved, left)] == [
        CODE,
        "/me/",
        "/me/",
        "/me/",
        "/accounts/profile/",
        "/",
    ]


def test_signing_out_takes_a_button(client: Client) -> None:
    make.sign_in(client, make.attendee())

    page = client.get(LOGOUT)
    still_in = "_auth_user_id" in client.session
    left = client.post(LOGOUT, {"next": "/programme/"})

    assert page.status_code == 200
    assert still_in
    assert left["Location"] == "/programme/"
    assert "_auth_user_id" not in client.session


@pytest.mark.proves("sign-in-by-code")
def test_no_page_of_passwords_can_be_reached(client: Client) -> None:
    make.sign_in(client, make.attendee())

    for path in (
        "password/change/",
        "password/set/",
        "password/reset/",
        "password/reset/done/",
        "email/",
        "reauthenticate/",
        "confirm-email/",
    ):
        assert client.get(f"/accounts/{path}").status_code == 404
    assert 'type="password"' not in Client().get(LOGIN).content.decode() + Client().get(SIGN_UP).content.decode()


def test_a_password_set_by_hand_opens_nothing(client: Client) -> None:
    root = make.organiser(email="root@example.org")
    root.user.set_password("secret") if isinstance(root, Attendee) else root.set_password("secret")
    root.save()

    client.post("/admin/login/", {"username": "root@example.org", "password": "secret"})
    client.post(LOGIN, {"login": "root@example.org", "password": "secret"})

    assert "_auth_user_id" not in client.session


@pytest.mark.proves("sign-in-by-code")
def test_the_administration_is_behind_the_same_door(client: Client) -> None:
    make.organiser(email="root@example.org")

    asked = client.get("/admin/registrations/registration/?q=ada", follow=True)
    came_in = sign_in(client, "root@example.org", next="/admin/registrations/registration/?q=ada")

    assert asked.redirect_chain[-1] == ("/accounts/login/?next=/admin/registrations/registration/%3Fq%3Dada", 302)
    assert came_in["Location"] == "/admin/registrations/registration/?q=ada"


def test_someone_who_is_no_organiser_is_told_so_without_a_circle(client: Client) -> None:
    make.sign_in(client, make.attendee(email="ada@example.org"))

    answer = client.get("/admin/", follow=True)

    assert answer.status_code == 403
    assert len(answer.redirect_chain) == 1
    assert "ada@example.org" in answer.content.decode()
    assert "réservée aux organisateurs" in answer.content.decode()


def test_an_organiser_without_a_name_goes_straight_to_the_administration(client: Client) -> None:
    make.user("root@example.org", is_staff=True, is_superuser=True)

    assert sign_in(client, "root@example.org", next="/admin/")["Location"] == "/admin/"


def test_pressing_twice_on_welcome_makes_one_attendee(client: Client) -> None:
    user = make.user("ada@example.org")
    client.force_login(user)

    for _press in range(2):
        assert client.post(WELCOME, {"name": "Ada"})["Location"] == "/me/"

    assert Attendee.objects.get().name == "Ada"


def test_the_mail_is_written_in_the_language_of_the_page(client: Client, settings: Any) -> None:
    make.current_edition()
    for prefix, subject, word, address in (
        ("", "Votre code de connexion – Sommet", "15\u00a0minutes", "ada@example.org"),
        ("/en", "Your code for AI", "15 minutes", "grace@example.org"),
    ):
        make.attendee(email=address)
        client.post(prefix + LOGIN, {"login": address})
        message = Message.objects.latest("id")
        delivery.deliver(message.uuid)
        letter = mail.outbox[-1]
        html = str(letter.alternatives[0][0]).replace("&nbsp;", "\u00a0")

        assert letter.subject.startswith(subject)
        assert letter.to == [address]
        for body in (letter.body, html):
            assert message.context["code"] in body
            assert word in body
        assert "http://testserver" in letter.body
        assert f'lang="{prefix.strip("/") or "fr"}"' in html


def test_a_code_that_ran_out_is_not_sent_any_more(client: Client) -> None:
    make.attendee(email="ada@example.org")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        client.post(LOGIN, {"login": "ada@example.org"})
        clock.shift(timedelta(minutes=16))

        delivery.deliver(Message.objects.get().uuid)

    assert not mail.outbox
    assert Message.objects.get().status == Message.Status.DROPPED


def test_two_people_who_open_the_same_account_at_once_share_it() -> None:
    accounts.open_account("ada@example.org", language="fr")

    assert accounts.open_account("ADA@example.org ", language="en").language == "fr"


def test_addresses_of_the_door_are_those_that_allauth_looks_up() -> None:
    with translation.override("fr"):
        assert [
            reverse(name)
            for name in ("account_login", "account_signup", "account_logout", "account_confirm_login_code")
        ] == [
            LOGIN,
            SIGN_UP,
            LOGOUT,
            CODE,
        ]
