"""Put a list into force: all of it in one transaction, or nothing; and take it back (docs/rules.md#lists)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from accounts.models import User
from core import clock
from core.deadlocks import again_after_deadlock
from outbox.domain.posting import post_many
from outbox.models import Message
from partners.domain import corrections, objections
from partners.domain.checking import Person
from partners.domain.columns import FIELDS
from partners.domain.comparing import Comparison, Difference, compare
from partners.domain.files import ListRefused
from partners.domain.progress import Progress
from partners.models import Invitee, Upload, UploadFile
from registrations.domain import booking, cohorts
from registrations.domain.ways_in import SeatRefused
from registrations.models import Cohort, Institution, Membership, Registration

BATCH = 1000
STEPS = 8  # of progress, for each person who is written: to check a row of the file is one
T = TypeVar("T")
INVITATION = "partners.invitation"
REMINDER = "partners.reminder"
Status = Invitee.Status


class ListMoved(Exception):
    """What the list would change is no longer what was shown: nothing was written, look again."""


class Superseded(Exception):
    """Another worker has the upload, or it was dropped meanwhile: nothing was written, and there is nothing to do."""


class CannotUndo(Exception):
    """Nothing was written; the message is the sentence to show."""


def lock(institution_id: int) -> None:
    """Wait for one's turn with the lists of an institution, and keep it until the transaction ends: the first of all
    locks."""
    Institution.objects.select_for_update(no_key=True).get(pk=institution_id)


@again_after_deadlock
def apply(
    upload: Upload,
    people: Sequence[Person],
    *,
    actor: User | None,
    at: datetime,
    as_shown: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> Upload:
    """Put the good ones of the checked `people` on the list of the upload's cohort, invite who is new, and, where it
    replaces the list, take off who is not among them, with their seats.

    The comparison is made again under the lock of the institution: two who hand in lists at once come one after the
    other, and the second finds what the first has done. The same list again changes nobody. Raises ListRefused when the
    cohort is too small or its edition archived, ListMoved when `as_shown`, the counts that somebody agreed to, are no
    longer true, and Superseded when an upload that was handed in is no longer this worker's to apply.
    """
    upload = copy(upload)  # what is undone by a deadlock is then undone here too
    with transaction.atomic():
        lock(upload.institution_id)
        at = max(at, clock.now())  # of two lists, the later one has the later time
        ours = Upload.objects.filter(pk=upload.pk, status=Upload.Status.CONFIRMED, busy_until=upload.busy_until)
        if upload.pk and not ours.exists():
            raise Superseded
        cohorts_now = Cohort.objects.select_for_update(of=("self",), no_key=True).select_related("edition")
        cohort = cohorts_now.get(pk=upload.cohort_id)
        check_edition(cohort)
        comparison = compare(cohort, people, replacing=upload.is_replacing)
        if (
            as_shown is not None
            and {name: as_shown.get(name, 0) for name in comparison.counts()} != comparison.counts()
        ):
            raise ListMoved
        check_size(cohort, comparison)
        upload.status, upload.applied_at, upload.counts = Upload.Status.APPLIED, at, comparison.counts()
        if upload.pk is None:
            upload.save()
        trace = {"default_user": actor, "default_date": at, "default_change_reason": _reason(upload)}
        progress = progress or Progress()
        remove(comparison.removed, actor=actor, at=at, reason=_reason(upload), progress=progress)
        change(comparison.changed, trace)
        progress.add(STEPS * len(comparison.changed))
        day = 0
        for some in progress.over(batches(comparison.new), steps=STEPS * BATCH):
            day = _add(some, upload, at, trace, day)
        corrections.remember(upload.institution_id, upload.rows.exclude(fixes={}))
        upload.rows.all().delete()
        UploadFile.objects.filter(upload=upload).delete()
        upload.busy_until = None
        upload.read_as = {name: said for name, said in upload.read_as.items() if name != "links"}  # they are addresses
        # Last, since the row is where progress is told; and no more than this, since whoever handed it in may be gone
        # meanwhile.
        upload.save(update_fields=["status", "applied_at", "counts", "busy_until", "read_as"])
    return upload


def check_edition(cohort: Cohort) -> None:
    """Raise ListRefused when the edition of `cohort` is archived. In one in preparation, lists may be prepared."""
    if cohort.edition.is_archived:
        raise ListRefused("archived", {"edition": str(cohort.edition)})


def check_size(cohort: Cohort, comparison: Comparison) -> None:
    """Raise ListRefused when the list would make `cohort` larger than it may be. Who was too many before may stay."""
    if comparison.new and comparison.size > cohort.size:
        raise ListRefused("too_many_people", {"size": cohort.size, "people": comparison.size})


def _reason(upload: Upload) -> str:
    return f"upload {upload.uuid}"


def _add(people: Sequence[Person], upload: Upload, at: datetime, trace: dict[str, Any], day: int) -> int:
    # Whom the organisers have made a member already has nothing to accept.
    members = dict(
        Membership.objects.filter(
            cohort=upload.cohort_id, attendee__user__email__in=[person.email for person in people]
        ).values_list("attendee__user__email", "attendee_id")
    )
    invitees = [
        Invitee(
            institution_id=upload.institution_id,
            cohort_id=upload.cohort_id,
            upload=upload,
            attendee_id=(attendee := members.get(person.email)),
            status=Status.ACCEPTED if attendee else Status.INVITED,
            answered_at=at if attendee else None,
            **_fields(person),
        )
        for person in people
    ]
    written = bulk_create_with_history(invitees, Invitee, batch_size=BATCH, **trace)
    return invite([invitee for invitee in written if invitee.status == Status.INVITED], at, day)


def invite(invitees: Sequence[Invitee], at: datetime, day: int = 0, *, again: str = "") -> int:
    """Queue the personal invitation of each, once, or once more for each `again`; beyond what an institution may send
    in a day, they leave on the following days. They are counted from `day` on; returns the day on which the last
    leaves."""
    if not invitees:
        return day
    institution = invitees[0].institution_id
    room = _room(institution, at, day)
    rest = list(invitees)
    while rest:
        if room <= 0:
            day += 1
            room = _room(institution, at, day)
            continue
        some, rest = rest[: min(room, BATCH)], rest[min(room, BATCH) :]
        room -= len(some)
        languages = dict(
            User.objects.filter(email__in=[invitee.email for invitee in some]).values_list("email", "language")
        )
        mails = [
            (
                invitee.email,
                invitation_key(invitee) + again,
                languages.get(invitee.email, "fr"),
                {"invitee": invitee.pk},
            )
            for invitee in some
        ]
        post_many(INVITATION, mails, not_before=at + timedelta(days=day))
    return day


def later(institution_id: int, number: int, at: datetime) -> int:
    """How many of `number` new invitations would not leave today."""
    return max(0, number - max(0, _room(institution_id, at, 0)))


def invitation_key(invitee: Invitee) -> str:
    """What tells the invitation of `invitee` from every other mail; another link is another invitation."""
    return f"{INVITATION}:{invitee.institution_id}:{invitee.pk}:{invitee.key_version}:"


def _room(institution_id: int, at: datetime, day: int) -> int:
    """How many invitations of an institution may still leave in the 24 hours that end `day` days after `at`."""
    until = at + timedelta(days=day)
    queued = Message.objects.filter(kind=INVITATION, dedupe_key__startswith=f"{INVITATION}:{institution_id}:")
    queued = queued.exclude(status=Message.Status.DROPPED)  # nobody got those
    return (
        settings.PARTNER_INVITATIONS_A_DAY
        - queued.filter(not_before__gt=until - timedelta(days=1), not_before__lte=until).count()
    )


def change(changed: Sequence[Difference], trace: dict[str, Any]) -> None:
    """Write down what has changed about people who are on a list, in the caller's transaction and under the
    institution's lock; whose address changes gets a new link."""
    if not changed:
        return
    # Two who exchange their numbers would meet each other's on the way.
    for some in batches([difference.invitee.pk for difference in changed if "reference" in difference.fields]):
        Invitee.objects.filter(pk__in=some).update(reference="")
    elsewhere = []
    for difference in changed:
        for name in difference.fields:
            setattr(difference.invitee, name, getattr(difference.person, name))
        if "email" in difference.fields:
            difference.invitee.end_links()  # whoever got the mail at the wrong address holds nothing any more
            elsewhere += [difference.invitee] if difference.invitee.status == Status.INVITED else []
        difference.invitee.write_search()
    bulk_update_with_history(
        [difference.invitee for difference in changed],
        Invitee,
        [*FIELDS, *Invitee.LINK_FIELDS, "search"],
        batch_size=BATCH,
        **trace,
    )
    invite(elsewhere, trace["default_date"])


