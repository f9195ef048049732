"""A seat as a calendar entry (RFC 5545), with the time zone spelled out so that every client shows the same hour
(docs/rules.md#calendars)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, Max
from icalendar import Calendar, Event, vCalAddress, vText

from core import clock
from outbox.domain.mail_kinds import one_line
from programme.models import Session
from registrations.domain.vtimezones import spelled_out
from registrations.models import Registration

SHOWN = (*Session.PLACE_AND_TIME, "title_fr", "title_en", "slug")  # what of a session stands in its entry
PRODUCT = "-//Summit//Seats//EN"


@dataclass(frozen=True)
class Version:
    """Which version of an entry this is, and since when. Later ones replace earlier ones in every client."""

    sequence: int
    since: datetime


def versions(registrations: Iterable[Registration]) -> dict[int, Version]:
    """The version of each entry, by the registration's key, in two queries: every change of the registration and every
    move of the session leaves a trace, and each raises it."""
    registrations = list(registrations)
    rows = (
        Registration.history.filter(uuid__in=[registration.uuid for registration in registrations])
        .order_by()
        .values("uuid")
    )
    own = {row["uuid"]: row for row in rows.annotate(n=Count("pk"), last=Max("history_date"))}
    moves = _moves({registration.session_id for registration in registrations})
    found = {}
    for registration in registrations:
        row = own.get(registration.uuid, {"n": 1, "last": registration.created_at})
        number, last = moves.get(registration.session_id, (0, None))
        found[registration.pk] = Version(
            max(row["n"] - 1, 0) + number,
            max(filter(None, [row["last"], last]), default=registration.session.starts_at),
        )
    return found


def _moves(sessions: Iterable[int]) -> dict[int, tuple[int, datetime]]:
    """How often each session was given another time, room or place, another name or address of its page, and when it
    was last."""
    lines = Session.history.filter(id__in=list(sessions)).order_by("id", "history_date", "history_id")
    places: dict[int, list[tuple[datetime, list[Any]]]] = defaultdict(list)
    for pk, at, place, *others in lines.values_list("id", "history_date", "place", *SHOWN):
        known = places[pk][-1][1][0] if places[pk] else {}
        places[pk].append((at, [place or known, *others]))
    found = {}
    for pk, stood in places.items():
        moved = [after[0] for before, after in pairwise(stood) if _differ(before[1], after[1])]
        if moved:
            found[pk] = (len(moved), moved[-1])
    return found


def _differ(before: list[Any], after: list[Any]) -> bool:
    """Of what was kept before places were, nothing is known."""
    return before[1:] != after[1:] or bool(before[0] and before[0] != after[0])


def invitation(registrations: Sequence[Registration], *, cancelled: bool = False) -> str:
    """The .ics of the seats of one person, for a mail: each is in their calendar at once, without a question (iTIP, RFC
    5546). The UID of an entry is its registration's for ever, so a later one replaces it, and a cancelled one takes it
    out.

    Several seats are several calendars, one after the other: a request is about one UID (RFC 5546 3.2.2).
    """
    version = versions(registrations)
    return "".join(_request(registration, version[registration.pk], cancelled) for registration in registrations)


def _request(registration: Registration, version: Version, cancelled: bool) -> str:
    calendar = empty_calendar("CANCEL" if cancelled else "REQUEST")
    event = entry(registration, version, "CANCELLED" if cancelled else "CONFIRMED")
    # Nobody is asked to answer: the seat is taken on our pages, and given back there.
    attendee = _person(registration.attendee.user.email, registration.attendee.name)
    attendee.params |= {"PARTSTAT": vText("ACCEPTED"), "RSVP": vText("FALSE"), "ROLE": vText("REQ-PARTICIPANT")}
    event.add("attendee", attendee, encode=False)
    calendar.add_component(event)
    return finished(calendar)


def empty_calendar(method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    return calendar


def entry(registration: Registration, version: Version, status: str) -> Event:
    session = registration.session
    venue = session.room.venue
    url = settings.BASE_URL + session.get_absolute_url()
    event = Event()
    event.add("uid", f"{registration.uuid}@{urlsplit(settings.BASE_URL).hostname}")
    event.add("sequence", version.sequence)
    event.add("dtstamp", version.since)
    event.add("last-modified", version.since)
    event.add("dtstart", _moment(session.local_starts_at))
    event.add("dtend", _moment(session.local_ends_at))
    event.add("summary", one_line(session.title))
    event.add("description", url)
    event.add("location", one_line(", ".join(filter(None, [session.room.name, venue.name, venue.address, venue.city]))))
    if venue.latitude is not None and venue.longitude is not None:
        event.add("geo", (venue.latitude, venue.longitude))
    event.add("url", url)
    event.add("status", status)
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    event.add("organizer", _person(address, name or session.event.edition.name))
    return event


def _moment(at: datetime) -> datetime:
    # An hour that comes twice means its first time wherever a zone is named (RFC 5545 3.3.5).
    return at.astimezone(UTC) if at.fold else at


def _person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    person.params["CN"] = vText(one_line(name.replace('"', "’")))  # a parameter cannot hold the sign that quotes it
    return person


def finished(calendar: Calendar) -> str:
    """The text of a calendar that has its entries, with their zones before them.

    One without entries holds a zone, as a calendar without any component is none (RFC 5545 3.6).
    """
    years = [event.start.year for event in calendar.events] or [clock.now().year]
    zones = sorted(calendar.get_missing_tzids()) if calendar.events else [settings.TIME_ZONE]
    calendar.subcomponents[:0] = [spelled_out(zone, min(years), max(years)) for zone in zones]
    return calendar.to_ical().decode()
