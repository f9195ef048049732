from copy import copy
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from import_export.admin import ImportExportMixin
from import_export.results import Result
from modeltranslation.admin import TranslationAdmin

from outbox.admin import Boxes, RecordAdmin, Values, badge
from venues.domain.travel import Travel
from venues.models import Room, TravelTime, Venue
from venues.names import alphabetical
from venues.resources import RoomResource, VenueResource
from venues.sheets import FORMATS, ConfirmSheetForm, ExportSheetForm, SheetError, SheetForm, StagedUpload

# --- Rows that somebody has to verify -------------------------------------------------------------------------------------

# The lists that the rows came from name some fields otherwise.
OTHER_NAMES = {"start": "starts_at", "end": "ends_at", "start_date": "starts_on", "end_date": "ends_on", "quota": "seats"}


class AssumedLabel(str):
    """A label that shows, where HTML is written, that nobody vouches for the value; elsewhere it is the plain label."""

    def __html__(self) -> str:
        return format_html('{} <span class="assumed">{}</span>', str(self), _("assumed value"))


class ToVerify(admin.SimpleListFilter):
    title = _("to verify")
    parameter_name = "to_verify"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Holds assumed values")), ("no", _("Verified"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes":
                return queryset.exclude(assumed_fields="")
            case "no":
                return queryset.filter(assumed_fields="")
        return queryset


def source_fields(*more: str) -> tuple[Any, dict[str, Any]]:
    """The part of a form that tells where the row was read, and what of it nobody vouches for."""
    return (_("Source"), {"fields": [*more, "source", "assumed_fields"]})


