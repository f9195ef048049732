"""Acts that no history holds, as rows that nobody changes (docs/rules.md#audit-log).

`record()` writes one, in the transaction of the act. When a day is over, `close()` writes a hash over its entries, and
over the day before, into the database and into a file outside of it; `check()` compares all three.
"""

import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core import acts, append_only, clock, retention
from core.models import AuditLogDay, AuditLogEntry
from core.text import whole_number

log = logging.getLogger(__name__)

ROLES = {
    "owner": _("an owner"),
    "organiser": _("an organiser"),
    "partner": _("a partner"),
    "person": _("a person"),
    "operator": _("an operator"),
    "": _("the system"),
}
ACTS = {
    "added": pgettext_lazy("history", "Added"),
    "changed": pgettext_lazy("history", "Changed"),
    "deleted": pgettext_lazy("history", "Deleted"),
    "exported": pgettext_lazy("audit log", "Exported"),
    "imported": pgettext_lazy("audit log", "Imported"),
    "downloaded": pgettext_lazy("audit log", "Downloaded"),
    "read": pgettext_lazy("audit log", "Read"),
    "signed_in": pgettext_lazy("audit log", "Signed in"),
    "erased": pgettext_lazy("audit log", "Erased"),
    "retention": pgettext_lazy("audit log", "Deleted because it was old"),
    "resent": pgettext_lazy("audit log", "Sent again"),
    "reset": pgettext_lazy("audit log", "Second step reset"),
}
FACTS = {
    "rows": _("rows"),
    "format": _("format"),
    "fields": _("fields"),
    "kind": _("kind"),
    "why": _("reason"),
    "new": _("added"),
    "changed": _("changed"),
    "filters": _("filters"),
    "method": _("method"),
}
VALUES = {
    "by_person": _("asked for by the person"),
    "by_organisers": _("by organisers"),
    "link": _("by the link of an invitation"),
    "retention": _("kept long enough"),
}
LATE = timedelta(hours=2)  # longer than any transaction that writes an entry


def record(
    act: str,
    about: Model | type[Model] | None = None,
    *,
    actor: Any = None,
    role: str | None = None,
    **facts: Any,
) -> AuditLogEntry:
    """Write an act (a key of ACTS) on an object or a kind of object, in the caller's transaction.

    `facts` (keys of FACTS) are numbers, codes and names of fields, never what could name somebody: who did it and what
    it is about stand there by number, so that nothing is left of a person who is erased. Without `actor` and `role` it
    is whoever sends the request. Raises ValueError for an act or a fact without a name.
    """
    if act not in ACTS or not facts.keys() <= FACTS.keys():
        raise ValueError(f"{act} {sorted(facts)}: unknown to core/audit_log.py")
    actor = actor or acts.actor()
    return AuditLogEntry.objects.create(
        at=clock.now(),
        act=act,
        actor=actor.pk if actor else None,
        role=acts.role() if role is None else role,
        model=about._meta.label_lower if about is not None else "",
        key=str(about.pk) if isinstance(about, Model) else "",
        facts=facts,
        request=acts.request_id(),
    )


# --- Reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Other:
    """A table of an app above whose rows, those that are meant, are read as acts: the fields of when, by whom (a key to
    an account; where it is empty, the object is who did it) and on what (a key). `act` is one of ACTS, or the field
    that says it, `role` that of whoever writes there."""

    model: type[Model]
    act: str
    at: str
    actor: str
    about: str
    role: str
    meant: Q = field(default_factory=Q)

    @property
    def says_its_act(self) -> bool:
        """Whether each row says what it was."""
        return self.act not in ACTS


@dataclass(frozen=True)
class Said:
    """What an entry, or a row of another table, says."""

    pk: int
    at: datetime
    act: str
    actor: int | None
    role: str
    model: str
    key: str
    facts: dict[str, Any]
    request: str
    words: str = ""  # for an act that is not among ACTS

    @property
    def model_class(self) -> type[Model] | None:
        """None for a kind of object that there is no more."""
        try:
            return apps.get_model(self.model) if self.model else None
        except (LookupError, ValueError):
            return None

    @property
    def number(self) -> int | None:
        return whole_number(self.key)


_others: list[Other] = []


def read_as_acts(*tables: Other) -> None:
    """Have the rows of other tables read with the entries."""
    _others.extend(tables)


def others() -> list[Other]:
    return list(_others)


def said(rows: QuerySet[Any]) -> Iterator[Said]:
    """What some entries, or rows of one other table, say."""
    other = next((one for one in _others if one.model is rows.model), None)
    for row in rows:
        if other is None:
            yield Said(
                *(row.pk, row.at, row.act, row.actor, row.role, row.model, row.key, row.facts, row.request),
            )
            continue
        about = other.model._meta.get_field(other.about)
        key = getattr(row, about.attname)  # type: ignore[union-attr]
        actor = getattr(row, other.model._meta.get_field(other.actor).attname)  # type: ignore[union-attr]
        label = about.related_model._meta.label_lower  # type: ignore[union-attr]
        act, words = other.act, ""
        if other.says_its_act:
            act, words = getattr(row, other.act), str(getattr(row, f"get_{other.act}_display")())
            actor = actor or key
        yield Said(row.pk, getattr(row, other.at), act, actor, other.role, label, str(key), {}, "", words)


