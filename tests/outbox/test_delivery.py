"""Each mail goes out once; what cannot go out says why, and stops no other. Over real SMTP; test_workers.py has the
worker."""

import os
import signal
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from email import policy
from email.parser import BytesParser
from functools import partial

import pytest
import time_machine
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone, translation

from core import erasure
from core.erasure import Why
from outbox.domain import delivery, lanes, mail_kinds, purging, slots, suppression
from outbox.domain.delivery import deliver, deliver_due
from outbox.domain.mail_kinds import Letter, NoLongerTrue
from outbox.domain.posting import post
from outbox.domain.retrying import retry
from outbox.models import LaneState, Message, SuppressedAddress
from tests import make
from tests.crowd import all_at_once
from tests.processes import wait_until
from tests.smtp import mailbox
from tests.test_contracts import APPS

Lane = Message.Lane
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
        monkeypatch.setitem(mail_kinds._writers, kind, write)

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
        lambda message: Letter(
            f"Bonjour {message.context['name']}", "Texte", "<p>Texte</p>", "BEGIN:VCALENDAR\r\nEND:VCALENDAR"
        ),
    )
    message = a_mail(letter=None, context={"name": "Ada"})

    assert deliver(message.uuid) is True

    [(to, mail)] = box.received
    mail = BytesParser(policy=policy.default).parsebytes(mail.as_bytes())
    assert to == mail["To"] == "ada@example.org"
    assert mail["Subject"] == "Bonjour Ada"
    # The calendar entry is one of the alternatives, and a file.
    mail_kinds = ["text/plain", "text/html", "text/calendar", "text/calendar"]
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == mail_kinds
    message = fresh(message)
    assert (message.status, message.subject, message.text, message.tries) == ("sent", "Bonjour Ada", "Texte", 1)
    assert mail["Message-ID"] == message.message_id


@pytest.mark.proves("mail-language-and-time")
@pytest.mark.parametrize("door", ["code", "seat", "optional mail", "ready-made"])
def test_every_mail_says_that_a_program_sent_it(box, client, writes, door):
    match door:
        case "code":
            client.post("/accounts/login/", {"login": make.attendee().user.email})
        case "seat":
            make.registration()
        case "optional mail":
            headers = {"List-Unsubscribe": "<https://summit.example.org/mails/x/>", "Auto-Submitted": "no"}
            writes("test.optional", lambda message: Letter("Bonjour", "Bonjour", headers=headers))
            a_mail(letter=None, kind="test.optional")
        case _:
            a_mail()

    assert deliver_due() == 1

    [(_to, mail)] = box.received
    assert mail.get_all("Auto-Submitted") == ["auto-generated"]  # RFC 3834
    assert mail.get_all("X-Auto-Response-Suppress") == ["All"]
    assert bool(mail["List-Unsubscribe"]) == (door == "optional mail")


def test_no_mail_leaves_by_another_way():
    sources = [path for app in APPS for path in (settings.BASE_DIR / app).rglob("*.py")]

    found = {path.name for path in sources if "django.core.mail" in path.read_text(encoding="utf-8")}

    assert found == {"delivery.py"}


def test_a_mail_is_written_in_the_language_of_its_reader(box, writes):
    writes("test.hello", lambda message: Letter(translation.get_language(), "…"))

    deliver(a_mail(letter=None, language="en").uuid)

    assert box.received[0][1]["Subject"] == "en"
    assert translation.get_language() == "fr"


def test_a_code_asked_for_in_the_middle_of_a_sweep_is_the_next_to_go(box, writes, monkeypatch):
    """As soon as the worker looks again, which it does every second; another one of its processes may be faster."""
    monkeypatch.setattr(delivery, "SECONDS_A_LOOK", 0)

    def write(message):
        if not box.received:
            a_mail("urgent@example.org", lane=Message.Lane.URGENT)
        return Letter("Rappel", "…")

    writes("test.hello", write)
    for n in range(3):
        a_mail(f"bulk{n}@example.org", lane=Message.Lane.BULK, letter=None)

    assert deliver_due() == 4

    assert box.recipients[1] == "urgent@example.org"


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


