"""Real workers, a real broker, a real SMTP server: what happens when one of them dies."""

import os
import sys
import time
import uuid
from collections import Counter
from datetime import timedelta

import psycopg
import pytest
import time_machine
from celery import current_app
from django.utils import timezone

from outbox.domain.delivery import deliver_due
from outbox.domain.mail_kinds import Letter
from outbox.models import Message
from tests.postgres import throwaway_server
from tests.processes import environment, run_python, valkey, wait_until, workers
from tests.smtp import mailbox

pytestmark = pytest.mark.django_db(transaction=True)

CONCURRENCY = 2
MANY = pytest.mark.runs_once("ten are tried on both databases, and one after the other dies at the same place")
QUICK = {"MAIL_LEASE_SECONDS": 3, "MAIL_SWEEP_SECONDS": 1}


@pytest.fixture
def broker(tmp_path):
    with valkey(tmp_path) as broker:
        yield broker


@pytest.fixture
def box():
    with mailbox() as box:
        yield box


def queue(number):
    """`number` mails that are due now."""
    now = timezone.now()
    letter = Letter("Bonjour", "Bonjour Ada")
    Message.objects.bulk_create(
        Message(
            kind="test",
            to=f"p{n}@example.org",
            dedupe_key=uuid.uuid4().hex,
            not_before=now,
            subject=letter.subject,
            text=letter.text,
        )
        for n in range(number)
    )


def ring_for_all(broker):
    """Ring the worker for every mail, as their posts would have."""
    with current_app.connection_for_write(broker.connection_url) as link, current_app.amqp.Producer(link) as producer:
        for message_uuid in Message.objects.values_list("uuid", flat=True):
            current_app.send_task("outbox.tasks.deliver", [str(message_uuid)], producer=producer)


def ring(message, broker):
    with current_app.connection_for_write(broker.connection_url) as link, current_app.amqp.Producer(link) as producer:
        current_app.send_task("outbox.tasks.deliver", [str(message.uuid)], producer=producer)


def all_sent():
    return not Message.objects.exclude(status="sent").exists()


def assert_each_arrived(box, *, twice_at_most=0):
    expected = {message.message_id for message in Message.objects.all()}
    assert set(box.message_ids) == expected
    assert sum(box.message_ids.values()) - len(expected) <= twice_at_most
    assert max(box.message_ids.values()) <= 2


@pytest.mark.proves("mail-once")
@pytest.mark.slow(7)
def test_two_workers_and_a_sweep_send_each_mail_once(tmp_path, broker, box):
    """Rung three times each, by two workers, while the sweep goes round: no mail twice."""
    queue(100)
    for _ in range(3):
        ring_for_all(broker)

    with workers(
        2, tmp_path, concurrency=CONCURRENCY, BROKER_URL=broker.connection_url, EMAIL_URL=box.url, **QUICK
    ) as crew:
        wait_until(all_sent, 60, "all mails sent")
        # Before they are asked to stop: a ring that reaches a worker on its way out is put back for the next one, which
        # Celery says.
        complaints = [worker.complaints for worker in crew]

    assert_each_arrived(box)
    assert complaints == ["", ""]


def kill_at(shares, number, tmp_path, broker, box, seconds):
    """Queue `number` mails, kill -9 the worker each time that a share of them has arrived, start it again: `seconds` to
    the end."""
    queue(number)
    ring_for_all(broker)
    with workers(
        1, tmp_path, concurrency=CONCURRENCY, BROKER_URL=broker.connection_url, EMAIL_URL=box.url, **QUICK
    ) as [worker]:
        for share in shares:
            wait_until(
                lambda share=share: len(box.received) >= number * share,
                600,
                f"{share:.0%} of the mails arrived\n{worker.complaints}",
            )
            worker.kill()
            assert not all_sent()
            worker.start()
        restarted = time.monotonic()
        wait_until(all_sent, seconds, f"all mails sent\n{worker.complaints}")
        print(f"All {number} mails sent {time.monotonic() - restarted:.0f} s after the last restart.")

    assert_each_arrived(box, twice_at_most=CONCURRENCY * len(shares))


