"""What each process does before it shows or sends anything (docs/operations.md#backups)."""

import django
from django.apps import apps
from django.db import connections


def replay_at_start() -> None:
    """Delete again whom and what this database, restored from a backup, has brought back; then let go of the
    connection, which the processes that are forked must not share."""
    if not apps.ready:
        django.setup()
    from core import clock, erasure  # noqa: PLC0415 - they need the apps
    from programme.domain import retention  # noqa: PLC0415

    try:
        erasure.replay()
        retention.run_again(clock.now())
    finally:
        connections.close_all()