@pytest.mark.proves("codes-first")
def test_urgent_mails_overtake_bulk(box):
    """A sign-in code does not queue behind ten thousand reminders."""
    for n in range(3):
        a_mail(f"bulk{n}@example.org", lane=Message.Lane.BULK)
    a_mail("normal@example.org")
    a_mail("urgent@example.org", lane=Message.Lane.URGENT)

    deliver_due()

    assert box.recipients[:2] == ["urgent@example.org", "normal@example.org"]
    assert sorted(box.recipients[2:]) == ["bulk0@example.org", "bulk1@example.org", "bulk2@example.org"]


@pytest.mark.proves("mail-once")
@pytest.mark.django_db(transaction=True)
def test_twenty_workers_at_one_mail_send_it_once(box):
    messages = [a_mail(f"person{n}@example.org") for n in range(20)]

    answers = all_at_once([partial(deliver, message.uuid) for message in messages for _ in range(20)])

    assert sorted(map(str, answers)) == ["False"] * 380 + ["True"] * 20
    assert sorted(box.recipients) == sorted(message.to for message in messages)


def test_a_mail_of_a_dead_worker_is_taken_over_once_its_lease_is_over(box, settings):
    message = a_mail()
    delivery._claim(message, timezone.now())  # … and its worker dies

    assert deliver(message.uuid) is False
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.MAIL_LEASE_SECONDS + 1)):
        assert deliver(message.uuid) is True


def test_a_worker_that_was_away_too_long_does_not_write_over_its_successor(box, settings):
    message = a_mail()
    late = fresh(message)
    delivery._claim(late, timezone.now())
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
    """A mail that cannot be written or addressed fails alone, with its reason."""

    def assert_fails_alone(self, box, poison, reason):
        good = [a_mail(f"good{n}@example.org") for n in range(3)]

        deliver_due()

        message = fresh(poison)
        assert message.status == "failed"
        assert reason in message.last_error
        assert sorted(box.recipients) == [message.to for message in good]

    @pytest.mark.proves("one-bad-mail")
    def test_a_writer_that_raises(self, box, writes):
        writes("test.hello", lambda message: 1 / 0)
        self.assert_fails_alone(box, a_mail(letter=None), "ZeroDivisionError")

    def test_a_kind_that_nobody_writes(self, box):
        self.assert_fails_alone(box, a_mail(kind="test.nobody", letter=None), "KeyError")

    @pytest.mark.proves("one-bad-mail")
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
        writes("test.hello", lambda message: Letter("Bon\0jour \u202eadA\x07", "…"))
        deliver(a_mail(letter=None).uuid)

        [(_, mail)] = box.received
        assert str(mail["Subject"]) == "Bon jour adA"

    @pytest.mark.parametrize(
        ("subject", "arrives"),
        [
            ("é" * 1200, "é" * 998),
            ("Votre place : مريم العسلي – שלום", "Votre place : مريم العسلي – שלום"),
            ("Votre place 🎉 : 👩🏽‍🔬 Nguyễn Thị Ánh", "Votre place 🎉 : 👩🏽‍🔬 Nguyễn Thị Ánh"),
        ],
        ids=["a thousand letters", "right to left", "emoji"],
    )
    def test_a_subject_arrives_as_it_was_written_on_waiting_lists_that_servers_take(self, box, subject, arrives):
        deliver(a_mail(letter=Letter(subject, f"{subject}\n{'x' * 3000}", f"<p>{subject}</p>")).uuid)

        [(_to, mail)] = box.received
        raw = mail.as_bytes()
        assert BytesParser(policy=policy.default).parsebytes(raw)["Subject"].replace(" ", "") == arrives.replace(
            " ", ""
        )
        assert max(len(line) for line in raw.splitlines()) <= 998  # RFC 5322, 2.1.1

    def test_a_database_that_goes_away_meanwhile_leaves_the_mail_to_the_next_worker(self, box, writes):
        def write(message):
            raise OperationalError("server closed the connection")

        writes("test.hello", write)
        message = a_mail(letter=None)

        with pytest.raises(OperationalError):
            deliver(message.uuid)

        assert fresh(message).status == "sending"


