"""A seat as a calendar entry (RFC 5545), with the time zone spelled out so that every client shows the same hour."""

from datetime import date, datetime
from functools import cache
from itertools import pairwise
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Event, Timezone

from programme.models import Session
from registrations.models import Registration


def _moves(session: Session) -> int:
    """How often the session was given another time or room."""
    places = list(session.history.order_by("history_date", "history_id").values_list(*Session.PLACE_AND_TIME))  # type: ignore[attr-defined]
    return sum(one != other for one, other in pairwise(places))


def seat_calendar(registration: Registration, *, summary: str, description: str, url: str, at: datetime, cancelled: bool = False) -> str:
    """The .ics of one seat. The UID is the registration's for ever: a later entry replaces the first, for every change of the
    registration, and every move of the session, of which each leaves a trace, raises the SEQUENCE."""
    session = registration.session
    venue = session.room.venue
    event = Event()
    event.add("uid", f"{registration.uuid}@{urlsplit(settings.BASE_URL).hostname}")
    event.add("sequence", max(registration.history.count() - 1, 0) + _moves(session))
    event.add("dtstamp", at)
    event.add("dtstart", session.local_starts_at)
    event.add("dtend", session.local_ends_at)
    event.add("summary", summary)
    event.add("description", description)
    event.add("location", ", ".join(filter(None, [session.room.name, venue.name, venue.address, venue.city])))
    if venue.latitude is not None and venue.longitude is not None:
        event.add("geo", (venue.latitude, venue.longitude))
    event.add("url", url)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    calendar = Calendar()
    calendar.add("prodid", "-//Summit//Seats//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if cancelled else "PUBLISH")
    calendar.add_component(event)
    for zone in calendar.get_missing_tzids():
        calendar.add_component(_spelled_out(zone, session.starts_at.year))
    return calendar.to_ical().decode()


@cache
def _spelled_out(zone: str, year: int) -> Timezone:
    """The clock changes around `year`. Kept, since they take as long as the rest of a mail; few, since each is written into every mail."""
    return Timezone.from_tzid(zone, first_date=date(year - 1, 1, 1), last_date=date(year + 2, 1, 1))
