"""The queue of mails, what was sent to whom, and the addresses that get none."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core import audit_log, clock
from core.admin import ListAdmin, RecordAdmin, Values, badge
from core.emails import normalise_domain, normalise_email
from outbox.domain import holds, lanes, mail_kinds, overview, suppression
from outbox.domain.retrying import retry
from outbox.models import Message, MessageQuerySet, SuppressedAddress


@admin.register(Message)
class MessageAdmin(ListAdmin):
    """What was written to whom, and the queue. Mails that hold a code to sign in show nothing of it: reading one would
    be signing in as someone else."""

    list_display = ["to", "state_and_reason", "kind", "subject_or_none", "created_at", "sent_at"]
    list_display_links = ["to", "kind"]
    list_filter = ["status", "lane", ("kind", Values), "created_at"]
    search_fields = ["to", "kind", "last_error"]
    search_help_text = _("Name or email address, kind of email, or the server’s reply")
    date_hierarchy = "created_at"
    actions = ["retry_sending"]
    secret_fields = ("subject", "text", "html", "calendar", "context", "dedupe_key", "uuid", "lease_token")
    object_actions = ("retry_sending",)
    fieldsets = [
        (None, {"fields": ["to", "kind", "state", "reason", "tries", "takeovers", "lane", "language"]}),
        (
            _("Dates and times"),
            {"fields": ["created_at", "not_before", "failing_since", "lease_until", "sent_at", "purged_at"]},
        ),
        (_("What was sent"), {"fields": ["subject_or_none", "body", "calendar_file"]}),
    ]
    readonly_fields = ["state", "reason", "subject_or_none", "body", "calendar_file", "created_at"]

    def get_urls(self) -> list[URLPattern]:
        return [
            path("queue/", self.admin_site.admin_view(self.queue), name="outbox_message_queue"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.change_message")

    def offers(self, name: str, obj: Model) -> bool:
        return isinstance(obj, Message) and obj.status == Message.Status.FAILED and obj.purged_at is None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        bad = SuppressedAddress.objects.filter(address=OuterRef("to"), cleared_at=None).values("reason")[:1]
        return super().get_queryset(request).defer("text", "html", "calendar", "context").annotate(bad=Subquery(bad))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """As usual, and by the names of people: whoever the list of accounts finds."""
        normalise = normalise_email if "@" in search_term else normalise_domain
        found, may_repeat = admin.ModelAdmin.get_search_results(self, request, queryset, normalise(search_term))
        people = self.admin_site.get_model_admin(get_user_model())
        if search_term and people.has_view_permission(request):
            accounts, _repeats = people.get_search_results(
                request, get_user_model()._default_manager.order_by(), search_term
            )
            found |= queryset.filter(to__in=accounts.values("email"))
        return found, may_repeat

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        held = list(holds.current())
        context = {
            "lanes": overview.lanes(clock.now()),
            "holds": held,
            "held_mails": holds.held_since(held).count() if held else 0,
            "may_change_queue": self.has_retry_permission(request),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def queue(self, request: HttpRequest) -> HttpResponse:
        """Pause or resume a lane, or end a hold, and go back to the list."""
        if request.method != "POST" or not self.has_retry_permission(request):
            raise PermissionDenied
        lane = next((lane for lane in Message.Lane if str(lane.value) == request.POST.get("lane")), None)
        match request.POST.get("act"), lane:
            case "pause", Message.Lane():
                lanes.pause(lane, actor=request.user)
                self.message_user(request, _("This lane is paused. Its emails will wait until somebody resumes it."))
            case "resume", Message.Lane():
                lanes.resume(lane, actor=request.user)
                self.message_user(request, _("This lane is open. Emails that are due will be sent within seconds."))
            case ("release-new" | "release-all") as choice, _any:
                dropped = holds.release(drop_older=choice == "release-new", actor=request.user)
                if dropped is None:
                    self.message_user(
                        request,
                        _("There are no emails on hold any more: somebody else got there first."),
                        messages.WARNING,
                    )
                else:
                    self.message_user(
                        request,
                        ngettext(
                            "Emails are going out again; %d was dropped.",
                            "Emails are going out again; %d were dropped.",
                            dropped,
                        )
                        % dropped,
                    )
        return HttpResponseRedirect(reverse("admin:outbox_message_changelist"))

    @admin.display(description=_("status"), ordering="status")
    def state(self, message: Message) -> SafeString:
        tone = {Message.Status.SENT: "", Message.Status.FAILED: "bad", Message.Status.DROPPED: "quiet"}.get(
            Message.Status(message.status), "warn"
        )
        shown = badge(message.get_status_display(), tone)
        if message.status == Message.Status.SENT and message.takeovers:
            shown = format_html("{} {}", shown, badge(_("again after a crash"), "warn"))
        if bad := getattr(message, "bad", None):
            shown = format_html("{} {}", shown, badge(SuppressedAddress.Reason(bad).label, "bad"))
        return shown

    @admin.display(description=_("status"), ordering="status")
    def state_and_reason(self, message: Message) -> SafeString:
        reason = self.reason(message)
        return (
            format_html("{}<small>{}</small>", self.state(message), Truncator(reason).chars(200))
            if reason
            else self.state(message)
        )

    @admin.display(description=_("reason"), ordering="last_error")
    def reason(self, message: Message) -> str:
        return message.reason

    @admin.display(description=_("subject"))
    def subject_or_none(self, message: Message) -> str:
        return str(_("(not shown: this email gives access to an account)")) if is_secret(message) else message.subject

    @admin.display(description=_("text"))
    def body(self, message: Message) -> str:
        if is_secret(message):
            return str(_("(not shown: this email gives access to an account)"))
        if message.purged_at:
            return str(_("(deleted: the text is only kept for a while)"))
        if not message.text and message.status == Message.Status.DROPPED:
            return str(_("(never written, because the email was dropped)"))
        if not message.text:
            return str(_("(written when it’s sent)"))
        return format_html('<pre dir="auto">{}</pre>', message.text)

    @admin.display(description=_("calendar"))
    def calendar_file(self, message: Message) -> str:
        return format_html("<pre>{}</pre>", message.calendar) if message.calendar else ""

    @admin.action(description=_("Resend failed emails"), permissions=["retry"])
    def retry_sending(self, request: HttpRequest, queryset: MessageQuerySet) -> None:
        queued = retry(queryset)
        if queued:
            audit_log.record("resent", Message, actor=request.user, rows=queued)
            self.message_user(
                request,
                ngettext(
                    "%d email is queued again and will be sent within seconds.",
                    "%d emails are queued again and will be sent within seconds.",
                    queued,
                )
                % queued,
            )
        else:
            self.message_user(
                request, _("None of these emails has failed, so there’s nothing to resend."), messages.WARNING
            )


@admin.register(SuppressedAddress)
class SuppressedAddressAdmin(RecordAdmin):
    """Addresses that the mail provider reported, and the way back for those that work again."""

    list_display = ["address", "state", "words", "reported_at", "cleared_at"]
    list_filter = ["reason", ("cleared_at", admin.EmptyFieldListFilter)]
    search_fields = ["search"]
    actions = ["clear_marks"]
    object_actions = ("clear_marks",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SuppressedAddress | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SuppressedAddress | None = None) -> bool:
        return False

    def has_clear_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.change_suppressedaddress")

    def offers(self, name: str, obj: Model) -> bool:
        return isinstance(obj, SuppressedAddress) and obj.cleared_at is None

    def object_links(self, request: HttpRequest, obj: SuppressedAddress) -> list[tuple[str, Any]]:
        return [*super().object_links(request, obj), *link_to_mails(request, [obj.address])]

    @admin.display(description=_("reason"), ordering="reason")
    def state(self, bad: SuppressedAddress) -> SafeString:
        return badge(_("cleared"), "quiet") if bad.cleared_at else badge(bad.get_reason_display(), "bad")

    @admin.action(description=_("Remove from the suppression list"), permissions=["clear"])
    def clear_marks(self, request: HttpRequest, queryset: QuerySet[SuppressedAddress]) -> None:
        cleared = sum(suppression.clear(bad, actor=request.user) for bad in queryset)
        self.message_user(
            request,
            ngettext("%d address can receive emails again.", "%d addresses can receive emails again.", cleared)
            % cleared,
        )


def link_to_mails(request: HttpRequest, to: Iterable[str]) -> list[tuple[str, Any]]:
    """The link to what these addresses were sent, for whoever may see it."""
    if not request.user.has_perm("outbox.view_message"):
        return []
    return [
        (f"{reverse('admin:outbox_message_changelist')}?{urlencode({'to__in': ','.join(sorted(to))})}", _("Emails"))
    ]


def is_secret(message: Message) -> bool:
    """Whether reading the message is enough to act as the person that it is sent to."""
    return mail_kinds.is_key(message.kind)
