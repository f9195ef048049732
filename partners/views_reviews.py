"""The page on which a list is checked before anything of it counts, and what can be done there."""

import csv
import io
from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from accounts.access import sign_in_required
from accounts.http import SignedInRequest
from core import clock
from core.sheets import reader
from core.sheets.formats import escape
from core.text import whole_number
from partners import access, contexts
from partners.domain import applying, processing, reviewing, roles, sentences
from partners.domain.checking import Level
from partners.domain.columns import FIELDS
from partners.forms import ColumnsForm
from partners.models import Upload, UploadRow
from partners.pages import as_file

Verdict = UploadRow.Verdict


@never_cache
@sign_in_required
@require_safe
def review(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """How far an uploaded list is: being read, to be checked, refused, being applied, in force."""
    upload = access.upload(request, uuid, roles.may_edit)
    if request.htmx and upload.status != Upload.Status.REVIEW:
        return HttpResponseClientRefresh()  # somebody went on meanwhile: what is asked for is a part of another page
    left = request.GET.get("left", "")
    return _review(request, upload, focus=whole_number(left, digits=9) or 0)


def _review(
    request: SignedInRequest,
    upload: Upload,
    *,
    form: ColumnsForm | None = None,
    focus: int = 0,
    goes_on: bool = False,
    status: int = 200,
) -> HttpResponse:
    request.page_address = reverse("partners:review", args=[upload.uuid])
    if upload.status != Upload.Status.REVIEW:
        return render(request, "partners/upload.html", contexts.upload(request, upload), status=status)
    said = contexts.review(request, upload, form=form, focus=focus, goes_on=goes_on)
    template = "partners/_review.html" if request.htmx else "partners/review.html"
    return render(request, template, said, status=status)


@never_cache
@sign_in_required
@require_safe
def progress(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """How far the worker is, asked again and again by the page; when it is done, the page is drawn anew."""
    upload = access.upload(request, uuid, roles.may_edit)
    if upload.status in (Upload.Status.RECEIVED, Upload.Status.CONFIRMED):
        return render(request, "partners/_progress.html", {"upload": upload, "ahead": processing.ahead_of(upload)})
    return HttpResponseClientRefresh()


# --- What can be done -------------------------------------------------------------------------------------------------


def _do(
    request: SignedInRequest, uuid: UUID, act: Callable[[Upload], object], *, focus: int = 0, goes_on: bool = False
) -> HttpResponse:
    """Let `act` change the list, and show it as it is then; a page that was drawn before it changed is told so."""
    upload = access.upload(request, uuid, roles.may_edit)
    try:
        act(upload)
    except reviewing.Stale:
        messages.error(request, _("This list has changed in the meantime. Here’s how it looks now."))
    if request.htmx:
        upload = (
            Upload.objects.select_related("institution", "cohort__institution").filter(pk=upload.pk).first() or upload
        )
        return (
            _review(request, upload, focus=focus, goes_on=goes_on)
            if upload.status == Upload.Status.REVIEW
            else HttpResponseClientRefresh()
        )
    if not Upload.objects.filter(pk=upload.pk).exists():
        return redirect("partners:cohort", upload.institution.slug, upload.cohort.slug)
    response = redirect("partners:review", upload.uuid)
    query = request.GET.urlencode()
    if query:
        response["Location"] += f"?{query}"
    return response


@never_cache
@sign_in_required
@require_POST
def correct(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Write a cell anew, or the whole row."""
    line, values = (
        _number(request.POST.get("line")),
        {name: request.POST[name] for name in FIELDS if name in request.POST},
    )
    if not values:
        raise Http404
    return _do(
        request, uuid, lambda upload: reviewing.correct(upload, line, values), focus=line, goes_on=len(values) == 1
    )


@never_cache
@sign_in_required
@require_POST
def keep(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Of several rows about one person, take this one."""
    line = _number(request.POST.get("line"))
    return _do(request, uuid, lambda upload: reviewing.keep_only(upload, line), focus=line)


@never_cache
@sign_in_required
@require_POST
def skip(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Leave a row out, or take it in again."""
    line = _number(request.POST.get("line"))
    return _do(
        request, uuid, lambda upload: reviewing.skip(upload, line, skipped="again" not in request.POST), focus=line
    )


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
    upload = access.upload(request, uuid, roles.may_edit)
    if upload.status != Upload.Status.REVIEW:
        return _do(request, uuid, lambda _of: None)
    form = contexts.columns_form(upload, request.POST)
    if not form.is_valid():
        return _review(request, upload, form=form, status=422)
    return _do(request, uuid, lambda upload: reviewing.choose(upload, meaning=form.meaning, order=form.order))


@never_cache
@sign_in_required
@require_POST
def accept(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Say that all computed cells are right, or that a row is about a person who comes."""
    what = request.POST.get("what", "")
    if what not in ("formulas", "row"):
        raise Http404
    line = _number(request.POST.get("line")) if what == "row" else None
    return _do(request, uuid, lambda upload: reviewing.accept(upload, what, line), focus=line or 0)


@never_cache
@sign_in_required
@require_POST
def same(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Say that a row means somebody who is on a list, or take that back."""
    line, who = _number(request.POST.get("line")), request.POST.get("who", "")
    invitee = _number(who) if who else None
    return _do(request, uuid, lambda upload: reviewing.say_same(upload, line, invitee), focus=line)


@never_cache
@sign_in_required
@require_POST
def correct_as_before(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Take what was typed for the same rows of an earlier list."""
    return _do(request, uuid, reviewing.correct_as_before)


@never_cache
@sign_in_required
@require_POST
def read_as(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Read the file as written otherwise, or another of its sheets."""
    encoding, sheet = request.POST.get("encoding", ""), request.POST.get("sheet", "")
    hidden = "hidden" in request.POST
    if (encoding and encoding not in reader.ENCODINGS) or "\0" in sheet:
        raise Http404
    return _do(
        request,
        uuid,
        lambda upload: reviewing.read_otherwise(upload, encoding=encoding, sheet=sheet[:100], hidden=hidden),
    )


@never_cache
@sign_in_required
@require_POST
def mode(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Add to the list, or replace it."""
    chosen = request.POST.get("mode", "")
    if chosen not in Upload.Mode.values:
        raise Http404
    return _do(request, uuid, lambda upload: reviewing.choose(upload, mode=chosen))


@never_cache
@sign_in_required
@require_safe
def rows_to_fix(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """The rows that are to be corrected, as a file that can be corrected and sent again, with what is wrong beside
    each."""
    upload = access.upload(request, uuid, roles.may_edit)
    if upload.status != Upload.Status.REVIEW:
        raise Http404
    columns = processing.columns_of(upload)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";")
    writer.writerow([*(escape(name) for name in columns.names), _("What to fix")])
    for row in upload.rows.filter(verdict=Verdict.TO_FIX).order_by("line"):
        wrong = [sentences.about(finding) for finding in processing.findings_of(row) if finding.level == Level.ERROR]
        cells = [*row.cells, *[""] * (len(columns.names) - len(row.cells))]
        for name, value in row.fixes.items():
            if name in columns.meaning:
                cells[columns.meaning[name]] = value
        writer.writerow([*map(escape, cells), " ".join(wrong)])
    to_fix = _("to-fix")
    return as_file(out.getvalue(), f"{upload.cohort.slug}-{to_fix}.csv")


@never_cache
@sign_in_required
@require_POST
def confirm(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Agree to what the page shows: a worker puts it into force."""
    as_shown = {name: _number(request.POST.get(name)) for name in contexts.AGREED}
    return _do(request, uuid, lambda upload: reviewing.confirm(upload, as_shown=as_shown, actor=request.user))


@never_cache
@sign_in_required
@require_POST
def discard(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Drop the upload: nothing of it counts."""
    upload = access.upload(request, uuid, roles.may_edit)
    if reviewing.discard(upload):
        messages.success(request, _("The uploaded list has been discarded. Nothing has changed."))
    else:
        messages.info(request, _("This list has already been applied."))
    return redirect("partners:cohort", upload.institution.slug, upload.cohort.slug)


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: SignedInRequest, uuid: UUID) -> HttpResponse:
    """Ask, then take back what a list has changed."""
    upload = access.upload(request, uuid, roles.may_edit)
    if request.method != "POST":
        if upload.status != Upload.Status.APPLIED:
            return redirect("partners:review", upload.uuid)
        why_not = ""
        try:
            applying.changes_to_undo(upload, clock.now())
        except applying.CannotUndo as refused:
            why_not = str(refused)
        return render(
            request,
            "partners/undo.html",
            contexts.of_institution(request, upload.institution, upload=upload, cohort=upload.cohort, why_not=why_not),
        )
    try:
        applying.undo(upload, actor=request.user, at=clock.now())
        messages.success(request, _("The list is back to how it was before “%(file)s”.") % {"file": upload.file_name})
    except applying.CannotUndo as refused:
        messages.error(request, str(refused))
    return redirect("partners:cohort", upload.institution.slug, upload.cohort.slug)
