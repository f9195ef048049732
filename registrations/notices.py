"""The mails that leave at a moment of their own, not by somebody's act on a seat: reminders, changes, announcements. Written by a
worker just before it sends them (outbox.domain.kinds); what is no longer so is not told."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from icalendar import Calendar

from accounts.models import Attendee, User
from outbox.domain.kinds import Letter, NoLongerTrue, writes
from outbox.models import Message
from programme.models import Session
from registrations.domain import announcing, changes, choices, clock, reminders
from registrations.domain.calendars import seat_calendar
from registrations.models import Announcement, Reconfirmation, Registration, Reminder, Topic
from venues.templatetags.when import moment

Status = Registration.Status


# --- Reminders ------------------------------------------------------------------------------------------------------------------


@writes("registrations.reminder")
def reminder(message: Message) -> Letter:
    registration, due = _reminded(message, Status.CONFIRMED)
    session = registration.session
    return _notice(
        message,
        Topic.REMINDERS,
        subject=_("Reminder: %(title)s") % {"title": session.title},
        opening=_("%(name)s, you have a seat in this session.") % {"name": registration.attendee.name},
        session=session,
        note=due.rule.note,
        button=(_("See my programme"), _address("registrations:me")),
        after=[_("If you cannot come, please give your seat back: someone else will be glad of it.")],
    )


@writes("registrations.reminder_waiting")
def reminder_waiting(message: Message) -> Letter:
    registration, due = _reminded(message, Status.WAITING)
    session = registration.session
    return _notice(
        message,
        Topic.REMINDERS,
        subject=_("Still on the waiting list: %(title)s") % {"title": session.title},
        opening=_("%(name)s, you still wait for a seat in this session. None has become free for you so far.")
        % {"name": registration.attendee.name},
        session=session,
        note=due.rule.note,
        button=(_("See my place in line"), _address("registrations:seat", session.slug)),
        after=[_("If you no longer wait for it, leave the list: it moves on for the others.")],
    )


@writes("registrations.reminder_invited")
def reminder_invited(message: Message) -> Letter:
    due = _due(message)
    session = due.session
    if not reminders.silent(session, email=message.context["email"]):
        raise NoLongerTrue("They have answered, or are not invited any more.")
    return _notice(
        message,
        Topic.INVITATIONS,
        subject=_("Your invitation: %(title)s") % {"title": session.title},
        opening=_("You are invited to this session, and have not said yet whether you come."),
        session=session,
        note=due.rule.note,
        button=(_("Take your seat"), _address("registrations:seat", session.slug)),
        after=[_("Sign in with the address that this mail was sent to: the invitation is yours alone.")],
    )


@writes("registrations.missed")
def missed(message: Message) -> Letter:
    registration, due = _reminded(message, Status.CONFIRMED)
    if not registration.is_absent:
        raise NoLongerTrue("They were there.")
    session = registration.session
    return _notice(
        message,
        Topic.REMINDERS,
        subject=_("We missed you: %(title)s") % {"title": session.title},
        opening=_("%(name)s, a seat was kept for you in this session, and it stayed empty.") % {"name": registration.attendee.name},
        session=session,
        note=due.rule.note,
        button=(_("See my programme"), _address("registrations:me")),
        after=[_("Next time, give your seat back if you cannot come: somebody in line would have taken it.")],
    )


@writes("registrations.reconfirm")
def reconfirm(message: Message) -> Letter:
    found = Reconfirmation.objects.select_related(
        "registration__attendee", "reminder__rule", "reminder__session__event", "reminder__session__room__venue"
    )
    question = found.filter(uuid=message.context["reconfirmation"]).first()
    if question is None:
        raise NoLongerTrue("The question no longer exists.")
    _check(question.reminder)
    registration, session = question.registration, question.reminder.session
    if registration.status != Status.CONFIRMED or question.answered_at or question.released_at:
        raise NoLongerTrue(f"The registration is {registration.status} now, or the question is answered.")
    until = max(question.answer_until, reminders.answer_until(question.reminder, clock.now()))
    return _notice(
        message,
        None,
        subject=_("Do you still come? %(title)s") % {"title": session.title},
        opening=_("%(name)s, do you still come? Please answer by %(until)s.")
        % {"name": registration.attendee.name, "until": moment(until, session.zone)},
        session=session,
        note=question.reminder.rule.note,
        button=(_("Answer"), _address("registrations:reconfirm", str(question.uuid))),
        after=[
            _("Without an answer, your seat goes to the next in line."),
            _("Nothing is decided by opening the page: there you say yes or no."),
        ],
    )


def _due(message: Message) -> Reminder:
    found = Reminder.objects.select_related("rule", "session__event", "session__room__venue").filter(pk=message.context["reminder"]).first()
    if found is None:
        raise NoLongerTrue("The reminder no longer exists.")
    _check(found)
    return found


def _check(due: Reminder) -> None:
    """Raise NoLongerTrue when the session or the rule has moved since the mail was queued, or when it comes too late."""
    if not reminders.is_current(due):
        raise NoLongerTrue("The session does not take place, or people are reminded of it at another moment now.")
    if not reminders.is_useful(due, clock.now()):
        raise NoLongerTrue("It comes too late to be of use.")


def _reminded(message: Message, status: str) -> tuple[Registration, Reminder]:
    due = _due(message)
    found = Registration.objects.select_related("session__event", "session__room__venue", "attendee__user")
    registration = found.get(uuid=message.context["registration"])
    if registration.status != status:
        raise NoLongerTrue(f"The registration is {registration.status} now.")
    return registration, due


# --- Changes --------------------------------------------------------------------------------------------------------------------


@writes("registrations.changes")
def changed(message: Message) -> Letter:
    """What has changed for one person, all in one mail; confirmed seats carry their calendar entries, which replace those before."""
    attendee = Attendee.objects.select_related("user").filter(pk=message.context["attendee"]).first()
    if attendee is None:
        raise NoLongerTrue("The person no longer exists.")
    moved = changes.moved(attendee, message.context["changes"], clock.now())
    if not moved:
        raise NoLongerTrue("Another mail tells what has changed since.")
    subject = ngettext("Changed: %(title)s", "Changed: %(number)d of your sessions", len(moved))
    confirmed = [one.registration for one in moved if one.registration.status == Status.CONFIRMED]
    context = {
        "attendee": attendee,
        "moved": moved,
        "button": _("See my programme"),
        "button_url": _address("registrations:me"),
        "base": settings.BASE_URL,
        "has_entries": bool(confirmed),
    }
    return Letter(
        subject % {"title": moved[0].registration.session.title, "number": len(moved)},
        render_to_string("registrations/emails/changes.txt", context),
        render_to_string("registrations/emails/changes.html", context),
        _together([_calendar(registration) for registration in confirmed]),
    )


def _together(calendars: list[str]) -> str:
    """The entries of several calendars in one, each time zone once; one calendar stays as it is."""
    if len(calendars) < 2:
        return "".join(calendars)
    together = Calendar()
    together.add("prodid", "-//Summit//Seats//EN")
    together.add("version", "2.0")
    together.add("method", "PUBLISH")
    zones: set[str] = set()
    for text in calendars:
        for part in Calendar.from_ical(text).subcomponents:
            if part.name == "VTIMEZONE" and str(part["TZID"]) in zones:
                continue
            zones.add(str(part.get("TZID", "")))
            together.add_component(part)
    return together.to_ical().decode()


# --- Announcements --------------------------------------------------------------------------------------------------------------


@writes(announcing.KIND)
def announcement(message: Message) -> Letter:
    found = _announcement(message)
    if found.status == Announcement.Status.STOPPED:
        raise NoLongerTrue(announcing.STOPPED)
    attendee = Attendee.objects.filter(pk=message.context["attendee"], user__is_active=True).first()
    if attendee is None:
        raise NoLongerTrue("The person no longer exists.")
    return _announce(message, found, attendee.name)


@writes(f"{announcing.KIND}_test")
def announcement_test(message: Message) -> Letter:
    user = User.objects.select_related("attendee").get(pk=message.context["user"])
    return _announce(message, _announcement(message), user.get_short_name(), test=True)


def _announcement(message: Message) -> Announcement:
    found = Announcement.objects.select_related("event", "session__event", "session__room__venue")
    if (one := found.filter(pk=message.context["announcement"]).first()) is None:
        raise NoLongerTrue("The announcement no longer exists.")
    return one


def _announce(message: Message, found: Announcement, name: str, *, test: bool = False) -> Letter:
    values = announcing.values(found, name)
    subject = announcing.fill(found.subject, values)
    return _notice(
        message,
        None if found.must_reach else Topic.ANNOUNCEMENTS,
        subject=_("[Test] %(subject)s") % {"subject": subject} if test else subject,
        heading=subject,
        paragraphs=announcing.fill(found.body, values),
        session=found.session,
        button=(_("See my programme"), values["programme"]),
        is_test=test,
    )


# --- What they share ------------------------------------------------------------------------------------------------------------


def _address(name: str, *args: str) -> str:
    return settings.BASE_URL + reverse(name, args=args)


def _calendar(registration: Registration) -> str:
    session = registration.session
    url = settings.BASE_URL + session.get_absolute_url()
    return seat_calendar(registration, summary=session.title, description=url, url=url, at=clock.now())


def _notice(
    message: Message,
    topic: str | None,
    *,
    subject: str,
    button: tuple[str, str],
    heading: str = "",
    opening: str = "",
    paragraphs: str = "",
    session: Session | None = None,
    note: str = "",
    after: Iterable[str] = (),
    is_test: bool = False,
) -> Letter:
    """A letter about one thing. With a `topic` it is one that people may do without: it says how, in its text and in its headers
    (RFC 8058), and is not sent to whoever has said so since it was queued."""
    headers: dict[str, str] = {}
    choice_url = ""
    if topic:
        if topic in choices.off(message.to) and not is_test:
            raise NoLongerTrue("The person wants no such mails any more.")
        choice_url = _address("registrations:unwanted", choices.key(message.to, topic))
        headers = {"List-Unsubscribe": f"<{choice_url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    context: dict[str, Any] = {
        "heading": heading or (session.title if session else subject),
        "opening": opening,
        "paragraphs": paragraphs,
        "session": session,
        "note": note,
        "button": button[0],
        "button_url": button[1],
        "after": after,
        "session_url": settings.BASE_URL + session.get_absolute_url() if session else "",
        "topic": Topic(topic).label if topic else "",
        "choice_url": choice_url,
    }
    return Letter(
        subject,
        render_to_string("registrations/emails/notice.txt", context),
        render_to_string("registrations/emails/notice.html", context),
        headers=headers,
    )
