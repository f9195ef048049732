"""Sessions of several days, and those that go past midnight: whoever asks "on this day" means some moment of it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from core import clock
from notices.domain import reminders
from programme.models import Session, days_between
from registrations.domain import facts
from tests import make
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db
pages = pytest.mark.runs_once("pages: what they say is decided in Python, by rules that run on both")

MONDAY = date(2027, 2, 8)
AT_NINE = datetime(2027, 2, 8, 8, 0, tzinfo=UTC)  # 9:00 in Paris
TO_WEDNESDAY_SIX = (2 * 24 + 9) * 60


def on(day: date) -> set[str]:
    return set(Session.objects.on(day).values_list("title_fr", flat=True))


def day(n: int) -> date:
    return MONDAY + timedelta(days=n)


def exhibition(**fields: object) -> Session:
    defaults = {"title": "Exposition", "starts_at": AT_NINE, "minutes": TO_WEDNESDAY_SIX}
    return make.session(**defaults | fields)


def test_a_session_is_on_each_day_of_which_it_takes_a_moment() -> None:
    exhibition()
    make.session(title="Nuit", starts_at=AT_NINE + timedelta(hours=13), minutes=4 * 60)  # Monday 22:00 to 2:00
    make.session(title="Minuit", starts_at=AT_NINE + timedelta(hours=13), minutes=2 * 60)  # to midnight
    make.session(title="Mardi", starts_at=AT_NINE + timedelta(days=1))
    tokyo = make.room(venue=make.venue(timezone="Asia/Tokyo"))
    make.session(title="Tokyo", room=tokyo, starts_at=AT_NINE + timedelta(hours=6, minutes=30))  # 23:30 to 0:30 there

    assert on(day(-1)) == set()
    assert on(day(0)) == {"Exposition", "Nuit", "Minuit", "Tokyo"}
    assert on(day(1)) == {"Exposition", "Nuit", "Mardi", "Tokyo"}
    assert on(day(2)) == {"Exposition"}
    assert on(day(3)) == set()
    for session in Session.objects.with_place():
        assert {d for d in map(day, range(-1, 4)) if session.title in on(d)} == set(session.days)


@pytest.mark.runs_once("arithmetic of days: no database is asked")
def test_days_follow_the_clocks_through_the_nights_of_march_and_october() -> None:
    paris = ZoneInfo("Europe/Paris")

    def between(one: datetime, other: datetime) -> int:
        return len(days_between(one, other, paris))

    midnight = datetime(2027, 3, 28, tzinfo=paris)  # a day of 23 hours
    assert between(midnight, midnight + timedelta(days=1)) == 1
    assert between(midnight, datetime(2027, 3, 29, 0, 1, tzinfo=paris)) == 2
    october = datetime(2027, 10, 31, tzinfo=paris)
    assert between(october, datetime(2027, 11, 1, tzinfo=paris)) == 1
    assert between(october, datetime(2526, 12, 31, tzinfo=paris)) == 100


@pages
@pytest.mark.proves("several-days")
def test_the_programme_lists_it_on_each_day_and_counts_it_once(client: Client) -> None:
    exhibition(track=make.track(slug="art"))
    make.session(title="Atelier", starts_at=AT_NINE + timedelta(days=1))

    strip = words(client.get("/programme/?day=2027-02-10&track=art").content.decode())
    tuesday = words(client.get("/programme/?day=2027-02-09").content.decode())
    monday = words(client.get("/programme/?day=2027-02-08").content.decode())
    home = words(client.get("/").content.decode())

    assert "lundi lun. 8 février" in strip and "mercredi mer. 10 février" in strip
    assert "Suite" in tuesday and "depuis le lundi 8 février, 9 h 00, jusqu’au mercredi 10 février, 18 h 00" in tuesday
    assert tuesday.index("Exposition") < tuesday.index("Atelier") and "2 sessions" in tuesday
    assert "Suite" not in monday and "jusqu’au mercredi 10 février, 18 h 00" in monday
    assert "2 sessions. Choisissez un jour" in home


@pages
def test_its_seat_is_on_every_day_of_the_programme_and_once_on_the_page_of_its_event(client: Client) -> None:
    session = exhibition(event=make.event(slug="forum"))

    for n in range(3):
        asked = {"day": day(n).isoformat()}
        assert f'id="seat-{session.slug}"' in client.get(reverse("registrations:seats"), asked).content.decode()
        assert f'id="seat-{session.slug}"' in client.get("/programme/", asked).content.decode()
    page = client.get("/events/forum/").content.decode()
    assert page.count("Exposition</a>") == 3
    assert page.count(f'id="seat-{session.slug}"') == 1
    assert words(page).count("Suite") == 2


@pages
def test_today_is_a_day_of_the_programme_in_the_middle_of_a_session(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhibition()
    monkeypatch.setattr(clock, "today", lambda: day(1))

    assert "<h1>Mardi 9" in client.get("/programme/").content.decode()


@pages
def test_ones_own_programme_names_it_on_the_days_that_follow(client: Client) -> None:
    session = exhibition(starts_at=AT_NINE)
    ada = make.attendee()
    make.registration(session, ada)
    make.sign_in(client, ada)

    page = words(client.get(reverse("registrations:me")).content.decode())

    assert page.count("Exposition") == page.count("Annuler") + 3  # its row and button, and two days that follow
    assert page.index("Lundi 8") < page.index("Annuler") < page.index("Mardi 9") < page.index("Mercredi 10")
    assert page.count("Suite : Exposition , jusqu’au mercredi 10 février, 18 h 00") == 2


@pytest.mark.proves("several-days")
def test_people_are_reminded_once_before_its_first_day() -> None:
    session = exhibition()
    make.registration(session)
    rule = make.reminder(session, days=1)

    due = reminders.due_at(rule, session)

    assert due and due.astimezone(session.zone).date() == day(-1)
    assert session.reminders.count() == 1


@pages
def test_organisers_read_when_it_ends_and_find_it_by_any_of_its_days(client: Client) -> None:
    exhibition()
    make.session(title="Atelier", starts_at=AT_NINE)
    make.sign_in(client, make.organiser())
    address = reverse("admin:programme_session_changelist")

    def listed(**asked: str) -> str:
        return words(
            client.get(address, asked).content.decode().partition('id="result_list"')[2].partition("</table>")[0]
        )

    assert "lun 8 fév., 9 h 00 – mercredi 10 février, 18 h 00" in listed(day="2027-02-10")
    assert "Atelier" not in listed(day="2027-02-10")
    assert "Atelier" in listed(day="2027-02-08") and "Exposition" in listed(day="2027-02-08")
    for odd in ("2027-02-30", "hier", "9999-12-31"):
        assert "Exposition" not in listed(day=odd)


@pages
def test_a_mail_says_when_it_ends() -> None:
    said = facts.facts_of(exhibition())["when"].replace("\xa0", " ")

    assert said == "lundi 8 février, 9 h 00 – mercredi 10 février, 18 h 00"
