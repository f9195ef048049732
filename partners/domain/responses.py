"""What somebody who was invited by their institution does: accept, decline, or be forgotten (docs/rules.md#answers)."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from accounts.domain import accounts
from accounts.domain.addresses import addresses_of
from accounts.models import Attendee, User
from outbox.domain.suppression import ERASED
from outbox.models import Message
from partners.domain import applying, objections
from partners.models import Correction, Invitee, Objection
from programme.models import Session
from registrations.domain import booking, cohorts, ledger
from registrations.domain.ways_in import SeatRefused
from registrations.models import Cohort, Registration

Status = Invitee.Status


class Gone(Exception):
    """The person is no longer on the list: the link has become nobody's."""


class Complete(Exception):
    """The cohort has as many members as it may; the message is the sentence to show."""


class Over(Exception):
    """The edition of the cohort is archived: there is nothing to answer any more."""


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


@ledger.again_after_deadlock
def accept(invitee: Invitee, slugs: Collection[str], *, language: str, at: datetime) -> Accepted:
    """Make the person a member of the cohort, with an account of their own, and give them the seats that they chose, or
    a place on the waiting list.

    Of two who accept at once, one opens the account and both see the same. Seats are asked for one by one afterwards:
    one that is refused, full or clashing, costs no other. Raises Gone, Over, and Complete when the cohort has its
    people.
    """
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = (
            Invitee.objects.select_related("cohort__edition", "attendee__user")
            .filter(pk=invitee.pk, key=invitee.key)
            .first()
        )
        if current is None:
            raise Gone
        if current.cohort.edition.is_archived:
            raise Over
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


@ledger.again_after_deadlock
def decline(invitee: Invitee, *, at: datetime) -> Invitee:
    """Say no, and give back what the cohort gave: its seats go to its line. Once more changes nothing. Raises Gone and
    Over."""
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = (
            Invitee.objects.select_related("cohort__edition", "attendee__user")
            .filter(pk=invitee.pk, key=invitee.key)
            .first()
        )
        if current is None:
            raise Gone
        if current.cohort.edition.is_archived:
            raise Over
        if current.status == Status.DECLINED:
            return current
        current._history_user = current.attendee.user if current.attendee else None
        if current.attendee:
            cohorts.part_with(current.cohort, current.attendee, actor=current.attendee.user, at=at)
        current.status, current.attendee, current.answered_at = Status.DECLINED, None, at
        current.save(update_fields=["status", "attendee", "answered_at"])
    return current


@ledger.again_after_deadlock
def erase(invitee: Invitee, *, at: datetime) -> None:
    """Forget what the institution has said about the person: the row, its history, the mails; and keep a hash alone, so
    that they are not named again. Their institution learns that somebody declined. An account that they opened stays
    theirs. Raises Gone."""
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = (
            Invitee.objects.select_related("cohort", "attendee__user").filter(pk=invitee.pk, key=invitee.key).first()
        )
        if current is None:
            raise Gone
        if current.attendee:
            cohorts.part_with(current.cohort, current.attendee, actor=current.attendee.user, at=at)
        _forget(current, at)


def forget(user: User, *, at: datetime) -> None:
    """Take the person of `user` off every list, as `erase` does, and out of what is remembered of lists: their account
    is being erased."""
    emails, attendee = addresses_of(user), getattr(user, "attendee", None)
    for invitee in Invitee.objects.filter(Q(email__in=emails) | Q(attendee__user=user)):
        _forget(invitee, at)
    Invitee.history.filter(
        Q(email__in=emails) | Q(attendee_id=attendee.pk if attendee else None, attendee_id__isnull=False)
    ).delete()


def _forget(invitee: Invitee, at: datetime) -> None:
    final = {"is_final": True, "key_hash": objections.key_hash_of(invitee.key)}
    Objection.objects.update_or_create(
        institution_id=invitee.institution_id,
        address_hash=objections.hash_of(invitee.institution_id, invitee.email),
        defaults=final,
        create_defaults=final | {"cohort_id": invitee.cohort_id},
    )
    kinds = [applying.INVITATION, applying.REMINDER]
    mails = Message.objects.filter(kind__in=kinds, to=invitee.email, context__invitee=invitee.pk)
    mails.waiting().update(status=Message.Status.DROPPED, lease_until=None, lease_token=None, last_error=ERASED)
    mails.update(to="", context={}, subject="", text="", html="", calendar="", purged_at=at)
    Correction.objects.filter(institution=invitee.institution_id, email=invitee.email).delete()
    pk = invitee.pk
    Invitee.objects.filter(pk=pk)._raw_delete(Invitee.objects.db)
    Invitee.history.filter(id=pk).delete()
