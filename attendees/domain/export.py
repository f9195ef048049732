"""Everything that is held about somebody, as files: JSON for programs, CSV for people (GDPR, articles 15 and 20)."""

import csv
import io
import json
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Field, ForeignKey, Model, Q, QuerySet
from django.utils.encoding import force_str
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.domain import access_needs
from accounts.models import AccessNeeds, AccessNeedsReading, User
from attendees.domain import holdings
from core.personal_data import PersonalData, declared
from core.sheets.cells import as_cell
from core.sheets.formats import escape
from notices.models import Reconfirmation
from outbox.domain.mail_kinds import is_key
from outbox.models import Message

# What the names of rows need besides.
NAMED_WITH: dict[type[Model], tuple[str, ...]] = {
    Reconfirmation: ("registration__attendee", "registration__session"),
}
EXPORTED = "exported: "
ADDED, CHANGED, DELETED = "+", "~", "-"


@dataclass
class Section:
    """The rows of one model, and what became of them; `labels` are the names of their fields for people."""

    key: str
    title: str
    labels: dict[str, str]
    rows: list[dict[str, Any]]
    history: list[dict[str, Any]] = field(default_factory=list)


def sections(user: User, *, for_others: bool, without: Collection[type[Model]] = ()) -> list[Section]:
    """What is held about `user`, model by model, at the same number of queries for everybody.

    `for_others`: whoever gets the files is not the person; mails that open something lack their text. `without`: models
    that whoever gets them may not see.
    """
    found = []
    for kind in declared():
        if not holdings.can_be_found(kind) or kind.model in without:
            continue
        fields: dict[str, Any] = {name: kind.model._meta.get_field(name) for name in kind.exported}
        rows = list(_with_names(holdings.rows(kind, user, holdings.addresses(user)), kind.model, fields))
        data = [_values(row, fields) for row in rows]
        if kind.model is Message and for_others:
            for row, values in zip(rows, data, strict=True):
                if is_key(row.kind):
                    values["text"] = ""
        history = list(_history(kind, user, fields))
        if data or history:
            labels = {name: capfirst(force_str(one.verbose_name)) for name, one in fields.items()}
            title = force_str(kind.model._meta.verbose_name_plural)
            found.append(Section(kind.model._meta.label_lower, title, labels, data, history))
    return found


def _with_names(rows: QuerySet[Any], model: type[Model], fields: dict[str, Any]) -> QuerySet[Any]:
    keys = [name for name, one in fields.items() if isinstance(one, ForeignKey)]
    related = [*keys, *NAMED_WITH.get(model, ())]
    return rows.order_by("pk").select_related(*related) if related else rows.order_by("pk")


def _values(row: Any, fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(row, name, one) for name, one in fields.items()}


def _value(row: Any, name: str, one: Field) -> Any:
    if isinstance(row, AccessNeeds) and name == "token":
        try:
            return access_needs.text_of(row)
        except access_needs.Unreadable:
            return ""
    value = getattr(row, name)
    if isinstance(one, ForeignKey):
        return None if value is None else str(value)
    return value


def _history(kind: PersonalData, user: User, fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What became of the rows of one kind, the deleted ones too, the oldest line first: who else did it is not said."""
    history = getattr(kind.model, "history", None)
    if history is None:
        return
    own = kind.model._meta.pk.attname
    about = Q(pk=None)
    for lookup in kind.accounts:
        about |= Q(**{own if lookup == "pk" else lookup: user.pk})
    for lookup in kind.addresses:
        about |= Q(**{f"{lookup}__in": holdings.addresses(user)})
    tracked = {one.name for one in history.model._meta.get_fields()}
    kept = {name: one for name, one in fields.items() if name in tracked}
    for line in _with_names(history.filter(about), history.model, kept).order_by("history_date", "history_id"):
        yield {
            "at": line.history_date,
            "what": {ADDED: "added", CHANGED: "changed", DELETED: "deleted"}[line.history_type],
            "by": "you" if line.history_user_id == user.pk else "others" if line.history_user_id else "site",
            **_values(line, kept),
        }


def archive(user: User, *, at: datetime, for_others: bool = False, without: Collection[type[Model]] = ()) -> bytes:
    """A ZIP file: one JSON file with everything, and a CSV file for each model and for its history."""
    found = sections(user, for_others=for_others, without=without)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as files:

        def write(name: str, text: str) -> None:
            files.writestr(zipfile.ZipInfo(name, at.timetuple()[:6]), text, zipfile.ZIP_DEFLATED)

        write("data.json", _json(user, found, at))
        for section in found:
            name = section.key.replace(".", "-")
            if section.rows:
                write(f"{name}.csv", _csv(section.labels, section.rows))
            if section.history:
                labels = {"at": _("When"), "what": _("What"), "by": _("By")} | section.labels
                write(f"{name}-history.csv", _csv(labels, section.history))
    return data.getvalue()


@transaction.atomic
def on_behalf(user: User, *, actor: User, reason: str, may_read_needs: bool, at: datetime) -> bytes:
    """The same for an organiser who hands it to the person, who cannot fetch it: that they did and why is a line of the
    history, before they have it; what somebody needs in order to come is in it for who may read that, as a reading."""
    without: tuple[type[Model], ...] = () if may_read_needs else (AccessNeeds,)
    if may_read_needs and (attendee := getattr(user, "attendee", None)) and access_needs.of(attendee):
        AccessNeedsReading.objects.create(attendee=attendee, reader=actor, read_at=at)
    user._history_user, user._change_reason = actor, f"{EXPORTED}{reason}"
    user.save(update_fields=["is_active"])  # writes nothing but the line
    return archive(user, at=at, for_others=True, without=without)


def _json(user: User, found: list[Section], at: datetime) -> str:
    whole = {
        "account": user.email,
        "made_at": at,
        "data": {section.key: {"rows": section.rows, "history": section.history} for section in found},
    }
    return json.dumps(whole, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)


def _csv(labels: dict[str, str], rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    text.write("\N{ZERO WIDTH NO-BREAK SPACE}")  # by which spreadsheets know that it is UTF-8
    writer = csv.writer(text)
    names = [name for name in labels if any(name in row for row in rows)]
    writer.writerow([labels[name] for name in names])
    for row in rows:
        writer.writerow([escape(as_cell(_flat(row.get(name)))) for name in names])
    return text.getvalue()


def _flat(value: Any) -> Any:
    if value is None:
        return ""
    return value if isinstance(value, (str, int, float, datetime)) else json.dumps(value, cls=DjangoJSONEncoder)
