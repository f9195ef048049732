"""The mails about a seat, written by a worker just before it sends them (outbox.domain.kinds)."""

from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Attendee
from outbox.domain.kinds import Letter, NoLongerTrue, writes
from outbox.models import Message
from programme.models import Session
from registrations.domain import waitlist, wishes
from registrations.domain.calendars import seat_calendar
from registrations.models import AllocationRun, Registration
from venues.templatetags.when import moment

Status = Registration.Status
Ending = Registration.Ending


@dataclass(frozen=True)
class Words:
    """What a mail says around the facts of the session: a subject and an opening, in which %(title)s, %(name)s and %(until)s (the
    end of an offer) may stand, the one button, and the lines below. `quote` is what somebody wrote, `quoted` says who."""

    subject: str
    opening: str
    button: str
    url: str
    after: tuple[str, ...] = ()
    quoted: str = ""
    quote: str = ""


@writes("registrations.confirmed")
def confirmed(message: Message) -> Letter:
    registration = _registration(message, Status.CONFIRMED)
    subject, opening = _("Your seat: %(title)s"), _("%(name)s, your seat is confirmed.")
    if registration.reason:
        subject, opening = _("Request granted: %(title)s"), _("%(name)s, the organisers have granted your request: you have a seat.")
    elif registration.waiting_at and registration.session.waiting_list != Session.WaitingList.OFFER:
        subject, opening = _("A seat for you: %(title)s"), _("%(name)s, a seat has become free: it is yours.")
    words = Words(
        subject,
        opening,
        _("See my programme"),
        _address("registrations:me"),
        (
            _("The attached entry puts the session into your calendar."),
            _("If you cannot come, please give your seat back: someone else will be glad of it."),
        ),
        _("The organisers’ answer"),
        registration.answer,
    )
    return _letter(registration, words, calendar=_calendar(registration))


@writes("registrations.offered")
def offered(message: Message) -> Letter:
    registration = _registration(message, Status.OFFERED)
    if registration.offer_expires_at is None or registration.offer_expires_at <= timezone.now():
        raise NoLongerTrue("The offer has ended.")
    after = (
        _("Without an answer, the seat goes to the next in line, and you leave the waiting list."),
        _("Nothing is decided by opening the page: there you accept or decline."),
    )
    opening = _("%(name)s, a seat has become free. It is kept for you until %(until)s.")
    return _letter(
        registration, Words(_("A seat is offered to you: %(title)s"), opening, _("Accept or decline"), _seat_page(registration), after)
    )


@writes("registrations.requested")
def requested(message: Message) -> Letter:
    registration = _registration(message, Status.PENDING)
    kept = _("A seat is kept for you until they answer by mail.")
    words = Words(
        _("Request received: %(title)s"),
        _("%(name)s, the organisers have your request."),
        _("See my request"),
        _seat_page(registration),
        (kept if registration.pool_id else _("They answer by mail. No seat is taken until then."),),
        _("What you wrote to them"),
        registration.reason,
    )
    return _letter(registration, words)


@writes("registrations.declined")
def declined(message: Message) -> Letter:
    registration = _registration(message, Status.DECLINED)
    words = Words(
        _("Your request: %(title)s"),
        _("%(name)s, the organisers cannot give you a seat in this session."),
        _("See what else happens that day"),
        _day_of(registration),
        quoted=_("The organisers’ answer"),
        quote=registration.answer,
    )
    return _letter(registration, words)


@writes("registrations.moved_to_line")
def moved_to_line(message: Message) -> Letter:
    registration = _registration(message, Status.WAITING)
    place = waitlist.places([registration])[registration.pk]
    cancels = registration.was_confirmed
    after = [_("You are number %(place)d on the waiting list. The page says what happens when a seat becomes free.") % {"place": place}]
    if cancels:
        after.append(_("The attached entry takes the session out of your calendar."))
    words = Words(
        _("Back on the waiting list: %(title)s"),
        _("%(name)s, fewer people can come to this session than planned. We had to take your seat back, and we are sorry."),
        _("See my place in line"),
        _seat_page(registration),
        tuple(after),
    )
    return _letter(registration, words, calendar=_calendar(registration, cancelled=True) if cancels else "")


@writes("registrations.cancelled")
def cancelled(message: Message) -> Letter:
    registration = _registration(message, Status.CANCELLED)
    words = _farewell(registration)
    if not registration.was_confirmed:
        return _letter(registration, words)
    after = (*words.after, _("The attached entry takes the session out of your calendar."))
    words = Words(words.subject, words.opening, words.button, words.url, after)
    return _letter(registration, words, calendar=_calendar(registration, cancelled=True))