class TestSmtp:
    """What the other side's answer means."""

    @pytest.mark.proves("one-bad-mail")
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

    @pytest.mark.proves("one-bad-mail")
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

    @pytest.mark.proves("mail-sent-or-explained")
    def test_a_mail_that_is_put_off_again_and_again_is_given_up_after_a_day(self, box):
        """30 s to half an hour between two tries, with jitter."""
        box.refuse["busy@example.org"] = "451 4.7.1 greylisted, come back"
        message = a_mail("busy@example.org")
        pauses = []
        began = now = timezone.now()
        while fresh(message).status == "queued":
            with time_machine.travel(now, tick=False):
                deliver(message.uuid)
            later = fresh(message).not_before
            pauses.append((later - now).total_seconds())
            now = max(later, now)

        assert pauses[:4] == pytest.approx([30, 60, 120, 240], rel=0.21)
        assert max(pauses) <= 30 * 60 * 1.21
        assert (fresh(message).status, fresh(message).last_error) == ("failed", "451 4.7.1 greylisted, come back")
        assert timedelta(hours=24) < now - began < timedelta(hours=25)

    @pytest.mark.proves("mail-sent-or-explained")
    def test_the_day_begins_with_the_first_failed_try_not_with_the_post(self, box):
        """A reminder that was posted a week ahead is not given up at its first failure; nor is one that is sent again
        by hand."""
        box.refuse["busy@example.org"] = "451 4.7.1 greylisted, come back"
        message = a_mail("busy@example.org")
        Message.objects.update(created_at=timezone.now() - timedelta(days=7))

        deliver(message.uuid)
        assert fresh(message).status == "queued"

        Message.objects.update(status="failed", failing_since=timezone.now() - timedelta(days=2))
        retry(Message.objects.all())
        deliver(message.uuid)
        assert fresh(message).status == "queued"

    @pytest.mark.proves("mail-server-outage")
    def test_a_refusal_of_our_own_address_is_not_the_mails_fault(self, box):
        """Or else one wrong setting would fail every mail at once."""
        box.refuse_sender = "550 5.7.1 sender not allowed"
        message = a_mail()

        assert deliver_due() == 0

        assert fresh(message).status == "queued"
        assert LaneState.objects.get(lane=Lane.BULK).words == "550 5.7.1 sender not allowed"

        box.refuse_sender = ""
        with time_machine.travel(timezone.now() + timedelta(minutes=1)):
            assert deliver_due() == 1

    @pytest.mark.proves("one-bad-mail")
    def test_a_server_that_hangs_up_in_the_middle_of_a_mail_puts_off_that_mail_alone(self, box):
        box.hang_up_at = {"poison@example.org"}
        poison = a_mail("poison@example.org")
        good = [a_mail(f"good{n}@example.org") for n in range(3)]

        assert deliver_due() == 3

        assert sorted(box.recipients) == [message.to for message in good]
        assert (fresh(poison).status, fresh(poison).tries) == ("queued", 1)
        assert "closed" in fresh(poison).last_error

    def test_many_mails_go_over_one_connection(self, box):
        for n in range(20):
            a_mail(f"person{n}@example.org")

        assert deliver_due() == 20

        assert box.connections == 1

    def test_a_server_that_takes_so_many_mails_over_one_connection_gets_the_others_over_the_next(self, box):
        box.mails_per_connection = 3
        for n in range(10):
            a_mail(f"person{n}@example.org")

        assert deliver_due() == 10

        assert box.connections == 4
        assert len(set(box.message_ids)) == len(box.received) == 10


