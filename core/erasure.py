"""One act of erasure, over a set of people, through the registry of personal data (docs/rules.md#erasure).

What only an app knows (seats that go back, lists that name somebody, the lines of a log) it registers as a step of a
`Stage`, in its module `personal_data`; everything else follows from what is declared there.
"""

import json
import logging
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import CASCADE, SET_NULL, Case, CharField, ForeignKey, JSONField, Model, Q, Value, When
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core import audit_log, erasure_log, legal_holds
from core.deadlocks import again_after_deadlock
from core.emails import normalise_email, readable_email
from core.models import ErasureAct
from core.personal_data import Erasure, PersonalData, declared
from core.sheets.forms import forget_staged

log = logging.getLogger(__name__)

AT_ONCE = 2000  # keys in one statement


class Why(Enum):
    """Who wants it."""

    BY_PERSON = "by_person"
    BY_ORGANISERS = "by_organisers"
    LINK = "link"  # “Not you? Erase your data”, at the end of an invitation
    RETENTION = "retention"


class Stage(Enum):
    """When a step runs, in this order; all in one transaction."""

    WIDEN = "find the addresses and the names that the people have as well; accounts first"
    LEAVE = "leave out the addresses that are somebody else's"
    LOCK = "lock what comes before people in the order of locks"
    REFUSE = "say who cannot be erased"
    END = "end what others wait for"
    CLEAN = "clean what the registry cannot say; the rows are still there"


@dataclass(frozen=True)
class Line:
    """What became of the rows of one table, or of what its history says about them."""

    model: str
    name: str
    erasure: Erasure
    number: int
    is_history: bool = False

    @property
    def words(self) -> str:
        """What became of them, for people."""
        return str(WORDS[self.erasure])


@dataclass(frozen=True)
class Kept:
    """Somebody of whom everything stays, and why; `until`: the end of a legal hold."""

    reason: str
    until: str = ""


@dataclass
class Report:
    """What was found about people, table by table, and what became of it. It names nobody.

    `said`: what follows for others, in sentences.
    """

    people: int = 0
    lines: list[Line] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _counts: Counter[tuple[type[Model], Erasure, bool]] = field(default_factory=Counter, repr=False)

    def count(self, model: type[Model], erasure: Erasure, number: int, *, is_history: bool = False) -> None:
        if number:
            self._counts[model, erasure, is_history] += number

    @property
    def number(self) -> int:
        """How many rows were touched."""
        return sum(line.number for line in self.lines)

    def as_data(self) -> dict[str, Any]:
        """The report for JSON."""
        lines = [asdict(line) | {"name": str(line.name), "erasure": line.erasure.name.lower()} for line in self.lines]
        kept = [asdict(one) for one in self.kept]
        return {"people": self.people, "rows": self.number, "lines": lines, "kept": kept, "said": self.said}

    def finish(self) -> "Report":
        self.lines = [
            Line(model._meta.label, model._meta.verbose_name_plural, erasure, number, is_history)  # type: ignore[arg-type]
            for (model, erasure, is_history), number in sorted(
                self._counts.items(), key=lambda row: (row[0][2], row[0][0]._meta.label, row[0][1].name)
            )
        ]
        return self


