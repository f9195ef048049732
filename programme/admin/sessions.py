"""The programme, session by session."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.admin import (
    BilingualAdmin,
    Form,
    LabelledInline,
    SheetAdmin,
    SourcedAdmin,
    ToVerify,
    badge,
    in_two_languages,
    source_fields,
)
from core.sheets.cells import Languages
from core.templatetags.when import time_range
from core.text import whole_number
from programme.admin.in_edition import EditionListAdmin, NamedWithEdition, chosen_edition
from programme.domain import editions
from programme.domain.publication import publish, unpublish
from programme.domain.warnings import labels, warnings
from programme.models import Duty, Edition, Participation, Session, days_between
from programme.resources import SessionResource
from venues.models import Room


class ParticipationInline(LabelledInline):
    """Who speaks in a session, in the order of its page."""

    model = Participation
    fields = ["position", "speaker", "role", "note"]
    autocomplete_fields = ["speaker"]
    ordering = ["position", "id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        return super().get_queryset(request).select_related("speaker", "session")


class DutyInline(LabelledInline):
    """Who works in a session, and so cannot sit elsewhere meanwhile."""

    model = Duty
    fields = ["user", "role"]
    autocomplete_fields = ["user"]
    ordering = ["id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Duty]:
        return super().get_queryset(request).select_related("user", "session")


class SessionForm(Form):
    """Its times are those of the clocks at the venue, whatever the zone of who types them."""

    languages = forms.CharField(
        label=_("Languages"),
        required=False,
        max_length=200,
        widget=AdminTextInputWidget,
        help_text=_("For example: French, English; or fr|en."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if (
                isinstance(field, forms.SplitDateTimeField)
                and (moment := getattr(self.instance, name, None))
                and self.instance.room_id
            ):
                self.initial[name] = moment.astimezone(self.instance.zone).replace(tzinfo=None)

    def full_clean(self) -> None:
        with timezone.override(self._zone()):
            super().full_clean()

    def clean_languages(self) -> str:
        """As people write them: “français, anglais”, or fr|en."""
        try:
            return Languages().clean(self.cleaned_data["languages"])
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def _zone(self) -> ZoneInfo:
        chosen = self.data.get(self.add_prefix("room"), "") if self.is_bound else ""
        key = whole_number(chosen)
        room = Room.objects.select_related("venue").filter(pk=key).first() if key else None
        return room.venue.zone if room else self._zone_of_edition()

    def _zone_of_edition(self) -> ZoneInfo:
        """As long as no room is chosen: that of the edition of the event, or of the current one."""
        chosen = self.data.get(self.add_prefix("event"), "") if self.is_bound else ""
        key = whole_number(chosen) or self.instance.event_id
        edition = Edition.objects.filter(events=key).first() if key else None
        edition = edition or editions.current()
        return ZoneInfo(edition.timezone) if edition else timezone.get_default_timezone()


class OnDay(admin.SimpleListFilter):
    """Sessions that take place at some moment of a day, at their venue. It offers the days of the edition by which the
    list is filtered, or of those that are not archived."""

    title = _("day")
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        edition = chosen_edition(request)
        found = Session.objects.of(edition) if edition else Session.objects.not_archived()
        spans = found.order_by().values_list("starts_at", "ends_at", "room__venue__timezone")
        days = {day for start, end, zone in spans for day in days_between(start, end, ZoneInfo(zone))}
        pattern = "D j N Y" if len({day.year for day in days}) > 1 else "D j N"
        return [(day.isoformat(), date_format(day, pattern)) for day in sorted(days)]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        try:
            return queryset.on(date.fromisoformat(self.value())) if self.value() else queryset
        except ValueError:
            return queryset.none()


# With the names of their editions, where there are several.
BY_PART = [("event", NamedWithEdition), ("track", NamedWithEdition)]


@admin.register(Session)
class SessionAdmin(EditionListAdmin, SheetAdmin, BilingualAdmin, SourcedAdmin):
    """The programme. The state changes by its actions alone; the domain says when it may."""

    resource_classes = [SessionResource]
    form = SessionForm
    edition_path = "event__edition"
    tells_effects = True
    list_display = ["title", "state", "when", "where", "to_verify", "access"]
    list_filter = [OnDay, "status", ToVerify, "access", *BY_PART, "room__venue", "kind"]
    list_select_related = ["event__edition", "track", "room__venue"]
    search_fields = ["search", "participations__speaker__search", "room__search"]
    search_help_text = _("Title, identifier, speaker or room")
    autocomplete_fields = ["event", "track", "room"]
    prepopulated_fields = {"slug": ["title"]}
    readonly_fields = ["state"]
    inlines = [ParticipationInline, DutyInline]
    actions = ["publish", "unpublish"]
    object_actions = ("publish", "unpublish")
    fieldsets = [
        (None, {"fields": ["state"]}),
        *in_two_languages("title", "description"),
        (
            _("Where and when"),
            {
                "fields": ["event", "track", "kind", "room", "starts_at", "ends_at", "languages"],
                "description": _("Times are in the venue’s local time."),
            },
        ),
        (
            _("Getting in"),
            {
                "fields": [
                    "access",
                    "holds_requests",
                    "capacity",
                    "over_capacity_reason",
                    "registration_opens_at",
                    "registration_closes_at",
                ]
            },
        ),
        (_("When it is full"), {"fields": ["waiting_list", "offer_hours", "draw_at"]}),
        source_fields("slug"),
    ]

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.warnings_view)
        return [path("warnings/", page, name="programme_session_warnings"), *super().get_urls()]

    def warnings_view(self, request: HttpRequest) -> HttpResponse:
        """What to look at in the whole programme, by kind."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = warnings()
        groups = [(label, [one for one in found if one.code == code]) for code, label in labels.items()]
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": _("To check in the programme"),
            "groups": [group for group in groups if group[1]],
            "number": len(found),
        }
        return TemplateResponse(request, "admin/programme/warnings.html", context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if (obj := kwargs.get("obj")) and request.method == "GET":
            context["warnings"] = warnings([obj.pk])
        return super().render_change_form(request, context, *args, **kwargs)

    def without_edition(self, obj: Session) -> str:
        return f"{obj} – {self.when(obj)}, {obj.room}"

    def why_kept(self, obj: Session) -> str:
        if obj.status == Session.Status.DRAFT:
            return ""
        return _("“%(title)s” is not a draft: move it back to draft first, or cancel it.") % {"title": obj}

    def offers(self, name: str, obj: Model) -> bool:
        return isinstance(obj, Session) and obj.status == {"publish": "draft", "unpublish": "published"}[name]

    @admin.display(description=_("when"), ordering="starts_at")
    def when(self, session: Session) -> str:
        begins, ends = session.local_starts_at, session.local_ends_at
        return f"{date_format(begins, 'D j N')}, {time_range(begins, ends)}"

    @admin.display(description=_("room"), ordering="room__name")
    def where(self, session: Session) -> SafeString:
        venue = Truncator(session.room.venue.name).chars(24)
        return format_html("{} <small>{}</small>", session.room.name, venue)

    @admin.display(description=_("status"), ordering="status")
    def state(self, session: Session) -> SafeString:
        tones = {Session.Status.DRAFT: "warn", Session.Status.PUBLISHED: "", Session.Status.CANCELLED: "bad"}
        return badge(session.get_status_display(), tones[Session.Status(session.status)])

    @admin.action(description=_("Publish"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        number = publish(queryset, request.user)
        self._tell(
            request,
            number,
            ngettext("%d session is now public.", "%d sessions are now public.", number),
            _("Nothing to publish."),
        )

    @admin.action(description=_("Back to draft"), permissions=["change"])
    def unpublish(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        try:
            number = unpublish(queryset, request.user)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return
        sentence = ngettext(
            "%d session is a draft again: the public can no longer see it.",
            "%d sessions are drafts again: the public can no longer see them.",
            number,
        )
        self._tell(request, number, sentence, _("None of these sessions were public."))

    def _tell(self, request: HttpRequest, number: int, done: str, nothing: Any) -> None:
        if number:
            self.message_user(request, done % number)
        else:
            self.message_user(request, nothing, messages.WARNING)
