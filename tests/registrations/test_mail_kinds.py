"""Every kind of mail in both languages: shown about what there is, in text and HTML, with its facts, and nothing left
to fill in."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone, translation

from outbox.domain import mail_templates
from partners.models import PartnerRole
from registrations.domain import booking, pools
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once("texts of mails: written in Python")]
KINDS = sorted(key for key in mail_templates.kinds if key != "allocations.allocated")
LANGUAGES = pytest.mark.parametrize("language", ["fr", "en"])
NO_SESSION = {"accounts.code", "accounts.new_address", "accounts.address_changed", "accounts.factor"}
OTHER_FACTS = {
    "accounts.code": "12345678",
    "accounts.new_address": "12345678",
    "accounts.address_changed": "donnees@example.org",
    "accounts.factor": "donnees@example.org",
    "partners.digest": "Cnam",
    "partners.team": "Cnam",
}
OF_SEATS = {
    "registrations.confirmed", "registrations.waiting", "registrations.offered", "registrations.offer_ends",
    "registrations.confirmed.promoted", "registrations.confirmed.granted", "registrations.declined",
    "registrations.cancelled.by_person", "registrations.cancelled.session_cancelled",
}  # fmt: skip
OF_NOTICES = {"notices.changes", "notices.cohort", "notices.reminder"}


def the_summit():
    session = make.session(title_fr="Gouvernance", title_en="Governance", starts_at=timezone.now() + timedelta(days=9))
    institution = make.institution(name="Cnam")
    cohort = make.cohort(institution=institution, name_fr="Master MéDAS", name_en="MéDAS master", size=10)
    pools.allot(session, cohort, 5)
    return session, institution, cohort


def shown(key: str, language: str):
    kind = mail_templates.kinds[key]
    with translation.override(language):
        texts = mail_templates.texts_of(key)
    return mail_templates.try_out(kind, texts, language, make.organiser(language=language))


@pytest.mark.proves("editable-mail-templates")
def test_each_kind_that_people_may_count_on_exists() -> None:
    assert {*OF_SEATS, *OF_NOTICES, "partners.digest"} <= mail_templates.kinds.keys()


@pytest.mark.proves("editable-mail-templates")
@LANGUAGES
@pytest.mark.parametrize("key", KINDS)
def test_a_kind_is_shown_about_a_session_that_there_is_with_nothing_left_to_fill_in(key: str, language: str) -> None:
    the_summit()

    letter = shown(key, language)

    assert letter is not None
    html = unescape(re.sub(r"<[^>]+>", " ", letter.html.partition("</style>")[2]))
    facts = OTHER_FACTS.get(key) or {"fr": "Gouvernance", "en": "Governance"}[language]
    for part in (letter.subject + letter.text, html):
        assert facts in part
        assert not re.search(r"%\(|\{|\}|\bNone\b(?! has)|\[\]", part)
    assert letter.subject and "\n" not in letter.subject
    assert "<img" not in letter.html and "url(" not in letter.html  # nothing is fetched from anywhere
    assert "\n\n\n\n" not in letter.text


@LANGUAGES
@pytest.mark.parametrize("key", [*KINDS, "allocations.allocated"])
def test_with_nothing_at_all_there_is_nothing_to_show_and_no_error(key: str, language: str) -> None:
    assert (shown(key, language) is None) == (key not in NO_SESSION)


@pytest.mark.proves("editable-mail-templates")
@LANGUAGES
@pytest.mark.parametrize("key", KINDS)
def test_french_is_another_text_than_english(key: str, language: str) -> None:
    kind = mail_templates.kinds[key]
    with translation.override("fr"):
        french = mail_templates.standard(kind)
    with translation.override("en"):
        english = mail_templates.standard(kind)
    assert (
        french.subject != english.subject
        and french.opening != english.opening
        and bool(french.closing) == bool(english.closing)
    )
    for name in mail_templates.FIELDS:
        assert set(re.findall(r"\{\w+\}", getattr(french, name))) == set(re.findall(r"\{\w+\}", getattr(english, name)))
    assert not mail_templates.wrong(kind, french) and not mail_templates.wrong(kind, english)


def test_a_kind_is_shown_about_the_last_person_that_it_concerned() -> None:
    session, _institution, _cohort = the_summit()
    booking.register(booking.Ask(session, ada := make.attendee("Ada Lovelace"), actor=ada.user))

    letter = shown("registrations.confirmed", "en")

    assert "Ada Lovelace, your seat is confirmed." in letter.text


@pytest.mark.proves("editable-mail-templates")
@pytest.mark.on_both("runs a statement that no other test runs")
def test_showing_a_kind_writes_nothing() -> None:
    session, institution, _cohort = the_summit()
    PartnerRole.objects.create(institution=institution, user=make.user())
    reader = make.organiser()
    before = session.registrations.count()

    for key, kind in mail_templates.kinds.items():
        mail_templates.try_out(kind, mail_templates.texts_of(key), "fr", reader)

    assert session.registrations.count() == before == 0
