"""Who has a room when: sessions that change rooms and hours together are judged together (docs/rules.md#sheets)."""

from collections.abc import Collection, Iterator

from django.db import connection

from programme.models import Session


def judge_at_the_end() -> None:
    """Let sessions meet in a room in the midst of this transaction: the database looks at its end, where it can."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS session_has_its_room_to_itself DEFERRED")


def meetings(rooms: Collection[int], *, without: Collection[str] = ()) -> Iterator[tuple[Session, Session]]:
    """Each two sessions that have one of these rooms, which are not for several, at the same time, those left aside
    whose slugs are given. One query."""
    sessions = Session.objects.filter(room__in=rooms, shares_room=False).exclude(status=Session.Status.CANCELLED)
    present: list[Session] = []
    for session in sessions.exclude(slug__in=without).order_by("room", "starts_at", "pk"):
        present = [other for other in present if other.room_id == session.room_id and other.ends_at > session.starts_at]
        for other in present:
            yield other, session
        present.append(session)
