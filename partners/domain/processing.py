"""What a worker does with an uploaded list: reads it, checks and compares its rows, puts it into force
(docs/rules.md#partners)."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from partners.domain import applying, checking, cleaning, corrections, files, roles
from partners.domain.checking import Finding, Level, Marks, Person
from partners.domain.columns import FIELDS, Columns
from partners.domain.comparing import Comparison, compare
from partners.domain.files import ListRefused
from partners.domain.progress import Progress
from partners.models import ColumnName, Upload, UploadFile, UploadRow

log = logging.getLogger(__name__)

Status = Upload.Status
Verdict = UploadRow.Verdict

WAITING = (Status.RECEIVED, Status.CONFIRMED)
LEASE = timedelta(minutes=3)  # a worker that has not ended by then is taken for dead


WRITTEN = ["status", "mode", "busy_until", "percent", "chosen", "read_as", "findings", "refused", "counts", "removed"]


def due(at: datetime, *, institution: int | None = None) -> list[Upload]:
    """The uploads that wait for a worker, or whose worker is dead; one for each institution, the oldest first. Or that
    of one institution."""
    waiting = Upload.objects.filter(status__in=WAITING).filter(Q(busy_until=None) | Q(busy_until__lt=at))
    busy = Upload.objects.filter(institution=OuterRef("institution"), busy_until__gte=at)
    if institution:
        waiting = waiting.filter(institution=institution)
    first: dict[int, Upload] = {}
    for upload in waiting.exclude(Exists(busy)).order_by("created_at", "pk"):
        first.setdefault(upload.institution_id, upload)
    return list(first.values())


def ahead_of(upload: Upload) -> int:
    """How many lists of the institution a worker takes before this one."""
    others = Upload.objects.filter(institution=upload.institution_id).exclude(pk=upload.pk)
    is_earlier = Q(status__in=WAITING) & (
        Q(created_at__lt=upload.created_at) | Q(created_at=upload.created_at, pk__lt=upload.pk)
    )
    return 0 if upload.busy_until else others.filter(is_earlier | Q(busy_until__isnull=False)).count()


def _take(upload: Upload, at: datetime) -> bool:
    """Take `upload` for this worker. False when it is another's, when nothing is to be done, or when a worker has
    another list of the institution: whatever rings, an institution holds one process."""
    waiting = Q(status__in=WAITING)
    Upload.objects.filter(waiting, institution=upload.institution_id, busy_until__lt=at).update(busy_until=None)
    try:
        with transaction.atomic():  # the database says who was first
            free = Upload.objects.filter(waiting, pk=upload.pk, busy_until=None)
            return bool(free.update(busy_until=at + LEASE, percent=0))
    except IntegrityError:
        return False


def work(upload: Upload, *, at: datetime) -> bool:
    """Do what `upload` waits for: read and compare it, or put it into force. False when another worker has it or
    another list of its institution, or nothing is to do.

    Whoever handed it in must still have the right to: a role that was taken away meanwhile lets nothing more happen. A
    list that makes us stumble is refused, not tried for ever.
    """
    if not _take(upload, at):
        return False
    upload = Upload.objects.select_related("institution", "cohort__edition", "uploaded_by").get(pk=upload.pk)
    try:
        if not roles.may_edit(upload.uploaded_by, upload.institution):
            with _ours(upload):
                upload.delete()
        elif upload.status == Status.RECEIVED:
            _read(upload)
        else:
            _apply(upload, at)
    except applying.Superseded:  # it was dropped, or this worker was slower than its lease
        return False
    except Exception:
        log.exception("The uploaded list %s could not be worked on", upload.uuid)
        with suppress(applying.Superseded), _ours(upload):
            _finish(upload, Status.REFUSED, refused={"code": "stumbled", "said": {}})
    return True


@contextmanager
def _ours(upload: Upload) -> Iterator[None]:
    """A transaction under the institution's lock in which `upload` is still this worker's; else raises Superseded."""
    with transaction.atomic():
        applying.lock(upload.institution_id)
        if not Upload.objects.filter(pk=upload.pk, status=upload.status, busy_until=upload.busy_until).exists():
            raise applying.Superseded
        yield


def _read(upload: Upload) -> None:
    """Read the file anew, with what was chosen by hand; cells that were corrected before are read as they are in the
    file. Or, where the rows have only changed (`look_at_rows`), look at them again."""
    chosen = upload.chosen
    if chosen.pop("look_at_rows", False):
        with _ours(upload):
            look_again(upload)
        return
    remembered = dict(ColumnName.objects.filter(institution=upload.institution_id).values_list("name", "field"))
    try:
        answer = files.open_file(
            bytes(UploadFile.objects.get(upload=upload).data),
            encoding=chosen.get("encoding", ""),
            sheet=chosen.get("sheet", ""),
            hidden=bool(chosen.get("hidden")),
        )
    except ListRefused as refused:
        with _ours(upload):
            upload.rows.all().delete()
            _finish(upload, Status.REFUSED, refused={"code": refused.code, "said": refused.said})
        return
    rows = [
        UploadRow(upload=upload, line=line, cells=[storable(cell) for cell in cells])
        for line, cells in answer.pop("rows")
    ]
    mapping = files.columns_of([(row.line, row.cells) for row in rows], answer, remembered)
    upload.read_as = answer | {"columns": kept(mapping)}
    corrections.offer(upload.institution_id, rows)
    with Progress(upload, len(rows) * 3) as progress:  # to check a row takes a third of the time, to write it down two
        checked = _check(upload, rows, progress)
        with _ours(upload):
            upload.rows.all().delete()
            _note_all(upload, rows, *checked)
            for some in applying.batches(rows):
                UploadRow.objects.bulk_create(some)
                progress.add(2 * len(some))
            _finish(upload, Status.REVIEW)


def storable(cell: str) -> str:
    """A cell as every database takes it: what it does not take is made visible, and then found where it stands. Of a
    social security number no digit is kept."""
    return cleaning.mask_nirs(re.sub("[\ud800-\udfff]", "\ufffd", cell.replace("\0", cleaning.NUL)))


def kept(mapping: Columns) -> dict[str, Any]:
    """Columns as `Upload.read_as` keeps them."""
    return asdict(mapping) | {"passed_over": {str(index): why for index, why in mapping.passed_over.items()}}


def columns_of(upload: Upload) -> Columns:
    """How the columns of `upload` are understood."""
    said = upload.read_as["columns"]
    lists = {name: tuple(said[name]) for name in ("names", "asks", "twice", "others")}
    return Columns(**said | lists | {"passed_over": {int(index): why for index, why in said["passed_over"].items()}})


def look_again(upload: Upload) -> None:
    """Check and compare all rows of `upload` as they are now, and keep what is found about each; in the caller's
    transaction."""
    rows = list(upload.rows.order_by("line"))
    before = [_state(row) for row in rows]
    _note_all(upload, rows, *_check(upload, rows, Progress()))
    changed = [row for row, was in zip(rows, before, strict=True) if was != _state(row)]
    UploadRow.objects.bulk_update(
        changed, ["verdict", "is_title", "person", "findings", "was", "is_doubtful"], batch_size=500
    )
    _finish(upload, Status.REVIEW)


def _check(upload: Upload, rows: list[UploadRow], progress: Progress) -> tuple[list[Person], ListRefused | None]:
    """The people of `rows`, and why the list cannot be taken as it is, if so: its rows stay then, so that this can be
    corrected."""
    mapping = columns_of(upload)
    listed = [row for row in rows if row.line > mapping.header_line]
    people: list[Person] = []
    try:
        files.check_columns(mapping, len(listed))
        people = _people(upload, mapping, listed, progress)
        if all(person.is_note for person in people):
            raise ListRefused("empty")
    except ListRefused as error:
        return people, error
    return people, None


def _note_all(upload: Upload, rows: list[UploadRow], people: list[Person], refusal: ListRefused | None) -> None:
    """Compare the checked `people` with the list, and note what is found on `upload` and its `rows`, which are saved by
    the caller."""
    mapping = columns_of(upload)
    comparison = Comparison()
    if refusal is None:
        try:
            applying.check_edition(upload.cohort)
            comparison = compare(upload.cohort, people, replacing=upload.is_replacing)
            applying.check_size(upload.cohort, comparison)
        except ListRefused as error:
            refusal = error
    by_line = {person.line: person for person in people}
    for row in rows:
        _note(row, by_line.get(row.line), mapping)
    _tell_apart(rows, comparison)
    upload.findings = [asdict(finding) for finding in checking.about_the_list(people, mapping, upload.read_as)]
    upload.counts = comparison.counts() | _tally(rows, comparison)
    upload.removed = [invitee.pk for invitee in comparison.removed]
    upload.refused = {"code": refusal.code, "said": refusal.said} if refusal else None


def _people(upload: Upload, mapping: Columns, rows: list[UploadRow], progress: Progress) -> list[Person]:
    """The people of `rows`, checked. Whom a skipped row means stays as they are: it is there, and stands for nothing
    else."""
    marks = Marks.of(upload.read_as, {row.line: row.fixes for row in rows if row.fixes})
    taken = [(row.line, row.cells) for row in rows if not row.is_skipped]
    people = checking.check(progress.over(taken), mapping, marks)
    chosen = {row.line: row.same_as for row in rows if row.same_as}
    for person in people:
        person.same_as = chosen.get(person.line, 0)
    for row in rows:
        if row.is_skipped:
            person = checking.check_row(row.line, row.cells, mapping, marks)
            person.is_skipped, person.findings = True, []
            people.append(person)
    return people


def _state(row: UploadRow) -> tuple[Any, ...]:
    return row.verdict, row.is_title, row.person, row.findings, row.was, row.is_doubtful


def _note(row: UploadRow, person: Person | None, mapping: Columns) -> None:
    """Write down what checking has said of a row."""
    row.is_title = row.line <= mapping.header_line
    row.was, row.findings, row.verdict = {}, [], ""
    row.person = {name: getattr(person, name) for name in FIELDS} if person else {}
    if person is None:
        return
    if row.is_skipped:
        row.verdict = Verdict.SKIPPED
        return
    row.findings = [asdict(finding) for finding in person.findings]
    if person.is_note:
        row.verdict = Verdict.NOBODY
    elif any(finding.level == Level.ERROR for finding in person.findings):
        row.verdict = Verdict.TO_FIX
    elif person.repeats:
        row.verdict = Verdict.TWICE


def _tell_apart(rows: list[UploadRow], comparison: Comparison) -> None:
    """Write down what comparing has said of each row."""
    by_line = {row.line: row for row in rows}
    for line, finding in comparison.findings.items():
        by_line[line].findings = [*by_line[line].findings, asdict(finding)]
        if finding.level == Level.ERROR:
            by_line[line].verdict = Verdict.TO_FIX
    for person in comparison.new:
        by_line[person.line].verdict = Verdict.NEW
    for person in [*comparison.elsewhere, *comparison.objecting]:
        by_line[person.line].verdict = Verdict.ELSEWHERE
    for difference in comparison.changed:
        row = by_line[difference.person.line]
        row.verdict, row.was = Verdict.CHANGED, {name: getattr(difference.invitee, name) for name in difference.fields}
    for row in rows:
        if row.person and not row.verdict:
            row.verdict = Verdict.SAME
        warned = any(one["level"] == Level.WARNING for one in row.findings)
        row.is_doubtful = warned and row.verdict in (Verdict.NEW, Verdict.CHANGED, Verdict.SAME)


def _tally(rows: list[UploadRow], comparison: Comparison) -> dict[str, int]:
    said = [row.verdict for row in rows]
    tally = {
        name.value: said.count(name) for name in (Verdict.TO_FIX, Verdict.TWICE, Verdict.ELSEWHERE, Verdict.SKIPPED)
    }
    return tally | {
        "rows": sum(bool(row.person) for row in rows),
        "absent": len(comparison.absent),
        "offered": sum(bool(row.offered) for row in rows),
        "size": comparison.size,
    }


def _finish(upload: Upload, status: str, **fields: Any) -> None:
    upload.status, upload.busy_until, upload.percent = status, None, 0
    for name, value in fields.items():
        setattr(upload, name, value)
    # Not who handed it in: they may be gone meanwhile.
    upload.save(force_update=True, update_fields=WRITTEN)


def _apply(upload: Upload, at: datetime) -> None:
    """Put a confirmed upload into force; when it is no longer what was agreed to, it is to be looked at again."""
    mapping = columns_of(upload)
    steps = upload.counts["rows"] + applying.STEPS * sum(upload.counts[name] for name in ("new", "changed", "removed"))
    try:
        with Progress(upload, steps) as progress:
            people = _people(
                upload, mapping, list(upload.rows.filter(line__gt=mapping.header_line).order_by("line")), progress
            )
            applying.apply(upload, people, actor=upload.uploaded_by, at=at, as_shown=upload.counts, progress=progress)
    except (applying.ListMoved, ListRefused):
        upload = Upload.objects.select_related("cohort__edition").get(pk=upload.pk)
        with _ours(upload):
            look_again(upload)
            upload.counts |= {"moved": 1}
            upload.save(update_fields=["counts"])


def findings_of(row: UploadRow) -> list[Finding]:
    """What was found about a row."""
    return [Finding(**one | {"level": Level(one["level"])}) for one in row.findings]
