"""The administration speaks our French, tells things of one name apart, and counts what its lists show."""

import json
import re
from datetime import UTC, date, datetime
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import polib
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils.translation import gettext, override

from core.admin.django_words import SCRIPT_WORDS, WORDS
from core.wall_time import at_wall_time
from notices.models import Change
from outbox.models import Hold, Message
from programme.models import Duty, Participation, Session
from registrations.models import Registration
from tests import make
from tests.summit.test_admin import a_message

pytestmark = pytest.mark.django_db
KICK_OFF = datetime(2031, 2, 7, 7, 0, tzinfo=UTC)


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<(?!/?a\b)[^>]+>", " ", re.sub(r"</?a\b[^>]*>", "", html))).split())


# --- Words ------------------------------------------------------------------------------------------------------------


@pytest.mark.runs_once("catalogues are files: no database is asked")
def test_no_word_of_ours_takes_the_place_of_one_of_djangos_by_accident() -> None:
    """“Change” is a button of a seat, and was the link “Échanger” beside every row of the administration."""
    folder = apps.get_app_config("admin").path
    theirs = polib.pofile(f"{folder}/locale/fr/LC_MESSAGES/django.po")
    meant = {str(word) for word in WORDS if isinstance(word, str)} | {"Remove", "Filter", "Today"}
    plurals = {entry.msgid for entry in theirs if entry.msgid_plural}

    with override("fr"):
        other = {
            entry.msgid: gettext(entry.msgid)
            for entry in theirs
            if entry.msgid not in meant | plurals and entry.msgstr != gettext(entry.msgid)
        }

    assert other == {}


@pytest.mark.runs_once("catalogues are files: no database is asked")
def test_our_french_of_djangos_words_wins_and_calls_nothing_an_object() -> None:
    ours = polib.pofile(str(settings.BASE_DIR / "core/locale/fr/LC_MESSAGES/django.po"))
    with override("fr"):
        said = [gettext(word) for word in (*WORDS, *SCRIPT_WORDS) if isinstance(word, str)]
        assert gettext("Change") == "Modifier"
        assert gettext("0 of %(cnt)s selected") == "Sélection\u00a0: 0 sur %(cnt)s"
    assert [words for words in said if re.search(r"objet|\(e\)|succès|éléments", words)] == []
    assert {entry.msgid for entry in ours} >= {str(word) for word in WORDS if isinstance(word, str)}


def test_the_pages_say_none_of_djangos_words(organiser: Client) -> None:
    participation = make.participation(session=make.session(status=Session.Status.DRAFT))
    participation.session._change_reason = "load_summit"
    participation.session.save()
    cohort = make.cohort()
    pages = [
        "/admin/programme/session/",
        "/admin/programme/session/add/",
        f"/admin/programme/session/{participation.session_id}/change/",
        f"/admin/programme/session/{participation.session_id}/delete/",
        f"/admin/programme/session/{participation.session_id}/history/",
        f"/admin/registrations/institution/{cohort.institution_id}/change/",
        "/admin/programme/session/99999/change/",
    ]
    for path in pages:
        html = organiser.get(path, follow=True).content.decode()
        shown = text(html) + " ".join(re.findall(r'(?:title|alt|aria-label|data-inline-formset)="([^"]*)"', html))
        found = re.findall(
            r"objets?\b|\[fr\]|\[en\]|Échanger|0 sur \d+ sélectionné|succès|None\b|Aucun\(e\)|-----|load_summit", shown
        )
        assert (path, found) == (path, [])


def test_what_was_saved_is_said_without_an_object(organiser: Client) -> None:
    form = {"date": "2027-03-04", "timezone": "Europe/Paris", "label_fr": "Ouverture", "label_en": "Opening"}
    form |= {"edition": make.current_edition().pk}

    answer = organiser.post("/admin/programme/day/add/", form, follow=True)

    assert "Ajout enregistré : journée « 4 mars 2027 – Ouverture »." in text(answer.content.decode())


def test_the_scripts_of_django_speak_our_french(organiser: Client) -> None:
    script = organiser.get("/admin/jsi18n/").content.decode()
    catalog = json.loads(re.search(r"newcatalog = (\{.*?\n  \});", script, re.DOTALL)[1])  # type: ignore[index]

    assert catalog["%(sel)s of %(cnt)s selected"] == ["Sélection\u00a0: %(sel)s sur %(cnt)s"] * len(
        catalog["%s selected option not visible"]
    )
    assert catalog["6 p.m."] == "18\u00a0h"


