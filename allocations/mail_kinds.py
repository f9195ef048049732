"""The mail about the result of an allocation: its standard words, and what it is shown about
(docs/rules.md#mail-templates)."""

from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from allocations import mails
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter
from outbox.models import Message


def _allocated_sample(_reader: User) -> Letter | None:
    """The last result that was told and is still kept."""
    told = Message.objects.filter(kind="allocations.allocated", purged_at=None).order_by("-pk").first()
    try:
        return mails.allocated_letter(told.context) if told else None
    except ObjectDoesNotExist:
        return None


mail_templates.register(
    mail_templates.Kind(
        "allocations.allocated",
        _("Result of an allocation"),
        _("Seats"),
        _("%(title)s: your result"),
        _("%(name)s, here is what happened to your wishes."),
        "",
        {"name": _("the person’s name"), "title": _("the title of the allocation")},
        _allocated_sample,
    )
)
