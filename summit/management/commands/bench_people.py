from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from summit.demo.people import make_people

MOST = 100_000


class Command(BaseCommand):
    help = (
        "Make N signed-in people for a load test and write their cookies, one JSON object a line (demo or bench mode "
        "only)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int, metavar="N")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE")

    def handle(self, *args: Any, number: int, out: Path, **options: Any) -> None:
        if not (settings.DEMO_MODE or settings.BENCH_MODE):
            raise CommandError(
                "This makes people who can sign in without a code: set BENCH_MODE=1, on a summit without real people."
            )
        if not 1 <= number <= MOST:
            raise CommandError(f"Ask for 1 to {MOST} people.")
        try:
            # Whoever reads this file is these people.
            out.touch(mode=0o600)
            with out.open("w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in make_people(number))
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        if options["verbosity"]:
            self.stdout.write(f"{number} people, signed in: {out}")
