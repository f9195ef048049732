"""Sessions follow their rooms: to another venue, to another address, into another time zone (docs/rules.md#changes)."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from programme.domain.rooms import judge_at_the_end
from programme.models import Session


@transaction.atomic
def follow(rooms: Iterable[int], *, keeps_hours: bool, at: datetime) -> None:
    """The sessions to come in these rooms are where the rooms are now: saved anew, so that each hears of it as of any
    other move. In another time zone the hours on the clocks stay, unless somebody has said otherwise."""
    judge_at_the_end()  # all of them move: no two collide on the way
    sessions = Session.objects.filter(room__in=list(rooms), ends_at__gt=at).select_related("room__venue")
    for session in sessions.order_by("pk"):
        if keeps_hours and (was := session.place.get("zone")):
            keep_hours(session, ZoneInfo(was))
        session.save()


def keep_hours(session: Session, was: ZoneInfo) -> None:
    """The same hours on the clocks of its venue as there were on those of the zone `was`; it is not saved yet."""
    for name in Session.MOMENTS:
        if (moment := getattr(session, name)) and was != session.zone:
            setattr(session, name, moment.astimezone(was).replace(tzinfo=session.zone))
