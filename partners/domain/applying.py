"""Put a list into force: all of it in one transaction, or nothing (docs/rules.md#lists)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from accounts.models import User
from partners.domain.checking import Person
from partners.domain.columns import FIELDS
from partners.domain.comparing import Comparison, compare
from partners.domain.files import FileRefused
from partners.models import Invitee, Upload
from registrations.models import Cohort, Institution

BATCH = 1000


@dataclass(frozen=True)
class Source:
    """Where a list came from: the name of its file as it was called, and its SHA-256."""

    file_name: str
    file_hash: str


def apply(cohort: Cohort, people: Sequence[Person], source: Source, *, replace: bool, actor: User | None, at: datetime) -> Upload:
    """Put the good ones of the checked `people` on the list of `cohort`; with `replace`, take off who is not among them.

    The comparison is made again under the lock of the institution: two who hand in lists at once come one after the other, and the
    second finds what the first has done. The same list again changes nobody. Raises FileRefused when the cohort is too small.
    """
    with transaction.atomic():
        # First of all locks (docs/architecture.md): the lists of one institution change one after the other.
        Institution.objects.select_for_update(no_key=True).get(pk=cohort.institution_id)
        cohort = Cohort.objects.select_for_update(no_key=True).get(pk=cohort.pk)
        found = compare(cohort, people, replacing=replace)
        check_size(cohort, found)
        upload = Upload.objects.create(
            institution_id=cohort.institution_id,
            cohort=cohort,
            uploaded_by=actor,
            file_name=source.file_name[:255],
            file_hash=source.file_hash,
            mode=Upload.Mode.REPLACE if replace else Upload.Mode.ADD,
            counts=found.counts(),
            applied_at=at,
        )
        _remove(found.removed, actor=actor, at=at)
        _change(found, actor=actor, at=at)
        _add(found.new, upload, actor=actor, at=at)
    return upload


def check_size(cohort: Cohort, found: Comparison) -> None:
    """Raise FileRefused when the list would make `cohort` larger than it may be. Who was too many before may stay."""
    if found.new and found.size > cohort.size:
        raise FileRefused("too_many_people", {"size": cohort.size, "people": found.size})


def _add(people: Sequence[Person], upload: Upload, *, actor: User | None, at: datetime) -> None:
    invitees = [
        Invitee(institution_id=upload.institution_id, cohort_id=upload.cohort_id, upload=upload, **_fields(person)) for person in people
    ]
    if invitees:
        bulk_create_with_history(invitees, Invitee, batch_size=BATCH, default_user=actor, default_date=at)


def _change(found: Comparison, *, actor: User | None, at: datetime) -> None:
    if not found.changed:
        return
    # Two who exchange their numbers would meet each other's on the way.
    renumbered = [one.invitee.pk for one in found.changed if "reference" in one.fields]
    for first in range(0, len(renumbered), BATCH):
        Invitee.objects.filter(pk__in=renumbered[first : first + BATCH]).update(reference="")
    for one in found.changed:
        for name in one.fields:
            setattr(one.invitee, name, getattr(one.person, name))
    invitees = [one.invitee for one in found.changed]
    bulk_update_with_history(invitees, Invitee, list(FIELDS), batch_size=BATCH, default_user=actor, default_date=at)


def _remove(invitees: Sequence[Invitee], *, actor: User | None, at: datetime) -> None:
    trace = Invitee.history.model
    names = [field.attname for field in Invitee._meta.concrete_fields]
    for first in range(0, len(invitees), BATCH):
        some = invitees[first : first + BATCH]
        said: dict[str, Any] = {"history_type": "-", "history_date": at, "history_user": actor}
        trace.objects.bulk_create([trace(**{name: getattr(one, name) for name in names}, **said) for one in some])
        # Without the signals of one deletion after the other; nothing points at them.
        Invitee.objects.filter(pk__in=[one.pk for one in some])._raw_delete(Invitee.objects.db)


def _fields(person: Person) -> dict[str, str]:
    return {name: getattr(person, name) for name in FIELDS}
