"""What became of an object and of the rows in its tables, in the organisers' words (docs/rules.md#organisers)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.contrib.admin.utils import display_for_value
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db.models import ForeignKey, Model, OuterRef, QuerySet, Subquery, Value
from django.forms.models import _get_foreign_key
from django.http import HttpRequest
from django.template.defaultfilters import yesno
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst
from django.utils.translation import pgettext_lazy
from simple_history.template_utils import HistoricalRecordContextHelper

from core import audit_log, retention
from core.admin.bilingual import label_of
from core.erasure import ROLES
from core.models import AuditLogEntry

WHAT = {
    "+": pgettext_lazy("history", "Added"),
    "~": pgettext_lazy("history", "Changed"),
    "-": pgettext_lazy("history", "Deleted"),
}
# What the programs that write a line give as its reason; "upload" with the code of the list.
REASONS = {
    "load_summit": pgettext_lazy("history", "from the programme files"),
    "released": pgettext_lazy("history", "release of reserved seats"),
    "edited": pgettext_lazy("history", "corrected in the portal"),
    "exported:": pgettext_lazy("history", "data downloaded on their behalf"),
    "corrected": pgettext_lazy("history", "corrected by the person"),
    "upload": pgettext_lazy("history", "by an uploaded list"),
}
Key = tuple[type[Model], Any]


@dataclass(frozen=True)
class Line:
    """Who did what, when; `about`: the row of which table, where it was not the object itself; `facts`: what an
    entry of the audit log says beside that."""

    when: datetime
    who: Any
    what: Any
    reason: Any
    about: str
    changes: list[dict[str, Any]] = field(default_factory=list)
    role: Any = ""
    request: str = ""
    link: str = ""
    facts: list[tuple[Any, str]] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        """What changed, and what an entry says, each as a line of text."""
        changes = [f"{change['field']}: {change['old']} → {change['new']}" for change in self.changes]
        return [*changes, *(f"{name}: {value}" for name, value in self.facts)]


class _Words(HistoricalRecordContextHelper):
    """A change in words: the label of a choice, the name behind a key, the time on our clocks, a dash for nothing; not
    what is stored."""

    def __init__(self, record: Any, names: dict[Key, str], labels: dict[str, Any]) -> None:
        super().__init__(record.instance_type, record)
        self.names, self.labels = names, labels

    def format_delta_change(self, change: Any) -> Any:
        said = super().format_delta_change(change)
        return replace(said, field=capfirst(label_of(self.model._meta.get_field(change.field))))

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        kept = self.model._meta.get_field(change.field)
        labels = dict(kept.flatchoices) or self.labels.get(change.field, {})
        if isinstance(value, list):
            return ", ".join(str(labels.get(one, one)) for one in value) or "–"
        if isinstance(kept, ForeignKey):
            return self.names.get((kept.related_model, value), "–")
        if isinstance(value, bool):
            return yesno(value)
        value = labels.get(value, value)
        return "–" if value == "" else display_for_value(value, "–")


def sources(admin: Any, request: HttpRequest, obj: Model) -> list[tuple[Any, QuerySet[Any]]]:
    """The admin or table, and the history of its rows that belong to `obj`, of all that the reader may see; and, for
    who may read it, what the audit log says of `obj`."""
    found = [(admin, type(obj).history.filter(**{obj._meta.pk.attname: obj.pk}))]  # type: ignore[attr-defined]
    for table in dict.fromkeys([*admin.inlines, *admin.get_inlines(request, obj)]):
        inline = table(admin.model, admin.admin_site)
        if hasattr(inline.model, "history") and inline.has_view_or_change_permission(request, obj):
            key = _get_foreign_key(admin.model, inline.model, fk_name=inline.fk_name)
            found.append((inline, inline.model.history.filter(**{key.attname: obj.pk})))
    if request.user.has_perm("core.view_auditlogentry"):
        found.append((admin, AuditLogEntry.objects.filter(model=obj._meta.label_lower, key=str(obj.pk))))
    return found


def moment_and_key(model: type[Model]) -> tuple[str, str]:
    """The fields by which the rows of a history, or of the audit log, are ordered."""
    if hasattr(model, "history_date"):
        return "history_date", "history_id"
    return next((other.at for other in audit_log.others() if other.model is model), "at"), "id"


def in_order(found: list[tuple[Any, QuerySet[Any]]]) -> QuerySet[Any]:
    """When, the key and the place in `found` of each line, the last first."""
    rows = [
        history.order_by().annotate(table=Value(place)).values_list(*moment_and_key(history.model), "table")
        for place, (_admin, history) in enumerate(found)
    ]
    return rows[0].union(*rows[1:], all=True).order_by("-history_date", "-history_id")


def lines(
    found: list[tuple[Any, QuerySet[Any]]], page: Iterable[Any], request: HttpRequest, *, each_named: bool = False
) -> list[Line]:
    """The lines of one page of `in_order(found)`, at the same number of queries however many they are. `each_named`:
    the first of `found` says what it is about, too."""
    keys = list(page)
    wanted: dict[int, list[int]] = defaultdict(list)
    for _when, key, place in keys:
        wanted[place].append(key)
    said: dict[tuple[int, int], Line] = {}
    of_histories = {place: some for place, some in wanted.items() if hasattr(found[place][1].model, "history_date")}
    said |= _lines_of_histories(found, of_histories, request, named_from=0 if each_named else 1)
    said |= _lines_of_entries(
        found, {place: some for place, some in wanted.items() if place not in of_histories}, request
    )
    return [said[place, key] for _when, key, place in keys]


def _lines_of_histories(
    found: list[tuple[Any, QuerySet[Any]]], wanted: dict[int, list[int]], request: HttpRequest, *, named_from: int
) -> dict[tuple[int, int], Line]:
    chosen = [
        (place, now, before) for place, some in wanted.items() for now, before in _with_previous(found[place][1], some)
    ]
    deltas = [now.diff_against(before) if before else None for _place, now, before in chosen]
    pointed = {
        (kept.related_model, value)
        for (_place, now, _before), delta in zip(chosen, deltas, strict=True)
        for change in (delta.changes if delta else ())
        if isinstance(kept := now.instance_type._meta.get_field(change.field), ForeignKey)
        for value in (change.old, change.new)
        if value is not None
    }
    site = found[0][0].admin_site
    names = {key: name_of(thing) for key, thing in _objects(pointed, site).items()}
    rows = iter(revived([now for place, now, _before in chosen if place >= named_from], site))
    said = {}
    for (place, now, _before), delta in zip(chosen, deltas, strict=True):
        admin = found[place][0]
        labels = {
            name: dict(box.choices) for name, box in admin.form.declared_fields.items() if hasattr(box, "choices")
        }
        changes = _Words(now, names, labels).context_for_delta_changes(_shown(delta, admin, request)) if delta else []
        row = next(rows) if place >= named_from else None
        reason = now.history_change_reason or ""
        said[place, now.pk] = Line(
            now.history_date,
            who_did(now),
            WHAT[now.history_type],
            "" if reason in ROLES else _in_words(reason),
            f"{capfirst(admin.opts.verbose_name)} – {name_of(row)}" if row else "",
            changes,
            audit_log.ROLES.get(now.history_role, "") if now.history_role else "",
            now.history_request,
            link_to(row, site, request) if row else "",
        )
    return said


def _lines_of_entries(
    found: list[tuple[Any, QuerySet[Any]]], wanted: dict[int, list[int]], request: HttpRequest
) -> dict[tuple[int, int], Line]:
    """Those of the audit log, and of the tables that are read with it. What is not there any more has its kind and its
    number for a name: nothing fails for what was taken out of the code or of the database."""
    entries: dict[tuple[int, int], audit_log.Said] = {}
    for place, some in wanted.items():
        entries |= {(place, said.pk): said for said in audit_log.said(found[place][1].filter(pk__in=some))}
    site = found[0][0].admin_site
    keys = {
        (model, key) for said in entries.values() if (model := said.model_class) and (key := said.number) is not None
    }
    things = _objects(keys, site)
    users = get_user_model()._base_manager.in_bulk({said.actor for said in entries.values() if said.actor} or [])
    lines = {}
    for at, said in entries.items():
        thing = things.get((said.model_class, said.number)) if said.model_class else None
        kind = str(capfirst(said.model_class._meta.verbose_name)) if said.model_class else said.model
        name = name_of(thing) if thing else said.key
        role = audit_log.ROLES.get(said.role, said.role)
        lines[at] = Line(
            said.at,
            users.get(said.actor) or (role if said.role else None),
            audit_log.ACTS.get(said.act) or capfirst(said.words or said.act),
            "",
            " – ".join(filter(None, [kind, name])),
            role=role if said.role and said.actor in users else "",
            request=said.request,
            link=link_to(thing, site, request) if thing else "",
            facts=[(audit_log.FACTS.get(name, name), _fact(value, said)) for name, value in _in_order(said.facts)],
        )
    return lines


def _in_order(facts: dict[str, Any]) -> list[tuple[str, Any]]:
    """As core/audit_log.py lists them: a database keeps them in an order of its own."""
    known = [*audit_log.FACTS, *facts]
    return sorted(facts.items(), key=lambda pair: known.index(pair[0]))


def _fact(value: Any, said: "audit_log.Said") -> str:
    if not isinstance(value, list):
        return str(audit_log.VALUES.get(value) or retention.label_of(str(value)))
    return ", ".join(_field(str(one), said.model_class) for one in value)


def _field(name: str, model: type[Model] | None) -> str:
    try:
        return str(label_of(model._meta.get_field(name))) if model else name
    except FieldDoesNotExist:
        return name


def link_to(row: Model, site: Any, request: HttpRequest) -> str:
    """The history of a row, or its page, for who may see it."""
    admin = site._registry.get(type(row))
    if admin is None or row.pk is None or not admin.has_view_permission(request):
        return ""
    try:
        page = "history" if hasattr(row, "history") else "change"
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])
    except NoReverseMatch:
        return ""


def who_did(record: Any) -> Any:
    """Who wrote a line, or in which role, when they were erased since; nobody for the system."""
    return record.history_user or ROLES.get(record.history_change_reason or "")


def _in_words(reason: str) -> str:
    """What a program gave as its reason; what somebody wrote themselves stands behind a colon."""
    word, _space, rest = reason.partition(" ")
    if word not in REASONS:
        return reason
    return f"{REASONS[word]} – {rest}" if word.endswith(":") else str(REASONS[word])


def deleted(history: Any) -> QuerySet[Any]:
    """The last line of each row that is gone, the latest first."""
    return history.filter(history_type="-").select_related("history_user").order_by("-history_date", "-history_id")


def revived(records: list[Any], site: Any) -> Iterator[Model]:
    """The rows as the `records` keep them, with what they point at, so that they can say their names.

    The library's own way asks the database once for each row, and again for each key.
    """
    keys = {
        (kept.related_model, getattr(record, kept.attname))
        for record in records
        for kept in _keys_of(record.instance_type)
        if getattr(record, kept.attname, None) is not None
    }
    there = _objects(keys, site) if keys else {}
    for record in records:
        kept_names = [kept.attname for kept in record.tracked_fields]
        row = record.instance_type(**{name: getattr(record, name) for name in kept_names})
        for kept in _keys_of(record.instance_type):
            if thing := there.get((kept.related_model, getattr(row, kept.attname))):
                setattr(row, kept.name, thing)
        yield row


def name_of(row: Any) -> str:
    try:
        return str(row)
    except ObjectDoesNotExist:  # it is called after something of which no trace is left
        return f"{capfirst(row._meta.verbose_name)} {row.pk}"


def _with_previous(history: QuerySet[Any], wanted: list[int]) -> list[tuple[Any, Any]]:
    model = history.model
    pk = model.instance_type._meta.pk.attname
    earlier = model.objects.filter(**{pk: OuterRef(pk)}, history_id__lt=OuterRef("history_id")).order_by("-history_id")
    previous = Subquery(earlier.values("history_id")[:1])
    records = list(history.filter(pk__in=wanted).select_related("history_user").annotate(previous=previous))
    before = model.objects.in_bulk([record.previous for record in records if record.history_type == "~"])
    return [(record, before.get(record.previous) if record.history_type == "~" else None) for record in records]


def _objects(keys: set[Key], site: Any) -> dict[Key, Model]:
    """What the keys point at; what has been deleted, as the history knew it last."""
    by_model = defaultdict(set)
    for model, key in keys:
        by_model[model].add(key)
    there: dict[Key, Model] = {}
    for model, wanted in by_model.items():
        admin = site._registry.get(model)
        related = (admin.list_select_related or []) if admin else []
        rows = model._base_manager.filter(pk__in=wanted).select_related(*related)
        there |= {(model, row.pk): row for row in rows}
        gone = {key for key in wanted if (model, key) not in there}
        if gone and hasattr(model, "history"):
            last = list(deleted(model.history).filter(**{f"{model._meta.pk.attname}__in": gone}))
            there |= {(model, row.pk): row for row in revived(last, site)}
    return there


def _keys_of(model: type[Model]) -> list[Any]:
    return [kept for kept in model._meta.concrete_fields if isinstance(kept, ForeignKey)]


def _shown(delta: Any, admin: Any, request: HttpRequest) -> Any:
    """Without what is secret, and without the column that only repeats one of its two languages."""
    secret = admin.get_secret_fields(request) if hasattr(admin, "get_secret_fields") else ()
    names = {kept.name for kept in admin.model._meta.concrete_fields}
    delta.changes[:] = [one for one in delta.changes if one.field not in secret and f"{one.field}_fr" not in names]
    return delta
