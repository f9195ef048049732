"""What the templates of the portal are given."""

from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Case, Count, Q, QuerySet, Value, When
from django.http import QueryDict

from accounts.http import SignedInRequest
from core import clock
from core.folding import found, in_order
from core.sheets import reader
from core.sheets.confined import MAX_BYTES
from partners.domain import applying, checking, following, leaving, processing, roles, sentences, sign_in_failures
from partners.domain.checking import Finding, Level
from partners.domain.columns import Columns
from partners.domain.files import ListRefused
from partners.forms import ColumnsForm, UploadForm
from partners.models import Invitee, Upload, UploadRow
from programme.models import Edition, Session
from registrations.models import Cohort, Institution

Verdict = UploadRow.Verdict
A_PAGE = 50  # rows
AGREED = ("new", "changed", "removed")


def of_institution(request: SignedInRequest, institution: Institution, **more: Any) -> dict[str, Any]:
    """What every page of an institution shows: which it is, and what the person may do there."""
    role = roles.role_in(request.user, institution)
    return {"institution": institution, "may_edit": role in roles.EDITS, "may_own": role in roles.OWNS} | more


def institution(request: SignedInRequest, institution: Institution) -> dict[str, Any]:
    """The cohorts of an institution and how each stands: edition by edition, the latest first, and apart from them
    those of editions that are over."""
    found = list(institution.cohorts.select_related("edition").order_by(in_order(Cohort)))
    standings = following.standings(found, clock.now())
    of_editions: dict[Edition, list[Any]] = {}
    past: list[Any] = []
    for cohort in found:
        group = past if cohort.edition.is_archived else of_editions.setdefault(cohort.edition, [])
        group.append((cohort, standings[cohort.pk]))
    editions = sorted(of_editions.items(), key=lambda group: group[0].starts_on, reverse=True)
    past.sort(key=lambda row: row[0].edition.starts_on, reverse=True)
    shown = of_institution(request, institution, editions=editions, past=past)
    return shown | {"failures": sign_in_failures.last(institution.pk, clock.now()) if shown["may_own"] else []}


