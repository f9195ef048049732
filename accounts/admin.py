from collections.abc import Iterable
from typing import Any

from allauth.account import admin as allauth_admin  # noqa: F401 - registers EmailAddress, which is taken back below
from allauth.account.models import EmailAddress
from allauth.mfa import admin as factors_admin  # noqa: F401 - likewise
from allauth.mfa.models import Authenticator
from allauth.socialaccount import admin as providers_admin  # noqa: F401 - likewise
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import ManyToManyField, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts import admin_sign_in  # noqa: F401 - registers the sign-in log
from accounts.domain import access_needs, web_sessions
from accounts.domain.addresses import addresses_of, keep_only_the_address_of
from accounts.models import AccessNeeds, Attendee, User
from core import clock
from core.admin import AuditLogAdmin, CspReportAdmin, Form, ListAdmin, RecordAdmin, Ticks, Values, badge
from core.deadlocks import again_after_deadlock
from core.emails import EmailFormField, readable_email
from core.erasure import Report, Why, erase, foresee
from core.erasure_log import address_hash
from core.models import AuditLogEntry, CspReport, LegalHold
from outbox.admin import link_to_mails

# An address is changed on its account, where the rules about who may do it are.
admin.site.unregister(EmailAddress)
# Providers are set up for institutions (partners/admin.py), and nothing of theirs is kept.
admin.site.unregister([SocialAccount, SocialApp, SocialToken])
# What secures an account is its owner's; organisers may only reset it (the page of the account).
admin.site.unregister(Authenticator)
admin.site.unregister(Group)

READINGS_SHOWN = 50
VERBS = {
    "add": pgettext_lazy("permission", "add"),
    "change": pgettext_lazy("permission", "change"),
    "delete": pgettext_lazy("permission", "delete"),
    "view": pgettext_lazy("permission", "view"),
}


class PermissionField(forms.ModelMultipleChoiceField):
    """Permissions in the organisers' words, without those on the library's own tables and on past versions."""

    def __init__(self, **kwargs: Any) -> None:
        apps = ("accounts", "attendees", "venues", "programme", "registrations", "partners", "outbox")
        offered = Permission.objects.filter(content_type__app_label__in=apps).exclude(
            content_type__model__startswith="historical"
        )
        no_rights = ["heartbeat", "home", "hold", "lanestate"]  # who may change mails may pause and release them
        no_rights += ["accessneeds", "accessneedsconsent", "accessneedsreading"]  # one right reads them
        no_rights += [
            "websession",
            "signinevent",
            "uploadfile",
            "uploadrow",
            "columnname",
            "objection",
            "signin",
        ]  # nor are these
        super().__init__(offered.exclude(content_type__model__in=no_rights).select_related("content_type"), **kwargs)

    def label_from_instance(self, permission: Any) -> str:
        model = permission.content_type.model_class()
        verb = VERBS.get(permission.codename.partition("_")[0]) if permission.codename.count("_") == 1 else None
        if model is None or verb is None:
            return f"{permission.content_type.name} – {gettext(permission.name)}"
        return f"{model._meta.verbose_name_plural} – {verb}"


class OnlySuperusersWrite(Ticks):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


