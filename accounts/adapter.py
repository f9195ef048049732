from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts import devices
from accounts.access import attendee_of, factor_first, is_safe_next, welcome_first
from accounts.domain import codes, factors


class AccountAdapter(DefaultAccountAdapter):
    """Where allauth meets the house: its one mail (the code) is a row of the outbox, its redirects are ours."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "too_many_login_attempts": _("Three wrong codes. Ask for your code again."),
    }

    def generate_login_code(self) -> str:
        """The code that the page has had issued for the address (accounts/views.py)."""
        return context.request.code_sent.code

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Post the code of one sign-in, unless it is on its way already."""
        kind = template_prefix.rpartition("/")[2]
        if kind != "login_code":
            raise ValueError(f"{kind}: this mail belongs to a page that has no address here")
        sent = context["request"].code_sent
        if sent.is_new:
            codes.mail(sent, kind=codes.SIGN_IN, language="en" if get_language() == "en" else "fr")

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Drop allauth's ready-made chatter ("you have signed in as"): a page that says so itself needs none. Errors
        come through."""
        if kwargs.get("message"):
            super().add_message(request, level, **kwargs)

    def is_ajax(self, request: HttpRequest) -> bool:
        return False  # one answer for everybody: a page

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        messages.error(request, _("This account is closed. If you think this is a mistake, write to the organisers."))
        return redirect("account_login")

    def is_reauthentication_required(self, *, app: str) -> bool:
        return False  # our pages ask for it themselves (accounts.access.fresh_factor_required)

    def is_safe_url(self, url: str) -> bool:
        return is_safe_next(url)

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        response = super().post_login(request, user, **kwargs)
        if factors.is_awaited(request.session, user):
            response = redirect(factor_first(response.url))
        elif attendee_of(request) is None and not user.is_staff:
            response = redirect(welcome_first(response.url))
        devices.remember(request, response, user.email)
        return response
