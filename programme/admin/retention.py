"""The page on which organisers see what goes when, and say how long it is kept."""

import hashlib
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import clock
from core.admin import WholeNumber
from core.retention import label_of, span
from programme.domain import editions, retention
from programme.domain.retention import Row
from programme.models import Edition


class DaysForm(forms.Form):
    """The days of each kind that organisers may say; beside each, what its reader saw."""

    def __init__(self, edition: Edition, rows: list[Row], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        self.edition, self.now = edition, {row.kind.key: row.days for row in rows if not row.kind.is_fixed}
        for row in rows:
            if row.kind.is_fixed:
                continue
            widget = forms.NumberInput(
                attrs={"class": "vIntegerField", "min": row.kind.least, "max": row.kind.most, "size": 5}
            )
            self.fields[row.kind.key] = WholeNumber(
                label=_("Days kept: %(kind)s") % {"kind": row.kind.label}, initial=row.days, widget=widget
            )
            self.fields[f"seen_{row.kind.key}"] = forms.IntegerField(
                initial=row.days, widget=forms.HiddenInput, required=False
            )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        for key, now in self.now.items():
            if (days := said.get(key)) is None:
                continue
            try:
                retention.check(key, days)
            except ValidationError as error:
                self.add_error(key, error)
            seen = said.get(f"seen_{key}")
            if seen == days:  # nobody touched it here
                said[key] = now
            elif seen != now and days != now:
                words = ngettext(
                    "Somebody else has just set this to %(days)d day.",
                    "Somebody else has just set this to %(days)d days.",
                    now,
                )
                self.add_error(key, words % {"days": now})
        return said

    @property
    def chosen(self) -> dict[str, int]:
        """The days of the kinds that this form changes."""
        return {key: self.cleaned_data[key] for key, now in self.now.items() if self.cleaned_data[key] != now}


def retention_page(model_admin: ModelAdmin, request: HttpRequest, edition: Edition) -> HttpResponse:
    """GET shows what goes when; POST writes the days, after a question where that deletes somebody or keeps them
    longer than they were told."""
    if not model_admin.has_view_permission(request, edition):
        raise PermissionDenied
    may_change = model_admin.has_change_permission(request, edition)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    now = clock.now()
    rows = retention.table(edition, now)
    form = DaysForm(edition, rows, request.POST if request.method == "POST" else None)
    question: list[str] = []
    if form.is_valid():
        question = _question(edition, form)
        if not question or request.POST.get("agreed") == _mark(question):
            changed = retention.choose(edition, form.chosen, actor=request.user)
            if changed:
                messages.success(request, _("Saved. The next run goes by these days."))
            else:
                messages.info(request, _("Nothing has changed."))
            return HttpResponseRedirect(reverse("admin:programme_edition_retention", args=[edition.pk]))
    context = model_admin.admin_site.each_context(request) | {
        "opts": model_admin.opts,
        "title": _("How long data is kept"),
        "subtitle": str(edition),
        "edition": edition,
        "form": form,
        "rows": [(row, *_boxes(form, row)) for row in rows],
        "may_change": may_change,
        "question": question,
        "agreed": _mark(question),
        "is_empty": not any(row.held.number or row.last for row in rows if row.kind.per_edition),
        "has_run": any(row.last for row in rows),
        "current": None if edition.is_current else editions.current(),
        "now": now,
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "admin/programme/retention.html", context, status=status)


def _boxes(form: DaysForm, row: Row) -> tuple[Any, Any]:
    return (None, None) if row.kind.is_fixed else (form[row.kind.key], form[f"seen_{row.kind.key}"])


def _question(edition: Edition, form: DaysForm) -> list[str]:
    """What has to be agreed to before the days are written."""
    asked = []
    if more := retention.would_go(edition, form.chosen, clock.now()):
        words = ngettext(
            "%(number)d entry more will be deleted for good at the next run.",
            "%(number)d entries more will be deleted for good at the next run.",
            more,
        )
        asked.append(words % {"number": more})
    for key, days in form.chosen.items():
        if days > form.now[key]:
            words = _("%(kind)s: people were told %(span)s. Tell them before you keep their data longer.")
            asked.append(words % {"kind": label_of(key), "span": span(form.now[key])})
    return asked


def _mark(question: list[str]) -> str:
    """What tells a question from another one: numbers may have moved since it was read."""
    return hashlib.sha256("\n".join(question).encode()).hexdigest()[:16]
