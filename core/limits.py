"""Limits on what people may try, counted in the database: they outlive a broker, and a burst cannot slip through.

A counter is a row of its own that stays until its window is over: no number of strangers' rows has it forgotten.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import F

from core.hashes import keyed_hash
from core.models import LimitCounter

# One statement counts and asks: of two requests at once, the second waits for the row of the first.
_TAKE = """
INSERT INTO core_limitcounter (mark, key_hash, number, ends_at) VALUES (%s, %s, 1, %s)
ON CONFLICT (mark) DO UPDATE SET number = core_limitcounter.number + 1 WHERE core_limitcounter.number < %s
RETURNING number
"""


class TooMany(Exception):
    """The limit is reached; `retry_at` says when the next try is counted afresh."""

    def __init__(self, retry_at: datetime) -> None:
        super().__init__(f"too many tries before {retry_at:%H:%M:%S} UTC")
        self.retry_at = retry_at


@dataclass(frozen=True)
class Limit:
    """At most `amount` tries `per` window, for each key from each source. Windows follow the clock, or begin at the
    moment that `take` is given (`from_then`)."""

    name: str
    amount: int
    per: timedelta
    from_then: bool = False

    def take(self, key: str, *, at: datetime, source: str = "") -> str:
        """Count one try and return its mark, for `give_back`. Raises TooMany. 200 tries at once leave exactly `amount`
        of them."""
        mark, ends_at = self._window(key, source, at)
        ends = connection.ops.adapt_datetimefield_value(ends_at)
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, [mark, _hash_of(key), ends, self.amount])
            if not cursor.fetchall():
                raise TooMany(ends_at)
        return mark

    def is_spent(self, key: str, *, at: datetime, source: str = "") -> bool:
        """Whether the next try would be one too many."""
        mark, _ends_at = self._window(key, source, at)
        return LimitCounter.objects.filter(mark=mark, number__gte=self.amount).exists()

    def _window(self, key: str, source: str, at: datetime) -> tuple[str, datetime]:
        seconds = int(self.per.total_seconds())
        start = at.timestamp() if self.from_then else int(at.timestamp()) // seconds * seconds
        # Hashed: the table must not become a list of the addresses that people typed.
        mark = keyed_hash(f"core.limits:{self.name}\0{key}\0{source}\0{start}")
        return mark, datetime.fromtimestamp(start + seconds, UTC)


def give_back(mark: str) -> None:
    """Uncount a try that turned out to be right."""
    LimitCounter.objects.filter(mark=mark, number__gt=0).update(number=F("number") - 1)


def forget(keys: Iterable[str]) -> None:
    """Uncount all that was tried with these keys, of whom nothing is to be kept."""
    LimitCounter.objects.filter(key_hash__in=[_hash_of(key) for key in keys]).delete()


def _hash_of(key: str) -> str:
    return keyed_hash(f"core.limits.key:{key}")
