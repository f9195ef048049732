import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from summit.demo.cast import has_other_people
from summit.demo.preparing import fill, knows_migrations_that_are_gone
from summit.loading.loader import CannotLoad


class Command(BaseCommand):
    help = (
        "Makes everything ready for the demo (see `make demo`): database, translations, programme, people, static "
        "files. Keeps what is there."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_MODE:
            raise CommandError("DEMO_MODE is off: this command fills a database with made-up people.")
        call_command("compilemessages", verbosity=0)
        if knows_migrations_that_are_gone():
            raise CommandError(
                f"{settings.VAR_DIR} holds the database of an older Summit, which this one cannot bring up to date.\n"
                "`make demo-reset` throws it away; `make demo` then starts over."
            )
        call_command("migrate", interactive=False, verbosity=0)
        if has_other_people():
            name = settings.DATABASES["default"]["NAME"]
            raise CommandError(
                f"{name} holds accounts that the demo did not make. Set VAR_DIR to another folder for the demo."
            )
        try:
            fill(self.stdout.write, "make demo-reset")
        except CannotLoad as refused:
            raise CommandError(f"The demo’s own data cannot be loaded:\n{refused}") from None
        self.collect_static_files()

    def collect_static_files(self) -> None:
        """Collect and compress them again only after one has changed: it takes seconds."""
        seen = Path(settings.VAR_DIR) / "static.seen"
        now = json.dumps(sorted(_static_files()))
        if seen.exists() and seen.read_text() == now and Path(settings.STATIC_ROOT).is_dir():
            return
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        seen.write_text(now)


def _static_files() -> list[tuple[str, int, int]]:
    files = []
    for finder in get_finders():
        for path, storage in finder.list(["CVS", ".*", "*~"]):
            status = Path(storage.path(path)).stat()
            files.append((path, status.st_size, status.st_mtime_ns))
    return files
