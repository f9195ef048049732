"""The page on which a list is checked before anything of it counts, and what can be done there."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, Count, Q, QuerySet, Value, When
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts.access import sign_in_required
from accounts.http import Request, SignedInRequest
from core import clock
from core.sheets import reader
from core.sheets.formats import escape
from core.text import whole_number
from partners import access
from partners.domain import applying, following, leaving, processing, reviewing, roles, sentences
from partners.domain.checking import Finding, Level
from partners.domain.columns import FIELDS
from partners.domain.files import ListRefused
from partners.forms import ColumnsForm
from partners.models import Upload, UploadRow
from partners.pages import A_PAGE, as_file, context

Verdict = UploadRow.Verdict
# What comes first is what needs somebody.
ORDER = [Verdict.TO_FIX, Verdict.TWICE, Verdict.ELSEWHERE, Verdict.CHANGED, Verdict.NEW, Verdict.SAME, Verdict.SKIPPED, Verdict.NOBODY]
CALM = {Verdict.NEW, Verdict.SAME, Verdict.SKIPPED, Verdict.NOBODY}
DOUBTFUL = "doubtful"  # rows that can be taken, but ask for a look
MISREAD = {"no_addresses", "twice", "empty"}  # perhaps the columns are others, or the sheet
AGREED = ("new", "changed", "removed")


@never_cache
@sign_in_required
@require_safe
def review(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """How far an uploaded list is: being read, to be checked, refused, being applied, in force."""
    of = access.upload(request, uuid, roles.may_edit)
    if request.htmx and of.status != Upload.Status.REVIEW:
        return HttpResponseClientRefresh()  # somebody went on meanwhile: what is asked for is a part of another page
    left = request.GET.get("left", "")
    return _review(request, of, focus=whole_number(left, digits=9) or 0)


def _review(
    request: Request, of: Upload, *, form: ColumnsForm | None = None, focus: int = 0, goes_on: bool = False, status: int = 200
) -> HttpResponse:
    said = context(request, of.institution, upload=of, cohort=of.cohort, refused=_refusal(of))
    if of.status != Upload.Status.REVIEW:
        said["may_undo"] = of.status == Upload.Status.APPLIED and following.may_be_undone(of, clock.now())
        return render(request, "partners/upload.html", said, status=status)
    found = processing.columns_of(of)
    rows = of.rows.exclude(is_title=True)
    counts = of.counts
    chips, total = _chips(rows)
    shown = request.GET.get("show", "")
    if shown not in [name for name, _words, _number in chips]:
        shown = ""
    listed = rows.filter(is_doubtful=True) if shown == DOUBTFUL else rows.filter(verdict=shown) if shown else rows
    urgent = [*(Q(verdict=name) for name in ORDER[:3]), Q(is_doubtful=True)]
    urgency = Case(*(When(which, then=Value(n)) for n, which in enumerate(urgent)), default=Value(len(urgent)))
    page = Paginator(listed.order_by(urgency, "line"), A_PAGE).get_page(request.GET.get("page"))
    lines = [_line(row, found.meaning) for row in page]
    edited = request.GET.get("edit", "")
    said |= {
        "columns": [(name, sentences.FIELDS[name]) for name in FIELDS if name in found.meaning],
        "columns_form": form or ColumnsForm(found),
        "about": [_told(one) for one in of.findings],
        "counts": counts,
        "chips": chips,
        "total": total,
        "shown": shown,
        "page": page,
        "lines": lines,
        "edited": next((line["row"].line for line in lines if edited == str(line["row"].line) and not line["row"].is_skipped), 0),
        "table_has_focus": bool(focus) and not _focus(lines, focus, goes_on=goes_on),
        **(_consequences(of) if of.removed else {}),
        "is_guessed": found.guessed,
        "is_misread": found.guessed or (of.refused or {}).get("code") in MISREAD,
        "encodings": [(name, sentences.ENCODINGS[name]) for name in reader.ENCODINGS],
        "read_as": sentences.read_as(of.read_as),
        "is_nothing": not any(counts.get(name) for name in AGREED),
        "agreed": {name: counts.get(name, 0) for name in AGREED},
    }
    template = "partners/_review.html" if request.htmx else "partners/review.html"
    return render(request, template, said, status=status)


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


def _consequences(of: Upload) -> dict[str, Any]:
    """Who leaves the list (at most A_PAGE of them, those first who have something to lose), and what becomes of their seats."""
    at, removed = clock.now(), set(of.removed)
    people = following.people_of(of.cohort, at)
    losing = people.filter(Q(seated=True) | Q(waits=True)).order_by("-seated").values_list("pk", flat=True)
    first = list(dict.fromkeys([*(pk for pk in losing if pk in removed), *of.removed]))[:A_PAGE]
    return {
        "removed": people.filter(pk__in=first).order_by("-seated", "-waits", "last_name", "first_name", "pk"),
        "freed": sentences.freed(leaving.freed_by(of.cohort, removed, at)),
    }


def _focus(lines: list[dict[str, Any]], line: int, *, goes_on: bool) -> bool:
    """What was pressed in this line is gone: give the focus to what is wrong with it still, else to the next cell to fix if the person
    goes on from cell to cell, else to the line; tell whether that is here."""
    own = next((one for one in lines if one["row"].line == line), None)
    wrong = next((cell for one in ([own] if own else []) + (lines if goes_on else []) for cell in one["cells"] if cell["errors"]), None)
    if place := wrong or own:
        place["has_focus"] = True
    return place is not None


def _told(finding: dict[str, Any]) -> tuple[str, str, str]:
    one = Finding(**finding | {"level": Level(finding["level"])})
    return one.level, one.code, sentences.about(one)


def _line(row: UploadRow, meaning: Mapping[str, int]) -> dict[str, Any]:
    """A row as the page shows it: each cell with what was found in it, then what is to be said of the row as a whole."""
    findings = processing.findings_of(row)
    cells = []
    for name in FIELDS:
        if name not in meaning:
            continue
        index = meaning[name]
        raw = row.cells[index] if index < len(row.cells) else ""
        here = [one for one in findings if one.column == name]
        errors = [sentences.about(one) for one in here if one.level == Level.ERROR]
        cells.append(
            {
                "name": name,
                "label": sentences.FIELDS[name],
                "raw": raw,
                "value": raw if errors else row.person.get(name) or raw,
                "errors": errors,
                "fix": next((one.fix for one in here if one.fix), ""),
                "notes": [(one.level, sentences.about(one)) for one in here if one.level != Level.ERROR],
                "was": row.was.get(name),
                "has_was": name in row.was,
            }
        )
    others = [(one.level, sentences.about(one)) for one in findings if one.column not in meaning]
    return {
        "row": row,
        "cells": cells,
        "others": others,
        "is_swapped": any(one.code == "swapped" for one in findings),
        "is_calm": row.verdict in CALM and not row.is_doubtful,
    }


def _refusal(of: Upload) -> str:
    return str(ListRefused(**of.refused)) if of.refused else ""


@never_cache
@sign_in_required
@require_safe
def progress(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """How far the worker is, asked again and again by the page; when it is done, the page is drawn anew."""
    of = access.upload(request, uuid, roles.may_edit)
    if of.status in (Upload.Status.RECEIVED, Upload.Status.CONFIRMED):
        return render(request, "partners/_progress.html", {"upload": of})
    return HttpResponseClientRefresh()


# --- What can be done -----------------------------------------------------------------------------------------------------------


def _do(request: Request, uuid: UUID, act: Callable[[Upload], object], *, focus: int = 0, goes_on: bool = False) -> HttpResponse:
    """Let `act` change the list, and show it as it is then; a page that was drawn before it changed is told so."""
    of = access.upload(request, uuid, roles.may_edit)
    try:
        act(of)
    except reviewing.Stale:
        messages.error(request, _("This list has changed in the meantime: here is how it is now."))
    if request.htmx:
        of = Upload.objects.select_related("institution", "cohort__institution").filter(pk=of.pk).first() or of
        return _review(request, of, focus=focus, goes_on=goes_on) if of.status == Upload.Status.REVIEW else HttpResponseClientRefresh()
    if not Upload.objects.filter(pk=of.pk).exists():
        return redirect("partners:cohort", of.institution.slug, of.cohort.slug)
    response = redirect("partners:review", of.uuid)
    query = request.GET.urlencode()
    if query:
        response["Location"] += f"?{query}"
    return response


@never_cache
@sign_in_required
@require_POST
def correct(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Write a cell anew, or the whole row."""
    line, values = _number(request.POST.get("line")), {name: request.POST[name] for name in FIELDS if name in request.POST}
    if not values:
        raise Http404
    return _do(request, uuid, lambda of: reviewing.correct(of, line, values), focus=line, goes_on=len(values) == 1)


