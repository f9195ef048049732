"""What the cells of a summit’s files mean: numbers, days, moments, periods, choices."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import models

from programme.models import Edition, Event
from venues.models import validate_timezone


class Wrong(Exception):
    """A cell that cannot be used; the message is the sentence for the report."""


def whole_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Wrong("write a whole number in digits, for example 250.")
    if not int(text):
        raise Wrong("must be at least 1.")
    return int(text)


def minutes(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise Wrong("write whole minutes in digits, for example 20.")
    return int(text)


def degrees(text: str) -> float:
    if not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,12})?", text):
        raise Wrong("write degrees with a point, for example 48.8566.")
    return float(text)


def yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise Wrong("write yes or no.")
    return text == "yes"


def day(text: str) -> date:
    try:
        if re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Wrong("is not a day: write it like 2025-02-10.")


def instant(text: str) -> datetime:
    try:
        if re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})", text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise Wrong("is not a moment: write it like 2025-02-10T14:00:00+01:00.")


def zone(text: str) -> str:
    validate_timezone(text)
    return text


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, known to the day, or only to the month or the year."""

    first: date
    last: date
    precision: Event.DatePrecision

    def moved(self, days: int) -> "Period":
        if self.precision == Event.DatePrecision.DAY or not days:
            return Period(self.first + timedelta(days), self.last + timedelta(days), self.precision)
        first, last = (moment + timedelta(days) for moment in (self.first, self.last.replace(day=1)))
        if self.precision == Event.DatePrecision.YEAR:
            return Period(
                first.replace(month=1, day=1),
                _last_day(self.last.year + first.year - self.first.year, 12),
                self.precision,
            )
        return Period(first.replace(day=1), _last_day(last.year, last.month), self.precision)


def _last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(1)


def period(text: str) -> Period:
    """A day, a month (2023-11), a year (2025), or an interval of two of them (2025-02-08/2025-02-09)."""
    ends = text.split("/")
    if len(ends) > 2:
        raise Wrong("is not a period: write it like 2025-02-08/2025-02-09.")
    periods = [_single_period(end) for end in ends]
    precision = max((period.precision for period in periods), key=["day", "month", "year"].index)
    return Period(periods[0].first, periods[-1].last, precision)


def _single_period(text: str) -> Period:
    if re.fullmatch(r"20[0-9]{2}", text):
        return Period(date(int(text), 1, 1), date(int(text), 12, 31), Event.DatePrecision.YEAR)
    if match := re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", text):
        year, month = int(match[1]), int(match[2])
        return Period(date(year, month, 1), _last_day(year, month), Event.DatePrecision.MONTH)
    try:
        return Period(day(text), day(text), Event.DatePrecision.DAY)
    except Wrong:
        raise Wrong("is not a day, a month or a year: write it like 2025-02-10, 2025-02 or 2025.") from None


def one_of(choices: type[models.TextChoices], **also: str) -> Callable[[str], str]:
    """A reader of `choices` as people write them: “side event” for side_event; `also` holds further spellings."""

    def read(text: str) -> str:
        value = re.sub(r"[ -]", "_", text)
        value = also.get(value, value)
        if value not in choices.values:
            raise Wrong(f"is not one of: {', '.join(value.replace('_', ' ') for value in choices.values)}.")
        return value

    return read


def open_or_archived(text: str) -> str:
    """The state of an edition that anybody may know of."""
    if text not in (Edition.State.OPEN, Edition.State.ARCHIVED):
        raise Wrong("write open or archived.")
    return text
