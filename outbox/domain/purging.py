"""The texts of mails are deleted after a while; that there was a mail, of which kind, to whom and when, stays."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from core import retention
from core.retention import Scope
from outbox.models import Message


def _with_text(scope: Scope | None = None) -> QuerySet[Message]:
    """Mails that are done with and still have their text. A mail for later was written long before it was sent."""
    done = Message.objects.filter(purged_at=None).exclude(status__in=[Message.Status.QUEUED, Message.Status.SENDING])
    return done.annotate(done_at=Coalesce("sent_at", "created_at"))


def _empty(mails: QuerySet[Message], at: datetime) -> int:
    numbers = list(mails.values_list("pk", flat=True))  # without the annotation, which an UPDATE cannot do with
    return Message.objects.filter(pk__in=numbers, purged_at=None).update(
        subject="", text="", html="", calendar="", context={}, purged_at=at
    )


TEXTS = retention.ageing(_with_text, "done_at", _empty)


def purge(at: datetime, days: int) -> Iterator[int]:
    """Delete the texts and contexts of mails that were done with so many days before `at`, some at a time; yields how
    many. Doing so twice changes nothing."""
    return TEXTS.delete(Scope(days), at)
