import time
from contextlib import suppress
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from allauth.account.views import ConfirmLoginCodeView, LoginView, LogoutView
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import contexts
from accounts.access import (
    attendee_of,
    attendee_required,
    confirm_first,
    factor_first,
    half_signed_in,
    network_of,
    proved,
    safe_next,
    sign_in_required,
    where,
)
from accounts.devices import known_device
from accounts.domain import access_needs, accounts, codes, limits, sign_in_log, sign_in_methods
from accounts.domain.web_sessions import ADDRESS
from accounts.forms import (
    AccessNeedsForm,
    CodeForm,
    ProfileForm,
    ProofForm,
    SignInForm,
    WelcomeForm,
    is_like_a_code,
    plain_code,
)
from accounts.http import AttendeeRequest, SignedInRequest
from core import clock
from core.limits import TooMany

_CONFIRMS = "code_sent"  # in the session of somebody who is signed in
_SIGN_UP = "sign_up"  # in that session: for which address it was counted, and what is given back
_SENT = "sign_in_code"  # in the session of whoever is on the way: which code was sent


class SignInPage:
    """What the pages for strangers share: limits are answered by a page, and no answer comes back sooner than the
    others.

    Writing a mail or opening an account takes some milliseconds that an unknown address does not: whoever counts them
    could list the accounts (docs/rules.md#sign-in).
    """

    http_method_names = ["get", "head", "post", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked_at = time.perf_counter()
        try:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        except TooMany as limit:
            return too_many(request, limit)
        finally:
            if request.method == "POST":
                time.sleep(max(0.0, settings.SIGN_IN_ANSWER_SECONDS - (time.perf_counter() - asked_at)))


class SignIn(SignInPage, LoginView):
    """Ask for an address and send it a code. One door: the form has a second button that posts the same address to
    `SignUp`."""

    template_name = "accounts/sign_in.html"
    form_class = SignInForm
    opens_accounts = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if half_signed_in(request):
            return redirect(factor_first(safe_next(request)))
        return super().dispatch(request, *args, **kwargs)

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: Any) -> None:
        """Let whoever waits for a code come back here and type another address."""

    def get_initial(self) -> dict[str, Any]:
        return {"login": self.request.session.get(ADDRESS, "")}

    def form_valid(self, form: SignInForm) -> HttpResponse:
        address = form.cleaned_data["login"]
        if self.opens_accounts and _signed_up(self.request).get("address") != address:
            marks = limits.count_sign_up(network_of(self.request), at=clock.now())
            self.request.session[_SIGN_UP] = {"address": address, "marks": marks}
        # Issued for every address alike, whoever it belongs to.
        sent = codes.issue(address, asked_by=known_device(self.request, address), at=clock.now())
        _keep(self.request, sent)
        if self.opens_accounts and form.user is None:
            user = accounts.open_account(address, language=_language())
            form.user = user if user.is_active else None  # a closed account stays closed, and is not told apart
        self.request.session[ADDRESS] = address
        self.request.session["sign_in_opens_accounts"] = self.opens_accounts
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        wanted = safe_next(self.request)
        return super().get_context_data(**kwargs) | {
            "next": wanted,
            "doors": sign_in_methods.others(),
            "next_by_a_door": wanted or resolve_url(settings.LOGIN_REDIRECT_URL),  # it says the language too
        }


class SignUp(SignIn):
    """Ask for an address, open an account when it has none, and send it a code: the same answer in both cases."""

    template_name = "accounts/sign_up.html"
    opens_accounts = True


