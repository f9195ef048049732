"""What people need in order to come: kept with their consent alone, encrypted, for a time, and read by few
(docs/rules.md#access-needs).

The key is none of the database's: a copy of it, or a backup, tells nothing. A text is bound to its person, so that it
opens nowhere else.
"""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.db.models import Case, Min, Q, QuerySet, Value, When

from accounts.models import AccessNeeds, AccessNeedsConsent, AccessNeedsReading, Attendee, User
from core import legal_holds, retention
from core.retention import Held, Part, Scope

log = logging.getLogger(__name__)

KIND = "access_needs"  # of data, in core/retention.py
AT_ONCE = 200
_ends: list[Callable[[], date | None]] = []


class Unreadable(Exception):
    """No key of ACCESS_NEEDS_KEYS opens the text, or it is another person's."""


def is_offered() -> bool:
    """Whether there is a key, without which nobody is asked."""
    return bool(settings.ACCESS_NEEDS_KEYS)


def last_day_by(function: Callable[[], date | None]) -> None:
    """Have `function` say the last day for which needs are told; None while there is none."""
    _ends[:] = [function]


def _last_day() -> date | None:
    return next((day for ask in _ends if (day := ask())), None)


def kept_until(at: datetime) -> date:
    """The last day on which a text that is written now is kept."""
    return (_last_day() or at.date()) + timedelta(days=retention.days(KIND))


def of(attendee: Attendee) -> AccessNeeds | None:
    """What is kept for `attendee`, with their consent."""
    return AccessNeeds.objects.select_related("consent").filter(attendee=attendee).first()


def text_of(needs: AccessNeeds) -> str:
    """The text, for the person alone; whoever else reads it asks `read`. Raises Unreadable."""
    return decrypt(needs.token, needs.attendee_id)


def read(attendee: Attendee, *, reader: User, at: datetime) -> str:
    """The text for somebody who welcomes people, "" where there is none; that they read it is a row before they do.
    Raises Unreadable."""
    needs = of(attendee)
    if needs is None:
        return ""
    AccessNeedsReading.objects.create(attendee=attendee, reader=reader, read_at=at)
    return text_of(needs)


@transaction.atomic
def write(attendee: Attendee, text: str, *, words: str, at: datetime) -> None:
    """Keep `text`, to which the person has agreed in these `words`. Other words than before are another consent."""
    _lock(attendee)
    needs = AccessNeeds.objects.select_related("consent").filter(attendee=attendee).first()
    needs = needs or AccessNeeds(attendee=attendee)
    if needs.consent is None or needs.consent.words != words:
        _end_consent(attendee, at)
        needs.consent = AccessNeedsConsent.objects.create(attendee=attendee, words=words, given_at=at)
    needs.token, needs.written_at, needs.kept_until = encrypt(text, attendee.pk), at, kept_until(at)
    needs.save()


@transaction.atomic
def withdraw(attendee: Attendee, *, at: datetime) -> None:
    """Delete the text, and keep since when the person no longer agrees. Once more changes nothing."""
    _lock(attendee)
    AccessNeeds.objects.filter(attendee=attendee).delete()
    _end_consent(attendee, at)


def keep_for(last_day: date, days: int) -> None:
    """Keep nothing longer than so many days after `last_day`. What is kept for fewer stays so: its person has agreed
    to no more."""
    latest = last_day + timedelta(days=days)
    AccessNeeds.objects.filter(kept_until__gt=latest).update(kept_until=latest)


def move_last_day(before: date, after: date) -> None:
    """Keep what was written for an edition that now ends `after` as long after it as was said."""
    days = AccessNeeds.objects.filter(kept_until__gte=before).order_by().values_list("kept_until", flat=True).distinct()
    moved = [When(kept_until=day, then=Value(day + (after - before))) for day in days]
    if moved:  # all at once: one day may become another that is there
        AccessNeeds.objects.filter(kept_until__gte=before).update(kept_until=Case(*moved, default="kept_until"))


def _old(scope: Scope, at: datetime) -> QuerySet[AccessNeeds]:
    """The texts whose last day is over, or would be by the days of `scope`."""
    old, last_day = Q(kept_until__lt=at.date()), _last_day()
    if last_day and last_day + timedelta(days=scope.days) < at.date():
        old |= Q(kept_until__gte=last_day)
    return AccessNeeds.objects.filter(old)


def _held(scope: Scope, at: datetime) -> Held:
    first = AccessNeeds.objects.aggregate(first=Min("kept_until"))["first"]
    return Held(AccessNeeds.objects.count(), first and datetime.combine(first + timedelta(days=1), time(), UTC))


def forget_old(scope: Scope, at: datetime) -> Iterator[int]:
    """Delete the texts whose last day is over, some at a time; yields how many. The consents end with them. Those of
    people under a legal hold stay until its date."""
    for keys in retention.in_batches(_old(scope, at), AT_ONCE):
        with transaction.atomic():
            found = list(_old(scope, at).filter(pk__in=keys).values_list("pk", "attendee__user"))
            _emails, held = legal_holds.held((), {account for _pk, account in found}, at)
            old = [pk for pk, account in found if account not in held]
            AccessNeedsConsent.objects.filter(attendee__in=old, withdrawn_at=None).update(withdrawn_at=at)
            deleted = AccessNeeds.objects.filter(pk__in=old).delete()[0]
        yield deleted


KEPT = Part(_held, lambda scope, at: _old(scope, at).count(), forget_old)


def encrypt_anew() -> tuple[int, int]:
    """Encrypt every text with the first key; return how many were, and how many no key opens."""
    done = lost = last = 0
    while rows := list(AccessNeeds.objects.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        last = rows[-1].pk
        for needs in rows:
            try:
                token = _cipher().rotate(needs.token.encode()).decode()
            except InvalidToken:
                lost += 1
                continue
            # One that the person has written meanwhile has the first key already.
            done += AccessNeeds.objects.filter(pk=needs.pk, token=needs.token).update(token=token)
    return done, lost


def encrypt(text: str, attendee_id: int) -> str:
    return _cipher().encrypt(json.dumps([attendee_id, text]).encode()).decode()


def decrypt(token: str, attendee_id: int) -> str:
    try:
        owner, text = json.loads(_cipher().decrypt(token.encode()))
    except InvalidToken as error:
        log.error("Access needs of attendee %d: no key of ACCESS_NEEDS_KEYS opens them.", attendee_id)
        raise Unreadable from error
    if owner != attendee_id:
        log.error("Access needs of attendee %d are those of another person.", attendee_id)
        raise Unreadable
    return str(text)


def _cipher() -> MultiFernet:
    if not settings.ACCESS_NEEDS_KEYS:
        raise Unreadable
    return MultiFernet([Fernet(key) for key in settings.ACCESS_NEEDS_KEYS])


def _lock(attendee: Attendee) -> None:
    # Of two tabs that save at once, one comes after the other.
    list(Attendee.objects.select_for_update(no_key=True).filter(pk=attendee.pk).values_list("pk"))


def _end_consent(attendee: Attendee, at: datetime) -> None:
    AccessNeedsConsent.objects.filter(attendee=attendee, withdrawn_at=None).update(withdrawn_at=at)
