"""Accounts that nobody has opened, and the traces of signing in (docs/rules.md#privacy)."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import MailedCode, SignInEvent, User, WebSession
from core import retention
from core.erasure import Why, erase
from core.models import LimitCounter
from core.retention import Held, Part, Scope
from outbox.models import Message

AT_ONCE = 100  # people a transaction


# --- Accounts whose address nobody has proved -------------------------------------------------------------------------


def _unconfirmed(scope: Scope) -> QuerySet[User]:
    """Accounts that nobody has ever signed in to, and that nothing needs; not those that an organiser has made for
    somebody."""
    made = User.history.filter(id=OuterRef("pk"), history_type="+", history_user__isnull=False)
    made = made.exclude(history_user=OuterRef("pk")).order_by()
    people = User.objects.filter(last_login=None).exclude(Q(is_staff=True) | Q(is_superuser=True))
    return people.exclude(Exists(made)).exclude(retention.tied_for_good() | retention.tied())


def erase_whole(people: QuerySet[User], at: datetime) -> int:
    """Erase accounts that nothing ties here any more; return how many. Who is about to be listed anew stays until
    then, and so does whoever cannot be done without, is under a legal hold, or comes back at this moment."""
    found = dict(people.values_list("pk", "email"))
    awaited = retention.awaited(found.values()) if found else set()
    whole = [pk for pk, email in found.items() if email not in awaited]

    def still(accounts: Collection[int]) -> set[int]:
        return set(people.filter(pk__in=accounts).values_list("pk", flat=True))

    return erase(whole, why=Why.RETENTION, at=at, still=still).people if whole else 0


def _erase(scope: Scope, at: datetime) -> Iterator[int]:
    old = _unconfirmed(scope).filter(date_joined__lte=scope.before(at))
    for keys in retention.in_batches(old, AT_ONCE):
        yield erase_whole(old.filter(pk__in=keys), at)


_by_age = retention.ageing(_unconfirmed, "date_joined")
UNCONFIRMED = Part(_by_age.held, _by_age.due, _erase)


# --- When somebody signed in ------------------------------------------------------------------------------------------


def _codes(scope: Scope) -> QuerySet[Message]:
    return Message.objects.filter(kind="accounts.code").exclude(
        status__in=[Message.Status.QUEUED, Message.Status.SENDING]
    )


CODES = retention.ageing(_codes, "created_at")
EVENTS = retention.ageing(lambda scope: SignInEvent.objects.all(), "happened_at")
OLD_CODES = retention.ageing(lambda scope: MailedCode.objects.all(), "ends_at")
ACTS = retention.ageing(lambda scope: LogEntry.objects.all(), "action_time")


# --- Web sessions, limits, and what libraries mark in the cache -------------------------------------------------------


SESSIONS = retention.ageing(lambda scope: WebSession.objects.all(), "expire_date")
OLD_LIMITS = retention.ageing(lambda scope: LimitCounter.objects.all(), "ends_at")
MARKS = 1000  # rows a transaction


def _old_marks(words: str, at: datetime) -> tuple[str, list[Any]] | None:
    """A statement about the marks that have expired, and its values; none where they are not in the database."""
    if not (name := getattr(cache, "_table", "")):
        return None
    moment = connection.ops.adapt_datetimefield_value(at.replace(microsecond=0))
    return f"{words} FROM {connection.ops.quote_name(name)} WHERE expires <= %s", [moment]


def _count_marks(scope: Scope, at: datetime) -> int:
    if (statement := _old_marks("SELECT COUNT(*)", at)) is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        return cursor.fetchone()[0]


def _delete_marks(scope: Scope, at: datetime) -> Iterator[int]:
    if (statement := _old_marks("SELECT cache_key", at)) is None:
        return
    some, values = statement
    table, number = connection.ops.quote_name(getattr(cache, "_table", "")), MARKS
    while number == MARKS:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE cache_key IN ({some} LIMIT {MARKS})", values)  # noqa: S608
            number = cursor.rowcount
        yield number


OLD_MARKS = Part(lambda scope, at: Held(_count_marks(scope, at)), _count_marks, _delete_marks)
