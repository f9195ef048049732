"""No mail goes out of a database that was restored, until an operator has said what becomes of the old ones
(docs/rules.md#restored-database-silent)."""

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext_noop

from core import clock
from outbox.models import Hold, Home, Message

log = logging.getLogger(__name__)

# What PostgreSQL gives anew to each cluster, database and table: a dump carries none of the three.
PLACE = (
    "SELECT concat_ws(':', {}, (SELECT oid FROM pg_database WHERE datname = current_database()), "
    "'outbox_message'::regclass::oid)"
)
CLUSTER = "(SELECT system_identifier FROM pg_control_system())"
HELD_BACK = gettext_noop("Held after a restore: it may already have been sent.")


def look_around() -> None:
    """Hold all mails if this database is a copy that was restored from a backup. A database that is new moves in."""
    here = fingerprint()
    if Home.objects.filter(pk=1, fingerprint=here).exists():
        return
    with transaction.atomic():
        Home.objects.bulk_create([Home(pk=1, fingerprint=here)], ignore_conflicts=True)
        home = Home.objects.select_for_update().get(pk=1)
        if home.fingerprint == here:
            return  # a new database, or another worker has just seen the same
        Home.objects.filter(pk=1).update(fingerprint=here)
        _start(Hold.Reason.RESTORED, actor=None)
    log.error(
        "This database was restored from a backup: no mail goes out until “manage.py mails release” "
        "(docs/operations.md#backups)."
    )


def fingerprint() -> str:
    """What tells this database from each copy of it. It outlives restarts, fail-overs and whatever rewrites the tables'
    files."""
    if connection.vendor == "sqlite":
        try:
            return f"inode:{os.stat(connection.settings_dict['NAME']).st_ino}"
        except OSError:
            return "memory"
    try:
        return _place(CLUSTER)
    except DatabaseError:  # some hosts forbid it to their tenants
        return _place("NULL")


def _place(cluster: str) -> str:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PLACE.format(cluster))
        return str(cursor.fetchone()[0])


def current() -> QuerySet[Hold]:
    """The holds that keep mails back now, the oldest first."""
    return Hold.objects.filter(released_at=None).order_by("started_at")


def held_since(holds: Sequence[Hold]) -> QuerySet[Message]:
    """The mails that waited already when the first of `holds` (`current`) began."""
    return Message.objects.waiting().filter(created_at__lt=holds[0].started_at) if holds else Message.objects.none()


def hold(*, actor: Any = None) -> None:
    """Hold all mails because an operator says so; doing so twice changes nothing."""
    with transaction.atomic():
        _start(Hold.Reason.DECLARED, actor=actor)


def release(*, drop_older: bool, before: datetime | None = None, actor: Any = None) -> int | None:
    """Let mails go out again; with `drop_older`, those written before the hold (or the moment `before`) are dropped,
    with that reason.

    Returns how many were dropped, or None when nothing was held.
    """
    with transaction.atomic():
        holds = list(current().select_for_update())
        if not holds:
            return None
        dropped = 0
        if drop_older:
            older = Message.objects.waiting().filter(created_at__lt=before or holds[0].started_at)
            dropped = older.update(
                status=Message.Status.DROPPED, last_error=HELD_BACK, lease_until=None, lease_token=None
            )
        for held in holds:
            held.released_at, held.dropped = clock.now(), dropped
            held._history_user = actor
            held.save(update_fields=["released_at", "dropped"])
    return dropped


def _start(reason: str, *, actor: Any) -> None:
    now = clock.now()
    # Whoever was sending them is not here; who is has a live lease.
    left = Message.objects.filter(status=Message.Status.SENDING, lease_until__lt=now)
    left.update(status=Message.Status.QUEUED, lease_until=None, lease_token=None, takeovers=F("takeovers") + 1)
    if not Hold.objects.filter(reason=reason, released_at=None).exists():
        held = Hold(reason=reason, started_at=now)
        held._history_user = actor
        held.save()
