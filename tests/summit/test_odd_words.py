"""In which direction and language people's words are read, on every page that holds some."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from django.core import mail
from django.test import Client
from modeltranslation.translator import translator

from outbox.domain import delivery
from tests import make
from tests import odd_words as odd

pytestmark = pytest.mark.django_db

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "use", "rect", "path"}
# What holds no text that is laid out, or takes none of its own.
UNREAD = {"title", "script", "style"}
# What Django draws in the administration: the style sheet says there what `dir` says elsewhere.
DRAWN = {"breadcrumbs", "inline-group", "changelist-filter", "related-widget-wrapper"}
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([+-]\d\d:\d\d))?"


@dataclass
class Reader(HTMLParser):
    """The texts of a page, each with the language and the direction of the elements around it, the closest first."""

    open: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and not any(tag in UNREAD or DRAWN & {*_names(of)} for tag, of in self.open):
            self.texts.append((data.strip(), self._closest("lang"), self._closest("dir")))

    def _closest(self, name: str) -> str:
        for tag, attributes in reversed(self.open):
            if found := attributes.get(name):
                return found
            if name == "dir" and tag == "bdi":
                return "auto"
        return ""


def _names(attributes: dict[str, str | None]) -> list[str]:
    return [*(attributes.get("class") or "").split(), attributes.get("id") or ""]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def pages(client: Client, addresses: list[str]) -> Iterator[tuple[str, Reader]]:
    for address in addresses:
        answer = client.get(address, follow=True)
        assert answer.status_code == (404 if "nulle-part" in address else 200), address
        yield address, read(answer.content.decode())


def test_peoples_words_are_read_in_their_own_direction_on_every_page(client: Client) -> None:
    who, _session, addresses = odd.summit(odd.ARABIC)
    make.sign_in(client, who)

    told, turned = 0, []
    for address, page in pages(client, addresses):
        for text, _lang, direction in page.texts:
            if text.startswith(odd.ARABIC[:5]):
                told += 1
                turned += [f"{address}: {text[:60]}"] if direction != "auto" else []

    assert told > 150
    assert turned == []


def test_whoever_types_does_so_in_the_direction_of_their_words(client: Client) -> None:
    who, _session, addresses = odd.summit(odd.ARABIC)
    make.sign_in(client, who)

    boxes = [
        (address, attributes.get("name"))
        for address, page in pages(client, addresses)
        for tag, attributes in page.elements
        if tag == "textarea" or (tag == "input" and attributes.get("type", "text") == "text")
        if attributes.get("dir") != "auto" and "Date" not in (attributes.get("class") or "")
        if "Time" not in (attributes.get("class") or "") and attributes.get("name") != "code"
    ]

    assert boxes == []


def test_a_title_that_exists_in_english_only_says_so_on_every_french_page(client: Client) -> None:
    who, _session, addresses = odd.summit("Salle", title_fr=None, title_en=odd.ONLY_ENGLISH)
    make.sign_in(client, who)

    told, mute = 0, []
    for address, page in pages(client, [a for a in addresses if not a.startswith("/admin/")]):
        for text, lang, _direction in page.texts:
            if text.removeprefix("– ") == odd.ONLY_ENGLISH:
                told += 1
                mute += [address] if lang != "en" else []

    assert told >= 12
    assert mute == []


@pytest.mark.parametrize(("missing", "prefix"), [("fr", ""), ("en", "/en")])
def test_every_text_that_is_not_translated_says_its_language_on_every_page(
    client: Client, missing: str, prefix: str
) -> None:
    who, _session, addresses = odd.summit("Salle")
    spoken = "en" if missing == "fr" else "fr"
    texts = set()
    for model in translator.get_registered_models():
        for name in translator.get_options_for_model(model).fields:
            text = f"{odd.ONLY_ENGLISH}: {model.__name__}.{name}"
            model._default_manager.update(**{f"{name}_{missing}": None, f"{name}_{spoken}": text})
            texts.add(text)
    make.sign_in(client, who)

    told, mute = set(), []
    for address, page in pages(client, [f"{prefix}{a}" for a in addresses if not a.startswith("/admin/")]):
        for text, lang, _direction in page.texts:
            if odd.ONLY_ENGLISH in text:
                told |= {known for known in texts if known in text}
                mute += [f"{address}: {text}"] if lang != spoken else []

    assert mute == []
    unseen = {"ReminderRule.note", "Announcement.subject", "Announcement.body"}  # they stand in mails only
    assert {text.rpartition(" ")[2] for text in texts - told} == unseen


def test_a_mail_says_the_direction_and_the_language_of_its_titles() -> None:
    room = make.room(name=odd.ARABIC, venue=make.venue(name=odd.ARABIC, address=odd.ARABIC))
    make.registration(make.session(title_fr=None, title_en=odd.ARABIC, room=room))
    delivery.deliver_due()

    [message] = mail.outbox
    html = str(message.alternatives[0][0])  # type: ignore[attr-defined]
    words = [(lang, way) for text, lang, way in read(html).texts if text == odd.ARABIC]

    assert words == [("en", "auto"), ("fr", "auto"), ("fr", "auto"), ("fr", "auto")]
    assert "overflow-wrap: anywhere" in html


def test_moments_are_written_as_machines_read_them(client: Client) -> None:
    at = datetime(2027, 7, 1, 8, 0, 0, 123456, tzinfo=UTC)
    session = make.session(starts_at=at, room=make.room(venue=make.venue(timezone="Europe/Paris")))
    addresses = [f"/sessions/{session.slug}/", "/programme/?day=2027-07-01", session.event.get_absolute_url()]

    moments = [
        attributes["datetime"] or ""
        for _address, page in pages(client, addresses)
        for tag, attributes in page.elements
        if tag == "time"
    ]

    assert moments == ["2027-07-01T10:00:00+02:00"] * 3
    assert all(re.fullmatch(MOMENT, moment) for moment in moments)
