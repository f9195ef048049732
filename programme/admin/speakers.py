"""Who speaks, and where."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin import (
    BilingualAdmin,
    LabelledInline,
    SheetAdmin,
    SourcedAdmin,
    ToVerify,
    Values,
    in_two_languages,
    source_fields,
)
from programme.admin.in_edition import EditionListAdmin, NamedWithEdition
from programme.models import Participation, Speaker
from programme.resources import ParticipationResource, SpeakerResource


class PartInline(LabelledInline):
    """Where somebody speaks."""

    model = Participation
    fields = ["session", "role", "position", "note"]
    autocomplete_fields = ["session"]
    ordering = ["session__starts_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        return super().get_queryset(request).select_related("speaker", "session")


@admin.register(Speaker)
class SpeakerAdmin(SheetAdmin, BilingualAdmin, SourcedAdmin):
    resource_classes = [SpeakerResource]
    list_display = ["name", "role", "organisation", "country", "number_of_sessions", "to_verify"]
    list_filter = [ToVerify, ("country", Values)]
    search_fields = ["search"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["user"]
    inlines = [PartInline]
    fieldsets = [
        (None, {"fields": ["name", "slug", "organisation", "country", "user"]}),
        *in_two_languages("role"),
        source_fields(),
    ]

    def in_chooser(self, obj: Speaker) -> str:
        return " – ".join(filter(None, [obj.name, obj.organisation or obj.role]))

    def goes_along(self, row: Model) -> bool:
        return not isinstance(row, Participation) and super().goes_along(row)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Speaker]:
        return super().get_queryset(request).annotate(sessions_count=Count("participations"))

    @admin.display(description=_("sessions"), ordering="sessions_count")
    def number_of_sessions(self, speaker: Any) -> int:
        return speaker.sessions_count


@admin.register(Participation)
class ParticipationAdmin(EditionListAdmin, SheetAdmin, SourcedAdmin):
    """Who speaks where, as one list: for sheets, and to see who has which part."""

    resource_classes = [ParticipationResource]
    edition_path = "session__event__edition"
    list_display = ["speaker", "session", "role", "position", "to_verify"]
    list_filter = [ToVerify, "role", ("session__event", NamedWithEdition)]
    ordering = ["session__starts_at", "position", "pk"]
    list_select_related = ["speaker", "session__event__edition"]
    search_fields = ["speaker__search", "session__search"]
    search_help_text = _("Speaker or session")
    autocomplete_fields = ["session", "speaker"]
    fieldsets = [(None, {"fields": ["session", "speaker", "role", "position", "note"]}), source_fields()]
