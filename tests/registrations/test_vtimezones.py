"""Zones in calendars, read back by another program's eyes (dateutil) and compared hour by hour with the database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Timezone

from registrations.domain.vtimezones import spelled_out

pytestmark = pytest.mark.runs_once("no database")
BY_RULE = {
    "Europe/Paris": ["0100>0200 02:00 -1SU3", "0200>0100 03:00 -1SU10"],
    "Europe/Dublin": ["0000>0100 01:00 -1SU3", "0100>0000 02:00 -1SU10"],  # whose "summer" is the winter
    "America/New_York": ["-0500>-0400 02:00 2SU3", "-0400>-0500 02:00 1SU11"],
    "Australia/Sydney": ["1100>1000 03:00 1SU4", "1000>1100 02:00 1SU10"],
    "Australia/Lord_Howe": ["1100>1030 02:00 1SU4", "1030>1100 02:00 1SU10"],  # by half an hour
    "Pacific/Chatham": ["1345>1245 03:45 1SU4", "1245>1345 02:45 -1SU9"],
    "America/Santiago": ["-0300>-0400 00:00 1SU4", "-0400>-0300 00:00 1SU9"],
    "America/Nuuk": ["-0200>-0100 23:00 -1SA3", "-0100>-0200 00:00 -1SU10"],  # when Europe does, on the day before
}
WITHOUT = ["Asia/Kolkata", "Asia/Tehran", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Kiritimati", "Etc/GMT+5"]
OF_THE_MOON = ["Africa/Casablanca", "Africa/El_Aaiun", "Asia/Gaza"]


def read_back(name: str, first: int, last: int) -> Any:
    return Timezone.from_ical(spelled_out(name, first, last).to_ical())


def offset(observance: Any, name: str) -> str:
    return str(observance[name].to_ical().lstrip("+"))


def told(observance: Any) -> str:
    rule = {name: values[0] for name, values in observance["RRULE"].items()}
    assert set(rule) == {"FREQ", "BYMONTH", "BYDAY"} and rule["FREQ"] == "YEARLY" and observance.DTSTART.year == 1970
    return (
        f"{offset(observance, 'TZOFFSETFROM')}>{offset(observance, 'TZOFFSETTO')} {observance.DTSTART:%H:%M}"
        f" {rule['BYDAY']}{rule['BYMONTH']}"
    )


def hours(zone: ZoneInfo, years: range) -> Iterator[datetime]:
    """The noons of those years, and each quarter of an hour in the three days around a change."""
    noons = [datetime(years[0], 1, 1, 12, tzinfo=UTC) + timedelta(days=day) for day in range(365 * len(years))]
    for before, after in pairwise(noons):
        yield after.astimezone(zone)
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            for quarter in range(-96, 192):
                yield (before + timedelta(minutes=15 * quarter)).astimezone(zone)


def wrong(component: Any, zone: ZoneInfo, years: range) -> list[str]:
    read = component.to_tz(lookup_tzid=False)
    return [
        f"{at} is {at.replace(tzinfo=read).utcoffset()}"
        for at in hours(zone, years)
        # Of an hour that comes twice, a local time means the first.
        if not at.fold and at.replace(tzinfo=read).utcoffset() != at.utcoffset()
    ]


@pytest.mark.proves("calendar-entry")
@pytest.mark.parametrize("first", [2018, 2024, 2026, 2028])
@pytest.mark.parametrize("name", [*BY_RULE, *WITHOUT, *OF_THE_MOON, "Asia/Almaty", "America/Asuncion", "Africa/Cairo"])
def test_a_calendar_has_each_hour_around_a_change_as_the_zone_has_it(name: str, first: int) -> None:
    component = read_back(name, first, first + 1)

    assert wrong(component, ZoneInfo(name), range(first - 1, first + 3)) == []
    observances = [*component.walk("STANDARD"), *component.walk("DAYLIGHT")]
    assert component.walk("STANDARD") and not [each for each in observances if "RDATE" in each]


@pytest.mark.proves("calendar-entry")
@pytest.mark.parametrize(("name", "rules"), BY_RULE.items())
def test_a_zone_with_a_yearly_rule_is_written_by_it(name: str, rules: list[str]) -> None:
    component = read_back(name, 2027, 2027)

    assert sorted(map(told, component.subcomponents)) == sorted(rules)
    [winter], [summer] = component.standard, component.daylight
    assert winter.TZOFFSETTO < summer.TZOFFSETTO


@pytest.mark.parametrize("name", WITHOUT)
def test_a_zone_without_changes_is_one_standard_time(name: str) -> None:
    [observance] = read_back(name, 2027, 2027).subcomponents

    assert observance.name == "STANDARD" and observance["TZOFFSETFROM"].td == observance["TZOFFSETTO"].td
    assert observance["TZOFFSETTO"].td == datetime(2027, 2, 8, tzinfo=ZoneInfo(name)).utcoffset()


@pytest.mark.proves("calendar-entry")
@pytest.mark.parametrize("name", OF_THE_MOON)
def test_a_zone_that_follows_the_moon_has_each_change_by_itself(name: str) -> None:
    observances = read_back(name, 2026, 2027).subcomponents

    assert not [each for each in observances if "RRULE" in each or "RDATE" in each]
    years = {each["DTSTART"].dt.year for each in observances}
    assert years == {1970, 2025, 2026, 2027, 2028}


@pytest.mark.parametrize(
    ("name", "before", "then"),
    [
        ("America/Asuncion", 2022, 2024),  # stayed at its summer time
        ("America/St_Johns", 2009, 2011),  # the same nights, no longer at a minute past midnight
    ],
)
def test_a_rule_that_ends_in_these_years_is_none(name: str, before: int, then: int) -> None:
    assert all("RRULE" in each for each in read_back(name, before, before).subcomponents)

    component = read_back(name, then, then)
    assert not [each for each in component.subcomponents if "RRULE" in each]
    assert wrong(component, ZoneInfo(name), range(then - 1, then + 2)) == []


@pytest.mark.parametrize("year", [1, 9999])
def test_a_year_typed_wrongly_is_no_crash(year: int) -> None:
    assert read_back("Asia/Kolkata", year, year).standard
