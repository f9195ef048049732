"""Each mail goes out once; what cannot go out says why, and stops no other. Over real SMTP; test_workers.py has the worker."""

import uuid
from datetime import timedelta
from email import policy
from email.parser import BytesParser
from functools import partial

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone, translation

from outbox.domain import delivery, kinds
from outbox.domain.delivery import deliver, deliver_due
from outbox.domain.kinds import Letter, NoLongerTrue
from outbox.domain.posting import post
from outbox.models import Message
from tests.crowd import all_at_once
from tests.smtp import mailbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def box(settings):
    with mailbox() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box


@pytest.fixture
def writes(monkeypatch):
    """A kind of mail of the test's own."""

    def register(kind, write):
        monkeypatch.setitem(kinds._writers, kind, write)

    return register


def a_mail(to="ada@example.org", **options):
    options = {"letter": Letter("Bonjour", "Bonjour Ada")} | options
    key = uuid.uuid4().hex
    post(options.pop("kind", "test.hello"), to, dedupe_key=key, language=options.pop("language", "fr"), **options)
    return Message.objects.get(dedupe_key=key)


def fresh(message):
    return Message.objects.get(pk=message.pk)


def test_a_due_mail_is_sent_and_what_was_sent_is_kept(box, writes):
    writes(
        "test.hello",
        lambda message: Letter(f"Bonjour {message.context['name']}", "Texte", "<p>Texte</p>", "BEGIN:VCALENDAR\r\nEND:VCALENDAR"),
    )
    message = a_mail(letter=None, context={"name": "Ada"})

    assert deliver(message.uuid) is True

    [(to, mail)] = box.received
    mail = BytesParser(policy=policy.default).parsebytes(mail.as_bytes())
    assert to == mail["To"] == "ada@example.org"
    assert mail["Subject"] == "Bonjour Ada"
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == ["text/plain", "text/html", "text/calendar"]
    message = fresh(message)
    assert (message.status, message.subject, message.text, message.tries) == ("sent", "Bonjour Ada", "Texte", 1)
    assert mail["Message-ID"] == message.message_id


def test_a_mail_is_written_in_the_language_of_its_reader(box, writes):
    writes("test.hello", lambda message: Letter(translation.get_language(), "…"))

    deliver(a_mail(letter=None, language="en").uuid)

    assert box.received[0][1]["Subject"] == "en"
    assert translation.get_language() == "fr"


def test_a_code_asked_for_in_the_middle_of_a_sweep_is_the_next_to_go(box, writes):
    def write(message):
        if message.to == "bulk0@example.org":
            a_mail("urgent@example.org", lane=Message.Lane.URGENT)
        return Letter("Rappel", "…")

    writes("test.hello", write)
    for n in range(3):
        a_mail(f"bulk{n}@example.org", lane=Message.Lane.BULK, letter=None)

    assert deliver_due() == 4

    assert box.recipients == ["bulk0@example.org", "urgent@example.org", "bulk1@example.org", "bulk2@example.org"]


def test_a_mail_that_was_sent_is_not_sent_again(box):
    message = a_mail()
    deliver(message.uuid)

    assert deliver(message.uuid) is False
    assert deliver_due() == 0
    assert len(box.received) == 1


def test_a_mail_for_later_waits(box):
    message = a_mail(not_before=timezone.now() + timedelta(hours=1))

    assert deliver(message.uuid) is False
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert deliver(message.uuid) is True


def test_urgent_mails_overtake_bulk(box):
    """G8: a sign-in code does not queue behind ten thousand reminders."""
    for n in range(3):
        a_mail(f"bulk{n}@example.org", lane=Message.Lane.BULK)
    a_mail("normal@example.org")
    a_mail("urgent@example.org", lane=Message.Lane.URGENT)

    deliver_due()

    assert box.recipients == ["urgent@example.org", "normal@example.org", "bulk0@example.org", "bulk1@example.org", "bulk2@example.org"]


@pytest.mark.django_db(transaction=True)
def test_twenty_workers_at_one_mail_send_it_once(box):
    """G7."""
    messages = [a_mail(f"person{n}@example.org") for n in range(20)]

    answers = all_at_once([partial(deliver, message.uuid) for message in messages for _ in range(20)])

    assert sorted(map(str, answers)) == ["False"] * 380 + ["True"] * 20
    assert sorted(box.recipients) == sorted(message.to for message in messages)


def test_a_mail_of_a_dead_worker_is_taken_over_once_its_lease_is_over(box, settings):
    message = a_mail()
    delivery._claim(message.uuid, timezone.now())  # … and its worker dies

    assert deliver(message.uuid) is False
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.MAIL_LEASE_SECONDS + 1)):
        assert deliver(message.uuid) is True


def test_a_worker_that_was_away_too_long_does_not_write_over_its_successor(box, settings):
    message = a_mail()
    late = delivery._claim(message.uuid, timezone.now())
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.MAIL_LEASE_SECONDS + 1)):
        deliver(message.uuid)

    delivery._finish(late, Message.Status.FAILED, last_error="too late")

    assert fresh(message).status == "sent"


