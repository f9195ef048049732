"""How long data about people is kept: each app declares its kinds of data, in a module `retention`, and one run deletes
what has been kept long enough (docs/rules.md#privacy).

Nothing here knows an edition: whoever runs says how many days a kind is kept, and when the edition ended
(programme/domain/retention.py).
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Min, Model, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

AT_ONCE = 500  # rows a transaction: people write to the same tables meanwhile
BATCHES = 25  # found by one query
MONTHS = {91: 3, 182: 6, 273: 9, 365: 12, 548: 18, 730: 24, 1095: 36}


@dataclass(frozen=True)
class Scope:
    """What a run looks at: one edition (its key), which ended then, or the whole installation; and how many days its
    data are kept."""

    days: int
    edition: int | None = None
    ended_at: datetime | None = None

    def before(self, at: datetime) -> datetime:
        """What was over by then is due at `at`."""
        return at - timedelta(days=self.days)

    def is_due(self, at: datetime) -> bool:
        """Whether what counts from the end of the edition has been kept long enough."""
        return self.ended_at is not None and self.ended_at <= self.before(at)

    @property
    def due_at(self) -> datetime | None:
        return self.ended_at and self.ended_at + timedelta(days=self.days)


@dataclass(frozen=True)
class Held:
    """How many there are of a kind, and when the next ones go."""

    number: int = 0
    next_at: datetime | None = None

    def __add__(self, other: "Held") -> "Held":
        moments = [moment for moment in (self.next_at, other.next_at) if moment]
        return Held(self.number + other.number, min(moments, default=None))


@dataclass(frozen=True)
class Part:
    """Some of what a kind of data consists of.

    `held` counts what there is, `due` what would go now. `delete` walks over what is due in short transactions and
    yields how many went in each: it may be ended after any of them, run twice at once, or run again.
    """

    held: Callable[[Scope, datetime], Held]
    due: Callable[[Scope, datetime], int]
    delete: Callable[[Scope, datetime], Iterator[int]]


@dataclass(frozen=True)
class Kind:
    """One kind of data that people are told a time for.

    `counts_from` says what the days are counted from; `sentence` tells people how long it is kept, from the days, in
    the language of the moment. `least` and `most` are the bounds of what organisers may choose; where they are the
    same, the time is fixed. `changed` is told the last day of the current edition and its new days, where rows know
    their own last day. `is_hourly`: what was promised in hours is looked for every hour, the rest once a day.
    """

    key: str
    label: Any
    counts_from: Any
    proposed: int
    least: int
    most: int
    sentence: Callable[[int], str]
    per_edition: bool = False
    is_hourly: bool = False
    changed: Callable[[date, int], None] | None = None
    parts: list[Part] = field(default_factory=list)

    @property
    def is_fixed(self) -> bool:
        return self.least == self.most

    def held(self, scope: Scope, at: datetime) -> Held:
        return sum((part.held(scope, at) for part in self.parts), Held())

    def due(self, scope: Scope, at: datetime) -> int:
        return sum(part.due(scope, at) for part in self.parts)

    def delete(self, scope: Scope, at: datetime) -> Iterator[int]:
        for part in self.parts:
            yield from part.delete(scope, at)


_kinds: dict[str, Kind] = {}
_parts: dict[str, list[Part]] = {}  # of kinds that an app below declares later


def declare(*kinds: Kind) -> None:
    """Add kinds to the register. Raises ValueError for one that is there already."""
    for kind in kinds:
        if kind.key in _kinds:
            raise ValueError(f"{kind.key} is declared twice")
        kind.parts[:0] = _parts.pop(kind.key, [])
        _kinds[kind.key] = kind


def add_part(key: str, part: Part) -> None:
    """Add what an upper app holds of a kind that one below declares; it goes before what lies below."""
    if key in _kinds:
        _kinds[key].parts.insert(0, part)
    else:
        _parts.setdefault(key, []).append(part)


def kinds() -> list[Kind]:
    """What all apps have declared: what people know of first, fixed times last."""
    return sorted(_kinds.values(), key=lambda kind: (kind.is_fixed, not kind.per_edition))


def kind(key: str) -> Kind:
    return _kinds[key]


def label_of(key: str) -> str:
    """The name of a kind; its key, where no app declares it any more."""
    return str(_kinds[key].label) if key in _kinds else key


# --- What ties people to an edition, or to the installation -----------------------------------------------------------


def delete_with_history(rows: QuerySet[Any], at: datetime) -> int:
    """Delete rows and, last, their history: a deletion would write the values down again. Returns how many rows."""
    model, keys = rows.model, list(rows.order_by().values_list("pk", flat=True))
    model._base_manager.filter(pk__in=keys).delete()
    if hasattr(model, "history"):
        model.history.filter(**{f"{model._meta.pk.attname}__in": keys}).delete()
    return len(keys)


@dataclass(frozen=True)
class Tie:
    """Rows because of which an account stays: until what became of the edition is deleted (`edition` is the lookup to
    it), or for good, where they name none. A person is found by `account` (a lookup to the account) or by `address`.

    `goes`: of a person who stays for another reason, the rows of an edition that is due are deleted alone, by
    `delete`.
    """

    model: type[Model]
    account: str = ""
    address: str = ""
    edition: str = ""
    goes: bool = True
    delete: Callable[[QuerySet[Any], datetime], Any] = delete_with_history

    def of_each(self, editions: Iterable[int] | None = None) -> Exists:
        """Whether an account (the outer row) has such rows; in one of these editions, if any are given."""
        theirs = {self.account: OuterRef("pk")} if self.account else {self.address: OuterRef("email")}
        return Exists(self._in(editions).filter(**theirs))

    def rows(self, accounts: Iterable[int], addresses: Iterable[str], edition: int) -> QuerySet[Any]:
        """Those of some people in one edition."""
        theirs = {f"{self.account}__in": accounts} if self.account else {f"{self.address}__in": addresses}
        return self._in([edition]).filter(**theirs)

    def _in(self, editions: Iterable[int] | None) -> QuerySet[Any]:
        rows = self.model._base_manager.order_by()
        return rows if editions is None else rows.filter(**{f"{self.edition}__in": list(editions)})


_ties: list[Tie] = []


def tie(*ties: Tie) -> None:
    """Add to the register what ties people."""
    _ties.extend(ties)


def ties() -> list[Tie]:
    """What all apps have said, the apps on top first."""
    return list(_ties)


def tied_for_good() -> Q:
    """Accounts that no end of an edition deletes."""
    return _any(one.of_each() for one in _ties if not one.edition)


def tied(editions: Iterable[int] | None = None, *, only_going: bool = False) -> Q:
    """Accounts that are tied to one of these editions, or to any."""
    known = [one for one in _ties if one.edition and (one.goes or not only_going)]
    chosen = None if editions is None else list(editions)
    return Q(pk__in=[]) if chosen == [] else _any(one.of_each(chosen) for one in known)


def _any(tests: Iterable[Exists]) -> Q:
    found = Q(pk__in=[])
    for test in tests:
        found |= Q(test)
    return found


_awaited: list[Callable[[Collection[str]], Iterable[str]]] = []


def await_addresses(function: Callable[[Collection[str]], Iterable[str]]) -> None:
    """Have `function` say which of some addresses are about to be written down: on a list that is being checked."""
    _awaited.append(function)


def awaited(addresses: Collection[str]) -> set[str]:
    """Those of `addresses` that are about to be written down anew: nobody is erased by them meanwhile."""
    return {address for function in _awaited for address in function(addresses)}


def known_addresses(addresses: Iterable[str]) -> set[str]:
    """Those of `addresses` by which rows still know somebody who needs no account, or are about to."""
    wanted = list(addresses)
    found = awaited(wanted)
    for one in _ties:
        if one.address:
            rows = one.model._base_manager.filter(**{f"{one.address}__in": wanted}).order_by()
            found |= set(rows.values_list(one.address, flat=True))
    return found


# --- Rows that simply grow old ----------------------------------------------------------------------------------------


def ageing(
    rows: Callable[[Scope], QuerySet[Any]],
    moment: str,
    delete: Callable[[QuerySet[Any], datetime], int] | None = None,
) -> Part:
    """A part whose rows are due so many days after their own `moment` (a field or annotation). `delete` gets some of
    them, in a transaction, and the moment of the run; it returns how many went, or it would be called for ever."""

    def old(scope: Scope, at: datetime) -> QuerySet[Any]:
        return rows(scope).filter(**{f"{moment}__lte": scope.before(at)})

    def held(scope: Scope, at: datetime) -> Held:
        found = rows(scope).order_by()
        first = found.aggregate(first=Min(moment))["first"]
        return Held(found.count(), first and first + timedelta(days=scope.days))

    def walk(scope: Scope, at: datetime) -> Iterator[int]:
        for keys in in_batches(old(scope, at)):
            with transaction.atomic():
                some = old(scope, at).filter(pk__in=keys)
                yield delete(some, at) if delete else some.delete()[1].get(some.model._meta.label, 0)

    return Part(held, lambda scope, at: old(scope, at).count(), walk)


def in_batches(rows: QuerySet[Any], size: int = AT_ONCE) -> Iterator[list[Any]]:
    """The keys of `rows`, some at a time, in their order; each is looked at once, whatever becomes of it. They are
    found many at a time: what is done with some of them asks again whether it is still so."""
    last: Any = None
    while True:
        rest = rows.filter(pk__gt=last) if last is not None else rows
        keys = list(rest.order_by("pk").values_list("pk", flat=True)[: size * BATCHES])
        if not keys:
            return
        yield from (keys[first : first + size] for first in range(0, len(keys), size))
        last = keys[-1]


# --- What was chosen --------------------------------------------------------------------------------------------------

_asked: list[Callable[[Any], dict[str, int]]] = []


def chosen_by(function: Callable[[Any], dict[str, int]]) -> None:
    """Have `function` say for how many days each kind is kept in an edition; given None, in the current one."""
    _asked[:] = [function]


def days(key: str, edition: Any = None) -> int:
    """For how many days a kind of data is kept in an edition; without one, in the current one."""
    chosen = {key: kind(key).proposed}
    for ask in _asked:
        chosen |= ask(edition)
    return chosen[key]


def sentences(edition: Any = None, *keys: str) -> list[str]:
    """How long data are kept, as people are told it; of some kinds, or of all. Made from what was chosen, so that they
    say what the run does."""
    days = {one.key: one.proposed for one in kinds()}
    for ask in _asked:
        days |= ask(edition)
    return [one.sentence(days[one.key]) for one in map(kind, keys or [one.key for one in kinds()])]


# --- Words ------------------------------------------------------------------------------------------------------------


def span(days: int) -> str:
    """“24 hours”, “30 days”, “6 months”: a time as people are told it."""
    if days in (1, 2):
        return _("%(hours)d hours") % {"hours": 24 * days}
    if days in MONTHS:
        return _("%(months)d months") % {"months": MONTHS[days]}
    return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}


def until_after_the_event(days: int) -> str:
    """“until 30 days after the event”."""
    return _("until %(span)s after the event") % {"span": span(days)} if days else _("until the end of the event")
