"""Web sessions as rows that say whose they are (SESSION_ENGINE)."""

import time
from contextvars import ContextVar
from typing import Any

from django.apps import apps
from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.domain import factors, web_sessions


class SessionStore(DatabaseStore):
    """Django's own, whose row names the account: the sessions of somebody who is erased are found without opening
    each, and the account and its attendee, which every private page needs, are read with the row."""

    account: Any = None

    @classmethod
    def get_model_class(cls) -> Any:
        return apps.get_model("accounts", "WebSession")

    def _get_session_from_db(self) -> Any:
        found = super()._get_session_from_db()  # type: ignore[misc]
        self.account = found and found.account
        return found

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        session: Any = super().create_model_instance(data)
        session.account_id = web_sessions.account_of(data)
        session.address_hash = web_sessions.typed_hash(data)
        return session


# Whose account was read with the web session, while Django looks for the account: never longer, since what was read for
# one request says nothing about the next.
read_with_the_session: ContextVar[Any] = ContextVar("read_with_the_session", default=None)


class AccountOfTheSession(AuthenticationMiddleware):
    """Django's own, which does not read again what was read with the web session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user_of(request))  # type: ignore[assignment]


def _user_of(request: Any) -> Any:
    if not hasattr(request, "_cached_user"):  # Django's own name: signing in sets it
        request.session.get(SESSION_KEY)  # reads the row
        token = read_with_the_session.set(request.session.account)
        try:
            user: Any = get_user(request)
        finally:
            read_with_the_session.reset(token)
        if user.is_authenticated and not web_sessions.is_still_open(request.session, user, time.time()):
            request.session.flush()
            user = AnonymousUser()
        elif user.is_authenticated and factors.is_awaited(request.session, user):
            # A stranger to every page but those of accounts/views_factors.py: none can forget to ask.
            request.awaits_factor = user
            user = AnonymousUser()
        request._cached_user = user
    return request._cached_user
