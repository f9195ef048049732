"""A mail is a row of the caller's transaction; the ring only hurries it."""

import socket
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from outbox.domain import posting
from outbox.domain.mail_kinds import Letter
from outbox.domain.posting import post
from outbox.models import Message
from tests.processes import answer_of, environment, run_python, valkey

pytestmark = pytest.mark.django_db


@pytest.fixture
def rings(monkeypatch):
    """The messages that a worker was told of."""
    heard = []
    monkeypatch.setattr(posting, "ring", heard.append)
    return heard


def post_one(key="one", to="ada@example.org", **options):
    post("test.hello", to, dedupe_key=key, language="fr", **options)


def test_a_mail_is_queued_and_due_at_once():
    post_one(context={"registration": "abc"})

    message = Message.objects.get()
    assert (message.kind, message.to, message.status, message.context) == (
        "test.hello",
        "ada@example.org",
        "queued",
        {"registration": "abc"},
    )
    assert list(Message.objects.due(timezone.now())) == [message]


@pytest.mark.proves("mail-once")
def test_one_change_is_told_once():
    """A second post of the same key does nothing, whatever it says."""
    post_one(key="registrations.confirmed:1")
    post_one(key="registrations.confirmed:1", to="grace@example.org")

    assert Message.objects.get().to == "ada@example.org"


def test_a_mail_that_is_already_written_is_kept_as_it_is():
    post_one(letter=Letter("Your code", "123456", "<p>123456</p>"))

    message = Message.objects.get()
    assert (message.subject, message.text, message.html) == ("Your code", "123456", "<p>123456</p>")


def test_the_worker_is_rung_once_the_change_is_committed(rings, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        post_one()
        assert rings == []

    assert rings == [Message.objects.get().uuid]


def test_a_mail_for_later_rings_nobody(rings, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        post_one(not_before=timezone.now() + timedelta(hours=1))

    assert rings == []
    assert not Message.objects.due(timezone.now()).exists()


@pytest.mark.proves("mail-sent-or-explained")
@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_leaves_no_mail_and_rings_nobody(rings):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        post_one()
        raise ZeroDivisionError

    assert not Message.objects.exists()
    assert rings == []


RING_TWENTY_TIMES = """
import json, time, uuid
import kombu.transport.redis  # what the first ring of a process would load
from outbox.domain.posting import ring
seconds = []
for _ in range(20):
    started = time.monotonic()
    ring(uuid.uuid4())
    seconds.append(time.monotonic() - started)
print(json.dumps(seconds))
"""


@pytest.mark.proves("broker-may-die")
@pytest.mark.runs_once("the broker is asked, and no database")
def test_a_dead_broker_costs_a_request_nothing(tmp_path):
    """Under the product's own settings."""
    seconds = answer_of(RING_TWENTY_TIMES, environment(tmp_path, BROKER_URL="redis://127.0.0.1:1/0"))

    assert max(seconds) < 1.5


@pytest.mark.proves("broker-may-die")
@pytest.mark.runs_once("the broker is asked, and no database")
def test_a_mute_broker_costs_one_request_two_seconds_and_the_next_ones_nothing(tmp_path):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(50)

        seconds = answer_of(
            RING_TWENTY_TIMES, environment(tmp_path, BROKER_URL=f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        )

    assert seconds[0] < 4
    assert sum(seconds[1:]) < 1  # one more wait would be two seconds; a busy machine may pause this process


@pytest.mark.runs_once("the broker is asked, and no database")
def test_a_full_broker_is_reported_once_and_costs_no_mail(tmp_path):
    with valkey(tmp_path, maxmemory="1mb", **{"maxmemory-policy": "noeviction"}) as broker:
        done = run_python(RING_TWENTY_TIMES, environment(tmp_path, BROKER_URL=broker.connection_url))

    assert done.returncode == 0
    assert (done.stdout + done.stderr).count("the sweep will deliver") == 1


@pytest.mark.proves("database-constraints")
class TestTheDatabaseRefuses:
    """A message in a state that means nothing."""

    @pytest.fixture(autouse=True)
    def message(self):
        post_one()

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"status": "sending"}, id="being sent by nobody"),
            pytest.param({"status": "sent"}, id="sent at no time"),
            pytest.param({"status": "failed"}, id="failed for no reason"),
            pytest.param({"status": "dropped"}, id="dropped for no reason"),
        ],
    )
    def test_a_message(self, fields):
        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.update(**fields)
