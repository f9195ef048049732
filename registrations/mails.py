"""The mails about a seat, written by a worker just before it sends them (outbox.domain.mail_kinds), in words that
organisers may change."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core import clock
from core.templatetags.when import moment
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter, NoLongerTrue, link, writes
from outbox.models import Message
from programme.models import Session
from registrations.domain import waitlist
from registrations.domain.calendars import invitation
from registrations.domain.facts import facts_of
from registrations.models import Registration

Status = Registration.Status
Ending = Registration.Ending


@dataclass(frozen=True)
class Frame:
    """What stands around the words of a mail: its one button, the lines that are facts and no template, and what
    somebody wrote."""

    button: str
    url: str
    facts: tuple[str, ...] = ()
    quoted: str = ""
    quote: str = ""


# --- A seat, an offer, a request --------------------------------------------------------------------------------------


def confirmed_letter(registration: Registration) -> Letter:
    key = "confirmed"
    if registration.reason:
        key = "confirmed.granted"
    elif registration.waiting_at and registration.session.waiting_list != Session.WaitingList.OFFER:
        key = "confirmed.promoted"
    facts = (_("The attached file adds the session to your calendar."),)
    frame = Frame(
        _("See my programme"), link("registrations:me"), facts, _("The organisers’ answer"), registration.answer
    )
    return _letter(registration, key, frame, calendar=invitation([registration]))


def waiting_letter(registration: Registration) -> Letter:
    facts = (
        _("You’re number %(place)d on the waiting list.")
        % {"place": waitlist.places([registration]).get(registration.pk, 1)},
    )
    return _letter(
        registration, "waiting", Frame(_("See my place on the waiting list"), _seat_page(registration), facts)
    )


def offered_letter(registration: Registration, key: str = "offered") -> Letter:
    facts = (_("Opening the page doesn’t commit you to anything: you accept or decline there."),)
    return _letter(registration, key, Frame(_("Accept or decline"), _seat_page(registration), facts))


def requested_letter(registration: Registration) -> Letter:
    kept = _("A seat is held for you until they answer by email.")
    facts = (kept if registration.pool_id else _("They’ll answer by email. No seat is held for you until then."),)
    frame = Frame(
        _("See my request"), _seat_page(registration), facts, _("What you wrote to them"), registration.reason
    )
    return _letter(registration, "requested", frame)


def declined_letter(registration: Registration) -> Letter:
    frame = Frame(
        _("See what else is on that day"), _day_of(registration), (), _("The organisers’ answer"), registration.answer
    )
    return _letter(registration, "declined", frame)


def moved_to_waitlist_letter(registration: Registration, *, had_seat: bool) -> Letter:
    place = waitlist.places([registration]).get(registration.pk, 1)
    facts = [
        _(
            "You’re number %(place)d on the waiting list. The session’s page explains what happens when a seat becomes "
            "free."
        )
        % {"place": place}
    ]
    if had_seat:
        facts.append(_("The attached file removes the session from your calendar."))
    frame = Frame(_("See my place on the waiting list"), _seat_page(registration), tuple(facts))
    return _letter(
        registration,
        "moved_to_waitlist",
        frame,
        calendar=invitation([registration], cancelled=True) if had_seat else "",
    )


def cancelled_letter(registration: Registration, *, had_seat: bool, institution: str = "") -> Letter:
    """`institution`: its name, where it took the person off its list."""
    key, button, url = _farewell(registration, had_seat=had_seat)
    facts = (_("The attached file removes the session from your calendar."),) if had_seat else ()
    return _letter(
        registration,
        f"cancelled.{key}",
        Frame(button, url, facts),
        calendar=invitation([registration], cancelled=True) if had_seat else "",
        institution=institution or _("name of the institution"),
    )


def _farewell(registration: Registration, *, had_seat: bool) -> tuple[str, str, str]:
    """Which of the endings it was, and where to go from there."""
    here, mine = _seat_page(registration), link("registrations:me")
    match registration.ending:
        case Ending.BY_ORGANISERS:
            return "by_organisers", _("Browse the programme"), link("programme:programme")
        case Ending.LEFT_COHORT:
            return "left_cohort", _("Browse the programme"), link("programme:programme")
        case Ending.SWAPPED:
            return "swapped", _("See my programme"), mine
        case Ending.OFFER_DECLINED:
            return "offer_declined", _("See my programme"), mine
        case Ending.OFFER_EXPIRED:
            return "offer_expired", _("Join the waiting list"), here
        case Ending.NOT_RECONFIRMED:
            return "not_reconfirmed", _("Register again"), here
        case Ending.SESSION_CANCELLED if registration.session.status == Session.Status.CANCELLED:
            return "session_cancelled", _("See what else is on that day"), _day_of(registration)
        case Ending.SESSION_CANCELLED:
            return "takes_place", _("Register again"), here
        case _ if not had_seat:
            return "withdrawn", _("Ask again"), here
        case _:
            return "by_person", _("Register again"), here


# --- When they are due ------------------------------------------------------------------------------------------------


@writes("registrations.confirmed")
def confirmed(message: Message) -> Letter:
    return confirmed_letter(_registration(message, Status.CONFIRMED))


@writes("registrations.waiting")
def waiting(message: Message) -> Letter:
    return waiting_letter(_registration(message, Status.WAITING))


@writes("registrations.offered")
def offered(message: Message) -> Letter:
    return offered_letter(_offer(message))


@writes("registrations.offer_ends")
def offer_ends(message: Message) -> Letter:
    registration = _offer(message)
    if registration.offer_expires_at != datetime.fromisoformat(message.context["until"]):
        raise NoLongerTrue(gettext_noop("Another offer has been made since."))
    return offered_letter(registration, "offer_ends")


@writes("registrations.requested")
def requested(message: Message) -> Letter:
    return requested_letter(_registration(message, Status.PENDING))


@writes("registrations.declined")
def declined(message: Message) -> Letter:
    return declined_letter(_registration(message, Status.DECLINED))


@writes("registrations.moved_to_waitlist")
def moved_to_waitlist(message: Message) -> Letter:
    registration = _registration(message, Status.WAITING)
    return moved_to_waitlist_letter(registration, had_seat=registration.was_confirmed)


@writes("registrations.cancelled")
def cancelled(message: Message) -> Letter:
    registration = _registration(message, Status.CANCELLED)
    return cancelled_letter(
        registration, had_seat=registration.was_confirmed, institution=message.context.get("institution", "")
    )


def _registration(message: Message, status: str) -> Registration:
    """The registration that `message` is about; raises NoLongerTrue when it is no longer as the mail would say."""
    registration = Registration.objects.select_related(
        "session__event__edition", "session__room__venue", "attendee__user"
    ).get(uuid=message.context["registration"])
    if registration.status != status:
        raise NoLongerTrue(gettext_noop("The registration has changed since this email was queued."))
    return registration


def _offer(message: Message) -> Registration:
    registration = _registration(message, Status.OFFERED)
    if registration.offer_expires_at is None or registration.offer_expires_at <= clock.now():
        raise NoLongerTrue(gettext_noop("The offer has expired."))
    return registration


# --- What they share --------------------------------------------------------------------------------------------------


def _seat_page(registration: Registration) -> str:
    return link("registrations:seat", registration.session.slug)


def _day_of(registration: Registration) -> str:
    return f"{link('programme:programme')}?day={registration.session.day:%Y-%m-%d}"


def _letter(registration: Registration, key: str, frame: Frame, *, calendar: str = "", **more: str) -> Letter:
    session, until = registration.session, registration.offer_expires_at
    known = (
        facts_of(session)
        | {"name": registration.attendee.name, "until": moment(until, session.zone) if until else ""}
        | more
    )
    texts = mail_templates.texts_of(f"registrations.{key}").fill(known)
    context = {
        "edition": session.event.edition,
        "session": session,
        "texts": texts,
        "frame": frame,
        "session_url": settings.BASE_URL + session.get_absolute_url(),
    }
    return Letter(
        texts.subject,
        render_to_string("registrations/emails/seat.txt", context),
        render_to_string("registrations/emails/seat.html", context),
        calendar,
    )
