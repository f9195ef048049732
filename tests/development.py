"""A developer's server, started as `make dev` does: on a copy of the code, which a test may change."""

import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from summit.development import Development
from tests.demo import Demo
from tests.processes import wait_until


class Server(Demo):
    """Its `folder` lies in VAR_DIR, apart from what the demo writes there."""

    kind = f"{Development.__module__}.{Development.__name__}"

    @property
    def var_dir(self) -> Path:
        return self.folder.parent

    def page(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read().decode()

    def shows(self, path: str, words: str) -> None:
        """Wait for a page to have these words, across restarts."""

        def there() -> bool:
            try:
                return words in self.page(path)
            except OSError:  # it restarts, or answers with an error
                return False

        wait_until(there, 60, f"“{words}” on {path}\n{self.said[-3000:]}")

    def processes(self, words: str) -> set[int]:
        return {number for number, command in self.everything_it_started().items() if words in command}


def copy_of_the_code(folder: Path) -> Path:
    """What a developer works on: the apps and manage.py."""
    for app in settings.BASE_DIR.glob("*/apps.py"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(app.parent, folder / app.parent.name, ignore=ignored)
    shutil.copy(settings.BASE_DIR / "manage.py", folder)
    return folder


@contextmanager
def running_server(var_dir: Path, port: int, code: Path, stdin: int = subprocess.DEVNULL) -> Iterator[Server]:
    server = Server(var_dir / "development", port, code=code, stdin=stdin)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
