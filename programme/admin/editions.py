"""The editions of the summit: what is written about each, and which of them is open, archived and the current one."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin import CarefulAdmin, ReadOnlyInline, RecordAdmin, badge, in_two_languages
from core.templatetags.when import date_range
from programme.admin.in_edition import ColourAdmin
from programme.admin.next_edition import next_edition_page
from programme.admin.retention import retention_page
from programme.domain import editions, legal_facts
from programme.models import Edition, RetentionRule

State = Edition.State
TONES = {State.PREPARATION: "warn", State.OPEN: "", State.ARCHIVED: "quiet"}


class RetentionRules(ReadOnlyInline):
    model = RetentionRule
    fields = ["name", "days"]
    readonly_fields = ["name"]
    verbose_name_plural = _("Data kept for another time than proposed")

    @admin.display(description=_("kind of data"))
    def name(self, rule: RetentionRule) -> str:
        return str(rule)


@admin.register(Edition)
class EditionAdmin(ColourAdmin, CarefulAdmin, RecordAdmin):
    """What became of an edition changes by its actions alone; the domain says when it may."""

    list_display = ["name", "state_shown", "current_shown", "dates", "city", "number_of_events"]
    list_filter = ["state"]
    search_fields = ["search"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["state_shown", "current_shown"]
    actions = ["open_edition", "archive", "make_current", "take_back"]
    object_actions = ("open_edition", "archive", "make_current", "take_back")
    empty_words = _("None yet. Until there is a current edition, pages say that nothing has been announced.")
    fieldsets = [
        (None, {"fields": ["state_shown", "current_shown"]}),
        *in_two_languages("name", "tagline", "city"),
        (_("When"), {"fields": [("starts_on", "ends_on"), "timezone"]}),
        (_("Page"), {"fields": ["slug", "accent", "link"]}),
        (_("Contacts"), {"fields": ["contact", "security_contact"]}),
        (
            _("Legal notice"),
            {
                "fields": [
                    *("publisher", "publisher_address", ("publisher_phone", "publisher_registration")),
                    *("host", "host_address", "host_phone"),
                ]
            },
        ),
        *in_two_languages("publisher_form", "publication_director", "legal_text"),
        (_("Personal data"), {"fields": ["data_controller", "privacy_contact", "legal_basis"]}),
        *in_two_languages(
            "data_protection_officer", "complaint_authority", "data_transfers", "privacy_text", "cookies_text"
        ),
        (
            _("Accessibility"),
            {"fields": [("accessibility_level", "accessibility_stated_on"), "accessibility_contact"]},
        ),
        *in_two_languages("accessibility_tests", "accessibility_gaps", "accessibility_plan", "accessibility_text"),
    ]
    change_form_template = "admin/programme/edition/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Edition]:
        return super().get_queryset(request).annotate(events_count=Count("events"))

    def get_view_on_site_url(self, obj: Edition | None = None) -> str | None:
        return super().get_view_on_site_url(obj) if obj is None or obj.is_public else None

    def in_chooser(self, obj: Edition) -> str:
        return f"{obj} – {date_range(obj.starts_on, obj.ends_on)}"

    def why_kept(self, obj: Edition) -> str:
        if not obj.is_current:
            return ""
        return _("“%(edition)s” is the current edition. Make another edition current first.") % {"edition": obj}

    def offers(self, name: str, obj: Model) -> bool:
        assert isinstance(obj, Edition)  # noqa: S101 - for the types
        return {
            "open_edition": obj.state != State.OPEN,
            "archive": obj.state == State.OPEN,
            "make_current": obj.is_public and not obj.is_current,
            "take_back": obj.state == State.OPEN and not obj.is_current,
        }[name]

    @admin.display(description=_("state"), ordering="state")
    def state_shown(self, edition: Edition) -> SafeString:
        return badge(edition.get_state_display(), TONES[State(edition.state)])

    @admin.display(description=_("current"), ordering="-is_current")
    def current_shown(self, edition: Edition) -> SafeString | str:
        return badge(_("current")) if edition.is_current else "–"

    @admin.display(description=_("dates"), ordering="starts_on")
    def dates(self, edition: Edition) -> str:
        return date_range(edition.starts_on, edition.ends_on)

    @admin.display(description=_("events"), ordering="events_count")
    def number_of_events(self, edition: Any) -> int:
        return edition.events_count

    def get_urls(self) -> list[URLPattern]:
        def page(request: HttpRequest, pk: int) -> HttpResponse:
            return next_edition_page(self, request, get_object_or_404(Edition, pk=pk))

        def kept(request: HttpRequest, pk: int) -> HttpResponse:
            return retention_page(self, request, get_object_or_404(Edition, pk=pk))

        view = self.admin_site.admin_view(page)
        return [
            path("<int:pk>/next/", view, name="programme_edition_next"),
            path("<int:pk>/retention/", self.admin_site.admin_view(kept), name="programme_edition_retention"),
            *super().get_urls(),
        ]

    def get_inlines(self, request: HttpRequest, obj: Edition | None) -> list[Any]:
        """The periods that organisers have chosen are shown where there are any: they are written on a page of their
        own."""
        return [RetentionRules] if obj and RetentionRule.history.filter(edition=obj.pk).exists() else []

    def object_links(self, request: HttpRequest, obj: Edition) -> list[tuple[str, Any]]:
        links = super().object_links(request, obj)
        links.append((reverse("admin:programme_edition_retention", args=[obj.pk]), _("How long data is kept")))
        if self.has_add_permission(request):
            links.append((reverse("admin:programme_edition_next", args=[obj.pk]), _("Start the next edition…")))
        return links

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        # As it is kept: a form with mistakes may already hold what is missing.
        kept = Edition.objects.filter(pk=context["object_id"]).first() if context.get("object_id") else None
        if kept and not kept.is_archived:
            context["missing_facts"] = legal_facts.missing(kept)
        return super().render_change_form(request, context, *args, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, forms.Textarea):
            field.widget.attrs["rows"] = 4  # there are many, and most stay empty
        return field

    # --- What becomes of it ---

    @admin.action(description=_("Open to the public"), permissions=["change"])
    def open_edition(self, request: HttpRequest, queryset: QuerySet[Edition]) -> None:
        done, already = _("“%(edition)s” is open."), _("“%(edition)s” was already open.")
        self._turn(request, queryset, editions.open_edition, done, already)

    @admin.action(description=_("Archive"), permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Edition]) -> None:
        done = _("“%(edition)s” is archived. It can still be read, but no longer takes registrations.")
        self._turn(request, queryset, editions.archive, done, _("“%(edition)s” was already archived."))

    @admin.action(description=_("Make current"), permissions=["change"])
    def make_current(self, request: HttpRequest, queryset: QuerySet[Edition]) -> None:
        if queryset.count() > 1:
            self.message_user(request, _("Choose one edition: only one can be current."), messages.WARNING)
            return
        done = _("“%(edition)s” is now the current edition.")
        self._turn(request, queryset, editions.make_current, done, _("“%(edition)s” was already the current edition."))

    @admin.action(description=_("Hide again"), permissions=["change"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Edition]) -> None:
        done = _("“%(edition)s” is back in preparation: the public can no longer see it.")
        already = _("“%(edition)s” was already in preparation.")
        self._turn(request, queryset, editions.take_back, done, already)

    def _turn(
        self,
        request: HttpRequest,
        queryset: QuerySet[Edition],
        act: Callable[..., bool],
        done: Any,
        already: Any,
    ) -> None:
        """Let the domain do it to each, and tell what it did, or why not."""
        for edition in queryset.order_by("pk"):
            said = {"edition": edition}
            try:
                is_new = act(edition, actor=request.user)
            except ValidationError as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
            else:
                level = messages.SUCCESS if is_new else messages.WARNING
                self.message_user(request, (done if is_new else already) % said, level)
