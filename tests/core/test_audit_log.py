"""Acts are written once, by whom and in which request; nobody changes them unseen."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from core import append_only, audit_log, clock, retention
from core.models import AuditLogDay, AuditLogEntry
from programme.domain import retention as run_of_retention
from tests import make

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def file(settings: Any, tmp_path: Path) -> Path:
    settings.ERASURE_LOG = tmp_path / "acts.jsonl"
    return audit_log.path()


def entry(at: datetime = NOON, **fields: Any) -> AuditLogEntry:
    return AuditLogEntry.objects.create(**{"at": at, "act": "exported", "facts": {"rows": 3}} | fields)


def three_days() -> list[AuditLogEntry]:
    """Two entries on Friday, none on Saturday, one on Sunday; closed on Monday morning."""
    made = [entry(), entry(NOON + timedelta(hours=1)), entry(NOON + 2 * DAY)]
    assert audit_log.close(NOON + 3 * DAY) == 3
    return made


@pytest.fixture
def unguarded() -> None:
    """As somebody does who owns the database."""
    with connection.cursor() as cursor:
        for statement in append_only.dropped():
            cursor.execute(statement)


# --- Writing ----------------------------------------------------------------------------------------------------------


def test_an_act_says_who_as_what_on_what_and_when(client: Client) -> None:
    organiser, session = make.organiser(), make.session()

    written = audit_log.record("exported", session, actor=organiser, role="owner", rows=12)

    assert (written.actor, written.role, written.facts) == (organiser.pk, "owner", {"rows": 12})
    assert (written.model, written.key) == ("programme.session", str(session.pk))
    assert abs(written.at - clock.now()) < timedelta(minutes=1)
    assert audit_log.record("exported", type(session)).key == ""


def test_what_has_no_words_is_not_written() -> None:
    with pytest.raises(ValueError, match="unknown"):
        audit_log.record("hidden")
    with pytest.raises(ValueError, match="unknown"):
        audit_log.record("exported", name="Ada")
    assert not AuditLogEntry.objects.exists()


OF_BOTH = [
    "UPDATE core_auditlogentry SET act = 'read'",
    "UPDATE core_auditlogentry SET actor = NULL",
    "DELETE FROM core_auditlogentry",
    "UPDATE core_auditlogday SET head = ''",
    "DELETE FROM core_auditlogday",
]
OF_ONE = {
    "sqlite": [
        f"INSERT OR REPLACE INTO {append_only.AGED} SELECT id, at, 'x', actor, role, model, key, facts, request FROM t",
        "INSERT OR REPLACE INTO core_auditlogday SELECT day, number, '' FROM core_auditlogday",
    ],
    "postgresql": [
        "TRUNCATE core_auditlogentry CASCADE",
        "TRUNCATE core_auditlogday",
    ],
}


@pytest.mark.proves("audit-log-kept")
@pytest.mark.parametrize("statement", OF_BOTH + OF_ONE[connection.vendor])
def test_the_database_refuses_to_change_it(statement: str) -> None:
    recent = clock.now() - 3 * DAY
    entry(recent)
    audit_log.close(clock.now())
    statement = statement.replace("FROM t", f"FROM {append_only.AGED}")
    before = list(AuditLogEntry.objects.values()), list(AuditLogDay.objects.values())

    with pytest.raises(DatabaseError, match=append_only.REFUSAL), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert before == (list(AuditLogEntry.objects.values()), list(AuditLogDay.objects.values()))
    assert all(before)


# --- Days that are over -----------------------------------------------------------------------------------------------


def test_a_day_is_closed_once_it_is_over_for_everybody(file: Path) -> None:
    entry()
    midnight = datetime(2026, 11, 28, tzinfo=UTC)

    assert audit_log.close(midnight + timedelta(hours=1)) == 0  # a transaction of before midnight may still write
    assert audit_log.close(midnight + timedelta(hours=2, minutes=1)) == 1
    assert audit_log.close(midnight + timedelta(hours=3)) == 0

    [day] = AuditLogDay.objects.all()
    assert (day.day, day.number, len(day.head)) == (date(2026, 11, 27), 1, 64)
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"day": "2026-11-27", "number": 1, "head": day.head}
    ]
    assert file.stat().st_mode & 0o777 == 0o600


def test_days_without_entries_are_closed_too_and_nothing_is_wrong(file: Path) -> None:
    three_days()

    assert [(day.day.day, day.number) for day in AuditLogDay.objects.order_by("day")] == [(27, 2), (28, 0), (29, 1)]
    assert audit_log.check(NOON + 3 * DAY) == []
    assert len(file.read_text().splitlines()) == 3


def changed(made: list[AuditLogEntry]) -> None:
    AuditLogEntry.objects.filter(pk=made[0].pk).update(facts={"rows": 4})


def deleted(made: list[AuditLogEntry]) -> None:
    made[1].delete()


def added(made: list[AuditLogEntry]) -> None:
    entry(NOON + timedelta(hours=2))


def moved(made: list[AuditLogEntry]) -> None:
    AuditLogEntry.objects.filter(pk=made[1].pk).update(at=NOON + DAY)


def recomputed(made: list[AuditLogEntry]) -> None:
    """By somebody who has read our code, and may write to the database, but not to the file."""
    changed(made)
    AuditLogDay.objects.all().delete()
    audit_log.close(NOON + 3 * DAY)


@pytest.mark.proves("audit-log-kept")
@pytest.mark.parametrize("act", [changed, deleted, added, moved, recomputed])
@pytest.mark.usefixtures("unguarded")
def test_what_was_changed_past_the_database_shows(act: Callable[[list[AuditLogEntry]], None]) -> None:
    made = three_days()
    assert audit_log.check(NOON + 3 * DAY) == []

    act(made)

    said = audit_log.check(NOON + 3 * DAY)
    assert any(sentence.startswith("2026-11-27: ") for sentence in said), said
    with pytest.raises(CommandError, match="2026-11-27"):
        call_command("check_audit_log", stdout=StringIO())


@pytest.mark.usefixtures("unguarded")
def test_a_day_that_is_gone_shows(file: Path) -> None:
    three_days()
    AuditLogDay.objects.filter(day=date(2026, 11, 28)).delete()

    said = audit_log.check(NOON + 3 * DAY)

    assert any("2026-11-28: the day is missing" in sentence for sentence in said)
    assert any("a day that the database does not know" in sentence for sentence in said)
    file.unlink()
    assert any("not in" in sentence for sentence in audit_log.check(NOON + 3 * DAY))


def test_a_line_that_a_kill_cut_off_is_written_again(file: Path) -> None:
    three_days()
    whole = file.read_text()
    file.write_text(whole[:-20])

    audit_log.close(NOON + 3 * DAY)

    assert audit_log.check(NOON + 3 * DAY) == []
    assert file.read_text().splitlines()[-1] == whole.splitlines()[-1]


def test_the_command_says_that_all_is_well() -> None:
    three_days()
    out = StringIO()

    call_command("check_audit_log", stdout=out)

    assert "3 entries: as they were recorded." in out.getvalue()


# --- Old entries ------------------------------------------------------------------------------------------------------


def test_what_has_been_kept_long_enough_goes_and_the_rest_can_still_be_checked() -> None:
    now = clock.now()
    _old, young = entry(now - 200 * DAY), entry(now - 10 * DAY)
    audit_log.close(now)
    kind = retention.kind("sign_ins")

    list(kind.delete(retention.Scope(days=182), now))

    assert list(AuditLogEntry.objects.all()) == [young]
    assert audit_log.check(now) == []


def test_the_database_keeps_what_is_young_whatever_the_clock_of_the_site_says() -> None:
    young = entry(clock.now() - 10 * DAY)

    assert sum(retention.kind("sign_ins").delete(retention.Scope(days=182), clock.now() + 365 * DAY)) == 0
    assert list(AuditLogEntry.objects.all()) == [young]


def test_the_run_of_retention_goes_on_where_the_clock_is_ahead() -> None:
    entry(clock.now() - 10 * DAY)

    run_of_retention.run(clock.now() + 365 * DAY, hourly=False)

    assert AuditLogEntry.objects.exists()
