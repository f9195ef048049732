import argparse
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from summit.demo.cast import has_other_people
from summit.demo.preparing import fill, knows_migrations_that_are_gone
from summit.loading.loader import CannotLoad


class Command(BaseCommand):
    help = (
        "Makes everything ready for a developer's server (see `make dev`): database, translations and, if asked, the "
        "demo's programme and people. Keeps what is there."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--seed", action="store_true", help="load the demo's programme and people")

    def handle(self, *args: Any, seed: bool = False, **options: Any) -> None:
        if not (settings.DEBUG and settings.DEMO_MODE):
            raise CommandError("DEBUG or DEMO_MODE is off: this command is for a developer's own database.")
        call_command("compilemessages", verbosity=0)
        if knows_migrations_that_are_gone():
            raise CommandError(
                "The database knows migrations that this code does not have, of another branch perhaps. Take them back "
                'there\n(`make migrate ARGS="APP NUMBER"`), or `make dev-reset` throws the database away.'
            )
        call_command("migrate", interactive=False, verbosity=0)
        if not seed:
            return
        if has_other_people():
            raise CommandError(
                "The database holds accounts that the seed did not make. `make dev-reset` throws it away; "
                "`make dev SEED=1` then starts over."
            )
        try:
            fill(self.stdout.write, "make dev-reset")
        except CannotLoad as refused:
            raise CommandError(f"The demo’s own data cannot be loaded:\n{refused}") from None
