"""What becomes of the mails of people who are erased (core/erasure.py): kind and times stay, for the books."""

from datetime import datetime

from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast, Concat

from core.erasure import People
from core.personal_data import Erasure
from outbox.domain import mail_templates
from outbox.domain.suppression import ERASED
from outbox.models import Message


def forget_mails(people: People) -> None:
    """Drop what waits, and take out of the rest what names the people where the registry does not reach."""
    keys = sorted(people.keys[Message])
    for first in range(0, len(keys), 2000):
        drop(Message.objects.filter(pk__in=keys[first : first + 2000]), people.at)
    # A test that an organiser had sent to themselves is written about whomever such a mail concerned last.
    tests = Message.objects.filter(kind=mail_templates.TEST, purged_at=None)
    for mail in tests.only("subject", "text", "html").iterator():
        if people.are_named_in(f"{mail.subject}\n{mail.text}\n{mail.html}"):
            drop(tests.filter(pk=mail.pk), people.at)
            Message.objects.filter(pk=mail.pk).update(subject="", text="", html="")
            people.report.count(Message, Erasure.BLANKED, 1)


def blank(mails: QuerySet[Message], at: datetime) -> int:
    """Keep of `mails` their kind and times alone, and send none of them any more; returns how many."""
    keys = list(mails.values_list("pk", flat=True))
    drop(Message.objects.filter(pk__in=keys), at)
    return Message.objects.filter(pk__in=keys).update(to="", context={}, subject="", text="", html="", calendar="")


def drop(mails: QuerySet[Message], at: datetime) -> None:
    """Drop those of `mails` that wait, and clean what a server said, and keys that hold an address."""
    waiting = mails.filter(status__in=[Message.Status.QUEUED, Message.Status.SENDING])
    waiting.update(status=Message.Status.DROPPED, lease_until=None, lease_token=None, last_error=ERASED)
    mails.exclude(last_error="").update(last_error=ERASED)  # the server's words may name them
    named = Concat(F("kind"), Value(":erased:"), Cast("pk", CharField()))
    mails.filter(dedupe_key__contains="@").update(dedupe_key=named)
    mails.filter(purged_at=None).update(purged_at=at)
