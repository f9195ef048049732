"""How the seats of people who are erased go back (core/erasure.py)."""

from functools import partial

from django.utils.translation import ngettext

from accounts.models import Attendee
from core.effects import watched
from core.erasure import People, Why
from programme.models import Session
from registrations.domain import booking, ledger, waitlist
from registrations.models import Registration, RegistrationQuerySet

ENDINGS = {
    Why.BY_ORGANISERS: Registration.Ending.BY_ORGANISERS,
    Why.RETENTION: Registration.Ending.BY_ORGANISERS,
}


def give_back(people: People) -> None:
    """Give back every seat, offer, request and place on a waiting list in sessions to come, with what follows for
    others, and keep the people locked from then on."""
    attendees = set(Attendee.objects.filter(user__in=people.accounts).values_list("pk", flat=True))
    if not attendees:
        return
    live = Registration.objects.live().filter(attendee__in=attendees, session__ends_at__gt=people.at)
    live = live.select_related("session__event__edition", "session__room__venue", "attendee__user").order_by("pk")
    number = 0
    with watched() as watch:
        while True:
            if sessions := list({registration.session: None for registration in live.all()}):
                number += waitlist.in_turn(sessions, attendees, partial(_end, people, live, sessions), people.at)
                continue
            ledger.lock_people(attendees)
            if not live.all():  # nobody takes another seat from here on
                break
    served = watch.mails["registrations.confirmed"] + watch.mails["registrations.offered"]
    if number:
        words = ngettext(
            "%(number)d seat or place on a waiting list in a coming session is given back.",
            "%(number)d seats or places on waiting lists in coming sessions are given back.",
            number,
        )
        people.report.said.append(words % {"number": number})
    if served:
        words = ngettext(
            "%(number)d person on a waiting list gets a seat or an offer, and an email about it.",
            "%(number)d people on waiting lists get a seat or an offer, and an email about it.",
            served,
        )
        people.report.said.append(words % {"number": served})


def _end(people: People, live: RegistrationQuerySet, sessions: list[Session]) -> int:
    registrations = list(live.filter(session__in=sessions))
    for registration in registrations:
        booking.end(registration, actor=people.actor, at=people.at, ending=ENDINGS.get(people.why, ""))
    return len(registrations)


def settle(people: People) -> None:
    """What is over leaves figures."""
    ledger.settle(people.keys[Registration], at=people.at, report=people.report)
