"""What the templates of a person’s own pages are given."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from accounts.models import Attendee
from registrations.access import sessions_of
from registrations.domain.seats import Seat
from registrations.domain.seats import seats as seats_of
from registrations.models import Registration
from registrations.signals import own_programme_shown


def my_programme(attendee: Attendee, now: datetime) -> dict[str, Any]:
    """The person's seats by what they are: offered, kept for them, theirs, waited for, asked for, over; each in order
    of time."""
    shown: dict[str, list[Seat]] = {"offered": [], "kept": [], "mine": [], "waiting": [], "pending": [], "past": []}
    seats = seats_of(sessions_of(attendee, now), attendee, now)
    for seat in seats:
        if seat.session.ends_at <= now:
            if seat.is_mine:
                shown["past"].append(seat)
        elif seat.state in shown:
            shown[seat.state].append(seat)
        elif seat.is_kept:
            shown["kept"].append(seat)
        elif seat.ended and seat.ended.status == Registration.Status.DECLINED:
            shown["pending"].append(seat)
    return {
        **shown,
        "mine": by_day(shown["mine"]),
        "past": by_day(shown["past"]),
        "past_count": len(shown["past"]),
        "zones": list({seat.session.room.venue.timezone: seat.session.zone for seat in seats}.values()),
        "attendee": attendee,
        "notes": [html for _receiver, html in own_programme_shown.send(sender=None, attendee=attendee, at=now) if html],
        "works_on_lists": attendee.user.partner_roles.exists(),
    }


def by_day(seats: Iterable[Seat]) -> list[tuple[date, list[Seat], list[Seat]]]:
    """For each day on which one of `seats`, in order of time, takes place: those that go on from a day before, and
    those that begin."""
    days: dict[date, tuple[list[Seat], list[Seat]]] = defaultdict(lambda: ([], []))
    for seat in seats:
        for day in seat.session.days:
            days[day][day == seat.session.day].append(seat)
    return [(day, *days[day]) for day in sorted(days)]
