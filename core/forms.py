"""The way every form of the site is laid out (`FORM_RENDERER`)."""

from typing import Any

from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest


class FormRenderer(DjangoTemplates):
    """Label, hint, error, field; a summary of the errors on top that takes the focus. `{{ form }}` or `{{
    form.name.as_field_group }}`."""

    form_template_name = "core/forms/form.html"
    field_template_name = "core/forms/field.html"
    in_words = ("django/forms/widgets/text.html", "django/forms/widgets/textarea.html")

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """What is typed is read from the side on which its first letter begins."""
        if template_name in self.in_words:
            context["widget"]["attrs"].setdefault("dir", "auto")
        return super().render(template_name, context, request)
