"""An uploaded list on its way into force: received, read, corrected, confirmed; nothing of it counts before
(docs/rules.md#lists)."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from core.limits import Limit
from core.sheets import reader
from core.sheets.confined import MAX_BYTES
from core.text import NOT_IN_A_LIST
from outbox.domain.posting import ring_task
from partners.domain import applying, columns
from partners.domain.columns import Columns, Row
from partners.domain.files import ListRefused
from partners.domain.files import columns_of as columns_of_file
from partners.domain.processing import WAITING, columns_of, findings_of, kept, look_again, storable
from partners.models import ColumnName, Invitee, Upload, UploadFile, UploadRow
from registrations.models import Cohort

Status = Upload.Status
Verdict = UploadRow.Verdict
AT_ONCE = 2000  # rows that a corrected cell lets be checked again while the person waits; more are left to the worker
WORK = "partners.tasks.work"
UPLOADS = Limit("uploads", amount=50, per=timedelta(minutes=1))
MAX_WAITING = 10  # lists of an institution, each with its file of 10 MB at most


class Stale(Exception):
    """The upload is not what the page showed: it was confirmed, dropped or read again meanwhile. Nothing was
    changed."""


def receive(
    cohort: Cohort, data: bytes, file_name: str, *, actor: User, mode: str = Upload.Mode.ADD, at: datetime
) -> Upload:
    """Keep an uploaded file, which `actor` confirms that the institution may share, and ring for a worker that reads
    it. Raises TooMany after fifty in a minute, ListRefused when it is larger than a list may be, when too many lists of
    the institution wait for a worker, or when the edition of the cohort is archived: then nothing is kept."""
    applying.check_edition(cohort)
    UPLOADS.take(f"{cohort.institution_id}", at=at)
    if len(data) > MAX_BYTES:
        raise ListRefused("too_large", {"mb": MAX_BYTES // 1024 // 1024})
    if Upload.objects.filter(institution=cohort.institution_id, status__in=WAITING).count() >= MAX_WAITING:
        raise ListRefused("too_many_wait", {"number": MAX_WAITING})
    with transaction.atomic():
        upload = Upload.objects.create(
            institution_id=cohort.institution_id,
            cohort=cohort,
            uploaded_by=actor,
            shared_by=actor,
            shared_at=at,
            file_name=NOT_IN_A_LIST.sub("", file_name)[-255:],
            file_hash=hashlib.sha256(data).hexdigest(),
            mode=mode,
        )
        UploadFile.objects.create(upload=upload, data=data)
        _ring(upload)
    return upload


def _ring(upload: Upload) -> None:
    transaction.on_commit(lambda: ring_task(WORK, str(upload.uuid)))


# --- What workers do --------------------------------------------------------------------------------------------------


# --- What people do ---------------------------------------------------------------------------------------------------


def _change(upload: Upload, act: Callable[[Upload], None], *, of: Collection[str] = (Status.REVIEW,)) -> Upload:
    """Let `act` change an upload that is being checked, one person at a time. Raises Stale when it no longer is."""
    with transaction.atomic():
        applying.lock(upload.institution_id)
        current = (
            Upload.objects.select_related("cohort__edition", "institution").filter(pk=upload.pk, status__in=of).first()
        )
        if current is None:
            raise Stale
        act(current)
    return current


def _look_soon(upload: Upload) -> None:
    """Look at a short list again at once, while the person waits; at a long one in a worker, so that nobody else has
    to."""
    if upload.rows.count() <= AT_ONCE:
        look_again(upload)
        return
    upload.status = Status.RECEIVED
    upload.chosen |= {"look_at_rows": True}
    upload.save(force_update=True)
    _ring(upload)


def correct(upload: Upload, line: int, values: Mapping[str, str]) -> Upload:
    """Take what was typed for some fields of a row instead of what stands in it, and check the list again. Who types
    all of them has said what the row means, cells under no header included."""

    def act(upload: Upload) -> None:
        mapping = columns_of(upload)
        row = upload.rows.filter(line=line).first()
        if row is None or not values.keys() <= set(mapping.fields):
            raise Stale
        row.fixes |= {name: storable(value[: reader.MAX_CELL + 1]) for name, value in values.items()}
        row.offered = {name: value for name, value in row.offered.items() if name not in values}
        row.save(update_fields=["fixes", "offered"])
        _look_soon(upload)

    return _change(upload, act)


def correct_as_before(upload: Upload) -> Upload:
    """Take for each row what was typed for the same row of an earlier list."""

    def act(upload: Upload) -> None:
        rows = list(upload.rows.exclude(offered={}))
        for row in rows:
            row.fixes, row.offered = row.offered | row.fixes, {}
        UploadRow.objects.bulk_update(rows, ["fixes", "offered"], batch_size=500)
        _look_soon(upload)

    return _change(upload, act)


def accept(upload: Upload, what: str, line: int | None = None) -> Upload:
    """Say that the "formulas" have come to what is right, or that the row of a `line` is about a person who comes."""

    def act(upload: Upload) -> None:
        if what == "formulas":
            upload.read_as["formulas"] = []
        else:
            upload.read_as["accepted"] = [*upload.read_as.get("accepted", []), line]
        _look_soon(upload)

    return _change(upload, act)


def say_same(upload: Upload, line: int, invitee: int | None) -> Upload:
    """Say that the row means somebody on the institution's lists (their id), whatever its name, address and number; or
    take that back."""

    def act(upload: Upload) -> None:
        known = invitee is None or Invitee.objects.filter(pk=invitee, institution=upload.institution_id).exists()
        if not known or not upload.rows.filter(line=line).update(same_as=invitee):
            raise Stale
        _look_soon(upload)

    return _change(upload, act)


def keep_only(upload: Upload, line: int) -> Upload:
    """Of several rows that stand for one person, take this one, and skip the others."""

    def act(upload: Upload) -> None:
        repeats = {
            row.line: _repeated_line(row) for row in upload.rows.filter(verdict__in=[Verdict.TWICE, Verdict.TO_FIX])
        }
        if not (first := repeats.pop(line, 0)):
            raise Stale
        for some in applying.batches([first, *(other for other, of in repeats.items() if of == first)]):
            upload.rows.filter(line__in=some).update(is_skipped=True)
        _look_soon(upload)

    return _change(upload, act)


def _repeated_line(row: UploadRow) -> int:
    """The line on which the person of a row stands first, if it repeats another; else 0."""
    return next(
        (finding.said["line"] for finding in findings_of(row) if finding.code in ("repeated", "same_reference")), 0
    )


def skip(upload: Upload, line: int, *, skipped: bool = True) -> Upload:
    """Leave a row out, or take it in again. Whom it means stays as they are."""

    def act(upload: Upload) -> None:
        if not upload.rows.filter(line=line).update(is_skipped=skipped):
            raise Stale
        _look_soon(upload)

    return _change(upload, act)


def choose(upload: Upload, *, mode: str = "", meaning: Mapping[str, int] | None = None, order: str = "") -> Upload:
    """Say whether the list is added or replaces the other, or which column means what, and in which `order` whole names
    are written (remembered for the institution)."""

    def act(upload: Upload) -> None:
        upload.mode = mode or upload.mode
        if meaning is not None:
            rows = [(row.line, row.cells) for row in upload.rows.order_by("line")[: columns.SAMPLE + reader.MAX_TITLES]]
            chosen = columns.choose(columns_of(upload), meaning, order)
            if columns.has_unclear_names(rows, chosen):
                chosen = replace(chosen, asks=("name_order",))
            upload.read_as["columns"] = kept(chosen)
            _remember(upload, rows, chosen)
        _look_soon(upload)

    return _change(upload, act)


def _remember(upload: Upload, rows: Sequence[Row], chosen: Columns) -> None:
    """Keep what was chosen otherwise than we would have: none of our fields too."""
    ours = columns_of_file(rows, upload.read_as, None)
    said = {index: field for field, index in chosen.meaning.items()}
    guess = {index: field for field, index in ours.meaning.items()}
    if "name" in chosen.meaning and chosen.order:
        said[chosen.meaning["name"]] = f"name:{chosen.order}"
    names = {0: "recipients"} if upload.read_as.get("recipients") else dict(enumerate(chosen.names))
    for index, header in names.items():
        name = reader.plain(header)[:100]
        known = ColumnName.objects.filter(institution=upload.institution_id, name=name)
        if not name or chosen.passed_over.get(index) == "nir":
            continue
        if said.get(index, "") == guess.get(index, ""):
            known.delete()
        else:
            ColumnName.objects.update_or_create(
                institution_id=upload.institution_id, name=name, defaults={"field": said.get(index, "")}
            )


def read_otherwise(upload: Upload, *, encoding: str = "", sheet: str = "", hidden: bool = False) -> Upload:
    """Read the file again, as written in `encoding`, from another `sheet`, or with what is hidden in it; what was
    corrected is lost, since rows may be others."""

    def act(upload: Upload) -> None:
        sheet_before = upload.chosen.get("sheet", "") if hidden else ""
        chosen = {"encoding": encoding, "sheet": sheet or sheet_before, "hidden": hidden}
        upload.chosen = {name: value for name, value in chosen.items() if value}
        upload.status, upload.refused = Status.RECEIVED, None
        upload.save(force_update=True)
        _ring(upload)

    return _change(upload, act, of=(Status.REVIEW, Status.REFUSED))


def confirm(upload: Upload, *, as_shown: Mapping[str, int], actor: User) -> Upload:
    """Agree to what the page showed; a worker puts it into force. Once more changes nothing. Raises Stale when the list
    has changed since the page was drawn, so that nobody agrees to what they have not seen, and while nobody has said
    that guessed columns are right."""
    if Upload.objects.filter(pk=upload.pk, status__in=[Status.CONFIRMED, Status.APPLIED]).exists():
        return Upload.objects.get(pk=upload.pk)

    def act(upload: Upload) -> None:
        if (
            upload.status != Status.REVIEW
            or upload.refused
            or columns_of(upload).guessed
            or any(upload.counts.get(name) != number for name, number in as_shown.items())
        ):
            raise Stale
        upload.status, upload.uploaded_by = Status.CONFIRMED, actor
        upload.counts.pop("moved", None)
        upload.save(force_update=True)
        _ring(upload)

    return _change(upload, act)


def discard(upload: Upload) -> bool:
    """Drop an upload that nobody has agreed to, with its file and rows; tell whether it was one. Once more changes
    nothing."""
    with transaction.atomic():
        applying.lock(upload.institution_id)
        uploads = Upload.objects.filter(pk=upload.pk, status__in=[Status.RECEIVED, Status.REVIEW, Status.REFUSED])
        return bool(uploads.delete()[0])
