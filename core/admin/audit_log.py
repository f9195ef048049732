"""Who did what, over all apps: what the histories and the audit log say, on one page (docs/rules.md#audit-log).

Each source is read by its index of moments and no further than a page goes; the database puts them in one order. So
a page costs the same for a hundred lines and for a million.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any

import tablib
from django import forms
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import EmptyResultSet, FieldDoesNotExist, PermissionDenied
from django.db import connection
from django.db.models import IntegerField, Model, Q, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import audit_log, clock
from core.admin import history
from core.admin.records import Day, ListAdmin
from core.folding import Searchable, fold
from core.models import AuditLogEntry
from core.personal_data import declared
from core.sheets.formats import CsvSheet
from core.text import whole_number

PER_PAGE = 50
EXPORTED = 5_000  # lines of a file
AT_ONCE = 500  # of them
FOUND = 20  # people, or objects of each kind, of a search
HEADERS = [_("When"), _("Who"), _("Role"), _("What"), _("About"), _("Changes"), _("Request")]
CHANGES = {"added": "+", "changed": "~", "deleted": "-"}


@dataclass(frozen=True)
class Source:
    """A history, the audit log, or a table that is read with it."""

    model: type[Model]  # of the rows
    kind: str  # of objects that its lines are about: "programme.session"; empty where each line says it
    admin: Any

    @property
    def place(self) -> str:
        return self.model._meta.label_lower

    @property
    def is_history(self) -> bool:
        return hasattr(self.model, "history_date")


def sources(site: Any) -> list[Source]:
    """All there are, in one order."""
    found = [Source(AuditLogEntry, "", _admin_of(AuditLogEntry, site))]
    for other in audit_log.others():
        about = other.model._meta.get_field(other.about).related_model
        found.append(Source(other.model, about._meta.label_lower, _admin_of(other.model, site)))
    with_history = [model for model in apps.get_models() if hasattr(model, "history")]
    found += [Source(model.history.model, model._meta.label_lower, _admin_of(model, site)) for model in with_history]
    return sorted(found, key=lambda source: source.place)


def _admin_of(model: type[Model], site: Any) -> Any:
    return site._registry.get(model) or ListAdmin(model, site)


def kinds(site: Any) -> list[tuple[str, str]]:
    """The kinds of objects that acts are about, by their names."""
    labels = {
        source.kind: capfirst(apps.get_model(source.kind)._meta.verbose_name) for source in sources(site) if source.kind
    }
    return sorted(((kind, str(label)) for kind, label in labels.items()), key=lambda pair: fold(pair[1]))


class FilterForm(forms.Form):
    """What is looked for."""

    person = forms.CharField(label=_("Person"), required=False, max_length=100, help_text=_("A name or an address"))
    kind = forms.ChoiceField(label=_("Kind of object"), required=False)
    words = forms.CharField(label=_("Object"), required=False, max_length=100, help_text=_("Its name or its number"))
    act = forms.ChoiceField(label=_("Act"), required=False)
    day = Day(label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *args: Any, site: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", "auto_id": "find_%s"} | kwargs)
        self.fields["kind"].choices = [("", _("All")), *kinds(site)]  # type: ignore[attr-defined]
        acts = sorted(audit_log.ACTS.items(), key=lambda pair: fold(str(pair[1])))
        self.fields["act"].choices = [("", _("All")), *acts]  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Asked:
    """What is looked for, as found: `accounts` of the people meant, `objects` of each kind; None for all."""

    accounts: list[int] | None = None
    addresses: list[str] = field(default_factory=list)
    kind: str = ""
    objects: dict[str, list[int]] | None = None
    act: str = ""
    day: date | None = None


def asked(said: dict[str, Any], request: HttpRequest, site: Any) -> Asked:
    """What a valid form looks for; one query for the people, one for the objects."""
    people: dict[int, str] | None = None
    if typed := said["person"]:
        people = dict(_search(get_user_model(), typed, request, site)[:FOUND].values_list("pk", "email"))
    addresses = [*(people or {}).values(), *([typed.strip().lower()] if "@" in typed else [])]
    objects = None
    if words := said["words"]:
        objects = _objects(words, said["kind"], request, site)
    return Asked(None if people is None else list(people), addresses, said["kind"], objects, said["act"], said["day"])


def _search(model: type[Model], words: str, request: HttpRequest, site: Any) -> QuerySet[Any]:
    rows: QuerySet[Any] = QuerySet(model).order_by()  # modeltranslation's own would add columns
    there = site._registry.get(model)
    if there is not None and there.get_search_fields(request):
        return there.get_search_results(request, rows, words)[0].order_by("pk")
    if issubclass(model, Searchable):
        return rows.filter(search__contains=fold(words)).order_by("pk")
    return rows.none()


def _objects(words: str, kind: str, request: HttpRequest, site: Any) -> dict[str, list[int]]:
    """The keys of the objects that are called so, or have that number, by kind."""
    wanted = [kind] if kind else [name for name, _label in kinds(site)]
    if (number := whole_number(words.strip())) is not None:
        return {name: [number] for name in wanted}
    rows = [
        _search(apps.get_model(name), words, request, site)
        .annotate(place_=Value(place, IntegerField()))
        .values_list("pk", "place_")[:FOUND]
        for place, name in enumerate(wanted)
    ]
    found: dict[str, list[int]] = {}
    for pk, place in _in_one_statement(rows):
        found.setdefault(wanted[place], []).append(pk)
    return found


# --- Which lines ------------------------------------------------------------------------------------------------------


def _matching(source: Source, what: Asked) -> list[QuerySet[Any]]:
    """The rows of a source that are meant, in one or more parts: an index serves each, and none serves them all."""
    rows = source.model._base_manager.order_by()
    if not source.is_history and source.model is not AuditLogEntry:
        rows = rows.filter(_other(source).meant)
    moment, _key = history.moment_and_key(source.model)
    if what.day:
        zone = timezone.get_current_timezone()
        begins = datetime.combine(what.day, time(), zone)
        ends = datetime.combine(what.day + timedelta(days=1), time(), zone)
        rows = rows.filter(**{f"{moment}__gte": begins, f"{moment}__lt": ends})
    for narrow in (_with_act, _about_objects):
        if (narrowed := narrow(rows, source, what)) is None:
            return []
        rows = narrowed
    if what.accounts is None:
        return [rows]
    return [rows.filter(part) for part in _of_people(source, what)]


def _with_act(rows: QuerySet[Any], source: Source, what: Asked) -> QuerySet[Any] | None:
    if not what.act:
        return rows
    if source.is_history:
        return rows.filter(history_type=CHANGES[what.act]) if what.act in CHANGES else None
    if source.model is AuditLogEntry:
        return rows.filter(act=what.act)
    other = _other(source)
    if other.says_its_act:
        return rows.filter(**{other.act: what.act})
    return rows if what.act == other.act else None


def _about_objects(rows: QuerySet[Any], source: Source, what: Asked) -> QuerySet[Any] | None:
    if source.model is AuditLogEntry:
        rows = rows.filter(model=what.kind) if what.kind else rows
        if what.objects is None:
            return rows
        about = [Q(model=kind, key__in=[str(pk) for pk in pks]) for kind, pks in what.objects.items()]
        return rows.filter(reduce(or_, about)) if about else None
    if what.kind and source.kind != what.kind:
        return None
    if what.objects is None:
        return rows
    if not (pks := what.objects.get(source.kind)):
        return None
    key = apps.get_model(source.kind)._meta.pk.attname if source.is_history else f"{_other(source).about}_id"
    return rows.filter(**{f"{key}__in": pks})


def _of_people(source: Source, what: Asked) -> Iterator[Q]:
    """What they did, and what is about them, by the registry of personal data."""
    accounts = what.accounts or []
    if source.model is AuditLogEntry:
        yield Q(actor__in=accounts)
        yield Q(model=get_user_model()._meta.label_lower, key__in=[str(pk) for pk in accounts])
        return
    if not source.is_history:
        yield Q(**{f"{_other(source).actor}__in": accounts})
    else:
        yield Q(history_user__in=accounts)
    model = apps.get_model(source.kind) if source.is_history else source.model
    for kind in declared():
        if kind.model is model:
            yield from _about_people(source, kind, accounts, what.addresses)


def _about_people(source: Source, kind: Any, accounts: list[int], addresses: list[str]) -> Iterator[Q]:
    pk = kind.model._meta.pk.attname
    for lookup in kind.accounts:
        first, *rest = lookup.split("__")
        if lookup == "pk":
            yield Q(**{f"{pk}__in": accounts})
        elif _has(source.model, first):
            link = source.model._meta.get_field(first)
            keys: Any = accounts
            if rest:
                keys = link.related_model._base_manager.filter(**{f"{'__'.join(rest)}__in": accounts}).values("pk")
            yield Q(**{f"{link.attname}__in": keys})
    for lookup in kind.addresses if addresses else ():
        if "__" not in lookup and _has(source.model, lookup):
            yield Q(**{f"{lookup}__in": addresses})


def _has(model: type[Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def _other(source: Source) -> audit_log.Other:
    return next(one for one in audit_log.others() if one.model is source.model)


# --- One order --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cursor:
    """The last line of a page: the next one begins after it."""

    at: datetime
    place: str
    key: int

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC).isoformat()}~{self.place}~{self.key}"

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """None for what is none."""
        at, _tilde, rest = text.partition("~")
        place, _tilde, key = rest.partition("~")
        try:
            moment, number = datetime.fromisoformat(at), whole_number(key)
        except ValueError:
            return None
        return cls(moment, place, number) if number is not None and moment.tzinfo and moment.year > 1 else None


def merged(found: list[Source], what: Asked, after: Cursor | None, limit: int) -> list[tuple[datetime, int, int]]:
    """When, the key and the place in `found` of the next lines, the last first; one statement."""
    rows = []
    for place, source in enumerate(found):
        moment, key = history.moment_and_key(source.model)
        for part in _matching(source, what):
            some = part
            if after:
                some = some.filter(**{f"{moment}__lte": after.at})
                if source.place < after.place:  # of one moment, these came before
                    some = some.exclude(**{moment: after.at})
                elif source.place == after.place:
                    some = some.exclude(**{moment: after.at, f"{key}__gte": after.key})
            some = some.order_by(f"-{moment}", f"-{key}").annotate(place_=Value(place, IntegerField()))
            rows.append(some.values_list(moment, key, "place_")[:limit])
    lines = {(_moment(at), key, place) for at, key, place in _in_one_statement(rows)}
    of_one_moment = sorted(lines, key=lambda line: (line[2], -line[1]))
    return sorted(of_one_moment, key=lambda line: line[0], reverse=True)[:limit]


def _in_one_statement(rows: list[QuerySet[Any]]) -> list[tuple[Any, ...]]:
    """The rows of several queries, each with its own order and limit, which Django's union() cannot have on SQLite."""
    statements: list[str] = []
    values: list[Any] = []
    for one in rows:
        try:
            sql, params = one.query.sql_with_params()
        except EmptyResultSet:
            continue
        statements.append(f"SELECT * FROM ({sql}) AS part_{len(statements)}")  # noqa: S608 - Django's own statement
        values += params
    if not statements:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(statements), values)
        return cursor.fetchall()