@dataclass
class People:
    """Those who are erased together, as the steps see and widen them.

    `names` and `addresses` are what their own words are found by where no key leads. `keys`: the rows about them, by
    model, once they are looked for (from CLEAN on).
    """

    accounts: set[int]
    addresses: set[str]
    why: Why
    at: datetime
    actor: Any = None
    still: Callable[[Collection[int]], Collection[int]] | None = None
    names: set[str] = field(default_factory=set)
    keys: dict[type[Model], set[Any]] = field(default_factory=dict)
    report: Report = field(default_factory=Report)
    _known: Any = field(default=((0, 0), ((), ())), repr=False)

    def are_named_in(self, text: str) -> bool:
        """Whether `text` holds a name or an address of theirs, whole, however it is written."""
        composed = _composed(text)
        return self.have_address_in(text) or any(
            re.search(rf"(?<!\w){re.escape(name)}(?!\w)", composed) for name in self._names if name in composed
        )

    def have_address_in(self, text: str) -> bool:
        """Whether `text` holds an address of theirs, and not one that ends or begins like it."""
        composed = _composed(text)
        return any(
            re.search(rf"(?<![\w.+%&~-]){re.escape(address)}(?![\w-]|\.\w)", composed)
            for address in self._written_addresses
            if address in composed
        )

    def come_first_in(self, text: str) -> bool:
        """Whether `text`, the words for a row (“Ada Lovelace – Group A”), is about one of them."""
        composed = _composed(text)
        return any(
            composed == word or composed.startswith(f"{word} – ") for word in {*self._names, *self._written_addresses}
        )

    @property
    def first_words(self) -> set[str]:
        """How words for rows about them may begin, as they were written."""
        return {*self.names, *self.addresses, *map(readable_email, self.addresses)} - {""}

    @property
    def _names(self) -> tuple[str, ...]:
        return self._words()[0]

    @property
    def _written_addresses(self) -> tuple[str, ...]:
        return self._words()[1]

    def _words(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names and the addresses as texts are searched for them; once, as long as steps find no others."""
        known = len(self.names), len(self.addresses)
        if known != self._known[0]:
            names = {_composed(name) for name in self.names if name.strip()}
            written = {_composed(said) for said in {*self.addresses, *map(readable_email, self.addresses)} if said}
            self._known = known, (tuple(names), tuple(written))
        return self._known[1]


def _composed(text: str) -> str:
    """As one writes it, whatever the case, and whether accents are letters of their own (files from a Mac)."""
    return unicodedata.normalize("NFC", text).casefold()


Step = Callable[[People], Any]
_steps: dict[Stage, list[Step]] = defaultdict(list)
_roles: list[tuple[str, Callable[[Collection[int]], Iterable[int]]]] = []
_after_restore: list[Callable[[Collection[str], datetime], Any]] = []
WORDS = {
    Erasure.DELETED: pgettext_lazy("erasure", "deleted"),
    Erasure.BLANKED: pgettext_lazy("erasure", "emptied of what names the person"),
    Erasure.UNLINKED: pgettext_lazy("erasure", "no longer linked to the person"),
}
ROLES = {
    "erased-organiser": _("an organiser"),
    "erased-partner": _("a partner"),
    "erased-person": _("a person"),
}


def step(stage: Stage, act: Step) -> None:
    """Let `act` run in each erasure, with the People; steps of one stage run with the apps on top first.

    A step of REFUSE returns the sentence why, by the id of each account that cannot go.
    """
    _steps[stage].append(act)


def role(name: str, accounts_of: Callable[[Collection[int]], Iterable[int]]) -> None:
    """Say which accounts acted in a role of ROLES: it is what the history keeps of who did something."""
    _roles.append((name, accounts_of))


def after_restore(act: Callable[[Collection[str], datetime], Any]) -> None:
    """Let `act` do again, after a restore, what an app has noted by hashes of its own (erasure_log.note)."""
    _after_restore.append(act)


def erase(
    accounts: Collection[int],
    addresses: Collection[str] = (),
    *,
    why: Why,
    at: datetime,
    actor: Any = None,
    still: Callable[[Collection[int]], Collection[int]] | None = None,
) -> Report:
    """Erase the people of `accounts` (their ids) and of `addresses`, those without an account: everything about them in
    every table, all or nothing, in one transaction; doing it twice is doing it once.

    Coming seats go back by the rules, with what follows for others; past ones leave figures that name nobody. What an
    address alone tells is erased only where it is no other account's. Who is under a legal hold stays, and the report
    says until when. Raises ValidationError, with a sentence, for whoever cannot be done without (the last owner of an
    institution, the last account with full rights); in the run of retention they stay, and the report says so.

    `still` says which of the accounts are meant, once nobody can do anything with them any more: whoever has signed in
    meanwhile stays.
    """
    asked = People(set(accounts), set(map(normalise_email, addresses)) - {""}, why, at, actor, still)
    while True:
        try:
            return _erase(asked)
        except _NoLongerMeant as moved:
            asked = replace(asked, accounts=asked.accounts - moved.accounts)


class _NoLongerMeant(Exception):
    """Some of the accounts are not meant any more: nothing was done."""

    def __init__(self, accounts: set[int]) -> None:
        super().__init__(accounts)
        self.accounts = accounts


class _Undone(Exception):
    pass


def foresee(accounts: Collection[int], *, why: Why, at: datetime, actor: Any = None) -> Report:
    """What `erase` would do and report, tried and undone. Raises ValidationError as it does."""
    found: list[Report] = []
    try:
        with transaction.atomic():
            found.append(_erase(People(set(accounts), set(), why, at, actor), is_tried=True))
            raise _Undone
    except _Undone:
        return found[0]


@again_after_deadlock
def _erase(asked: People, *, act: str = "", is_tried: bool = False) -> Report:
    with transaction.atomic():
        people = _gather(asked, is_again=bool(act))
        _run(Stage.LOCK, people)
        if not act and (refused := _refused(people)):
            kept = people.report.kept
            people = _gather(replace(asked, accounts=people.accounts - refused.keys()))
            people.report.kept = [*kept, *(Kept(sentence) for sentence in refused.values())]
        if not (people.accounts or people.addresses or act):
            return people.report
        _run(Stage.END, people)
        if people.still and (moved := people.accounts - set(people.still(people.accounts))):
            raise _NoLongerMeant(moved)
        people.keys = {
            kind.model: kind.keys(people.accounts, people.addresses) for kind in declared() if _is_looked_for(kind)
        }
        _run(Stage.CLEAN, people)
        roles = _roles_of(people)
        _act_on_rows(people)
        _act_on_histories(people)
        _keep_roles_alone(people, roles)
        report = people.report.finish()
        if report.number:
            # Whoever erased themselves is gone: their number stays, which is nobody's.
            audit_log.record("erased", get_user_model(), actor=people.actor, rows=report.number, why=people.why.value)
        if report.number:
            report.people = len(people.keys[get_user_model()]) or len(people.addresses)
        # Last: whatever fails before it leaves no line that would erase somebody after a restore.
        if (act or report.number) and not is_tried:
            hashes = erasure_log.hashes_of(people.accounts, people.addresses)
            erasure_log.note(hashes, why=people.why.value, at=people.at, act=act)
            log.info("%d people erased (%s): %d rows.", report.people, people.why.value, report.number)
            if people.why != Why.RETENTION:  # of people who are that old, no preview is a day young
                transaction.on_commit(forget_staged, robust=True)
        transaction.on_commit(empty_the_journal, robust=True)
    return report


def _gather(asked: People, *, is_again: bool = False) -> People:
    """Those of `asked` who can go, with all the names and addresses that they have. Who is erased again after a restore
    was under no hold then: one that the backup brings back was lifted since."""
    people = People(set(asked.accounts), set(asked.addresses), asked.why, asked.at, asked.actor, asked.still)
    if not is_again:
        _keep_the_held(people)
    _run(Stage.WIDEN, people)
    _run(Stage.LEAVE, people)
    if not is_again:
        _keep_the_held(people)
    return people


def empty_the_journal() -> None:
    """SQLite keeps the pages as they were in its journal until others take their place. While somebody reads an older
    state it cannot be emptied: nobody waits for that, since whoever writes would have to wait as well; the hourly run
    does it."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        patience = int(cursor.fetchone()[0])
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            with suppress(OperationalError):
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")


def _run(stage: Stage, people: People) -> None:
    for act in reversed(_steps[stage]) if stage == Stage.WIDEN else _steps[stage]:
        act(people)


def _keep_the_held(people: People) -> None:
    """Leave out whom a legal hold names."""
    for found in legal_holds.naming(people.addresses, people.accounts, people.at):
        people.report.kept.append(Kept(found.hold.reason, found.hold.until.isoformat()))
        people.accounts -= found.accounts
        people.addresses -= found.addresses


def _refused(people: People) -> dict[int, str]:
    """Who stays in a run of retention, and why; raises ValidationError in any other."""
    why = {account: str(said) for act in _steps[Stage.REFUSE] for account, said in act(people).items()}
    if why and people.why != Why.RETENTION:
        raise ValidationError(list(dict.fromkeys(why.values())), code="needed")
    return why


def _is_looked_for(kind: PersonalData) -> bool:
    return kind.is_deleted or kind.erasure == Erasure.BLANKED


# --- Rows -------------------------------------------------------------------------------------------------------------


def _act_on_rows(people: People) -> None:
    """Delete, blank and unlink the rows, those of the apps on top first: nothing that is deleted is referred to."""
    for kind in declared():
        _unlink(kind, kind.model, people)
        if kind.is_deleted:
            remove(kind.model, people.keys[kind.model], people.report)
        elif kind.erasure == Erasure.BLANKED:
            emptied = {name: _empty(kind.model, name) for name in kind.blanked if name not in kind.links}
            for keys in _some(people.keys[kind.model]) if emptied else ():
                number = kind.model._base_manager.filter(pk__in=keys).update(**emptied)
                people.report.count(kind.model, Erasure.BLANKED, number)


def _unlink(kind: PersonalData, model: type[Model], people: People) -> None:
    for name in kind.links if people.accounts else ():
        mine = model._base_manager.filter(**{f"{name}__in": people.accounts})
        is_history = model is not kind.model
        people.report.count(kind.model, Erasure.UNLINKED, mine.update(**{name: None}), is_history=is_history)


def _empty(model: type[Model], name: str) -> Any:
    kept = model._meta.get_field(name)
    if isinstance(kept, JSONField):
        return kept.get_default()
    return None if getattr(kept, "null", False) else ""


def remove(model: type[Model], keys: Collection[Any], report: Report) -> None:
    """Delete rows with what hangs on them, without a signal: no history is written of what is erased."""
    if not keys:
        return
    using = model._base_manager.db
    for some in _some(keys):
        for relation in model._meta.get_fields(include_hidden=True):
            key = getattr(relation, "field", None)
            if relation.concrete or not isinstance(key, ForeignKey) or key.name == "history_user":
                continue
            referring = relation.related_model._base_manager.filter(**{f"{key.attname}__in": some})  # type: ignore[union-attr]
            if key.remote_field.on_delete is CASCADE:
                remove(relation.related_model, list(referring.values_list("pk", flat=True)), report)  # type: ignore[arg-type]
            elif key.remote_field.on_delete is SET_NULL:
                number = referring.update(**{key.name: None})
                report.count(relation.related_model, Erasure.UNLINKED, number)  # type: ignore[arg-type]
        number = model._base_manager.filter(pk__in=some)._raw_delete(using)
        report.count(model, Erasure.DELETED, number)


def _some(keys: Collection[Any]) -> Iterator[list[Any]]:
    ordered = sorted(keys, key=str)
    return (ordered[first : first + AT_ONCE] for first in range(0, len(ordered), AT_ONCE))


# --- Histories, last: a row that is deleted after them would write them again -----------------------------------------


def _act_on_histories(people: People) -> None:
    """Delete what the histories say about the rows, those included that were deleted long ago; of a row that is
    somebody else's by now, the lines about them alone."""
    known: dict[type[Model], set[Any]] = {}
    for kind in reversed(declared()):  # accounts first: what refers to them is found by them
        keys = set(people.keys.get(kind.model, ()))
        if kind.history is not None:
            _unlink(kind, kind.history, people)
            if kind.is_deleted:
                lines = _lines_naming(kind, kind.history, known, people)
                earlier = set(lines.values()) - keys
                others = _still_there(kind.model, earlier)
                keys |= earlier - others
                remove_history(kind.model, keys, people.report)
                _remove_lines(kind, [line for line, key in lines.items() if key in others], people.report)
        known[kind.model] = keys


def _lines_naming(
    kind: PersonalData, history: type[Model], known: dict[type[Model], set[Any]], people: People
) -> dict[int, Any]:
    """The lines of the history that name one of the people, with the keys of their rows."""
    pk = kind.model._meta.pk.attname
    found: dict[int, Any] = {}

    def look(lookup: str, values: Collection[Any]) -> None:
        for some in _some(values):
            lines = history._base_manager.order_by().filter(**{f"{lookup}__in": some})
            found.update(lines.values_list("history_id", pk))

    for lookup in kind.accounts:
        first, *rest = lookup.split("__")
        if lookup == "pk":
            look(pk, people.accounts)
            continue
        link = kind.model._meta.get_field(first)
        look(link.attname, known.get(link.related_model, set()) if rest else people.accounts)  # type: ignore[union-attr, arg-type]
    for lookup in kind.addresses:
        look(lookup, people.addresses)
    return found


def _still_there(model: type[Model], keys: Collection[Any]) -> set[Any]:
    return {key for some in _some(keys) for key in model._base_manager.filter(pk__in=some).values_list("pk", flat=True)}


def _remove_lines(kind: PersonalData, lines: Collection[int], report: Report) -> None:
    for some in _some(lines):
        rows = kind.history._base_manager.filter(history_id__in=some)  # type: ignore[union-attr]
        report.count(kind.model, Erasure.DELETED, rows._raw_delete(rows.db), is_history=True)


def remove_history(model: type[Model], keys: Collection[Any], report: Report) -> None:
    """Delete all lines of the history of the rows of `model` that have, or had, these keys."""
    history = model.history.model  # type: ignore[attr-defined]
    pk = model._meta.pk.attname
    for some in _some(keys):
        number = history._base_manager.filter(**{f"{pk}__in": some})._raw_delete(history._base_manager.db)
        report.count(model, Erasure.DELETED, number, is_history=True)


def _roles_of(people: People) -> dict[str, set[int]]:
    """The accounts by the role that the history keeps of each."""
    rest, found = set(people.accounts), {}
    for name, accounts_of in _roles:
        found[name] = rest & set(accounts_of(rest))
        rest -= found[name]
    return found


def _keep_roles_alone(people: People, roles: dict[str, set[int]]) -> None:
    """Of what the people did to what is not theirs, the history keeps in which role, instead of who."""
    if not people.accounts:
        return
    whens = [When(history_user__in=accounts, then=Value(name)) for name, accounts in roles.items() if accounts]
    said: Any = Value("erased-person")
    if whens:
        said = Case(*whens, default=said, output_field=CharField())
    given = ~Q(history_change_reason=None) & ~Q(history_change_reason="")
    # What programs give as the reason stays: who undoes a list finds its lines by it.
    reason = Case(When(given, then="history_change_reason"), default=said, output_field=CharField())
    for model in _acted_on(people.accounts):
        lines = model._base_manager.filter(history_user__in=people.accounts)
        number = lines.update(history_change_reason=reason, history_user=None)
        people.report.count(model.instance_type, Erasure.UNLINKED, number, is_history=True)  # type: ignore[attr-defined]


def _acted_on(accounts: Collection[int]) -> list[type[Model]]:
    """The histories in which one of `accounts` is who did something; one statement, since it is rarely any."""
    histories = [model for model in apps.get_models() if hasattr(model, "history_user")]
    ids = ", ".join(str(int(account)) for account in accounts)
    quote = connection.ops.quote_name
    tables = [quote(model._meta.db_table) for model in histories]
    exists = [f"EXISTS (SELECT 1 FROM {table} WHERE history_user_id IN ({ids}))" for table in tables]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(exists)}")  # numbers and our own names alone
        row = cursor.fetchone()
    return [model for model, is_there in zip(histories, row, strict=True) if is_there]


