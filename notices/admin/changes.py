"""Changes of the programme: what is still to be told, to how many people, and the quiet windows in which nobody is
told."""

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core import clock
from core.admin import CarefulAdmin, Form, ListAdmin, RecordAdmin, badge
from notices.domain import changes
from notices.models import Change, QuietWindow
from programme.admin import NamedWithEdition, SessionAdmin
from registrations.models import Registration

Status = Registration.Status
COUNTED = [Status.CONFIRMED, Status.OFFERED, Status.PENDING, Status.WAITING]


@admin.register(Change)
class ChangeAdmin(ListAdmin):
    """What has moved. Rows are made by the programme, and told by the clock or by a quiet window."""

    list_display = ["session", "was", "now", "state", "people", "changed_at"]
    list_filter = [("told_at", admin.EmptyFieldListFilter), ("session__event", NamedWithEdition)]
    list_select_related = ["session__room__venue", "was_room__venue"]
    search_fields = ["session__search"]
    date_hierarchy = "changed_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Change | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Change | None = None) -> bool:
        return False

    @admin.display(description=_("was"))
    def was(self, change: Change) -> SafeString:
        [then] = changes.stood([changes.before_of(change)], [change.was_room])
        return format_html("{} <small>{}</small>", SessionAdmin.when(self, then), then.room)

    @admin.display(description=_("is now"))
    def now(self, change: Change) -> SafeString:
        return format_html("{} <small>{}</small>", SessionAdmin.when(self, change.session), change.session.room)

    @admin.display(description=_("status"), ordering="told_at")
    def state(self, change: Change) -> SafeString:
        return badge(_("announced"), "") if change.told_at else badge(_("to be announced"), "warn")


class QuietWindowForm(Form):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "event" in data and QuietWindow.objects.filter(event=data["event"], published_at=None).exists():
            raise ValidationError(_("A quiet window is already open for this."))
        return data


@admin.register(QuietWindow)
class QuietWindowAdmin(CarefulAdmin, RecordAdmin):
    """While one is open, edits of the programme are told to nobody; publishing tells each person once."""

    form = QuietWindowForm
    list_display = ["__str__", "state", "opened_at", "published_at", "people"]
    list_display_links = ["__str__"]
    list_select_related = ["event"]
    autocomplete_fields = ["event"]
    actions = ["publish"]
    object_actions = ("publish",)
    fields = ["event"]
    empty_words = _(
        "No quiet window is open: each change to a session is announced separately. Open one to edit in peace, then "
        "publish everything at once."
    )

    def get_fields(self, request: HttpRequest, obj: QuietWindow | None = None) -> list[str]:
        return ["event", "state", "held", "opened_at", "published_at", "people"] if obj else ["event"]

    def get_readonly_fields(self, request: HttpRequest, obj: QuietWindow | None = None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def has_change_permission(self, request: HttpRequest, obj: QuietWindow | None = None) -> bool:
        return False  # it is opened and published, no more

    def has_delete_permission(self, request: HttpRequest, obj: QuietWindow | None = None) -> bool:
        return False

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notices.change_quietwindow")

    def offers(self, name: str, obj: Any) -> bool:
        return obj.published_at is None

    def save_model(self, request: HttpRequest, obj: QuietWindow, form: Any, change: bool) -> None:
        opened = changes.open_window(obj.event_id, actor=request.user)
        obj.pk, obj._state.adding = opened.pk, False
        self.message_user(request, _("From now on, nobody is told about changes until you publish them."))

    @admin.display(description=_("status"), ordering="published_at")
    def state(self, window: QuietWindow) -> SafeString:
        return badge(_("published"), "quiet") if window.published_at else badge(_("open"), "warn")

    @admin.display(description=_("changes held"))
    def held(self, window: QuietWindow) -> int | str:
        return "–" if window.published_at else len(changes.held_by(window, clock.now()))

    @admin.action(description=_("Publish the changes…"), permissions=["publish"])
    def publish(self, request: HttpRequest, queryset: QuerySet[QuietWindow]) -> HttpResponse | None:
        window = queryset.filter(published_at=None).first()
        if window is None or queryset.count() > 1:
            self.message_user(request, _("Choose one open window."), messages.WARNING)
            return None
        now = clock.now()
        if "confirm" in request.POST:
            number = changes.publish(window, actor=request.user, at=now)
            sentence = ngettext(
                "Published: %d person will be told by email.", "Published: %d people will be told by email.", number
            )
            self.message_user(request, sentence % number if number else _("Published: nobody needed to be told."))
            return None
        told = changes.preview(changes.held_by(window, now))
        people = {
            registration.attendee_id: registration.attendee.user.language
            for each in told
            for registration in each.registrations
        }
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": _("Publish the changes?"),
            "window": window,
            "rows": [(each, _counts(each.registrations)) for each in told],
            "statuses": [status.label for status in COUNTED],
            "people": len(people),
            "languages": Counter(people.values()),
            "back": reverse("admin:notices_quietwindow_change", args=[window.pk]),
        }
        return TemplateResponse(request, "admin/notices/quietwindow/publish.html", context)


def _counts(registrations: list[Registration]) -> list[tuple[Any, int]]:
    number = Counter(registration.status for registration in registrations)
    return [(status.label, number[status]) for status in COUNTED]
