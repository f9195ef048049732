"""Sessions follow their rooms: to another venue, to another address, into another time zone (docs/rules.md#changes)."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from programme.domain.rooms import judge_at_the_end
from programme.models import Session

# What is written on the clocks of the venue, and moves with them.
WALL_TIMES = ("starts_at", "ends_at", "registration_opens_at", "registration_closes_at", "draw_at")


@transaction.atomic
def follow(rooms: Iterable[int], *, keeps_hours: bool, at: datetime) -> None:
    """The sessions to come in these rooms are where the rooms are now: saved anew, so that each hears of it as of any
    other move. In another time zone the hours on the clocks stay, unless somebody has said otherwise."""
    judge_at_the_end()  # all of them move: no two collide on the way
    sessions = Session.objects.filter(room__in=list(rooms), ends_at__gt=at).select_related("room__venue")
    for session in sessions.order_by("pk"):
        zone, was = session.room.venue.zone, session.place.get("zone")
        if keeps_hours and was and was != zone.key:
            for name in WALL_TIMES:
                if moment := getattr(session, name):
                    setattr(session, name, _same_hour(moment, ZoneInfo(was), zone))
        session.save()


def _same_hour(moment: datetime, was: ZoneInfo, zone: ZoneInfo) -> datetime:
    return moment.astimezone(was).replace(tzinfo=zone)
