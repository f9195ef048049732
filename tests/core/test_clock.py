"""One clock, which tests, the demo and benches move for all processes, whatever the database."""

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from core import clock
from notices.models import Reminder
from notices.tasks import tell
from outbox.models import Message
from tests import make

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def set_right():
    yield
    clock.move(timedelta())


def near(one: datetime, other: datetime) -> bool:
    return abs(one - other) < timedelta(seconds=30)


@pytest.mark.django_db(transaction=True)
def test_it_moves_for_every_process_and_on_both_databases():
    asks = "import django; django.setup(); from core import clock; print(clock.now(), clock.database_now(), sep='\\n')"
    url = os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{connection.settings_dict['NAME']}"

    clock.move(3 * DAY)

    env = os.environ | {"TEST_DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    program = f"import os; import tests.settings as s; s.VAR_DIR = {str(settings.VAR_DIR)!r}\n{asks}"
    told = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    moments = [clock.now(), clock.database_now(), *map(datetime.fromisoformat, told[:2])]
    assert all(near(moment, timezone.now() + 3 * DAY) for moment in moments)


@pytest.mark.django_db
def test_what_is_due_by_then_is_done_and_its_rows_say_so():
    registration = make.registration(make.session(starts_at=timezone.now() + 7 * DAY))
    make.reminder(registration.session, timing="before", minutes=180)

    clock.move(6.9 * DAY)
    tell()

    told = Message.objects.get(kind="notices.reminder")
    assert near(told.created_at, timezone.now() + 6.9 * DAY)
    assert near(Reminder.objects.get().queued_at, told.created_at)


@pytest.mark.django_db
def test_the_history_goes_by_it_too():
    clock.move(DAY)

    assert near(make.event().history.get().history_date, timezone.now() + DAY)


def test_it_stands_in_production(settings):
    clock.move(DAY)
    settings.CLOCK_MOVES = False

    assert near(clock.now(), timezone.now())
    with pytest.raises(CommandError, match="tests, demos and benches"):
        call_command("move_clock", "2d")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("by", "moved"), [("2d", 2 * DAY), ("3h", DAY / 8), ("-45m", timedelta(minutes=-45)), ("0", timedelta())]
)
def test_an_operator_of_a_demo_moves_it(by, moved, capsys):
    call_command("move_clock", "--", by)

    assert clock.moved_by() == moved
    assert "UTC" in capsys.readouterr().out


@pytest.mark.parametrize("by", ["2", "d", "2w", "2.5d", "٢d", "9999999d"])
def test_what_is_no_duration_is_refused(by):
    with pytest.raises(CommandError, match="no duration"):
        call_command("move_clock", by)


def test_no_rule_asks_another_clock():
    asks = re.compile(r"timezone\.(now|localdate)\(\)|auto_now|datetime\.now\(|date\.today\(|import now\b")
    apps = [path.parent for path in Path(settings.BASE_DIR).glob("*/apps.py")]
    sources = [path for app in apps for path in app.rglob("*.py") if "migrations" not in path.parts]

    assert len(sources) > 100
    assert [str(path) for path in sources if asks.search(path.read_text()) and path.name != "clock.py"] == []
