import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from programme.models import Event, Participation, Session
from tests import make

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages: their words, their order and the number of their queries are the same on both"),
]

MORNING = datetime(2027, 2, 4, 8, 30, tzinfo=UTC)  # 9:30 in Paris


def page_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


# --- Home -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3])
def test_home_takes_eleven_queries(
    client: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(number):
        make.session(starts_at=MORNING + timedelta(days=n), event=make.event(venue=make.venue()))

    with django_assert_num_queries(11):
        page = page_of(client, "/")

    assert page.count('<span class="numeral" aria-hidden="true">') == number


def test_home_says_what_when_and_where(client: Client) -> None:
    make.edition(state="open", is_current=True, starts_on=date(2027, 2, 4), ends_on=date(2027, 2, 9))
    make.day(date(2027, 2, 4), label="Journées scientifiques")
    make.day(date(2027, 2, 9))
    make.session(starts_at=MORNING, track=make.track(slug="cyber", name="Cyber"))
    make.session(starts_at=MORNING + timedelta(days=5), room=make.room(venue=make.venue(city="Palaiseau")))

    page = page_of(client, "/")

    assert "Du 4 au 9\xa0février 2027<br>" in page and "<bdi>Paris, Palaiseau</bdi>" in page
    assert 'href="/programme/?day=2027-02-04"' in page
    assert "Journées scientifiques" in page
    assert 'href="/programme/?track=cyber"' in page
    assert "2 sessions." in page


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        (Event.Kind.FORUM, "Les temps du Sommet"),
        (Event.Kind.SIDE_EVENT, "Événements associés"),
        (Event.Kind.ROAD_TO_THE_SUMMIT, "En route vers le Sommet"),
    ],
)
def test_home_lists_each_event_under_its_heading(client: Client, kind: Event.Kind, heading: str) -> None:
    event = make.event(title="Celui-ci", kind=kind)

    page = " ".join(page_of(client, "/").split())

    assert re.findall(r'<h2 class="list">([^<]*)</h2>', page) == [heading]
    assert f'<a class="title" href="/events/{event.slug}/" dir="auto">Celui-ci</a>' in page


def test_an_empty_home_promises_the_programme(client: Client) -> None:
    make.current_edition()
    assert "Aucune session n’est encore annoncée." in page_of(client, "/")


