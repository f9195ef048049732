"""Who is asking: the attendee behind a request, or the page that they must go through first."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

from accounts.domain import factors, web_sessions
from accounts.domain.sign_in_log import Where
from accounts.http import AttendeeRequest, Request, SignedInRequest
from accounts.models import Attendee, User
from core import clock

View = Callable[..., HttpResponse]

# Coming back to the door itself would turn in circles.
_THE_DOOR = re.compile(r"/(en/)?(accounts/(login|signup|logout|welcome|confirm)|admin/(login|logout))(/|\?|$)")
_PROVED = "code_typed"  # in the web session: for which address, and when
RECENT = timedelta(minutes=15)
_ODD = re.compile(r"[\x00-\x20\x7f-\x9f\\]")


def attendee_of(request: HttpRequest) -> Attendee | None:
    """The attendee who is signed in, or None for a stranger and for an account that has not given its name yet."""
    return getattr(request.user, "attendee", None) if request.user.is_authenticated else None


def sign_in_required(view: View) -> View:
    """Let the view run for somebody who is signed in; others sign in and come back."""

    @wraps(view)
    def wrapped(request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return _go_and_come_back(request, sign_in_first)
        return view(request, *args, **kwargs)

    return wrapped


def attendee_required(view: View) -> View:
    """Let the view run for a signed-in attendee only, as `request.attendee`; others sign in, or give their name, and
    come back."""

    @sign_in_required
    @wraps(view)
    def wrapped(request: AttendeeRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        attendee = attendee_of(request)
        if attendee is None:
            return _go_and_come_back(request, welcome_first)
        request.attendee, attendee.user = attendee, request.user
        return view(request, *args, **kwargs)

    return wrapped


def proved(request: HttpRequest, address: str) -> None:
    """Remember that whoever is behind this web session has just typed a code that was sent to `address`."""
    request.session[_PROVED] = [address, clock.now().timestamp()]


def has_proved(request: SignedInRequest) -> bool:
    """Whether a code that was sent to the address of the account was typed within the last fifteen minutes. Signing in
    by an institution or by the link of an invitation is no code."""
    address, at = request.session.get(_PROVED, ["", 0])
    return address == request.user.email and clock.now() - datetime.fromtimestamp(at, UTC) < RECENT


def recent_code_required(view: View) -> View:
    """Let the view run for somebody who is signed in and has typed a code a moment ago; others get a new one, and come
    back."""

    @sign_in_required
    @wraps(view)
    def wrapped(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not has_proved(request):
            return redirect(confirm_first(request.path))
        return view(request, *args, **kwargs)

    return wrapped


def _go_and_come_back(request: Request, through: Callable[[str], str]) -> HttpResponse:
    """Send the person through a page first, which goes on to where they were: a POST has no page of its own to come
    back to."""
    page = through(request.get_full_path() if request.method in ("GET", "HEAD") else safe_next(request))
    # htmx would follow a redirect by itself and put the whole page into the fragment's place.
    return HttpResponseClientRedirect(page) if request.htmx else redirect(page)


def network_of(request: HttpRequest) -> str:
    """Where the request comes from: an IPv4 address, or the /64 that one subscriber has of IPv6. What a client claims
    in X-Forwarded-For counts only as far as TRUSTED_PROXY_COUNT says."""
    try:
        address = ip_address(get_adapter().get_client_ip(request))
    except (PermissionDenied, ValueError):
        # A socket of the same machine, or a proxy that writes something else: one network.
        return "unknown"
    return str(ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)


def where(request: HttpRequest) -> Where:
    """From which network and in what browser somebody asks: what the sign-in log says of it."""
    return Where(network_of(request), web_sessions.browser_of(request.headers.get("User-Agent", "")))


def half_signed_in(request: HttpRequest) -> User | None:
    """Whoever is signed in but for the second step that is asked of them (accounts/sessions.py)."""
    return None if request.user.is_authenticated else getattr(request, "awaits_factor", None)


def fresh_factor_required(view: View) -> View:
    """Let the view run for somebody who is signed in and has just shown that it is they: with their second step, or,
    while they have none, with a code of a mail. It gets their passkeys, apps and recovery codes."""

    @sign_in_required
    @wraps(view)
    def wrapped(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        known = factors.of(request.user)
        if known:
            if not factors.was_given(request.session, since=time.time() - RECENT.total_seconds()):
                return redirect(_address_of("accounts:factor_again", request.path))
        elif not has_proved(request):
            return redirect(confirm_first(request.path))
        return view(request, known, *args, **kwargs)

    return wrapped


def organisers_sign_in(admin_login: View) -> View:
    """Put the administration behind the same door as everybody's: strangers sign in by code, people who may not enter
    are told so."""

    @wraps(admin_login)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(safe_next(request) or reverse("admin:index"), resolve_url("account_login"))
        if not request.user.is_staff:
            return render(request, "accounts/not_an_organiser.html", status=403)
        return admin_login(request, *args, **kwargs)

    return wrapped


def is_safe_next(address: str) -> bool:
    """Whether `address` is a plain path of this site that one may be sent to: no other host in any disguise, no way
    back to the door."""
    return (
        len(address) <= 2000
        and address.startswith("/")
        and not _ODD.search(address)
        and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
        and not _THE_DOOR.match(address)
    )


def safe_next(request: HttpRequest) -> str:
    """The path that the request asks to go on to (field or parameter `next`), or "" when there is none or it is not
    safe."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    return address if is_safe_next(address) else ""


def sign_in_first(came_from: str) -> str:
    """The address of the sign-in page that then goes on to `came_from`."""
    return _address_of("account_login", came_from)


def welcome_first(came_from: str) -> str:
    """The address of the page that asks for the name and then goes on to `came_from`."""
    return _address_of("accounts:welcome", came_from)


def factor_first(came_from: str) -> str:
    """The address of the page that asks for a second step to be set up and then goes on to `came_from`."""
    return _address_of("accounts:set_up_factor", came_from)


def confirm_first(came_from: str) -> str:
    """The address of the page that asks for a code once more and then goes on to `came_from`."""
    return _address_of("accounts:confirm", came_from)


def recovery_codes_first(came_from: str) -> str:
    """The address of the page that shows the recovery codes and then goes on to `came_from`."""
    return _address_of("accounts:recovery_codes", came_from)


def _address_of(name: str, came_from: str) -> str:
    return reverse(name) + (f"?{urlencode({'next': came_from})}" if is_safe_next(came_from) else "")