class TestLanes:
    """What the mail server does to all mails, and what organisers do to a lane."""

    @pytest.mark.proves("mail-server-outage")
    def test_a_server_that_is_down_costs_no_mail_a_try(self, box):
        box.close()
        for n in range(50):
            a_mail(f"person{n}@example.org")

        assert deliver_due() == 0

        assert set(Message.objects.values_list("status", "tries", "last_error")) == {("queued", 0, "")}
        state = LaneState.objects.get(lane=Lane.NORMAL)
        assert "refused" in state.words.lower()
        assert timedelta(seconds=20) < state.rests_until - timezone.now() < timedelta(seconds=40)

    @pytest.mark.proves("mail-server-outage")
    @pytest.mark.parametrize("hours", [1, 12])
    def test_an_outage_is_survived_without_a_hand_and_ends_soon_after_it(self, box, hours):
        """With the clock moved on: looked at every 5 s like the sweep does, and back within 10 minutes."""
        for n in range(10):
            a_mail(f"person{n}@example.org")
        box.close()
        began = timezone.now()
        tries = []
        for minute in range(hours * 60):
            if 5 < minute < hours * 60 - 10:
                continue  # one minute is like the others: their rests are over when somebody looks again
            for second in range(0, 60, 5):
                with time_machine.travel(began + timedelta(minutes=minute, seconds=second), tick=False):
                    before = LaneState.objects.filter(lane=Lane.NORMAL).values_list("failures", flat=True).first() or 0
                    deliver_due()
                    if LaneState.objects.get(lane=Lane.NORMAL).failures > before:
                        tries.append(minute)
        assert max(Counter(tries).values()) <= 2
        assert {message.status for message in Message.objects.all()} == {"queued"}

        box.open()
        back = began + timedelta(hours=hours)
        seconds = next(s for s in range(0, 600, 5) if _sends_at(back + timedelta(seconds=s)))

        assert seconds <= 360
        assert len(box.received) == 10
        assert not LaneState.objects.exclude(failures=0)

    @pytest.mark.proves("mail-server-outage")
    def test_a_code_that_passes_ends_the_rest_of_all(self, box):
        """The urgent lane looks every 10 s, so that the others need not wait for their turn."""
        box.close()
        a_mail("bulk@example.org", lane=Lane.BULK)
        for _ in range(5):
            with time_machine.travel(timezone.now() + timedelta(hours=1)):
                LaneState.objects.update(rests_until=None)
                deliver_due()
        assert LaneState.objects.get(lane=Lane.BULK).rests_until > timezone.now() + timedelta(hours=1, minutes=3)
        assert LaneState.objects.get(lane=Lane.URGENT).rests_until < timezone.now() + timedelta(hours=1, seconds=15)

        box.open()
        with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=20)):
            a_mail("urgent@example.org", lane=Lane.URGENT)
            assert deliver_due() == 2

        assert box.recipients == ["urgent@example.org", "bulk@example.org"]

    @pytest.mark.proves("mail-server-outage")
    @pytest.mark.parametrize("answer", ["421 4.7.0 too much, wait", "432 4.3.2 not now"])
    def test_a_server_that_asks_to_wait_rests_the_lane_and_loses_nothing(self, box, answer):
        for n in range(5):
            a_mail(f"bulk{n}@example.org", lane=Lane.BULK)
        box.refuse_data = answer

        assert deliver_due() == 0
        assert {message.status for message in Message.objects.all()} == {"queued"}
        assert sorted(Message.objects.values_list("tries", flat=True)) == [0, 0, 0, 0, 1]

        box.refuse_data = ""
        code = a_mail("urgent@example.org", lane=Lane.URGENT)
        assert deliver_due() == 1  # the other lanes go on
        assert box.recipients == [code.to]
        with time_machine.travel(timezone.now() + timedelta(minutes=1)):
            assert deliver_due() == 5
        assert not LaneState.objects.exclude(failures=0)

    @pytest.mark.proves("sparse-logs")
    @pytest.mark.parametrize("code", ["421 4.7.0", "450 4.2.0"])
    def test_the_recipient_that_a_server_repeats_stands_neither_in_the_log_nor_on_the_lane(self, box, caplog, code):
        mail = a_mail("ada@example.org")
        box.refuse["ada@example.org"] = f"{code} <ada@example.org>: Recipient address rejected: Greylisted"

        deliver_due()

        assert "ada@" not in caplog.text
        assert "rejected: Greylisted" in caplog.text
        assert "ada@" not in str(list(LaneState.objects.values()))
        assert "<ada@example.org>" in fresh(mail).last_error

    def test_a_paused_lane_waits_until_it_is_resumed_and_its_history_says_who(self, box):
        olympe = make.organiser()
        a_mail("bulk@example.org", lane=Lane.BULK)
        a_mail("normal@example.org")
        lanes.pause(Lane.BULK, actor=olympe)
        lanes.pause(Lane.BULK, actor=olympe)

        deliver_due()
        assert box.recipients == ["normal@example.org"]

        lanes.resume(Lane.BULK, actor=olympe)
        deliver_due()
        assert box.recipients == ["normal@example.org", "bulk@example.org"]
        [resumed, paused] = LaneState.history.all()
        assert (paused.history_user, bool(paused.paused_at), resumed.paused_at) == (olympe, True, None)

    @pytest.mark.proves("codes-first")
    def test_ordinary_mails_leave_one_process_of_a_worker_to_codes(self, box, monkeypatch):
        """This process is the last one of its worker that is free, while the others have their hands full."""
        monkeypatch.setattr(slots, "_file", None)
        slots.reserve(2)
        a_mail("normal@example.org")
        a_mail("urgent@example.org", lane=Lane.URGENT)
        with busy_process():
            assert deliver_due() == 1
            assert box.recipients == ["urgent@example.org"]

        assert deliver_due() == 1  # the kernel gave the slot of the killed process back
        os.close(slots._file)


