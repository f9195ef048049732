"""What a mail about a session says of it, in the language of the moment."""

from django.utils.translation import gettext_lazy as _

from core.templatetags.when import day, is_one_day, time_range, wall_time
from programme.models import Session

# What may be filled into such a mail, with the words that tell organisers what it stands for.
PLACEHOLDERS = {
    "name": _("the person’s name"),
    "title": _("the title of the session"),
    "event": _("the event it belongs to"),
    "when": _("the date and time"),
    "where": _("the venue and room"),
}


def facts_of(session: Session) -> dict[str, str]:
    """What the placeholders of a mail about `session` stand for, in the language of the moment."""
    starts_at, ends_at, room = session.local_starts_at, session.local_ends_at, session.room
    hours = wall_time(starts_at) if is_one_day(starts_at, ends_at) else time_range(starts_at, ends_at)
    when = f"{day(starts_at)}, {hours}"
    return {"title": session.title, "event": session.event.title, "when": when, "where": f"{room.venue}, {room.name}"}
