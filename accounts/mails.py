from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.domain import addresses, codes
from core import clock
from core.identity import current_identity
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter, NoLongerTrue, writes
from outbox.models import Message


@writes(codes.SIGN_IN)
@writes(codes.NEW_ADDRESS)
def write_code(message: Message) -> Letter:
    """The mail that carries a code; not worth sending once the code has run out."""
    if clock.now() - message.created_at > timedelta(seconds=settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT):
        raise NoLongerTrue(gettext_noop("The code expired before the email could be sent."))
    return _letter(message.kind, message.context["code"])


def _letter(kind: str, code: str) -> Letter:
    # Never with the code: organisers see subjects.
    texts = mail_templates.texts_of(kind).fill({"summit": current_identity().name})
    context = {"code": code, "minutes": settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60, "texts": texts}
    return Letter(
        texts.subject,
        render_to_string("accounts/emails/code.txt", context),
        render_to_string("accounts/emails/code.html", context),
    )


@writes(addresses.CHANGED)
def write_address_changed(message: Message) -> Letter:
    """To the address that an account had: it opens nothing any more, and whoever did not want that knows whom to
    ask."""
    return _address_changed()


def _address_changed() -> Letter:
    identity = current_identity()
    texts = mail_templates.texts_of(addresses.CHANGED).fill({"summit": identity.name})
    context = {"texts": texts, "contact": identity.privacy_address}
    return Letter(
        texts.subject,
        render_to_string("accounts/emails/address_changed.txt", context),
        render_to_string("accounts/emails/address_changed.html", context),
    )


def _sample_code(kind: str) -> Callable[[Any], Letter]:
    return lambda _reader: _letter(kind, "12345678")


mail_templates.register(
    mail_templates.Kind(
        codes.SIGN_IN,
        _("Sign-in code"),
        _("Sign-in"),
        _("Your code for %(summit)s"),
        _("Here is your code for %(summit)s."),
        "",
        {"summit": _("the name of the summit")},
        _sample_code(codes.SIGN_IN),
    ),
    mail_templates.Kind(
        codes.NEW_ADDRESS,
        _("Code for a new address"),
        _("Sign-in"),
        _("Your new address for %(summit)s"),
        _(
            "Somebody, probably you, wants to sign in to %(summit)s with this address. Here is the code that confirms "
            "it."
        ),
        "",
        {"summit": _("the name of the summit")},
        _sample_code(codes.NEW_ADDRESS),
    ),
    mail_templates.Kind(
        addresses.CHANGED,
        _("Address changed"),
        _("Sign-in"),
        _("Your address for %(summit)s has changed"),
        _("You now sign in to %(summit)s with another address. This one no longer opens your account."),
        "",
        {"summit": _("the name of the summit")},
        lambda _reader: _address_changed(),
    ),
)
