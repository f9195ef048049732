"""The page on which the next edition is started."""

import re
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.bilingual import label_of
from core.admin.records import Day
from core.templatetags.when import long_day
from core.text import validate_line
from programme.domain import next_edition
from programme.models import Edition

A_YEAR = timedelta(weeks=52)  # later it is the same day of the week


class NextEditionForm(forms.Form):
    """What an organiser says of the next edition; the rest is that of this one."""

    required_css_class = "required"

    name_fr = forms.CharField(max_length=150, validators=[validate_line], widget=AdminTextInputWidget)
    name_en = forms.CharField(max_length=150, validators=[validate_line], widget=AdminTextInputWidget)
    slug = forms.CharField(
        label=gettext_lazy("Slug"),
        max_length=60,
        widget=AdminTextInputWidget,
        help_text=gettext_lazy("Also added to the slugs of everything that is copied."),
    )
    first_day = Day(
        label=gettext_lazy("First day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Everything moves by the same number of days."),
    )
    with_sessions = forms.BooleanField(
        label=gettext_lazy("Copy the sessions too, as drafts"),
        required=False,
        help_text=gettext_lazy("At the same times and in the same rooms, without speakers or duties."),
    )

    def __init__(self, source: Edition, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", "initial": suggested(source)} | kwargs)
        for language in ("fr", "en"):
            box = self.fields[f"name_{language}"]
            box.label = capfirst(label_of(Edition._meta.get_field(f"name_{language}")))
            box.widget.attrs["lang"] = language


def suggested(source: Edition) -> dict[str, Any]:
    """The same weekday a year later, and the next year wherever this one stands in a name or the slug."""
    first_day = next_edition.first_day_of(source) + A_YEAR
    year = source.starts_on.year

    def later(text: str) -> str:
        return re.sub(rf"(?<!\d){year}(?!\d)", str(year + 1), text or "")

    slug = later(source.slug)
    return {
        "name_fr": later(source.name_fr),  # type: ignore[attr-defined]
        "name_en": later(source.name_en),  # type: ignore[attr-defined]
        "slug": slug if slug != source.slug else str(year + 1),
        "first_day": first_day,
    }


def next_edition_page(model_admin: ModelAdmin, request: HttpRequest, source: Edition) -> HttpResponse:
    """GET shows what the next edition would begin with; POST makes it, or says beside each field what is wrong."""
    if not request.user.has_perms(["programme.add_edition", "programme.add_event", "programme.add_session"]):
        raise PermissionDenied
    form = NextEditionForm(source, request.POST if request.method == "POST" else None)
    if form.is_valid() and (made := _start(source, form, request)):
        words = _("“%(edition)s” starts with a copy of “%(source)s”. It is in preparation: only organisers can see it.")
        model, look = (
            ("session", _("See its sessions")) if form.cleaned_data["with_sessions"] else ("event", _("See its events"))
        )
        address = f"{reverse(f'admin:programme_{model}_changelist')}?edition={made.pk}"
        sentence = words % {"edition": made, "source": source}
        messages.success(request, format_html('{} <a href="{}">{}</a>', sentence, address, look))
        return HttpResponseRedirect(reverse("admin:programme_edition_change", args=[made.pk]))
    counted = [one for one in next_edition.counted(source) if one.number]
    context = model_admin.admin_site.each_context(request) | {
        "opts": model_admin.opts,
        "title": _("Start the next edition"),
        "subtitle": str(source),
        "source": source,
        "form": form,
        "always": [one for one in counted if not one.with_sessions],
        "with_sessions": [one for one in counted if one.with_sessions],
        "dates": _dates(source, form),
    }
    template = "admin/programme/next_edition.html"
    return TemplateResponse(request, template, context, status=422 if form.errors else 200)


def _start(source: Edition, form: NextEditionForm, request: HttpRequest) -> Edition | None:
    said = form.cleaned_data
    try:
        return next_edition.start_next(
            source,
            slug=said["slug"],
            names={language: said[f"name_{language}"] for language in ("fr", "en")},
            first_day=said["first_day"],
            with_sessions=said["with_sessions"],
            actor=request.user,
        )
    except ValidationError as error:
        form.add_error(None, error)
        return None


def _dates(source: Edition, form: NextEditionForm) -> str:
    """The days of the next edition, as far as its first one is known."""
    first = form.cleaned_data.get("first_day") if form.is_bound else form.initial["first_day"]
    if not isinstance(first, date):
        return ""
    try:
        days = [day + (first - next_edition.first_day_of(source)) for day in (source.starts_on, source.ends_on)]
    except OverflowError:
        return ""
    return _("With this first day, it would take place from %(first)s to %(last)s.") % {
        "first": long_day(days[0]),
        "last": long_day(days[1]),
    }
