"""What a clock on the wall of a venue means as an instant, and how people write days and hours."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from babel import Locale
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core.folding import fold

FIRST_YEAR, LAST_YEAR = 1900, 2199  # what is further is a slip of the hand, and soon beyond what Python can count


def check_year(day: date) -> None:
    """Raise ValueError, with the sentence to show, for a day that no programme has."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(
            _("%(year)s cannot be right: write a year from %(first)s to %(last)s.")
            % {"year": day.year, "first": FIRST_YEAR, "last": LAST_YEAR}
        )


def at_wall_time(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks of `zone` show `wall` (naive).

    Raises ValueError, with the sentence to show, for a year that cannot be meant, and on the nights when the clocks
    change: an hour that is skipped does not exist, one that comes twice has no single meaning (docs/rules.md#time).
    """
    check_year(wall)
    instant = wall.replace(tzinfo=zone)
    if instant.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        raise ValueError(
            _("%(time)s does not exist there: the clocks go forward past it that night.")
            % {"time": date_format(wall, "DATETIME_FORMAT")}
        )
    if instant.utcoffset() != instant.replace(fold=1).utcoffset():
        raise ValueError(
            _("%(time)s happens twice there, as the clocks go back that night: choose another time.")
            % {"time": date_format(wall, "DATETIME_FORMAT")}
        )
    return instant


# --- Days and hours as people write them ------------------------------------------------------------------------------

_HOUR = (
    r"(?P<hour>[0-9]{1,2})(?:\s*(?:h|hrs?|heures?|:)\s*(?P<minute>[0-9]{2})?(?::[0-9]{2}(?:\.[0-9]+)?)?"
    r"(?:\s*(?:min|mn))?\s*(?P<half>[ap]\.?m\.?)?|\s*(?P<half_alone>[ap]\.?m\.?))"
)
_NUMERIC = re.compile(r"([0-9]{1,2})([/.\s-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
_ISO = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})")
_POINT = re.compile(r"((?:\A|[\sT,])[0-9]{1,2})\.(?=[0-9]{2}(?:\s*[ap]\.?m\.?)?\Z)", re.IGNORECASE)  # 14.30
_LONGEST = 100  # characters; what is longer is neither a day nor an hour
_ARTICLES = ("le", "the", "on")


def _tidy(text: str) -> str:
    """`text` with one blank where several are, on which the patterns would try every way; nothing if it is too long."""
    text = " ".join(text.split())
    return _POINT.sub(r"\1:", text) if len(text) <= _LONGEST else ""


def hour_in(text: str) -> time | None:
    """The time of day that `text` is: 14:30, 14.30, 14h30, 14 h 30, 9h, 2:30 pm; None for anything else."""
    text = _tidy(text)
    match = re.fullmatch(_HOUR, text, re.IGNORECASE)
    if not match or not text.isascii():
        return None
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if half := (match["half"] or match["half_alone"] or "").lower():
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def days_in(text: str) -> list[tuple[date, bool | None]]:
    """The days that `text` may mean, with whether each reads the day before the month (None where nobody would read it
    otherwise): 10/02/2025 is two days, 13/02/2025, 2025-02-10 and “lundi 10 février 2025” are one."""
    text = _tidy(text)
    before, _blank, rest = text.partition(" ")
    if (word := fold(before).rstrip(".,")) in _ARTICLES:
        return days_in(rest)
    if rest and word in _names("days"):
        return [each for each in days_in(rest) if each[0].weekday() == _names("days")[word]]
    if match := _ISO.fullmatch(text):
        return _existing([(match[1], match[2], match[3], None)])
    if match := _NUMERIC.fullmatch(text):
        year = match[4] if len(match[4]) == 4 else f"20{match[4]}"
        readings: list[tuple[str, str, str, bool | None]] = [(year, match[3], match[1], True)]
        if match[2] != ".":  # with points, nobody writes the month first
            readings.append((year, match[1], match[3], False))
        found = _existing(readings)
        return [(found[0][0], None)] if len({day for day, _first in found}) == 1 and match[1] == match[3] else found
    words = fold(text).replace(",", " ").replace(".", " ").split()
    if len(words) != 3 or not re.fullmatch("[0-9]{4}", words[2]):
        return []
    first, second = (word.removesuffix("er").removesuffix("st") if word[:1].isdecimal() else word for word in words[:2])
    first, second = (re.sub(r"(?<=[0-9])(nd|rd|th)$", "", word) for word in (first, second))
    months = _names("months")
    if second in months and first.isdecimal():
        return _existing([(words[2], str(months[second]), first, None)])
    if first in months and second.isdecimal():
        return _existing([(words[2], str(months[first]), second, None)])
    return []


def day_and_hour(text: str) -> tuple[str, time | None]:
    """A text taken apart: what stands for the day, and the time of day; ("", None) when it names no day before its
    hour."""
    text = _tidy(text)
    if hour := hour_in(text):
        return "", hour
    match = re.fullmatch(rf"(?P<day>.+?)(?:[\sT,]+(?:à|a|at)?\s*|,\s*|\s+[-–]\s*){_HOUR}", text, re.IGNORECASE)
    if match and days_in(match["day"]):
        hour = hour_in(text[match.start("hour") :])
        return (match["day"], hour) if hour else ("", None)
    return text, None


def moment_in(text: str) -> tuple[list[tuple[date, bool | None]], time | None]:
    """The days and the time of day that `text` means, each missing where it names none; ([], None) for what is neither.
    A moment that names its own offset is not for this function."""
    day, hour = day_and_hour(text)
    return days_in(day), hour


def orders_in(texts: Iterable[str]) -> set[bool]:
    """Which orders of day (True: the day first) and month all of these days or moments allow; both where none of them
    decides, none where they contradict each other."""
    allowed, asked = {True, False}, False
    for text in texts:
        days = moment_in(text)[0]
        if any(first is not None for _day, first in days):
            allowed &= {first for _day, first in days if first is not None}
            asked = True
    return allowed if asked else {True}


def _existing(readings: Iterable[tuple[str, str, str, bool | None]]) -> list[tuple[date, bool | None]]:
    found = []
    for year, month, day, first in readings:
        try:
            found.append((date(int(year), int(month), int(day)), first))
        except ValueError:
            continue
    return found


@cache
def _names(kind: str) -> dict[str, int]:
    """Months or days of the week by their names and short names, folded, in both languages."""
    names: dict[str, int] = {}
    for language in ("fr", "en"):
        for width in ("wide", "abbreviated"):
            for number, name in getattr(Locale(language), kind)["format"][width].items():
                names[fold(name).rstrip(".")] = number
    return names | {"sept": 9, "juil": 7, "fevr": 2, "fev": 2} if kind == "months" else names


def last_day(ends_at: datetime) -> date:
    """The day of the last moment before `ends_at`, by its own clock: what ends at midnight takes none of the next."""
    return (ends_at - timedelta(microseconds=1)).date()
