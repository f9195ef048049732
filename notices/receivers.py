from datetime import datetime
from typing import Any

from django.dispatch import receiver

from accounts.models import User
from core import clock
from core.effects import Effects, Watch, effects_asked, hold_asked
from notices.domain import changes, next_edition, reminders
from programme.domain.next_edition import Copy, Counted
from programme.models import Edition, Session
from programme.signals import edition_copied, edition_copy_asked, session_moved, session_saved


@receiver(session_saved)
def plan_its_reminders(session: Session, **kwargs: Any) -> None:
    """A session that moves, appears or is cancelled has other moments at which people are reminded."""
    reminders.plan(clock.now(), [session])


@receiver(session_moved)
def tell_those_who_know_it_elsewhere(session: Session, before: dict[str, Any], **kwargs: Any) -> None:
    changes.note(session, before, clock.now())


@receiver(effects_asked)
def say_who_would_be_told(watch: Watch, **kwargs: Any) -> Effects:
    return changes.effects(watch.since, clock.now())


@receiver(hold_asked)
def let_the_mails_wait(since: datetime, actor: User, **kwargs: Any) -> None:
    changes.hold(since, clock.now(), actor=actor)


@receiver(edition_copy_asked)
def say_what_reminders_a_copy_begins_with(edition: Edition, **kwargs: Any) -> list[Counted]:
    return next_edition.counted(edition)


@receiver(edition_copied)
def copy_its_reminders(copy: Copy, **kwargs: Any) -> None:
    next_edition.copy_rules(copy)
