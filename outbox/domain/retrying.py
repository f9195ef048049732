"""Giving a second chance to mails that were given up."""

from functools import partial

from django.db import transaction

from core import clock
from outbox.domain.posting import ring
from outbox.models import Message, MessageQuerySet


def retry(messages: MessageQuerySet) -> int:
    """Queue again those of `messages` that have failed, due at once and for another 24 hours; return how many.

    Others are left as they are, and so are those whose texts are deleted.
    """
    uuids = list(messages.filter(status=Message.Status.FAILED, purged_at=None).values_list("uuid", flat=True))
    with transaction.atomic():
        # The status is judged again by the UPDATE: two organisers who retry at once send the mail once.
        queued = Message.objects.filter(uuid__in=uuids, status=Message.Status.FAILED).update(
            status=Message.Status.QUEUED, not_before=clock.now(), failing_since=None
        )
        for message_uuid in uuids:
            transaction.on_commit(partial(ring, message_uuid))
    return queued
