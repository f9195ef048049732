"""The days, tracks and events of an edition."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.admin import Form, RecordAdmin, SourcedAdmin, ToVerify, Values, in_two_languages, source_fields
from core.templatetags.when import date_range
from programme.admin.in_edition import ColourAdmin, InEditionAdmin
from programme.models import Day, Event, Session, Track


class DayForm(Form):
    """A new day has the time zone of its edition, unless another one is written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None and (field := self.fields.get("timezone")):
            field.required = False
            field.help_text = _("Leave empty to use the edition’s.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "timezone" in self.fields and data.get("timezone") == "" and data.get("edition"):
            data["timezone"] = data["edition"].timezone
        return data


@admin.register(Day)
class DayAdmin(InEditionAdmin, RecordAdmin):
    form = DayForm
    list_display = ["date", "label", "timezone"]
    list_select_related = ["edition"]
    search_fields = ["search"]
    date_hierarchy = "date"
    fieldsets = [
        (None, {"fields": ["edition", "date", "timezone"]}),
        *in_two_languages("label"),
        (_("Source"), {"fields": ["source"]}),
    ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"timezone": ""} | super().get_changeform_initial_data(request)

    def why_kept(self, obj: Day) -> str:
        sentence = (
            ngettext("%(number)d session is on %(day)s.", "%(number)d sessions are on %(day)s.", number)
            if (number := Session.objects.of(obj.edition).on(obj.date).count())
            else ""
        )
        return sentence % {"number": number, "day": date_format(obj.date)} if sentence else ""


@admin.register(Track)
class TrackAdmin(InEditionAdmin, ColourAdmin, SourcedAdmin):
    list_display = ["name", "colour", "number_of_sessions", "to_verify"]
    list_filter = [ToVerify]
    list_select_related = ["edition"]
    search_fields = ["search"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [*in_two_languages("name"), (None, {"fields": ["edition", "slug", "colour"]}), source_fields()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Track]:
        return super().get_queryset(request).annotate(sessions_count=Count("sessions"))

    @admin.display(description=_("sessions"), ordering="sessions_count")
    def number_of_sessions(self, track: Any) -> int:
        return track.sessions_count


@admin.register(Event)
class EventAdmin(InEditionAdmin, SourcedAdmin):
    list_display = ["title", "kind", "starts_on", "ends_on", "where", "organiser", "number_of_sessions", "to_verify"]
    list_filter = [ToVerify, "kind", "label_status", ("country", Values)]
    list_select_related = ["venue", "edition"]
    search_fields = ["search"]
    date_hierarchy = "starts_on"
    autocomplete_fields = ["venue"]
    prepopulated_fields = {"slug": ["title"]}
    fieldsets = [
        *in_two_languages("title"),
        (_("When"), {"fields": ["edition", "kind", ("starts_on", "ends_on"), "date_precision"]}),
        (_("Where"), {"fields": ["venue", "city", "country"]}),
        (_("Host"), {"fields": ["organiser", "label_status", "note"]}),
        (_("Getting in"), {"fields": ["clash_policy"]}),
        source_fields("slug"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).annotate(sessions_count=Count("sessions"))

    def without_edition(self, obj: Event) -> str:
        return f"{obj} – {date_range(obj.starts_on, obj.ends_on, obj.date_precision)}"

    @admin.display(description=_("where"), ordering="venue__name")
    def where(self, event: Event) -> str:
        return str(event.venue or event.city)

    @admin.display(description=_("sessions"), ordering="sessions_count")
    def number_of_sessions(self, event: Any) -> int:
        return event.sessions_count
