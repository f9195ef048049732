"""Time zones spelled out for calendar programs (RFC 5545 3.6.5), as the time zone database has them."""

from bisect import bisect_left
from calendar import monthcalendar
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

EPOCH = 1970  # when rules begin, as in most calendars
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Change(NamedTuple):
    """A change of the clock. `onset` is what it showed until then: 02:00 in March in Paris, 03:00 in October."""

    onset: datetime
    before: timedelta
    after: timedelta
    name: str


@cache
def spelled_out(tzid: str, first: int, last: int) -> Timezone:
    """The VTIMEZONE of a zone, right in every hour from the year before `first` to the year after `last`.

    Where the clocks change on the same weekday of the same month in all those years, it is by one yearly rule for each
    change; elsewhere (Morocco follows the moon) each change stands by itself. No RDATE: some programs ignore it. Kept,
    since it takes as long as the rest of a mail.
    """
    zone = ZoneInfo(tzid)
    years = range(max(first - 1, MINYEAR + 1), min(last + 2, MAXYEAR))
    changes = list(_changes(zone, years))
    begins = datetime(years[0], 1, 1, tzinfo=UTC).astimezone(zone)
    since = datetime(EPOCH, 1, 1)  # noqa: DTZ001 - by the clock of the zone
    since_ever = Change(since, _offset(begins), _offset(begins), begins.tzname() or tzid)
    winter = min(change.after for change in (since_ever, *changes))
    timezone = Timezone()
    timezone.add("tzid", tzid)
    for change, rule in _by_rule(changes, years) or [(change, None) for change in (since_ever, *changes)]:
        # By the offset, not by what the database calls summer time: in Dublin that is the winter, an hour less than
        # "standard", which programs do not expect.
        observance: Any = TimezoneDaylight() if change.after > winter else TimezoneStandard()
        observance.DTSTART = change.onset
        observance.TZOFFSETFROM, observance.TZOFFSETTO = change.before, change.after
        observance.add("tzname", change.name)
        if rule:
            observance.add("rrule", rule)
        timezone.add_component(observance)
    return timezone


def _offset(at: datetime) -> timedelta:
    return at.utcoffset() or timedelta()


def _changes(zone: ZoneInfo, years: range) -> Iterator[Change]:
    """The changes of those years: looked for day by day, then by the second."""
    day = datetime(years[0], 1, 1, tzinfo=UTC)
    before = _offset(day.astimezone(zone))
    while day.year in years:
        day += timedelta(days=1)
        if _offset(day.astimezone(zone)) != before:
            at = _moment(zone, day - timedelta(days=1), before)
            after = _offset(at)
            yield Change(at.replace(tzinfo=None) - after + before, before, after, at.tzname() or zone.key)
            before = after


def _moment(zone: ZoneInfo, day: datetime, before: timedelta) -> datetime:
    """The first second of that day at which the zone has another offset."""

    def at(second: int) -> datetime:
        return (day + timedelta(seconds=second)).astimezone(zone)

    return at(bisect_left(range(86400), x=True, key=lambda second: _offset(at(second)) != before))


def _by_rule(changes: Sequence[Change], years: range) -> list[tuple[Change, dict[str, Any] | None]]:
    """Each change with its yearly rule, as of its first time under that rule; none unless all follow one."""
    alike: dict[tuple[timedelta, timedelta], list[Change]] = defaultdict(list)
    for change in changes:
        alike[change.before, change.after].append(change)
    found = [_rule(same, years) for same in alike.values()]
    return [one for one in found if one] if all(found) else []


def _rule(same: Sequence[Change], years: range) -> tuple[Change, dict[str, Any]] | None:
    first = same[0].onset
    if [change.onset.year for change in same] != list(years):
        return None
    for nth in (-1, 1, 2, 3, 4):  # the last one first: the fourth may be the last in all of a few years
        if all(change.onset == _on_the(nth, first, change.onset.year) for change in same):
            rule = {"FREQ": "YEARLY", "BYMONTH": first.month, "BYDAY": f"{nth}{WEEKDAYS[first.weekday()]}"}
            return same[0]._replace(onset=_on_the(nth, first, EPOCH)), rule
    return None


def _on_the(nth: int, at: datetime, year: int) -> datetime:
    """The hour of `at` in another year, on the `nth` such weekday of that month, or on the last one (-1)."""
    days = [week[at.weekday()] for week in monthcalendar(year, at.month) if week[at.weekday()]]
    return at.replace(year=year, day=days[nth - 1 if nth > 0 else nth])
