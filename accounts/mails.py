from datetime import timedelta
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core import clock
from core.identity import current_identity
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter, NoLongerTrue, writes
from outbox.models import Message


@writes("accounts.code")
def write_code(message: Message) -> Letter:
    """The mail that carries a code; not worth sending once the code has run out."""
    if clock.now() - message.created_at > timedelta(seconds=settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT):
        raise NoLongerTrue(gettext_noop("The code expired before the email could be sent."))
    return _letter(message.context["code"])


def _letter(code: str) -> Letter:
    # Never with the code: organisers see subjects.
    texts = mail_templates.texts_of("accounts.code").fill({"summit": current_identity().name})
    context = {"code": code, "minutes": settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60, "texts": texts}
    return Letter(
        texts.subject,
        render_to_string("accounts/emails/code.txt", context),
        render_to_string("accounts/emails/code.html", context),
    )


def _sample(_reader: Any) -> Letter:
    return _letter("12345678")


mail_templates.register(
    mail_templates.Kind(
        "accounts.code",
        _("Sign-in code"),
        _("Sign-in"),
        _("Your code for %(summit)s"),
        _("Here is your code for %(summit)s."),
        "",
        {"summit": _("the name of the summit")},
        _sample,
    )
)