# --- After a restore --------------------------------------------------------------------------------------------------


def replay() -> int:
    """Erase again whom this database, restored from a backup, has brought back; return how many acts were done again.

    Cheap when there is nothing to do: it compares the acts of the file with those that the database knows. Nobody is
    asked again whether they can be done without.
    """
    acts = erasure_log.missing()
    if not acts:
        return 0
    for again in _after_restore:
        again({said for act in acts for said in act.hashes}, max(act.at for act in acts))
    accounts, addresses = _known_by({said for act in acts for said in act.hashes})
    for act in acts:
        mine = {accounts[said] for said in act.hashes if said in accounts}
        written = {addresses[said] for said in act.hashes if said in addresses}
        try:
            _erase(People(mine, written, Why(act.why), act.at), act=act.act)
        except IntegrityError:
            if not ErasureAct.objects.filter(pk=act.act).exists():  # else another process has just done it
                raise
    log.warning("%d acts of erasure were done again: this database did not know them.", len(acts))
    return len(acts)


def _known_by(hashes: set[str]) -> tuple[dict[str, int], dict[str, str]]:
    """The accounts, and the addresses, of this database whose hashes are among `hashes`."""
    accounts: dict[str, int] = {}
    addresses: dict[str, str] = {}
    for kind in declared():
        for lookup in kind.addresses:
            rows = kind.model._base_manager.order_by().values_list("pk", lookup).iterator(chunk_size=AT_ONCE)
            for pk, address in rows:
                if not address or (said := erasure_log.address_hash(address)) not in hashes:
                    continue
                addresses[said] = address
                if "pk" in kind.accounts and (number := erasure_log.account_hash(pk)) in hashes:
                    accounts[number] = pk
    return accounts, addresses


def dumped(report: Report) -> str:
    return json.dumps(report.as_data(), indent=2, ensure_ascii=False)
