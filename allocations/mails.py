"""The mail about the result of an allocation, written by a worker just before it sends it
(outbox.domain.mail_kinds)."""

from typing import Any

from django.template.loader import render_to_string

from accounts.models import Attendee
from allocations.domain import wishes
from allocations.models import AllocationRun
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import Letter, link, writes
from outbox.models import Message


@writes("allocations.allocated")
def allocated(message: Message) -> Letter:
    """The whole result of an allocation for one person; the seats that they got are confirmed by mails of their own."""
    return allocated_letter(message.context)


def allocated_letter(said: dict[str, Any]) -> Letter:
    attendee = Attendee.objects.select_related("user").get(pk=said["attendee"])
    allocation = (
        AllocationRun.objects.defer("inputs", "results").select_related("allocation").get(uuid=said["run"]).allocation
    )
    outcomes = wishes.outcomes(said["wishes"], said["answers"], attendee)
    texts = mail_templates.texts_of("allocations.allocated").fill({"name": attendee.name, "title": allocation.title})
    context = {
        "texts": texts,
        "allocation": allocation,
        "edition": outcomes[0].session.event.edition if outcomes else None,
        "given": [outcome for outcome in outcomes if outcome.is_given],
        "refused": [outcome for outcome in outcomes if not outcome.is_given],
        "result_url": link("allocations:allocation", allocation.slug),
    }
    return Letter(
        texts.subject,
        render_to_string("allocations/emails/allocated.txt", context),
        render_to_string("allocations/emails/allocated.html", context),
    )