class EnterCode(SignInPage, ConfirmLoginCodeView):
    """Ask for the code of the mail; three wrong ones, or fifteen minutes, and it is void."""

    template_name = "accounts/enter_code.html"
    form_class = CodeForm
    _is_right = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        if getattr(self, "_process", self) is None:
            return self._start_again(_("This code has expired. Ask for a new one."))
        return response

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self._action == "resend":
            address = self._process.state["email"]
            again = codes.issue(address, asked_by=known_device(request, address), at=clock.now())
            _keep(request, again)
            # Asked for again, it has its own fifteen minutes and three tries.
            self._process.state |= {"at": time.time(), "failed_attempts": 0}
            if again.is_new:
                messages.success(request, _("We’ve sent another email with your code."))
            return super().post(request, *args, **kwargs)
        if not is_like_a_code(request.POST.get("code", "")):
            return self.render_to_response(self.get_context_data(form=self.get_form()))  # no try lost
        sent = codes.Sent.read(request.session.get(_SENT))
        if sent is None:
            return self._start_again(_("This code has expired. Ask for a new one."))
        try:
            self._is_right = codes.is_right(
                sent, plain_code(request.POST["code"]), network=network_of(request), at=clock.now()
            )
        except codes.Void:
            self._process.abort()
            return self._start_again(_("This code is no longer valid. Ask for a new one."))
        return super().post(request, *args, **kwargs)

    def _verify_form_valid(self, form: CodeForm) -> HttpResponse:
        address, signed_up = self._process.state["email"], _signed_up(self.request)
        for name in (ADDRESS, _SENT, _SIGN_UP):
            self.request.session.pop(name, None)
        if signed_up.get("address") == address:
            limits.confirm_sign_up(signed_up["marks"])
        response = super()._verify_form_valid(form)
        proved(self.request, address)  # after signing in, which may begin another web session
        return response

    def get_form_kwargs(self) -> dict[str, Any]:
        left = settings.ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS - self._process.state["failed_attempts"] - 1
        is_right = self._is_right and self._process.user is not None
        given = {} if self._action == "resend" else {"tries_left": left, "is_right": is_right}
        return super().get_form_kwargs() | given

    def form_invalid(self, form: CodeForm) -> HttpResponse:
        if user := self._process.user:
            sign_in_log.record(sign_in_log.Kind.WRONG_CODE, user, at=clock.now(), here=where(self.request))
        response = super().form_invalid(form)
        return self._start_again() if isinstance(response, HttpResponseRedirect) else response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {
            "next": safe_next(self.request),
            "opens_accounts": self.request.session.get("sign_in_opens_accounts", False),
            "minutes": settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60,
        }

    def _start_again(self, sentence: str = "") -> HttpResponse:
        if sentence:
            messages.error(self.request, sentence)
        came_from = safe_next(self.request)
        return redirect(reverse("account_login") + (f"?{urlencode({'next': came_from})}" if came_from else ""))


class SignOut(LogoutView):
    """A button, since opening an address must change nothing (a link scanner opens them all)."""

    template_name = "accounts/sign_out.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"next": safe_next(self.request)}


sign_in, sign_up, enter_code, sign_out = SignIn.as_view(), SignUp.as_view(), EnterCode.as_view(), SignOut.as_view()


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: SignedInRequest) -> HttpResponse:
    """Ask a new account for its name, once, and go on."""
    go_on = safe_next(request) or resolve_url(settings.LOGIN_REDIRECT_URL)
    if attendee_of(request) and request.method != "POST":
        return redirect(go_on)
    form = WelcomeForm(request.POST or None)
    if form.is_valid():
        accounts.introduce(request.user, name=form.cleaned_data["name"])
        return redirect(go_on)
    return render(request, "accounts/welcome.html", {"form": form, "next": safe_next(request)})