def remove(
    invitees: Sequence[Invitee],
    *,
    actor: User | None,
    at: datetime,
    reason: str = "",
    gave: Collection[int] | None = None,
    progress: Progress | None = None,
) -> int:
    """Take people off their list, in the caller's transaction and under the institution's lock; the seats that the
    cohort kept for them go to its line. Returns how many seats that were. `gave`: those (their ids) who are members by
    the list, when not all are."""
    traces = Invitee.history.model
    names = [field.attname for field in traces.tracked_fields]
    said: dict[str, Any] = {
        "history_type": "-",
        "history_date": at,
        "history_user": actor,
        "history_change_reason": reason,
    }
    for some in batches(invitees):
        traces.objects.bulk_create(
            [traces(**{name: getattr(invitee, name) for name in names}, **said) for invitee in some]
        )
        # Without the signals of one deletion after the other; nothing points at them.
        Invitee.objects.filter(pk__in=[invitee.pk for invitee in some])._raw_delete(Invitee.objects.db)
    objections.remember(invitees)
    joined = sorted(
        (invitee for invitee in invitees if invitee.attendee_id and (gave is None or invitee.pk in gave)),
        key=lambda invitee: invitee.attendee_id or 0,
    )
    progress, off = progress or Progress(), Registration.Ending.LEFT_COHORT
    progress.add(STEPS * (len(invitees) - len(joined)))
    steadily = progress.over(joined, steps=STEPS)
    return sum(
        cohorts.part_with(invitee.cohort, invitee.attendee, actor=actor, at=at, ending=off)
        for invitee in steadily
        if invitee.attendee
    )


