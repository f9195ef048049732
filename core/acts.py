"""Who acts, and in which request: lines of logs, histories and the audit log say it (docs/rules.md#audit-log)."""

import re
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
PLAIN = re.compile(r"[0-9A-Za-z-]{8,36}")

_request: ContextVar[Any] = ContextVar("request", default=None)


def request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    request = _request.get()
    return request.id if request else ""


def actor() -> Any:
    """Who is signed in, as far as it has been read: nothing is asked for it."""
    user = getattr(_request.get(), "_cached_user", None)
    return user if user and user.is_authenticated else None


def role() -> str:
    """As what they act (core.audit_log.ROLES); empty for a program, and for whoever is not signed in."""
    user = actor()
    return role_of(user) if user else ""


def role_of(user: Any) -> str:
    """As what somebody acts in the request that is being answered."""
    if user.is_staff:
        return "owner" if user.is_superuser else "organiser"
    page = getattr(_request.get(), "resolver_match", None)
    is_theirs = page and page.app_name == "partners" and page.url_name != "answer"  # whoever is invited is no partner
    return "partner" if is_theirs else "person"


def name_requests(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Give each request an id, which its answer, its lines of the log and what it changes carry: that of the proxy in
    front, where there is one and it is plain, else one of our own."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "") if settings.TRUSTED_PROXY_COUNT else ""
        request.id = given if PLAIN.fullmatch(given) else secrets.token_hex(8)  # type: ignore[attr-defined]
        token = _request.set(request)
        try:
            response = get_response(request)
            response[HEADER] = request.id  # type: ignore[attr-defined]
        finally:
            _request.reset(token)
        return response

    return middleware
