"""What saving a form would mean to people, told before it is saved (docs/rules.md#changes)."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.dispatch import Signal

from core import clock

FIELD = "_seen"

# Sent inside a transaction that is undone afterwards, when something was saved in it. Receivers return sentences about
# what follows for people. Arguments: since, the moment before it was saved.
effects_asked = Signal()


@dataclass(frozen=True)
class Effects:
    """What follows, in sentences, and a mark of them: whoever sends it has read them."""

    sentences: tuple[str, ...]

    @property
    def mark(self) -> str:
        return hashlib.sha256("\n".join(self.sentences).encode()).hexdigest()[:16]


class _Undone(Exception):
    pass


@contextmanager
def tried() -> Iterator[list[Effects]]:
    """Let the block write, ask what follows, and undo it all; the list then holds what was said. What cannot be written
    says nothing here: saving will."""
    found: list[Effects] = []
    since = clock.now()
    try:
        with transaction.atomic():
            yield found
            answers: list[tuple[Any, list[str]]] = effects_asked.send(sender=None, since=since)
            found.append(Effects(tuple(sentence for _receiver, said in answers for sentence in said or ())))
            raise _Undone
    except (_Undone, IntegrityError, ValidationError):
        pass
