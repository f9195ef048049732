"""The organisers' pages about reminders, changes and announcements: what they show before anything leaves, and that it
then leaves once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.utils import timezone

from notices.domain import announcing, changes, reminders
from notices.models import Announcement, QuietWindow, Reminder, ReminderRule
from outbox.domain import delivery
from outbox.models import Message
from tests import make
from tests.html import sent
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db
RULES, WINDOWS, ANNOUNCEMENTS = (f"/admin/notices/{name}/" for name in ("reminderrule", "quietwindow", "announcement"))


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def staff(client: Client, *codenames: str) -> Client:
    who = make.user(is_staff=True)
    who.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return make.sign_in(client, who)


def act(client: Client, url: str, action: str, *rows: Any, **extra: Any) -> Any:
    return client.post(
        url, {"action": action, "index": 0, "_selected_action": [row.pk for row in rows]} | extra, follow=True
    )


def says(answer: Any) -> str:
    return words(answer.content.decode())


def told(answer: Any) -> list[str]:
    return [words(str(message)) for message in answer.context["messages"]]


# --- Reminders --------------------------------------------------------------------------------------------------------


def rule_form(**changes: Any) -> dict[str, Any]:
    data = {
        "audience": "confirmed",
        "timing": "day",
        "days": 1,
        "at_time": "18:00",
        "minutes": 120,
        "late_minutes": 720,
    }
    return (
        data | {"is_active": "on", "note_fr": "Apportez votre passeport.", "note_en": "Bring your passport."} | changes
    )


def test_a_reminder_is_planned_as_it_is_saved_and_its_page_shows_when_it_leaves(organiser: Client) -> None:
    session = make.session(starts_at=datetime.fromisoformat("2027-02-10T09:00+01:00"), title="Éthique")

    organiser.post(f"{RULES}add/", rule_form(event=session.event_id))

    made = ReminderRule.objects.get()
    assert made.history.get().history_user.is_superuser
    assert Reminder.objects.get().due_at == datetime.fromisoformat("2027-02-09T18:00+01:00")
    answer = organiser.get(f"{RULES}{made.pk}/change/")
    page = says(answer)
    assert "Éthique mer 10 fév., 9 h 00 – 10 h 00 mardi 9 février à 18 h 00 à venir" in page
    organiser.post(f"{RULES}{made.pk}/change/", sent(answer.content, "reminderrule_form") | {"at_time": "19:00"})
    assert Reminder.objects.get().due_at == datetime.fromisoformat("2027-02-09T19:00+01:00")


@pytest.mark.proves("reminder-once")
def test_an_organiser_is_warned_as_they_choose_an_hour_that_clocks_skip_or_show_twice(organiser: Client) -> None:
    """Saved, and said for which sessions; a few by name, the others counted."""
    event = make.event()
    for day in ("2027-03-28", "2027-10-31"):
        for number in range(2):
            make.session(
                event=event, title=f"Séance {day} {number}", starts_at=datetime.fromisoformat(f"{day}T09:00+02:00")
            )

    page = " ".join(
        told(organiser.post(f"{RULES}add/", rule_form(event=event.pk, days=0, at_time="02:30"), follow=True))
    )

    assert ReminderRule.objects.exists()
    assert "Séance 2027-03-28 0: 28 mars 2027, 2 h 30 n’existe pas" in page
    assert "Séance 2027-10-31 0: 31 octobre 2027, 2 h 30 revient deux fois" in page
    assert "Séance 2027-10-31 1:" not in page and "Et 1 autre" in page
    assert len(told(organiser.post(f"{RULES}add/", rule_form(event=event.pk), follow=True))) == 1, (
        "saved, and nothing else"
    )


def test_a_reminder_of_nothing_is_refused_beside_its_field(organiser: Client) -> None:
    answer = organiser.post(f"{RULES}add/", rule_form())

    assert "session" in answer.context["adminform"].form.errors
    assert not ReminderRule.objects.exists()


# --- Changes ----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("quiet-window")
def test_publishing_shows_whom_it_tells_and_tells_them_once_it_is_confirmed(organiser: Client) -> None:
    event = make.event()
    organiser.post(f"{WINDOWS}add/", {"event": event.pk})
    window = QuietWindow.objects.get()
    assert window.history.get().history_user.is_superuser
    session = make.session(event=event, title="Gouvernance")
    people = [make.registration(session).attendee, make.registration(session, make.attendee(language="en")).attendee]
    make.registration(make.session(starts_at=session.starts_at + timedelta(hours=1)), people[0])
    make.moved(session, hours=1)

    page = says(act(organiser, WINDOWS, "publish", window))

    assert "Gouvernance" in page and "2 personnes" in page
    assert not Message.objects.filter(kind=changes.KIND).exists(), "it asks first"
    for _ in range(2):
        act(organiser, WINDOWS, "publish", window, confirm="1")
    assert {message.to for message in Message.objects.filter(kind=changes.KIND)} == {who.user.email for who in people}
    window.refresh_from_db()
    assert window.published_at and window.people == 2 and window.history.first().history_user.is_superuser


def test_a_window_that_concerns_nobody_offers_to_close_and_promises_no_mail(organiser: Client) -> None:
    still, empty = make.quiet_window(make.event()), make.quiet_window(make.event())
    make.moved(make.session(event=empty.event, title="Gouvernance"))

    nothing, nobody = (says(act(organiser, WINDOWS, "publish", window)) for window in (still, empty))

    assert "Rien n’a bougé" in nothing and "Ces changements ne concernent personne" in nobody
    assert "Gouvernance" in nobody and "un courriel" not in nobody


def test_a_second_window_in_the_same_place_is_refused_with_a_sentence(organiser: Client) -> None:
    event = make.event()
    for _ in range(2):
        answer = organiser.post(f"{WINDOWS}add/", {"event": event.pk})

    assert "déjà" in says(answer)
    assert QuietWindow.objects.count() == 1


# --- Announcements ----------------------------------------------------------------------------------------------------


def text_form(**changes: Any) -> dict[str, Any]:
    texts = {"subject_fr": "Entrée", "subject_en": "Entrance", "body_fr": "Bonjour {name}.", "body_en": "Hello {name}."}
    return texts | {"statuses": ["confirmed"]} | changes


@pytest.mark.proves("announcement-preview")
def test_an_announcement_is_written_tried_out_shown_and_sent_once(organiser: Client) -> None:
    session = make.session()
    people = [make.registration(session).attendee, make.registration(session, make.attendee(language="en")).attendee]
    while delivery.deliver_due():
        pass
    mail.outbox.clear()

    organiser.post(f"{ANNOUNCEMENTS}add/", text_form(session=session.pk))
    made = Announcement.objects.get()
    act(organiser, ANNOUNCEMENTS, "send_test", made)
    asked = says(act(organiser, ANNOUNCEMENTS, "send", made))

    assert "2 personnes, dont 1 en anglais" in asked
    assert "Bonjour Olympe Organisatrice." in asked and "Hello Olympe Organisatrice." in asked
    assert announcing.send_due(timezone.now()) == 0, "it asks first"
    for _ in range(2):
        act(organiser, ANNOUNCEMENTS, "send", made, confirm="1")
    assert [announcing.send_due(timezone.now()) for _ in range(2)] == [2, 0]
    while delivery.deliver_due():
        pass
    arrived = {(message.to[0], message.subject) for message in mail.outbox}
    tests = {message.to for message in Message.objects.filter(kind="notices.announcement_test")}
    assert len(tests) == 1
    assert arrived == {(people[0].user.email, "Entrée"), (people[1].user.email, "Entrance")} | {
        (tests.copy().pop(), "[Essai] Entrée"),
        (tests.pop(), "[Test] Entrance"),
    }
    assert made.history.first().status == "queued"
    assert organiser.get(f"{ANNOUNCEMENTS}{made.pk}/change/").status_code == 200
    organiser.post(f"{ANNOUNCEMENTS}{made.pk}/change/", text_form(session=session.pk, subject_fr="Autre"))
    assert Announcement.objects.get().subject_fr == "Entrée", "what was sent is only read"


def test_one_that_waits_for_its_moment_is_stopped_by_a_button(organiser: Client) -> None:
    session = make.session()
    make.registration(session)
    made = make.announcement(session=session)
    later = timezone.localtime(timezone.now() + timedelta(hours=3))
    act(organiser, ANNOUNCEMENTS, "send", made, confirm="1", send_at_0=f"{later:%d/%m/%Y}", send_at_1=f"{later:%H:%M}")
    assert Announcement.objects.get().status == "scheduled"

    act(organiser, ANNOUNCEMENTS, "stop", made)

    assert announcing.send_due(later + timedelta(hours=1)) == 0
    assert Announcement.objects.get().status == "stopped"


def test_a_moment_that_is_over_is_refused_beside_its_field(organiser: Client) -> None:
    made = make.announcement(session=make.session())

    page = says(act(organiser, ANNOUNCEMENTS, "send", made, confirm="1", send_at_0="01/02/2020", send_at_1="10:00"))

    assert "passé" in page
    assert Announcement.objects.get().status == "draft"


FRENCH_ONLY = {"subject_fr": "Entrée", "body_fr": "Bonjour {name}.", "subject_en": "", "body_en": ""}


def test_one_language_is_enough_where_nobody_reads_the_other(organiser: Client) -> None:
    session = make.session()
    make.registration(session)
    form = FRENCH_ONLY | {"session": session.pk, "statuses": ["confirmed"]}

    organiser.post(f"{ANNOUNCEMENTS}add/", form)

    made = Announcement.objects.get()
    page = act(organiser, ANNOUNCEMENTS, "send", made).content.decode()
    assert "Bonjour Olympe" in page and "English</h2>" not in page
    act(organiser, ANNOUNCEMENTS, "send", made, confirm="1")
    made.refresh_from_db()
    assert made.status == Announcement.Status.SCHEDULED


@pytest.mark.proves("announcement-preview")
def test_a_language_that_a_recipient_reads_is_asked_for_and_asked_for_again_before_it_leaves(
    organiser: Client,
) -> None:
    session = make.session()
    make.registration(session)
    form = FRENCH_ONLY | {"session": session.pk, "statuses": ["confirmed"]}
    organiser.post(f"{ANNOUNCEMENTS}add/", form)
    made = Announcement.objects.get()

    make.registration(session, make.attendee("Grace", language="en"))
    refused = organiser.post(f"{ANNOUNCEMENTS}add/", form)
    act(organiser, ANNOUNCEMENTS, "send", made, confirm="1")

    errors = refused.context_data["adminform"].form.errors  # type: ignore[attr-defined]
    assert set(errors) == {"subject_en", "body_en"}
    made.refresh_from_db()
    assert made.status == Announcement.Status.DRAFT


def test_an_announcement_for_nobody_yet_is_written_in_one_language_at_least(organiser: Client) -> None:
    form = {**FRENCH_ONLY, "subject_fr": "", "body_fr": "", "session": make.session().pk, "statuses": ["confirmed"]}

    refused = organiser.post(f"{ANNOUNCEMENTS}add/", form)

    errors = refused.context_data["adminform"].form.errors  # type: ignore[attr-defined]
    assert set(errors) == {"subject_fr", "body_fr"}


@pytest.mark.proves("announcement-placeholders")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "event"),
        ({"both": True}, "session"),
        ({"session": True, "statuses": []}, "statuses"),
        ({"session": True, "body_fr": "Bonjour {nom}."}, "body_fr"),
        ({"session": True, "subject_en": ""}, "subject_en"),
    ],
)
def test_an_announcement_to_nobody_or_with_a_wrong_placeholder_is_refused_beside_its_field(
    organiser: Client, changes: dict[str, Any], field: str
) -> None:
    session, data = make.session(), dict(changes)
    if data.pop("both", False):
        data |= {"session": session.pk, "event": session.event_id}
    elif data.get("session"):
        data["session"] = session.pk

    answer = organiser.post(f"{ANNOUNCEMENTS}add/", text_form(**data))

    assert field in answer.context["adminform"].form.errors
    assert not Announcement.objects.exists()


@pytest.mark.proves("announcement-preview")
def test_whoever_may_only_look_sends_and_publishes_nothing(client: Client) -> None:
    session = make.session()
    make.registration(session)
    made, window = make.announcement(session=session), changes.open_window(None, actor=make.organiser())
    make.moved(session, hours=1)
    staff(client, "view_announcement", "view_quietwindow", "view_reminderrule")
    before = Message.objects.count()

    for url, action, row in (
        (ANNOUNCEMENTS, "send", made),
        (ANNOUNCEMENTS, "send_test", made),
        (WINDOWS, "publish", window),
    ):
        act(client, url, action, row, confirm="1")
    assert client.post(f"{RULES}add/", rule_form(session=session.pk)).status_code == 403

    assert Message.objects.count() == before
    assert Announcement.objects.get().status == "draft" and QuietWindow.objects.get().published_at is None
    assert reminders.plan(timezone.now()) == 0
