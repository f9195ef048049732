"""What the mail provider says about addresses, and what follows for the mails to them (docs/rules.md#mail)."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from core import clock
from core.emails import normalise_email
from outbox.models import Message, SuppressedAddress

ERASED = gettext_noop("This person’s data has been erased.")


def mark(address: str, reason: str, words: str, *, at: datetime) -> None:
    """Note that mails to `address` come back, or are unwanted. An address that we never wrote to is none of ours.

    A report that is older than what is known changes nothing: providers repeat theirs.
    """
    address = normalise_email(address)
    if "\0" in address or not Message.objects.filter(to=address).exists():
        return
    with transaction.atomic():
        SuppressedAddress.objects.bulk_create(
            [SuppressedAddress(address=address, reason=reason, reported_at=at, cleared_at=at)], ignore_conflicts=True
        )
        known = SuppressedAddress.objects.select_for_update().get(address=address)
        if known.cleared_at is None or at < known.cleared_at:
            return
        known.reason, known.words, known.reported_at, known.cleared_at = (
            reason,
            words.replace("\0", "")[:2000],
            at,
            None,
        )
        known._history_user = None
        known.save()


def clear(bad: SuppressedAddress, *, actor: Any) -> bool:
    """Let mails go to this address again; tell whether that changed anything. Mails that were dropped meanwhile stay
    dropped."""
    with transaction.atomic():
        bad = SuppressedAddress.objects.select_for_update().get(pk=bad.pk)
        if bad.cleared_at is not None:
            return False
        bad.cleared_at = clock.now()
        bad._history_user = actor
        bad.save(update_fields=["cleared_at"])
    return True
