import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from core import clock
from registrations.domain import invariants


class Command(BaseCommand):
    help = (
        "Prove the books (seat pools, registrations, messages): prints JSON, exits 1 when a sum is wrong. Repairs "
        "nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        report = invariants.check(clock.now())
        self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        if not report["ok"]:
            sys.exit(1)
