"""What organisers see of partners' lists: every one, whose it is, and its history. They are changed in the portal,
which organisers may open on behalf of every institution."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import CarefulAdmin, Form, LabelledInline, ListAdmin, RecordAdmin, badge
from outbox.domain.posting import ring_task
from partners.domain import identity, provider_documents, retention, sign_in_failures
from partners.models import Invitee, PartnerRole, ProviderDocuments, SignIn, Upload
from partners.templatetags.lists import outcome
from programme.admin import OnlyNamedWithEdition
from registrations.admin.cohorts import InstitutionAdmin
from registrations.models import Institution

DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z]{2,}")


class ReadOnly(ListAdmin):
    """Looked at here, changed in the portal."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def object_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, Any]]:
        return [(_portal(obj), _("Open in the portal"))]

    @admin.display(description=_("portal"))
    def portal(self, obj: Any) -> SafeString:
        return format_html('<a href="{}" aria-label="{}">{}</a>', _portal(obj), _("Open in the portal"), _("Open"))


def _portal(obj: Any) -> str:
    return reverse("partners:cohort", args=[obj.institution.slug, obj.cohort.slug])


TONES = {"applied": "", "refused": "bad", "review": "warn", "undone": "quiet"}


@admin.register(Upload)
class UploadAdmin(ReadOnly):
    list_display = ["file_name", "cohort", "uploaded_by", "state", "what", "created_at", "portal"]
    list_filter = ["status", ("institution", admin.RelatedOnlyFieldListFilter)]
    empty_words = _("No lists yet. Institutions upload theirs in the portal, and you can do it for them.")
    list_select_related = ["cohort", "institution", "uploaded_by"]
    search_fields = ["search", "cohort__search", "institution__search", "uploaded_by__search"]
    date_hierarchy = "created_at"
    fields = [
        "file_name",
        "file_hash",
        "institution",
        "cohort",
        "uploaded_by",
        "shared_by",
        "shared_at",
        "mode",
        "state",
        "what",
        "created_at",
        "applied_at",
        "until",
    ]
    readonly_fields = ["state", "what", "until"]

    @admin.display(description=_("status"), ordering="status")
    def state(self, upload: Upload) -> SafeString:
        return badge(upload.get_status_display(), TONES.get(upload.status, "quiet"))

    @admin.display(description=_("result"))
    def what(self, upload: Upload) -> str:
        return outcome(upload.counts) if upload.status in ("applied", "undone", "review") else ""

    @admin.display(description=_("file and rows kept until"))
    def until(self, upload: Upload) -> Any:
        return retention.upload_kept_until(upload) if upload.is_open else upload.applied_at


@admin.register(Invitee)
class InviteeAdmin(ReadOnly, RecordAdmin):
    list_display = ["name", "email", "reference", "cohort", "status", "answered_at", "portal"]
    list_filter = [
        "status",
        ("institution", admin.RelatedOnlyFieldListFilter),
        ("cohort", OnlyNamedWithEdition),
    ]
    empty_words = _("Nobody yet. People appear here when institutions upload their lists.")
    list_select_related = ["cohort", "institution"]
    search_fields = ["search"]
    secret_fields = ("key_version", "old_key_hash", "uuid")
    fields = [
        *("last_name", "first_name", "email", "reference", "programme"),
        *("institution", "cohort", "upload", "status", "attendee", "created_at", "answered_at", "reminded_at", "until"),
    ]
    readonly_fields = ["attendee", "until"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitee]:
        return super().get_queryset(request).select_related("institution", "cohort")

    @admin.display(description=_("name"), ordering="last_name")
    def name(self, invitee: Invitee) -> str:
        return str(invitee) or "–"

    @admin.display(description=_("kept until"))
    def until(self, invitee: Invitee) -> Any:
        return retention.kept_until(invitee)


