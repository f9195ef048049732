"""Reminders: who is written to, when, and what became of each."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Min, Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core import clock
from core.admin import ON_ONE_PAGE, BilingualAdmin, CarefulAdmin, ReadOnlyInline, RecordAdmin, badge, in_two_languages
from core.templatetags.when import moment
from notices.domain import reminders
from notices.models import Reminder, ReminderRule
from programme.admin import NamedWithEdition, SessionAdmin

ODD_HOURS_TOLD = 3


class MomentInline(ReadOnlyInline):
    """The moments of a reminder, session by session."""

    model = Reminder
    fields = readonly_fields = ["session", "when", "leaves_at", "state", "people"]
    ordering = ["due_at", "pk"]
    verbose_name_plural = _("when it is sent")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reminder]:
        return super().get_queryset(request).select_related("session__room__venue", "rule__event", "rule__session")

    @admin.display(description=_("session starts"))
    def when(self, reminder: Reminder) -> str:
        return SessionAdmin.when(self, reminder.session)

    @admin.display(description=_("goes out at"))
    def leaves_at(self, reminder: Reminder) -> str:
        return moment(reminder.due_at, reminder.session.zone)

    @admin.display(description=_("status"))
    def state(self, reminder: Reminder) -> SafeString:
        if not reminder.queued_at:
            return badge(_("upcoming"), "quiet")
        return badge(reminder.get_outcome_display(), "warn" if reminder.outcome == Reminder.Outcome.MISSED else "")


@admin.register(ReminderRule)
class ReminderRuleAdmin(CarefulAdmin, BilingualAdmin, RecordAdmin):
    """The rules. What they mean for each session is planned at once, and followed when a session moves."""

    list_display = ["__str__", "audience", "asks", "next_at", "told", "is_active"]
    list_filter = ["is_active", "audience", "timing", ("event", NamedWithEdition)]
    list_select_related = ["event", "session"]
    search_fields = ["event__search", "session__search"]
    search_help_text = _("Event or session")
    autocomplete_fields = ["event", "session"]
    fieldsets = [
        (
            _("What it is about"),
            {
                "fields": ["event", "session"],
                "description": _("An event, to cover each of its sessions, or one session."),
            },
        ),
        (_("Who"), {"fields": ["audience", "answer_hours"]}),
        (
            _("When"),
            {
                "fields": ["timing", ("days", "at_time"), "minutes", "late_minutes"],
                "description": _(
                    "“Days before” goes by local time at the venue, even when the clocks change; minutes are counted "
                    "exactly. If the clocks change in between, the two differ by an hour."
                ),
            },
        ),
        *in_two_languages("note"),
        (None, {"fields": ["is_active"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReminderRule]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                people_told=Sum("reminders__people"),
                next_due=Min("reminders__due_at", filter=Q(reminders__queued_at=None)),
            )
        )

    def get_inlines(self, request: HttpRequest, obj: ReminderRule | None) -> list[Any]:
        return [MomentInline] if obj and obj.reminders.count() <= ON_ONE_PAGE else []

    def save_model(self, request: HttpRequest, obj: ReminderRule, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        now = clock.now()
        reminders.plan(now)
        odd = reminders.odd_hours(obj, now)
        for session, sentence in odd[:ODD_HOURS_TOLD]:
            self.message_user(request, f"{session}: {sentence}", messages.WARNING)
        if more := odd[ODD_HOURS_TOLD:]:
            self.message_user(
                request,
                ngettext("And %d more like this.", "And %d more like these.", len(more)) % len(more),
                messages.WARNING,
            )

    @admin.display(description=_("asks if they are still coming"), boolean=True)
    def asks(self, rule: ReminderRule) -> bool:
        return bool(rule.answer_hours)

    @admin.display(description=_("next"), ordering="next_due")
    def next_at(self, rule: Any) -> Any:
        return rule.next_due

    @admin.display(description=_("people told"), ordering="people_told")
    def told(self, rule: Any) -> int:
        return rule.people_told or 0
