"""The lanes that mails go out by: paused by organisers, at rest when the mail server asks for it or is away
(docs/rules.md#mail)."""

import logging
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from core import clock
from outbox.models import LaneState, Message

log = logging.getLogger(__name__)

Lane = Message.Lane
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = {Lane.URGENT: timedelta(seconds=10), Lane.NORMAL: timedelta(minutes=5), Lane.BULK: timedelta(minutes=5)}


def pause(lane: int, *, actor: Any) -> None:
    """Let nothing leave by `lane` until an organiser resumes it; doing so twice changes nothing."""
    _write(lane, actor, paused=True)


def resume(lane: int, *, actor: Any) -> None:
    """Open `lane` again, also when it rests for the mail server's sake: what waits is tried at once."""
    _write(lane, actor, paused=False)


def rest(lanes: Iterable[int], words: str, *, at: datetime, server_is_away: bool = False) -> None:
    """Try nothing by `lanes` for a while: 30 s after the first failure, doubling to 5 min, 10 s at most for urgent
    mails, with jitter.

    No mail is given up for it. A mail that passes ends the rest (`recover`).
    """
    for lane in lanes:
        LaneState.objects.bulk_create([LaneState(lane=lane)], ignore_conflicts=True)
        with transaction.atomic():
            state = LaneState.objects.select_for_update().get(lane=lane)
            if state.is_resting(at):
                continue  # another worker has met the same refusal
            seconds = min(FIRST_REST * 2 ** min(state.failures, 10), LONGEST_REST[Lane(lane)]).total_seconds()
            LaneState.objects.filter(lane=lane).update(
                failures=min(state.failures + 1, 1000),
                failing_since=state.failing_since or at,
                rests_until=at + timedelta(seconds=seconds * random.uniform(0.8, 1.2)),  # noqa: S311 - jitter
                words=words,
                server_is_away=server_is_away,
            )
    log.warning("The mail server cannot be used just now; mails wait: %s", words)


def recover(lane: int) -> None:
    """A mail has passed by `lane`: its rest ends, and all those that were for a mail server that could not be used."""
    ailing = LaneState.objects.filter(Q(lane=lane) | Q(server_is_away=True), failures__gt=0)
    ailing.update(rests_until=None, failures=0, failing_since=None, words="", server_is_away=False)


def ailing() -> tuple[set[int], bool]:
    """The lanes whose last try has failed for the mail server's sake, and whether it could not be used by any mail."""
    states = list(LaneState.objects.filter(failures__gt=0))
    return {state.lane for state in states}, any(state.server_is_away for state in states)


def _write(lane: int, actor: Any, *, paused: bool) -> None:
    with transaction.atomic():
        LaneState.objects.bulk_create([LaneState(lane=lane)], ignore_conflicts=True)
        state = LaneState.objects.select_for_update().get(lane=lane)
        if not paused:
            recover(lane)
        if paused != (state.paused_at is not None):
            state.paused_at = clock.now() if paused else None
            state._history_user = actor
            state.save(update_fields=["paused_at"])
