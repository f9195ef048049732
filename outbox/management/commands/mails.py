import json
import logging
import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core import clock
from outbox.domain import holds, overview
from outbox.domain.delivery import deliver_due
from outbox.models import Heartbeat

log = logging.getLogger(__name__)

SIGN_OF_LIFE = "codes-alive"  # its age tells whether whoever sends codes alone is alive (docker-compose.yml)


class Command(BaseCommand):
    help = "Look after the mails without the administration, the worker or the broker."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_subparsers(dest="what", required=True)
        what.add_parser("state", help="print as JSON what waits in each lane, and what keeps it from leaving")
        send = what.add_parser("send", help="send what is due now")
        send.add_argument(
            "--keep-on",
            action="store_true",
            help="go on until stopped: a worker that needs neither Celery nor a broker",
        )
        send.add_argument(
            "--urgent",
            action="store_true",
            help="sign-in codes alone, looked for every second: beside a worker that is busy, or whose broker is away",
        )
        what.add_parser("hold", help="let no mail leave until “release”")
        release = what.add_parser("release", help="end a hold, also one that began by itself after a restore")
        older = release.add_mutually_exclusive_group(required=True)
        older.add_argument(
            "--drop-older",
            action="store_true",
            help="drop what was written before the hold: it may have been sent before",
        )
        older.add_argument(
            "--drop-before", metavar="WHEN", help="the same, for what was written before 2027-02-04T03:00+01:00"
        )
        older.add_argument(
            "--send-all", action="store_true", help="send all that waits, at the risk of sending it twice"
        )

    def handle(self, *, what: str, **options: Any) -> None:
        match what:
            case "state":
                holds.look_around()
                self.stdout.write(json.dumps(_state(clock.now()), indent=2, ensure_ascii=False))
            case "send":
                self._send(keep_on=options["keep_on"], urgent_only=options["urgent"])
            case "hold":
                holds.hold()
                self.stdout.write("All mails are held: see “manage.py mails release --help”.")
            case "release":
                self._release(**options)

    def _send(self, *, keep_on: bool, urgent_only: bool) -> None:
        while True:
            if urgent_only:
                (settings.VAR_DIR / SIGN_OF_LIFE).touch()
            else:
                Heartbeat.objects.update_or_create(name="sweep", defaults={"seen_at": clock.now()})
            sent = self._deliver(keep_on=keep_on, urgent_only=urgent_only)
            if sent or not keep_on:
                self.stdout.write(f"{sent} sent")
            if keep_on:
                time.sleep(0 if sent else 1 if urgent_only else settings.MAIL_SWEEP_SECONDS)
            elif not sent:
                return

    def _deliver(self, *, keep_on: bool, urgent_only: bool) -> int:
        """Send what is due; whoever keeps on waits for a database that is away."""
        try:
            return deliver_due(urgent_only=urgent_only)
        except DatabaseError:
            if not keep_on:
                raise
            log.warning("The database cannot be used just now; mails wait.", exc_info=True)
            close_old_connections()
            return 0

    def _release(self, *, drop_older: bool, drop_before: str | None, **_options: Any) -> None:
        before = None
        if drop_before:
            try:
                before = parse_datetime(drop_before)
            except ValueError:
                before = None
            if before is None:
                raise CommandError("--drop-before: write a moment like 2027-02-04T03:00+01:00")
            before = before if timezone.is_aware(before) else timezone.make_aware(before)
        dropped = holds.release(drop_older=drop_older or before is not None, before=before)
        if dropped is None:
            raise CommandError("No mail is held.")
        self.stdout.write(f"Mails leave again; {dropped} dropped.")


def _state(at: datetime) -> dict[str, Any]:
    held = list(holds.current())
    return {
        "held": [{"reason": hold.reason, "since": hold.started_at.isoformat()} for hold in held],
        "held_mails": holds.held_since(held).count(),
        "lanes": [
            {
                "lane": view.lane.name.lower(),
                "due": view.due,
                "due_since": view.due_since and view.due_since.isoformat(),
                "later": view.later,
                **view.counts,
                "paused_since": view.state.paused_at and view.state.paused_at.isoformat(),
                "rests_until": view.state.rests_until.isoformat() if view.resting and view.state.rests_until else None,
                "server": view.state.words,
            }
            for view in overview.lanes(at)
        ],
    }