def test_a_mail_that_is_no_longer_true_is_dropped_with_its_reason(box, writes):
    def write(message):
        raise NoLongerTrue("The seat was given back.")

    writes("test.hello", write)
    message = a_mail(letter=None)

    deliver(message.uuid)

    message = fresh(message)
    assert (message.status, message.last_error) == ("dropped", "The seat was given back.")
    assert box.received == []


class TestPoison:
    """F17: a mail that cannot be written or addressed fails alone, with its reason."""

    def assert_fails_alone(self, box, poison, reason):
        good = [a_mail(f"good{n}@example.org") for n in range(3)]

        deliver_due()

        message = fresh(poison)
        assert message.status == "failed"
        assert reason in message.last_error
        assert sorted(box.recipients) == [message.to for message in good]

    def test_a_writer_that_raises(self, box, writes):
        writes("test.hello", lambda message: 1 / 0)
        self.assert_fails_alone(box, a_mail(letter=None), "ZeroDivisionError")

    def test_a_kind_that_nobody_writes(self, box):
        self.assert_fails_alone(box, a_mail(kind="test.nobody", letter=None), "KeyError")

    @pytest.mark.parametrize("to", ["a@b.fr, evil@x.y", "a@b.fr\nBcc: evil@x.y", "a@b.fr;evil@x.y", "", "nobody"])
    def test_two_addresses_in_one_or_none(self, box, to):
        self.assert_fails_alone(box, a_mail(to), "ValidationError")

    def test_a_line_break_in_a_subject_adds_no_header(self, box):
        deliver(a_mail(letter=Letter("Bonjour\r\nBcc: evil@x.y\u2028Cc: evil@x.y", "…")).uuid)

        [(to, mail)] = box.received
        assert to == "ada@example.org"
        assert mail["Bcc"] is None
        assert mail["Cc"] is None

    def test_a_subject_never_reads_backwards_nor_holds_a_control_character(self, box, writes):
        """W14."""
        writes("test.hello", lambda message: Letter("Bon\0jour \u202eadA\x07", "…"))
        deliver(a_mail(letter=None).uuid)

        [(_, mail)] = box.received
        assert str(mail["Subject"]) == "Bon jour adA"

    def test_a_database_that_goes_away_meanwhile_leaves_the_mail_to_the_next_worker(self, box, writes):
        def write(message):
            raise OperationalError("server closed the connection")

        writes("test.hello", write)
        message = a_mail(letter=None)

        with pytest.raises(OperationalError):
            deliver(message.uuid)

        assert fresh(message).status == "sending"


class TestSmtp:
    """F16, G8, G9: what the other side's answer means."""

    def test_one_refused_address_among_many_is_reported_with_the_servers_words(self, box):
        box.refuse["wrong@example.org"] = "550 5.1.1 no such user here"
        wrong = a_mail("wrong@example.org")
        right = [a_mail(f"right{n}@example.org") for n in range(20)]

        deliver_due()

        message = fresh(wrong)
        assert message.status == "failed"
        assert "550" in message.last_error
        assert "no such user here" in message.last_error
        assert sorted(box.recipients) == sorted(message.to for message in right)

    def test_an_address_refused_for_now_is_tried_again_and_reached(self, box):
        box.refuse["busy@example.org"] = "451 4.7.1 greylisted, come back"
        message = a_mail("busy@example.org")
        deliver(message.uuid)
        waiting = fresh(message)
        assert (waiting.status, waiting.tries) == ("queued", 1)
        assert timedelta(seconds=20) < waiting.not_before - timezone.now() < timedelta(seconds=40)
        assert deliver(message.uuid) is False

        box.refuse.clear()
        with time_machine.travel(waiting.not_before + timedelta(seconds=1)):
            assert deliver(message.uuid) is True

        assert fresh(message).last_error == ""

    def test_mails_survive_a_server_that_is_down_and_go_when_it_is_back(self, box):
        box.close()
        messages = [a_mail(f"person{n}@example.org") for n in range(10)]
        deliver_due()
        assert {message.status for message in Message.objects.all()} == {"queued"}

        box.open()
        with time_machine.travel(timezone.now() + timedelta(minutes=1)):
            deliver_due()

        assert sorted(box.recipients) == sorted(message.to for message in messages)

    def test_retries_spread_and_never_pause_longer_than_half_an_hour(self, box):
        box.close()
        message = a_mail()
        pauses = []
        now = timezone.now()
        while fresh(message).status == "queued":
            with time_machine.travel(now, tick=False):
                deliver(message.uuid)
            later = fresh(message).not_before
            pauses.append((later - now).total_seconds())
            now = max(later, now)

        assert pauses[:4] == pytest.approx([30, 60, 120, 240], rel=0.21)
        assert max(pauses) <= 30 * 60 * 1.21
        message = fresh(message)
        assert message.status == "failed"
        assert timedelta(hours=24) < now - message.created_at < timedelta(hours=25)
