"""Real beats, real workers, a real broker and a real mail server: what is due leaves once, however many look."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F
from django.utils import timezone

from notices.domain import reminders
from notices.models import Reminder, ReminderRule
from outbox.models import Message
from programme.models import Session
from registrations.domain import booking
from tests import make
from tests.processes import valkey, wait_until, workers
from tests.smtp import mailbox

# Three clocks of one process are tried on both databases (tests/notices/test_reminders.py).
pytestmark = [pytest.mark.faults, pytest.mark.only_on_postgresql, pytest.mark.django_db(transaction=True)]

FIRST, SPREAD = timedelta(seconds=10), timedelta(seconds=50)  # several ticks of each clock find some that are due
SESSIONS, PEOPLE = 100, 50


def plan_reminders() -> list[str]:
    """Everybody has a seat in every session, and is reminded of one after the other, from a few seconds on. Return
    whom, once a time."""
    event, actor, now = make.event(), make.organiser(), timezone.now()
    crowd = make.attendees(PEOPLE)
    for turn in range(SESSIONS):
        session = make.session(event=event, starts_at=now + timedelta(days=1) + SPREAD * turn / SESSIONS)
        booking.seat_many([(session, who, make.pool(session)) for who in crowd], actor=actor, at=now)
    Message.objects.all().delete()
    ReminderRule.objects.create(event=event, timing="before", minutes=60)
    # To seat them all has taken its time.
    sooner = timedelta(days=1) - timedelta(minutes=60) - FIRST - (timezone.now() - now)
    Session.objects.update(starts_at=F("starts_at") - sooner, ends_at=F("ends_at") - sooner)
    assert reminders.plan(timezone.now()) == SESSIONS
    return [who.user.email for who in crowd] * SESSIONS


@pytest.mark.proves("reminder-once")
@pytest.mark.slow(80)
def test_two_clocks_and_three_workers_send_five_thousand_reminders_once_each(tmp_path: Path) -> None:
    """Exactly 5,000 mails."""
    expected = Counter(plan_reminders())
    with (
        valkey(tmp_path) as broker,
        mailbox() as box,
        workers(
            3, tmp_path, beats=2, BROKER_URL=broker.connection_url, EMAIL_URL=box.url, MAIL_SWEEP_SECONDS=1
        ) as crew,
    ):
        wait_until(
            lambda: not Reminder.objects.filter(queued_at=None).exists(), 300, f"all are queued\n{crew[0].complaints}"
        )
        wait_until(
            lambda: not Message.objects.exclude(status="sent").exists(), 900, f"all are sent\n{crew[0].complaints}"
        )
        ticks = [worker.log.read_text().count("Sending due task tell-what-is-due") for worker in crew]

    assert Counter(box.recipients) == expected
    assert set(box.message_ids.values()) == {1}, "no mail came twice"
    assert len(box.received) == Message.objects.filter(kind="notices.reminder").count() == 5000
    assert set(Reminder.objects.values_list("outcome", "people")) == {("queued", PEOPLE)}
    assert min(ticks[:2]) > 1, "two clocks ticked"
    assert ticks[2] == 0
    late = max(reminder.queued_at - reminder.due_at for reminder in Reminder.objects.all()).total_seconds()
    assert late <= 60
    print(
        f"{len(box.received)} reminders by two clocks ({ticks[0]} and {ticks[1]} ticks) and three workers: each once, "
        f"queued {late:.0f} s after their moment at most."
    )