def _farewell(registration: Registration) -> Words:
    here = _seat_page(registration)
    match registration.ending:
        case Ending.BY_ORGANISERS:
            opening = _("%(name)s, the organisers have cancelled your registration for this session.")
            return Words(_("Registration cancelled: %(title)s"), opening, _("Read the programme"), _address("programme:programme"))
        case Ending.SWAPPED:
            opening = _("%(name)s, you gave this seat up for another session.")
            return Words(_("Seat given up: %(title)s"), opening, _("See my programme"), _address("registrations:me"))
        case Ending.OFFER_DECLINED:
            opening = _("%(name)s, you declined the seat that was offered to you: it goes to the next in line.")
            return Words(_("Offer declined: %(title)s"), opening, _("See my programme"), _address("registrations:me"))
        case Ending.OFFER_EXPIRED:
            opening = _("%(name)s, the time to answer is over: the seat that was offered to you went to the next in line.")
            after = _("You are no longer on the waiting list. You can join it again, at its end.")
            return Words(_("Offer ended: %(title)s"), opening, _("Join the waiting list"), here, (after,))
        case Ending.NOT_RECONFIRMED:
            opening = _("%(name)s, you did not say that you still come: your seat went to the next in line.")
            after = _("If you want to come after all, register again: as long as places are left, or by the waiting list.")
            return Words(_("Seat released: %(title)s"), opening, _("Register again"), here, (after,))
        case Ending.SESSION_CANCELLED if registration.session.status == Session.Status.CANCELLED:
            opening = _("%(name)s, this session is cancelled. We are sorry.")
            return Words(_("Session cancelled: %(title)s"), opening, _("See what else happens that day"), _day_of(registration))
        case Ending.SESSION_CANCELLED:
            opening = _("%(name)s, this session had been cancelled, and your registration with it. It takes place after all.")
            after = _("If you still want to come, register again.")
            return Words(_("It takes place after all: %(title)s"), opening, _("Register again"), here, (after,))
        case _ if not registration.was_confirmed:
            after = _("You can ask again as long as places are left.")
            return Words(_("Request withdrawn: %(title)s"), _("%(name)s, your request is withdrawn."), _("Ask again"), here, (after,))
        case _:
            after = _("You can register again as long as places are left.")
            opening = _("%(name)s, your seat is given back.")
            return Words(_("Seat given back: %(title)s"), opening, _("Register again"), here, (after,))


def _registration(message: Message, status: str) -> Registration:
    """The registration that `message` is about; raises NoLongerTrue when it is no longer as the mail would say."""
    found = Registration.objects.select_related("session__event", "session__room__venue", "attendee__user")
    registration = found.get(uuid=message.context["registration"])
    if registration.status != status:
        raise NoLongerTrue(f"The registration is {registration.status} now.")
    return registration


@writes("registrations.allocated")
def allocated(message: Message) -> Letter:
    """The whole result of an allocation for one person; the seats that they got are confirmed by mails of their own."""
    said = message.context
    attendee = Attendee.objects.select_related("user").get(pk=said["attendee"])
    allocation = AllocationRun.objects.defer("inputs", "results").select_related("allocation").get(uuid=said["run"]).allocation
    outcomes = wishes.outcomes(said["wishes"], said["answers"], attendee)
    context = {
        "allocation": allocation,
        "attendee": attendee,
        "given": [outcome for outcome in outcomes if outcome.is_given],
        "refused": [outcome for outcome in outcomes if not outcome.is_given],
        "result_url": settings.BASE_URL + reverse("registrations:allocation", args=[allocation.slug]),
    }
    return Letter(
        _("%(title)s: your result") % {"title": allocation.title},
        render_to_string("registrations/emails/allocated.txt", context),
        render_to_string("registrations/emails/allocated.html", context),
    )


def _address(name: str, *args: str) -> str:
    return settings.BASE_URL + reverse(name, args=args)


def _seat_page(registration: Registration) -> str:
    return _address("registrations:seat", registration.session.slug)


def _day_of(registration: Registration) -> str:
    return f"{_address('programme:programme')}?day={registration.session.day:%Y-%m-%d}"


def _calendar(registration: Registration, *, cancelled: bool = False) -> str:
    session = registration.session
    url = settings.BASE_URL + session.get_absolute_url()
    return seat_calendar(registration, summary=session.title, description=url, url=url, at=timezone.now(), cancelled=cancelled)


def _letter(registration: Registration, words: Words, *, calendar: str = "") -> Letter:
    session = registration.session
    until = registration.offer_expires_at
    values = {"title": session.title, "name": registration.attendee.name, "until": moment(until, session.zone) if until else ""}
    context = {
        "session": session,
        "words": words,
        "opening": words.opening % values,
        "session_url": settings.BASE_URL + session.get_absolute_url(),
    }
    return Letter(
        words.subject % values,
        render_to_string("registrations/emails/seat.txt", context),
        render_to_string("registrations/emails/seat.html", context),
        calendar,
    )