@contextmanager
def busy_process():
    """A process of the same worker that sends ordinary mails, until it is killed."""
    ready, says = os.pipe()
    pid = os.fork()
    if not pid:
        with slots.slot() as mine:
            os.write(says, b"1" if mine else b"0")
            signal.pause()
    try:
        assert os.read(ready, 1) == b"1"
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(says)


def _sends_at(moment):
    with time_machine.travel(moment, tick=False):
        return deliver_due()


@pytest.mark.proves("mail-once")
@pytest.mark.django_db(transaction=True)
def test_a_slow_server_makes_no_second_worker_send_the_same_mail(box, settings):
    """Each mail takes longer than the lease; the worker renews it as long as it lives."""
    settings.MAIL_LEASE_SECONDS = 1
    box.seconds_each = 2.5
    message = a_mail()

    answers = all_at_once([partial(deliver, message.uuid), partial(_look_again_and_again, message)])

    assert answers == [True, 0]
    assert len(box.received) == 1


def _look_again_and_again(message):
    wait_until(lambda: fresh(message).status == "sending", 10, "somebody sends it")
    sent = 0
    while fresh(message).status == "sending":
        sent += deliver_due()
        time.sleep(0.1)
    return sent


@pytest.mark.proves("mail-once")
def test_a_mail_that_outlived_a_worker_says_so(box, settings):
    message = a_mail()
    delivery._claim(message, timezone.now())  # … and its worker dies
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.MAIL_LEASE_SECONDS + 1)):
        deliver(message.uuid)

    assert (fresh(message).status, fresh(message).takeovers) == ("sent", 1)


@pytest.mark.proves("no-untrue-mail")
def test_a_mail_about_what_was_deleted_is_dropped(box, writes):
    writes("test.hello", lambda message: LaneState.objects.get(lane=7))
    message = a_mail(letter=None)

    deliver(message.uuid)

    assert (fresh(message).status, fresh(message).last_error) == (
        "dropped",
        "What this email was about no longer exists.",
    )


