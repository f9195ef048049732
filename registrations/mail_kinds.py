"""The kinds of mail about sessions and seats, one place for each: its name, its standard words, what may be filled in,
and what it is shown about before anybody gets it (docs/rules.md#mail-templates)."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import clock
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter
from programme.models import Session
from registrations import mails
from registrations.domain import examples
from registrations.domain.facts import PLACEHOLDERS
from registrations.models import Registration

Status = Registration.Status
Ending = Registration.Ending

# --- Seats ------------------------------------------------------------------------------------------------------------

UNTIL = PLACEHOLDERS | {"until": _("when the offer ends")}


def _sample(
    write: Callable[[Registration], Letter], find: Q, like: dict[str, Any], session_status: str, reader: User
) -> Letter | None:
    registration = examples.registration(find, like, reader, session_status=session_status)
    if registration is None:
        return None
    if registration.status == Status.OFFERED and (
        registration.offer_expires_at is None or registration.offer_expires_at <= clock.now()
    ):
        registration.offer_expires_at = clock.now() + timedelta(hours=6)
    return write(registration)


def _seat(
    key: str,
    label: Any,
    write: Callable[[Registration], Letter],
    subject: Any,
    opening: Any,
    closing: Any = "",
    *,
    find: Q,
    like: dict[str, Any],
    placeholders: dict[str, Any] = PLACEHOLDERS,
    session_status: str = "",
) -> None:
    sample = partial(_sample, write, find, like, session_status)
    kind = mail_templates.Kind(
        f"registrations.{key}", label, _("Seats"), subject, opening, closing, placeholders, sample
    )
    mail_templates.register(kind)


_holds = Q(status=Status.CONFIRMED)
_seat(
    "confirmed",
    _("Seat confirmed"),
    mails.confirmed_letter,
    _("Your seat: %(title)s"),
    _("%(name)s, your seat is confirmed."),
    _("If you can’t come, please give up your seat: someone else will be glad of it."),
    find=_holds & Q(reason="", waiting_at=None),
    like={"status": Status.CONFIRMED},
)
_seat(
    "confirmed.promoted",
    _("A seat from the waiting list"),
    mails.confirmed_letter,
    _("A seat for you: %(title)s"),
    _("%(name)s, a seat has become free: it’s yours."),
    _("If you can’t come, please give up your seat: someone else will be glad of it."),
    find=_holds & Q(reason="", waiting_at__isnull=False) & ~Q(session__waiting_list=Session.WaitingList.OFFER),
    like={"status": Status.CONFIRMED, "waiting_at": clock.now()},
)
_seat(
    "confirmed.granted",
    _("Request granted"),
    mails.confirmed_letter,
    _("Request granted: %(title)s"),
    _("%(name)s, the organisers have granted your request: you have a seat."),
    _("If you can’t come, please give up your seat: someone else will be glad of it."),
    find=_holds & ~Q(reason=""),
    like={"status": Status.CONFIRMED, "reason": "…"},
)
_seat(
    "requested",
    _("Request received"),
    mails.requested_letter,
    _("Request received: %(title)s"),
    _("%(name)s, the organisers have received your request."),
    find=Q(status=Status.PENDING),
    like={"status": Status.PENDING},
)
_seat(
    "declined",
    _("Request declined"),
    mails.declined_letter,
    _("Your request: %(title)s"),
    _("%(name)s, the organisers can’t give you a seat in this session."),
    find=Q(status=Status.DECLINED),
    like={"status": Status.DECLINED},
)
_seat(
    "waiting",
    _("On the waiting list"),
    mails.waiting_letter,
    _("On the waiting list: %(title)s"),
    _("%(name)s, this session is full: you’re on the waiting list."),
    _(
        "You don’t need to do anything: we’ll email you as soon as a seat becomes free for you.\nIf you no longer want "
        "one, leave the waiting list on the session’s page."
    ),
    find=Q(status=Status.WAITING),
    like={"status": Status.WAITING},
)
_seat(
    "offered",
    _("Seat offered"),
    mails.offered_letter,
    _("You’ve been offered a seat: %(title)s"),
    _("%(name)s, a seat has become free. It’s held for you until %(until)s."),
    _("If you don’t answer, the seat goes to the next person on the waiting list, and you leave the list."),
    find=Q(status=Status.OFFERED),
    like={"status": Status.OFFERED},
    placeholders=UNTIL,
)
_seat(
    "offer_ends",
    _("Offer about to expire"),
    partial(mails.offered_letter, key="offer_ends"),
    _("We are waiting for your answer: %(title)s"),
    _("%(name)s, a seat is held for you until %(until)s, and you haven’t answered yet."),
    _("If you don’t answer, the seat goes to the next person on the waiting list, and you leave the list."),
    find=Q(status=Status.OFFERED),
    like={"status": Status.OFFERED},
    placeholders=UNTIL,
)
_seat(
    "moved_to_waitlist",
    _("Back on the waiting list"),
    partial(mails.moved_to_waitlist_letter, had_seat=True),
    _("Back on the waiting list: %(title)s"),
    _("%(name)s, this session can take fewer people than planned. We’re sorry, but we’ve had to take your seat back."),
    find=Q(pk=None),  # whoever waits now may have waited from the beginning
    like={"status": Status.WAITING},
)


def _ended(
    key: str,
    ending: str,
    label: Any,
    subject: Any,
    opening: Any,
    closing: Any = "",
    *,
    had_seat: bool = True,
    session_status: str = "",
    placeholders: dict[str, Any] = PLACEHOLDERS,
) -> None:
    find = Q(status=Status.CANCELLED, ending=ending)
    if session_status:
        find &= Q(session__status=session_status)
    if ending == Ending.BY_PERSON:
        was_confirmed = Exists(Registration.history.filter(uuid=OuterRef("uuid"), status=Status.CONFIRMED))
        find &= Q(was_confirmed) if had_seat else ~Q(was_confirmed)
    like = {"status": Status.CANCELLED, "ending": ending}
    write = partial(mails.cancelled_letter, had_seat=had_seat)
    _seat(
        f"cancelled.{key}",
        label,
        write,
        subject,
        opening,
        closing,
        find=find,
        like=like,
        session_status=session_status,
        placeholders=placeholders,
    )


_ended(
    "by_person",
    Ending.BY_PERSON,
    _("Seat given up"),
    _("You’ve given up your seat: %(title)s"),
    _("%(name)s, you’ve given up your seat."),
    _("You can register again as long as there are seats left."),
)
_ended(
    "withdrawn",
    Ending.BY_PERSON,
    _("Request withdrawn"),
    _("Request withdrawn: %(title)s"),
    _("%(name)s, your request has been withdrawn."),
    _("You can ask again as long as there are seats left."),
    had_seat=False,
)
_ended(
    "swapped",
    Ending.SWAPPED,
    _("Seat given up for another"),
    _("Seat given up: %(title)s"),
    _("%(name)s, you’ve given up this seat for another session."),
)
_ended(
    "offer_declined",
    Ending.OFFER_DECLINED,
    _("Offer declined"),
    _("Offer declined: %(title)s"),
    _("%(name)s, you’ve declined the seat you were offered: it goes to the next person on the waiting list."),
    had_seat=False,
)
_ended(
    "offer_expired",
    Ending.OFFER_EXPIRED,
    _("Offer expired without an answer"),
    _("Offer expired: %(title)s"),
    _(
        "%(name)s, your time to answer is up: the seat you were offered has gone to the next person on the waiting "
        "list."
    ),
    _("You’re no longer on the waiting list. You can join it again, at the end."),
    had_seat=False,
)
_ended(
    "not_reconfirmed",
    Ending.NOT_RECONFIRMED,
    _("Seat released: no answer"),
    _("Seat released: %(title)s"),
    _(
        "%(name)s, you didn’t confirm that you’re still coming: your seat has gone to the next person on the waiting "
        "list."
    ),
    _("If you’d still like to come, register again while there are seats left, or join the waiting list."),
)
_ended(
    "by_organisers",
    Ending.BY_ORGANISERS,
    _("Registration cancelled by the organisers"),
    _("Registration cancelled: %(title)s"),
    _("%(name)s, the organisers have cancelled your registration for this session."),
)
_ended(
    "left_cohort",
    Ending.LEFT_COHORT,
    _("Removed from an institution’s list"),
    _("Registration cancelled: %(title)s"),
    _(
        "%(name)s, you’re no longer on the list of your institution, %(institution)s. The seat reserved for you has "
        "been released."
    ),
    _(
        "If this is a mistake, tell your institution. You can still register yourself for anything that is open to "
        "everybody."
    ),
    placeholders=PLACEHOLDERS | {"institution": _("the institution the list belongs to")},
)
_ended(
    "session_cancelled",
    Ending.SESSION_CANCELLED,
    _("Session cancelled"),
    _("Session cancelled: %(title)s"),
    _("%(name)s, we’re sorry: this session has been cancelled."),
    session_status=Session.Status.CANCELLED,
)
_ended(
    "takes_place",
    Ending.SESSION_CANCELLED,
    _("Session going ahead after all"),
    _("Going ahead after all: %(title)s"),
    _("%(name)s, this session had been cancelled, and your registration with it. It’s now going ahead after all."),
    _("If you still want to come, register again."),
    session_status=Session.Status.PUBLISHED,
)
