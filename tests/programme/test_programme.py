import gzip
import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from programme.models import Session
from tests import make

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages: their words and the number of their queries are the same on both"),
]

MORNING = datetime(2027, 2, 4, 8, 30, tzinfo=UTC)  # 9:30 in Paris


def page_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, (address, response.get("Location"))
    return response.content.decode()


def titles(page: str) -> list[str]:
    return re.findall(r'<h3 class="title"><a [^>]*>([^<]*)</a>', page)


def current_day(page: str) -> str:
    [day] = re.findall(r'id="day-([\d-]+)"[^>]*aria-current="date"', page)
    return day


@pytest.mark.parametrize("number", [1, 3])
def test_a_day_takes_nine_queries_however_full(
    client: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(number):
        session = make.session(starts_at=MORNING + timedelta(minutes=30 * n))
        make.participation(session=session)
    make.day(date(2027, 2, 4))

    with django_assert_num_queries(9):
        page = page_of(client, "/programme/?day=2027-02-04")

    assert len(titles(page)) == number


@pytest.mark.proves("venue-time")
def test_sessions_stand_under_their_hour_in_the_time_of_their_venue(client: Client) -> None:
    make.session(
        title="Tard",
        starts_at=datetime(2027, 2, 4, 23, 30, tzinfo=UTC),
        room=make.room(venue=make.venue(timezone="Europe/Paris")),
    )
    make.session(title="Ouverture", starts_at=MORNING, minutes=90, languages="fr|en")

    page = page_of(client, "/programme/?day=2027-02-04")

    assert titles(page) == ["Ouverture"]
    assert '<h2 class="when"><time datetime="2027-02-04T09:30:00+01:00">9\xa0h\xa030</time></h2>' in page
    assert "1\xa0h\xa030 · FR, EN" in page
    assert "heure de Paris" in page
    assert titles(page_of(client, "/programme/?day=2027-02-05")) == ["Tard"]


def test_each_row_holds_the_place_of_its_live_seat(client: Client) -> None:
    make.session(slug="libre", access=Session.Access.PUBLIC, starts_at=MORNING)
    make.session(slug="places", starts_at=MORNING)
    make.session(slug="annulee", starts_at=MORNING, status=Session.Status.CANCELLED)

    page = page_of(client, "/programme/?day=2027-02-04")

    assert re.findall(r'<div class="seat" id="seat-([a-z]+)">', page) == ["libre", "places", "annulee"]
    assert '<a class="button" href="/sessions/places/seat/">' in page
    assert 'hx-get="/programme/seats/?day=2027-02-04" hx-trigger="load, seats-changed from:body"' in " ".join(
        page.split()
    )
    assert '<span class="badge bad">Annulée</span>' in page


@pytest.mark.proves("drafts-hidden")
@pytest.mark.on_both("which rows are there")
def test_drafts_are_nowhere(client: Client) -> None:
    draft = make.session(slug="secret", title="Secret", status=Session.Status.DRAFT, starts_at=MORNING)
    make.participation(session=draft, speaker=make.speaker(slug="inconnue", name="Inconnue"))
    make.day(date(2027, 2, 4))

    for address in ["/", "/programme/", "/programme/?day=2027-02-04", "/speakers/", f"/events/{draft.event.slug}/"]:
        assert "Secret" not in page_of(client, address)
        assert "Inconnue" not in page_of(client, address)
    assert client.get("/sessions/secret/").status_code == 404
    assert client.get("/speakers/inconnue/").status_code == 404


# --- Which day --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "shown"),
    [("2027-01-01T12:00Z", "2027-02-04"), ("2027-02-04T23:30Z", "2027-02-05"), ("2027-03-01T12:00Z", "2027-02-04")],
    ids=["before", "during, past midnight in Paris", "after"],
)
def test_the_usual_day_is_today_during_the_summit_and_else_the_first(client: Client, now: str, shown: str) -> None:
    for n in range(3):
        make.session(starts_at=MORNING + timedelta(days=n))

    with time_machine.travel(now, tick=False):
        assert current_day(page_of(client, "/programme/")) == shown


