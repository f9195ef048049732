"""What belongs to an edition, in lists and forms: as long as there is one edition only, nothing speaks of it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from core.admin import BilingualAdmin, ListAdmin
from core.text import whole_number
from programme.models import Edition, validate_colour

LIVE = "live"  # the value of the filter that leaves out what is archived


def known_editions(request: HttpRequest) -> list[Edition]:
    """All editions, the latest first; asked for once for each page."""
    found: list[Edition] | None = getattr(request, "known_editions", None)
    if found is None:
        found = list(Edition.objects.all())
        request.known_editions = found  # type: ignore[attr-defined]
    return found


def chosen_edition(request: HttpRequest, query: QueryDict | None = None) -> Edition | None:
    """The edition by which the list, of which this is the `query`, is filtered."""
    key = whole_number((request.GET if query is None else query).get(InEdition.parameter_name, ""))
    return next((edition for edition in known_editions(request) if edition.pk == key), None)


class InEdition(admin.SimpleListFilter):
    """What belongs to an edition; not shown while there is one only."""

    title = _("edition")
    parameter_name = "edition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        self.path = model_admin.edition_path
        editions = known_editions(request)
        if len(editions) < 2:
            return []
        return [(LIVE, _("Not archived")), *((str(edition.pk), str(edition)) for edition in editions)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == LIVE:
            return queryset.exclude(**{f"{self.path}__state": Edition.State.ARCHIVED})
        if self.value() is None:
            return queryset
        edition = chosen_edition(request)
        return queryset.filter(**{self.path: edition}) if edition else queryset.none()


class NamedWithEdition(admin.RelatedFieldListFilter):
    """A filter by tracks, events or cohorts, which names the edition of each where there are those of several."""

    def rows(self, request: HttpRequest, model_admin: Any) -> QuerySet[Any]:
        return self.field.remote_field.model._default_manager.all()

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        self.field = field
        rows = self.rows(request, model_admin).select_related("edition")
        if ordering := self.field_admin_ordering(field, request, model_admin):
            rows = rows.order_by(*ordering)
        are_several = len({row.edition_id for row in rows}) > 1
        return [(row.pk, f"{row} – {row.edition}" if are_several else str(row)) for row in rows]


class OnlyNamedWithEdition(NamedWithEdition):
    """The same, of those that occur in the list."""

    def rows(self, request: HttpRequest, model_admin: Any) -> QuerySet[Any]:
        occurring = model_admin.get_queryset(request).order_by().values(f"{self.field_path}__pk")
        return super().rows(request, model_admin).filter(pk__in=occurring)


class EditionListAdmin(ListAdmin):
    """A list of what belongs to an edition, over others or by itself: it has a filter, and choosers name the edition,
    once there are several."""

    edition_path = "edition"

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [InEdition, *super().get_list_filter(request)]

    def for_chooser(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        others = Edition.objects.exclude(pk=OuterRef(self.edition_path))
        return super().for_chooser(queryset).annotate(is_of_several=Exists(others))

    def in_chooser(self, obj: Any) -> str:
        text, edition = self.without_edition(obj), obj
        for name in self.edition_path.split("__"):
            edition = getattr(edition, name)
        are_several = getattr(obj, "is_of_several", None)
        if are_several is None:  # it was not read for a chooser
            are_several = Edition.objects.exclude(pk=edition.pk).exists()
        return f"{text} – {edition}" if are_several else text

    def without_edition(self, obj: Any) -> str:
        """What tells `obj` from others of its name in the same edition."""
        return str(obj)


class InEditionAdmin(EditionListAdmin, BilingualAdmin):
    """Rows of an edition, in which they stay: a new one begins in that of the list, or in the current one."""

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        first, *others = super().get_list_display(request)
        return [first, *(["edition"] if len(known_editions(request)) > 1 else []), *others]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *(["edition"] if obj else [])]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"edition": edition_to_begin_with(request)} | super().get_changeform_initial_data(request)


def edition_to_begin_with(request: HttpRequest) -> Edition | None:
    """The edition of something new: the one of the list that one comes from, else the current one."""
    asked = chosen_edition(request, QueryDict(request.GET.get("_changelist_filters", "")))
    return asked or next((edition for edition in known_editions(request) if edition.is_current), None)


class ColourAdmin(BilingualAdmin):
    """Colours are chosen from what the browser offers."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        if validate_colour in getattr(db_field, "_validators", ()):
            kwargs["widget"] = forms.TextInput(attrs={"type": "color"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)
