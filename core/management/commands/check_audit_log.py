from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import audit_log, clock
from core.models import AuditLogDay, AuditLogEntry


class Command(BaseCommand):
    help = "Write down the days of the audit log that are over, and compare all of them with what was recorded."

    def handle(self, *args: Any, **options: Any) -> None:
        audit_log.close(clock.now())
        if said := audit_log.check(clock.now()):
            raise CommandError("\n".join(said))
        days, entries = AuditLogDay.objects.count(), AuditLogEntry.objects.count()
        self.stdout.write(f"{days} days closed, {entries} entries: as they were recorded.")
