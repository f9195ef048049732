import json
from typing import Any

from django.core.management.base import BaseCommand

from core import erasure, erasure_log


class Command(BaseCommand):
    help = (
        "Erase again whom a restored database has brought back: prints JSON. The web and the worker do it by "
        "themselves when they start; with nothing to do it changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        again = erasure.replay()
        self.stdout.write(json.dumps({"file": str(erasure_log.path()), "acts_done_again": again}, indent=2))
