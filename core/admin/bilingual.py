"""Texts in two languages."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from modeltranslation.admin import TranslationAdmin


def in_two_languages(*fields: str) -> list[tuple[Any, dict[str, Any]]]:
    """One part of a form for each language; admin.js turns neighbours into tabs."""
    return [
        (_("In French"), {"fields": [f"{field}_fr" for field in fields], "classes": ["language"]}),
        (_("In English"), {"fields": [f"{field}_en" for field in fields], "classes": ["language"]}),
    ]


class BilingualAdmin(TranslationAdmin):
    """Each text in French and in English, in a tab each; the boxes say which language is typed in them."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and hasattr(db_field, "translated_field"):
            field.widget.attrs["lang"] = db_field.language
            field.label = capfirst(db_field.translated_field.verbose_name)  # the tab names the language
        return field