@never_cache
@sign_in_required
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: SignedInRequest) -> HttpResponse:
    """Ask somebody who is signed in for a code once more, before what nobody else may do at their open screen."""
    sent, form = codes.Sent.read(request.session.get(_CONFIRMS)), ProofForm()
    if sent and sent.address != request.user.email:
        sent = None
    try:
        if request.method == "POST" and request.POST.get("action") == "send":
            sent = codes.send(
                request.user.email,
                account=request.user.pk,
                kind=codes.SIGN_IN,
                language=_language(),
                at=clock.now(),
            )
            request.session[_CONFIRMS] = sent.kept()
            say_when_sent(request, sent)
            return redirect(confirm_first(safe_next(request)))
        if request.method == "POST" and sent:
            form = ProofForm(request.POST)
            if form.is_valid():
                if codes.is_right(sent, form.cleaned_data["code"], network=network_of(request), at=clock.now()):
                    del request.session[_CONFIRMS]
                    proved(request, request.user.email)
                    return redirect(safe_next(request) or resolve_url(settings.LOGIN_REDIRECT_URL))
                form.is_wrong()
    except codes.Void:
        del request.session[_CONFIRMS]
        messages.error(request, _("This code is no longer valid. Ask for a new one."))
        return redirect(confirm_first(safe_next(request)))
    except TooMany as limit:
        return too_many(request, limit)
    context = {"sent": sent, "form": form, "next": safe_next(request)}
    return render(request, "accounts/confirm.html", context | {"minutes": settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60})


@never_cache
@attendee_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: AttendeeRequest) -> HttpResponse:
    user, now = request.user, clock.now()
    # A copy: the form writes what was typed into it, and the rest of the page must go on showing what is true.
    form = ProfileForm(request.POST or None, instance=copy(user.attendee), user=user)
    words = contexts.words_of_consent(now) if access_needs.is_offered() else ""
    needs = _needs_form(request, words) if words else None
    if all(one.is_valid() for one in (form, needs) if one is not None):
        accounts.save_profile(
            form.instance, user, language=form.cleaned_data["language"], zone=form.cleaned_data["timezone"]
        )
        if needs and needs.kept and needs.is_withdrawn:
            access_needs.withdraw(form.instance, at=now)
        elif needs and not needs.is_withdrawn and needs.has_changed():
            access_needs.write(form.instance, needs.cleaned_data["access_needs"], words=words, at=now)
        with translation.override(user.language):
            messages.success(request, _("Saved."))
            return redirect(safe_next(request) or reverse("accounts:profile"))
    context = {"form": form, "needs": needs, "next": safe_next(request)}
    return render(request, "accounts/profile.html", context)


def _needs_form(request: AttendeeRequest, words: str) -> AccessNeedsForm:
    kept, text = access_needs.of(request.attendee), ""
    with suppress(access_needs.Unreadable):  # the log says so; whoever it is about may write it again
        text = access_needs.text_of(kept) if kept else ""
    return AccessNeedsForm(request.POST or None, kept=kept, text=text, words=words)


def too_many(request: HttpRequest, limit: TooMany) -> HttpResponse:
    """Say when to try again, in words and in the header that programs read."""
    wait = max(limit.retry_at - clock.now(), timedelta(seconds=1))
    context = {"retry_at": limit.retry_at, "minutes": -(-int(wait.total_seconds()) // 60), "next": safe_next(request)}
    response = render(request, "accounts/too_many.html", context, status=429)
    response["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return response


def _signed_up(request: HttpRequest) -> dict[str, Any]:
    return request.session.get(_SIGN_UP, {})


def _keep(request: HttpRequest, sent: codes.Sent) -> None:
    """Keep in the session which code was sent, for the page that takes it, and say when it was, if not just now."""
    request.session[_SENT] = sent.kept()
    request.code_sent = sent  # type: ignore[attr-defined]  # the adapter mails it
    say_when_sent(request, sent)


def say_when_sent(request: HttpRequest, sent: codes.Sent) -> None:
    """Say of a code that is on its way already when it was asked for, and when it would be mailed again."""
    if sent.mailed_at and sent.again_at:
        moments = {"at": _on_the_clock(sent.mailed_at), "again": _on_the_clock(sent.again_at + timedelta(seconds=59))}
        words = _(
            "A code was requested at %(at)s, Paris time, and still works. If its email hasn’t arrived, ask again at "
            "%(again)s."
        )
        messages.info(request, words % moments)


def _on_the_clock(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "TIME_FORMAT")


def _language() -> str:
    return "en" if translation.get_language() == "en" else "fr"
