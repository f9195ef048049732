"""Reminders: each goes once, at the right hour of the venue, or not at all when it is too late."""

import logging
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from notices.domain import mail_preferences, reminders
from notices.models import Reconfirmation, Reminder, ReminderRule, Topic
from notices.tasks import tell
from outbox.domain import delivery
from outbox.models import Message
from programme.models import Session
from registrations.domain import attendance, booking, pools
from registrations.models import Registration
from tests import make
from tests.crowd import all_at_once
from tests.processes import answer_of, environment
from tests.registrations.acts import books, eve, fill, mails, status, wait
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db

PARIS = ZoneInfo("Europe/Paris")
Audience, Timing = ReminderRule.Audience, ReminderRule.Timing


def before(session: Session, **length: int) -> datetime:
    return session.starts_at - timedelta(**length)


def queued() -> list[str]:
    return [
        message.kind.partition(".")[2] for message in Message.objects.order_by("id") if "confirmed" not in message.kind
    ]


# --- Who is reminded, of what, when -----------------------------------------------------------------------------------


@pytest.mark.proves("reminder-once")
def test_people_are_reminded_the_day_before_at_the_hour_of_the_venue():
    lisbon = make.room(venue=make.venue(timezone="Europe/Lisbon"))
    there = make.session(room=lisbon, starts_at=datetime(2027, 2, 8, 9, 0, tzinfo=UTC))
    here = make.session(starts_at=datetime(2027, 2, 8, 9, 0, tzinfo=UTC))

    assert reminders.due_at(ReminderRule(timing=Timing.DAY, days=1, at_time=time(18)), there) == datetime(
        2027, 2, 7, 18, 0, tzinfo=UTC
    )
    assert reminders.due_at(ReminderRule(timing=Timing.DAY, days=1, at_time=time(18)), here) == datetime(
        2027, 2, 7, 17, 0, tzinfo=UTC
    )


def test_a_reminder_that_would_come_after_the_start_is_none():
    session = make.session()

    assert reminders.due_at(ReminderRule(timing=Timing.DAY, days=0, at_time=time(23, 59)), session) is None


@pytest.mark.proves("reminder-audience")
def test_each_audience_is_written_to_in_its_words_and_nobody_else():
    session = make.session(seats=1, title="Atelier")
    holder = make.registration(session).attendee
    waiting = wait(session)
    make.reminder(session, note="Apportez votre passeport.", late_minutes=60)
    make.reminder(session, audience=Audience.WAITING, timing=Timing.BEFORE, minutes=60)

    assert reminders.remind(before(session, minutes=30)) == 1, "the day before is too long ago by now"

    [message] = Message.objects.filter(kind__contains="reminder")
    assert message.to == waiting.user.email and message.kind == "notices.reminder_waiting"
    assert Reminder.objects.get(rule__audience="confirmed").outcome == "missed"
    assert mails(holder) == ["confirmed"]


@pytest.mark.proves("reminder-audience")
def test_the_reminder_says_when_where_and_what_organisers_add():
    session = make.session(title="Atelier")
    holder = make.registration(session).attendee
    make.reminder(session, timing=Timing.BEFORE, minutes=60 * 24 * 8, note="Apportez votre passeport.")
    assert Reminder.objects.count() == 0, "its moment was over before there was a rule"

    make.reminder(session, timing=Timing.BEFORE, minutes=60 * 24, note="Apportez votre passeport.")
    reminders.remind(before(session, hours=24))
    delivery.deliver_due()

    message = mail.outbox[-1]
    assert message.to == [holder.user.email] and words(message.subject) == "Rappel : Atelier"
    assert "Apportez votre passeport." in message.body and str(session.room.venue) in message.body
    assert message.attachments == []


@pytest.mark.proves("reminder-audience")
def test_an_event_reminds_people_of_each_of_its_sessions():
    event, elsewhere = make.event(), make.session()
    people = [make.registration(make.session(event=event)).attendee for _ in range(3)]
    make.registration(elsewhere)
    made = ReminderRule.objects.create(event=event)
    reminders.plan(timezone.now())

    assert reminders.remind(eve(elsewhere)) == 3

    assert made.reminders.count() == 3
    assert set(Message.objects.filter(kind="notices.reminder").values_list("to", flat=True)) == {
        who.user.email for who in people
    }


