"""What became of an object and of the rows in its tables, in the organisers' words (docs/rules.md#organisers)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.contrib.admin.utils import display_for_value
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import ForeignKey, Model, OuterRef, QuerySet, Subquery, Value
from django.forms.models import _get_foreign_key
from django.http import HttpRequest
from django.template.defaultfilters import yesno
from django.utils.text import capfirst
from django.utils.translation import pgettext_lazy
from simple_history.template_utils import HistoricalRecordContextHelper

from core.admin.bilingual import label_of
from core.erasure import ROLES

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
    """Who did what, when; `about`: the row of which table, where it was not the object itself."""

    when: datetime
    who: Any
    what: Any
    reason: Any
    about: str
    changes: list[dict[str, Any]] = field(default_factory=list)


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
    """The admin or table, and the history of its rows that belong to `obj`, of all that the reader may see."""
    found = [(admin, type(obj).history.filter(**{obj._meta.pk.attname: obj.pk}))]  # type: ignore[attr-defined]
    for table in dict.fromkeys([*admin.inlines, *admin.get_inlines(request, obj)]):
        inline = table(admin.model, admin.admin_site)
        if hasattr(inline.model, "history") and inline.has_view_or_change_permission(request, obj):
            key = _get_foreign_key(admin.model, inline.model, fk_name=inline.fk_name)
            found.append((inline, inline.model.history.filter(**{key.attname: obj.pk})))
    return found


def in_order(found: list[tuple[Any, QuerySet[Any]]]) -> QuerySet[Any]:
    """When, the key and the place in `found` of each line, the last first."""
    rows = [
        history.order_by().annotate(table=Value(place)).values_list("history_date", "history_id", "table")
        for place, (_admin, history) in enumerate(found)
    ]
    return rows[0].union(*rows[1:], all=True).order_by("-history_date", "-history_id")


def lines(found: list[tuple[Any, QuerySet[Any]]], page: Iterable[Any], request: HttpRequest) -> list[Line]:
    """The lines of one page of `in_order(found)`, at the same number of queries however many they are."""
    keys = list(page)
    records: dict[tuple[int, int], tuple[Any, Any]] = {}
    for place, (_admin, history) in enumerate(found):
        if wanted := [key for _when, key, at in keys if at == place]:
            records |= {(place, now.pk): (now, before) for now, before in _with_previous(history, wanted)}
    chosen = [(place, *records[place, key]) for _when, key, place in keys]
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
    rows = iter(revived([now for place, now, _before in chosen if place], site))
    said = []
    for (place, now, _before), delta in zip(chosen, deltas, strict=True):
        admin = found[place][0]
        labels = {
            name: dict(box.choices) for name, box in admin.form.declared_fields.items() if hasattr(box, "choices")
        }
        changes = _Words(now, names, labels).context_for_delta_changes(_shown(delta, admin, request)) if delta else []
        about = f"{capfirst(admin.opts.verbose_name)} – {name_of(next(rows))}" if place else ""
        what = WHAT[now.history_type]
        reason = now.history_change_reason or ""
        reason = "" if reason in ROLES else _in_words(reason)
        said.append(Line(now.history_date, who_did(now), what, reason, about, changes))
    return said


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