@pytest.mark.on_both("days, as each database counts them")
def test_the_usual_day_with_filters_is_the_first_with_a_match(client: Client) -> None:
    make.session(starts_at=MORNING)
    make.session(starts_at=MORNING + timedelta(days=2), track=make.track(slug="cyber"))

    assert current_day(page_of(client, "/programme/?track=cyber")) == "2027-02-06"


def test_a_day_stands_in_the_strip_with_or_without_a_label(client: Client) -> None:
    make.day(date(2027, 2, 5), label="Forum")
    make.session(starts_at=MORNING)

    page = page_of(client, "/programme/")

    assert re.findall(r'id="day-([\d-]+)"', page) == ["2027-02-04", "2027-02-05"]
    assert ">Forum</span>" in page


# --- Filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["event", "track", "venue", "access"])
@pytest.mark.on_both("a search")
def test_each_filter_keeps_its_sessions_and_stays_when_the_day_changes(client: Client, name: str) -> None:
    wanted = make.session(title="Voulue", starts_at=MORNING, access=Session.Access.PUBLIC)
    make.session(title="Autre", starts_at=MORNING)
    make.session(title="Demain", starts_at=MORNING + timedelta(days=1))
    value = {
        "event": wanted.event.slug,
        "track": wanted.track.slug,
        "venue": wanted.room.venue.slug,
        "access": "public",
    }[name]

    page = page_of(client, f"/programme/?day=2027-02-04&{name}={value}")

    assert titles(page) == ["Voulue"]
    assert f'href="?day=2027-02-05&amp;{name}={value}"' in page
    assert f'<option value="{value}" selected' in page
    assert f'hx-get="/programme/seats/?day=2027-02-04&amp;{name}={value}"' in page


@pytest.mark.on_both("which rows are there")
def test_menus_offer_only_what_leads_somewhere(client: Client) -> None:
    make.track(slug="vide")
    make.session(track=make.track(slug="brouillon"), status=Session.Status.DRAFT)
    session = make.session(starts_at=MORNING)

    page = page_of(client, "/programme/")

    assert f'<option value="{session.track.slug}"' in page
    assert "vide" not in page
    assert "brouillon" not in page
    assert '<option value="invitation"' not in page


@pytest.mark.on_both("days, as each database counts them")
def test_an_empty_day_says_on_which_days_there_are_matches(client: Client) -> None:
    make.session(starts_at=MORNING)
    make.session(starts_at=MORNING + timedelta(days=1), track=make.track(slug="cyber"))

    page = page_of(client, "/programme/?day=2027-02-04&track=cyber")

    assert "Rien ce jour-là avec ces filtres" in page
    assert '<a href="?day=2027-02-05&amp;track=cyber">Vendredi 5\xa0février</a>' in page
    assert '<a class="button quiet" href="?day=2027-02-04">' in page
    assert "/seats/" not in page


def test_a_programme_without_sessions_says_so(client: Client) -> None:
    assert "Aucune session n’est encore annoncée." in page_of(client, "/programme/")


@pytest.mark.parametrize(
    ("asked", "understood"),
    [
        ("?foo=1", ""),
        ("?day=", ""),
        ("?day=2027-02-30", ""),
        ("?day=9999-12-31", ""),
        ("?day=2031-01-01&access=public", "?access=public"),
        ("?track=inconnue&day=2027-02-04", "?day=2027-02-04"),
        ("?access=public&day=2027-02-04", "?day=2027-02-04&access=public"),
        ("?day=2027-02-04&day=2027-02-04", "?day=2027-02-04"),
        ("?event=" + "x" * 10_000, ""),
        ("?venue=" + quote("' OR 1=1 --"), ""),
        ("?track=%ED%A0%80", ""),
        ("?utm_source=mail&day=2027-02-04&event=&track=&venue=&access=", "?day=2027-02-04"),
    ],
)
def test_what_the_address_says_in_vain_is_redirected_away(client: Client, asked: str, understood: str) -> None:
    make.session(starts_at=MORNING, access=Session.Access.PUBLIC)

    response = client.get(f"/programme/{asked}")

    assert (response.status_code, response["Location"]) == (302, f"/programme/{understood}")
    assert client.get(response["Location"]).status_code == 200