def test_a_sent_announcement_names_the_language_in_its_tab_alone(organiser: Client) -> None:
    announcement = make.announcement(event=make.event())
    type(announcement).objects.update(status="stopped")

    html = organiser.get(reverse("admin:notices_announcement_change", args=[announcement.pk])).content.decode()

    assert "[fr]" not in html and "[en]" not in html


def test_yes_and_no_are_words_for_whoever_hears_them_too(organiser: Client) -> None:
    make.room(name="Foyer", allows_several_sessions=True)

    listed = organiser.get("/admin/venues/room/").content.decode()

    assert '<td dir="auto" class="field-allows_several_sessions">Oui</td>' in listed
    assert 'alt="True"' not in listed and 'alt="False"' not in listed


def test_a_group_may_be_looked_for_too(organiser: Client) -> None:
    Group.objects.create(name="Accueil")

    assert choices(organiser, "accounts.user", "groups", "acc") == ["Accueil"]


def test_the_filters_are_called_by_their_names(organiser: Client) -> None:
    for path, name in (("/admin/venues/room/", "À vérifier"), ("/en/admin/venues/room/", "To verify")):
        make.room()
        assert re.search(rf"<summary>\s*{name}\s*</summary>", organiser.get(path).content.decode())


def test_hours_that_the_clocks_skip_are_named_as_people_write_them() -> None:
    with override("fr"), pytest.raises(ValueError, match="28 mars 2027, 2\u00a0h\u00a030 n’existe pas"):
        at_wall_time(datetime(2027, 3, 28, 2, 30), ZoneInfo("Europe/Paris"))  # noqa: DTZ001 - a wall clock


# --- One way of writing times -----------------------------------------------------------------------------------------


def test_the_list_the_history_and_the_names_write_one_hour_alike(organiser: Client) -> None:
    session = make.session(starts_at=KICK_OFF, minutes=60)
    session.starts_at = KICK_OFF.replace(minute=30)
    session.save()

    listed = organiser.get("/admin/programme/session/").content.decode()
    history = organiser.get(reverse("admin:programme_session_history", args=[session.pk])).content.decode()

    assert "8\u00a0h\u00a030 – 9\u00a0h\u00a000" in listed and "08:30" not in listed
    assert "8\u00a0h\u00a030" in history and "08:30" not in history
    with override("fr"):
        assert str(make.day(date(2027, 3, 4), label="Ouverture")).startswith("4 mars 2027")


# --- Choosers ---------------------------------------------------------------------------------------------------------


def choices(client: Client, source: str, field: str, term: str) -> list[str]:
    app, model = source.split(".")
    query = {"app_label": app, "model_name": model, "field_name": field, "term": term}
    return [one["text"] for one in client.get("/admin/autocomplete/", query).json()["results"]]


def test_choosers_tell_apart_what_has_one_name(organiser: Client) -> None:
    room = make.room(name="Foyer", venue=make.venue(name="Palais"))
    session = make.session(title="Atelier", starts_at=KICK_OFF, room=room)
    make.attendee("Ada", email="ada@example.org", organisation="CNRS")
    make.cohort(name="Promo", institution=make.institution(name="École"))
    speaker = make.speaker(name="Grace", organisation="Navy")

    [said] = choices(organiser, "registrations.registration", "session", "atelier")
    assert said.startswith("Atelier – ") and "8\u00a0h\u00a000" in said and said.endswith("Foyer (Palais)")
    assert choices(organiser, "registrations.registration", "attendee", "ada") == ["Ada – ada@example.org – CNRS"]
    assert choices(organiser, "registrations.membership", "cohort", "promo") == ["Promo – École"]
    assert choices(organiser, "programme.participation", "speaker", "grace") == ["Grace – Navy"]
    assert choices(organiser, "programme.duty", "user", "ada@") == ["Ada – ada@example.org"]

    # What is chosen already is told apart too.
    part = make.participation(session=session, speaker=speaker)
    form = organiser.get(reverse("admin:programme_participation_change", args=[part.pk])).content.decode()
    assert "Foyer (Palais)" in form and "Grace – Navy" in form


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.runs_once("the number of queries is the same on both")
def test_a_chooser_takes_the_same_queries_however_much_it_offers(
    organiser: Client, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make.session(title="Atelier")
    choices(organiser, "registrations.registration", "session", "atelier")

    with django_assert_num_queries(3):
        assert len(choices(organiser, "registrations.registration", "session", "atelier")) == rows


# --- History ----------------------------------------------------------------------------------------------------------


def test_the_history_tells_who_was_put_into_a_session_and_taken_out(organiser: Client) -> None:
    session = make.session()
    part = make.participation(session=session, speaker=make.speaker(name="Ada Lovelace"))
    part.role = Participation.Role.KEYNOTE
    part.save()
    part.speaker.delete()
    duty = Duty.objects.create(session=session, user=make.user("help@example.org"), role="accueil")
    duty.role = "scène"
    duty.save()

    html = organiser.get(reverse("admin:programme_session_history", args=[session.pk])).content.decode()
    rows = [text(row) for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)]

    assert any("Suppression Intervention – Ada Lovelace" in row for row in rows)
    assert any("Ajout Intervention – Ada Lovelace" in row for row in rows)
    assert any("Modification Intervention – Ada Lovelace" in row and "Rôle" in row for row in rows)
    assert any("Service – help@example.org" in row and "accueil" in row and "scène" in row for row in rows)


