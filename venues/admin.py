from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin import (
    BilingualAdmin,
    CarefulAdmin,
    Form,
    LabelledInline,
    RecordAdmin,
    SheetAdmin,
    SourcedAdmin,
    ToVerify,
    Values,
    in_two_languages,
    source_fields,
)
from core.folding import fold
from venues.domain.travel import Travel
from venues.models import Room, TravelTime, Venue
from venues.resources import RoomResource, VenueResource

# --- Venues and rooms -------------------------------------------------------------------------------------------------


class RoomFormSet(forms.BaseInlineFormSet):
    def get_unique_error_message(self, unique_check: tuple[str, ...]) -> str:
        if "name_fr" in unique_check:
            return gettext("Two rooms of this venue have the same name in French.")
        if "name_en" in unique_check:
            return gettext("Two rooms of this venue have the same name in English.")
        return super().get_unique_error_message(unique_check)


class RoomInline(LabelledInline):
    model = Room
    formset = RoomFormSet
    fields = ["name_fr", "name_en", "slug", "capacity", "allows_several_sessions"]
    prepopulated_fields = {"slug": ["name_fr"]}
    show_change_link = True


class WayInline(LabelledInline):
    """The ways from a venue whose minutes organisers know."""

    model = TravelTime
    fk_name = "origin"
    fields = ["destination", "minutes", "note"]
    autocomplete_fields = ["destination"]
    ordering = ["destination__search"]
    verbose_name_plural = _("travel times from here")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TravelTime]:
        return super().get_queryset(request).select_related("origin", "destination")


class VenueForm(Form):
    """`keeps_hours` is asked where the zone changes, and kept nowhere."""

    keeps_hours = forms.BooleanField(
        label=_("Keep local times the same"),
        required=False,
        initial=True,
        help_text=_(
            "If the time zone changes, a session at 10:00 stays at 10:00 local time. Otherwise, it stays at the same "
            "moment."
        ),
    )

    def _post_clean(self) -> None:
        self.instance.keeps_hours = self.cleaned_data.get("keeps_hours", True)
        super()._post_clean()


@admin.register(Venue)
class VenueAdmin(SheetAdmin, BilingualAdmin, SourcedAdmin):
    form = VenueForm
    tells_effects = True
    resource_classes = [VenueResource]
    list_display = ["name", "city", "country", "number_of_rooms", "to_verify"]
    list_filter = [ToVerify, ("country", Values), ("city", Values), ("timezone", Values)]
    search_fields = ["search"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["ways"]
    inlines = [RoomInline, WayInline]
    fieldsets = [
        *in_two_languages("name", "accessibility"),
        (
            None,
            {
                "fields": [
                    "slug",
                    "address",
                    "city",
                    "country",
                    ("latitude", "longitude"),
                    ("timezone", "keeps_hours"),
                    "security_minutes",
                    "to_be_confirmed",
                ]
            },
        ),
        source_fields(),
        (
            _("Travel between venues"),
            {
                "fields": ["ways"],
                "classes": ["collapse"],
                "description": _(
                    "Clashes are worked out from the travel time plus the minutes at the entrance on arrival."
                ),
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Venue]:
        return super().get_queryset(request).annotate(rooms_count=Count("rooms"))

    @admin.display(description=_("rooms"), ordering="rooms_count")
    def number_of_rooms(self, venue: Any) -> int:
        return venue.rooms_count

    @admin.display(description=_("minutes"))
    def ways(self, venue: Venue) -> SafeString | str:
        """All ways from and to a venue as they count now."""
        if not venue.pk:
            return ""
        travel = Travel()
        others = sorted(Venue.objects.exclude(pk=venue.pk), key=lambda other: fold(other.name))
        rows = [
            (
                other,
                travel.minutes(venue.pk, other.pk),
                travel.minutes(other.pk, venue.pk),
                _("estimate") if travel.known(venue.pk, other.pk) is None else _("organisers"),
            )
            for other in others
        ]
        head = format_html_join(
            "", '<th scope="col">{}</th>', [[_("venue")], [_("outward")], [_("return")], [_("Source")]]
        )
        body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>', rows)
        return format_html('<table class="ways"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body)


@admin.register(TravelTime)
class TravelTimeAdmin(CarefulAdmin, RecordAdmin):
    """The minutes that organisers know better than the estimate."""

    list_display = ["origin", "destination", "minutes", "note"]
    list_select_related = ["origin", "destination"]
    search_fields = ["origin__search", "destination__search", "search"]
    autocomplete_fields = ["origin", "destination"]


@admin.register(Room)
class RoomAdmin(SheetAdmin, BilingualAdmin, SourcedAdmin):
    tells_effects = True
    resource_classes = [RoomResource]
    list_display = ["name", "venue", "capacity", "allows_several_sessions", "to_verify"]
    list_filter = [ToVerify, "allows_several_sessions", "venue"]
    list_select_related = ["venue"]
    search_fields = ["search", "venue__search"]
    autocomplete_fields = ["venue"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        *in_two_languages("name"),
        (None, {"fields": ["venue", "slug", "capacity", "allows_several_sessions", "to_be_confirmed"]}),
        source_fields(),
    ]
