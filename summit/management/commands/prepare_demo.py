import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from core import clock
from outbox.domain.delivery import deliver_due
from programme.models import Session
from summit.demo.cast import has_other_people, welcome_people
from summit.demo.programme import load_own_data
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
        if was_made_by_an_older_summit():
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
            self.load_programme()
            if welcome_people():
                while deliver_due():  # or the newcomer's first mail would queue behind the crowd's
                    pass
                self.stdout.write("Made an organiser, an attendee and a crowd.")
        except CannotLoad as refused:
            raise CommandError(f"The demo’s own data cannot be loaded:\n{refused}") from None
        self.collect_static_files()

    def load_programme(self) -> None:
        if not Session.objects.exists():
            loaded = load_own_data(clock.today())
            self.stdout.write(f"Loaded the summit: it begins on {loaded.first_day:%A %Y-%m-%d}.")
        elif not Session.objects.filter(ends_at__gt=clock.now()).exists():
            self.stdout.write("The programme lies in the past. `make demo-reset` starts over, weeks ahead.")

    def collect_static_files(self) -> None:
        """Collect and compress them again only after one has changed: it takes seconds."""
        seen = Path(settings.VAR_DIR) / "static.seen"
        now = json.dumps(sorted(_static_files()))
        if seen.exists() and seen.read_text() == now and Path(settings.STATIC_ROOT).is_dir():
            return
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        seen.write_text(now)


def was_made_by_an_older_summit() -> bool:
    """Whether the database knows migrations that are no longer there: those of before the first release were written
    anew."""
    graph = MigrationLoader(connection).disk_migrations
    ours = {app for app, _name in graph}
    return any(
        app in ours and (app, name) not in graph for app, name in MigrationRecorder(connection).applied_migrations()
    )


def _static_files() -> list[tuple[str, int, int]]:
    files = []
    for finder in get_finders():
        for path, storage in finder.list(["CVS", ".*", "*~"]):
            status = Path(storage.path(path)).stat()
            files.append((path, status.st_size, status.st_mtime_ns))
    return files