class CarefulAdmin(admin.ModelAdmin):
    """Answers with a sentence when somebody else's change, at the same moment, made this one impossible."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (IntegrityError, ValidationError) as error:
            if request.method != "POST":
                raise
            reason = " ".join(error.messages) if isinstance(error, ValidationError) else ""
            messages.error(
                request, _("Nothing was saved: something changed at the same moment. Look at it again.") + (f" {reason}" if reason else "")
            )
            return HttpResponseRedirect(request.get_full_path())


class SourcedAdmin(CarefulAdmin, RecordAdmin):
    """Rows that name their source: what is assumed is marked in the list and beside each field until somebody verifies it."""

    @admin.display(description=_("to verify"), ordering="assumed_fields")
    def to_verify(self, obj: Any) -> SafeString | str:
        number = len(assumed(obj))
        return badge(number, "warn") if number else ""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        for name in assumed(obj) if obj else ():
            for field_name in (name, OTHER_NAMES.get(name, name), f"{name}_fr", f"{name}_en"):
                if field := form.base_fields.get(field_name):
                    form.base_fields[field_name] = field = copy(field)
                    field.label = AssumedLabel(field.label or field_name)
        return form


def assumed(obj: Any) -> list[str]:
    return [name.strip() for name in obj.assumed_fields.split("|") if name.strip()]


# --- Texts in two languages ------------------------------------------------------------------------------------------------


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


class DeleteBox(forms.CheckboxInput):
    def __init__(self) -> None:
        super().__init__(attrs={"aria-label": _("Delete this row")})


ON_ONE_PAGE = 100  # rows of a table of forms; where there are more, a list of their own shows them


class LabelledInline(Boxes, admin.TabularInline):
    """A table of forms in which each box carries the name of its column for those who do not see the column."""

    extra = 0

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
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


# --- Sheets in and out -----------------------------------------------------------------------------------------------------

SHOWN_ROWS = 200


class SheetAdmin(ImportExportMixin, RecordAdmin):
    """Import and export of CSV and XLSX files: a preview first, all errors at once, nothing or everything."""

    formats = FORMATS
    tmp_storage_class = StagedUpload
    import_form_class = SheetForm
    confirm_form_class = ConfirmSheetForm
    export_form_class = ExportSheetForm

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_change_permission(request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_confirm_form_kwargs(self, request: HttpRequest, import_form: Any = None) -> dict[str, Any]:
        return super().get_confirm_form_kwargs(request, import_form) | {"seal": f"{self.opts.label}:{request.user.pk}"}

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        if not isinstance(e, SheetError):
            raise e
        form.add_error("import_file", str(e))

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        response = super().import_action(request, **kwargs)
        context = getattr(response, "context_data", None)
        if context and (result := context.get("result")):
            context["preview"] = Preview(result)
        if context and "confirm_form" not in context and request.method == "POST":
            self._forget_upload(request, context["form"])
        return response

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and self.has_import_permission(request):
            form = self.create_confirm_form(request)
            if not form.is_valid():
                sentence = next(iter(next(iter(form.errors.values()))))
                return self._back_to_import(request, sentence)
        return super().process_import(request, **kwargs)

    def process_dataset(self, dataset: Any, form: Any, request: HttpRequest, **kwargs: Any) -> Result:
        return super().process_dataset(dataset, form, request, rollback_on_validation_errors=True, **kwargs)

    def process_result(self, result: Result, request: HttpRequest) -> HttpResponse:
        if result.has_errors() or result.has_validation_errors():
            return self._back_to_import(
                request, gettext("Something changed since the preview: nothing was imported. Choose the file again.")
            )
        return super().process_result(result, request)

    def add_success_message(self, result: Result, request: HttpRequest) -> None:
        figures = {"new": result.totals["new"], "changed": result.totals["update"], "same": result.totals["skip"]}
        messages.success(request, gettext("Imported: %(new)d new, %(changed)d changed, %(same)d unchanged.") % figures)

    def _back_to_import(self, request: HttpRequest, sentence: str) -> HttpResponse:
        messages.error(request, sentence)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_import"))

    def _forget_upload(self, request: HttpRequest, form: Any) -> None:
        name = (
            getattr(form.cleaned_data.get("import_file"), "tmp_storage_name", "") if form.is_bound and hasattr(form, "cleaned_data") else ""
        )
        if name:
            StagedUpload(name=name).remove()


class Preview:
    """What an import would do, in the order of the file, ready for the page."""

    def __init__(self, result: Result) -> None:
        self.headers = result.diff_headers
        self.totals = result.totals
        self.file_errors = [error.error for error in result.base_errors]
        self.errors: list[tuple[int, str, str]] = []  # line, column, sentence
        self.ignored_columns: list[str] = getattr(result, "ignored_columns", [])
        lines: list[int] = getattr(result, "lines", [])
        if self.file_errors:
            return
        for row in result.invalid_rows:
            line = lines[row.number - 1]
            for attribute, sentences in row.field_specific_errors.items():
                self.errors += [(line, result.column_of(attribute), sentence) for sentence in sentences]
            self.errors += [(line, "", sentence) for sentence in row.non_field_specific_errors]
        for error_row in result.error_rows:
            self.errors += [(lines[error_row.number - 1], "", str(error.error)) for error in error_row.errors]
        self.errors.sort(key=lambda error: error[0])
        changed = [row for row in result.rows if row.import_type in ("new", "update")]
        self.rows = changed[:SHOWN_ROWS]
        self.not_shown = len(changed) - len(self.rows)


# --- Venues and rooms ------------------------------------------------------------------------------------------------------


class RoomInline(LabelledInline):
    model = Room
    fields = ["name", "slug", "capacity", "allows_several_sessions"]
    prepopulated_fields = {"slug": ["name"]}
    show_change_link = True


class WayInline(LabelledInline):
    """The ways from a venue whose minutes organisers know."""

    model = TravelTime
    fk_name = "origin"
    fields = ["destination", "minutes", "note"]
    autocomplete_fields = ["destination"]
    ordering = ["destination__name"]
    verbose_name_plural = _("travel times from here")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TravelTime]:
        return super().get_queryset(request).select_related("origin", "destination")


@admin.register(Venue)
class VenueAdmin(SheetAdmin, BilingualAdmin, SourcedAdmin):
    resource_classes = [VenueResource]
    list_display = ["name", "city", "country", "number_of_rooms", "to_verify"]
    list_filter = [ToVerify, ("country", Values), ("city", Values), ("timezone", Values)]
    search_fields = ["name", "slug", "address", "city"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["ways"]
    inlines = [RoomInline, WayInline]
    fieldsets = [
        (None, {"fields": ["name", "slug", "address", "city", "country", ("latitude", "longitude"), "timezone", "security_minutes"]}),
        *in_two_languages("accessibility"),
        source_fields(),
        (
            _("From venue to venue"),
            {
                "fields": ["ways"],
                "classes": ["collapse"],
                "description": _("What the clashes are judged by: the way, and the minutes at the entrance where one arrives."),
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
        others = sorted(Venue.objects.exclude(pk=venue.pk), key=lambda other: alphabetical(other.name))
        rows = [
            (
                other,
                travel.minutes(venue.pk, other.pk),
                travel.minutes(other.pk, venue.pk),
                _("estimate") if travel.known(venue.pk, other.pk) is None else _("organisers"),
            )
            for other in others
        ]
        head = format_html_join("", '<th scope="col">{}</th>', [[_("venue")], [_("way there")], [_("way back")], [_("Source")]])
        body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>', rows)
        return format_html('<table class="ways"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body)


@admin.register(TravelTime)
class TravelTimeAdmin(CarefulAdmin, RecordAdmin):
    """The minutes that organisers know better than the estimate."""

    list_display = ["origin", "destination", "minutes", "note"]
    list_select_related = ["origin", "destination"]
    search_fields = ["origin__name", "origin__slug", "destination__name", "destination__slug", "note"]
    autocomplete_fields = ["origin", "destination"]


@admin.register(Room)
class RoomAdmin(SheetAdmin, SourcedAdmin):
    resource_classes = [RoomResource]
    list_display = ["name", "venue", "capacity", "allows_several_sessions", "to_verify"]
    list_filter = [ToVerify, "allows_several_sessions", "venue"]
    list_select_related = ["venue"]
    search_fields = ["name", "slug", "venue__name"]
    autocomplete_fields = ["venue"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [(None, {"fields": ["venue", "name", "slug", "capacity", "allows_several_sessions"]}), source_fields()]
