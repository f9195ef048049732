"""The page on which a newcomer of the demo reads codes and confirmations."""

import base64
import hashlib
import importlib
import re
import uuid
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import clear_url_caches, reverse
from django.utils import timezone
from pytest_django import Settings

import summit.urls
from outbox.models import Message

pytestmark = pytest.mark.django_db
HTML = (
    "<!doctype html><html><head><style>\n p { color: #123456; }\n</style></head><body><p>Bonjour <a "
    "href='/me/'>Ada</a></p></body></html>"
)


@pytest.fixture
def demo(settings: Settings) -> Iterator[None]:
    settings.DEMO_MODE = True
    _read_urls_again()
    yield
    settings.DEMO_MODE = False
    _read_urls_again()


def _read_urls_again() -> None:
    importlib.reload(summit.urls)
    clear_url_caches()


def message(to: str = "ada@example.org", **fields: object) -> Message:
    defaults = {"kind": "test", "dedupe_key": str(uuid.uuid4()), "not_before": timezone.now()}
    if fields.get("status") == "sent":
        defaults["sent_at"] = timezone.now()
    return Message.objects.create(to=to, **defaults | fields)


def test_nobody_reads_mails_outside_of_the_demo(client: Client) -> None:
    sent = message(status="sent", subject="Votre code", html=HTML, calendar="BEGIN:VCALENDAR")

    for path in ("", f"{sent.uuid}/", f"{sent.uuid}/html/", f"{sent.uuid}/session.ics"):
        for language in ("", "/en"):
            assert client.get(f"{language}/demo/mail/{path}").status_code == 404


def test_the_newest_mail_stands_first_with_its_code_and_its_state(client: Client, demo: None) -> None:
    message(status="sent", subject="Votre place : Ouverture")
    message(kind="accounts.code", context={"code": "1234-5678"})

    page = client.get("/demo/mail/").content.decode()

    assert re.findall(r'class="title"[^>]*><a [^>]*>([^<]*)', page) == ["Pas encore rédigé", "Votre place : Ouverture"]
    assert re.findall(r'class="badge[^>]*>([^<]*)', page) == ["En chemin", "Arrivé"]
    assert page.count("1234-5678") == 1


def test_an_address_narrows_the_list(client: Client, demo: None) -> None:
    message("ada@example.org", subject="À Ada")
    message("grace@example.org", subject="À Grace")
    message("personne001@demo.example", subject="À la foule")

    def subjects(query: dict[str, str]) -> list[str]:
        return re.findall(r"À [\w ]+(?=</a>)", client.get("/demo/mail/", query).content.decode())

    assert subjects({}) == ["À Grace", "À Ada"]
    assert subjects({"to": " ADA@"}) == ["À Ada"]
    assert subjects({"to": "personne"}) == ["À la foule"]
    assert subjects({"to": "%"}) == []
    assert subjects({"to": "\u202e" * 5000}) == []


def test_a_reason_is_told_in_the_language_of_the_page(client: Client, demo: None) -> None:
    message(status=Message.Status.DROPPED, last_error="The offer has expired.")

    assert "La proposition a expiré." in client.get("/demo/mail/").content.decode()


def test_the_list_hears_of_a_new_mail_and_nothing_otherwise(client: Client, demo: None) -> None:
    message(subject="Le premier")
    again = re.search(r'hx-get="([^"]*)"', client.get("/demo/mail/").content.decode())
    url = again[1].replace("&amp;", "&") if again else ""

    assert client.get(url, headers={"HX-Request": "true"}).status_code == 204
    message(subject="Le second")
    news = client.get(url, headers={"HX-Request": "true"}).content.decode()

    assert "Le second" in news
    assert "<html" not in news


def test_a_mail_shows_its_text_its_letter_and_its_calendar(client: Client, demo: None) -> None:
    sent = message(
        status="sent", subject="<b>Votre place</b>", text="Bonjour Ada", html=HTML, calendar="BEGIN:VCALENDAR\r\n"
    )

    page = client.get(reverse("demo:mail", args=[sent.uuid])).content.decode()
    calendar = client.get(reverse("demo:mail_calendar", args=[sent.uuid]))

    assert "&lt;b&gt;Votre place&lt;/b&gt;" in page
    assert "Bonjour Ada</pre>" in page
    assert f'<iframe class="letter" src="/demo/mail/{sent.uuid}/html/"' in page
    assert (calendar.content, calendar["Content-Type"]) == (b"BEGIN:VCALENDAR\r\n", "text/calendar; charset=utf-8")


def test_a_letter_may_use_its_own_styles_and_nothing_else(client: Client, demo: None) -> None:
    sent = message(status="sent", subject="Votre place", html=HTML)

    response = client.get(reverse("demo:mail_html", args=[sent.uuid]))

    style = base64.b64encode(hashlib.sha256(b"\n p { color: #123456; }\n").digest()).decode()
    assert response["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'self'; form-action 'none'"
    )
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert client.get(reverse("demo:mail", args=[sent.uuid]))["X-Frame-Options"] == "DENY"


def test_what_a_mail_does_not_have_is_not_found(client: Client, demo: None) -> None:
    bare = message()

    for name in ("mail_html", "mail_calendar"):
        assert client.get(reverse(f"demo:{name}", args=[bare.uuid])).status_code == 404
    assert client.get(reverse("demo:mail", args=[uuid.uuid4()])).status_code == 404
    assert client.get(reverse("demo:mail", args=[bare.uuid])).status_code == 200
