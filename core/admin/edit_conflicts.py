"""Two organisers at one form: nobody overwrites what they have not seen (docs/rules.md#organisers).

A form carries the version that it was drawn from: the last line of the history of its object, and of the rows below it.
When it comes back and somebody has saved something else meanwhile, the three versions are laid side by side: then, now,
and mine.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.db.models import Max, Model
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from core.admin.history import who_did
from core.text import whole_number, whole_numbers

FIELD = "_version"
Raw = dict[str, list[str]]


@dataclass(frozen=True)
class Difference:
    """A field that somebody else has written since the form was drawn. `mine` is empty where the reader had left it
    alone."""

    label: str
    before: str
    now: str
    mine: str
    who: str


@dataclass(frozen=True)
class Conflict:
    """What stands against saving, and the form with both sides in it: theirs where the reader changed nothing, else the
    reader's."""

    differences: list[Difference]
    merged: QueryDict

    def sentence(self) -> str:
        who = ", ".join(dict.fromkeys(difference.who for difference in self.differences))
        return _("Nothing has been saved yet: %(who)s saved changes while you had this form open.") % {"who": who}


@dataclass(frozen=True)
class Part:
    """One object in the form: its form's class and prefix, and the object as it was drawn and as it is now (None:
    deleted).

    `unrecorded`: the fields that its history leaves out, for the sake of privacy. Who wrote them last cannot be told.
    """

    form: type[forms.ModelForm]
    prefix: str | None
    before: Model
    now: Model | None
    who: str
    unrecorded: Collection[str]
    name: str = ""


def version(admin: ModelAdmin, request: HttpRequest, obj: Model) -> str:
    """The last history line of `obj`, then of the rows of each inline that may be edited here."""
    own = obj.history.aggregate(n=Max("history_id"))["n"]  # type: ignore[attr-defined]
    return "-".join(
        str(n or 0) for n in (own, *(_last_line(formset, obj) for formset, _prefix in _formsets(admin, request, obj)))
    )


def conflict(admin: ModelAdmin, request: HttpRequest, obj: Model) -> Conflict | None:
    """What others saved to `obj` that the posted form would undo, or None. `obj` must be locked."""
    posted, drawn = request.POST, request.POST.get(FIELD, "")
    if drawn == version(admin, request, obj):
        return None
    differences: list[Difference] = []
    merged = posted.copy()
    for part in _parts(admin, request, obj, drawn):
        differences += _compare(part, posted, merged)
    return Conflict(differences, merged) if differences else None


def _parts(admin: ModelAdmin, request: HttpRequest, obj: Any, drawn: str) -> Iterator[Part]:
    own, *below = (whole_number(n) or 0 for n in drawn.split("-"))
    if before := obj.history.filter(history_id=own).first():
        unrecorded = before._history_excluded_fields
        yield Part(
            admin.get_form(request, obj, change=True), None, before.instance, obj, _who(obj.history, own), unrecorded
        )
    for (formset, prefix), line in zip(_formsets(admin, request, obj), below, strict=False):
        history = formset.model.history
        forms_sent = whole_number(request.POST.get(f"{prefix}-INITIAL_FORMS", "")) or 0
        for n in range(min(forms_sent, 1000)):
            pk = request.POST.get(f"{prefix}-{n}-{formset.model._meta.pk.name}", "")
            rows = history.filter(**{formset.fk.attname: obj.pk, "id": whole_number(pk) or 0})
            if before := rows.filter(history_id__lte=line).order_by("-history_id").first():
                now = formset.model._base_manager.filter(pk=before.id).first()
                row = (
                    f"{prefix}-{n}",
                    before.instance,
                    now,
                    _who(rows, line),
                    before._history_excluded_fields,
                    str(now or before.instance),
                )
                yield Part(formset.form, *row)


def _compare(part: Part, posted: QueryDict, merged: QueryDict) -> Iterator[Difference]:
    """The fields that differ, while `merged` takes theirs where the reader changed nothing."""
    if part.now is None:
        yield Difference(part.name, part.name, _("deleted"), "", part.who)
        return
    before, now = (part.form(instance=instance, prefix=part.prefix) for instance in (part.before, part.now))
    mine = set(part.form(posted, instance=part.before, prefix=part.prefix).changed_data)
    for name in part.form(posted, instance=part.now, prefix=part.prefix).changed_data:
        then, today = _raw(before, name), _raw(now, name)
        is_kept = name not in part.unrecorded
        if then == today and is_kept:
            continue
        language = now.fields[name].widget.attrs.get("lang")
        label = " – ".join(filter(None, [part.name, str(now[name].label)])) + (f" ({language})" if language else "")
        typed = _shown(now, name, {key: posted.getlist(key) for key in today}) if name in mine else ""
        yield Difference(label, _shown(now, name, then) if is_kept else "–", _shown(now, name, today), typed, part.who)
        for key, values in today.items() if name not in mine else ():
            merged.setlist(key, values)
            if not values:
                del merged[key]


def _raw(form: forms.ModelForm, name: str) -> Raw:
    """What a browser would send for the field as an unbound `form` shows it."""
    bound = form[name]
    widget: Any = getattr(bound.field.widget, "widget", bound.field.widget)  # the admin wraps some
    value = bound.value()
    if hasattr(widget, "decompress"):
        parts = zip(widget.widgets_names, widget.widgets, widget.decompress(value), strict=True)
        return {bound.html_name + suffix: [str(one.format_value(part) or "")] for suffix, one, part in parts}
    if isinstance(widget, forms.CheckboxInput):
        return {bound.html_name: ["on"] if widget.check_test(value) else []}
    value = widget.format_value(value)
    return {
        bound.html_name: [str(one) for one in value]
        if isinstance(value, list | tuple)
        else ["" if value is None else str(value)]
    }


def _shown(form: forms.ModelForm, name: str, raw: Raw) -> str:
    field: Any = form.fields[name]
    values = [value for values in raw.values() for value in values if value]
    if isinstance(field, forms.BooleanField):
        return _("yes") if values else _("no")
    if hasattr(field, "queryset"):
        found = field.queryset.filter(pk__in=whole_numbers(values))
        values = [field.label_from_instance(one) for one in found]
    elif hasattr(field, "choices"):
        labels = {str(key): str(label) for key, label in field.choices}
        values = [labels.get(value, value) for value in values]
    return " ".join(values) or "–"


def _formsets(admin: ModelAdmin, request: HttpRequest, obj: Model) -> list[tuple[Any, str]]:
    """The inlines that may be edited and have a history, with the prefixes that Django gives them."""
    found, prefixes = [], dict[str, int]()
    for formset, inline in admin.get_formsets_with_inlines(request, obj):
        prefix = formset.get_default_prefix()
        prefixes[prefix] = prefixes.get(prefix, 0) + 1
        if inline.has_change_permission(request, obj) and hasattr(formset.model, "history"):
            found.append((formset, prefix if prefixes[prefix] == 1 else f"{prefix}-{prefixes[prefix]}"))
    return found


def _last_line(formset: Any, obj: Model) -> int | None:
    return formset.model.history.filter(**{formset.fk.attname: obj.pk}).aggregate(n=Max("history_id"))["n"]


def _who(history: Any, since: int) -> str:
    last = history.filter(history_id__gt=since).select_related("history_user").order_by("-history_id").first()
    return str((last and who_did(last)) or _("the system"))
