from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.domain import addresses, codes, factors
from accounts.models import User
from core import clock
from core.identity import current_identity
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter, NoLongerTrue, link, writes
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


# What was changed, for the one whose second step it is; the last for the owner who did it.
_CHANGED = {
    "added": _("A passkey or an app was added to your account: it is now your second step when you sign in."),
    "removed": _("A passkey or an app was removed from your account: it no longer opens it."),
    "codes": _("New recovery codes were made for your account: the earlier ones no longer work."),
    "reset": _(
        "Your second step was reset, and you were signed out everywhere. The next time you sign in, add a new passkey "
        "or app."
    ),
    "reset_by_you": _("You reset the second step of %(email)s: the person was signed out everywhere, and told."),
}


@writes(factors.CHANGED)
def write_factor_changed(message: Message) -> Letter:
    """To whoever signs in with it: that their second step changed, and to the owner who reset it."""
    about = User.objects.filter(pk=message.context["account"]).first() if message.context["account"] else None
    if message.context["what"] == "reset_by_you" and about is None:
        raise NoLongerTrue(gettext_noop("This person’s data has been erased."))
    return _factor_changed(message.context["what"], about.email if about else "")


def _factor_changed(what: str, email: str = "") -> Letter:
    identity = current_identity()
    texts = mail_templates.texts_of(factors.CHANGED).fill({"summit": identity.name})
    context = {
        "texts": texts,
        "what": str(_CHANGED[what]) % {"email": email},
        "is_theirs": what != "reset_by_you",
        "contact": identity.privacy_address,
        "button": _("See how you sign in"),
        "button_url": link("accounts:security"),
    }
    return Letter(
        texts.subject,
        render_to_string("accounts/emails/factor.txt", context),
        render_to_string("accounts/emails/factor.html", context),
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
    mail_templates.Kind(
        factors.CHANGED,
        _("Second step changed"),
        _("Sign-in"),
        _("Your second step for %(summit)s has changed"),
        _("What it takes to sign in to %(summit)s has changed."),
        "",
        {"summit": _("the name of the summit")},
        lambda _reader: _factor_changed("added"),
    ),
)
