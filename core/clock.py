"""The one clock, from which every rule takes its now.

Tests, the demo and the benches may move it (CLOCK_MOVES): by a file, so that all processes of a machine see it,
whatever the database.
"""

from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

_STANDS = timedelta()
_known: tuple[int, timedelta] = (0, _STANDS)  # when the file was written, and what it said


def now() -> datetime:
    """The instant by the clock of this machine."""
    return timezone.now() + moved_by()


def database_now() -> datetime:
    """The instant by the clock of the database: what is due is judged by it, whatever the clock of the machine that a
    worker runs on. With SQLite it is that of the machine, on which everything runs."""
    if connection.vendor != "postgresql":
        return now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0] + moved_by()


def today() -> date:
    """The day in the zone of the site."""
    return timezone.localdate(now())


def moved_by() -> timedelta:
    """How far the clock was moved; nothing in production, where nobody can."""
    global _known  # noqa: PLW0603 - what this process has read, and nothing else
    if not settings.CLOCK_MOVES:
        return _STANDS
    try:
        written = _file().stat().st_mtime_ns
        if written != _known[0]:
            _known = (written, timedelta(seconds=float(_file().read_text())))
    except FileNotFoundError:
        return _STANDS
    return _known[1]


def move(by: timedelta) -> None:
    """Move the clock of all processes by this much from the real time, or with nothing back to it. Raises RuntimeError
    where it does not move."""
    if not settings.CLOCK_MOVES:
        raise RuntimeError("The clock moves in tests, demos and benches alone.")
    if not by:
        _file().unlink(missing_ok=True)
        return
    beside = _file().with_suffix(".new")
    beside.write_text(str(by.total_seconds()))
    beside.replace(_file())  # nobody reads half of it


def _file() -> Path:
    return Path(settings.VAR_DIR) / "clock"
