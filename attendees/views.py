"""The page of one's account: what is held, and what one may do about it (docs/rules.md#own-account)."""

from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import network_of, proved, recent_code_required, sign_in_required
from accounts.domain import addresses, codes, limits
from accounts.forms import AddressForm, ProofForm
from accounts.http import SignedInRequest
from accounts.views import say_when_sent, too_many
from attendees.domain import export, holdings, leaving, links, objecting
from attendees.forms import EraseForm, ObjectionForm
from core import clock, erasure
from core.limits import TooMany
from notices.models import CalendarFeed

_NEW_ADDRESS = "new_address"  # in the web session: the code that is on its way


@never_cache
@sign_in_required
@require_safe
def account(request: SignedInRequest) -> HttpResponse:
    """What is held about the person, from whom it came, who sees it, how long it is kept, and the ways to get, correct,
    refuse and erase it."""
    return render(request, "attendees/account.html", {"holdings": holdings.held_about(request.user)})


@never_cache
@recent_code_required
@require_http_methods(["GET", "HEAD", "POST"])
def download(request: SignedInRequest) -> HttpResponse:
    """Everything that is held about the person, as a file that is made at once and kept nowhere."""
    if request.method != "POST":
        return render(request, "attendees/download.html")
    now = clock.now()
    response = HttpResponse(export.archive(request.user, at=now), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="summit-{now:%Y-%m-%d}.zip"'
    return response


@never_cache
@recent_code_required
@require_http_methods(["GET", "HEAD", "POST"])
def address(request: SignedInRequest) -> HttpResponse:
    """Ask for a new address and send it a code: the same answer whoever it belongs to."""
    form = AddressForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        now, new = clock.now(), form.cleaned_data["email"]
        try:
            limits.ADDRESSES_ASKED.take(str(request.user.pk), at=now)
            sent = codes.send(new, account=request.user.pk, kind=codes.NEW_ADDRESS, language=_language(), at=now)
        except TooMany as limit:
            return too_many(request, limit)
        request.session[_NEW_ADDRESS] = sent.kept()
        say_when_sent(request, sent)
        return redirect("attendees:address_code")
    return render(request, "attendees/address.html", {"form": form})


@never_cache
@recent_code_required
@require_http_methods(["GET", "HEAD", "POST"])
def address_code(request: SignedInRequest) -> HttpResponse:
    """Take the code of the new address, and change to it."""
    sent = codes.Sent.read(request.session.get(_NEW_ADDRESS))
    if sent is None:
        return redirect("attendees:address")
    form = ProofForm(request.POST if request.method == "POST" else None)
    try:
        if form.is_valid():
            if codes.is_right(sent, form.cleaned_data["code"], network=network_of(request), at=clock.now()):
                del request.session[_NEW_ADDRESS]
                return _changed(request, sent.address)
            form.is_wrong()
    except codes.Void:
        del request.session[_NEW_ADDRESS]
        messages.error(request, _("This code is no longer valid. Ask for a new one."))
        return redirect("attendees:address")
    except TooMany as limit:
        return too_many(request, limit)
    return render(request, "attendees/address_code.html", {"form": form, "sent": sent})


def _changed(request: SignedInRequest, new: str) -> HttpResponse:
    try:
        addresses.change(request.user, new, at=clock.now())
    except addresses.Taken:
        messages.error(
            request, _("This address already has its own account: sign in with it, or choose another address.")
        )
        return redirect("attendees:address")
    update_session_auth_hash(request, request.user)
    proved(request, new)
    messages.success(request, _("From now on, sign in with your new address."))
    return redirect("attendees:account")


@never_cache
@recent_code_required
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_links(request: SignedInRequest) -> HttpResponse:
    """Say what ends, and end every secret link that the person was ever mailed."""
    if request.method == "POST":
        links.revoke_all(request.user, at=clock.now())
        messages.success(request, _("All your links have been revoked."))
        return redirect("attendees:links")
    has_calendar = CalendarFeed.objects.filter(attendee__user=request.user).exists()
    context = {"lists": objecting.lists_with(request.user), "has_calendar": has_calendar}
    return render(request, "attendees/links.html", context)


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def objection(request: SignedInRequest) -> HttpResponse:
    """Object to a list, to optional mails, or to the whole."""
    form = ObjectionForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            objecting.object_to_everything(request.user, form.cleaned_data["text"], at=clock.now())
        except TooMany as limit:
            return too_many(request, limit)
        messages.success(request, _("We’ve received your objection and will answer it within a month."))
        return redirect("attendees:objection")
    context = {"form": form, "lists": objecting.lists_with(request.user), "made": request.user.privacy_requests.all()}
    return render(request, "attendees/object.html", context)


@never_cache
@recent_code_required
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: SignedInRequest) -> HttpResponse:
    """Say what erasing means, ask, and do it: the last page of the account is the report."""
    user, now, form = request.user, clock.now(), EraseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            report = erasure.erase([user.pk], why=erasure.Why.BY_PERSON, at=now, actor=user)
        except ValidationError as refused:
            form.add_error(None, refused)
        else:
            logout(request)
            lines = [(line, leaving.BECAME[line.erasure]) for line in report.lines]
            return render(request, "attendees/erased.html", {"report": report, "lines": lines})
    context = {"form": form, "consequences": leaving.consequences(user, now)}
    return render(request, "attendees/erase.html", context)


def _language() -> str:
    return "en" if translation.get_language() == "en" else "fr"
