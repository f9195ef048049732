"""What a mail about a session says of it, in the language of the moment."""

from django.utils.translation import gettext_lazy as _

from core.templatetags.when import day, wall_time
from programme.models import Session

# What may be filled into such a mail, with the words that tell organisers what it stands for.
PLACEHOLDERS = {
    "name": _("the person’s name"),
    "title": _("the title of the session"),
    "event": _("the event that it belongs to"),
    "when": _("the day and the time"),
    "where": _("the venue and the room"),
}


def facts_of(session: Session) -> dict[str, str]:
    """What the placeholders of a mail about `session` stand for, in the language of the moment."""
    starts_at, room = session.local_starts_at, session.room
    when = f"{day(starts_at)}, {wall_time(starts_at)}"
    return {"title": session.title, "event": session.event.title, "when": when, "where": f"{room.venue}, {room.name}"}
