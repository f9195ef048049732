from datetime import date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from core.templatetags import when

pytestmark = pytest.mark.runs_once("words for dates and times: no database is asked")

PARIS = ZoneInfo("Europe/Paris")
HALF_PAST_TWO = datetime(2027, 2, 10, 14, 30, tzinfo=PARIS)


def said(text: str) -> str:
    """`text` with the no-break spaces in the place of its underscores."""
    return text.replace("_", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("hour", "minute", "french", "english"),
    [
        (14, 30, "14_h_30", "2:30_pm"),
        (0, 5, "0_h_05", "12:05_am"),
        (12, 0, "12_h_00", "12:00_pm"),
        (9, 0, "9_h_00", "9:00_am"),
    ],
)
def test_a_wall_time_is_written_as_each_language_writes_it(hour: int, minute: int, french: str, english: str) -> None:
    moment = HALF_PAST_TWO.replace(hour=hour, minute=minute)

    assert when.wall_time(moment) == said(french)
    with translation.override("en"):
        assert when.wall_time(moment) == said(english)


@pytest.mark.parametrize(
    ("minutes", "french", "english"),
    [
        (90, "14_h_30 – 16_h_00", "2:30 – 4:00_pm"),
        (-180, "11_h_30 – 14_h_30", "11:30_am – 2:30_pm"),
        (12 * 60, "14_h_30 – jeudi 11_février, 2_h_30", "2:30_pm – Thursday 11_February, 2:30_am"),
    ],
)
def test_a_range_of_times_says_twice_only_what_differs(minutes: int, french: str, english: str) -> None:
    first, last = sorted([HALF_PAST_TWO, HALF_PAST_TWO + timedelta(minutes=minutes)])

    assert when.time_range(first, last) == said(french)
    with translation.override("en"):
        assert when.time_range(first, last) == said(english)


def test_days_are_written_in_full() -> None:
    assert when.long_day(date(2027, 2, 10)) == said("mercredi 10_février 2027")
    assert when.day(date(2027, 3, 1)) == said("lundi 1er_mars")
    assert when.short_weekday(date(2027, 3, 1)) == "lun."
    with translation.override("en"):
        assert when.long_day(date(2027, 2, 10)) == said("Wednesday 10_February 2027")
        assert when.day(date(2027, 3, 1)) == said("Monday 1_March")
        assert when.short_weekday(date(2027, 3, 1)) == "Mon"


@pytest.mark.parametrize(
    ("first", "last", "precision", "french", "english"),
    [
        (date(2027, 2, 4), date(2027, 2, 4), "day", "4_février 2027", "4_February 2027"),
        (date(2027, 2, 4), date(2027, 2, 9), "day", "du 4 au 9_février 2027", "4–9_February 2027"),
        (date(2027, 2, 1), date(2027, 2, 9), "day", "du 1er au 9_février 2027", "1–9_February 2027"),
        (date(2027, 1, 30), date(2027, 2, 9), "day", "du 30_janvier au 9_février 2027", "30_January – 9_February 2027"),
        (
            date(2026, 12, 30),
            date(2027, 1, 2),
            "day",
            "du 30_décembre 2026 au 2_janvier 2027",
            "30_December 2026 – 2_January 2027",
        ),
        (date(2024, 5, 1), date(2024, 5, 1), "month", "mai 2024", "May 2024"),
        (date(2024, 5, 1), date(2024, 6, 1), "month", "mai – juin 2024", "May – June 2024"),
        (date(2025, 1, 1), date(2025, 1, 1), "year", "2025", "2025"),
        (date(2024, 1, 1), date(2025, 1, 1), "year", "2024–2025", "2024–2025"),
    ],
)
def test_dates_say_no_more_than_is_known(first: date, last: date, precision: str, french: str, english: str) -> None:
    event = SimpleNamespace(starts_on=first, ends_on=last, date_precision=precision)

    assert when.dates(event) == said(french)
    with translation.override("en"):
        assert when.dates(event) == said(english)


@pytest.mark.parametrize(
    ("minutes", "french", "english"),
    [(45, "45_min", "45_min"), (60, "1_h", "1_h"), (90, "1_h_30", "1_h_30_min"), (3 * 24 * 60, "3 jours", "3 days")],
)
def test_a_duration_is_short(minutes: int, french: str, english: str) -> None:
    assert when.duration(timedelta(minutes=minutes)) == said(french)
    with translation.override("en"):
        assert when.duration(timedelta(minutes=minutes)) == said(english)


@pytest.mark.parametrize(
    ("hours", "words"),
    [(1, "1_h"), (4, "jusqu’à 18_h_30"), (14, "jusqu’au jeudi 11_février, 4_h_30")],
    ids=["short", "long", "overnight"],
)
def test_what_lasts_for_hours_says_until_when(hours: int, words: str) -> None:
    session = SimpleNamespace(
        duration=timedelta(hours=hours),
        local_starts_at=HALF_PAST_TWO,
        local_ends_at=HALF_PAST_TWO + timedelta(hours=hours),
    )

    assert when.lasts(session) == said(words)


def test_a_zone_is_named_by_its_city() -> None:
    assert when.zone_name(ZoneInfo("Europe/Paris")) == "heure de Paris"
    with translation.override("en"):
        assert when.zone_name(ZoneInfo("America/New_York")) == "New York time"


def test_a_text_says_its_direction_and_for_want_of_a_translation_its_language() -> None:
    only_french = SimpleNamespace(title_fr="Ouverture", title_en="")

    assert when.lang(only_french, "title") == ' dir="auto"'
    with translation.override("en"):
        assert when.lang(only_french, "title") == ' lang="fr" dir="auto"'
    assert when.lang(None, "label") == ' dir="auto"'


def test_a_text_inside_a_sentence_says_its_language_too_and_is_never_markup() -> None:
    session = SimpleNamespace(title="<b>Ouverture</b>", title_fr="<b>Ouverture</b>", title_en="")

    assert when.bdi(session, "title") == "<bdi>&lt;b&gt;Ouverture&lt;/b&gt;</bdi>"
    with translation.override("en"):
        assert when.bdi(session, "title") == '<bdi lang="fr">&lt;b&gt;Ouverture&lt;/b&gt;</bdi>'
    assert when.bdi("<b>") == "<bdi>&lt;b&gt;</bdi>"


def test_a_moment_is_told_by_the_clock_of_a_place() -> None:
    assert when.moment(HALF_PAST_TWO, PARIS) == said("mercredi 10_février à 14_h_30")
    assert when.moment(HALF_PAST_TWO, ZoneInfo("America/Montreal")) == said("mercredi 10_février à 8_h_30")
    with translation.override("en"):
        assert when.moment(HALF_PAST_TWO, PARIS) == said("Wednesday 10_February at 2:30_pm")