@pytest.mark.proves("reminder-audience")
def test_whoever_came_after_the_moment_is_not_reminded():
    session = make.session(starts_at=timezone.now() + timedelta(hours=3))
    make.reminder(session, timing=Timing.BEFORE, minutes=150)
    early = make.registration(session)
    late = make.registration(session)
    Registration.objects.filter(pk=late.pk).update(created_at=before(session, minutes=140))

    assert reminders.remind(before(session, minutes=120)) == 1
    assert mails(early.attendee) == ["confirmed", "reminder"]


@pytest.mark.proves("reminder-audience")
def test_the_invited_who_are_silent_are_reminded_and_no_longer_once_they_answer():
    session = make.session(access=Session.Access.INVITATION)
    come, silent, cohort = make.attendee(), make.attendee(language="en"), make.cohort()
    for email in (come.user.email, silent.user.email, "nobody@example.org"):
        make.invitation(session, email)
    make.registration(session, come)
    member = make.membership(cohort).attendee
    pools.allot(session, cohort, 5)
    make.reminder(session, audience=Audience.INVITED, timing=Timing.BEFORE, minutes=60)

    assert reminders.remind(before(session, minutes=50)) == 3

    invited = Message.objects.filter(kind="notices.reminder_invited")
    assert set(invited.values_list("to", "language")) == {
        (silent.user.email, "en"),
        ("nobody@example.org", "fr"),
        (member.user.email, "fr"),
    }
    make.registration(session, silent)
    delivery.deliver_due()
    assert invited.get(to=silent.user.email).status == "dropped"
    assert invited.get(to="nobody@example.org").status == "sent"


@pytest.mark.proves("reminder-audience")
def test_those_marked_as_absent_are_written_to_afterwards():
    session = make.session(seats=3)
    there, absent, other = (make.registration(session) for _ in range(3))
    ReminderRule.objects.create(session=session, audience=Audience.ABSENT, timing=Timing.AFTER, minutes=30)
    reminders.plan(timezone.now())
    actor, ended = make.organiser(), session.ends_at

    assert attendance.mark_absent([absent], absent=True, actor=actor, at=before(session, hours=1)) == 0, (
        "it has not begun"
    )
    assert attendance.mark_absent([absent, other], absent=True, actor=actor, at=ended) == 2
    assert attendance.mark_absent([other], absent=False, actor=actor, at=ended) == 1
    assert absent.history.first().history_user == actor
    assert reminders.remind(ended + timedelta(minutes=31)) == 1

    assert Message.objects.get(kind="notices.missed").to == absent.attendee.user.email
    assert mails(there.attendee) == ["confirmed"]


@pytest.mark.proves("optional-mails")
def test_whoever_wants_no_reminders_gets_none_however_late_they_say_so():
    session = make.session()
    never, late = make.registration(session).attendee, make.registration(session).attendee
    mail_preferences.choose(never.user.email, Topic.REMINDERS, wanted=False)
    make.reminder(session)

    assert reminders.remind(eve(session)) == 1
    mail_preferences.choose(late.user.email, Topic.REMINDERS, wanted=False)
    delivery.deliver_due()

    assert Message.objects.get(kind="notices.reminder").status == "dropped"


@pytest.mark.proves("reminder-audience")
def test_a_closed_account_is_not_written_to():
    session = make.session()
    who = make.registration(session).attendee
    who.user.is_active = False
    who.user.save()
    make.reminder(session)

    assert reminders.remind(eve(session)) == 0


