"""One clock for everybody: what is due is judged by the database's, whatever the clock of the machine that a worker runs on."""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """The instant by the clock of the database; with SQLite it is that of the machine, on which everything runs."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
