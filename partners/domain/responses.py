"""What somebody who was invited by their institution does: accept, decline, or be forgotten (docs/rules.md#answers)."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.domain import accounts
from accounts.models import Attendee, User
from core import erasure, legal_holds
from core.deadlocks import again_after_deadlock
from core.erasure import Report, Why
from partners.domain import applying
from partners.domain.erasure import forget
from partners.models import Invitee
from programme.models import Session
from registrations.domain import booking, cohorts
from registrations.domain.ways_in import SeatRefused
from registrations.models import Cohort, Registration

Status = Invitee.Status


class Gone(Exception):
    """The person is no longer on the list: the link has become nobody's."""


class Complete(Exception):
    """The cohort has as many members as it may; the message is the sentence to show."""


class OnHold(Exception):
    """What is known about the person must be kept for a while; the message is the sentence to show."""


class Answered(Exception):
    """The invitation has had its answer: its link alone changes it no more."""


class Over(Exception):
    """The edition of the cohort is archived: there is nothing to answer any more."""


class Moved(Exception):
    """Somebody else has changed the name since the form was drawn."""


@dataclass
class Accepted:
    """Who the invitee is now, whether the account was opened by this, and what became of each session that was
    chosen."""

    attendee: Attendee
    opened_account: bool
    is_first_time: bool
    seats: list[tuple[Session, Registration | None, str]] = field(default_factory=list)


def sessions_for(cohort: Cohort, at: datetime) -> list[Session]:
    """The sessions to come that keep seats for the cohort, full ones too, in order of time."""
    kept = cohort.allotments.filter(closed=False, seats__gt=0).values("session")
    sessions = Session.objects.filter(pk__in=kept, status=Session.Status.PUBLISHED, starts_at__gt=at)
    return list(
        sessions.select_related("event__edition", "room__venue", "track").order_by("starts_at", "ends_at", "pk")
    )


@again_after_deadlock
def accept(
    invitee: Invitee, slugs: Collection[str], *, language: str, at: datetime, first_only: bool = False
) -> Accepted:
    """Make the person a member of the cohort, with an account of their own, and give them the seats that they chose, or
    a place on the waiting list.

    Of two who accept at once, one opens the account and both see the same. Seats are asked for one by one afterwards:
    one that is refused, full or clashing, costs no other. `first_only`: whoever asks has shown no more than the link.
    Raises Gone, Over, Answered, and Complete when the cohort has its people.
    """
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = (
            Invitee.objects.select_related("cohort__edition", "attendee__user")
            .filter(pk=invitee.pk, key_version=invitee.key_version)
            .first()
        )
        if current is None:
            raise Gone
        if current.cohort.edition.is_archived:
            raise Over
        _check_turn(current, first_only)
        first_time, is_new = current.status != Status.ACCEPTED, False
        if first_time:
            user, is_new = accounts.find_or_open(current.email, language=language)
            attendee = getattr(user, "attendee", None) or accounts.introduce(
                user, name=str(current) or user.email.partition("@")[0]
            )
        elif current.attendee:  # who they became then, whatever address the list gives them since
            attendee = current.attendee
        else:
            raise Gone
        if first_time:
            try:
                cohorts.add_member(current.cohort, attendee, actor=user, at=at)
            except ValidationError as error:
                raise Complete(" ".join(error.messages)) from error
            current.status, current.attendee, current.answered_at = Status.ACCEPTED, attendee, at
            current._history_user = user
            current.save(update_fields=["status", "attendee", "answered_at"])
    accepted = Accepted(attendee, is_new, first_time)
    for session in sessions_for(current.cohort, at):
        if session.slug in slugs:
            accepted.seats.append((session, *_seat(session, attendee, at)))
    return accepted


def _seat(session: Session, attendee: Attendee, at: datetime) -> tuple[Registration | None, str]:
    try:
        return booking.register(booking.Ask(session, attendee, actor=attendee.user, at=at, waits=True)), ""
    except SeatRefused as refused:
        return None, str(refused)


