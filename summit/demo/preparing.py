"""What the demo and a developer's server are filled with, before anything is served."""

from collections.abc import Callable

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from core import clock
from outbox.domain.delivery import deliver_due
from programme.models import Session
from summit.demo.cast import secure_the_office, welcome_people
from summit.demo.programme import load_own_data


def knows_migrations_that_are_gone() -> bool:
    """Whether the database knows migrations that are no longer there: those of before the first release were written
    anew."""
    graph = MigrationLoader(connection).disk_migrations
    ours = {app for app, _name in graph}
    return any(
        app in ours and (app, name) not in graph for app, name in MigrationRecorder(connection).applied_migrations()
    )


def fill(say: Callable[[str], object], start_over: str) -> None:
    """Load the demo's programme into a database that has none, and make its people. `start_over` is the command that
    throws the database away.

    Raises CannotLoad.
    """
    if not Session.objects.exists():
        loaded = load_own_data(clock.today())
        say(f"Loaded the summit: it begins on {loaded.first_day:%A %Y-%m-%d}.")
    elif not Session.objects.filter(ends_at__gt=clock.now()).exists():
        say(f"The programme lies in the past. `{start_over}` starts over, weeks ahead.")
    if welcome_people():
        while deliver_due():  # or the newcomer's first mail would queue behind the crowd's
            pass
        say("Made an organiser, an attendee and a crowd.")
    secure_the_office()
