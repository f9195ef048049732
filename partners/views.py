import csv
import io
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import sign_in_required
from accounts.http import SignedInRequest
from core import audit_log, clock
from core.emails import readable_email
from core.folding import in_order
from core.limits import TooMany
from core.sheets import formats
from core.sheets.confined import MAX_BYTES
from core.sheets.formats import escape
from core.text import whole_number
from partners import access, contexts
from partners.domain import following, identity, leaving, reviewing, roles, sentences
from partners.domain.columns import FIELDS
from partners.domain.files import ListRefused
from partners.forms import PersonForm, TeamForm, UploadForm
from partners.models import Invitee, PartnerRole, SignIn, Upload
from partners.pages import as_file
from partners.receiving import CutUpload, InMemory, is_far_too_large
from registrations.models import Cohort


@never_cache
@sign_in_required
@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    """The institutions that somebody works for; who works for one goes there at once."""
    institutions = list(access.institutions_of(request.user))
    if len(institutions) == 1:
        return redirect("partners:institution", institutions[0].slug)
    return render(request, "partners/home.html", {"institutions": institutions})


def sign_in_methods_of_institutions() -> list[tuple[str, str]]:
    """What the sign-in page offers besides a code: the institutions whose people can come through them."""
    names = {
        **dict.fromkeys(SignIn.OPENID, ("openid_connect_login", "provider_id")),
        SignIn.Protocol.SAML: ("saml_login", "organization_slug"),
    }
    found = []
    for sign_in in identity.active_sign_ins():
        name, argument = names[SignIn.Protocol(sign_in.protocol)]
        found.append((sign_in.institution.name, reverse(name, kwargs={argument: sign_in.institution.slug})))
    return found


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Which columns a list has, how a file is saved, and what becomes of the data."""
    return render(request, "partners/help.html", {"mb": MAX_BYTES // 1024 // 1024})


@require_safe
def model(request: HttpRequest, kind: str) -> HttpResponse:
    """An empty list with the headers that are read, in the language of the page."""
    headers = [str(sentences.FIELDS[name]) for name in FIELDS]
    if kind == "xlsx":
        response = HttpResponse(formats.empty_sheet(headers), content_type=formats.XLSX_TYPE)
        name = _("list") + ".xlsx"
        response["Content-Disposition"] = content_disposition_header(True, name)  # noqa: FBT003
        return response
    delimiter = ";" if translation.get_language() == "fr" else ","
    return as_file(delimiter.join(headers) + "\r\n", _("list") + ".csv")


@never_cache
@sign_in_required
@require_safe
def institution(request: SignedInRequest, slug: str) -> HttpResponse:
    """The cohorts of an institution, and how each stands."""
    institution = access.institution(request, slug)
    return render(request, "partners/institution.html", contexts.institution(request, institution))


# --- A cohort ---------------------------------------------------------------------------------------------------------


@never_cache
@sign_in_required
@require_safe
def cohort(request: SignedInRequest, slug: str, cohort_slug: str) -> HttpResponse:
    """The people of a cohort and how far each is, and the way to hand in a list."""
    return _cohort(request, access.cohort(request, slug, cohort_slug), UploadForm())


def _cohort(request: SignedInRequest, cohort: Cohort, form: UploadForm, *, status: int = 200) -> HttpResponse:
    shown = contexts.cohort(request, cohort, form)
    request.page_address = reverse("partners:cohort", args=[cohort.institution.slug, cohort.slug])
    return render(request, "partners/cohort.html", shown, status=status)


@never_cache
@csrf_exempt  # what comes in is cut before anything of the form is read: _take checks it
@sign_in_required
@require_POST
def upload(request: SignedInRequest, slug: str, cohort_slug: str) -> HttpResponse:
    """Take a list in, and go on to its page."""
    if is_far_too_large(request):
        return _too_large(request, access.cohort(request, slug, cohort_slug, roles.may_edit))
    cut = CutUpload(request)
    request.upload_handlers = [cut, InMemory(request)]
    return _take(request, slug, cohort_slug, cut)


@csrf_protect
def _take(request: SignedInRequest, slug: str, cohort_slug: str, cut: CutUpload) -> HttpResponse:
    cohort = access.cohort(request, slug, cohort_slug, roles.may_edit)
    form = UploadForm(request.POST, request.FILES)
    if cut.too_large:
        return _too_large(request, cohort)
    if not form.is_valid():
        return _cohort(request, cohort, form, status=422)
    data, name = form.handed_in
    try:
        handed_in = reviewing.receive(
            cohort, data, name, actor=request.user, mode=form.cleaned_data["mode"] or Upload.Mode.ADD, at=clock.now()
        )
    except ListRefused as refused:
        form.add_error("file", str(refused))
        return _cohort(request, cohort, form, status=422)
    except TooMany as limit:
        form.add_error(None, _("A lot of lists have come in over the last minute. Try again shortly."))
        response = _cohort(request, cohort, form, status=429)
        response["Retry-After"] = str(int((limit.retry_at - clock.now()).total_seconds()) + 1)
        return response
    return redirect("partners:review", handed_in.uuid)


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: SignedInRequest, slug: str, cohort_slug: str) -> HttpResponse:
    """Put one person on the list, without a file."""
    cohort = access.cohort(request, slug, cohort_slug, roles.may_edit)
    if cohort.edition.is_archived:
        return _back_to(cohort)  # whose page says why
    form = PersonForm(request.POST or None)
    if form.is_valid():
        try:
            made = following.add(cohort, form.person, actor=request.user, at=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("%(name)s is on the list; the invitation is on its way.") % {"name": made})
            return redirect("partners:cohort", slug, cohort_slug)
    shown = contexts.of_institution(request, cohort.institution, cohort=cohort, form=form)
    return render(request, "partners/person.html", shown, status=422 if form.errors else 200)


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def replace(request: SignedInRequest, uuid: Any) -> HttpResponse:
    """Put somebody else in a person's place, in one step."""
    person = access.invitee(request, uuid, roles.may_edit)
    if person.cohort.edition.is_archived:
        return _back_to(person.cohort)
    form = PersonForm(request.POST or None)
    if form.is_valid():
        try:
            made = following.replace(person, form.person, actor=request.user, at=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(
                request,
                _("%(new)s takes the place of %(old)s; the invitation is on its way.") % {"new": made, "old": person},
            )
            return _back_to(person.cohort)
    shown = contexts.of_institution(
        request, person.institution, cohort=person.cohort, form=form, leaves=person, freed=_freed_by(person)
    )
    return render(request, "partners/person.html", shown, status=422 if form.errors else 200)


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: SignedInRequest, uuid: Any) -> HttpResponse:
    """Ask, with what follows from it, then take a person off the list."""
    person = access.invitee(request, uuid, roles.may_edit)
    if request.method == "POST":
        following.take_off(person, actor=request.user, at=clock.now())
        messages.success(request, _("%(name)s is no longer on the list.") % {"name": person})
        return _back_to(person.cohort)
    shown = contexts.of_institution(
        request, person.institution, cohort=person.cohort, leaves=person, freed=_freed_by(person)
    )
    return render(request, "partners/remove.html", shown)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedInRequest, uuid: Any) -> HttpResponse:
    """Correct what the list says about a person."""
    person = access.invitee(request, uuid, roles.may_edit)
    if person.cohort.edition.is_archived:
        return _back_to(person.cohort)
    known = {name: getattr(person, name) for name in FIELDS}
    form = PersonForm(request.POST or None, initial=known | {"email": readable_email(person.email)})
    if form.is_valid():
        try:
            made = following.change(person, form.person, actor=request.user, at=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The changes to %(name)s have been saved.") % {"name": made})
            return _back_to(person.cohort)
    shown = contexts.of_institution(request, person.institution, cohort=person.cohort, form=form, edited=person)
    return render(request, "partners/person.html", shown, status=422 if form.errors else 200)


@never_cache
@sign_in_required
@require_POST
def resend(request: SignedInRequest, uuid: Any) -> HttpResponse:
    """Send a person's invitation once more."""
    person = access.invitee(request, uuid, roles.may_edit)
    try:
        following.resend(person, at=clock.now())
        messages.success(request, _("The invitation to %(name)s is being sent again.") % {"name": person})
    except following.CannotResend as refused:
        messages.error(request, str(refused))
    return _back_to(person.cohort)


def _freed_by(person: Invitee) -> dict[str, Any]:
    freed = leaving.freed_by(person.cohort, {person.pk}, clock.now())
    return {"seats": freed.seats, "words": sentences.freed(freed)}


def _back_to(cohort: Cohort) -> HttpResponse:
    return redirect("partners:cohort", cohort.institution.slug, cohort.slug)


@never_cache
@sign_in_required
@require_POST
def remind(request: SignedInRequest, slug: str, cohort_slug: str) -> HttpResponse:
    """Write once more to those who have not answered."""
    cohort = access.cohort(request, slug, cohort_slug, roles.may_edit)
    chosen = None
    if request.POST.get("who") == "chosen":
        chosen = [uuid for text in request.POST.getlist("person") if (uuid := _uuid(text))]
        if not chosen:
            messages.error(request, _("In the list, tick the people to remind."))
            return redirect("partners:cohort", slug, cohort_slug)
    try:
        number = following.remind(cohort, at=clock.now(), chosen=chosen)
    except ListRefused as refused:
        messages.error(request, str(refused))
        return redirect("partners:cohort", slug, cohort_slug)
    if number:
        words = ngettext("%(number)d person is being reminded.", "%(number)d people are being reminded.", number) % {
            "number": number
        }
        messages.success(request, words)
    else:
        messages.info(request, _("Everybody has answered or been emailed in the last three days."))
    return redirect("partners:cohort", slug, cohort_slug)


@never_cache
@sign_in_required
@require_safe
def export(request: SignedInRequest, slug: str, cohort_slug: str) -> HttpResponse:
    """The list with how far each person is, as a CSV that spreadsheets open."""
    cohort = access.cohort(request, slug, cohort_slug)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";" if translation.get_language() == "fr" else ",")
    writer.writerow([*map(str, sentences.FIELDS.values()), _("Status"), _("Answered at")])
    people = list(following.people_of(cohort, clock.now()).order_by(in_order(Invitee), "pk"))
    audit_log.record("exported", cohort, actor=request.user, rows=len(people), format="csv")
    for one in people:
        answered = timezone.localtime(one.answered_at).strftime("%Y-%m-%d %H:%M") if one.answered_at else ""
        writer.writerow(
            [escape(getattr(one, name)) for name in sentences.FIELDS] + [str(sentences.state_of(one)), answered]
        )
    return as_file(out.getvalue(), f"{cohort.slug}.csv")


