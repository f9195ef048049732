"""What each process does before it shows or sends anything (docs/operations.md#backups)."""

import django
from django.apps import apps
from django.db import connections


def replay_at_start() -> None:
    """Erase again whom this database, restored from a backup, has brought back; then let go of the connection, which
    the processes that are forked must not share."""
    if not apps.ready:
        django.setup()
    from core import erasure  # noqa: PLC0415 - it needs the apps

    try:
        erasure.replay()
    finally:
        connections.close_all()
