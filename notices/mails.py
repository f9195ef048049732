"""The mails that leave at a moment of their own, not by somebody's act on a seat: reminders, changes, announcements.
Written by a worker just before it sends them (outbox.domain.mail_kinds); what is no longer so is not told."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Attendee, User
from core import clock
from core.templatetags.when import moment
from notices.domain import announcing, changes, inviting, mail_preferences, reminders
from notices.models import Announcement, Reconfirmation, Reminder, Topic
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter, NoLongerTrue, link, writes
from outbox.domain.mail_templates import Texts
from outbox.models import Message
from programme.models import Edition, Session
from registrations.domain.calendars import invitation
from registrations.domain.facts import facts_of
from registrations.models import Cohort, Invitation, Membership, Registration

Status = Registration.Status
SESSIONS_TOLD = 12  # of those kept for a cohort


# --- Reminders --------------------------------------------------------------------------------------------------------


@writes("notices.reminder")
def reminder(message: Message) -> Letter:
    registration, due = _reminded(message, Status.CONFIRMED)
    return reminder_letter("reminder", due.session, registration.attendee.name, due.rule.note, to=message)


@writes("notices.reminder_waiting")
def reminder_waiting(message: Message) -> Letter:
    registration, due = _reminded(message, Status.WAITING)
    return reminder_letter("reminder_waiting", due.session, registration.attendee.name, due.rule.note, to=message)


@writes("notices.reminder_invited")
def reminder_invited(message: Message) -> Letter:
    due = _due(message)
    if not reminders.silent(due.session, email=message.context["email"]):
        raise NoLongerTrue(gettext_noop("They have answered, or are no longer invited."))
    return reminder_letter("reminder_invited", due.session, "", due.rule.note, to=message)


@writes("notices.missed")
def missed(message: Message) -> Letter:
    registration, due = _reminded(message, Status.CONFIRMED)
    if not registration.is_absent:
        raise NoLongerTrue(gettext_noop("They were there."))
    return reminder_letter("missed", due.session, registration.attendee.name, due.rule.note, to=message)


def reminder_letter(key: str, session: Session, name: str, note: str, *, to: Message) -> Letter:
    mine = (_("See my programme"), link("registrations:me"))
    page = link("registrations:seat", session.slug)
    buttons = {
        "reminder_waiting": (_("See my place on the waiting list"), page),
        "reminder_invited": (_("Take your seat"), page),
    }
    facts = (
        [_("Sign in with the address this email was sent to: the invitation is for you alone.")]
        if key == "reminder_invited"
        else []
    )
    topic = Topic.INVITATIONS if key == "reminder_invited" else Topic.REMINDERS
    known = facts_of(session) | {"name": name}
    return _notice(
        key, known, to=to, topic=topic, session=session, note=note, button=buttons.get(key, mine), facts=facts
    )


@writes("notices.reconfirm")
def reconfirm(message: Message) -> Letter:
    reconfirmations = Reconfirmation.objects.select_related(
        "registration__attendee",
        "reminder__rule",
        "reminder__session__event__edition",
        "reminder__session__room__venue",
    )
    question = reconfirmations.filter(uuid=message.context["reconfirmation"]).first()
    if question is None:
        raise NoLongerTrue(gettext_noop("The question no longer exists."))
    _check(question.reminder)
    registration = question.registration
    if registration.status != Status.CONFIRMED or question.answered_at or question.released_at:
        raise NoLongerTrue(gettext_noop("The question has been answered, or the seat is no longer held."))
    until = max(question.answer_until, reminders.answer_until(question.reminder, clock.database_now()))
    name, note = registration.attendee.name, question.reminder.rule.note
    return question_letter(
        question.reminder.session, name, note, until, link("notices:reconfirm", question.key), to=message
    )


def question_letter(session: Session, name: str, note: str, until: datetime, url: str, *, to: Message) -> Letter:
    known = facts_of(session) | {"name": name, "until": moment(until, session.zone)}
    facts = [
        _("If you don’t answer, your seat goes to the next person on the waiting list."),
        _("Opening the page doesn’t decide anything: you answer yes or no there."),
    ]
    return _notice(
        "reconfirm", known, to=to, topic=None, session=session, note=note, button=(_("Answer"), url), facts=facts
    )


def _due(message: Message) -> Reminder:
    reminder = (
        Reminder.objects.select_related("rule", "session__event__edition", "session__room__venue")
        .filter(pk=message.context["reminder"])
        .first()
    )
    if reminder is None:
        raise NoLongerTrue(gettext_noop("The reminder no longer exists."))
    _check(reminder)
    return reminder


def _check(due: Reminder) -> None:
    """Raise NoLongerTrue when the session or the rule has moved since the mail was queued, or when it comes too
    late."""
    if not reminders.is_current(due):
        raise NoLongerTrue(
            gettext_noop("The session is not taking place, or its reminder now goes out at another time.")
        )
    if not reminders.is_useful(due, clock.database_now()):
        raise NoLongerTrue(gettext_noop("It would arrive too late to be useful."))


def _reminded(message: Message, status: str) -> tuple[Registration, Reminder]:
    due = _due(message)
    registrations = Registration.objects.select_related(
        "session__event__edition", "session__room__venue", "attendee__user"
    )
    registration = registrations.get(uuid=message.context["registration"])
    if registration.status != status:
        raise NoLongerTrue(gettext_noop("The registration has changed since this email was queued."))
    return registration, due


# --- Changes ----------------------------------------------------------------------------------------------------------


@writes("notices.changes")
def changed(message: Message) -> Letter:
    """What has changed for one person, all in one mail; confirmed seats carry their calendar entries, which replace
    those before."""
    attendee = Attendee.objects.select_related("user").filter(pk=message.context["attendee"]).first()
    if attendee is None:
        raise NoLongerTrue(gettext_noop("They no longer have an account."))
    moved = changes.moved(attendee, message.context["changes"], clock.database_now())
    if not moved:
        raise NoLongerTrue(gettext_noop("A later email says what has changed."))
    return changes_letter(attendee, moved)


def changes_letter(attendee: Attendee, moved: Sequence[changes.Moved]) -> Letter:
    known = {"name": attendee.name, "title": moved[0].registration.session.title, "number": str(len(moved))}
    texts = mail_templates.texts_of("notices.changes" if len(moved) == 1 else "notices.changes.several").fill(known)
    confirmed = [move.registration for move in moved if move.registration.status == Status.CONFIRMED]
    context = {
        "texts": texts,
        "edition": moved[0].registration.session.event.edition,
        "moved": moved,
        "button": _("See my programme"),
        "button_url": link("registrations:me"),
        "base": settings.BASE_URL,
        "has_entries": bool(confirmed),
    }
    return Letter(
        texts.subject,
        render_to_string("notices/emails/changes.txt", context),
        render_to_string("notices/emails/changes.html", context),
        invitation(confirmed) if confirmed else "",
    )


# --- Announcements ----------------------------------------------------------------------------------------------------


@writes(announcing.KIND)
def announcement(message: Message) -> Letter:
    announcement = _announcement(message)
    if announcement.status == Announcement.Status.STOPPED:
        raise NoLongerTrue(announcing.STOPPED)
    attendee = Attendee.objects.filter(pk=message.context["attendee"], user__is_active=True).first()
    if attendee is None:
        raise NoLongerTrue(gettext_noop("They no longer have an account."))
    return _announce(message, announcement, attendee.name)


@writes(f"{announcing.KIND}_test")
def announcement_test(message: Message) -> Letter:
    user = User.objects.select_related("attendee").get(pk=message.context["user"])
    return _announce(message, _announcement(message), user.get_short_name(), test=True)


def _announcement(message: Message) -> Announcement:
    announcements = Announcement.objects.select_related(
        "event__edition", "session__event__edition", "session__room__venue", "cohort__edition"
    )
    if (announcement := announcements.filter(pk=message.context["announcement"]).first()) is None:
        raise NoLongerTrue(gettext_noop("The announcement no longer exists."))
    return announcement


def _announce(message: Message, announcement: Announcement, name: str, *, test: bool = False) -> Letter:
    values = announcing.values(announcement, name)
    texts = Texts(mail_templates.fill(announcement.subject, values), mail_templates.fill(announcement.body, values))
    topic = None if announcement.must_reach or test else Topic.ANNOUNCEMENTS
    button = (_("See my programme"), values["programme"])
    letter = _write(
        texts,
        to=message,
        topic=topic,
        edition=announcing.edition_of(announcement),
        session=announcement.session,
        button=button,
        heading=texts.subject,
    )
    return replace(letter, subject=_("[Test] %(subject)s") % {"subject": letter.subject}) if test else letter


# --- Invitations ------------------------------------------------------------------------------------------------------


@writes(inviting.COHORT)
def invited_as_member(message: Message) -> Letter:
    """What the members of a cohort may take a seat in, all in one mail."""
    membership = (
        Membership.objects.select_related("attendee", "cohort__institution", "cohort__edition")
        .filter(pk=message.context["membership"])
        .first()
    )
    if membership is None:
        raise NoLongerTrue(gettext_noop("They no longer belong to the cohort."))
    letter = cohort_letter(membership.cohort, membership.attendee.name)
    if letter is None:
        raise NoLongerTrue(gettext_noop("No seats are reserved for the cohort any more."))
    return letter


def cohort_letter(cohort: Cohort, name: str) -> Letter | None:
    sessions = inviting.sessions_for(cohort, clock.database_now())
    if not sessions:
        return None
    known = {"name": name, "cohort": cohort.name, "institution": cohort.institution.name, "number": str(len(sessions))}
    texts = mail_templates.texts_of(inviting.COHORT).fill(known)
    context = {
        "texts": texts,
        "cohort": cohort,
        "edition": cohort.edition,
        "sessions": [(session, link("registrations:seat", session.slug)) for session in sessions[:SESSIONS_TOLD]],
        "more": len(sessions) - SESSIONS_TOLD,
        "button": _("Choose my sessions"),
        "button_url": link("programme:programme"),
    }
    return Letter(
        texts.subject,
        render_to_string("notices/emails/cohort.txt", context),
        render_to_string("notices/emails/cohort.html", context),
    )


@writes(inviting.BY_NAME)
def invited_by_name(message: Message) -> Letter:
    invited = (
        Invitation.objects.select_related("session__event__edition", "session__room__venue")
        .filter(pk=message.context["invitation"])
        .first()
    )
    if invited is None or not inviting.is_open(invited, clock.database_now()):
        raise NoLongerTrue(gettext_noop("They have answered, or are no longer invited."))
    return invitation_letter(invited.session, to=message)


def invitation_letter(session: Session, *, to: Message) -> Letter:
    button = (_("Take your seat"), link("registrations:seat", session.slug))
    facts = [_("Sign in with the address this email was sent to: the invitation is for you alone.")]
    return _notice("invited", facts_of(session), to=to, topic=None, session=session, button=button, facts=facts)


# --- What they share --------------------------------------------------------------------------------------------------


def _notice(key: str, known: dict[str, str], **about: Any) -> Letter:
    """A letter about one session, in the words of kind `key`."""
    edition = about["session"].event.edition
    return _write(mail_templates.texts_of(f"notices.{key}").fill(known), edition=edition, **about)


def _write(
    texts: Texts,
    *,
    to: Message,
    topic: Topic | None,
    edition: Edition | None,
    session: Session | None,
    button: tuple[str, str],
    heading: str = "",
    note: str = "",
    facts: Iterable[str] = (),
) -> Letter:
    """A letter about one thing. With a `topic` it is one that people may do without (_way_out)."""
    headers, choice_url = mail_preferences.way_out(topic, to) if topic else ({}, "")
    context: dict[str, Any] = {
        "heading": heading or (session.title if session else texts.subject),
        "texts": texts,
        "edition": edition,
        "session": session,
        "note": note,
        "button": button[0],
        "button_url": button[1],
        "facts": facts,
        "session_url": settings.BASE_URL + session.get_absolute_url() if session else "",
        "topic": topic.label if topic else "",
        "choice_url": choice_url,
    }
    return Letter(
        texts.subject,
        render_to_string("notices/emails/notice.txt", context),
        render_to_string("notices/emails/notice.html", context),
        headers=headers,
    )
