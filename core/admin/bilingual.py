"""Texts in two languages."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from modeltranslation.admin import TranslationAdmin

IN_LANGUAGE = {"fr": _("%(field)s in French"), "en": _("%(field)s in English")}


def label_of(field: Any) -> str:
    """What people call `field`: “title in French”, where the library's own name is “title [fr]”."""
    if hasattr(field, "translated_field"):
        return str(IN_LANGUAGE[field.language]) % {"field": field.translated_field.verbose_name}
    return str(field.verbose_name)


def in_two_languages(*fields: str) -> list[tuple[Any, dict[str, Any]]]:
    """One part of a form for each language; admin.js turns neighbours into tabs."""
    return [
        (_("In French"), {"fields": [f"{field}_fr" for field in fields], "classes": ["language"]}),
        (_("In English"), {"fields": [f"{field}_en" for field in fields], "classes": ["language"]}),
    ]


class BilingualAdmin(TranslationAdmin):
    """Each text in French and in English, in a tab each; the boxes say which language is typed in them."""

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        # The tab names the language, also where the text is only read.
        labels = {
            field.name: capfirst(field.translated_field.verbose_name)
            for field in self.opts.concrete_fields
            if hasattr(field, "translated_field")
        }
        return super().get_form(request, obj, change=change, **{"labels": labels} | kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and hasattr(db_field, "translated_field"):
            field.widget.attrs["lang"] = db_field.language
        return field
