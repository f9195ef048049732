"""How people who are erased leave the lists of institutions (core/erasure.py; docs/rules.md#erasure)."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Attendee
from core import erasure_log
from core.erasure import People, Report, Why, remove, remove_history
from core.personal_data import Erasure
from outbox.domain.erasure import blank
from outbox.domain.posting import ring_task
from outbox.models import Message
from partners.domain import applying, objections
from partners.domain.reviewing import WORK
from partners.models import Correction, Invitee, Objection, PartnerRole, Upload, UploadFile, UploadRow
from registrations.models import Institution

Role = PartnerRole.Role


def widen(people: People) -> None:
    """The names and addresses under which lists named them, today and before."""
    attendees = set(Attendee.objects.filter(user__in=people.accounts).values_list("pk", flat=True))
    for rows in (Invitee.objects, Invitee.history):
        people.addresses.update(rows.filter(attendee__in=attendees).values_list("email", flat=True))
    for rows in (Invitee.objects, Invitee.history):
        written = rows.filter(email__in=people.addresses).values_list("first_name", "last_name").distinct()
        people.names.update(f"{first} {last}".strip() for first, last in written)


def lock(people: People) -> None:
    """Lists and roles of their institutions wait: an institution comes before people in the order of locks."""
    concerned = {row.upload.institution_id for row in _rows_naming(people)}
    concerned |= {invitee.institution_id for invitee in _listed(people)}
    concerned |= set(PartnerRole.objects.filter(user__in=people.accounts).values_list("institution", flat=True))
    if concerned:
        locked = Institution.objects.select_for_update(no_key=True).filter(pk__in=concerned).order_by("pk")
        list(locked.values_list("pk", flat=True))


def roles_of_last_owners(accounts: Collection[int]) -> list[PartnerRole]:
    """The roles of those of `accounts` without whom an institution has no owner."""
    roles = list(
        PartnerRole.objects.filter(user__in=accounts, role=Role.OWNER).select_related("institution").order_by("pk")
    )
    if not roles:
        return []
    others = PartnerRole.objects.filter(
        institution__in={role.institution_id for role in roles}, role=Role.OWNER, user__is_active=True
    ).exclude(user__in=accounts)
    owned = set(others.values_list("institution", flat=True))
    return [role for role in roles if role.institution_id not in owned]


def refuse(people: People) -> dict[int, str]:
    """The last owner of an institution stays: nobody could name another."""
    sentence = _("This person is the last owner of “%(institution)s”: make somebody else an owner first.")
    return {
        role.user_id: sentence % {"institution": role.institution} for role in roles_of_last_owners(people.accounts)
    }


def partners(accounts: Collection[int]) -> Iterable[int]:
    return PartnerRole.history.filter(user__in=accounts).values_list("user", flat=True)


def object_for_good(people: People) -> None:
    """Keep hashes alone, so that no list names them again; what retention deletes was no objection."""
    if people.why == Why.RETENTION:
        return
    _object(_listed(people))
    known = [
        Objection(
            institution_id=row.upload.institution_id,
            cohort_id=row.upload.cohort_id,
            address_hash=objections.hash_of(row.upload.institution_id, row.person["email"]),
        )
        for row in _rows_naming(people)
        if row.person.get("email") in people.addresses
    ]
    Objection.objects.bulk_create(known, ignore_conflicts=True)


def _object(invitees: Iterable[Invitee]) -> None:
    Objection.objects.bulk_create(
        [
            Objection(
                institution_id=invitee.institution_id,
                cohort_id=invitee.cohort_id,
                address_hash=objections.hash_of(invitee.institution_id, invitee.email),
                key_hash=objections.key_hash_of(invitee.key),
            )
            for invitee in invitees
        ],
        update_conflicts=True,
        unique_fields=["institution", "address_hash"],
        update_fields=["is_final", "key_hash"],
        batch_size=applying.BATCH,
    )


def clean_uploads(people: People) -> None:
    """Take them out of the lists that are being checked: their row, and the file that it came from. A list that was
    not read yet is dropped, when it names them; one that is confirmed is to be looked at again."""
    naming = _rows_naming(people)
    people.keys[UploadRow] |= {row.pk for row in naming}
    uploads = {row.upload.pk: row.upload for row in naming}
    files = UploadFile.objects.filter(upload__in=uploads)
    people.report.count(UploadFile, Erasure.DELETED, files._raw_delete(files.db))
    for upload in uploads.values():
        if upload.status == Upload.Status.REVIEW:
            chosen = upload.chosen | {"look_at_rows": True}
            Upload.objects.filter(pk=upload.pk).update(status=Upload.Status.RECEIVED, chosen=chosen)
            transaction.on_commit(partial(ring_task, WORK, str(upload.uuid)))
    if people.why == Why.RETENTION:  # of people who are that old, no list is a day young
        return
    unread = UploadFile.objects.filter(upload__status=Upload.Status.RECEIVED, upload__rows=None)
    words = [address.encode() for address in people.addresses]
    remove(
        Upload,
        [file.pk for file in unread.iterator() if any(word in bytes(file.data).lower() for word in words)],
        people.report,
    )


def clean_names(people: People) -> None:
    """Take them out of what lists say beside their rows: whom a list would remove, and the name of a file."""
    gone = people.keys[Invitee]
    for upload in Upload.objects.exclude(removed=[]).only("removed") if gone else ():
        if gone.intersection(upload.removed):
            removed = [pk for pk in upload.removed if pk not in gone]
            Upload.objects.filter(pk=upload.pk).update(removed=removed)
            people.report.count(Upload, Erasure.BLANKED, 1)
    for upload in Upload.objects.exclude(file_name="").only("file_name", "file_hash"):
        if people.are_named_in(upload.file_name.replace("_", " ")):
            upload.file_name = ""
            upload.save(update_fields=["file_name"])
            people.report.count(Upload, Erasure.BLANKED, 1)


def _listed(people: People) -> list[Invitee]:
    by_account = Invitee.objects.filter(attendee__user__in=people.accounts)
    by_address = Invitee.objects.filter(email__in=people.addresses)
    return list({invitee.pk: invitee for found in (by_account, by_address) for invitee in found}.values())


def _rows_naming(people: People) -> list[UploadRow]:
    """The rows of lists being checked that name them: by address, or as somebody of the list that they are on."""
    rows = UploadRow.objects.select_related("upload").only(
        *("cells", "person", "was", "fixes", "offered", "same_as"),
        *(f"upload__{name}" for name in ("uuid", "institution", "cohort", "status", "chosen")),
    )
    if people.why == Why.RETENTION:
        return list(rows.filter(person__email__in=people.addresses))
    listed = {invitee.pk: invitee.institution_id for invitee in _listed(people)}
    institutions = set(listed.values())
    addresses = People(set(), people.addresses, people.why, people.at)
    naming = []
    for row in rows.iterator():
        known = people if row.upload.institution_id in institutions else addresses
        said = json.dumps([row.cells, row.person, row.was, row.fixes, row.offered], ensure_ascii=False)
        if row.same_as in listed or known.are_named_in(said) or _name(row) in known.names:
            naming.append(row)
    return naming


def _name(row: UploadRow) -> str:
    return f"{row.person.get('first_name', '')} {row.person.get('last_name', '')}".strip()


# --- “Not you? Erase your data” ---------------------------------------------------------------------------------------


def forget(invitees: Sequence[Invitee], *, at: datetime) -> Report:
    """Forget what their institution has said about `invitees`, in the caller's transaction and under its lock: the
    row, its history, the mails; and keep a hash alone, so that they are not named again."""
    report = Report(people=len(invitees))
    _object(invitees)
    keys = [invitee.pk for invitee in invitees]
    for invitee in invitees:
        mails = Message.objects.filter(
            kind__in=[applying.INVITATION, applying.REMINDER], to=invitee.email, context__invitee=invitee.pk
        )
        report.count(Message, Erasure.BLANKED, blank(mails, at))
        corrections = Correction.objects.filter(institution=invitee.institution_id, email=invitee.email)
        report.count(Correction, Erasure.DELETED, corrections._raw_delete(corrections.db))
    remove(Invitee, keys, report)
    remove_history(Invitee, keys, report)
    hashes = [_hash(invitee) for invitee in invitees]
    erasure_log.note(hashes, why=Why.LINK.value, at=at)
    return report


def replay(hashes: Collection[str], at: datetime) -> None:
    """Forget again those whom a restored database has brought back."""
    for invitee in Invitee.objects.all().iterator():
        if _hash(invitee) in hashes:
            with transaction.atomic():
                applying.lock(invitee.institution_id)
                _object([invitee])
                remove(Invitee, [invitee.pk], Report())
                remove_history(Invitee, [invitee.pk], Report())


def _hash(invitee: Invitee) -> str:
    return erasure_log.hash_of(f"invitee:{invitee.institution_id}:{invitee.email}")
