"""How the people of a cohort stand, for their institution: counts and one line each, and nothing that is theirs alone
(docs/rules.md#partners)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import (
    BooleanField,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext as _

from accounts.models import User
from core.deadlocks import again_after_deadlock
from notices.domain import mail_preferences
from notices.models import OptOut, Topic
from outbox.domain.posting import post_many
from outbox.models import Message, SuppressedAddress
from partners.domain import applying, objections, sentences
from partners.domain.checking import Finding, Person
from partners.domain.columns import FIELDS
from partners.domain.comparing import Difference, compare
from partners.domain.files import ListRefused
from partners.models import Invitee, Objection, Upload
from registrations.models import Cohort, Registration, SeatPool

BETWEEN_REMINDERS = timedelta(days=3)
STATES = ("invited", "accepted", "seated", "waiting", "declined", "attended")
UNREACHABLE = "unreachable"  # another way to look at people: their address does not work
BETWEEN_RESENDS = timedelta(hours=1)
Status = Invitee.Status
Seat = Registration.Status


@dataclass(frozen=True)
class Standing:
    """The numbers of a cohort. `accepted` counts those who have no seat and wait for none; `declined` those too who are
    no longer listed, of whom there are `gone`; `kept` and `taken` are seats of sessions to come. `unreachable`: whose
    address does not work. `reminded_at`: when the silent were last reminded."""

    listed: int
    invited: int
    accepted: int
    seated: int
    waiting: int
    declined: int
    attended: int
    gone: int
    unreachable: int
    kept: int
    taken: int
    size: int
    reminded_at: datetime | None


def people_of(cohort: Cohort, at: datetime) -> QuerySet[Any]:
    """The people on the cohort's list, each with `seated`, `waits` and `attended`: that they have, and not which."""
    return _annotated(Invitee.objects.filter(cohort=cohort), at)


def _annotated(people: QuerySet[Invitee], at: datetime) -> QuerySet[Any]:
    own = Registration.objects.filter(attendee=OuterRef("attendee"), session__pools__cohort=OuterRef("cohort"))
    seats = own.filter(status=Seat.CONFIRMED)
    bad = SuppressedAddress.objects.filter(address=OuterRef("email"), cleared_at=None)
    kinds = [applying.INVITATION, applying.REMINDER]
    failed = Message.objects.filter(to=OuterRef("email"), kind__in=kinds, status=Message.Status.FAILED)
    return people.annotate(
        seated=Exists(seats.filter(session__ends_at__gt=at)),
        waits=Exists(own.filter(status__in=[Seat.WAITING, Seat.OFFERED, Seat.PENDING], session__ends_at__gt=at)),
        attended=Exists(seats.filter(session__ends_at__lte=at, is_absent=False)),
        unreachable=ExpressionWrapper(Q(Exists(bad)) | Q(Exists(failed)), BooleanField()),
    )


def may_be_undone(upload: Upload, at: datetime) -> bool:
    """Whether it is worth offering to undo an applied list: within a day, and before anybody of it has answered."""
    if upload.undoable_until is None or at >= upload.undoable_until:
        return False
    return not Invitee.objects.filter(upload=upload, answered_at__gt=upload.applied_at).exists()


def in_state(people: QuerySet[Any], state: str) -> QuerySet[Any]:
    """Those of `people` (of `people_of`) who are in one of STATES; all for another word."""
    match state:
        case "invited" | "declined":
            return people.filter(status=state)
        case "accepted":
            return people.filter(status=Status.ACCEPTED, seated=False, waits=False, attended=False)
        case "seated":
            return people.filter(seated=True)
        case "waiting":
            return people.filter(seated=False, waits=True)
        case "attended":
            return people.filter(attended=True, seated=False, waits=False)
        case "unreachable":
            return people.filter(unreachable=True)
    return people


def standing(cohort: Cohort, at: datetime) -> Standing:
    """How the cohort stands at `at`."""
    return standings([cohort], at)[cohort.pk]


