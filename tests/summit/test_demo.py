"""`make demo`: one start, one Ctrl-C, nothing left behind; and what a newcomer finds in it."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from allocations.domain import allocation
from allocations.models import Allocation
from notices.domain import announcing
from notices.models import Announcement, ReminderRule
from outbox.models import Message
from partners import access
from programme.models import Session
from registrations.domain import invariants, seats
from registrations.models import Cohort, Registration, SeatPool
from summit import supervisor
from summit.demo import cast
from summit.demo.starter import Demo as TheDemo
from summit.loading.loader import OWN_DATA, load
from tests import make
from tests.demo import Demo, running_demo
from tests.processes import wait_until
from tests.smtp import free_port

pytestmark = pytest.mark.runs_once("the demo has a SQLite file of its own")

# --- Its processes, on a folder that one start after another uses -----------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dé mo") / "des données"


@contextmanager
def database_in(folder: Path) -> Iterator[sqlite3.Connection]:
    """The demo's own database: what is written is kept, and nothing stays open."""
    with closing(sqlite3.connect(folder / "summit.sqlite3")) as database, database:
        yield database


def names(demo: Demo) -> list[str]:
    commands = demo.everything_it_started().values()
    return [name for name in ("gunicorn", "celery", "valkey-server") if any(name in command for command in commands)]


def gone(demo: Demo, seconds: float) -> None:
    wait_until(lambda: not demo.everything_it_started(), seconds, f"gone: {demo.everything_it_started()}")


