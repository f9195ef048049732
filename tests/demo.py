"""The demo as a newcomer starts it, and the server of a developer: their own processes, a folder of their own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from tests.processes import wait_until


class Demo:
    """`before` is Python that the starter runs first: what is another machine, for example one without Valkey.

    `folder` is where its processes write.
    """

    kind = "summit.demo.starter.Demo"

    def __init__(
        self,
        folder: Path,
        port: int,
        before: str = "pass",
        *,
        code: Path = settings.BASE_DIR,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._words = folder.with_suffix(".out")
        module, _, name = self.kind.rpartition(".")
        program = f"import sys; from summit import supervisor; {before}; from {module} import {name}; "
        program += f"sys.exit(supervisor.run({name}))"
        with self._words.open("wb") as words:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program],
                cwd=code,
                env=os.environ | {"VAR_DIR": str(self.var_dir), "PORT": str(port)},
                stdin=stdin,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )

    @property
    def var_dir(self) -> Path:
        return self.folder

    @property
    def said(self) -> str:
        return self._words.read_text()

    @property
    def url(self) -> str:
        """The address that it printed, once it is ready."""
        wait_until(
            lambda: "Summit is ready" in self.said or self.process.poll() is not None, 240, f"ready\n{self.said}"
        )
        found = re.search(r"ready after .* (http://localhost:\d+)/", self.said)
        assert found, self.said
        return found[1]

    def everything_it_started(self) -> dict[int, str]:
        """The processes that carry the demo's folder in their environment, or work in it (Valkey writes its title over
        its environment)."""
        mark = f"VAR_DIR={self.folder}".encode()
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                works_here = (process / "cwd").readlink().is_relative_to(self.folder)
                if works_here or mark in (process / "environ").read_bytes().split(b"\0"):
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if command:  # else a zombie
                        found[int(process.name)] = command
            except OSError:
                continue
        return found

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """Signal the starter as a terminal does; return the seconds until it had ended."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - started


@contextmanager
def running_demo(folder: Path, port: int, before: str = "pass") -> Iterator[Demo]:
    demo = Demo(folder, port, before)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.stop()