def standings(cohorts: Sequence[Cohort], at: datetime) -> dict[int, Standing]:
    """How each of `cohorts` stands at `at`, by their ids: three queries, however many there are."""
    seatless = Q(seated=False, waits=False)
    people = _annotated(Invitee.objects.filter(cohort__in=cohorts), at).order_by().values("cohort")
    counted = people.annotate(
        n_listed=Count("pk"),
        n_invited=Count("pk", filter=Q(status=Status.INVITED)),
        n_declined=Count("pk", filter=Q(status=Status.DECLINED)),
        n_seated=Count("pk", filter=Q(seated=True)),
        n_waiting=Count("pk", filter=Q(seated=False, waits=True)),
        n_attended=Count("pk", filter=seatless & Q(attended=True)),
        n_accepted=Count("pk", filter=seatless & Q(status=Status.ACCEPTED, attended=False)),
        n_unreachable=Count("pk", filter=Q(unreachable=True)),
        last=Max("reminded_at"),
    )
    rows = {row["cohort"]: row for row in counted}
    to_come = SeatPool.objects.filter(cohort__in=cohorts, session__ends_at__gt=at).order_by().values("cohort")
    seats = {row["cohort"]: row for row in to_come.annotate(kept=Sum("seats"), used=Sum("taken"))}
    erased = dict(Objection.objects.filter(cohort__in=cohorts).order_by().values_list("cohort").annotate(n=Count("pk")))
    found = {}
    for cohort in cohorts:
        row: Mapping[str, Any] = rows.get(cohort.pk, {})
        pools: Mapping[str, Any] = seats.get(cohort.pk, {})
        gone = erased.get(cohort.pk, 0)
        numbers: dict[str, Any] = {name: row.get(f"n_{name}", 0) for name in ("listed", UNREACHABLE, *STATES)}
        numbers["declined"] += gone  # whoever has themselves erased has declined: their institution learns no more
        found[cohort.pk] = Standing(
            **numbers,
            gone=gone,
            kept=pools.get("kept", 0),
            taken=pools.get("used", 0),
            size=cohort.size,
            reminded_at=row.get("last"),
        )
    return found


def to_remind(cohort: Cohort, at: datetime) -> QuerySet[Invitee]:
    """The silent whose invitation left three days ago or longer, and their last reminder too; not who wants no such
    mails."""
    long_ago = at - BETWEEN_REMINDERS
    # As applying.invitation_key writes it.
    named = [Value(f"{applying.INVITATION}:{cohort.institution_id}:"), Cast(OuterRef("pk"), CharField()), Value(":")]
    key = Concat(*named, Cast(OuterRef("key_version"), CharField()), Value(":"))
    sent = Message.objects.filter(dedupe_key=key, sent_at__lte=long_ago)
    silent = Invitee.objects.filter(Exists(sent), cohort=cohort, status=Status.INVITED)
    unwanted = OptOut.objects.filter(
        Q(user__email=OuterRef("email")) | Q(email=OuterRef("email")), topic=Topic.INVITATIONS
    )
    return silent.filter(Q(reminded_at=None) | Q(reminded_at__lte=long_ago)).exclude(Exists(unwanted))


def remind(cohort: Cohort, *, at: datetime, chosen: Collection[UUID] | None = None) -> int:
    """Write once more to those who have not answered, or to the `chosen` among them (their uuids); return to how many.
    Pressing twice writes to nobody twice. Raises ListRefused when the edition is archived."""
    applying.check_edition(cohort)
    with transaction.atomic():
        applying.lock(cohort.institution_id)
        people = to_remind(cohort, at)
        silent = list((people if chosen is None else people.filter(uuid__in=chosen)).values_list("pk", "email"))
        languages = dict(
            User.objects.filter(email__in=[email for _pk, email in silent]).values_list("email", "language")
        )
        mails = [
            (email, f"{applying.REMINDER}:{pk}:{at:%Y%m%d}", languages.get(email, "fr"), {"invitee": pk})
            for pk, email in silent
        ]
        post_many(applying.REMINDER, mails)
        Invitee.objects.filter(pk__in=[pk for pk, _email in silent]).update(reminded_at=at)
    return len(silent)


class CannotResend(Exception):
    """Nothing is sent; the message is the sentence to show."""


def resend(invitee: Invitee, *, at: datetime) -> None:
    """Send the personal invitation once more, for somebody who has lost it. Raises CannotResend when they have
    answered, want no such mails, were written to within the hour, have an address that does not work, or were invited
    to an edition that is archived."""
    with transaction.atomic():
        try:
            applying.check_edition(invitee.cohort)
        except ListRefused as refused:
            raise CannotResend(str(refused)) from refused
        applying.lock(invitee.institution_id)
        current = people_of(invitee.cohort, at).filter(pk=invitee.pk).first()
        if current is None or current.status != Status.INVITED:
            raise CannotResend(_("This person has answered, or is no longer on the list."))
        if current.unreachable:
            raise CannotResend(_("Emails to %(email)s bounce: correct the address.") % {"email": current.email})
        if Topic.INVITATIONS in mail_preferences.off(current.email):
            raise CannotResend(_("This person has opted out of emails about invitations."))
        key = applying.invitation_key(current)
        if Message.objects.filter(dedupe_key__startswith=key, created_at__gt=at - BETWEEN_RESENDS).exists():
            raise CannotResend(_("The invitation was sent less than an hour ago."))
        applying.invite([current], at, again=f"{at:%Y%m%d%H%M}")