@pytest.mark.on_both("odd bytes: each database refuses others")
def test_a_nul_in_the_address_is_refused(client: Client) -> None:
    response = client.get("/programme/?day=%00")

    assert response.status_code == 400
    assert "Nous n’avons pas pu lire cette demande" in response.content.decode()


# --- Sessions across time zones ---------------------------------------------------------------------------------------


@pytest.mark.proves("venue-time")
@pytest.mark.on_both("days, as each database counts them")
def test_a_day_is_that_of_the_clock_of_each_venue() -> None:
    paris = make.room(venue=make.venue(timezone="Europe/Paris"))
    montreal = make.room(venue=make.venue(timezone="America/Toronto"))
    late_in_montreal = make.session(room=montreal, starts_at=datetime(2027, 2, 5, 2, tzinfo=UTC))  # 21:00 on the 4th
    early_in_paris = make.session(room=paris, starts_at=datetime(2027, 2, 5, 2, tzinfo=UTC))  # 3:00 on the 5th

    assert list(Session.objects.on(date(2027, 2, 4))) == [late_in_montreal]
    assert list(Session.objects.on(date(2027, 2, 5))) == [early_in_paris]
    assert [session.day for session in (late_in_montreal, early_in_paris)] == [date(2027, 2, 4), date(2027, 2, 5)]


@pytest.mark.on_both("runs a statement that no other test runs")
def test_rows_say_their_zone_when_there_are_several(client: Client) -> None:
    make.session(starts_at=MORNING)
    make.session(starts_at=MORNING + timedelta(hours=9), room=make.room(venue=make.venue(timezone="America/Toronto")))

    page = page_of(client, "/programme/?day=2027-02-04")

    assert page.count("heure de Paris") == 1
    assert page.count("heure de Toronto") == 1


@pytest.mark.proves("clock-change-nights")
@pytest.mark.on_both("days, as each database counts them")
def test_a_night_of_23_hours_loses_no_session() -> None:
    """Paris, 28 March 2027: 2:00 does not exist."""
    sessions = [
        make.session(starts_at=datetime(2027, 3, 27, 23, tzinfo=UTC)),
        make.session(starts_at=datetime(2027, 3, 28, 21, 59, tzinfo=UTC)),
    ]
    make.session(starts_at=datetime(2027, 3, 28, 22, tzinfo=UTC))

    assert list(Session.objects.on(date(2027, 3, 28))) == sessions


@pytest.mark.parametrize("day", [date.min, date.max, date(9999, 1, 1)])
@pytest.mark.on_both("each database has other ends of the calendar")
def test_the_ends_of_the_calendar_hold_no_session(client: Client, day: date) -> None:
    make.session(starts_at=MORNING)

    assert not Session.objects.on(day).exists()
    assert client.get("/programme/seats/", {"day": day.isoformat()}).status_code == 200


# --- Weight -----------------------------------------------------------------------------------------------------------


def test_a_full_day_weighs_little(client: Client) -> None:
    tracks = [make.track(name=f"Une thématique au nom assez long {n}") for n in range(12)]
    rooms = [make.room(name=f"Amphithéâtre numéro {n}") for n in range(18)]
    for n in range(45):
        words = " ".join(f"{word}{n}" for word in ("table", "ronde", "confiance", "gouvernance", "mondiale"))
        make.session(
            title=words,
            starts_at=MORNING + timedelta(minutes=15 * (n // 3)),
            track=tracks[n % 12],
            room=rooms[n % 18],
            minutes=15,
        )

    response = client.get("/programme/?day=2027-02-04", headers={"Accept-Encoding": "gzip"})

    assert len(titles(gzip.decompress(response.content).decode())) == 45
    assert len(response.content) <= 8 * 1024
