"""How people who are erased leave the lists of institutions (core/erasure.py; docs/rules.md#erasure)."""

import io
import re
import zipfile
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Attendee
from core import erasure_log
from core.erasure import People, Report, Why, remove, remove_history
from core.folding import fold
from core.personal_data import Erasure
from outbox.domain.erasure import blank
from outbox.domain.posting import ring_task
from outbox.models import Message
from partners.domain import applying, objections
from partners.domain.reviewing import WORK
from partners.models import Correction, Invitee, Objection, PartnerRole, Upload, UploadFile, UploadRow
from registrations.domain import cohorts
from registrations.models import Institution

Role = PartnerRole.Role
LARGEST_UNPACKED = 64 * 1024 * 1024


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
    found = _in_lists(people)
    concerned = {row.upload.institution_id for row in [*found.theirs, *found.beside]}
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
        for row in _in_lists(people).theirs
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
                key_hash=invitee.old_key_hash or objections.key_hash_of(invitee.key),
            )
            for invitee in invitees
        ],
        update_conflicts=True,
        unique_fields=["institution", "address_hash"],
        update_fields=["is_final", "key_hash"],
        batch_size=applying.BATCH,
    )


@dataclass(frozen=True)
class _InLists:
    """The rows of lists being checked that are about the people, and those of others in which they are named."""

    theirs: list[UploadRow]
    beside: list[UploadRow]


def clean_uploads(people: People) -> None:
    """Take them out of the lists that are being checked: their row, what others' rows say of them, and the file that it
    came from. A file that was not read, or cannot be, is dropped with its list when it names them; a list that is
    confirmed is to be looked at again."""
    found = _in_lists(people)
    people.keys[UploadRow] |= {row.pk for row in found.theirs}
    for row in found.beside:
        row.findings = []  # they are found anew
        for name in ("cells", "person", "was", "fixes", "offered"):
            setattr(row, name, _without_addresses(getattr(row, name), people))
        row.save(update_fields=["findings", "cells", "person", "was", "fixes", "offered"])
        people.report.count(UploadRow, Erasure.BLANKED, 1)
    uploads = {row.upload_id: row.upload for row in [*found.theirs, *found.beside]}
    files = UploadFile.objects.filter(upload__in=uploads)
    people.report.count(UploadFile, Erasure.DELETED, files._raw_delete(files.db))
    for upload in uploads.values():
        if upload.status == Upload.Status.REVIEW:
            chosen = upload.chosen | {"look_at_rows": True}
            Upload.objects.filter(pk=upload.pk).update(status=Upload.Status.RECEIVED, chosen=chosen)
            transaction.on_commit(partial(ring_task, WORK, str(upload.uuid)))
    _clean_links(people)
    if people.why != Why.RETENTION:  # of people who are that old, no list is a day young
        _clean_files(people)


def _clean_links(people: People) -> None:
    """Forget to which of their addresses the cells of workbooks lead."""
    for upload in Upload.objects.filter(read_as__has_key="links").only("read_as"):
        links = upload.read_as["links"]
        kept = [link for link in links if not people.have_address_in(_text(link))]
        if kept != links:
            Upload.objects.filter(pk=upload.pk).update(read_as=upload.read_as | {"links": kept})
            people.report.count(Upload, Erasure.BLANKED, 1)


def _clean_files(people: People) -> None:
    """Delete the files that name them by an address: with the list, where no row of it was read."""
    naming = [file.pk for file in UploadFile.objects.iterator() if _have_address_in_file(bytes(file.data), people)]
    read = set(UploadRow.objects.filter(upload__in=naming).order_by().values_list("upload", flat=True).distinct())
    remove(Upload, [upload for upload in naming if upload not in read], people.report)
    files = UploadFile.objects.filter(upload__in=read)
    people.report.count(UploadFile, Erasure.DELETED, files._raw_delete(files.db))


def _have_address_in_file(data: bytes, people: People) -> bool:
    """Whether a file, as it was handed in, names one of them: a text in any of the usual encodings, or a workbook."""
    texts = [data]
    if zipfile.is_zipfile(io.BytesIO(data)):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as book:
                members = [one for one in book.infolist() if one.filename.endswith((".xml", ".rels"))]
                if sum(one.file_size for one in members) > LARGEST_UNPACKED:
                    return True  # nobody can tell: it is handed in again
                texts = [book.read(one) for one in members]
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
            return True
    return any(people.have_address_in(text.decode(name, "replace")) for text in texts for name in _encodings(text))


def _encodings(data: bytes) -> tuple[str, ...]:
    wide = ("utf-16-le", "utf-16-be") if b"\0" in data[:200] else ()
    return ("utf-8", "cp1252", *wide)


