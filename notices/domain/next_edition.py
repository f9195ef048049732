"""The next edition reminds people as this one did (docs/rules.md#edition-next)."""

from django.db.models import QuerySet
from django.utils.translation import ngettext

from notices.models import ReminderRule
from programme.domain.next_edition import Copy, Counted, again
from programme.models import Edition, Event, Session


def counted(edition: Edition) -> list[Counted]:
    """How many reminders a copy of `edition` begins with."""
    of_events, of_sessions = _of_events(edition).count(), _of_sessions(edition).count()
    return [
        Counted(of_events, ngettext("reminder of an event", "reminders of events", of_events)),
        Counted(
            of_sessions, ngettext("reminder of a session", "reminders of sessions", of_sessions), with_sessions=True
        ),
    ]


def copy_rules(copy: Copy) -> None:
    """Remind people of the new events and sessions by the same rules."""
    rules = _of_events(copy.source).filter(event__in=copy.events).order_by("pk")
    new = [again(rule, event=copy.events[rule.event_id]) for rule in rules if rule.event_id]
    if copy.sessions:
        rules = _of_sessions(copy.source).filter(session__in=copy.sessions).order_by("pk")
        new += [again(rule, session=copy.sessions[rule.session_id]) for rule in rules if rule.session_id]
    copy.add(new)


def _of_events(edition: Edition) -> QuerySet[ReminderRule]:
    return ReminderRule.objects.filter(event__edition=edition).exclude(event__kind=Event.Kind.ROAD_TO_THE_SUMMIT)


def _of_sessions(edition: Edition) -> QuerySet[ReminderRule]:
    found = ReminderRule.objects.filter(session__event__edition=edition)
    found = found.exclude(session__event__kind=Event.Kind.ROAD_TO_THE_SUMMIT)
    return found.exclude(session__status=Session.Status.CANCELLED)
