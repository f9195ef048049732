"""Taking and giving back a seat: every door (page, admin, import, …) comes through here (docs/rules.md#seats)."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Attendee, User
from outbox.domain.posting import post
from programme.models import Session
from registrations.models import Registration, SeatPool


class SeatRefused(Exception):
    """No seat was taken; the message is the sentence to show, `code` names the case for programs."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def refusal(session: Session, at: datetime) -> SeatRefused | None:
    """Why nobody can take a seat in `session` by themselves at `at`, or None. Says nothing about seats left."""
    if session.status == Session.Status.CANCELLED:
        return SeatRefused("cancelled", _("This session is cancelled."))
    if session.ends_at <= at:
        return SeatRefused("over", _("This session is over."))
    if session.starts_at <= at:
        return SeatRefused("started", _("This session has started: registration is closed."))
    if session.status != Session.Status.PUBLISHED:
        return SeatRefused("closed", _("Registration is not open."))
    match session.access:
        case Session.Access.REGISTRATION:
            return None
        case Session.Access.PUBLIC:
            return SeatRefused("public", _("Open to all: no registration is needed."))
        case Session.Access.APPROVAL:
            return SeatRefused("approval", _("Seats are given on request: the organisers decide."))
        case Session.Access.INVITATION:
            return SeatRefused("invitation", _("By personal invitation only."))
        case _:
            return SeatRefused("cohort", _("Reserved for invited cohorts: your institution’s coordinator can tell you more."))


def register(session: Session, attendee: Attendee, *, actor: User, at: datetime | None = None, seen: str | None = None) -> Registration:
    """Give `attendee` a confirmed seat in `session` and queue the confirmation, or raise SeatRefused.

    Doing it twice changes nothing and returns the same registration. `seen` is the stamp of the form that asks (see
    `stamp`): a form drawn before the person cancelled is refused with the code "stale", so that Back and a replayed post
    never take a seat again unasked; None for a door without a form. `at` is the moment that the rules are judged at.
    """
    at = at or timezone.now()
    if refused := refusal(session, at):
        raise refused
    # Read without a lock: in a rush most people learn here that the session is full, and wait for nobody. Whoever took the last
    # seat and asks again finds their registration: both became visible in one commit.
    pool = SeatPool.objects.filter(session=session, cohort=None).first()
    if pool is None or pool.left <= 0:
        last = _last(session, attendee)
        if last and last.status not in Registration.ENDED:
            return last
        raise SeatRefused("full", _("This session is full."))
    with transaction.atomic():
        # The person first, then the pool: one order for everybody, so that nobody waits in a circle. NO KEY UPDATE lets the
        # foreign keys of the inserts below pass. SQLite ignores the lock: there, IMMEDIATE already runs one writer at a time.
        Attendee.objects.select_for_update(no_key=True).only("pk").get(pk=attendee.pk)
        last = _last(session, attendee)
        if last and last.status not in Registration.ENDED:
            return last
        if seen is not None and seen != stamp(last):
            raise SeatRefused("stale", _("You gave this seat back meanwhile. Do you want to register again?"))
        # The UPDATE before the INSERT: its WHERE is judged again on the fresh row after a wait, so the last seat goes once.
        if not SeatPool.objects.filter(pk=pool.pk, taken__lt=F("seats")).update(taken=F("taken") + 1):
            raise SeatRefused("full", _("This session is full."))
        registration = Registration(session=session, attendee=attendee, status=Registration.Status.CONFIRMED, pool=pool)
        registration._history_user = actor
        registration.save(force_insert=True)
        _tell(registration, "confirmed")
    return registration


def cancel(session: Session, attendee: Attendee, *, actor: User, at: datetime | None = None) -> Registration | None:
    """Give back `attendee`'s seat in `session` and queue the mail that says so. Doing it twice changes nothing.

    Returns the cancelled registration, or None when there was none to cancel. Raises SeatRefused once the session is over.
    """
    at = at or timezone.now()
    if session.ends_at <= at:
        raise SeatRefused("over", _("This session is over."))
    with transaction.atomic():
        Attendee.objects.select_for_update(no_key=True).only("pk").get(pk=attendee.pk)
        registration = Registration.objects.live().select_related("session__room__venue").filter(session=session, attendee=attendee).first()
        if registration is None:
            return None
        pool_id = registration.pool_id
        registration.status, registration.pool, registration.ended_at = Registration.Status.CANCELLED, None, at
        registration._history_user = actor
        registration.save(update_fields=["status", "pool", "ended_at"])
        if pool_id:
            SeatPool.objects.filter(pk=pool_id).update(taken=F("taken") - 1)
        _tell(registration, "cancelled")
    return registration


def stamp(last: Registration | None) -> str:
    """What a form carries to show what its reader knew: their last registration for the session, if any."""
    return str(last.uuid) if last else ""


def _last(session: Session, attendee: Attendee) -> Registration | None:
    return Registration.objects.filter(session=session, attendee=attendee).order_by("-id").first()


def _tell(registration: Registration, what: str) -> None:
    user = registration.attendee.user
    post(
        f"registrations.{what}",
        user.email,
        dedupe_key=f"registrations.{what}:{registration.uuid}",
        language=user.language,
        context={"registration": str(registration.uuid)},
    )
