"""Starts the demo: a database file, Valkey, a Celery worker with beat, a sender of codes, and gunicorn; stops them all
together."""

import socket
import sys
from pathlib import Path

from summit.supervisor import CannotStart, Supervisor, listen


class Demo(Supervisor):
    name = "demo"
    what = "The demo"
    goodbye = "The demo has stopped; what it holds is kept. `make demo-reset` starts over."

    def __init__(self, var: Path) -> None:
        super().__init__(var, PUBLIC_CACHE_SECONDS="2")

    def start(self, port: int) -> str:
        with listen(port) as door:  # whoever comes early waits for the pages
            address = f"http://localhost:{door.getsockname()[1]}"
            self.env |= {"BASE_URL": address}
            self.prepare()
            self.env |= {"BROKER_URL": self.start_broker()}
            self.start_worker()
            codes = [sys.executable, "manage.py", "mails", "send", "--keep-on", "--urgent"]
            self.spawn("codes", codes)
            self.start_web(door)
        self.wait_for_pages(address + "/")
        return address

    def prepare(self) -> None:
        """Database, programme, people, translations and static files: one process that ends."""
        if not self.run_to_end("preparation", [sys.executable, "manage.py", "prepare_demo"]):
            raise CannotStart(f"The demo could not be prepared ({self.var / 'log' / 'preparation.log'}).")

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

    def welcome(self, address: str, seconds: float) -> list[str]:
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