def undo(upload: Upload, *, actor: User, at: datetime) -> Upload:
    """Take back what `upload` has changed: who was added leaves, who was changed or removed is there again, with their
    seats.

    Doing it twice changes nothing. Raises CannotUndo after a day, when the edition is archived, when the list has
    changed since, when somebody whom it added has answered, or when a place or a seat that it freed is somebody else's
    now: then nothing is written.
    """
    try:
        return _undo(upload, actor, at)
    except (ValidationError, IntegrityError) as error:
        # An address or a number is another's now, the cohort is complete.
        raise CannotUndo(_("Seats, addresses or numbers from this list now belong to somebody else.")) from error


def changes_to_undo(upload: Upload, at: datetime) -> list[Any]:
    """The entries in the history of the people whom an applied list has added, changed or removed. Raises CannotUndo
    after a day, when another list came since, and when somebody of them has answered or was changed."""
    if upload.undoable_until is None or at > upload.undoable_until:
        raise CannotUndo(_("You can only undo a list within 24 hours."))
    newer = Upload.objects.filter(cohort=upload.cohort, status=Upload.Status.APPLIED, applied_at__gt=upload.applied_at)
    if newer.exclude(pk=upload.pk).exists():
        raise CannotUndo(_("Another list has been applied since: undo that one first."))
    written = list(Invitee.history.filter(history_change_reason=_reason(upload)).order_by("pk"))
    last = max((version.history_id for version in written), default=0)
    if Invitee.history.filter(id__in={version.id for version in written}, history_id__gt=last).exists():
        raise CannotUndo(_("People on this list have since answered or been changed: remove them one by one."))
    return written