# --- Days that are over -----------------------------------------------------------------------------------------------


def path() -> Path:
    """The file of the days, beside that of the erasures."""
    return Path(settings.ERASURE_LOG).with_name("audit-log.jsonl")


def close(at: datetime) -> int:
    """Write down the days that are over by `at`, and whatever of them the file lacks; return how many days."""
    closed = 0
    for day, before in _to_close(at):
        with transaction.atomic():
            number, head = _hash_of(day, before)
            try:
                with transaction.atomic():
                    AuditLogDay.objects.create(day=day, number=number, head=head)
            except IntegrityError:  # another process has just done it
                break
        closed += 1
    _complete_the_file()
    return closed


def _to_close(at: datetime) -> Iterator[tuple[date, str]]:
    """The days that are over and not closed, each with the hash of the day before it."""
    last = AuditLogDay.objects.order_by("-day").first()
    first = AuditLogEntry.objects.order_by("at").values_list("at", flat=True).first()
    if last is None and first is None:
        return
    day = last.day + timedelta(days=1) if last else first.astimezone(UTC).date()  # type: ignore[union-attr]
    while day < (at - LATE).astimezone(UTC).date():
        before = AuditLogDay.objects.filter(day=day - timedelta(days=1)).values_list("head", flat=True).first()
        yield day, before or ""
        day += timedelta(days=1)


def entries_of(day: date) -> QuerySet[AuditLogEntry]:
    begins = datetime.combine(day, time(), UTC)
    return AuditLogEntry.objects.filter(at__gte=begins, at__lt=begins + timedelta(days=1))


def _hash_of(day: date, before: str) -> tuple[int, str]:
    """The number of entries of a day, and the hash of the last: each is taken over the one before and the entry."""
    number, head = 0, hashlib.sha256(f"{before}\n{day}".encode()).hexdigest()
    for entry in entries_of(day).order_by("id").iterator(chunk_size=2000):
        head = hashlib.sha256(f"{head}\n{_content(entry)}".encode()).hexdigest()
        number += 1
    return number, head


def _content(entry: AuditLogEntry) -> str:
    """Everything that an entry says, written in one way on every database."""
    said = [
        *(entry.pk, entry.at.astimezone(UTC).isoformat(), entry.act, entry.actor, entry.role, entry.model, entry.key),
        *(entry.facts, entry.request),
    ]
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def _written() -> dict[date, list[tuple[int, str]]]:
    """What the file says of each day; more than once, where a restored database closed a day again."""
    found: dict[date, list[tuple[int, str]]] = {}
    try:
        lines = path().read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            said = json.loads(line)
            found.setdefault(date.fromisoformat(said["day"]), []).append((said["number"], said["head"]))
        except (ValueError, KeyError, TypeError):
            if line.strip():
                log.warning("%s: a line is not whole.", path())
    return found


def _complete_the_file() -> None:
    """Add the days that the database has closed and the file lacks."""
    path().parent.mkdir(parents=True, exist_ok=True)
    with open(path(), "ab+", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        written = _written()
        if end := file.seek(0, os.SEEK_END):
            file.seek(end - 1)
            if file.read(1) != b"\n":  # whoever wrote last was killed
                file.write(b"\n")
        for day in AuditLogDay.objects.order_by("day"):
            if (day.number, day.head) not in written.get(day.day, []):
                line = json.dumps({"day": day.day.isoformat(), "number": day.number, "head": day.head})
                file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def check(at: datetime) -> list[str]:
    """What is not as it was recorded, in sentences for operators; empty when all is well. What the run of retention has
    deleted, or is deleting, is no fault."""
    said: list[str] = []
    written, before, expected = _written(), "", None
    kept_since = at - timedelta(days=append_only.DAYS)  # older ones may go, whatever organisers choose today
    known: set[date] = set()
    for day in AuditLogDay.objects.order_by("day"):
        known.add(day.day)
        if expected and day.day != expected:
            said.append(f"{expected}: the day is missing.")
        number, head = _hash_of(day.day, before)
        is_old = datetime.combine(day.day, time(), UTC) + timedelta(days=1) <= kept_since
        if (number, head) != (day.number, day.head) and not (is_old and number < day.number):
            said.append(f"{day.day}: {number} entries, which are not the {day.number} that were recorded.")
        lines = written.get(day.day, [])
        if (day.number, day.head) not in lines:
            said.append(f"{day.day}: {path()} says something else." if lines else f"{day.day}: not in {path()}.")
        elif len(lines) > 1:
            said.append(f"{day.day}: {path()} has two lines that differ.")
        before, expected = day.head, day.day + timedelta(days=1)
    said += [f"{day}: {path()} has a day that the database does not know." for day in sorted(written.keys() - known)]
    return said


# --- Old entries ------------------------------------------------------------------------------------------------------


def _delete(some: QuerySet[Any], at: datetime) -> int:
    """Those that the database lets go: it looks at its own clock."""
    oldest = clock.database_now() - clock.moved_by() - timedelta(days=append_only.DAYS)
    return some.filter(at__lt=oldest).delete()[1].get(AuditLogEntry._meta.label, 0)


OLD = retention.ageing(lambda scope: AuditLogEntry.objects.all(), "at", _delete)
