"""Announcements: written, tried out, sent to many people now or later, and stopped."""

from collections import Counter
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core import clock
from core.admin import BilingualAdmin, CarefulAdmin, Form, RecordAdmin, badge, in_two_languages
from core.text import whole_numbers
from notices.domain import announcing
from notices.models import Announcement
from outbox.domain import mail_templates
from outbox.models import Message
from programme.admin import NamedWithEdition
from registrations.models import Registration

LIVE = [(status.value, status.label) for status in Registration.Status if status not in Registration.ENDED]
TEXTS = ("subject_fr", "subject_en", "body_fr", "body_en")


class AnnouncementForm(Form):
    statuses = forms.MultipleChoiceField(
        label=_("Whose registration is"),
        choices=LIVE,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        initial=["confirmed"],
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        session, event, cohort = (data.get(name) for name in ("session", "event", "cohort"))
        if session and event:
            self.add_error("session", _("Choose an event, to include all its sessions, or one session."))
        if not (session or event or cohort) and not self.errors.keys() & {"session", "event", "cohort"}:
            self.add_error("event", _("Choose who it goes to: an event, a session or a cohort."))
        if (session or event) and not data.get("statuses") and "statuses" not in self.errors:
            self.add_error("statuses", _("Choose at least one."))
        self._check_languages(data)
        for name in TEXTS:
            try:
                announcing.check_text(data.get(name) or "", has_session=bool(session), has_event=bool(event))
            except ValidationError as wrong:
                self.add_error(name, wrong)
        return data

    def _check_languages(self, data: dict[str, Any]) -> None:
        """A text is needed in each language that somebody among the recipients reads, and in one at least."""
        if self.errors.keys() & {*TEXTS, "event", "session", "cohort", "statuses"}:
            return
        chosen = {name: data.get(name) for name in (*TEXTS, "event", "session", "cohort", "statuses", "must_reach")}
        announcement = Announcement(**chosen)
        needed = announcing.languages_read(announcement) | {name[-2:] for name in TEXTS if data.get(name)} or {"fr"}
        for name in TEXTS:
            if name[-2:] in needed and not data.get(name):
                self.add_error(name, _("Some of the recipients read this language: write the text in it too."))


class SendForm(forms.Form):
    """Now, or at a moment to come by the clocks of the summit."""

    send_at = forms.SplitDateTimeField(
        label=_("Later, at"), required=False, widget=AdminSplitDateTime, help_text=_("Leave empty to send now.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        for widget, name in zip(
            self.fields["send_at"].widget.widgets, (_("Later, date"), _("Later, time")), strict=True
        ):
            widget.attrs["aria-label"] = name

    def clean_send_at(self) -> datetime | None:
        send_at: datetime | None = self.cleaned_data["send_at"]
        if send_at and send_at <= clock.now():
            raise ValidationError(_("This time has passed."))
        return send_at


@admin.register(Announcement)
class AnnouncementAdmin(CarefulAdmin, BilingualAdmin, RecordAdmin):
    """A draft is written and changed; what was sent is only read. Sending and stopping are the domain's."""

    form = AnnouncementForm
    list_display = ["subject", "state", "to_whom", "people", "send_at", "created_at"]
    list_filter = ["status", ("event", NamedWithEdition), ("cohort", NamedWithEdition)]
    list_select_related = ["event", "session", "cohort"]
    search_fields = ["search"]
    date_hierarchy = "created_at"
    autocomplete_fields = ["event", "session", "cohort"]
    actions = ["send", "send_test", "stop"]
    object_actions = ("send", "send_test", "stop")
    readonly_fields = ["state", "audience_now", "progress"]

    def get_fieldsets(self, request: HttpRequest, obj: Announcement | None = None) -> list[Any]:
        written = obj is not None and obj.status != Announcement.Status.DRAFT
        head = [(None, {"fields": ["state", "send_at", "progress"]})] if written else []
        texts = in_two_languages("subject", "body")
        return [
            *head,
            *texts,
            (
                _("Recipients"),
                {
                    "fields": [
                        "event",
                        "session",
                        "cohort",
                        "statuses",
                        "must_reach",
                        *([] if written else ["audience_now"]),
                    ],
                    "description": _(
                        "Choose an event or a session, and a cohort too if you only want its members among those "
                        "people. Or choose a cohort on its own for all its members. In the text you can write {name}, "
                        "{programme} (the address of the person’s programme) and {event}, and for a session {session}, "
                        "{when} and {where}."
                    ),
                },
            ),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Announcement | None = None) -> list[str]:
        if obj is None or obj.status == Announcement.Status.DRAFT:
            return self.readonly_fields
        return [
            *self.readonly_fields,
            *TEXTS,
            "event",
            "session",
            "cohort",
            "statuses_in_words",
            "must_reach",
            "send_at",
        ]

    def has_change_permission(self, request: HttpRequest, obj: Announcement | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.status == Announcement.Status.DRAFT)

    def has_delete_permission(self, request: HttpRequest, obj: Announcement | None = None) -> bool:
        return (
            super().has_delete_permission(request, obj) and obj is not None and obj.status == Announcement.Status.DRAFT
        )

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notices.change_announcement")

    def offers(self, name: str, obj: Any) -> bool:
        is_draft = obj.status == Announcement.Status.DRAFT
        return {"send": is_draft, "send_test": True, "stop": obj.status in ("scheduled", "queued")}[name]

    # --- What is shown ---

    @admin.display(description=_("status"), ordering="status")
    def state(self, announcement: Announcement) -> SafeString:
        tones = {
            Announcement.Status.QUEUED: "",
            Announcement.Status.STOPPED: "bad",
            Announcement.Status.SCHEDULED: "warn",
        }
        return badge(announcement.get_status_display(), tones.get(Announcement.Status(announcement.status), "quiet"))

    @admin.display(description=_("recipients"))
    def to_whom(self, announcement: Announcement) -> str:
        return " · ".join(
            str(part) for part in (announcement.session or announcement.event, announcement.cohort) if part
        )

    @admin.display(description=_("whose registration is"))
    def statuses_in_words(self, announcement: Announcement) -> str:
        return ", ".join(str(dict(LIVE).get(status, status)) for status in announcement.statuses)

    @admin.display(description=_("with these choices"))
    def audience_now(self, announcement: Announcement) -> SafeString:
        counted = _in_words(announcing.audience(announcement)) if announcement.pk else ""
        return format_html(
            '<output data-audience="{}">{}</output>', reverse("admin:notices_announcement_audience"), counted
        )

    @admin.display(description=_("emails"))
    def progress(self, announcement: Announcement) -> str:
        rows = (
            announcing.mails_of(announcement).values_list("status").annotate(n=Count("pk")) if announcement.pk else []
        )
        labels = dict(Message.Status.choices)
        return ", ".join(f"{labels[status]}: {number}" for status, number in sorted(rows)) or "–"

    def get_urls(self) -> list[URLPattern]:
        count = path("audience/", self.admin_site.admin_view(self.audience), name="notices_announcement_audience")
        return [count, *super().get_urls()]

    def audience(self, request: HttpRequest) -> HttpResponse:
        """How many people the audience in the boxes of the form has, before it is saved. What makes no sense counts as
        empty."""
        if not self.has_view_permission(request):
            return JsonResponse({}, status=403)
        chosen = {
            name: next(iter(whole_numbers([request.GET.get(name, "")])), None)
            for name in ("event", "session", "cohort")
        }
        asked = Announcement(
            **{f"{name}_id": key for name, key in chosen.items()},
            statuses=[status for status in request.GET.getlist("statuses") if status in dict(LIVE)],
            must_reach="must_reach" in request.GET,
        )
        return JsonResponse({"words": _in_words(announcing.audience(asked))})

    # --- What is done ---

    @admin.action(description=_("Send…"), permissions=["send"])
    def send(self, request: HttpRequest, queryset: QuerySet[Announcement]) -> HttpResponse | None:
        announcements = queryset.filter(status=Announcement.Status.DRAFT).select_related(
            "event__edition", "session__event__edition", "session__room__venue", "cohort"
        )
        announcement = announcements.first()
        if announcement is None or queryset.count() > 1:
            self.message_user(request, _("Choose one draft."), messages.WARNING)
            return None
        form = SendForm(request.POST if "confirm" in request.POST else None)
        written = announcing.languages_written(announcement)
        if announcing.languages_read(announcement).difference(written):
            sentence = _("Some of the recipients read a language in which there is no text yet: write it first.")
            self.message_user(request, sentence, messages.WARNING)
            return None
        if form.is_valid():
            later = form.cleaned_data["send_at"]
            if announcing.schedule(announcement, later or clock.now(), actor=request.user):
                self.message_user(
                    request,
                    _("It will be sent at the chosen time; you can stop it until then.")
                    if later
                    else _("It is on its way."),
                )
            return None
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": _("Send this announcement?"),
            "announcement": announcement,
            "form": form,
            "audience": _in_words(announcing.audience(announcement)),
            "previews": [_preview(announcement, language, request.user.get_short_name()) for language in written],
            "back": reverse("admin:notices_announcement_change", args=[announcement.pk]),
        }
        return TemplateResponse(request, "admin/notices/announcement/send.html", context)

    @admin.action(description=_("Send it to me only"), permissions=["send"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Announcement]) -> None:
        announcement = queryset.first()
        if announcement is None or queryset.count() > 1:
            self.message_user(request, _("Choose one announcement."), messages.WARNING)
            return
        for language in announcing.languages_written(announcement):
            announcing.send_test(announcement, request.user, language, clock.now())
        self.message_user(request, _("It is on its way to %(email)s.") % {"email": str(request.user)})

    @admin.action(description=_("Stop"), permissions=["send"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Announcement]) -> None:
        for announcement in queryset.filter(status__in=["scheduled", "queued"]):
            dropped = announcing.stop(announcement, actor=request.user)
            sentence = ngettext(
                "Stopped: %d unsent email has been dropped.",
                "Stopped: %d unsent emails have been dropped.",
                dropped,
            )
            self.message_user(request, sentence % dropped)


def _in_words(people: QuerySet[Any]) -> str:
    """“312 people, 40 of them in English”, in one query."""
    number = Counter(dict(people.order_by().values_list("user__language").annotate(n=Count("pk"))))
    total = sum(number.values())
    words = ngettext(
        "%(number)d person, %(english)d in English", "%(number)d people, %(english)d of them in English", total
    )
    return words % {"number": total, "english": number["en"]}


def _preview(announcement: Announcement, language: str, name: str) -> dict[str, str]:
    with translation.override(language):
        known = announcing.values(announcement, name)
        title = {"fr": "Français", "en": "English"}[language]
        return {
            "language": language,
            "title": title,
            "subject": mail_templates.fill(announcement.subject, known),
            "body": mail_templates.fill(announcement.body, known),
        }
