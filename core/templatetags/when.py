"""Dates and times as people write them: “14 h 30” and “lundi 10 février 2027”, “2:30 pm” and “Monday 10 February
2027”; and in which language and direction people’s words are read."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils.dateformat import format as in_words
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from core.wall_time import last_day

register = template.Library()

NBSP = "\N{NO-BREAK SPACE}"


def _french() -> bool:
    return get_language() != "en"


@register.filter
def wall_time(moment: datetime | time) -> str:
    """“14 h 30” or “2:30 pm”. A datetime must already be in the zone of its venue."""
    if _french():
        return f"{moment.hour}{NBSP}h{NBSP}{moment.minute:02}"
    return f"{moment.hour % 12 or 12}:{moment.minute:02}{NBSP}{'am' if moment.hour < 12 else 'pm'}"


@register.filter
def stamp(at: datetime) -> str:
    """A moment for `<time datetime>`: to the second, with the offset of its zone."""
    if (at.utcoffset() or timedelta()).seconds % 60:  # by the sun, as long ago: HTML knows hours and minutes only
        at = at.astimezone(UTC)
    return at.isoformat(timespec="seconds")


def is_one_day(starts_at: datetime, ends_at: datetime) -> bool:
    """Whether all of [starts_at, ends_at[, in local time, lies in one day."""
    return starts_at.date() == last_day(ends_at)


@register.simple_tag
def time_range(starts_at: datetime, ends_at: datetime) -> str:
    """“14 h 30 – 16 h 00”, “2:30 – 4:00 pm”; names the last day when it is another one."""
    first, last = wall_time(starts_at), wall_time(ends_at)
    if starts_at.date() != ends_at.date():
        last = f"{day(ends_at)}, {last}"
    elif not _french() and first[-2:] == last[-2:]:
        first = first[:-3]
    return f"{first} – {last}"


@register.filter
def day(on: date) -> str:
    """“lundi 10 février” or “Monday 10 February”."""
    return _date(on, "l j\xa0F")


@register.filter
def long_day(on: date) -> str:
    """“lundi 10 février 2027” or “Monday 10 February 2027”."""
    return _date(on, "l j\xa0F Y")


@register.filter
def moment(at: datetime, zone: ZoneInfo) -> str:
    """“mardi 9 février à 18 h 00” or “Tuesday 9 February at 6:00 pm”, by the clock of `zone`."""
    there = at.astimezone(zone)
    return _("%(day)s at %(time)s") % {"day": day(there), "time": wall_time(there)}


@register.filter
def weekday(on: date) -> str:
    return in_words(on, "l")


@register.filter
def short_weekday(on: date) -> str:
    """“lun.” or “Mon”."""
    return in_words(on, "l")[:3] + "." if _french() else in_words(on, "D")


@register.filter
def duration(length: timedelta) -> str:
    """“45 min”, “1 h 30”, “2 h”; in English “1 h 30 min”. From two days on, in days."""
    minutes = int(length.total_seconds()) // 60
    if minutes >= 48 * 60:
        days = -(-minutes // (24 * 60))
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes}{NBSP}min"
    if not minutes:
        return f"{hours}{NBSP}h"
    return f"{hours}{NBSP}h{NBSP}{minutes:02}" if _french() else f"{hours}{NBSP}h{NBSP}{minutes}{NBSP}min"


@register.filter
def zone_name(zone: ZoneInfo) -> str:
    """“heure de Paris” or “Paris time”."""
    return _("%(city)s time") % {"city": zone.key.rsplit("/", 1)[-1].replace("_", " ")}


@register.filter
def dates(event: Any) -> str:
    """When an event is, no more precisely than it is known: “10 février 2027”, “du 6 au 7 février 2027”, “mai 2024”,
    “2025”."""
    return date_range(event.starts_on, event.ends_on, event.date_precision)


@register.simple_tag
def date_range(first: date, last: date, precision: str = "day") -> str:
    """Two dates in words, without saying twice what they share."""
    to_year = {"day": "j\xa0F Y", "month": "F Y", "year": "Y"}[precision]
    end = _date(last, to_year)
    if _date(first, to_year) == end:
        return end
    to_month = to_year.removesuffix(" Y")
    shares_month = precision == "day" and (first.year, first.month) == (last.year, last.month)
    start = _date(first, "j" if shares_month else to_month if first.year == last.year else to_year)
    if precision == "day" and _french():
        return f"du {start} au {end}"
    return f"{start}–{end}" if start.isdigit() else f"{start} – {end}"


def _date(on: date, pattern: str) -> str:
    if _french() and on.day == 1:
        pattern = pattern.replace("j", r"j\e\r")
    return in_words(on, pattern)


@register.simple_tag
def lasts(session: Any) -> str:
    """“50 min”, or “jusqu’à 18 h 30” for what one drops into rather than sits through, or “jusqu’au mardi 9 février,
    18 h 30” when it goes on for several days."""
    ends_at = session.local_ends_at
    if not is_one_day(session.local_starts_at, ends_at):
        return _("until %(day)s, %(time)s") % {"day": day(ends_at), "time": wall_time(ends_at)}
    if session.duration < timedelta(hours=4):
        return duration(session.duration)
    return _("until %(end)s") % {"end": wall_time(ends_at)}


@register.simple_tag
def since(session: Any) -> str:
    """“depuis le lundi 8 février, 9 h 00”, for what began on another day."""
    starts_at = session.local_starts_at
    return _("since %(day)s, %(time)s") % {"day": day(starts_at), "time": wall_time(starts_at)}


@register.simple_tag
def lang(thing: Any, field: str) -> SafeString:
    """The attributes of an element that holds a translated field alone: the direction in which its words are read, and
    their language if it is not the page's, for want of a translation."""
    return format_html('{} dir="auto"', _in_other_language(thing, field))


@register.filter
def bdi(words: object, field: str = "") -> SafeString:
    """People's words inside a sentence of ours, which they must not turn around: an Arabic title before a number. With
    `field`, the translated text of that name that `words` has, with its language as `lang` tells it.

    To cut it: `|bdi:"title"|truncatechars_html:60`."""
    if not field:
        return format_html("<bdi>{}</bdi>", words)
    return format_html("<bdi{}>{}</bdi>", _in_other_language(words, field), getattr(words, field))


def other_language(thing: Any, field: str) -> str:
    """The language of a translated text that is not the page's, for want of a translation; "" if it is."""
    here = get_language() or "fr"
    there = next((one for one in (here, "fr", "en") if getattr(thing, f"{field}_{one}", None)), here)
    return there if there != here else ""


def _in_other_language(thing: Any, field: str) -> SafeString:
    other = other_language(thing, field)
    return format_html(' lang="{}"', other) if other else SafeString("")