# --- Session ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3])
def test_a_session_takes_three_queries(
    client: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session = make.session(slug="panel")
    for _ in range(number):
        make.participation(session=session)

    with django_assert_num_queries(3):
        page = page_of(client, "/sessions/panel/")

    assert page.count('<a class="name"') == number


def test_a_session_says_when_where_and_in_which_languages(client: Client) -> None:
    room = make.room(
        name="Salon 3",
        venue=make.venue(slug="palais", name="Grand Palais", address="Avenue X", accessibility_fr="De plain-pied."),
    )
    make.session(slug="panel", title="Gouverner", starts_at=MORNING, minutes=90, languages="en|fr", room=room)

    page = page_of(client, "/sessions/panel/")

    for text in (
        "jeudi 4\xa0février 2027",
        "9\xa0h\xa030 – 11\xa0h\xa000",
        "1\xa0h\xa030 · heure de Paris",
        "Salon 3",
        "Anglais, français",
        "De plain-pied.",
    ):
        assert text in page
    assert '<a href="/venues/palais/" dir="auto">Grand Palais</a>, <bdi>Avenue X</bdi>, <bdi>Paris</bdi>' in " ".join(
        page.split()
    )
    assert '<div id="seat-box" hx-get="/sessions/panel/seat/" hx-trigger="load">' in page
    assert 'href="/programme/?day=2027-02-04"' in page


def test_announced_people_are_apart_with_a_word_of_caution(client: Client) -> None:
    session = make.session(slug="panel")
    make.participation(session=session, speaker=make.speaker(name="Ada"), role=Participation.Role.MODERATOR)
    assert "présence à confirmer" not in page_of(client, "/sessions/panel/")

    make.participation(session=session, speaker=make.speaker(name="Grace"), role=Participation.Role.ANNOUNCED)
    page = page_of(client, "/sessions/panel/")

    assert page.index("Ada") < page.index("Attendus, présence à confirmer.") < page.index("Grace")


@pytest.mark.proves("drafts-hidden")
def test_a_cancelled_session_says_so_and_offers_no_seat(client: Client) -> None:
    make.session(slug="panel", starts_at=MORNING, status=Session.Status.CANCELLED)

    page = page_of(client, "/sessions/panel/")

    assert "Cette session est annulée." in page
    assert "seat-box" not in page


def test_a_session_that_is_over_says_so_and_offers_no_seat(client: Client) -> None:
    session = make.session(slug="panel", minutes=60)

    with time_machine.travel(session.ends_at - timedelta(seconds=1), tick=False):
        assert "seat-box" in page_of(client, "/sessions/panel/")
    with time_machine.travel(session.ends_at, tick=False):
        page = page_of(client, "/sessions/panel/")

    assert "Cette session est terminée." in page
    assert "seat-box" not in page


def test_a_title_that_is_not_translated_says_its_language(client: Client) -> None:
    make.session(slug="panel", title_fr="Ouverture", title_en="", starts_at=MORNING)

    assert '<h1 lang="fr" dir="auto">Ouverture</h1>' in page_of(client, "/en/sessions/panel/")
    assert '<a href="/en/sessions/panel/" lang="fr" dir="auto">Ouverture</a>' in page_of(
        client, "/en/programme/?day=2027-02-04"
    )
    assert '<h1 dir="auto">Ouverture</h1>' in page_of(client, "/sessions/panel/")


def test_a_title_that_only_exists_in_english_stands_in_for_the_french_one(client: Client) -> None:
    make.session(slug="panel", title_fr="", title_en="Opening")

    assert '<h1 lang="en" dir="auto">Opening</h1>' in page_of(client, "/sessions/panel/")


def test_hostile_text_is_shown_as_text(client: Client) -> None:
    hostile = '<script>alert(1)</script><img src=x onerror=alert(1) data-hx-get="/me/">'
    session = make.session(
        slug="panel", title=hostile, description_fr=hostile, starts_at=MORNING, track=make.track(name=hostile)
    )
    speaker = make.speaker(slug="mechante", name=hostile, role=hostile, organisation=hostile)
    make.participation(session=session, speaker=speaker)

    for address in (
        "/",
        "/programme/?day=2027-02-04",
        "/sessions/panel/",
        "/speakers/",
        "/speakers/mechante/",
        f"/events/{session.event.slug}/",
    ):
        page = page_of(client, address)
        assert "<script>alert" not in page
        assert "<img" not in page


# --- Speakers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3])
def test_speakers_take_two_queries(
    client: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(number):
        make.participation()

    with django_assert_num_queries(2):
        page = page_of(client, "/speakers/")

    assert page.count('<a class="name"') == number


@pytest.mark.on_both("the order of letters")
def test_speakers_stand_under_their_letter_whatever_its_accent(client: Client) -> None:
    for name in ("Élodie", "Zoé", "Emma", "Éric"):
        make.participation(speaker=make.speaker(name=name))

    page = page_of(client, "/speakers/")

    assert re.findall(r'<h2 class="when" id="(.)">', page) == ["E", "Z"]
    assert sorted(["Élodie", "Emma", "Éric", "Zoé"], key=page.index) == ["Élodie", "Emma", "Éric", "Zoé"]


def test_no_speaker_yet_leads_to_the_programme(client: Client) -> None:
    assert "Personne n’est encore annoncé." in page_of(client, "/speakers/")


@pytest.mark.parametrize("number", [1, 3])
def test_a_speaker_takes_three_queries(
    client: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    speaker = make.speaker(slug="ada", name="Ada")
    for n in range(number):
        make.participation(speaker=speaker, session=make.session(starts_at=MORNING + timedelta(days=n)))

    with django_assert_num_queries(3):
        page = page_of(client, "/speakers/ada/")

    assert page.count('<h3 class="title">') == number


@pytest.mark.proves("drafts-hidden")
def test_a_speaker_shows_no_draft(client: Client) -> None:
    speaker = make.speaker(slug="ada")
    make.participation(speaker=speaker, session=make.session(title="Publique"))
    make.participation(speaker=speaker, session=make.session(title="Secrète", status=Session.Status.DRAFT))

    page = page_of(client, "/speakers/ada/")

    assert "Publique" in page
    assert "Secrète" not in page


# --- Events -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3])
def test_an_event_takes_four_queries(
    client: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    event = make.event(slug="forum", venue=make.venue())
    for n in range(number):
        make.session(event=event, starts_at=MORNING + timedelta(days=n))

    with django_assert_num_queries(4):
        page = page_of(client, "/events/forum/")

    assert page.count('<h4 class="title">') == number
    assert page.count('<h2 class="list">') == number


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Event.Kind.ROAD_TO_THE_SUMMIT, "Cet événement a son propre programme"),
        (Event.Kind.SIDE_EVENT, "Les sessions de cet événement ne sont pas encore annoncées."),
    ],
)
def test_an_event_without_sessions_says_where_they_are(client: Client, kind: Event.Kind, words: str) -> None:
    make.event(slug="seul", kind=kind)

    assert words in page_of(client, "/events/seul/")


def test_an_event_known_to_the_month_shows_no_day(client: Client) -> None:
    month = {"starts_on": date(2024, 5, 1), "ends_on": date(2024, 5, 1), "date_precision": Event.DatePrecision.MONTH}
    make.event(slug="seoul", kind=Event.Kind.ROAD_TO_THE_SUMMIT, city="Séoul", **month)

    assert '<p class="lead">Mai 2024, <bdi>Séoul</bdi></p>' in " ".join(page_of(client, "/events/seoul/").split())


# --- Every page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sessions", "speakers", "events", "venues"])
@pytest.mark.parametrize("slug", ["inconnu", "x" * 5000, "é", "a--b_c"])
@pytest.mark.on_both("odd bytes: each database refuses others")
def test_an_unknown_slug_is_not_found_in_both_languages(client: Client, kind: str, slug: str) -> None:
    assert "Cette page n’existe pas" in client.get(f"/{kind}/{slug}/").content.decode()
    assert client.get(f"/en/{kind}/{slug}/").status_code == 404


def test_the_page_leads_to_itself_in_the_other_language(client: Client) -> None:
    make.session(starts_at=MORNING)

    french = page_of(client, "/programme/?day=2027-02-04")
    english = page_of(client, "/en/programme/?day=2027-02-04")

    link = '<a class="language" id="language" href="{}/programme/?day=2027-02-04" lang="{}" hreflang="{}">{}</a>'
    assert link.format("/en", "en", "en", "English") in french
    assert link.format("", "fr", "fr", "Français") in english
    assert '<html lang="fr">' in french
    assert '<html lang="en">' in english
    for page in (french, english):
        assert '<link rel="alternate" hreflang="fr" href="http://testserver/programme/?day=2027-02-04">' in page
        assert '<link rel="alternate" hreflang="en" href="http://testserver/en/programme/?day=2027-02-04">' in page
    assert '<link rel="canonical" href="http://testserver/en/programme/?day=2027-02-04">' in english


@pytest.mark.on_both("runs a statement that no other test runs")
def test_the_navigation_marks_where_one_is(client: Client) -> None:
    session = make.session(slug="panel")
    make.participation(session=session, speaker=make.speaker(slug="ada"))
    places = {
        "/programme/": "Programme",
        "/sessions/panel/": "Programme",
        "/speakers/ada/": "Intervenants",
        "/venues/": "Lieux",
    }

    for address, name in places.items():
        [marked] = re.findall(r'aria-current="true">([^<]*)</a>', page_of(client, address))
        assert marked == name
    assert 'aria-current="true"' not in page_of(client, "/")


def test_the_demonstration_says_that_it_is_one_on_every_page(client: Client, settings: Settings) -> None:
    session = make.session(slug="panel", starts_at=timezone.now() + timedelta(days=7))
    make.participation(session=session, speaker=make.speaker(slug="ada"))
    addresses = [
        "/",
        "/programme/",
        "/sessions/panel/",
        "/speakers/",
        "/speakers/ada/",
        "/venues/",
        f"/events/{session.event.slug}/",
        "/rien/",
    ]
    warning = "Ceci est une démonstration faite à partir d’articles de presse, pas le programme officiel."

    assert not any(warning in client.get(address).content.decode() for address in addresses)
    settings.DEMO_MODE = True
    assert all(warning in client.get(address).content.decode() for address in addresses)