def too_large() -> ListRefused:
    return ListRefused("too_large", {"mb": MAX_BYTES // 1024 // 1024})


def cohort(request: SignedInRequest, cohort: Cohort, form: UploadForm) -> dict[str, Any]:
    """The people of a cohort as they were searched for, how they stand, and its lists on their way."""
    now = clock.now()
    state = request.GET.get("state", "")
    state = state if state in (*following.STATES, following.UNREACHABLE) else ""
    people = following.in_state(following.people_of(cohort, now), state)
    searched = request.GET.get("q", "").strip()[:100].replace("\0", "")
    people = people.filter(found(searched, "search"))
    page = Paginator(people.order_by(in_order(Invitee), "pk"), A_PAGE).get_page(request.GET.get("page"))
    standing = following.standing(cohort, now)
    last = following.last_upload(cohort)
    to_remind = following.to_remind(cohort, now)
    shown = of_institution(
        request,
        cohort.institution,
        cohort=cohort,
        over=str(ListRefused("archived", {"edition": cohort.edition})) if cohort.edition.is_archived else "",
        form=form,
        standing=standing,
        states=[(name, words, getattr(standing, name)) for name, words in sentences.STATES.items()],
        state=state,
        searched=searched,
        page=page,
        uploads=cohort.uploads.filter(status__in=Upload.UNFINISHED).select_related("uploaded_by"),
        last=last,
        may_undo=last is not None and following.may_be_undone(last, now),
        to_remind=to_remind.count() if standing.invited else 0,
        may_be_reminded=set(to_remind.filter(pk__in=[person.pk for person in page]).values_list("pk", flat=True)),
        zone=ZoneInfo(settings.TIME_ZONE),
        mb=MAX_BYTES // 1024 // 1024,
        most=MAX_BYTES,
        too_large=str(too_large()),
        sessions=cohort.allotments.filter(session__ends_at__gt=now, session__in=Session.objects.published())
        .select_related("session__room__venue")
        .order_by("session__starts_at"),
    )
    # Of an edition that is over, people may still be taken off the list.
    return shown | {"may_remove": shown["may_edit"], "may_edit": shown["may_edit"] and not shown["over"]}


def upload(request: SignedInRequest, upload: Upload) -> dict[str, Any]:
    """An uploaded list that is read, refused, applied or taken back."""
    may_undo = upload.status == Upload.Status.APPLIED and following.may_be_undone(upload, clock.now())
    shown = {"upload": upload, "cohort": upload.cohort, "refused": refusal(upload), "may_undo": may_undo}
    if upload.status in processing.WAITING:
        shown["ahead"] = processing.ahead_of(upload)
    return of_institution(request, upload.institution, **shown)


def review(
    request: SignedInRequest, current: Upload, *, form: ColumnsForm | None = None, focus: int = 0, goes_on: bool = False
) -> dict[str, Any]:
    """An uploaded list whose rows are being checked: how it was read, its rows, and what it would change."""
    said = upload(request, current)
    columns = processing.columns_of(current)
    rows = current.rows.exclude(is_title=True)
    counts = current.counts
    chips, total = _chips(rows)
    shown = request.GET.get("show", "")
    if shown not in [name for name, _words, _number in chips]:
        shown = ""
    listed = rows.filter(is_doubtful=True) if shown == DOUBTFUL else rows.filter(verdict=shown) if shown else rows
    urgent = [*(Q(verdict=name) for name in ORDER[:3]), Q(is_doubtful=True)]
    urgency = Case(*(When(which, then=Value(n)) for n, which in enumerate(urgent)), default=Value(len(urgent)))
    page = Paginator(listed.order_by(urgency, "line"), A_PAGE).get_page(request.GET.get("page"))
    lines = [_line(row, columns) for row in page]
    edited = request.GET.get("edit", "")
    return said | {
        "columns": [(name, sentences.FIELDS[name]) for name in columns.fields],
        "columns_form": form or columns_form(current),
        "later": applying.later(current.institution_id, counts.get("new", 0), clock.now()),
        "invitations_a_day": settings.PARTNER_INVITATIONS_A_DAY,
        "about": [_told(one) for one in current.findings],
        "counts": counts,
        "chips": chips,
        "total": total,
        "shown": shown,
        "page": page,
        "lines": lines,
        "edited": next(
            (line["row"].line for line in lines if edited == str(line["row"].line) and not line["row"].is_skipped), 0
        ),
        "table_has_focus": bool(focus) and not _focus(lines, focus, goes_on=goes_on),
        **(_consequences(current) if current.removed else {}),
        "is_guessed": columns.guessed,
        "asked": columns.asks,
        "is_misread": columns.guessed or (current.refused or {}).get("code") in MISREAD,
        "encodings": [(name, sentences.ENCODINGS[name]) for name in reader.ENCODINGS],
        "read_as": sentences.read_as(current.read_as),
        "is_nothing": not any(counts.get(name) for name in AGREED),
        "agreed": {name: counts.get(name, 0) for name in AGREED},
    }


def columns_form(upload: Upload, data: QueryDict | None = None) -> ColumnsForm:
    """The columns of a list with two cells of each, and as they were chosen in `data`."""
    columns = processing.columns_of(upload)
    rows = upload.rows.filter(line__gt=columns.header_line).exclude(verdict=Verdict.NOBODY)
    cells = list(rows.order_by("line").values_list("cells", flat=True)[:20])
    width = max([len(columns.names), *map(len, cells)])
    samples = [
        list(dict.fromkeys(row[index].strip() for row in cells if index < len(row) and row[index].strip()))[:2]
        for index in range(width)
    ]
    return ColumnsForm(columns, samples, data)


# What comes first is what needs somebody.
ORDER = [
    Verdict.TO_FIX,
    Verdict.TWICE,
    Verdict.ELSEWHERE,
    Verdict.CHANGED,
    Verdict.NEW,
    Verdict.SAME,
    Verdict.SKIPPED,
    Verdict.NOBODY,
]


CALM = {Verdict.NEW, Verdict.SAME, Verdict.SKIPPED, Verdict.NOBODY}


DOUBTFUL = "doubtful"  # rows that can be taken, but ask for a look


MISREAD = {"no_addresses", "twice", "empty"}  # perhaps the columns are others, or the sheet


def _chips(rows: QuerySet[UploadRow]) -> tuple[list[tuple[str, str, int]], int]:
    """The sorts of rows there are, each with its words and its number; and the number of all."""
    counted = rows.order_by().values_list("verdict", "is_doubtful").annotate(number=Count("pk"))
    numbers: Counter[str] = Counter()
    for verdict, is_doubtful, number in counted:
        numbers[verdict] += number
        numbers[DOUBTFUL] += number if is_doubtful else 0
    sorts: list[str] = [*ORDER[:3], DOUBTFUL, *ORDER[3:]]
    chips = [(name, sentences.sort(name, numbers[name]), numbers[name]) for name in sorts if numbers[name]]
    return chips, sum(numbers[name] for name in ORDER)


def _consequences(upload: Upload) -> dict[str, Any]:
    """Who leaves the list (at most A_PAGE of them, those first who have something to lose), and what becomes of their
    seats."""
    at, removed = clock.now(), set(upload.removed)
    people = following.people_of(upload.cohort, at)
    losing = people.filter(Q(seated=True) | Q(waits=True)).order_by("-seated").values_list("pk", flat=True)
    first = list(dict.fromkeys([*(pk for pk in losing if pk in removed), *upload.removed]))[:A_PAGE]
    return {
        "removed": people.filter(pk__in=first).order_by("-seated", "-waits", in_order(Invitee), "pk"),
        "freed": sentences.freed(leaving.freed_by(upload.cohort, removed, at)),
    }


def _focus(lines: list[dict[str, Any]], line: int, *, goes_on: bool) -> bool:
    """What was pressed in this line is gone: give the focus to what is wrong with it still, else to the next cell to
    fix if the person goes on from cell to cell, else to the line; tell whether that is here."""
    own = next((one for one in lines if one["row"].line == line), None)
    wrong = next(
        (
            cell
            for one in ([own] if own else []) + (lines if goes_on else [])
            for cell in one["cells"]
            if cell["errors"]
        ),
        None,
    )
    if place := wrong or own:
        place["has_focus"] = True
    return place is not None


def _told(finding: dict[str, Any]) -> tuple[str, str, str]:
    read = Finding(**finding | {"level": Level(finding["level"])})
    return read.level, read.code, sentences.about(read)


def _line(row: UploadRow, columns: Columns) -> dict[str, Any]:
    """A row as the page shows it: each cell with what was found in it, then what is to be said of the row as a
    whole."""
    findings = processing.findings_of(row)
    cells = []
    for name in columns.fields:
        raw = row.fixes.get(name, checking.raw_of(row.cells, columns, name)[0])
        here = [finding for finding in findings if finding.column == name]
        errors = [sentences.about(finding) for finding in here if finding.level == Level.ERROR]
        cells.append(
            {
                "name": name,
                "label": sentences.FIELDS[name],
                "raw": raw,
                "value": raw if errors else row.person.get(name) or raw,
                "errors": errors,
                "fix": row.offered.get(name) or next((finding.fix for finding in here if finding.fix), ""),
                "notes": [
                    (finding.level, sentences.about(finding)) for finding in here if finding.level != Level.ERROR
                ],
                "was": row.was.get(name),
                "has_was": name in row.was,
            }
        )
    others = [(finding.level, sentences.about(finding)) for finding in findings if finding.column not in columns.fields]
    like = next((finding.said["pk"] for finding in findings if finding.code in ("probably", "number_of_another")), None)
    return {
        "row": row,
        "cells": cells,
        "others": others,
        "is_swapped": any(finding.code == "swapped" for finding in findings),
        "may_be_included": any(finding.code in ("struck", "office") for finding in findings),
        "like": like,
        "is_calm": row.verdict in CALM and not row.is_doubtful,
    }


def refusal(upload: Upload) -> str:
    return str(ListRefused(**upload.refused)) if upload.refused else ""
