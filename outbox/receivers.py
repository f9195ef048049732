from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.dispatch import receiver
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import clock
from core.effects import Effects, Watch, effects_asked
from outbox.domain import mail_templates, suppression
from outbox.models import SuppressedAddress

Reason = SuppressedAddress.Reason
MEANS = {
    (EventType.BOUNCED, RejectReason.BOUNCED): Reason.BOUNCED,
    (EventType.BOUNCED, RejectReason.INVALID): Reason.BOUNCED,
    (EventType.BOUNCED, None): Reason.BOUNCED,
    (EventType.REJECTED, RejectReason.BOUNCED): Reason.BOUNCED,  # the provider remembers an earlier one
    (EventType.REJECTED, RejectReason.INVALID): Reason.BOUNCED,
    (EventType.REJECTED, RejectReason.SPAM): Reason.COMPLAINED,
}


@receiver(tracking)
def hear_the_provider(sender: Any, event: AnymailTrackingEvent, **_kwargs: Any) -> None:
    """Mark an address that is dead, or whose owner complains; anything else (a full mailbox, a mail opened) is not
    acted on."""
    reason = (
        Reason.COMPLAINED
        if event.event_type == EventType.COMPLAINED
        else MEANS.get((event.event_type, event.reject_reason))
    )
    if reason is None or _is_temporary(event.esp_event) or not isinstance(event.recipient, str):
        return
    now = clock.now()
    words = str(event.mta_response or event.description or "")
    suppression.mark(event.recipient, reason, words, at=min(event.timestamp or now, now))


@receiver(effects_asked)
def say_which_mails_leave(watch: Watch, **_kwargs: Any) -> Effects:
    """How many mails leave at once, and of which kinds."""
    number = watch.mails.total()
    if not number:
        return Effects()
    names = {kind: mail_templates.kinds[kind].label if kind in mail_templates.kinds else kind for kind in watch.mails}
    kinds = ", ".join(_("“%(kind)s”: %(n)d") % {"kind": names[kind], "n": n} for kind, n in watch.mails.most_common())
    words = ngettext(
        "%(n)d email will be sent straight away (%(kinds)s).",
        "%(n)d emails will be sent straight away (%(kinds)s).",
        number,
    )
    return Effects((words % {"n": number, "kinds": kinds},), surprises=False)


def _is_temporary(report: Any) -> bool:
    """Whether a bounce may heal by itself: anymail gives these the same type as those for good."""
    try:
        said = {report.get("Type"), report.get("event"), report.get("bounce", {}).get("bounceType")}
        return bool(said & {"SoftBounce", "soft_bounce", "Transient"}) or report.get("hard_bounce") is False
    except (AttributeError, TypeError):
        return False
