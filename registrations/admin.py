from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import Count, F, IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin import AttendeeAdmin
from accounts.models import Attendee, User
from outbox.admin import Form, RecordAdmin, Values, badge
from programme.admin import CarefulAdmin, SessionAdmin
from programme.models import Session
from registrations.domain import booking, pools
from registrations.models import Cohort, Institution, Registration, SeatPool
from venues.admin import BilingualAdmin, LabelledInline, ReadOnlyInline, SourcedAdmin, ToVerify, in_two_languages, source_fields

CANCEL_AT_ONCE = 200


def status_badge(registration: Registration) -> SafeString:
    tones = {"confirmed": "", "declined": "quiet", "cancelled": "quiet"}
    return badge(registration.get_status_display(), tones.get(registration.status, "warn"))


def gauge(taken: int, seats: int) -> SafeString:
    """Seats taken of seats, as figures, a bar, and a word when none is left."""
    bar = format_html('<progress max="{}" value="{}" aria-hidden="true"></progress>', max(seats, 1), taken)
    return format_html(
        '<span class="seats">{} / {} {}{}</span>', taken, seats, badge(_("full"), "warn") if seats and taken >= seats else "", bar
    )


# --- Institutions, cohorts and what is kept for them --------------------------------------------------------------------------


class AllotmentForm(Form):
    """Seats that a cohort keeps in a session; the general pool follows by itself."""

    class Meta:
        model = SeatPool
        fields = ["session", "cohort", "seats", "release_at", "source", "assumed_fields"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        session = data.get("session") or getattr(self.instance, "session", None)
        cohort = data.get("cohort") or getattr(self.instance, "cohort", None)
        if session and cohort and data.get("seats") is not None:
            try:
                pools.check_allotment(session, cohort, data["seats"], list(SeatPool.objects.filter(session=session)))
            except ValidationError as error:
                self.add_error("seats", error)
        return data

    def keep(self) -> SeatPool:
        """Let the domain write what was asked: it moves the general pool too."""
        pool = self.instance
        fields = {name: getattr(pool, name) for name in ("release_at", "source", "assumed_fields") if name in self.fields}
        return pools.allot(pool.session, pool.cohort, pool.seats, **fields)


class CohortInline(LabelledInline):
    model = Cohort
    fields = ["name_fr", "name_en", "slug", "size"]
    show_change_link = True


@admin.register(Institution)
class InstitutionAdmin(SourcedAdmin):
    list_display = ["name", "kind", "country", "number_of_cohorts", "to_verify"]
    list_filter = [ToVerify, ("kind", Values), ("country", Values)]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [CohortInline]
    fieldsets = [(None, {"fields": ["name", "slug", "kind", "country"]}), source_fields()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Institution]:
        return super().get_queryset(request).annotate(cohorts_count=Count("cohorts"))

    @admin.display(description=_("cohorts"), ordering="cohorts_count")
    def number_of_cohorts(self, institution: Any) -> int:
        return institution.cohorts_count


class AllotmentInline(LabelledInline):
    """The seats that a cohort keeps, session by session. Give them back by writing 0: they are never deleted."""

    model = SeatPool
    form = AllotmentForm
    verbose_name = _("allotment")
    verbose_name_plural = _("allotments")
    fields = ["session", "seats", "taken", "release_at"]
    readonly_fields = ["taken"]
    autocomplete_fields = ["session"]
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[SeatPool]:
        return super().get_queryset(request).select_related("session", "cohort")


@admin.register(Cohort)
class CohortAdmin(CarefulAdmin, BilingualAdmin, SourcedAdmin):
    list_display = ["name", "institution", "size", "kept", "kept_and_taken", "to_verify"]
    list_filter = [ToVerify, "institution"]
    list_select_related = ["institution"]
    search_fields = ["name_fr", "name_en", "slug", "institution__name"]
    autocomplete_fields = ["institution"]
    inlines = [AllotmentInline]
    fieldsets = [*in_two_languages("name"), (None, {"fields": ["institution", "slug", "size"]}), source_fields()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cohort]:
        return (
            super()
            .get_queryset(request)
            .annotate(kept_count=Coalesce(Sum("allotments__seats"), 0), taken_count=Coalesce(Sum("allotments__taken"), 0))
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is SeatPool:
            formset.save(commit=False)
            for row in formset.forms:
                if row.has_changed() and row.instance.session_id:
                    row.keep()
        else:
            super().save_formset(request, form, formset, change)

    @admin.display(description=_("seats kept"), ordering="kept_count")
    def kept(self, cohort: Any) -> int:
        return cohort.kept_count

    @admin.display(description=_("taken"), ordering="taken_count")
    def kept_and_taken(self, cohort: Any) -> int:
        return cohort.taken_count


class Filling(admin.SimpleListFilter):
    title = _("filling")
    parameter_name = "filling"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("full", _("Full")), ("open", _("Seats left"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "full":
                return queryset.filter(seats__gt=0, taken__gte=F("seats"))
            case "open":
                return queryset.filter(taken__lt=F("seats"))
        return queryset


class IsGeneral(admin.SimpleListFilter):
    title = _("pool")
    parameter_name = "pool"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("general", _("General pool")), ("cohort", _("Allotments"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(cohort__isnull=self.value() == "general") if self.value() in ("general", "cohort") else queryset


@admin.register(SeatPool)
class SeatPoolAdmin(CarefulAdmin, SourcedAdmin):
    """Counted seats. An allotment is written through the domain; the general pool is what the capacity leaves, and is only read."""

    form = AllotmentForm
    list_display = ["session", "pool_of", "seats", "counter", "release_at", "to_verify"]
    list_filter = [IsGeneral, Filling, ToVerify, "session__event", "cohort"]
    list_select_related = ["session", "cohort"]
    search_fields = ["session__title_fr", "session__title_en", "cohort__name_fr", "cohort__name_en"]
    autocomplete_fields = ["session", "cohort"]
    fieldsets = [(None, {"fields": ["session", "cohort", "seats", "counter", "release_at"]}), source_fields()]

    def get_readonly_fields(self, request: HttpRequest, obj: SeatPool | None = None) -> list[str]:
        return ["counter", "session", "cohort"] if obj else ["counter"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        if "cohort" in form.base_fields:
            form.base_fields["cohort"].required = True
        return form

    def has_change_permission(self, request: HttpRequest, obj: SeatPool | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.cohort_id is not None)

    def has_delete_permission(self, request: HttpRequest, obj: SeatPool | None = None) -> bool:
        return False  # registrations point at it; 0 seats gives all back

    def save_model(self, request: HttpRequest, obj: SeatPool, form: Any, change: bool) -> None:
        kept = form.keep()
        obj.pk = kept.pk

    @admin.display(description=_("seat pool"), ordering="cohort__name")
    def pool_of(self, pool: SeatPool) -> str:
        return str(pool.cohort or _("general pool"))

    @admin.display(description=_("taken"), ordering="taken")
    def counter(self, pool: SeatPool) -> SafeString | str:
        return gauge(pool.taken, pool.seats) if pool.pk else "–"


# --- Registrations --------------------------------------------------------------------------------------------------------------


class RegistrationForm(Form):
    """Takes a seat for someone, by the same rule as everybody's; a refusal is an error of the form."""

    actor: User

    class Meta:
        model = Registration
        fields = ["attendee", "session"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        session, attendee = data.get("session"), data.get("attendee")
        if not session or not attendee:
            return data
        if Registration.objects.live().filter(session=session, attendee=attendee).exists():
            raise ValidationError(_("%(name)s is registered for this session already.") % {"name": attendee})
        try:
            self.instance = booking.register(session, attendee, actor=self.actor, let_in=True)
        except booking.SeatRefused as refused:
            raise ValidationError(str(refused)) from refused
        return data


@admin.register(Registration)
class RegistrationAdmin(RecordAdmin):
    """Who comes to what. Seats are taken and given back by the domain alone; a row is never edited or deleted."""

    form = RegistrationForm
    list_display = ["attendee", "status_shown", "session", "when", "created_at", "email", "organisation"]
    list_display_links = ["attendee", "session"]
    list_filter = ["status", "created_at", "session__event", "pool__cohort"]
    list_select_related = ["attendee__user", "session__room__venue", "pool__cohort"]
    search_fields = ["attendee__name", "attendee__user__email", "attendee__organisation", "session__title_fr", "session__title_en"]
    search_help_text = _("Name, e-mail address, organisation or session")
    date_hierarchy = "created_at"
    autocomplete_fields = ["attendee", "session"]
    actions = ["cancel_seats"]
    object_actions = ("cancel_seats",)

    def get_fields(self, request: HttpRequest, obj: Registration | None = None) -> list[str]:
        if obj is None:
            return ["attendee", "session"]
        return ["attendee", "email", "organisation", "session", "when", "status_shown", "pool_of", "created_at", "ended_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Registration | None = None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = request.user  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: Registration, form: Any, change: bool) -> None:
        """Nothing: the form's answer was the domain's, which has written it."""

    def has_change_permission(self, request: HttpRequest, obj: Registration | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Registration | None = None) -> bool:
        return False

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registrations.change_registration")

    def offers(self, name: str, obj: Model) -> bool:
        return isinstance(obj, Registration) and obj.status not in Registration.ENDED

    @admin.action(description=_("Cancel these seats…"), permissions=["cancel"])
    def cancel_seats(self, request: HttpRequest, queryset: QuerySet[Registration]) -> HttpResponse | None:
        live = queryset.exclude(status__in=Registration.ENDED).select_related("attendee__user", "session__room__venue").order_by("pk")
        number = live.count()
        if not number:
            self.message_user(request, _("These registrations have ended already."), messages.WARNING)
            return None
        if number > CANCEL_AT_ONCE:
            self.message_user(request, _("Choose at most %d registrations at once.") % CANCEL_AT_ONCE, messages.WARNING)
            return None
        if "confirm" in request.POST:
            self._cancel(request, list(live))
            return None
        context = self.admin_site.each_context(request) | {
            "title": _("Cancel these seats?"),
            "opts": self.opts,
            "registrations": live,
            "number": number,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "back": "_back" in request.POST,
        }
        return TemplateResponse(request, "admin/registrations/registration/cancel.html", context)

    def _cancel(self, request: HttpRequest, registrations: list[Registration]) -> None:
        done = 0
        for registration in registrations:
            try:
                done += (
                    booking.cancel(
                        registration.session, registration.attendee, actor=request.user, ending=Registration.Ending.BY_ORGANISERS
                    )
                    is not None
                )
            except booking.SeatRefused as refused:
                self.message_user(request, f"{registration}: {refused}", messages.ERROR)
        if done:
            sentence = ngettext(
                "%d seat is given back, and the person is told by mail.", "%d seats are given back, and each person is told by mail.", done
            )
            self.message_user(request, sentence % done)

    @admin.display(description=_("e-mail address"), ordering="attendee__user__email")
    def email(self, registration: Registration) -> str:
        return registration.attendee.user.email

    @admin.display(description=_("organisation"), ordering="attendee__organisation")
    def organisation(self, registration: Registration) -> str:
        return registration.attendee.organisation

    @admin.display(description=_("when"), ordering="session__starts_at")
    def when(self, registration: Registration) -> str:
        return SessionAdmin.when(self, registration.session)

    @admin.display(description=_("status"), ordering="status")
    def status_shown(self, registration: Registration) -> SafeString:
        return status_badge(registration)

    @admin.display(description=_("seat pool"), ordering="pool__cohort")
    def pool_of(self, registration: Registration) -> str:
        pool = registration.pool
        return str(pool.cohort or _("general pool")) if pool else ""


# --- What the lists below say about registrations -----------------------------------------------------------------------------


class PoolInline(ReadOnlyInline):
    """The seats of a session: the capacity moves the general pool, an allotment has its own page."""

    model = SeatPool
    fields = readonly_fields = ["pool_link", "seats", "counter", "release_at"]

    counter = SeatPoolAdmin.counter

    def get_queryset(self, request: HttpRequest) -> QuerySet[SeatPool]:
        return super().get_queryset(request).select_related("session", "cohort")

    @admin.display(description=_("seat pool"))
    def pool_link(self, pool: SeatPool) -> SafeString:
        url = reverse("admin:registrations_seatpool_change", args=[pool.pk])
        return format_html('<a href="{}">{}</a>', url, pool.cohort or _("general pool"))


class SessionFilling(Filling):
    """The same, for a session: by its general pool, the one that anybody may fill."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        general = Q(pools__cohort__isnull=True)
        match self.value():
            case "full":
                return queryset.filter(general, pools__seats__gt=0, pools__taken__gte=F("pools__seats"))
            case "open":
                return queryset.filter(general, pools__taken__lt=F("pools__seats"))
        return queryset


class SessionWithSeatsAdmin(SessionAdmin):
    """A session, and how full it is."""

    list_display = ["title", "state", "when", "place", "seats", "to_verify", "access"]
    list_filter = ["status", SessionFilling, ToVerify, "access", "event", "room__venue", "track", "kind"]
    inlines = [*SessionAdmin.inlines, PoolInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        of_session = SeatPool.objects.filter(session=OuterRef("pk")).order_by().values("session")
        waiting = Registration.objects.filter(session=OuterRef("pk"), status=Registration.Status.WAITING).order_by().values("session")
        return (
            super()
            .get_queryset(request)
            .annotate(
                seats_count=Subquery(of_session.annotate(n=Sum("seats")).values("n"), output_field=IntegerField()),
                taken_count=Subquery(of_session.annotate(n=Sum("taken")).values("n"), output_field=IntegerField()),
                waiting_count=Coalesce(Subquery(waiting.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0),
            )
        )

    @admin.display(description=_("seats taken"), ordering="taken_count")
    def seats(self, session: Any) -> SafeString | str:
        if session.seats_count is None:
            return ""
        waiting = _("%(number)d waiting") % {"number": session.waiting_count} if session.waiting_count else ""
        return format_html("{} {}", gauge(session.taken_count, session.seats_count), waiting)


class AttendeeRegistrationInline(ReadOnlyInline):
    model = Registration
    fields = readonly_fields = ["session", "when", "status_shown", "created_at", "ended_at"]
    ordering = ["session__starts_at"]
    show_change_link = True

    when = RegistrationAdmin.when
    status_shown = RegistrationAdmin.status_shown

    def get_queryset(self, request: HttpRequest) -> QuerySet[Registration]:
        return super().get_queryset(request).select_related("session__room__venue", "attendee")


class AttendeeWithRegistrationsAdmin(AttendeeAdmin):
    """Someone, and where they go."""

    list_display = [*AttendeeAdmin.list_display, "number_of_seats"]

    def get_inlines(self, request: HttpRequest, obj: Attendee | None) -> list[Any]:
        return [AttendeeRegistrationInline] if obj else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attendee]:
        return super().get_queryset(request).annotate(seats_count=Count("registrations", filter=Q(registrations__pool__isnull=False)))

    @admin.display(description=_("seats"), ordering="seats_count")
    def number_of_seats(self, attendee: Any) -> int:
        return attendee.seats_count


# The apps below know nothing of registrations: their pages gain what is said here.
for model, admin_class in ((Session, SessionWithSeatsAdmin), (Attendee, AttendeeWithRegistrationsAdmin)):
    admin.site.unregister(model)
    admin.site.register(model, admin_class)
