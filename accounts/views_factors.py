"""The second step of signing in: taking it, setting it up, changing it (docs/rules.md#second-factor); and the page of
who came in, from where (docs/rules.md#web-sessions)."""

import base64
import time
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import Login
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.utils import encrypt
from allauth.mfa.webauthn.internal import auth as passkeys
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import (
    attendee_of,
    factor_first,
    fresh_factor_required,
    half_signed_in,
    network_of,
    recovery_codes_first,
    safe_next,
    sign_in_first,
    sign_in_required,
    welcome_first,
    where,
)
from accounts.domain import factors, limits, sign_in_log, web_sessions
from accounts.domain.factors import Type
from accounts.forms import FactorForm, FirstCodeForm, NewPasskeyForm, PasskeyForm
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.views import SignInPage, too_many
from core import clock
from core.limits import TooMany, give_back

_BEING_ADDED = "app_being_added"  # in the web session: the secret that an app is to read
_NEW_CODES = "new_recovery_codes"


# --- On the way in ----------------------------------------------------------------------------------------------------


class TakeFactor(SignInPage, AuthenticateView):
    """Ask for the second step of somebody whose code was right."""

    template_name = "accounts/factor.html"
    form_class = FactorForm
    webauthn_form_class = PasskeyForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if app := factors.of_the_demo(self.stage.login.user):
            post_authentication(request, app)
            return self.stage.exit()
        return super().get(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        kind = sign_in_log.Kind.WRONG_FACTOR
        sign_in_log.record(kind, self.stage.login.user, at=clock.now(), here=where(self.request))
        return super().form_invalid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        options = context["js_data"]["request_options"]
        return context | ways(self.auth_form.known) | {"passkey": self.webauthn_form, "options": options}


take_factor = TakeFactor.as_view()


def ways(known: list[Authenticator]) -> dict[str, bool]:
    kinds = {one.type for one in known}
    return {"has_passkey": Type.WEBAUTHN in kinds, "has_app": Type.TOTP in kinds}


@never_cache
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser asks a passkey of this site, whoever it belongs to."""
    try:
        limits.PASSKEYS_ASKED.take(network_of(request), at=clock.now())
    except TooMany as limit:
        return too_many(request, limit)
    return JsonResponse(passkeys.begin_authentication(None))


@never_cache
@require_POST
def sign_in_by_passkey(request: HttpRequest) -> HttpResponse:
    """Sign in whoever holds the passkey: it takes the place of the code and of the second step."""
    if request.user.is_authenticated:
        return redirect(safe_next(request) or resolve_url(settings.LOGIN_REDIRECT_URL))
    form = PasskeyForm(request.POST, user=None)
    if not form.is_valid():
        messages.error(request, " ".join(form.errors.get("credential", [])))
        return redirect(sign_in_first(safe_next(request)))
    authenticator = form.cleaned_data["credential"]
    login = Login(user=authenticator.user, redirect_url=safe_next(request) or None)
    return perform_passwordless_login(request, authenticator, login)


# --- Setting it up ----------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def set_up_factor(request: HttpRequest) -> HttpResponse:
    """Add a passkey or an app: for whoever is signed in and has just shown that it is they, and for whoever must have
    one before anything else."""
    waiting = half_signed_in(request)
    if waiting is None:
        return _add_another(request)
    if request.POST.get("action") == "leave":
        logout(request)
        return redirect("programme:home")
    known = factors.of(waiting)
    if known or not web_sessions.has_just_begun(request.session, time.time()):
        # It was asked of them after they had signed in: nothing is added without it, and only the way in takes it. Or
        # they left this page open: whoever sits there now may be somebody else.
        logout(request)
        return redirect(sign_in_first(safe_next(request)))
    return _add(request, waiting, known)


@fresh_factor_required
def _add_another(request: SignedInRequest, known: list[Authenticator]) -> HttpResponse:
    return _add(request, request.user, known)


def _add(request: HttpRequest, user: User, known: list[Authenticator]) -> HttpResponse:
    action = request.POST.get("action", "")
    secret = request.session.setdefault(_BEING_ADDED, generate_totp_secret())
    app = FirstCodeForm(request.POST if action == "app" else None, secret=secret)
    passkey = NewPasskeyForm(request.POST if action == "passkey" else None)
    form = app if action == "app" else passkey
    try:
        if new := _new(user, form, secret, action):
            here = where(request)
            beside = [one.pk for one in known]
            this = request.session.session_key
            has_new_codes = factors.add(new, user, beside=beside, at=clock.now(), this=this, here=here)
            return _added(request, user, new, has_new_codes=has_new_codes)
    except TooMany as limit:
        return too_many(request, limit)
    except ValidationError as refused:
        form.add_error(None, refused)
    picture = get_adapter().build_totp_svg(get_adapter().build_totp_url(user, secret))
    context = {
        "app": app,
        "passkey": passkey,
        "is_needed": half_signed_in(request) is not None,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "picture": f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}",
        "options": passkeys.begin_registration(user, passwordless=True),
        "next": safe_next(request),
        **ways(known),
    }
    return render(request, "accounts/set_up_factor.html", context, status=422 if form.errors else 200)


def _new(user: User, form: Any, secret: str, action: str) -> Authenticator | None:
    if action == "app":
        mark = factors.TRIED.take(str(user.pk), at=clock.now())
        if form.is_valid():
            give_back(mark)
            data = {"secret": encrypt(secret), "last_period": form.period}
            return Authenticator(user=user, type=Type.TOTP, data=data)
    elif action == "passkey" and form.is_valid():
        return Authenticator(user=user, type=Type.WEBAUTHN, data=form.cleaned_data)
    return None


def _added(request: HttpRequest, user: User, new: Authenticator, *, has_new_codes: bool) -> HttpResponse:
    del request.session[_BEING_ADDED]
    record_authentication(request, user, "mfa", id=new.pk, type=new.type)
    request.session.cycle_key()
    if has_new_codes:
        request.session[_NEW_CODES] = True
        return redirect(recovery_codes_first(safe_next(request)))
    messages.success(request, _("Saved. You can use it the next time you sign in."))
    return redirect("accounts:security")


# --- The page of it, and changing it ----------------------------------------------------------------------------------


@never_cache
@sign_in_required
@require_safe
def security(request: SignedInRequest) -> HttpResponse:
    """One's second steps, where one is signed in, and who came in lately."""
    known = factors.of(request.user)
    context = {
        "steps": factors.steps(known),
        "codes_left": len(factors.unused_codes(known)),
        "is_needed": factors.is_needed(request.session, request.user),
        "browsers": web_sessions.signed_in(request.user, request.session.session_key, time.time()),
        "events": [(one, sign_in_log.in_words(one.means)) for one in sign_in_log.latest(request.user)],
    }
    return render(request, "accounts/security.html", context)


@never_cache
@sign_in_required
@require_POST
def sign_out_elsewhere(request: SignedInRequest) -> HttpResponse:
    """Sign out of every other browser."""
    this = request.session.session_key
    number = len(web_sessions.signed_in(request.user, this, time.time())) - 1
    web_sessions.end_all(request.user, but=this)
    if number:
        kind = sign_in_log.Kind.SIGNED_OUT_ELSEWHERE
        sign_in_log.record(kind, request.user, at=clock.now(), here=where(request))
    words = ngettext(
        "You have been signed out of %(number)d other browser.",
        "You have been signed out of %(number)d other browsers.",
        number,
    )
    messages.success(request, words % {"number": number} if number else _("You are signed in nowhere else."))
    return redirect("accounts:security")


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def factor_again(request: SignedInRequest) -> HttpResponse:
    """Take the second step once more, before what nobody else may do at an open screen."""
    known = factors.of(request.user)
    wanted = safe_next(request) or resolve_url("accounts:security")
    if not known:
        return redirect(wanted)
    posted = request.POST if request.method == "POST" else None
    code = FactorForm(posted if posted and "code" in posted else None, user=request.user)
    passkey = PasskeyForm(posted if posted and "code" not in posted else None, user=request.user)
    form: Any = code if code.is_bound else passkey
    try:
        if form.is_valid():
            post_authentication(request, form.authenticator, reauthenticated=True)
            return redirect(wanted)
    except TooMany as limit:
        return too_many(request, limit)
    context = {"form": code, "passkey": passkey, "options": passkeys.begin_authentication(request.user)}
    return render(request, "accounts/factor_again.html", context | ways(known) | {"next": safe_next(request)})


@never_cache
@fresh_factor_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove_factor(request: SignedInRequest, known: list[Authenticator], pk: int) -> HttpResponse:
    """Ask, then forget one of one's passkeys or the app."""
    chosen = next((one for one in factors.steps(known) if one.pk == pk), None)
    if chosen is None:
        raise Http404
    may_be_last = not factors.is_needed(request.session, request.user)
    is_last = len(factors.steps(known)) == 1
    if request.method == "POST":
        this = request.session.session_key
        try:
            factors.remove(
                chosen, request.user, may_be_last=may_be_last, at=clock.now(), this=this, here=where(request)
            )
            messages.success(request, _("Removed: it no longer opens your account."))
        except ValidationError as refused:
            messages.error(request, " ".join(refused.messages))
        return redirect("accounts:security")
    context = {"step": chosen, "is_last": is_last, "is_refused": is_last and not may_be_last}
    return render(request, "accounts/remove_factor.html", context)


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_codes(request: SignedInRequest) -> HttpResponse:
    """The recovery codes: shown when they are new, and made anew; who opens the page later sees how many are left."""
    if request.method == "POST":
        return _renew(request)
    known = factors.of(request.user)
    if not known:
        return redirect(factor_first(""))
    is_shown = request.method == "GET" and request.session.pop(_NEW_CODES, False)
    codes = factors.unused_codes(known) if is_shown else []
    onwards = safe_next(request) or resolve_url("admin:index" if request.user.is_staff else "registrations:me")
    if attendee_of(request) is None and not request.user.is_staff:
        onwards = welcome_first(onwards)
    context = {"codes": codes, "left": len(factors.unused_codes(known)), "onwards": onwards}
    return render(request, "accounts/recovery_codes.html", context)


@fresh_factor_required
def _renew(request: SignedInRequest, known: list[Authenticator]) -> HttpResponse:
    factors.renew_codes(request.user, at=clock.now(), this=request.session.session_key, here=where(request))
    request.session[_NEW_CODES] = True
    return redirect(recovery_codes_first(safe_next(request)))