class SignInForm(Form):
    """The secret is written and never shown again: an empty box keeps it."""

    secret = forms.CharField(
        label=_("Client secret"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "vTextField"}),
        help_text=_("Not shown. Leave empty to keep it as it is."),
    )

    class Meta:
        widgets = {"domains": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})}

    def clean_secret(self) -> str:
        return self.cleaned_data["secret"] or self.instance.secret

    def clean_domains(self) -> str:
        found = identity.domains(self.cleaned_data["domains"])
        if bad := [domain for domain in found if not DOMAIN.fullmatch(domain)]:
            raise ValidationError(_("This is not a domain: %(domain)s") % {"domain": bad[0]})
        return "\n".join(found)


@admin.register(SignIn)
class SignInAdmin(CarefulAdmin, RecordAdmin):
    """Whoever sets one up lets a server of somebody else say who people are: administrators with every right do."""

    form = SignInForm
    list_display = ["institution", "protocol", "domains", "is_active"]
    list_select_related = ["institution"]
    search_fields = ["institution__search", "search"]
    autocomplete_fields = ["institution"]
    readonly_fields = ["addresses", "documents_state", "last_failures"]
    secret_fields = ("secret",)
    fieldsets = [
        (None, {"fields": ["institution", "protocol", "domains", "is_active", "addresses", "last_failures"]}),
        ("OpenID Connect, ProConnect", {"fields": ["server_url", "client_id", "secret", "documents_state"]}),
        ("SAML", {"fields": ["entity_id", "sso_url", "certificate"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    @admin.display(description=_("address to give the institution"))
    def addresses(self, sign_in: SignIn) -> Any:
        if not sign_in.pk:
            return "–"
        slug = sign_in.institution.slug
        if sign_in.protocol in SignIn.OPENID:
            return settings.BASE_URL + reverse("openid_connect_callback", kwargs={"provider_id": slug})
        return (
            settings.BASE_URL + reverse("saml_metadata", kwargs={"organization_slug": slug}) if settings.SAML else "–"
        )

    @admin.display(description=_("provider’s documents"))
    def documents_state(self, sign_in: SignIn) -> Any:
        found = ProviderDocuments.objects.filter(sign_in=sign_in).first() if sign_in.pk else None
        if not found:
            return "–"
        problem = _("could not be fetched: %(why)s") % {"why": sign_in_failures.problem(found.problem)}
        fetched = _("fetched %(at)s") % {"at": _when(found.fetched_at)} if found.fetched_at else ""
        said = [str(part) for part in (problem if found.problem else "", fetched) if part]
        return "; ".join(said) or _("being fetched")

    @admin.display(description=_("why people couldn’t sign in (30 days)"))
    def last_failures(self, sign_in: SignIn) -> Any:
        if not sign_in.pk:
            return "–"
        lines = [
            (one.number, sign_in_failures.sentence(one), one.detail and f" ({one.detail})", _when(one.last_at))
            for one in sign_in_failures.last(sign_in.institution_id, clock.now())
        ]
        return format_html_join(mark_safe("<br>"), "{} × {}{} – {}", lines) or "–"

    def save_model(self, request: HttpRequest, obj: SignIn, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if obj.protocol in SignIn.OPENID and provider_documents.want(obj, at=clock.now()):
            transaction.on_commit(lambda: ring_task("partners.tasks.fetch_documents", str(obj.pk)))


def _when(at: datetime) -> str:
    return date_format(localtime(at), "DATETIME_FORMAT")


class PartnerRoleInline(LabelledInline):
    """Who speaks for the institution; they hear of its people every Monday."""

    model = PartnerRole
    fields = ["user", "role", "created_at"]
    readonly_fields = ["created_at"]
    autocomplete_fields = ["user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PartnerRole]:
        return super().get_queryset(request).select_related("user", "institution")


class InstitutionWithRolesAdmin(InstitutionAdmin):
    """An institution, and who speaks for it."""

    inlines = [*InstitutionAdmin.inlines, PartnerRoleInline]


admin.site.unregister(Institution)
admin.site.register(Institution, InstitutionWithRolesAdmin)
