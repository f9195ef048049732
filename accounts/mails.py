from datetime import timedelta

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from outbox.domain.kinds import Letter, NoLongerTrue, writes
from outbox.models import Message
from outbox.templatetags.mail import summit_name


@writes("accounts.code")
def write_code(message: Message) -> Letter:
    """The mail that carries a code; not worth sending once the code has run out."""
    if timezone.now() - message.created_at > timedelta(seconds=settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT):
        raise NoLongerTrue("the code ran out before the mail could leave")
    context = {"code": message.context["code"], "minutes": settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60}
    return Letter(
        _("Your code for %(summit)s") % {"summit": summit_name()},  # not the code itself: organisers see subjects
        render_to_string("accounts/emails/code.txt", context),
        render_to_string("accounts/emails/code.html", context),
    )
