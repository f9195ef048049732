import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Writes what the code says now into the French catalogues (<app>/locale/fr/LC_MESSAGES/django.po), compiles "
        "them, and names each entry that is left to translate. Needs GNU gettext."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not shutil.which("xgettext"):
            raise CommandError("GNU gettext is not installed: apt-get install gettext, or brew install gettext.")
        for path in sorted(Path(settings.BASE_DIR).glob("*/locale/fr/LC_MESSAGES/django.po")):
            before = path.read_bytes()
            update(path)
            if path.read_bytes() != before:
                self.stdout.write(f"Changed: {path.relative_to(settings.BASE_DIR)}")
        call_command("compilemessages", verbosity=0)
        call_command("compilemessages", check=True, stdout=self.stdout)


def update(catalogue: Path) -> None:
    """Run Django's own command in the app's folder, which it takes for the whole project."""
    # Each release of gettext breaks lines elsewhere: polib breaks all of them as they stand in the repository.
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "fr", "--no-location", "--no-obsolete"]
    ignored = ["--ignore", "static/*", "--ignore", "data/*", "--verbosity", "0"]
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    app = catalogue.parents[3]
    done = subprocess.run([*command, *ignored], check=False, cwd=app, env=env, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise CommandError(f"{app.name}: {done.stderr.strip()}")
    polib.pofile(str(catalogue), encoding="utf-8").save()