@admin.register(Group)
class GroupAdmin(OnlySuperusersWrite, DjangoGroupAdmin):
    """Rights under one name. Who could edit a group could give themselves any right, so only superusers do."""

    def formfield_for_manytomany(self, db_field: ManyToManyField, request: HttpRequest | None, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return _in_words(field) if db_field.name == "permissions" else field


RIGHTS = {"is_active", "is_staff", "is_superuser", "groups", "user_permissions"}


class UserForm(Form):
    actor: User

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.instance.pk and self.instance.is_superuser:
            # Locked, so that two superusers who demote each other at once do not both succeed.
            others = (
                User.objects.select_for_update().filter(is_superuser=True, is_active=True).exclude(pk=self.instance.pk)
            )
            stays = data.get("is_superuser", True) and data.get("is_active", True) and data.get("is_staff", True)
            if not stays and not others:
                raise ValidationError(_("This is the last account with full rights: give them to someone else first."))
        return data


class AddressInline(admin.TabularInline):
    model = EmailAddress
    verbose_name_plural = _("addresses that have signed in")
    fields = readonly_fields = ["email", "verified", "primary"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class ErasesPeople(RecordAdmin):
    """Deleting one is the erasure of a person (core/erasure.py): what follows is tried and shown before, and reported
    after."""

    delete_confirmation_template = delete_selected_confirmation_template = "accounts/admin/erase.html"

    def accounts_of(self, objs: Iterable[Any]) -> list[int]:
        raise NotImplementedError

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """The report of an erasure that is undone, or in a sentence why there can be none."""
        chosen = list(objs)
        refused = {self.opts.verbose_name for obj in chosen if not self.has_delete_permission(request, obj)}
        if refused or request.POST.get("post"):
            return [], {}, refused, []
        try:
            report = foresee(self.accounts_of(chosen), why=Why.BY_ORGANISERS, at=clock.now(), actor=request.user)
        except ValidationError as error:
            return [], {}, refused, error.messages
        return [report], {}, refused, []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._erase(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._erase(request, queryset)

    def _erase(self, request: HttpRequest, objs: Iterable[Any]) -> None:
        accounts = self.accounts_of(objs)
        report = erase(accounts, why=Why.BY_ORGANISERS, at=clock.now(), actor=request.user)
        request.erasure = report  # type: ignore[attr-defined]

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """The report; a message would keep the name in the organiser's browser."""
        report: Report = request.erasure  # type: ignore[attr-defined]
        context = self.admin_site.each_context(request) | {"opts": self.opts, "report": report, "title": _("Erased")}
        return TemplateResponse(request, "accounts/admin/erased.html", context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Without the lock of a plain row: an erasure has an order of locks of its own."""
        try:
            return again_after_deadlock(super(ListAdmin, self).delete_view)(request, object_id, extra_context)
        except ValidationError as error:
            return self._refused(request, error)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        try:
            return super().response_action(request, queryset)
        except ValidationError as error:
            return self._refused(request, error)

    def _refused(self, request: HttpRequest, error: ValidationError) -> HttpResponse:
        self.message_user(request, " ".join(error.messages), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())


@admin.register(User)
class UserAdmin(ErasesPeople):
    """Accounts have no password. Rights are given by superusers alone, and accounts with rights are theirs to edit
    (docs/rules.md#rights)."""

    form = UserForm
    list_display = ["email", "name", "role", "language", "is_active", "date_joined", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser", "groups", "language"]
    list_select_related = ["attendee"]
    search_fields = ["search", "attendee__search"]
    date_hierarchy = "date_joined"
    filter_horizontal = ["groups", "user_permissions"]
    inlines = [AddressInline]
    readonly_fields = ["date_joined", "last_login"]
    fieldsets = [
        (None, {"fields": ["email", "language", "timezone", "is_active", "date_joined", "last_login"]}),
        (_("Rights"), {"fields": ["is_staff", "is_superuser", "groups", "user_permissions"]}),
    ]
    secret_fields = ("password",)
    RIGHTS = ["is_staff", "is_superuser", "groups", "user_permissions"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        return [*self.readonly_fields, *([] if _is_superuser(request) else self.RIGHTS)]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        return list(self.inlines) if obj else []

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj) and obj != request.user

    def formfield_for_manytomany(self, db_field: ManyToManyField, request: HttpRequest | None, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return _in_words(field) if db_field.name == "user_permissions" else field

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            keep_only_the_address_of(obj, form.initial["email"])
        if change and RIGHTS & set(form.changed_data):
            web_sessions.end_all(obj, but=request.session.session_key)

    def in_chooser(self, obj: User) -> str:
        return " – ".join(filter(None, [self.name(obj), str(obj)]))

    def accounts_of(self, objs: Iterable[User]) -> list[int]:
        return [obj.pk for obj in objs]

    def object_links(self, request: HttpRequest, obj: User) -> list[tuple[str, Any]]:
        links = [*super().object_links(request, obj), *link_to_mails(request, addresses_of(obj))]
        if _is_superuser(request):
            links.append((reverse("admin:accounts_signinevent_of", args=[obj.pk]), _("Sign-in and second step")))
        return links

    @admin.display(description=_("name"), ordering="attendee__name")
    def name(self, user: User) -> str:
        return user.attendee.name if hasattr(user, "attendee") else ""

    @admin.display(description=_("role"), ordering="is_staff")
    def role(self, user: User) -> SafeString | str:
        if user.is_superuser:
            return badge(_("has full rights"), "warn")
        return badge(_("organiser")) if user.is_staff else ""


class NeedsFilter(admin.SimpleListFilter):
    """Who has told what they need: for those alone who may read it."""

    title, parameter_name = _("access needs"), "told_needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Told")), ("no", _("None"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attendee]) -> QuerySet[Attendee]:
        return queryset.filter(needs__isnull=self.value() == "no") if self.value() in ("yes", "no") else queryset


@admin.register(Attendee)
class AttendeeAdmin(ErasesPeople):
    """People who come; to delete one is to erase the person. What they need in order to come is on a page of its own,
    for those who have the right to it; each reading is noted, and organisers write none of it."""

    list_display = ["name", "email", "organisation", "country", "language"]
    list_filter = ["user__language", ("country", Values)]
    list_select_related = ["user"]
    search_fields = ["search", "user__search"]
    autocomplete_fields = ["user"]
    fields = ["user", "name", "organisation", "country"]

    def accounts_of(self, objs: Iterable[Attendee]) -> list[int]:
        return [obj.user_id for obj in objs]

    def has_delete_permission(self, request: HttpRequest, obj: Attendee | None = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or (_may_touch(request, obj.user) and obj.user != request.user))

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [*self.list_filter, *([NeedsFilter] if _may_read_needs(request) else [])]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return not lookup.startswith("needs") and super().lookup_allowed(lookup, value, request)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.needs_view)
        return [path("<int:pk>/needs/", page, name="accounts_attendee_needs"), *super().get_urls()]

    def needs_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What somebody needs, read by a button: who opens the page learns who has read it so far."""
        attendee = self.get_object(request, str(pk))
        if attendee is None:
            raise Http404
        if not (_may_read_needs(request) and self.has_view_permission(request, attendee)):
            raise PermissionDenied
        text, is_lost = None, False
        if request.method == "POST":
            try:
                text = access_needs.read(attendee, reader=request.user, at=clock.now())
            except access_needs.Unreadable:
                is_lost = True
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": gettext("Access needs: %(name)s") % {"name": attendee},
            "object": attendee,
            "needs": access_needs.of(attendee),
            "text": text,
            "is_lost": is_lost,
            "readings": attendee.needs_readings.select_related("reader__attendee")[:READINGS_SHOWN],
        }
        return TemplateResponse(request, "admin/accounts/attendee/needs.html", context)

    def get_readonly_fields(self, request: HttpRequest, obj: Attendee | None = None) -> list[str]:
        return ["user"] if obj else []

    def object_links(self, request: HttpRequest, obj: Attendee) -> list[tuple[str, Any]]:
        needs = [(reverse("admin:accounts_attendee_needs", args=[obj.pk]), _("Access needs"))]
        return [
            *super().object_links(request, obj),
            *link_to_mails(request, addresses_of(obj.user)),
            *(needs if _may_read_needs(request) and AccessNeeds.objects.filter(attendee=obj).exists() else []),
        ]

    def in_chooser(self, obj: Attendee) -> str:
        return " – ".join(filter(None, [obj.name, self.email(obj), obj.organisation]))

    @admin.display(description=_("email address"), ordering="user__email")
    def email(self, attendee: Attendee) -> str:
        return readable_email(attendee.user.email)

    @admin.display(description=_("language"), ordering="user__language")
    def language(self, attendee: Attendee) -> str:
        return attendee.user.get_language_display()


class LegalHoldForm(Form):
    address = EmailFormField(required=False, help_text=_("Kept as a hash. Leave it empty to name an account."))

    class Meta:
        model = LegalHold
        fields = ["account", "reason", "until"]
        help_texts = {
            "account": _(
                "The number in the address of its page. The hold stays even if the person’s email address changes."
            )
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if address := data.get("address"):
            self.instance.address_hash = address_hash(address)
        if not self.instance.address_hash and data.get("account") is None:
            raise ValidationError(_("Enter the number of an account, or an address."))
        return data


@admin.register(LegalHold)
class LegalHoldAdmin(OnlySuperusersWrite, RecordAdmin):
    """Whose data is kept for a while, whoever asks for its erasure."""

    form = LegalHoldForm
    list_display = ["reason", "account", "until"]
    fields = ["address", "account", "reason", "until"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)


def _may_read_needs(request: HttpRequest) -> bool:
    return request.user.has_perm("accounts.view_access_needs")


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    # Whoever can change the address of an account can sign in to it: only superusers may, where the account has rights.
    return user is None or _is_superuser(request) or not (user.is_staff or user.is_superuser)


def _in_words(field: forms.ModelMultipleChoiceField) -> forms.ModelMultipleChoiceField:
    return PermissionField(widget=field.widget, required=False, label=field.label, help_text=field.help_text)


admin.site.register(AuditLogEntry, AuditLogAdmin)
admin.site.register(CspReport, CspReportAdmin)
