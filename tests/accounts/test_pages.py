"""Welcome, profile, and what happens to what no form asked for."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.domain import access_needs, regions
from accounts.models import Attendee, User
from outbox.models import Message
from tests import make
from tests.accounts.test_sign_in import CODE, LOGIN, SIGN_UP, WELCOME

pytestmark = pytest.mark.django_db

PROFILE = "/accounts/profile/"
GOOD = {
    "name": "Ada Lovelace",
    "organisation": "Analytical Engine",
    "country": "GB",
    "access_needs": "Une place\r\nprès de la porte",
    "consent": "on",
    "language": "en",
    "timezone": "Europe/London",
}
# What a browser, a paste or an attacker can put in a field. The lone surrogate comes as bytes that are no UTF-8.
LINES = "a@example.org\r\nBcc: x@example.org"
ODD = ["a\0b@example.org", "a\u202eb@example.org", LINES, "x" * 10_000, b"a\xed\xa0\x80b@example.org"]


def send(client: Client, page: str, data: dict[str, Any]) -> Any:
    """Post as a browser does when the form holds no file; bytes go as they are."""
    return client.post(page, urlencode(data), content_type="application/x-www-form-urlencoded")


EVERY_FIELD = {field.name: "1" for model in (User, Attendee) for field in model._meta.get_fields()}


def test_the_profile_keeps_what_is_written(client: Client) -> None:
    make.sign_in(client, make.attendee(email="ada@example.org"))

    answer = client.post(PROFILE, GOOD)
    page = client.get(answer["Location"])

    attendee = Attendee.objects.select_related("user").get()
    assert answer["Location"] == "/en/accounts/profile/"
    assert "Saved." in page.content.decode()
    assert (attendee.name, attendee.organisation, attendee.country) == ("Ada Lovelace", "Analytical Engine", "GB")
    assert access_needs.text_of(attendee.needs) == "Une place\r\nprès de la porte"
    assert (attendee.user.language, attendee.user.timezone) == ("en", "Europe/London")


@pytest.mark.proves("names-as-written")
@pytest.mark.parametrize(
    "name",
    [
        "Z",
        "McDonald",
        "d’Artagnan",
        "DE LA TOUR",
        "van der Berg",
        "李小龍",
        "محمد",
        "Nguyễn Thị Ánh",
        "علی\u200cرضا",
        "Ada 🧮",
        "{{7*7}} <b>",
        "M.Le Gall",
        "J.R.R. Tolkien",
        "St.John",
        "Dr.med. Müller",
        "Mme.Du Pré",
        "jean.dupont",
        "Louis XIV.",
    ],
)
def test_a_name_is_kept_as_the_person_writes_it(client: Client, name: str) -> None:
    client.force_login(make.user("ada@example.org"))

    client.post(WELCOME, {"name": name})

    assert Attendee.objects.get().name == name


@pytest.mark.proves("names-as-written")
@pytest.mark.parametrize(
    "name",
    [
        "Gagnez sur http://evil.example",
        "www.evil.fr",
        "Evil.Com",
        "Ada evil.co.uk",
        "bit.ly/abc",
        "t.co/x",
        "evil。com",
        "ｅｖｉｌ．ｃｏｍ",
        "ada@evil.com",
        "(évil.fr)",
        "javascript://x",
        "Ada evil.io.",
    ],
)
def test_a_web_address_is_no_name(client: Client, name: str) -> None:
    """Mails begin with it, and leave for whatever address a stranger typed."""
    client.force_login(make.user("ada@example.org"))

    page = client.post(WELCOME, {"name": name}).content.decode()

    assert "Un nom ne peut pas contenir d’adresse web." in page
    assert not Attendee.objects.exists()


@pytest.mark.proves("names-as-written")
def test_an_accent_typed_in_two_strokes_is_one_letter(client: Client) -> None:
    client.force_login(make.user("ada@example.org"))

    client.post(WELCOME, {"name": "Zoe\u0301"})

    assert Attendee.objects.get().name == "Zo\u00e9"


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("door", "field"), [(LOGIN, "login"), (SIGN_UP, "login"), ("/en" + LOGIN, "login")])
def test_odd_bytes_in_an_address_are_an_error_beside_the_field(client: Client, door: str, field: str, odd: Any) -> None:
    answer = send(client, door, {field: odd})

    assert answer.status_code == 200
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert f'href="#id_{field}"' in answer.content.decode()
    assert not Message.objects.exists()


@pytest.mark.parametrize("odd", [*ODD, "１２３４５６７８", "١٢٣", ""])
def test_odd_bytes_in_a_code_are_a_wrong_code(client: Client, odd: Any) -> None:
    client.post(LOGIN, {"login": "ada@example.org"})

    answer = send(client, CODE, {"code": odd})

    assert answer.status_code == 200
    assert 'id="id_code_error"' in answer.content.decode()


@pytest.mark.proves("no-forged-text")
@pytest.mark.parametrize(
    ("field", "odd"),
    [
        (field, odd)
        for field in ("name", "organisation", "country", "access_needs", "language", "timezone")
        for odd in ODD
        if (field, odd) != ("access_needs", LINES)  # lines are what this field is for
    ],
)
def test_odd_bytes_in_the_profile_are_an_error_beside_the_field(client: Client, field: str, odd: Any) -> None:
    make.sign_in(client, make.attendee("Ada", email="ada@example.org"))

    answer = send(client, PROFILE, GOOD | {field: odd})

    assert answer.status_code == 200
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert Attendee.objects.get().name == "Ada"
    assert "Ada</a>" in answer.content.decode()  # the page goes on naming who is really signed in


@pytest.mark.parametrize("odd", ODD)
def test_odd_bytes_in_a_first_name_are_an_error_beside_the_field(client: Client, odd: Any) -> None:
    client.force_login(make.user("ada@example.org"))

    answer = send(client, WELCOME, {"name": odd})

    assert answer.status_code == 200
    assert 'id="id_name_error"' in answer.content.decode()
    assert not Attendee.objects.exists()


@pytest.mark.parametrize("odd", ODD)
def test_odd_bytes_in_next_are_no_next(client: Client, odd: Any) -> None:
    client.force_login(make.user("ada@example.org"))

    assert send(client, WELCOME, {"name": "Ada", "next": odd})["Location"] == "/me/"


@pytest.mark.parametrize(
    "address",
    [
        "a@b",
        "a@[127.0.0.1]",
        "a" * 65 + "@example.org",
        "a@example.org, b@example.org",
        "\u0430dmin@example.org",
        "ａ@example.org",
        "@",
        "a@localhost",
    ],
)
def test_what_is_no_address_is_refused(client: Client, address: str) -> None:
    answer = client.post(SIGN_UP, {"login": address})

    assert answer.status_code == 200
    assert not User.objects.exists()


def test_fields_that_no_form_asked_for_are_ignored(client: Client) -> None:
    client.post(
        SIGN_UP,
        EVERY_FIELD
        | {"login": "ada@example.org", "is_staff": "1", "is_superuser": "1", "password": "x", "password1": "x"},
    )
    client.post(CODE, EVERY_FIELD | {"code": Message.objects.get().context["code"]})
    client.post(WELCOME, EVERY_FIELD | {"name": "Ada", "organisation": "Forged", "is_staff": "1"})
    client.post(
        PROFILE,
        EVERY_FIELD | GOOD | {"is_staff": "1", "is_superuser": "1", "user": "99", "email": "x@example.org", "id": "99"},
    )

    user = User.objects.get()
    assert (user.email, user.is_staff, user.is_superuser, user.has_usable_password()) == (
        "ada@example.org",
        False,
        False,
        False,
    )
    assert user.attendee.organisation == "Analytical Engine"


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
@pytest.mark.parametrize("path", [LOGIN, SIGN_UP, WELCOME, PROFILE])
def test_other_verbs_are_refused(client: Client, method: str, path: str) -> None:
    if path in (WELCOME, PROFILE):
        make.sign_in(client, make.attendee())

    assert getattr(client, method)(path).status_code == 405


def test_the_profile_page_asks_the_name_first(client: Client) -> None:
    client.force_login(make.user("ada@example.org"))

    assert client.get(PROFILE)["Location"] == "/accounts/welcome/?next=%2Faccounts%2Fprofile%2F"


@pytest.mark.proves("no-cached-personal-pages")
def test_private_pages_are_kept_by_nobody(client: Client) -> None:
    make.sign_in(client, make.attendee())

    for page in (PROFILE, "/accounts/logout/"):
        assert {"private", "no-store"} <= set(client.get(page)["Cache-Control"].replace(",", "").split())


@pytest.mark.parametrize("language", ["fr", "en"])
def test_countries_and_zones_are_named_in_the_language_of_the_page(language: str) -> None:
    countries = dict(regions.countries(language))
    zones = {zone: city for _continent, cities in regions.time_zones(language) for zone, city in cities}

    assert countries["DE"] == {"fr": "Allemagne", "en": "Germany"}[language]
    assert {"FR", "GB", "XK", "TW"} <= set(countries)
    assert not {"EU", "UN", "ZZ"} & set(countries)
    assert zones["Europe/London"] == {"fr": "Londres", "en": "London"}[language]
    assert "Europe/Paris" in zones


def test_a_zone_under_an_old_name_stays_chosen(client: Client) -> None:
    ada = make.attendee()
    User.objects.update(timezone="US/Eastern")
    make.sign_in(client, ada)

    assert '<option value="US/Eastern" selected>' in client.get(PROFILE).content.decode()


def test_pages_cost_few_queries(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):  # the edition, the institutions through which one can come
        client.get(LOGIN)
    make.sign_in(client, make.attendee())
    # The HTTP session, the user with the attendee, their access needs; the edition, whose end is said, the days for
    # which they are kept after it, and who speaks.
    with django_assert_num_queries(5):
        client.get(PROFILE)


def test_make_organiser_can_be_run_twice(capsys: pytest.CaptureFixture[str]) -> None:
    for said in ("is now an organiser", "is already an organiser"):
        call_command("make_organiser", "Olympe@Example.org", name="Olympe de Gouges")
        assert f"olympe@example.org {said}" in capsys.readouterr().out

    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.has_usable_password(), user.attendee.name) == (
        True,
        True,
        False,
        "Olympe de Gouges",
    )


def test_make_organiser_promotes_who_is_already_here(capsys: pytest.CaptureFixture[str]) -> None:
    ada = make.attendee("Ada", email="ada@example.org")

    call_command("make_organiser", "ADA@example.org")

    ada.user.refresh_from_db()
    assert ada.user.is_superuser
    assert Attendee.objects.get().name == "Ada"


@pytest.mark.parametrize(("email", "name"), [("not an address", ""), ("ada@example.org", "A\u202eb")])
def test_make_organiser_refuses_what_the_site_would(email: str, name: str) -> None:
    with pytest.raises(CommandError):
        call_command("make_organiser", email, name=name)


def test_createsuperuser_needs_no_password() -> None:
    call_command("createsuperuser", email="root@example.org", interactive=False, verbosity=0)

    assert not User.objects.get().has_usable_password()
