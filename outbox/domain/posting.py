import logging
import time
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from celery import current_app
from django.db import transaction

from core import clock
from core.effects import count_mails
from outbox.domain.mail_kinds import Letter
from outbox.models import Message

log = logging.getLogger(__name__)

SECONDS_WITHOUT_RINGING = 10
_do_not_ring_before = 0.0  # on the monotonic clock of this process


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

    A second post of the same `dedupe_key` does nothing. Give `letter` when the text is already written. The worker is
    rung after the commit; when the ring is lost, the sweep finds the row within seconds.
    """
    message = Message(
        uuid=uuid.uuid4(),
        kind=kind,
        to=to,
        dedupe_key=dedupe_key,
        language=language,
        context=context or {},
        lane=lane,
        not_before=not_before or clock.now(),
    )
    if letter:
        message.subject, message.text, message.html, message.calendar = (
            letter.subject,
            letter.text,
            letter.html,
            letter.calendar,
        )
    Message.objects.bulk_create([message], ignore_conflicts=True)
    count_mails(kind, 1)
    if not_before is None:
        transaction.on_commit(lambda: ring(message.uuid))


def post_many(
    kind: str, mails: Iterable[tuple[str, str, str, dict[str, Any]]], *, not_before: datetime | None = None
) -> None:
    """Queue one mail to each of many people, in the caller's transaction: address, dedupe key, language and context of
    each.

    They go out in the bulk lane, behind everything that somebody waits for, and nobody is rung: the sweep finds them.
    """
    due = not_before or clock.now()
    messages = [
        Message(
            kind=kind, to=to, dedupe_key=key, language=language, context=context, lane=Message.Lane.BULK, not_before=due
        )
        for to, key, language, context in mails
    ]
    Message.objects.bulk_create(messages, batch_size=1000, ignore_conflicts=True)
    count_mails(kind, len(messages))


def ring(message_uuid: uuid.UUID) -> None:
    """Tell a worker that a message is due. A broker that is dead, full or mute never costs the mail: the sweep comes
    by.

    It costs one request two seconds at most, and one line in the log; the requests of the next seconds do not even try.
    """
    ring_task("outbox.tasks.deliver", str(message_uuid))


def ring_for_a_sweep() -> None:
    """Tell another process of the workers that there is more to send than one does quickly."""
    ring_task("outbox.tasks.sweep")


def ring_task(name: str, *args: str) -> None:
    """Ring for the task `name`, as `ring` does. Whoever rings has a sweep that finds what was not heard."""
    global _do_not_ring_before  # noqa: PLW0603 - what this process knows about the broker, and nothing else
    if time.monotonic() < _do_not_ring_before:
        return
    try:
        current_app.send_task(name, args)
    except Exception as error:  # noqa: BLE001 - kombu, redis and OS errors share no base class
        _do_not_ring_before = time.monotonic() + SECONDS_WITHOUT_RINGING
        log.warning("The worker could not be rung, the sweep will deliver: %s", error)