class TestSuppressionList:
    """What the provider reported: ordinary mails stop, a code that somebody asks for is tried once."""

    @pytest.fixture(autouse=True)
    def bad(self):
        Message.objects.filter(pk=a_mail().pk).update(status="sent", sent_at=timezone.now())
        suppression.mark("Ada@Example.org", "bounced", "550 5.1.1 no such user", at=timezone.now())

    @pytest.mark.proves("bounced-address")
    @pytest.mark.parametrize("lane", [Lane.NORMAL, Lane.BULK])
    def test_ordinary_mails_are_dropped_with_the_reason(self, box, lane):
        message = a_mail(lane=lane)

        deliver(message.uuid)

        assert (fresh(message).status, fresh(message).last_error) == (
            "dropped",
            "Emails to this address bounce.\n550 5.1.1 no such user",
        )
        assert box.received == []

    def test_a_code_is_tried(self, box):
        assert deliver(a_mail(lane=Lane.URGENT).uuid) is True

    @pytest.mark.proves("bounced-address")
    def test_a_code_is_tried_once(self, box):
        box.refuse["ada@example.org"] = "451 4.2.2 mailbox full"
        message = a_mail(lane=Lane.URGENT)

        deliver(message.uuid)

        assert (fresh(message).status, fresh(message).last_error) == ("failed", "451 4.2.2 mailbox full")

    def test_an_address_that_an_organiser_clears_gets_mails_again(self, box):
        olympe = make.organiser()
        bad = SuppressedAddress.objects.get()
        assert suppression.clear(bad, actor=olympe) is True
        assert suppression.clear(bad, actor=olympe) is False

        assert deliver(a_mail().uuid) is True
        assert SuppressedAddress.history.first().history_user == olympe

    def test_a_report_that_comes_again_late_does_not_mark_it_again_but_a_new_one_does(self, box):
        before = timezone.now() - timedelta(minutes=5)
        suppression.clear(SuppressedAddress.objects.get(), actor=make.organiser())

        suppression.mark("ada@example.org", "bounced", "again", at=before)
        assert SuppressedAddress.objects.filter(cleared_at=None).count() == 0

        suppression.mark("ada@example.org", "complained", "", at=timezone.now())
        assert SuppressedAddress.objects.get().reason == "complained"
        assert deliver(a_mail().uuid) is False


class TestPurge:
    def sent(self, days, **fields):
        message = a_mail()
        then = timezone.now() - timedelta(days=days)
        fields = {"status": "sent", "sent_at": then, "created_at": then, "context": {"code": "1234"}} | fields
        Message.objects.filter(pk=message.pk).update(**fields)
        return message

    @pytest.mark.proves("mail-text-retention")
    def test_the_text_goes_after_thirty_days_and_the_fact_stays(self):
        old, young = self.sent(31), self.sent(29)

        assert sum(purging.purge(timezone.now(), 30)) == 1
        assert sum(purging.purge(timezone.now(), 30)) == 0

        old, young = fresh(old), fresh(young)
        assert (old.subject, old.text, old.html, old.calendar, old.context) == ("", "", "", "", {})
        assert (old.kind, old.to, old.status, bool(old.dedupe_key), bool(old.sent_at)) == (
            "test.hello",
            "ada@example.org",
            "sent",
            True,
            True,
        )
        assert (young.text, young.context) == ("Bonjour Ada", {"code": "1234"})

    @pytest.mark.proves("mail-text-retention")
    def test_what_still_waits_or_was_sent_late_keeps_its_text(self):
        waiting = self.sent(90, status="queued", sent_at=None)
        late = self.sent(90, sent_at=timezone.now() - timedelta(days=1))

        sum(purging.purge(timezone.now(), 30))

        assert fresh(waiting).text == fresh(late).text == "Bonjour Ada"

    def test_how_long_is_said_by_the_organisers(self):
        message = self.sent(6)

        sum(purging.purge(timezone.now(), 5))

        assert fresh(message).text == ""

    def test_what_has_no_text_any_more_is_not_sent_again(self):
        self.sent(31, status="failed", sent_at=None, last_error="550")
        sum(purging.purge(timezone.now(), 30))

        assert retry(Message.objects.all()) == 0


@pytest.mark.proves("mail-text-retention")
def test_a_person_who_is_erased_gets_nothing_more_and_leaves_no_name(box):
    """Kinds and times stay, for the books."""
    waiting, failed = a_mail("Ada@example.org"), a_mail(letter=Letter("Bonjour Ada", "Bonjour Ada"))
    Message.objects.filter(pk=failed.pk).update(status="failed", last_error="550 <ada@example.org>: no")
    other = a_mail("grace@example.org")
    suppression.mark("ada@example.org", "bounced", "", at=timezone.now())

    erasure.erase((), ["ada@example.org"], why=Why.BY_PERSON, at=timezone.now())

    assert deliver_due() == 1
    assert box.recipients == [other.to]
    assert fresh(waiting).status == "dropped"
    everything = str(
        [
            *Message.objects.exclude(pk=other.pk).values(),
            *SuppressedAddress.objects.values(),
            *SuppressedAddress.history.values(),
        ]
    )
    assert "ada@" not in everything.lower()
    assert "Ada" not in everything