@never_cache
@sign_in_required
@require_POST
def keep(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Of several rows about one person, take this one."""
    line = _number(request.POST.get("line"))
    return _do(request, uuid, lambda of: reviewing.keep_only(of, line), focus=line)


@never_cache
@sign_in_required
@require_POST
def skip(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Leave a row out, or take it in again."""
    line = _number(request.POST.get("line"))
    return _do(request, uuid, lambda of: reviewing.skip(of, line, skipped="again" not in request.POST), focus=line)


def _number(text: str | None) -> int:
    number = whole_number(text or "", digits=9)
    if number is None:
        raise Http404
    return number


@never_cache
@sign_in_required
@require_POST
def columns(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Say which column is which."""
    of = access.upload(request, uuid, roles.may_edit)
    if of.status != Upload.Status.REVIEW:
        return _do(request, uuid, lambda _of: None)
    form = ColumnsForm(processing.columns_of(of), request.POST)
    if not form.is_valid():
        return _review(request, of, form=form, status=422)
    return _do(request, uuid, lambda found: reviewing.choose(found, meaning=form.meaning))


@never_cache
@sign_in_required
@require_POST
def read_as(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Read the file as written otherwise, or another of its sheets."""
    encoding, sheet = request.POST.get("encoding", ""), request.POST.get("sheet", "")
    if (encoding and encoding not in reader.ENCODINGS) or "\0" in sheet:
        raise Http404
    return _do(request, uuid, lambda of: reviewing.read_otherwise(of, encoding=encoding, sheet=sheet[:100]))


@never_cache
@sign_in_required
@require_POST
def mode(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Add to the list, or replace it."""
    chosen = request.POST.get("mode", "")
    if chosen not in Upload.Mode.values:
        raise Http404
    return _do(request, uuid, lambda of: reviewing.choose(of, mode=chosen))


@never_cache
@sign_in_required
@require_safe
def rows_to_fix(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """The rows that are to be corrected, as a file that can be corrected and sent again, with what is wrong beside each."""
    of = access.upload(request, uuid, roles.may_edit)
    if of.status != Upload.Status.REVIEW:
        raise Http404
    found = processing.columns_of(of)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";")
    writer.writerow([*(escape(name) for name in found.names), _("What to fix")])
    for row in of.rows.filter(verdict=Verdict.TO_FIX).order_by("line"):
        wrong = [sentences.about(one) for one in processing.findings_of(row) if one.level == Level.ERROR]
        cells = [*row.cells, *[""] * (len(found.names) - len(row.cells))]
        writer.writerow([*map(escape, cells), " ".join(wrong)])
    return as_file(out.getvalue(), f"{of.cohort.slug}-{_('to-fix')}.csv")


@never_cache
@sign_in_required
@require_POST
def confirm(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Agree to what the page shows: a worker puts it into force."""
    as_shown = {name: _number(request.POST.get(name)) for name in AGREED}
    return _do(request, uuid, lambda of: reviewing.confirm(of, as_shown=as_shown, actor=request.user))


@never_cache
@sign_in_required
@require_POST
def discard(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Drop the upload: nothing of it counts."""
    of = access.upload(request, uuid, roles.may_edit)
    if reviewing.discard(of):
        messages.success(request, _("The uploaded list is dropped. Nothing has changed."))
    else:
        messages.info(request, _("This list has already been applied."))
    return redirect("partners:cohort", of.institution.slug, of.cohort.slug)


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Ask, then take back what a list has changed."""
    of = access.upload(request, uuid, roles.may_edit)
    if request.method != "POST":
        if of.status != Upload.Status.APPLIED:
            return redirect("partners:review", of.uuid)
        why_not = ""
        try:
            applying.changes_to_undo(of, clock.now())
        except applying.CannotUndo as refused:
            why_not = str(refused)
        return render(request, "partners/undo.html", context(request, of.institution, upload=of, cohort=of.cohort, why_not=why_not))
    try:
        applying.undo(of, actor=request.user, at=clock.now())
        messages.success(request, _("The list is as it was before “%(file)s”.") % {"file": of.file_name})
    except applying.CannotUndo as refused:
        messages.error(request, str(refused))
    return redirect("partners:cohort", of.institution.slug, of.cohort.slug)