@again_after_deadlock
def _undo(upload: Upload, actor: User, at: datetime) -> Upload:
    with transaction.atomic():
        lock(upload.institution_id)
        upload = Upload.objects.select_related("cohort__edition").get(pk=upload.pk)
        if upload.status == Upload.Status.UNDONE:
            return upload
        try:
            check_edition(upload.cohort)
        except ListRefused as refused:
            raise CannotUndo(str(refused)) from refused
        written = changes_to_undo(upload, at)
        reason = f"undo {upload.uuid}"
        trace = {"default_user": actor, "default_date": at, "default_change_reason": reason}
        added = [version for version in written if version.history_type == "+"]
        # Whom the organisers had made members before the list named them stay so.
        gave = {version.id for version in added if version.status != Status.ACCEPTED}
        remove(
            list(Invitee.objects.filter(pk__in=[version.id for version in added])),
            actor=actor,
            at=at,
            reason=reason,
            gave=gave,
        )
        _change_back([version for version in written if version.history_type == "~"], trace)
        _bring_back([version for version in written if version.history_type == "-"], upload, actor, at, trace)
        upload.status = Upload.Status.UNDONE
        upload.save(update_fields=["status"])
    return upload


def _change_back(written: Sequence[Any], trace: dict[str, Any]) -> None:
    before = {}
    for invitee in written:
        earlier = (
            Invitee.history.filter(id=invitee.id, history_id__lt=invitee.history_id).order_by("-history_id").first()
        )
        if earlier:
            before[invitee.id] = earlier
    people = list(Invitee.objects.filter(pk__in=before))
    Invitee.objects.filter(pk__in=before).update(reference="")
    elsewhere = []
    for invitee in people:
        if invitee.email != before[invitee.pk].email:
            invitee.end_links()
            elsewhere += [invitee] if invitee.status == Status.INVITED else []
        for name in FIELDS:
            setattr(invitee, name, getattr(before[invitee.pk], name))
        invitee.write_search()
    if people:
        bulk_update_with_history(people, Invitee, [*FIELDS, *Invitee.LINK_FIELDS, "search"], batch_size=BATCH, **trace)
        invite(elsewhere, trace["default_date"])


def _bring_back(written: Sequence[Any], upload: Upload, actor: User, at: datetime, trace: dict[str, Any]) -> None:
    tracked = Invitee.history.model.tracked_fields
    names = [field.attname for field in tracked if field.name not in ("upload", "created_at")]
    again = [Invitee(**{name: getattr(one, name) for name in names}) for one in written]
    if not again:
        return
    objections.forget(upload.institution_id, [invitee.email for invitee in again])
    bulk_create_with_history(again, Invitee, batch_size=BATCH, **trace)
    ended = Q(ended_at=upload.applied_at, ending=Registration.Ending.LEFT_COHORT)
    for invitee in Invitee.objects.filter(
        pk__in=[invitee.pk for invitee in again if invitee.attendee_id]
    ).select_related("attendee__user", "cohort"):
        if invitee.attendee is None:
            continue
        cohorts.add_member(invitee.cohort, invitee.attendee, actor=actor, at=at)
        lost = Registration.objects.filter(ended, attendee=invitee.attendee, session__starts_at__gt=at).select_related(
            "session__event__edition", "session__room__venue"
        )
        for registration in lost.order_by("pk"):
            try:
                booking.register(
                    booking.Ask(registration.session, invitee.attendee, actor=actor, at=at, let_in=True, despite=True)
                )
            except SeatRefused as refused:
                said = {"name": invitee, "session": registration.session}
                raise CannotUndo(
                    _("%(name)s’s seat in “%(session)s” now belongs to somebody else.") % said
                ) from refused


def batches(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """The things, a thousand at a time."""
    return (things[first : first + BATCH] for first in range(0, len(things), BATCH))


def _fields(person: Person) -> dict[str, str]:
    return {name: getattr(person, name) for name in FIELDS}
