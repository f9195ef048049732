"""/livez and /readyz: what they say, in how long, and what they never say."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery import current_app
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from outbox.models import Heartbeat
from summit import __version__, health

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def forgotten_migrations() -> Iterator[None]:
    health._migrations_are_applied = False
    yield
    health._migrations_are_applied = False


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def sweep(seconds_ago: float) -> None:
    Heartbeat.objects.update_or_create(
        name="sweep", defaults={"seen_at": timezone.now() - timedelta(seconds=seconds_ago)}
    )


def test_livez_answers_without_a_query_under_any_host_name(client: Client):
    answer = client.get("/livez", headers={"host": "10.0.0.7:8000"})  # no database mark: a query would fail

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_are_only_read(client: Client, path: str):
    assert client.post(path).status_code == 405
    assert client.head("/livez").status_code == 200


@pytest.mark.parametrize("path", ["/livez/", "/en/livez", "/readyz/x"])
def test_probes_have_one_address_each(client: Client, db: None, path: str):
    assert client.get(path).status_code in (301, 404)


@pytest.mark.django_db(transaction=True)
def test_readyz_is_ok_when_every_part_works(client: Client):
    sweep(seconds_ago=59)

    answer = client.get("/readyz", headers={"host": "10.0.0.7"})

    assert answer.json() == {
        "status": "ok",
        "version": __version__,
        "checks": {"database": "ok", "migrations": "ok", "beat": "ok", "broker": "ok"},
    }
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert not answer.cookies


@pytest.mark.django_db(transaction=True)
def test_readyz_names_a_clock_that_never_came(client: Client):
    answer = client.get("/readyz")

    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert (answer.json()["status"], answer.json()["version"]) == ("failing", __version__)
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "beat": "No sweep has come by yet: start the worker and beat.",
        "broker": "ok",
    }


@pytest.mark.django_db
def test_a_clock_that_is_silent_for_a_minute_is_dead():
    sweep(seconds_ago=75)

    assert health.check_database()["beat"] == "The last sweep came by 75 seconds ago: look at beat and the worker."


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_is_counted():
    sweep(seconds_ago=0)
    recorder = MigrationRecorder(connection)
    last = max(name for app, name in recorder.applied_migrations() if app == "outbox")
    recorder.record_unapplied("outbox", last)

    assert health.check_database() == {
        "database": "ok",
        "migrations": "1 migration is not applied: run “manage.py migrate”.",
        "beat": "Unknown until the migrations are applied.",
    }


@pytest.mark.django_db
def test_a_process_looks_at_its_migrations_once(django_assert_num_queries):
    health.check_database()

    with django_assert_num_queries(1):
        health.check_database()


@pytest.mark.django_db(transaction=True)
def test_readyz_answers_in_time_when_the_broker_hangs(client: Client, monkeypatch, silent_port: int):
    sweep(seconds_ago=0)
    monkeypatch.setattr(current_app.conf, "broker_write_url", f"redis://127.0.0.1:{silent_port}/0")

    began = time.monotonic()
    answer = client.get("/readyz")

    assert time.monotonic() - began < 2
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "beat": "ok",
        "broker": "The broker has not answered within 1.5 seconds: see BROKER_URL.",
    }


ASK = """
import json, time, django
django.setup()
from django.test import Client
began = time.monotonic()
answer = Client().get("/readyz")
print(json.dumps([answer.status_code, time.monotonic() - began, answer.content.decode()]), flush=True)
"""


def ask(port: int) -> tuple[int, float, str, str]:
    """/readyz of a process whose database and broker are both at `port`."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "summit.settings",
        "DATABASE_URL": f"postgresql://summit-user:Tell-Nobody@127.0.0.1:{port}/summit-name",
        "BROKER_URL": f"redis://:Tell-Nobody@127.0.0.1:{port}/0",
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK], check=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    status, seconds, body = json.loads(done.stdout)
    return status, seconds, body, done.stderr


def test_readyz_names_a_dead_database_and_a_dead_broker_and_tells_no_secret(closed_port: int):
    status, seconds, body, logged = ask(closed_port)

    assert (status, seconds < 2) == (503, True)
    assert json.loads(body)["checks"] == {
        "database": "The database cannot be used: see DATABASE_URL and the log.",
        "migrations": "Unknown while the database does not answer.",
        "beat": "Unknown while the database does not answer.",
        "broker": "The broker does not answer: see BROKER_URL; mails wait in the database meanwhile.",
    }
    assert "refused" in logged  # whoever reads the log learns why
    assert "Tell-Nobody" not in body + logged
    assert "summit-user" not in body


def test_readyz_answers_in_time_when_the_database_hangs(silent_port: int):
    status, seconds, body, _ = ask(silent_port)

    assert (status, seconds < 2.5) == (503, True)
    assert json.loads(body)["checks"]["database"] == "The database has not answered within 1.5 seconds."