def _too_large(request: SignedInRequest, cohort: Cohort) -> HttpResponse:
    form = UploadForm({})
    form.full_clean()
    form.errors.clear()
    form.add_error("file", str(contexts.too_large()))
    return _cohort(request, cohort, form, status=413)


# --- The team ---------------------------------------------------------------------------------------------------------


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def team(request: SignedInRequest, slug: str) -> HttpResponse:
    """Who works for the institution; its owners bring people in, change their role, and let them go."""
    institution = access.institution(request, slug, roles.may_own if request.method == "POST" else None)
    user = request.user
    form = TeamForm(request.POST if "invite" in request.POST else None)
    if form.is_valid():
        language = "en" if translation.get_language() == "en" else "fr"
        email, name = form.cleaned_data["email"], form.cleaned_data["role"]
        try:
            _role, is_new = roles.bring_in(institution, email, name, actor=user, language=language, at=clock.now())
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        except TooMany:
            messages.error(
                request, _("A lot of people have been added today. Carry on tomorrow, or ask the organisers.")
            )
        else:
            told = (
                _("%(email)s now works for your institution. We’ve emailed them how to get started.")
                if is_new
                else _("%(email)s already has a role.")
            )
            messages.success(request, told % {"email": readable_email(email)})
        return redirect("partners:team", slug)
    if request.method == "POST" and "member" in request.POST:
        member = get_object_or_404(
            PartnerRole.objects.select_related("user"),
            institution=institution,
            pk=whole_number(request.POST["member"]) or 0,
        )
        new = request.POST.get("role", "")
        try:
            if new in {"", *PartnerRole.Role.values}:
                roles.CHANGED.take(str(institution.pk), at=clock.now())
                if roles.change(member, new, actor=user):
                    messages.success(request, _("Saved."))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        except TooMany:
            messages.error(request, _("Many roles have been changed today. Carry on tomorrow, or ask the organisers."))
        return redirect(
            "partners:team" if roles.role_in(user, institution) else "partners:home",
            *([slug] if roles.role_in(user, institution) else []),
        )
    members = institution.roles.select_related("user").order_by("role", "user__email")
    shown = contexts.of_institution(request, institution, members=members, form=form, roles=PartnerRole.Role)
    return render(request, "partners/team.html", shown, status=422 if form.errors else 200)
