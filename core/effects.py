"""What saving a form or importing a sheet would mean to people, told before it is saved (docs/rules.md#changes)."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.dispatch import Signal

from core import clock

FIELD = "_seen"
HOLD = "_hold"

# Sent inside a transaction that is undone afterwards, when something was saved in it. Receivers return Effects.
# Arguments: watch, what is known of that transaction.
effects_asked = Signal()
# Sent when something that others read was saved in a block. Receivers return what an organiser may want to look at, in
# sentences. Arguments: watch.
warnings_asked = Signal()
# Sent in the transaction that saves, when whoever saves wants the mails about it to wait. Arguments: since, the moment
# before it was saved; actor.
hold_asked = Signal()

_watch: ContextVar["Watch | None"] = ContextVar("watch", default=None)


@dataclass(frozen=True)
class Effects:
    """What follows, in sentences, and a mark of them: whoever sends it has read them. `can_wait`: whether the mails may
    wait until an organiser lets them go. `surprises`: whether a form asks before it saves; what it is there for (a
    larger capacity gives seats to those who wait) is told beside the rest, not asked."""

    sentences: tuple[str, ...] = ()
    can_wait: bool = False
    surprises: bool = True

    @property
    def mark(self) -> str:
        return hashlib.sha256("\n".join(self.sentences).encode()).hexdigest()[:16]


@dataclass
class Watch:
    """What happens inside a block: since when, how many mails of each kind it posts, and which rows it touches, by the
    label of their model."""

    since: datetime
    mails: Counter[str] = field(default_factory=Counter)
    touched: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def effects(self) -> Effects:
        """What the upper apps say follows from what was saved in the block so far. Reads only."""
        answers: list[tuple[Any, Any]] = effects_asked.send(sender=None, watch=self)
        told = [effects for _receiver, effects in answers if effects.sentences]
        return Effects(
            tuple(sentence for effects in told for sentence in effects.sentences),
            any(effects.can_wait for effects in told),
            any(effects.surprises for effects in told),
        )

    def warnings(self) -> list[str]:
        """What an organiser may want to look at now."""
        if not self.touched:
            return []
        # What was saved is saved: an app that cannot answer is logged, and says nothing.
        answers: list[tuple[Any, Any]] = warnings_asked.send_robust(sender=None, watch=self)
        return [sentence for _receiver, said in answers if not isinstance(said, Exception) for sentence in said]


def watching() -> Watch | None:
    """The watch of the block that runs, if there is one."""
    return _watch.get()


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch what the block saves."""
    watch = Watch(clock.now())
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


def count_mails(kind: str, number: int) -> None:
    """Say that `number` mails of a kind were posted, to whoever watches."""
    if watch := watching():
        watch.mails[kind] += number


class _Undone(Exception):
    pass


@contextmanager
def tried() -> Iterator[list[Effects]]:
    """Let the block write, ask what follows, and undo it all; the list then holds what was said. What cannot be written
    says nothing here: saving will."""
    found: list[Effects] = []
    try:
        with watched() as watch, transaction.atomic():
            yield found
            found.append(watch.effects())
            raise _Undone
    except (_Undone, IntegrityError, ValidationError):
        pass
