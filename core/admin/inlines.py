"""Tables of forms inside the form of another object."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from core.admin.bilingual import label_of
from core.admin.records import Boxes


class DeleteBox(forms.CheckboxInput):
    def __init__(self) -> None:
        super().__init__(attrs={"aria-label": _("Delete this row")})


ON_ONE_PAGE = 100  # rows of a table of forms; where there are more, a list of their own shows them


class LabelledInline(Boxes, admin.TabularInline):
    """A table of forms in which each box carries the name of its column for those who do not see the column."""

    extra = 0

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        is_translated = hasattr(db_field, "translated_field")
        if is_translated:
            kwargs["label"] = capfirst(label_of(db_field))
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if is_translated:
            field.widget.attrs["lang"] = db_field.language
            field.required = db_field.language == "fr" and not db_field.translated_field.blank
        if isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget.can_change_related = field.widget.can_delete_related = field.widget.can_view_related = False
        return field

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        formset.deletion_widget = DeleteBox
        for field in formset.form.base_fields.values():
            widget = getattr(field.widget, "widget", field.widget)
            for part in getattr(widget, "widgets", [widget]):
                part.attrs.setdefault("aria-label", field.label or "")
        return formset


class ReadOnlyInline(LabelledInline):
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
