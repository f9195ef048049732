"""The server of a developer: pages that reload, a worker that restarts, the page of mails, a database of its own.

`manage.py runserver` reloads code, templates and styles by itself. The worker is started again here when what it has
read changes. Only the standard library is used, so that no mistake in the code ends all of it: what has ended over one
is started again with the next change.
"""

import os
import signal
import sqlite3
import sys
import termios
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NoReturn

from summit.supervisor import (
    BASE_DIR,
    CannotStart,
    Child,
    Supervisor,
    environment,
    listen,
    reset,
    run,
    say,
    var_dir,
)

READ_BY_THE_WORKER = {".py", ".html", ".txt"}
ORGANISER = "organisatrice@demo.example"  # as summit/demo/cast.py says, which needs Django
SECONDS_TO_FINISH = 3  # for the tasks of a worker whose code has changed


class Development(Supervisor):
    name = "dev"
    what = "The development server"
    goodbye = "All has stopped; the database is kept. `make dev-reset` throws it away."

    def __init__(self, var: Path) -> None:
        super().__init__(var, **settings())
        self.ready = False
        self.port = 0
        self.terminal: list[Any] | None = None
        with suppress(termios.error, OSError, ValueError):  # there is none
            self.terminal = termios.tcgetattr(sys.stdin)

    @classmethod
    def folder(cls) -> Path:
        return var_dir() / "development"

    def start(self, port: int) -> str:
        with listen(port) as door:  # runserver opens it itself, a moment later
            self.port = door.getsockname()[1]
        address = f"http://localhost:{self.port}"
        self.env |= {"BASE_URL": address}
        (self.var / "static").mkdir(exist_ok=True)  # WhiteNoise warns when it is missing
        prepare = [sys.executable, "manage.py", "prepare_development"]
        prepare += ["--seed"] if os.environ.get("SEED", "") not in ("", "0") else []
        if not self.run_to_end("preparation", prepare):
            raise CannotStart("The database could not be prepared.")
        self.env |= {"BROKER_URL": self.start_broker()}
        self.start_web()
        self.start_worker()
        self.wait_for_pages(address + "/livez")  # which answers, whatever is wrong with a page
        self.ready = True
        return address

    def start_web(self) -> None:
        """With the terminal: `breakpoint()` in a view stops there."""
        command = [sys.executable, "manage.py", "runserver", f"127.0.0.1:{self.port}"]
        self.spawn("web", command, to_terminal=True, stdin=None)

    def start_worker(self, level: str = "WARNING", **how: Any) -> None:
        super().start_worker(level, to_terminal=True, env={"LOG_LEVEL": level}, **how)

    def ended(self, child: Child) -> None:
        """Say so, and wait for the change that corrects it; but nothing works without a broker, or half started."""
        if child.name == "valkey" or not self.ready:
            super().ended(child)
        self.end([child], 0)
        self.children.remove(child)
        say(f"The {child.name} has ended ({child.process.returncode}). It starts again when the code changes.")

    def watch(self) -> None:
        before = sources()
        while True:
            self.pause(0.3)
            now = sources()
            changed = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
            before = now
            if changed:
                self.follow({Path(path).suffix for path in changed})

    def follow(self, changed: set[str]) -> None:
        """Bring those up to date that do not see themselves what has changed, by the suffixes of the files."""
        if ".po" in changed:
            self.run_to_end("translations", [sys.executable, "manage.py", "compilemessages"])
        running = {child.name: child for child in self.children}
        if changed & {*READ_BY_THE_WORKER, ".po"}:
            if worker := running.get("worker"):
                self.end([worker], SECONDS_TO_FINISH)
                self.children.remove(worker)
            self.start_worker()
        if ".py" in changed and "web" not in running:
            self.start_web()

    def has_the_people_of_the_demo(self) -> bool:
        with closing(sqlite3.connect(self.var / "summit.sqlite3")) as database:
            found = database.execute("SELECT 1 FROM accounts_user WHERE email = ?", [ORGANISER]).fetchone()
        return found is not None

    def stop(self) -> None:
        """A debugger that is killed at its prompt would leave a terminal that shows nothing of what is typed."""
        super().stop()
        if self.terminal:
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            termios.tcsetattr(sys.stdin, termios.TCSANOW, self.terminal)

    def welcome(self, address: str, seconds: float) -> list[str]:
        people = [
            "  Sign in with an address, no password: the code arrives on the page of mails.",
            f"    Organiser    {ORGANISER}        {address}/admin/",
            f"    Attendee     camille@demo.example              {address}/accounts/login/",
            f"    Partner      coordinatrice@demo.example        {address}/partners/",
        ]
        nobody = [
            "  Nobody and nothing is in it, unless you have written it. `make dev SEED=1` loads the demo's programme.",
            '    Organiser    make manage ARGS="make_organiser you@demo.example", then sign in with that address:',
            f"                 the code arrives on the page of mails   {address}/admin/",
        ]
        return [
            "",
            f"Summit is ready after {seconds:.1f} s:  {address}/    (English: {address}/en/)",
            "",
            f"    Mails        {address}/demo/mail/",
            *(people if self.has_the_people_of_the_demo() else nobody),
            "",
            f"  Database: {self.var / 'summit.sqlite3'}    (`make shell` opens it)",
            "  Pages reload when the code changes; what goes wrong is told here. Ctrl-C stops everything.",
            "",
        ]


def settings() -> dict[str, str]:
    """What makes it a developer's, beside what the demo has too."""
    return {"DEBUG": "1", "PUBLIC_CACHE_SECONDS": "0", "DJANGO_RUNSERVER_HIDE_WARNING": "true"}


def sources() -> dict[str, int]:
    """When each file was written that the worker reads, or that translations are made of."""
    found = {}
    for app in BASE_DIR.glob("*/apps.py"):
        for folder, _folders, names in os.walk(app.parent):
            for name in names:
                if os.path.splitext(name)[1] in {*READ_BY_THE_WORKER, ".po"}:
                    with suppress(FileNotFoundError):  # an editor's, which is gone already
                        path = os.path.join(folder, name)
                        found[path] = os.stat(path).st_mtime_ns
    return found


def manage(arguments: list[str]) -> NoReturn:
    """Become one of Django's commands, on the database of `make dev`."""
    folder = Development.folder()
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / f"{Development.name}.lock"
    address = lock.read_text() if lock.exists() else ""
    variables = environment(folder, Development.name) | settings() | {"BASE_URL": address or "http://localhost:8000"}
    os.chdir(BASE_DIR)
    os.execve(sys.executable, [sys.executable, "manage.py", *arguments], variables)  # noqa: S606 - our own command


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            return run(Development)
        case ["reset"]:
            return reset(Development)
        case ["manage", *command]:
            manage(command)
    say("usage: python -m summit.development [reset | manage COMMAND …]")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
