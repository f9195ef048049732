"""The way every form of the site is laid out (`FORM_RENDERER`)."""

from django.forms.renderers import DjangoTemplates


class FormRenderer(DjangoTemplates):
    """Label, hint, error, field; a summary of the errors on top that takes the focus. `{{ form }}` or `{{
    form.name.as_field_group }}`."""

    form_template_name = "core/forms/form.html"
    field_template_name = "core/forms/field.html"