@again_after_deadlock
def change(invitee: Invitee, person: Person, *, actor: User, at: datetime) -> Invitee:
    """Write down `person`, checked and without a fault, for somebody who is on a list; whose address changes gets a new
    link, and the invitation if they have not answered.

    Raises ValidationError when the address or the number is somebody else's on a list of the institution, when the
    person of that address does not want to be named by it, or when the edition is archived.
    """
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = Invitee.objects.select_related("attendee", "cohort__edition").filter(pk=invitee.pk).first()
        if current is None:
            raise ValidationError(_("This person is no longer on the list."), code="gone")
        _check_edition(current.cohort)
        others = Invitee.objects.filter(institution=current.institution_id).exclude(pk=current.pk)
        if owner := others.filter(email=person.email).first():
            raise ValidationError({"email": _("%(name)s already has this address.") % {"name": owner}})
        if person.reference and (owner := others.filter(reference=person.reference).first()):
            raise ValidationError({"reference": _("This number already belongs to %(name)s.") % {"name": owner}})
        if person.email != current.email and objections.among(current.institution_id, [person.email], by_hand=True):
            raise ValidationError({"email": _("This person has declined and won’t be invited again.")})
        fields = tuple(name for name in FIELDS if getattr(person, name) != getattr(current, name))
        if current.corrected_at and (own := [name for name in ("last_name", "first_name") if name in fields]):
            sentence = _("This person has corrected their name to “%(name)s”: it stays so.")
            raise ValidationError({own[0]: sentence % {"name": current}})
        if fields:
            trace = {"default_user": actor, "default_date": at, "default_change_reason": "edited"}
            applying.change([Difference(current, person, fields)], trace)
    return current


@again_after_deadlock
def replace(invitee: Invitee, person: Person, *, actor: User, at: datetime) -> Invitee:
    """Put `person`, checked and without a fault, in the place of `invitee`, who is taken off with their seats; and
    invite them.

    Raises ValidationError when the person is on a list of the institution already, or does not want to be named by it,
    and when the edition is archived.
    """
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = Invitee.objects.select_related("cohort__edition", "attendee__user").filter(pk=invitee.pk).first()
        if current is None:
            raise ValidationError(_("This person is no longer on the list."), code="gone")
        _check_edition(current.cohort)
        applying.remove([current], actor=actor, at=at, reason="replaced")
        return _add(current.cohort, person, actor=actor, at=at, reason="replaced")


def add(cohort: Cohort, person: Person, *, actor: User, at: datetime) -> Invitee:
    """Put one checked `person` on the list, and invite them. Raises ValidationError as `replace` does, and when the
    cohort is complete."""
    with transaction.atomic():
        applying.lock(cohort.institution_id)
        _check_edition(cohort)
        return _add(cohort, person, actor=actor, at=at, reason="added")


def _check_edition(cohort: Cohort) -> None:
    try:
        applying.check_edition(cohort)
    except ListRefused as refused:
        raise ValidationError(str(refused)) from refused


def _add(cohort: Cohort, person: Person, *, actor: User, at: datetime, reason: str) -> Invitee:
    cohort = Cohort.objects.select_for_update(no_key=True).get(pk=cohort.pk)
    comparison = compare(cohort, [person], replacing=False, by_hand=True)
    if not comparison.new:
        known: Finding | None = next(iter(comparison.findings.values()), None)
        raise ValidationError({"email": sentences.about(known) if known else _("This person is already on the list.")})
    try:
        applying.check_size(cohort, comparison)
    except ListRefused as refused:
        raise ValidationError(str(refused)) from refused
    objections.forget(cohort.institution_id, [person.email])
    invitee = Invitee(
        institution_id=cohort.institution_id, cohort=cohort, **{name: getattr(person, name) for name in FIELDS}
    )
    invitee._history_user = actor
    invitee._change_reason = reason
    invitee.save(force_insert=True)
    applying.invite([invitee], at)
    return invitee


@again_after_deadlock
def take_off(invitee: Invitee, *, actor: User, at: datetime) -> int:
    """Take somebody off the list; their seats go to the line. Returns how many seats. Once more changes nothing."""
    with transaction.atomic():
        applying.lock(invitee.institution_id)
        current = Invitee.objects.select_related("cohort", "attendee__user").filter(pk=invitee.pk).first()
        return applying.remove([current], actor=actor, at=at, reason="taken off") if current else 0


def last_upload(cohort: Cohort) -> Upload | None:
    """The list that was applied last, whether or not it can still be taken back."""
    return Upload.objects.filter(cohort=cohort, status=Upload.Status.APPLIED).order_by("-applied_at").first()
