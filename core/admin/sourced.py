"""Rows that somebody has to verify."""

from copy import copy
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin.records import CarefulAdmin, RecordAdmin, badge

# The lists that the rows came from name some fields otherwise.
OTHER_NAMES = {
    "start": "starts_at",
    "end": "ends_at",
    "start_date": "starts_on",
    "end_date": "ends_on",
    "quota": "seats",
}


class AssumedLabel(str):
    """A label that shows, where HTML is written, that nobody vouches for the value; elsewhere it is the plain label."""

    def __html__(self) -> str:
        return format_html('{} <span class="assumed">{}</span>', str(self), _("assumed value"))


class ToVerify(admin.SimpleListFilter):
    title = _("to verify")
    parameter_name = "to_verify"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Contains assumed values")), ("no", _("Verified"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes":
                return queryset.exclude(assumed_fields="")
            case "no":
                return queryset.filter(assumed_fields="")
        return queryset


def source_fields(*more: str) -> tuple[Any, dict[str, Any]]:
    """The part of a form that tells where the row was read, and what of it nobody vouches for."""
    return (_("Source"), {"fields": [*more, "source", "assumed_fields"]})


class SourcedAdmin(CarefulAdmin, RecordAdmin):
    """Rows that name their source: what is assumed is marked in the list and beside each field until somebody verifies
    it."""

    @admin.display(description=_("to verify"), ordering="assumed_fields")
    def to_verify(self, obj: Any) -> SafeString | str:
        number = len(assumed(obj))
        return badge(number, "warn") if number else ""

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        for name in assumed(obj) if obj else ():
            for field_name in (name, OTHER_NAMES.get(name, name), f"{name}_fr", f"{name}_en"):
                if field := form.base_fields.get(field_name):
                    form.base_fields[field_name] = field = copy(field)
                    field.label = AssumedLabel(field.label or field_name)
        return form


def assumed(obj: Any) -> list[str]:
    return [name.strip() for name in obj.assumed_fields.split("|") if name.strip()]
