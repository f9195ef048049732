"""What the public sees of the programme, and since when (docs/rules.md#publication)."""

from collections.abc import Iterable

from django.db import transaction

from accounts.models import User
from programme.models import Session
from programme.signals import session_withdrawn


def publish(sessions: Iterable[Session], actor: User) -> int:
    """Show the drafts among `sessions` to the public; return how many. Doing it twice changes nothing."""
    return _turn(sessions, Session.Status.DRAFT, Session.Status.PUBLISHED, actor)


def unpublish(sessions: Iterable[Session], actor: User) -> int:
    """Take the published ones among `sessions` back to draft, out of the public's sight; return how many.

    Raises ValidationError, and changes none of them, when someone holds a seat in one.
    """
    return _turn(sessions, Session.Status.PUBLISHED, Session.Status.DRAFT, actor)


def cancel(sessions: Iterable[Session], actor: User) -> int:
    """Say that the published ones among `sessions` do not take place; return how many. Doing it twice changes nothing.

    They stay on the programme. Each is cancelled whole, one after the other: its people lose their seats in the same
    step.
    """
    return sum(_turn([session], Session.Status.PUBLISHED, Session.Status.CANCELLED, actor) for session in sessions)


def reinstate(sessions: Iterable[Session], actor: User) -> int:
    """Take the cancelled ones among `sessions` back to draft, from where they are published again; return how many.
    Nobody gets a seat back by it. Raises ValidationError, and changes none of them, when another session has the room
    by now.
    """
    return _turn(sessions, Session.Status.CANCELLED, Session.Status.DRAFT, actor)


def _turn(sessions: Iterable[Session], before: str, after: str, actor: User) -> int:
    with transaction.atomic():
        found = (
            Session.objects.select_for_update(of=("self",), no_key=True).select_related("room").filter(status=before)
        )
        found = found.filter(pk__in=[session.pk for session in sessions]).order_by("pk")
        for session in found:
            if (before, after) == (Session.Status.PUBLISHED, Session.Status.DRAFT):
                session_withdrawn.send(sender=Session, session=session)
            session.status = after
            if before == Session.Status.CANCELLED:
                session.clean()
            session._history_user = actor
            session.save(update_fields=["status"])
        return len(found)