def test_the_history_names_rooms_that_are_gone_and_each_language_once(organiser: Client) -> None:
    old = make.room(name="Ancienne", venue=make.venue(name="Palais"))
    session = make.session(room=old, status=Session.Status.DRAFT)
    session.room, session.title_fr = make.room(name="Nouvelle"), "Autre titre"
    session.save()
    Change.objects.all().delete()
    old.delete()

    html = organiser.get(reverse("admin:programme_session_history", args=[session.pk])).content.decode()

    assert '<del dir="auto">Ancienne (Palais)</del>' in html and "pk=" not in html
    assert html.count("Autre titre") >= 1 and "Titre en français" in html and "<b>Titre</b>" not in html


def test_the_history_says_whom_an_announcement_is_for_in_words(organiser: Client) -> None:
    announcement = make.announcement(event=make.event())
    announcement.statuses = ["confirmed", "waiting"]
    announcement.save()

    html = organiser.get(reverse("admin:notices_announcement_history", args=[announcement.pk])).content.decode()

    assert '<ins dir="auto">Confirmée, En liste d’attente</ins>' in html


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.runs_once("the number of queries is the same on both")
def test_the_history_takes_the_same_queries_however_much_happened(
    organiser: Client, rows: int, django_assert_num_queries: Any
) -> None:
    session = make.session()
    for _ in range(rows):
        make.participation(session=session)
        session.room = make.room()
        session.save()
        Duty.objects.create(session=session, user=make.user()).delete()
    path = reverse("admin:programme_session_history", args=[session.pk])
    organiser.get(path)

    with django_assert_num_queries(15):
        organiser.get(path)


# --- The home ---------------------------------------------------------------------------------------------------------


def test_each_number_of_the_home_opens_a_list_of_exactly_that_many(organiser: Client) -> None:
    full = make.session(seats=1, title="Pleine", assumed_fields="start")
    make.registration(full)
    gone = make.registration()
    Registration.objects.filter(pk=gone.pk).update(status="cancelled", pool=None, ended_at=gone.created_at)
    make.session(status=Session.Status.DRAFT)
    for n in range(3):
        a_message(n)
    Message.objects.filter(dedupe_key="0").update(status="failed", last_error="550")
    Message.objects.filter(dedupe_key="1").update(status="sent", sent_at=gone.created_at)
    Hold.objects.create(reason="restored", started_at=gone.created_at)

    home = organiser.get("/admin/").content.decode()
    figures = re.findall(r'<a href="([^"]+)">\s*<b class="numeral[^"]*">(\d+)</b>', home)
    badges = re.findall(r'<a class="badge warn" href="([^"]+)">\s*(\d+) ', home)

    assert len(figures) == 7 and badges
    for path, number in figures + badges:
        answer = organiser.get(unescape(path))
        assert answer.status_code == 200, path
        context = answer.context_data  # type: ignore[attr-defined]
        shown = context["cl"].result_count if "cl" in context else context["number"]
        assert (path, shown) == (path, int(number))
