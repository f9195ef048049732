"""How far a worker is with a list, told while the transaction that it works in is still open (docs/rules.md#lists)."""

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from partners.models import Upload

T = TypeVar("T")
SECONDS_BETWEEN = 0.5

# Never waits long: not for this worker's own transaction, which may hold the row by then, nor for whoever waits for
# that one.
IMPATIENT = "-c lock_timeout=100ms -c statement_timeout=1s"
TELL = """
    UPDATE partners_upload SET percent = %s WHERE id =
    (SELECT id FROM partners_upload WHERE id = %s AND busy_until = %s FOR NO KEY UPDATE SKIP LOCKED)
"""


class Progress:
    """Counts what is done of `steps`, and tells it twice a second at most, as `Upload.percent`.

    Within a transaction it is told through a connection of its own. SQLite has one writer: there it is told between
    transactions only. What cannot be told is not, and is not tried again: the work goes on.
    """

    def __init__(self, upload: Upload | None = None, steps: int = 0) -> None:
        self.upload, self.steps, self.done, self.told_at = upload, steps, 0.0, time.monotonic()
        self.aside: BaseDatabaseWrapper | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.aside:
            self.aside.close()

    def over(self, things: Iterable[T], *, steps: float = 1) -> Iterator[T]:
        """The `things` one by one; each is counted as so many steps when the next is asked for."""
        for thing in things:
            yield thing
            self.add(steps)

    def add(self, steps: float) -> None:
        """Count so many steps as done."""
        self.done += steps
        if self.upload and self.steps and time.monotonic() >= self.told_at + SECONDS_BETWEEN:
            self.told_at = time.monotonic()
            try:
                self._tell(self.upload, min(99, int(100 * self.done / self.steps)))
            except DatabaseError:
                self.upload = None

    def _tell(self, upload: Upload, percent: int) -> None:
        if not connection.in_atomic_block:
            Upload.objects.filter(pk=upload.pk, busy_until=upload.busy_until).update(percent=percent)
        elif connection.vendor == "postgresql":
            if self.aside is None:
                self.aside = connection.copy()
                options = self.aside.settings_dict["OPTIONS"]
                options.pop("pool", None)
                options["options"] = f"{options.get('options', '')} {IMPATIENT}".strip()
            with self.aside.cursor() as cursor:
                cursor.execute(TELL, [percent, upload.pk, upload.busy_until])