@pytest.mark.proves("mail-sent-or-explained", "mail-once")
@pytest.mark.slow(7)
def test_a_killed_worker_loses_no_mail_and_repeats_only_those_in_flight(tmp_path, broker, box):
    """`kill -9` with mails due, start again, and nobody lends a hand."""
    box.seconds_each = 0.01  # so that the kill meets mails in flight

    kill_at([0.3], 200, tmp_path, broker, box, seconds=60)


@pytest.mark.proves("mail-sent-or-explained")
@pytest.mark.faults
@pytest.mark.only_on_postgresql  # two hundred mails and one kill are tried on both
@pytest.mark.slow(120)
def test_a_worker_killed_five_times_in_ten_thousand_mails_loses_none(tmp_path, broker, box):
    kill_at([0.15, 0.30, 0.45, 0.60, 0.75], 10_000, tmp_path, broker, box, seconds=300)


# A worker for each mail, forked from one that has loaded the code.
DELIVER_AND_DIE = """
import os
from django.conf import settings
from django.db import connection
from outbox.domain.delivery import deliver
from outbox.models import Message

settings.EMAIL_BACKEND = "tests.smtp.DiesOnceAccepted"
uuids = list(Message.objects.values_list("uuid", flat=True))
connection.close()
for uuid in uuids:
    pid = os.fork()
    if not pid:
        deliver(uuid)
        os._exit(1)
    os.waitpid(pid, 0)
"""


