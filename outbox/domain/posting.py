import logging
import uuid
from datetime import datetime
from typing import Any

from celery import current_app
from django.db import transaction
from django.utils import timezone

from outbox.domain.kinds import Letter
from outbox.models import Message

log = logging.getLogger(__name__)


def post(
    kind: str,
    to: str,
    *,
    dedupe_key: str,
    language: str,
    context: dict[str, Any] | None = None,
    lane: Message.Lane = Message.Lane.NORMAL,
    not_before: datetime | None = None,
    letter: Letter | None = None,
) -> None:
    """Queue one mail to one person, in the caller's transaction (docs/rules.md#mail).

    A second post of the same `dedupe_key` does nothing. Give `letter` when the text is already written. The worker is rung
    after the commit; when the ring is lost, the sweep finds the row within seconds.
    """
    message = Message(
        uuid=uuid.uuid4(),
        kind=kind,
        to=to,
        dedupe_key=dedupe_key,
        language=language,
        context=context or {},
        lane=lane,
        not_before=not_before or timezone.now(),
    )
    if letter:
        message.subject, message.text, message.html, message.calendar = letter.subject, letter.text, letter.html, letter.calendar
    Message.objects.bulk_create([message], ignore_conflicts=True)
    if not_before is None:
        transaction.on_commit(lambda: ring(message.uuid))


def ring(message_uuid: uuid.UUID) -> None:
    """Tell a worker that a message is due. A broker that is dead or full costs seconds, never the mail: the sweep comes by."""
    try:
        current_app.send_task("outbox.tasks.deliver", [str(message_uuid)])
    except Exception as error:  # noqa: BLE001 - kombu, redis and OS errors share no base class
        log.warning("The worker could not be rung, the sweep will deliver: %s", error)
