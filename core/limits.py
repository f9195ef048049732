"""Limits on what people may try, counted in the database: they outlive a broker, and a burst cannot slip through."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.cache import cache


class TooMany(Exception):
    """The limit is reached; `retry_at` says when the next try is counted afresh."""

    def __init__(self, retry_at: datetime) -> None:
        super().__init__(f"too many tries before {retry_at:%H:%M:%S} UTC")
        self.retry_at = retry_at


@dataclass(frozen=True)
class Limit:
    """At most `amount` tries `per` window, for each key."""

    name: str
    amount: int
    per: timedelta

    def take(self, key: str, *, at: datetime) -> str:
        """Count one try and return its mark, for `give_back`. Raises TooMany.

        Each try claims a numbered row of its own: only one of two requests can insert the same row, on both databases,
        so 200 tries at once leave exactly `amount` of them.
        """
        window, ends_at = self._window(key, at)
        for number in range(self.amount):
            mark = f"{window}:{number}"
            if cache.add(mark, 1, timeout=self.per.total_seconds()):
                return mark
        raise TooMany(ends_at)

    def forget(self, key: str, *, at: datetime) -> None:
        """Uncount what was tried with `key`, of whom nothing is to be kept."""
        window, _ends_at = self._window(key, at)
        cache.delete_many([f"{window}:{number}" for number in range(self.amount)])

    def _window(self, key: str, at: datetime) -> tuple[str, datetime]:
        seconds = int(self.per.total_seconds())
        number = int(at.timestamp()) // seconds
        # Hashed: the table must not become a list of the addresses that people typed.
        digest = hashlib.sha256(f"{self.name}\0{key}\0{number}".encode()).hexdigest()
        return f"limit:{digest}", datetime.fromtimestamp((number + 1) * seconds, UTC)


@dataclass(frozen=True)
class Brake(Limit):
    """A limit far above what honest people do, for amounts that rows of their own would be too many for. Two requests
    at once may count as one: it only brakes."""

    def take(self, key: str, *, at: datetime) -> str:
        mark, ends_at = self._window(key, at)
        tries = cache.get(mark, 0)
        if tries >= self.amount:
            raise TooMany(ends_at)
        cache.set(mark, tries + 1, timeout=self.per.total_seconds())
        return mark


def give_back(mark: str) -> None:
    """Uncount a try that turned out to be right."""
    cache.delete(mark)