def clean_names(people: People) -> None:
    """Take them out of what lists say beside their rows: whom a list would remove, and the name of a file."""
    gone = people.keys[Invitee]
    for upload in Upload.objects.exclude(removed=[]).only("removed") if gone else ():
        if gone.intersection(upload.removed):
            removed = [pk for pk in upload.removed if pk not in gone]
            Upload.objects.filter(pk=upload.pk).update(removed=removed)
            people.report.count(Upload, Erasure.BLANKED, 1)
    names = [set(fold(name).split()) for name in people.names]
    institutions = set(Invitee.objects.filter(pk__in=gone).values_list("institution", flat=True))
    for upload in Upload.objects.exclude(file_name="").only("file_name", "file_hash", "institution"):
        words = set(re.split(r"[\s.]+", fold(upload.file_name)))
        # One word alone is as often that of a town or a school: it names them where they are known.
        if people.have_address_in(upload.file_name) or any(
            name and name <= words and (len(name) > 1 or upload.institution_id in institutions) for name in names
        ):
            upload.file_name = ""
            upload.save(update_fields=["file_name"])
            people.report.count(Upload, Erasure.BLANKED, 1)


def _listed(people: People) -> list[Invitee]:
    by_account = Invitee.objects.filter(attendee__user__in=people.accounts)
    by_address = Invitee.objects.filter(email__in=people.addresses)
    return list({invitee.pk: invitee for found in (by_account, by_address) for invitee in found}.values())


def _in_lists(people: People) -> _InLists:
    """The rows of lists being checked that name them: by an address, as somebody of the list that they are on, or, in a
    row without an address, by their name. A name beside another address is a namesake."""
    rows = UploadRow.objects.select_related("upload").only(
        *("cells", "person", "was", "fixes", "offered", "findings", "same_as"),
        *(f"upload__{name}" for name in ("uuid", "institution", "cohort", "status", "chosen")),
    )
    if people.why == Why.RETENTION:
        return _InLists(list(rows.filter(person__email__in=people.addresses)), [])
    listed = {invitee.pk: invitee.institution_id for invitee in _listed(people)}
    names = [set(fold(name).split()) for name in people.names]
    institutions = set(listed.values())
    found = _InLists([], [])
    for row in rows.iterator():
        own = row.person.get("email", "")
        has_address = people.have_address_in(_text([row.cells, row.person, row.fixes, row.offered, row.was]))
        has_name = _has_name(row, names)
        if (
            row.same_as in listed
            or own in people.addresses
            or row.was.get("email") in people.addresses
            or (has_address and (has_name or "@" not in own))
            or (has_name and "@" not in own and row.upload.institution_id in institutions)
        ):
            found.theirs.append(row)
        elif has_address or (row.findings and people.are_named_in(_text(row.findings))):
            found.beside.append(row)
    return found


def _has_name(row: UploadRow, names: Iterable[set[str]]) -> bool:
    """Whether a row is called as one of them; by a name of one word, nobody who has another beside."""
    own = set(fold(f"{row.person.get('first_name', '')} {row.person.get('last_name', '')}").split())
    words = own or set(fold(_text(row.cells)).split())
    return any(name and (name <= words if len(name) > 1 else name == own) for name in names)


def _text(said: Any) -> str:
    """All texts of a value, each on a line."""
    if isinstance(said, dict):
        said = list(said.values())
    return "\n".join(map(_text, said)) if isinstance(said, list) else str(said)


def _without_addresses(said: Any, people: People) -> Any:
    """A value, or values, of a row of somebody else without the cells in which an address of theirs stands."""
    if isinstance(said, dict):
        return {name: _without_addresses(value, people) for name, value in said.items()}
    if isinstance(said, list):
        return [_without_addresses(value, people) for value in said]
    return "" if isinstance(said, str) and people.have_address_in(said) else said


# --- “Not you? Erase your data” ---------------------------------------------------------------------------------------


def forget(invitees: Sequence[Invitee], *, at: datetime) -> Report:
    """Forget what their institution has said about `invitees`, in the caller's transaction and under its lock: the
    row, its history, the mails; and keep a hash alone, so that they are not named again."""
    report = _forget(invitees, at)
    hashes = [_hash(invitee) for invitee in invitees]
    erasure_log.note(hashes, why=Why.LINK.value, at=at)
    return report


def _forget(invitees: Sequence[Invitee], at: datetime) -> Report:
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
    return report


def replay(hashes: Collection[str], at: datetime) -> None:
    """Forget again those whom a restored database has brought back, with what their cohort gave them."""
    rows = Invitee.objects.only("institution_id", "email")
    for back in [invitee for invitee in rows.iterator() if _hash(invitee) in hashes]:
        with transaction.atomic():
            applying.lock(back.institution_id)
            invitee = Invitee.objects.select_related("cohort", "attendee__user").filter(pk=back.pk).first()
            if invitee is None:  # another process was quicker
                continue
            if invitee.attendee:
                cohorts.part_with(invitee.cohort, invitee.attendee, actor=invitee.attendee.user, at=at)
            _forget([invitee], at)


def _hash(invitee: Invitee) -> str:
    return erasure_log.hash_of(f"invitee:{invitee.institution_id}:{invitee.email}")
