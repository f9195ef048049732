"""A real calendar program (khal), which subscribes with a real synchroniser (vdirsyncer): what people see, not what we
wrote."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from notices.domain import calendar_feeds, changes
from outbox.domain import delivery
from registrations.domain import booking
from tests import make

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.runs_once("what calendar programs make of our files"),
]
BIN = Path(sys.executable).parent
STARTS_AT = datetime(2027, 2, 8, 13, 30, tzinfo=UTC)


class Desk:
    """Somebody's computer: a calendar folder, khal, and vdirsyncer if they subscribe."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "calendar"
        self.folder.mkdir()
        (home / "khal.conf").write_text(
            f"[calendars]\n[[summit]]\npath = {self.folder}\n[locale]\nlocal_timezone = Europe/Paris\n"
            f"default_timezone = Europe/Paris\ntimeformat = %H:%M\ndateformat = %Y-%m-%d\n"
            f"longdateformat = %Y-%m-%d\ndatetimeformat = %Y-%m-%d %H:%M\n"
            f"longdatetimeformat = %Y-%m-%d %H:%M\n[sqlite]\npath = {home}/khal.db\n",
            encoding="utf-8",
        )

    def run(self, program: str, *args: str) -> str:
        environment = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PATH": "/usr/bin:/bin",
            "TZ": "Europe/Paris",
        }
        done = subprocess.run(
            [BIN / program, *args], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{program} {args}: {done.stdout}{done.stderr}"
        return done.stdout

    def khal(self, *args: str) -> str:
        return self.run("khal", "-c", str(self.home / "khal.conf"), *args)

    def subscribe(self, address: str) -> None:
        (self.home / "vdirsyncer.conf").write_text(
            f'[general]\nstatus_path = "{self.home}/status"\n[pair summit]\na = "feed"\nb = "folder"\n'
            f'collections = null\nconflict_resolution = "a wins"\n[storage feed]\ntype = "http"\nurl = "{address}"\n'
            f'[storage folder]\ntype = "filesystem"\npath = "{self.folder}"\nfileext = ".ics"\n',
            encoding="utf-8",
        )
        self.vdirsyncer("discover")

    def vdirsyncer(self, *args: str) -> None:
        self.run("vdirsyncer", "-c", str(self.home / "vdirsyncer.conf"), *args)

    def seen(self) -> list[str]:
        """What khal shows of the week of the summit: hours, title and state of each entry."""
        shown = self.khal(
            "list", "--once", "--day-format", "", "--format", "{start} {end-time} {title} {status}", "2027-02-08", "7d"
        )
        return [line.strip() for line in shown.splitlines() if line.strip()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.proves("calendar-subscription")
def test_a_subscribed_calendar_follows_a_seat_that_moves_and_goes(desk: Desk, live_server: Any) -> None:
    session = make.session(title_fr="Gouvernance", title_en="Governance", starts_at=STARTS_AT)
    ada = make.registration(session).attendee
    token = calendar_feeds.open_feed(ada, actor=ada.user).key
    desk.subscribe(f"{live_server.url}/calendar/{token}/summit.ics")

    desk.vdirsyncer("sync")
    assert desk.seen() == ["2027-02-08 14:30 15:30 Gouvernance CONFIRMED"]

    make.moved(session, hours=1)
    desk.vdirsyncer("sync")
    assert desk.seen() == ["2027-02-08 15:30 16:30 Gouvernance CONFIRMED"]

    booking.cancel(session, ada, actor=ada.user)
    desk.vdirsyncer("sync", "--force-delete")  # its guard against a calendar that is suddenly empty
    assert desk.seen() == []


@pytest.mark.proves("calendar-entry")
def test_the_entries_of_mails_replace_each_other(desk: Desk) -> None:
    session = make.session(title_fr="Gouvernance", title_en="Governance", starts_at=STARTS_AT)
    ada = make.registration(session).attendee

    def open_the_mail() -> None:
        mail.outbox.clear()
        delivery.deliver_due()
        [message] = mail.outbox
        file = desk.home / "session.ics"
        file.write_text(message.attachments[0].content, encoding="utf-8", newline="")
        desk.khal("import", "--batch", str(file))

    open_the_mail()
    assert desk.seen() == ["2027-02-08 14:30 15:30 Gouvernance CONFIRMED"]

    make.moved(session, hours=1)
    changes.tell_settled(timezone.now() + changes.LONGEST_SETTLING)
    open_the_mail()
    assert desk.seen() == ["2027-02-08 15:30 16:30 Gouvernance CONFIRMED"]

    booking.cancel(session, ada, actor=ada.user)
    open_the_mail()
    assert desk.seen() == ["2027-02-08 15:30 16:30 Gouvernance CANCELLED"]