@pytest.mark.proves("mail-once")
@pytest.mark.parametrize("number", [10, pytest.param(500, marks=[pytest.mark.faults, MANY])])
def test_a_worker_killed_after_the_server_has_accepted_loses_nothing_and_doubles_only_that_mail(
    tmp_path, box, settings, number
):
    """Under the same Message-ID, and the row says so."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
    queue(number)

    died = run_python(DELIVER_AND_DIE, environment(tmp_path, EMAIL_URL=box.url))
    assert died.returncode == 0, died.stderr
    assert len(box.received) == number
    assert set(Message.objects.values_list("status", flat=True)) == {"sending"}
    with time_machine.travel(timezone.now() + timedelta(seconds=90)):
        while deliver_due():
            pass

    assert set(Message.objects.values_list("status", "takeovers")) == {("sent", 1)}
    assert box.message_ids == {message.message_id: 2 for message in Message.objects.all()}


@pytest.mark.proves("codes-first")
def test_a_code_leaves_at_once_while_the_server_takes_its_time_for_every_other_mail(tmp_path, broker, box):
    """All processes that may send ordinary mails are held up; one is kept for codes, and a second worker sends nothing
    twice."""
    queue(20)
    box.seconds_each, box.slow = 30, {f"p{n}@example.org" for n in range(20)}
    ring_for_all(broker)

    with workers(1, tmp_path, concurrency=3, BROKER_URL=broker.connection_url, EMAIL_URL=box.url, **QUICK) as [worker]:
        wait_until(
            lambda: Message.objects.filter(status="sending").count() == 2,
            60,
            f"two mails are on their way\n{worker.complaints}",
        )
        for n in range(3):
            asked = time.monotonic()
            now = timezone.now()
            code = Message.objects.create(
                kind="test",
                to=f"code{n}@example.org",
                dedupe_key=f"code{n}",
                lane=Message.Lane.URGENT,
                not_before=now,
                subject="Code",
                text="1",
            )
            ring(code, broker)
            wait_until(lambda to=code.to: to in box.recipients, 10, f"the code arrived\n{worker.complaints}")
            print(f"The code arrived after {time.monotonic() - asked:.1f} s.")
        assert Message.objects.filter(status="sending").count() == 2
        worker.kill()

    assert max(box.message_ids.values()) == 1


MANY_MAILS = """
from tests.faults.test_workers import queue
queue(400)
"""


@pytest.mark.proves("mail-sent-or-explained")
@pytest.mark.only_on_postgresql
@pytest.mark.slow(20)
def test_a_database_that_crashes_twice_in_mid_batch_loses_no_mail_and_no_worker_needs_a_restart(tmp_path, broker, box):
    """`pg_ctl restart -m immediate` at a quarter and at half of the mails."""
    box.seconds_each = 0.01
    with throwaway_server(durable=True) as server:
        variables = {"BROKER_URL": broker.connection_url, "EMAIL_URL": box.url, "DATABASE_URL": server.url, **QUICK}
        env = environment(tmp_path, **variables)
        made = run_python(
            f"from django.core.management import call_command\ncall_command('migrate', verbosity=0)\n{MANY_MAILS}", env
        )
        assert made.returncode == 0, made.stderr

        def left() -> int:
            with psycopg.connect(server.url) as link:
                row = link.execute("SELECT count(*) FROM outbox_message WHERE status <> 'sent'").fetchone()
            return row[0] if row else 0

        with workers(2, tmp_path, concurrency=CONCURRENCY, **variables) as crew:
            for share in (0.25, 0.5):
                wait_until(
                    lambda share=share: len(box.received) >= 400 * share,
                    60,
                    f"{share:.0%} arrived\n{crew[0].complaints}",
                )
                before = len(box.received)
                server.crash()
                back = time.monotonic()
                wait_until(
                    lambda before=before: len(box.received) > before + 2 * CONCURRENCY,
                    15,
                    f"mails go on\n{crew[0].complaints}",
                )
                print(f"Mails went on {time.monotonic() - back:.1f} s after the crash.")
            wait_until(lambda: not left(), 60, f"all mails sent\n{crew[0].complaints}")

        with psycopg.connect(server.url) as link:
            uuids = [str(row[0]) for row in link.execute("SELECT uuid FROM outbox_message")]
    arrived = Counter(
        name.strip("<>").partition("@")[0] for name, number in box.message_ids.items() for _ in range(number)
    )
    assert set(arrived) == set(uuids) and len(uuids) == 400
    assert sum(arrived.values()) - 400 <= 2 * 2 * CONCURRENCY  # at most what was in flight at each crash


@pytest.mark.proves("mail-sent-or-explained", "broker-may-die")
def test_mails_go_out_without_any_ring(tmp_path, broker, box):
    """Every ring was lost; the sweep finds the rows."""
    queue(20)

    with workers(1, tmp_path, BROKER_URL=broker.connection_url, EMAIL_URL=box.url, **QUICK):
        wait_until(all_sent, 30, "all mails sent")

    assert_each_arrived(box)


@pytest.mark.proves("mail-sent-or-explained")
@pytest.mark.slow(7)
def test_a_broker_that_is_flushed_or_killed_in_mid_batch_loses_no_mail(tmp_path, broker, box):
    """The worker takes work again without a restart."""
    box.seconds_each = 0.01
    queue(150)
    ring_for_all(broker)

    with workers(
        1, tmp_path, concurrency=CONCURRENCY, BROKER_URL=broker.connection_url, EMAIL_URL=box.url, **QUICK
    ) as [worker]:
        wait_until(lambda: len(box.received) > 20, 30, f"the first mails arrived\n{worker.complaints}")
        broker.client().flushall()
        wait_until(lambda: len(box.received) > 60, 60, f"mails arrive after the flush\n{worker.complaints}")
        broker.terminate()
        queue(30)
        broker.start()
        wait_until(all_sent, 90, f"all mails sent\n{worker.complaints}")

    assert_each_arrived(box)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process ask to end with its parent")
@pytest.mark.runs_once("processes alone: no database is asked")
def test_the_clock_of_a_killed_worker_does_not_ring_on(tmp_path, broker):
    with workers(1, tmp_path, BROKER_URL=broker.connection_url) as [worker]:
        wait_until(
            lambda: "beat: Starting" in worker.log.read_text() and "ready." in worker.log.read_text(),
            30,
            "the worker is ready",
        )

        group = worker.kill_alone()

        wait_until(lambda: is_empty(group), 20, "all of its processes gone")


def is_empty(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False
