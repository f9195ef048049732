"""The texts of mails are deleted after a while; that there was a mail, of which kind, to whom and when, stays."""

from datetime import datetime, timedelta

from django.conf import settings

from outbox.models import Message

AT_ONCE = 1000


def purge(at: datetime) -> int:
    """Delete the texts and contexts of mails that were done with MAIL_KEEP_DAYS before `at`; return how many. Doing so
    twice changes nothing."""
    old = Message.objects.filter(purged_at=None, created_at__lt=at - timedelta(days=settings.MAIL_KEEP_DAYS)).exclude(
        status__in=[Message.Status.QUEUED, Message.Status.SENDING]
    )
    # A mail for later was written long before it was sent.
    old = old.exclude(sent_at__gte=at - timedelta(days=settings.MAIL_KEEP_DAYS))
    purged = 0
    # Short statements: people write to this table meanwhile.
    while numbers := list(old.values_list("pk", flat=True)[:AT_ONCE]):
        purged += Message.objects.filter(pk__in=numbers).update(
            subject="", text="", html="", calendar="", context={}, purged_at=at
        )
    return purged