def correct(
    invitee: Invitee, *, last_name: str, first_name: str, seen: str, at: datetime, first_only: bool = False
) -> Invitee:
    """Write the name as the person does: their institution sees it so, and no list of it changes it any more. `seen`
    is the name that the form showed. Raises Gone, Over, Answered, and Moved when it is another one by now."""
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = (
            Invitee.objects.select_related("cohort__edition", "attendee__user")
            .filter(pk=invitee.pk, key_version=invitee.key_version)
            .first()
        )
        if current is None:
            raise Gone
        if current.cohort.edition.is_archived:
            raise Over
        _check_turn(current, first_only)
        if (current.last_name, current.first_name) == (last_name, first_name):
            return current
        if name_seen(current) != seen:
            raise Moved
        current.last_name, current.first_name, current.corrected_at = last_name, first_name, at
        current._history_user = current.attendee.user if current.attendee else None
        current._change_reason = "corrected"
        current.save(update_fields=["last_name", "first_name", "corrected_at"])
    return current


def address_of(invitee: Invitee) -> str:
    """Where the person is reached who may change the answer: by the account of whoever accepted, else as listed."""
    return invitee.attendee.user.email if invitee.attendee else invitee.email


def _check_turn(current: Invitee, first_only: bool) -> None:
    if first_only and current.status != Status.INVITED:
        raise Answered


def name_seen(invitee: Invitee) -> str:
    """What tells the name of `invitee` from every other, for `correct`."""
    return hashlib.sha256(f"{invitee.last_name}\n{invitee.first_name}".encode()).hexdigest()[:16]


@again_after_deadlock
def decline(invitee: Invitee, *, at: datetime, first_only: bool = False) -> Invitee:
    """Say no, and give back what the cohort gave: its seats go to its line. Once more changes nothing. Raises Gone,
    Over, and Answered."""
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = (
            Invitee.objects.select_related("cohort__edition", "attendee__user")
            .filter(pk=invitee.pk, key_version=invitee.key_version)
            .first()
        )
        if current is None:
            raise Gone
        if current.cohort.edition.is_archived:
            raise Over
        _check_turn(current, first_only)
        if current.status == Status.DECLINED:
            return current
        current._history_user = current.attendee.user if current.attendee else None
        if current.attendee:
            cohorts.part_with(current.cohort, current.attendee, actor=current.attendee.user, at=at)
        current.status, current.attendee, current.answered_at = Status.DECLINED, None, at
        current.save(update_fields=["status", "attendee", "answered_at"])
    return current


@again_after_deadlock
def erase(invitee: Invitee, *, at: datetime, first_only: bool = False) -> Report:
    """Forget what the institution has said about the person: the row, its history, the mails; and keep a hash alone, so
    that they are not named again. Their institution learns that somebody declined. An account that they opened stays
    theirs; of whoever has none, and stands on no other list, everything goes. Raises Gone, Answered, and OnHold where
    a legal hold names the person."""
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = (
            Invitee.objects.select_related("cohort", "attendee__user")
            .filter(pk=invitee.pk, key_version=invitee.key_version)
            .first()
        )
        if current is None:
            raise Gone
        _check_turn(current, first_only)
        account = {current.attendee.user_id} if current.attendee else set()
        for hold in [found.hold for found in legal_holds.naming({current.email}, account, at)]:
            said = {"until": date_format(hold.until), "reason": hold.reason}
            raise OnHold(
                _("Nothing has been erased: the law has us keep your data until %(until)s (%(reason)s).") % said
            )
        has_account = current.attendee or User.objects.filter(email=current.email).exists()
        if not has_account and not Invitee.objects.filter(email=current.email).exclude(pk=current.pk).exists():
            return erasure.erase((), [current.email], why=Why.LINK, at=at)
        if current.attendee:
            cohorts.part_with(current.cohort, current.attendee, actor=current.attendee.user, at=at)
        return forget([current], at=at)