def refused(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "summit.demo", *arguments]
    done = subprocess.run(
        command, env=os.environ | {"VAR_DIR": str(folder)}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    return done.stdout


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else, which no demo may end."""
    with subprocess.Popen(["sleep", "600"]) as other:
        yield other
        other.kill()


@pytest.mark.slow(20)
def test_one_ctrl_c_ends_everything_that_it_started_and_nothing_else(
    folder: Path, bystander: subprocess.Popen[bytes]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running_demo(folder, port) as demo:
            url = demo.url
            assert f"Port {port} is taken: using {url.rpartition(':')[2]}." in demo.said
            assert int(url.rpartition(":")[2]) > port
            assert names(demo) == ["gunicorn", "celery", "valkey-server"]
            assert f"runs already: {url}" in refused(folder)
            assert "runs already" in refused(folder, "reset")

            seconds = demo.stop(signal.SIGINT)

    assert demo.process.returncode == 0
    # It kills what does not stop by itself; a busy machine is slow to notice.
    assert seconds < supervisor.SECONDS_TO_STOP * 3
    gone(demo, 1)
    assert bystander.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process ask to end with its parent")
@pytest.mark.slow(20)  # beside the one above, whose folder it uses
def test_a_killed_starter_leaves_no_orphans_and_a_second_start_keeps_the_data(folder: Path) -> None:
    if not (folder / "summit.sqlite3").exists():  # the test above ran in another process
        with running_demo(folder, free_port()) as demo:
            demo.url  # noqa: B018 - waits until it answers
            demo.stop(signal.SIGINT)
    with database_in(folder) as database:
        database.execute("UPDATE accounts_attendee SET name = 'Camille Changée' WHERE name LIKE 'Camille %'")
    with running_demo(folder, free_port()) as demo:
        demo.url  # noqa: B018 - waits until it answers
        assert "Loaded the summit" not in demo.said

        demo.stop(signal.SIGKILL)

        gone(demo, 30)
    with database_in(folder) as database:
        assert database.execute("SELECT count(*) FROM accounts_attendee WHERE name = 'Camille Changée'").fetchone() == (
            1,
        )


@pytest.mark.slow(20)  # beside the one above, whose folder it uses
def test_without_valkey_a_folder_rings_the_worker_and_a_dead_worker_ends_the_demo(folder: Path) -> None:
    with running_demo(folder, free_port(), before="supervisor.valkey_binary = lambda: None") as demo:
        demo.url  # noqa: B018 - waits until it answers
        assert "There is no Valkey for this machine" in demo.said
        assert names(demo) == ["gunicorn", "celery"]

        def queued() -> int:
            with database_in(folder) as database:
                # One about an offer leaves before that ends.
                due = "status NOT IN ('sent', 'dropped') AND not_before <= datetime('now')"
                return int(database.execute(f"SELECT count(*) FROM outbox_message WHERE {due}").fetchone()[0])

        wait_until(lambda: not queued(), 60, "all mails of the crowd sent")
        worker = next(pid for pid, command in demo.everything_it_started().items() if "celery" in command)
        os.kill(os.getpgid(worker), signal.SIGKILL)

        assert demo.process.wait(30) == 1
        assert "The worker has ended (-9)" in demo.said
    gone(demo, 1)


def test_a_folder_of_an_older_summit_is_told_as_such_and_how_to_start_over(tmp_path: Path) -> None:
    environment = os.environ | {
        "DEMO_MODE": "1",
        "VAR_DIR": str(tmp_path),
        "BASE_URL": "http://localhost:8000",
        "DATABASE_URL": "",
    }
    environment = {
        name: value for name, value in environment.items() if name not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")
    }
    with database_in(tmp_path) as database:
        database.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied TEXT)")
        database.execute(
            "INSERT INTO django_migrations VALUES (1, 'accounts', '0002_limits_are_rows', '2026-11-01 00:00:00')"
        )

    done = subprocess.run(
        [sys.executable, "manage.py", "prepare_demo"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 1
    assert "older Summit" in done.stderr
    assert "make demo-reset" in done.stderr
    with database_in(tmp_path) as database:
        assert [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")] == [
            "django_migrations"
        ]


# --- Its folder -------------------------------------------------------------------------------------------------------


def test_reset_removes_what_the_demo_wrote_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    for name in ("summit.sqlite3", "demo.key", "letter.txt"):
        (tmp_path / name).touch()
    (tmp_path / "valkey").mkdir()

    assert supervisor.reset(TheDemo) == 0

    assert {path.name for path in tmp_path.iterdir()} == {"letter.txt", "demo.lock"}


def test_the_secret_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    key = supervisor.secret_key(tmp_path / "demo.key")

    assert len(key) >= 40
    assert supervisor.secret_key(tmp_path / "demo.key") == key
    assert (tmp_path / "demo.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1", "٨٠٠٠", "8000.5"])
def test_a_port_that_is_none_is_one_sentence(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", port)

    with pytest.raises(supervisor.CannotStart, match=r"a port is a number from 1 to 65535\.$"):
        supervisor.wanted_port()


# --- What is in it ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_preparation_needs_the_demo_mode() -> None:
    with pytest.raises(CommandError, match="DEMO_MODE is off"):
        call_command("prepare_demo")


@pytest.mark.django_db
def test_preparation_leaves_somebody_elses_database_alone(settings: Settings) -> None:
    settings.DEMO_MODE = True
    make.attendee()

    with pytest.raises(CommandError, match="holds accounts that the demo did not make"):
        call_command("prepare_demo")

    assert not Session.objects.exists()


@pytest.mark.django_db
def test_the_cast_fills_two_rooms_with_a_waiting_list_and_nearly_fills_two() -> None:
    sessions = [make.session(seats=seats, starts_at=timezone.now() + timedelta(days=30)) for seats in (12, 13, 15, 20)]
    make.session(seats=200)

    assert cast.welcome_people()
    assert not cast.welcome_people()

    assert [make.pool(session).left for session in sessions] == cast.SEATS_LEFT
    assert SeatPool.objects.filter(taken=0).count() == 1
    assert [session.registrations.filter(status="waiting").count() for session in sessions] == [6, 2, 0, 0]
    organiser = User.objects.get(email=cast.ORGANISER)
    assert organiser.is_staff
    assert organiser.attendee.name == "Olympe Organisatrice"
    assert User.objects.get(email=cast.ATTENDEE).attendee.name
    assert not User.objects.exclude(email__endswith="@demo.example").exists()
    assert invariants.check(timezone.now())["breaches"] == []


@pytest.mark.django_db
def test_an_organiser_finds_reminders_to_come_and_announcements_of_which_one_was_sent_to_a_few() -> None:
    load(OWN_DATA, today=timezone.localdate())
    cast.welcome_people()

    rules = ReminderRule.objects.filter(reminders__queued_at=None).annotate(moments=Count("reminders")).order_by("pk")
    assert [(rule.timing, rule.answer_hours) for rule in rules] == [("day", None), ("before", None), ("before", 24)]
    assert all(rule.moments for rule in rules)
    assert rules[2].session.registrations.filter(status="waiting").count() == 6
    assert list(Announcement.objects.order_by("pk").values_list("status", "people")) == [("queued", 6), ("draft", 0)]
    for announcement in Announcement.objects.all():
        for text in (announcement.subject_fr, announcement.subject_en, announcement.body_fr, announcement.body_en):
            announcing.check_text(text, has_session=bool(announcement.session), has_event=bool(announcement.event))
    assert Message.objects.filter(kind=announcing.KIND).count() == 6
    assert set(ReminderRule.history.values_list("history_user__email", flat=True)) == {cast.ORGANISER}


@pytest.mark.django_db
def test_a_newcomer_finds_every_state_of_a_seat() -> None:
    """A line, an offer, requests, a clash and a long way; and the same folder loads again unchanged."""
    load(OWN_DATA, today=timezone.localdate())
    cast.welcome_people()
    now = timezone.now()

    mine = seats.seats(
        Session.objects.with_place().exclude(access="public"), User.objects.get(email=cast.ATTENDEE).attendee, now
    )
    states = Counter(seat.state for seat in mine)
    assert (states["mine"], states["waiting"], states["offered"]) == (2, 1, 1)
    [line] = [seat for seat in mine if seat.state == "waiting"]
    assert (line.place, line.waiting_count) == (3, 6)
    assert any(clash.overlaps for seat in mine if seat.state == "open" for clash in seat.clashes)
    assert any(not clash.overlaps for seat in mine if seat.state == "open" for clash in seat.clashes)
    assert Registration.objects.filter(session__slug=cast.ON_REQUEST, status="pending").count() == 4
    plenary = seats.seat(Session.objects.get(slug=cast.PLENARY), User.objects.get(email=cast.STUDENT).attendee, now)
    assert (plenary.state, plenary.left) == ("open", 2)
    assert (
        Cohort.objects.get(slug=cast.STUDENTS).allotments.get(session__slug=cast.PLENARY).release_at
        < plenary.session.starts_at
    )
    lists = access.institutions_of(User.objects.get(email=cast.COORDINATOR)).get().cohorts.all()
    assert [(one.slug, one.invitees.count(), one.memberships.count()) for one in lists.order_by("slug")] == [
        ("cnam-marketing-digital", 0, 0),
        ("cnam-medas", 0, 0),
    ]
    deadline_passed, open_still = Allocation.objects.order_by("closes_at")
    assert deadline_passed.closes_at < now < open_still.closes_at
    assert open_still.wishes.exists()
    organiser = User.objects.get(email=cast.ORGANISER)
    run = allocation.commit(allocation.simulate(deadline_passed, actor=organiser), actor=organiser)
    codes = Counter(answer["code"] for answers in run.results["answers"].values() for answer in answers)
    assert codes["given"] > codes["full"] > 0
    assert invariants.check(now)["breaches"] == []

    assert load(OWN_DATA, today=timezone.localdate()).changes == 0
