"""The mails about a seat, written by a worker just before it sends them (outbox.domain.kinds)."""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from outbox.domain.kinds import Letter, NoLongerTrue, writes
from outbox.models import Message
from registrations.domain.calendars import seat_calendar
from registrations.models import Registration


@writes("registrations.confirmed")
def confirmed(message: Message) -> Letter:
    registration = _registration(message)
    if registration.status != Registration.Status.CONFIRMED:
        raise NoLongerTrue(f"The registration is {registration.status} now.")
    return _letter(registration, "confirmed", _("Your seat: %(title)s"))


@writes("registrations.cancelled")
def cancelled(message: Message) -> Letter:
    registration = _registration(message)
    if registration.status != Registration.Status.CANCELLED:
        raise NoLongerTrue(f"The registration is {registration.status} now.")
    return _letter(registration, "cancelled", _("Seat given back: %(title)s"), cancelled=True)


def _registration(message: Message) -> Registration:
    return Registration.objects.select_related("session__event", "session__room__venue", "attendee__user").get(
        uuid=message.context["registration"]
    )


def _letter(registration: Registration, name: str, subject: str, *, cancelled: bool = False) -> Letter:
    session = registration.session
    url = settings.BASE_URL + session.get_absolute_url()
    context = {
        "registration": registration,
        "session": session,
        "attendee": registration.attendee,
        "session_url": url,
        "me_url": settings.BASE_URL + reverse("registrations:me"),
    }
    calendar = seat_calendar(registration, summary=session.title, description=url, url=url, at=timezone.now(), cancelled=cancelled)
    return Letter(
        subject % {"title": session.title},
        render_to_string(f"registrations/emails/{name}.txt", context),
        render_to_string(f"registrations/emails/{name}.html", context),
        calendar,
    )
