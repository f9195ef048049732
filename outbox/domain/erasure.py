"""What becomes of the mails of people who are erased (core/erasure.py): kind and times stay, for the books."""

from datetime import datetime

from django.db.models import Case, CharField, F, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat

from core.erasure import People
from core.personal_data import Erasure
from outbox.domain import mail_templates
from outbox.domain.suppression import ERASED
from outbox.models import Message

AT_ONCE = 2000  # keys in one statement


def forget_mails(people: People) -> None:
    """Blank the mails to the people, and those that name them to others."""
    keys = sorted(people.keys[Message])
    for first in range(0, len(keys), AT_ONCE):
        number = blank(Message.objects.filter(pk__in=keys[first : first + AT_ONCE]), people.at)
        people.report.count(Message, Erasure.BLANKED, number)
    people.keys[Message] = set()
    # A test that an organiser had sent to themselves is written about whomever such a mail concerned last.
    tests = Message.objects.filter(kind=mail_templates.TEST, purged_at=None)
    for mail in tests.only("to", "subject", "text", "html").iterator():
        if people.are_named_in(f"{mail.subject}\n{mail.text}\n{mail.html}"):
            number = blank(Message.objects.filter(pk=mail.pk), people.at, to=mail.to)
            people.report.count(Message, Erasure.BLANKED, number)


def blank(mails: QuerySet[Message], at: datetime, *, to: str = "") -> int:
    """Keep of `mails` their kind and times alone, and send none of them any more; returns how many. One statement: each
    would write all of them again."""
    waits = Q(status__in=[Message.Status.QUEUED, Message.Status.SENDING])
    is_told = waits | ~Q(last_error="")
    named = Concat(F("kind"), Value(":erased:"), Cast("pk", CharField()))
    return mails.order_by().update(
        status=Case(When(waits, then=Value(Message.Status.DROPPED)), default=F("status"), output_field=CharField()),
        # The server's words may name them, and a key may hold an address.
        last_error=Case(When(is_told, then=Value(ERASED)), default=F("last_error"), output_field=TextField()),
        dedupe_key=Case(When(dedupe_key__contains="@", then=named), default=F("dedupe_key"), output_field=CharField()),
        lease_until=None,
        lease_token=None,
        to=to,
        context={},
        subject="",
        text="",
        html="",
        calendar="",
        purged_at=Coalesce(F("purged_at"), Value(at)),
    )
