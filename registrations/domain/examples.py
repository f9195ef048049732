"""What a mail can be shown about before anybody gets it: the last that it concerned, else something made up around what
there is."""

from typing import Any

from django.db.models import Q

from accounts.models import Attendee, User
from core import clock
from outbox.models import Message
from programme.models import Session
from registrations.models import Registration

ADDRESS = "example@example.org"  # whom a mail is shown for: it has switched nothing off
WITH = ["session__event__edition", "session__room__venue", "session__track", "attendee__user"]


def mail() -> Message:
    """The mail that is shown: never saved, so that the links in it open nothing."""
    return Message(to=ADDRESS)


def session() -> Session | None:
    """The next published session, else the first of those that are over."""
    published = Session.objects.filter(status=Session.Status.PUBLISHED).select_related(
        "event__edition", "room__venue", "track"
    )
    return (
        published.filter(starts_at__gt=clock.now()).order_by("starts_at", "pk").first()
        or published.order_by("starts_at", "pk").first()
    )


def registration(find: Q, like: dict[str, Any], reader: User, *, session_status: str = "") -> Registration | None:
    """The last registration that `find` describes, else one `like` that, not saved, of `reader` in the next session."""
    registration = Registration.objects.filter(find).select_related(*WITH).order_by("-pk").first()
    if registration or (example := session()) is None:
        return registration
    example.status = session_status or example.status
    return Registration(session=example, attendee=Attendee(user=reader, name=reader.get_short_name()), **like)