# --- Rules that make no sense -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"event": None, "session": None}, "session"),
        ({"audience": Audience.ABSENT}, "timing"),
        ({"timing": Timing.AFTER}, "timing"),
        ({"audience": Audience.WAITING, "answer_hours": 2}, "answer_hours"),
        ({"timing": Timing.BEFORE, "minutes": 120, "answer_hours": 2}, "answer_hours"),
        ({"days": 61}, "days"),
        ({"answer_hours": 0}, "answer_hours"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_beside_its_field(fields, wrong):
    session = make.session()

    with pytest.raises(ValidationError) as refused:
        ReminderRule(**{"session": session} | fields).full_clean()

    assert wrong in refused.value.message_dict


def test_the_database_refuses_a_rule_of_nothing():
    with pytest.raises(IntegrityError):
        ReminderRule.objects.create()


# --- Once -------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("database-clock")
def test_a_clock_that_ticks_again_or_jumps_back_reminds_nobody_twice():
    """Two hours ahead, then back."""
    session = make.session()
    make.registration(session)
    make.reminder(session, timing=Timing.BEFORE, minutes=600)
    due = before(session, minutes=600)

    assert [reminders.remind(due + timedelta(hours=hours)) for hours in (2, 2, 0, -2, 0, 1)] == [1, 0, 0, 0, 0, 0]
    assert queued() == ["reminder"]


@pytest.mark.proves("database-clock")
def test_a_clock_that_is_ahead_reminds_nobody_of_what_is_over():
    """A worker whose clock is wrong asks the database for the time; only where both share one machine can it be
    early."""
    over = make.session(starts_at=timezone.now() + timedelta(hours=1))
    make.registration(over)
    make.reminder(over, timing=Timing.BEFORE, minutes=30)

    assert reminders.remind(over.starts_at + timedelta(seconds=1)) == 0
    assert Reminder.objects.get().outcome == "missed"


def tell_by_a_clock_that_is_wrong(hours: int, folder: Path) -> None:
    """A worker whose machine's clock is so many hours ahead does all that the time brings about."""
    code = (
        "import datetime, json; from django.utils import timezone; true = timezone.now\n"
        f"timezone.now = lambda: true() + datetime.timedelta(hours={hours})\n"
        "from notices.tasks import tell; from registrations.tasks import tend; tell(); tend(); print(json.dumps(0))"
    )
    answer_of(code, environment(folder))


@pytest.mark.proves("database-clock")
@pytest.mark.only_on_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.slow(15)
def test_a_worker_whose_clock_jumps_two_hours_ahead_and_back_asks_the_database(tmp_path):
    """On the worker only. Nothing early, nothing twice, nothing about what has ended; an offer for an hour lasts that
    hour."""
    with time_machine.travel(timezone.now() - timedelta(hours=6)):
        ended, due, to_come = (make.session(starts_at=timezone.now() + timedelta(hours=hours)) for hours in (4, 7, 9))
        for session in (ended, due, to_come):
            make.registration(session)
        # Since 2 h 30; it began 2 h ago, and has ended.
        make.reminder(ended, timing=Timing.BEFORE, minutes=30, late_minutes=600)
        make.reminder(due, timing=Timing.BEFORE, minutes=90)  # since half an hour
        make.reminder(to_come, timing=Timing.BEFORE, minutes=120)  # in an hour
    offering = make.session(seats=1, waiting_list=Session.WaitingList.OFFER, offer_hours=1)
    [leaving], offered = fill(offering), wait(offering)
    booking.cancel(offering, leaving, actor=leaving.user)
    Message.objects.all().delete()

    for hours in (2, -2, 2, -2):
        tell_by_a_clock_that_is_wrong(hours, tmp_path)

    assert [message.context["registration"] for message in Message.objects.all()] == [str(due.registrations.get().uuid)]
    assert {row.session: row.outcome for row in Reminder.objects.all()} == {ended: "missed", due: "queued", to_come: ""}
    assert status(offering, offered) == "offered"


@pytest.mark.proves("reminder-once")
@pytest.mark.django_db(transaction=True)
def test_three_clocks_at_once_queue_each_reminder_once():
    """Without their processes (tests/faults/test_clocks.py has them)."""
    session = make.session(seats=200)
    people = make.attendees(200)
    booking.seat_many([(session, who, make.pool(session)) for who in people], actor=make.organiser(), at=timezone.now())
    make.reminder(session)

    answers = all_at_once([partial(reminders.remind, eve(session))] * 3, threads=3)

    assert sorted(answers) == [0, 0, 200], answers
    assert Message.objects.filter(kind="notices.reminder").count() == 200


# --- Late, and moved --------------------------------------------------------------------------------------------------


@pytest.mark.proves("late-reminder")
def test_after_six_hours_without_a_worker_what_is_still_of_use_leaves_once_and_the_rest_is_dropped(caplog):
    """All is off for six hours, in which both were due. What is told and sent then goes by the true clock."""
    with time_machine.travel(timezone.now() - timedelta(hours=6)):
        began = make.session(starts_at=timezone.now() + timedelta(hours=5), title="Commencée")
        to_come = make.session(starts_at=timezone.now() + timedelta(hours=9), title="À venir")
        make.registration(began)
        comes = make.registration(to_come).attendee
        make.reminder(began, timing=Timing.BEFORE, minutes=60)
        make.reminder(to_come, timing=Timing.BEFORE, minutes=300)

    with caplog.at_level(logging.WARNING, logger="registrations"):
        for _ in range(2):
            tell()
            delivery.deliver_due()

    sent = [
        (message.to, words(message.subject)) for message in mail.outbox if words(message.subject).startswith("Rappel")
    ]
    assert sent == [([comes.user.email], "Rappel : À venir")]
    [record] = [record for record in caplog.records if record.name == "notices.domain.reminders"]
    assert "Commencée" in record.getMessage() and "too late to be of use, dropped" in record.getMessage()
    assert {row.session: row.outcome for row in Reminder.objects.all()} == {began: "missed", to_come: "queued"}


@pytest.mark.proves("late-reminder")
def test_what_is_later_than_its_rule_allows_is_dropped():
    session = make.session()
    make.registration(session)
    make.reminder(session, late_minutes=60)
    eighteen = reminders.due_at(ReminderRule.objects.get(), session)

    assert reminders.remind(eighteen + timedelta(minutes=61)) == 0


@pytest.mark.proves("late-reminder")
def test_a_reminder_that_waits_in_the_queue_until_the_session_has_begun_is_dropped():
    session = make.session(starts_at=timezone.now() + timedelta(seconds=1))
    make.registration(session)
    make.reminder(session, timing=Timing.BEFORE, minutes=0)
    Reminder.objects.all().delete()
    made = Reminder.objects.create(rule=ReminderRule.objects.get(), session=session, due_at=session.starts_at)
    Session.objects.filter(pk=session.pk).update(starts_at=timezone.now() - timedelta(seconds=1))
    Message.objects.create(
        kind="notices.reminder",
        dedupe_key="late",
        to="late@example.org",
        not_before=timezone.now(),
        context={"reminder": made.pk, "registration": str(session.registrations.get().uuid)},
    )

    delivery.deliver_due()

    assert Message.objects.get(dedupe_key="late").status == "dropped"


@pytest.mark.proves("moved-session-reminder")
def test_a_session_that_moves_is_reminded_of_at_its_new_moment_only():
    """The old reminder is never sent."""
    session = make.session()
    make.registration(session)
    make.reminder(session, timing=Timing.BEFORE, minutes=60)
    old = before(session, minutes=60)

    later = make.moved(session, hours=5)

    assert [row.due_at for row in Reminder.objects.all()] == [old + timedelta(hours=5)]
    assert reminders.remind(old) == 0
    assert reminders.remind(before(later, minutes=60)) == 1


@pytest.mark.proves("moved-session-reminder")
def test_a_reminder_in_the_queue_is_dropped_when_its_session_moves():
    session = make.session()
    make.registration(session)
    make.reminder(session, timing=Timing.BEFORE, minutes=60)
    reminders.remind(before(session, minutes=60))

    later = make.moved(session, hours=5)
    delivery.deliver_due()

    assert Message.objects.get(kind="notices.reminder").status == "dropped"
    assert reminders.remind(before(later, minutes=60)) == 1, "reminded again: it is another hour"


@pytest.mark.proves("moved-session-reminder")
def test_a_session_that_moves_and_comes_back_is_reminded_of_once():
    session = make.session()
    make.registration(session)
    make.reminder(session, timing=Timing.BEFORE, minutes=60)
    reminders.remind(before(session, minutes=60))

    make.moved(session, hours=5)
    make.moved(session, hours=-5)

    assert reminders.remind(before(session, minutes=60)) == 0


@pytest.mark.proves("moved-session-reminder")
def test_a_session_moved_so_near_that_its_moment_is_over_is_not_reminded_of():
    session = make.session()
    make.registration(session)
    make.reminder(session)

    make.moved(
        session,
        hours=0,
        starts_at=timezone.now() + timedelta(minutes=30),
        ends_at=timezone.now() + timedelta(minutes=90),
    )

    assert reminders.remind(timezone.now()) == 0, "the mail about the change says it all"


@pytest.mark.proves("moved-session-reminder")
def test_a_venue_that_gets_another_time_zone_moves_its_reminders():
    session = make.session()
    make.reminder(session)
    venue = session.room.venue
    venue.timezone = "America/New_York"
    venue.save()

    reminders.plan(timezone.now())

    assert Reminder.objects.get().due_at == reminders.due_at(
        ReminderRule.objects.get(), Session.objects.get(pk=session.pk)
    )


@pytest.mark.proves("moved-session-reminder")
def test_a_cancelled_session_is_not_reminded_of():
    session = make.session()
    make.registration(session)
    make.reminder(session)
    reminders.remind(eve(session))

    make.moved(session, hours=0, status=Session.Status.CANCELLED)
    delivery.deliver_due()

    assert Message.objects.get(kind="notices.reminder").status == "dropped"
    assert not Reminder.objects.filter(queued_at=None).exists()


def test_planning_costs_the_same_for_any_number_of_sessions(django_assert_num_queries):
    event = make.event()
    ReminderRule.objects.create(event=event)
    for number in (1, 3):
        for _ in range(number):
            make.session(event=event)
        with django_assert_num_queries(3):
            reminders.plan(timezone.now())


# --- The nights when the clocks change --------------------------------------------------------------------------------


def at_paris(*when: int, fold: int = 0) -> datetime:
    return datetime(*when, tzinfo=PARIS, fold=fold).astimezone(UTC)  # type: ignore[misc]


@pytest.mark.proves("reminder-once")
@pytest.mark.parametrize(
    ("starts_at", "timing", "due"),
    [
        # 28 March 2027: 02:00 is 03:00. Wall time and elapsed time part; a session at 02:30 cannot be
        # (tests/programme/test_admin.py).
        (at_paris(2027, 3, 28, 9), {"timing": Timing.DAY, "at_time": time(18)}, at_paris(2027, 3, 27, 18)),
        (at_paris(2027, 3, 28, 9), {"timing": Timing.BEFORE, "minutes": 24 * 60}, at_paris(2027, 3, 27, 8)),
        (at_paris(2027, 3, 28, 9), {"timing": Timing.DAY, "at_time": time(9)}, at_paris(2027, 3, 27, 9)),
        (at_paris(2027, 3, 28, 3, 30), {"timing": Timing.BEFORE, "minutes": 60}, at_paris(2027, 3, 28, 1, 30)),
        (
            at_paris(2027, 3, 28, 9),
            {"timing": Timing.DAY, "days": 0, "at_time": time(2, 30)},
            at_paris(2027, 3, 28, 3, 30),
        ),
        (at_paris(2027, 3, 29, 9), {"timing": Timing.DAY, "at_time": time(18)}, at_paris(2027, 3, 28, 18)),
        # 25 October 2026: 03:00 is 02:00 again.
        (at_paris(2026, 10, 25, 9), {"timing": Timing.DAY, "at_time": time(18)}, at_paris(2026, 10, 24, 18)),
        (at_paris(2026, 10, 25, 9), {"timing": Timing.BEFORE, "minutes": 24 * 60}, at_paris(2026, 10, 24, 10)),
        (at_paris(2026, 10, 25, 2, 30), {"timing": Timing.DAY, "at_time": time(18)}, at_paris(2026, 10, 24, 18)),
        (at_paris(2026, 10, 25, 2, 30), {"timing": Timing.BEFORE, "minutes": 24 * 60}, at_paris(2026, 10, 24, 2, 30)),
        (
            at_paris(2026, 10, 25, 2, 30, fold=1),
            {"timing": Timing.DAY, "at_time": time(18)},
            at_paris(2026, 10, 24, 18),
        ),
        (
            at_paris(2026, 10, 25, 2, 30, fold=1),
            {"timing": Timing.BEFORE, "minutes": 24 * 60},
            at_paris(2026, 10, 24, 3, 30),
        ),
        (
            at_paris(2026, 10, 25, 2, 30, fold=1),
            {"timing": Timing.BEFORE, "minutes": 60},
            at_paris(2026, 10, 25, 2, 30),
        ),
        (
            at_paris(2026, 10, 25, 9),
            {"timing": Timing.DAY, "days": 0, "at_time": time(2, 30)},
            at_paris(2026, 10, 25, 2, 30),
        ),
        (at_paris(2026, 10, 26, 9), {"timing": Timing.DAY, "at_time": time(18)}, at_paris(2026, 10, 25, 18)),
    ],
)
def test_in_the_nights_when_the_clocks_change_each_reminder_goes_once_at_its_hour(starts_at, timing, due):
    """Ticked around it, and an hour before and after, by two clocks."""
    with time_machine.travel(starts_at - timedelta(days=9), tick=False):
        session = make.session(starts_at=starts_at)
        make.registration(session)
        make.reminder(session, **timing)
    sent = []
    for minute in (-120, -90, -61, -60, -59, -30, -1, 0, 1, 30, 59, 60, 61, 90, 120):
        at = due + timedelta(minutes=minute)
        sent += [at] * reminders.remind(at) + [at] * reminders.remind(at)

    assert sent == [due]
    assert queued() == ["reminder"]


def test_organisers_are_warned_of_an_hour_that_clocks_skip_or_show_twice():
    now = datetime(2026, 10, 1, tzinfo=UTC)
    event = make.event()
    spring = make.session(event=event, starts_at=at_paris(2027, 3, 28, 9), title="Printemps")
    autumn = make.session(event=event, starts_at=at_paris(2026, 10, 25, 9), title="Automne")
    make.session(event=event, starts_at=at_paris(2027, 5, 1, 9))
    made = ReminderRule.objects.create(event=event, days=0, at_time=time(2, 30))

    found = reminders.odd_hours(made, now)

    assert [session for session, _sentence in found] == [autumn, spring]
    assert "deux fois" in found[0][1] and "n’existe pas" in found[1][1]
    made.at_time = time(18)
    assert reminders.odd_hours(made, now) == []


# --- Whether people still come ----------------------------------------------------------------------------------------


def asked(seats: int = 1, *, line: int = 0, sent: bool = True, **fields) -> tuple[Session, list, list]:
    """A session whose people were asked two days before whether they still come, with a day to answer; and those who
    wait."""
    session = make.session(seats=seats)
    people = fill(session)
    waiting = [wait(session) for _ in range(line)]
    ReminderRule.objects.create(session=session, timing=Timing.BEFORE, minutes=48 * 60, answer_hours=24, **fields)
    reminders.plan(timezone.now())
    assert reminders.remind(before(session, hours=48)) == seats
    if sent:
        Message.objects.filter(kind="notices.reconfirm").update(status="sent", sent_at=before(session, hours=48))
    return session, people, waiting


@pytest.mark.proves("silent-seat-release")
def test_the_seat_of_the_silent_goes_to_the_waiting_list_at_its_moment_with_its_mails():
    session, [silent, kind], [next_one] = asked(2, line=1)
    assert reminders.still_comes(Reconfirmation.objects.get(registration__attendee=kind), before(session, hours=30))

    assert reminders.release_silent(before(session, hours=24, minutes=1)) == 0, "not before its moment"
    assert [reminders.release_silent(before(session, hours=24)) for _ in range(2)] == [1, 0]

    assert (status(session, silent), status(session, kind), status(session, next_one)) == ("", "confirmed", "confirmed")
    assert mails(silent) == ["confirmed", "reconfirm", "cancelled"] and mails(next_one) == ["waiting", "confirmed"]
    ended = Registration.objects.get(attendee=silent)
    assert ended.ending == "not_reconfirmed" and ended.history.first().status == "cancelled"
    assert books(before(session, hours=24)) == []


@pytest.mark.proves("coming-question")
def test_the_question_and_the_release_are_told_in_their_words():
    session, [silent], _line = asked(sent=False)
    Message.objects.filter(kind="registrations.confirmed").delete()
    delivery.deliver_due()
    assert "venez-vous toujours ?" in words(mail.outbox[-1].body)
    assert f"/still-coming/{Reconfirmation.objects.get().key}/" in mail.outbox[-1].body
    assert "List-Unsubscribe" not in mail.outbox[-1].extra_headers, "a seat depends on the answer"

    Message.objects.filter(kind="notices.reconfirm").update(sent_at=before(session, hours=48))
    reminders.release_silent(before(session, hours=24))
    delivery.deliver_due()
    assert mail.outbox[-1].to == [silent.user.email] and mail.outbox[-1].subject.startswith("Place libérée")


@pytest.mark.proves("silent-seat-release")
def test_nobody_loses_a_seat_by_a_question_that_did_not_leave():
    session, [silent], _line = asked(sent=False)

    assert reminders.release_silent(before(session, hours=1)) == 0
    assert status(session, silent) == "confirmed"


@pytest.mark.proves("silent-seat-release")
def test_the_time_to_answer_runs_from_when_the_question_left():
    session, [silent], _line = asked(sent=False)
    Message.objects.filter(kind="notices.reconfirm").update(status="sent", sent_at=before(session, hours=30))

    assert reminders.release_silent(before(session, hours=24)) == 0
    assert Reconfirmation.objects.get().answer_until == before(session, hours=15), "half of the time that was left"
    assert reminders.release_silent(before(session, hours=15)) == 1
    assert status(session, silent) == ""


@pytest.mark.proves("silent-seat-release")
def test_nobody_is_released_once_the_session_has_begun_or_has_moved():
    session, [silent], _line = asked()

    assert reminders.release_silent(session.starts_at) == 0
    make.moved(session, hours=72)
    assert reminders.release_silent(before(session, hours=1)) == 0
    assert reminders.remind(before(session, hours=48) + timedelta(days=3)) == 1, "asked anew"
    assert status(session, silent) == "confirmed"


@pytest.mark.proves("silent-seat-release")
def test_an_answer_that_comes_late_counts_while_the_seat_is_still_there():
    session, [late], _line = asked()

    assert reminders.still_comes(Reconfirmation.objects.get(), before(session, hours=20))
    assert reminders.release_silent(before(session, hours=19)) == 0
    assert status(session, late) == "confirmed"


@pytest.mark.proves("silent-seat-release")
def test_an_answer_after_the_release_does_not_take_the_seat_back():
    session, _late, [next_one] = asked(line=1)
    question = Reconfirmation.objects.get()
    reminders.release_silent(before(session, hours=24))

    assert reminders.still_comes(question, before(session, hours=20)) is False
    assert status(session, next_one) == "confirmed"


@pytest.mark.proves("silent-seat-release")
@pytest.mark.django_db(transaction=True)
def test_answers_and_the_release_at_the_same_instant_agree():
    session, _people, _line = asked(12, line=12)
    at = before(session, hours=24)
    questions = list(Reconfirmation.objects.select_related("registration"))

    jobs = [partial(reminders.still_comes, question, at) for question in questions] + [
        partial(reminders.release_silent, at)
    ] * 2
    answers = all_at_once(jobs, threads=14)

    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    for question, kept in zip(questions, answers, strict=False):
        assert (status(session, question.registration.attendee) == "confirmed") == kept
    assert Reconfirmation.objects.filter(released_at__isnull=False).count() == answers[:12].count(False)
    assert make.pool(session).taken == 12 and books(at) == []


def test_the_waiting_list_is_not_asked_and_an_offer_is_not_either():
    session = make.session(seats=1, waiting_list=Session.WaitingList.OFFER)
    [holder] = fill(session)
    wait(session)
    booking.cancel(session, holder, actor=holder.user)
    assert Registration.objects.filter(status="offered").exists()
    make.reminder(session, timing=Timing.BEFORE, minutes=48 * 60, answer_hours=12)

    assert reminders.remind(before(session, hours=48)) == 0