def _moment(at: str | datetime) -> datetime:
    """SQLite keeps moments as texts, in UTC."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- The page ---------------------------------------------------------------------------------------------------------


class AuditLogAdmin(ListAdmin):
    """Read, and never written, by whoever has the right to see the audit log."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        info = self.opts.app_label, self.opts.model_name
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.changelist_view), name="{}_{}_changelist".format(*info)),
            path("export/", wrap(self.export_view), name="{}_{}_export".format(*info)),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The lines that are looked for, the last first, a page at a time."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = FilterForm(request.GET, site=self.admin_site)
        lines: list[history.Line] = []
        older = None
        if form.is_valid():
            found, what = sources(self.admin_site), asked(form.cleaned_data, request, self.admin_site)
            keys = merged(found, what, Cursor.read(request.GET.get("before", "")), PER_PAGE + 1)
            lines = self._lines(found, keys[:PER_PAGE], request)
            if len(keys) > PER_PAGE:
                at, key, place = keys[PER_PAGE - 1]
                older = Cursor(at, found[place].place, key)
        query = request.GET.copy()
        query.pop("before", None)
        newest = query.urlencode()
        if older:
            query["before"] = str(older)
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": capfirst(self.opts.verbose_name_plural),
            "form": form,
            "lines": lines,
            "newest": f"?{newest}",
            "older": f"?{query.urlencode()}" if older else "",
            "is_first": "before" not in request.GET,
            "is_filtered": any(request.GET.get(name) for name in form.fields),
            "export": f"{reverse('admin:core_auditlogentry_export')}?{newest}",
            "exported": EXPORTED,
        }
        return TemplateResponse(request, "admin/audit_log.html", context | (extra_context or {}))

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The same lines as a CSV file; that it was taken is an entry itself."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = FilterForm(request.GET, site=self.admin_site)
        lines = list(self._all(form.cleaned_data, request)) if form.is_valid() else []
        filters = [name for name in form.fields if request.GET.get(name)]
        audit_log.record("exported", AuditLogEntry, rows=len(lines), format="csv", filters=filters)
        table = tablib.Dataset(headers=list(map(str, HEADERS)))
        for line in lines:
            table.append(
                [
                    timezone.localtime(line.when).strftime("%Y-%m-%d %H:%M:%S"),
                    str(line.who or gettext("the system")),
                    str(line.role),
                    f"{line.what} ({line.reason})" if line.reason else str(line.what),
                    line.about,
                    "\n".join(line.sentences),
                    line.request,
                ]
            )
        response = HttpResponse(CsvSheet().export_data(table), content_type="text/csv; charset=utf-8")
        name = f"{gettext('audit log')} {clock.today()}.csv".replace(" ", "-")
        response["Content-Disposition"] = content_disposition_header(True, name)  # noqa: FBT003
        return response

    def _all(self, said: dict[str, Any], request: HttpRequest) -> Iterator[history.Line]:
        found, what = sources(self.admin_site), asked(said, request, self.admin_site)
        after, left = None, EXPORTED
        while left:
            keys = merged(found, what, after, min(AT_ONCE, left))
            yield from self._lines(found, keys, request)
            if len(keys) < AT_ONCE:
                return
            at, key, place = keys[-1]
            after, left = Cursor(at, found[place].place, key), left - len(keys)

    def _lines(self, found: list[Source], keys: list[Any], request: HttpRequest) -> list[history.Line]:
        rows = [(source.admin, source.model._base_manager.all()) for source in found]
        return history.lines(rows, keys, request, each_named=True)
