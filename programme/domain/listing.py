"""What the programme page offers: its days and its menus, each reduced to what leads to a published session."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from zoneinfo import ZoneInfo

from core.folding import fold
from core.templatetags.when import other_language
from programme.models import Day, Edition, Event, Session, Track, days_between
from venues.models import Venue


@dataclass
class Menu:
    """One filter: what one may choose, with its name and the language of that if it is not the reader's, and what is
    chosen ("" for everything)."""

    name: str
    options: list[tuple[str, str, str]]
    chosen: str = ""


@dataclass
class ListedDay:
    """One day of the strip, with the number of sessions that match the filters and take place at some moment of it."""

    date: date
    row: Day | None
    count: int = 0


@dataclass
class Listing:
    """The choices that someone made on the programme page, and those that are left to them. `count`: how many sessions
    match the filters, those of several days once."""

    menus: list[Menu]
    days: list[ListedDay]
    count: int
    day: ListedDay | None
    asked_for_day: bool = False
    chosen: dict[str, str] = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        """The one way to write these choices in an address."""
        return ({"day": self.day.date.isoformat()} if self.day and self.asked_for_day else {}) | self.chosen


def read(edition: Edition | None, asked: Mapping[str, str], *, today: date) -> Listing:
    """Understand what was `asked` for in the address of the programme of `edition`; whatever names nothing published
    is left out.

    Without a day: today during the summit, else the first day; if nothing matches the filters then, the first day with
    a match.
    """
    outline = (
        Session.objects.published()
        .of(edition)
        .values_list(
            "starts_at", "ends_at", "room__venue__timezone", "event_id", "track_id", "room__venue_id", "access"
        )
    )
    sessions = [(days_between(start, end, ZoneInfo(zone)), *of) for start, end, zone, *of in outline.order_by()]
    events, tracks, venues, accesses = ({session[n] for session in sessions} for n in range(1, 5))
    keys: dict[str, dict[str, object]] = {}
    menus = []
    for name, model, used, of_row in (
        ("event", Event, events, "title"),
        ("track", Track, tracks, "name"),
        ("venue", Venue, venues, "name"),
    ):
        rows = sorted(model.objects.in_bulk(used).values(), key=_in_order)
        keys[name] = {row.slug: row.pk for row in rows}
        menus.append(Menu(name, [(row.slug, str(row), other_language(row, of_row)) for row in rows]))
    keys["access"] = {value: value for value in Session.Access.values if value in accesses}
    menus.append(Menu("access", [(value, str(Session.Access(value).label), "") for value in keys["access"]]))

    chosen = {menu.name: asked.get(menu.name, "") for menu in menus if asked.get(menu.name) in keys[menu.name]}
    for menu in menus:
        menu.chosen = chosen.get(menu.name, "")
    wanted = [keys[menu.name].get(menu.chosen) for menu in menus]
    matching = [on for on, *of in sessions if all(want in (None, has) for want, has in zip(wanted, of, strict=True))]
    matches = Counter(chain.from_iterable(matching))
    rows_of_days = {row.date: row for row in Day.objects.filter(edition=edition)}
    days = [
        ListedDay(on, rows_of_days.get(on), matches[on])
        for on in sorted({*rows_of_days, *chain.from_iterable(on for on, *_ in sessions)})
    ]

    asked_day = next((day for day in days if day.date.isoformat() == asked.get("day")), None)
    usual_day = next((day for day in days if day.date == today), days[0] if days else None)
    if usual_day and not usual_day.count:
        usual_day = next((day for day in days if day.count), usual_day)
    return Listing(menus, days, len(matching), asked_day or usual_day, asked_day is not None, chosen)


def _in_order(row: Event | Track | Venue) -> tuple[date, str]:
    return getattr(row, "starts_on", date.min), fold(str(row))
