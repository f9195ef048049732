"""Institutions, their cohorts, and who belongs to them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from core.admin import (
    ON_ONE_PAGE,
    CarefulAdmin,
    Form,
    LabelledInline,
    RecordAdmin,
    SourcedAdmin,
    ToVerify,
    Values,
    in_two_languages,
    source_fields,
)
from core.emails import readable_email
from programme.admin import InEditionAdmin, NamedWithEdition, edition_to_begin_with
from registrations.admin.pools import AllotmentForm
from registrations.domain import cohorts
from registrations.models import Cohort, Institution, Membership, SeatPool


class CohortInline(LabelledInline):
    model = Cohort
    fields = ["edition", "name_fr", "name_en", "slug", "size"]
    show_change_link = True

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "edition":
            kwargs["initial"] = edition_to_begin_with(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Institution)
class InstitutionAdmin(SourcedAdmin):
    list_display = ["name", "kind", "country", "number_of_cohorts", "to_verify"]
    list_filter = [ToVerify, ("kind", Values), ("country", Values)]
    search_fields = ["search"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [CohortInline]
    fieldsets = [(None, {"fields": ["name", "slug", "kind", "country"]}), source_fields()]

    def in_chooser(self, obj: Institution) -> str:
        return " – ".join(filter(None, [obj.name, obj.country]))

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


class MembershipFormSet(forms.BaseInlineFormSet):
    """Says beside the rows what the domain would refuse."""

    def clean(self) -> None:
        super().clean()
        cohort, errors = self.instance, []
        leaving = [form.instance for form in self.initial_forms if form.cleaned_data.get("DELETE")]
        joining = [form for form in self.extra_forms if form.has_changed() and not form.cleaned_data.get("DELETE")]
        for membership in leaving:
            try:
                cohorts.check_leaves(cohort, membership.attendee)
            except ValidationError as error:
                errors.append(error)
        try:
            cohorts.check_size(cohort, cohort.memberships.count() - len(leaving) + len(joining))
        except ValidationError as error:
            errors.append(error)
        if errors:
            raise ValidationError(errors)


class MembershipInline(LabelledInline):
    """Who belongs to a cohort: people are added and taken out, not changed into others."""

    model = Membership
    formset = MembershipFormSet
    fields = ["attendee", "created_at"]
    readonly_fields = ["created_at"]
    autocomplete_fields = ["attendee"]
    ordering = ["attendee__search", "pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("attendee", "cohort")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Cohort)
class CohortAdmin(InEditionAdmin, SourcedAdmin):
    list_display = ["name", "institution", "size", "people", "kept", "kept_and_taken", "to_verify"]
    list_filter = [ToVerify, "institution"]
    list_select_related = ["institution", "edition"]
    search_fields = ["search", "institution__search"]
    autocomplete_fields = ["institution"]
    inlines = [AllotmentInline, MembershipInline]
    readonly_fields = ["people"]
    fieldsets = [
        *in_two_languages("name"),
        (None, {"fields": ["edition", "institution", "slug", "size", "people", "weight"]}),
        (_("When"), {"fields": ["starts_at", "ends_at"]}),
        source_fields(),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cohort]:
        members = Membership.objects.filter(cohort=OuterRef("pk")).order_by().values("cohort")
        return (
            super()
            .get_queryset(request)
            .annotate(
                kept_count=Coalesce(Sum("allotments__seats"), 0), taken_count=Coalesce(Sum("allotments__taken"), 0)
            )
            .annotate(people_count=Coalesce(Subquery(members.annotate(n=Count("pk")).values("n")), 0))
        )

    def get_inlines(self, request: HttpRequest, obj: Cohort | None) -> list[Any]:
        fits = obj is not None and obj.memberships.count() <= ON_ONE_PAGE
        return [inline for inline in self.inlines if fits or inline is not MembershipInline]

    def without_edition(self, obj: Cohort) -> str:
        return f"{obj} – {obj.institution}"

    def goes_first(self, row: Model) -> bool:
        return isinstance(row, SeatPool) and not row.seats  # it was given back: nothing is kept by it

    def delete_model(self, request: HttpRequest, obj: Cohort) -> None:
        self.delete_queryset(request, Cohort.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Cohort]) -> None:
        with transaction.atomic():
            SeatPool.objects.filter(cohort__in=queryset, seats=0).delete()
            queryset.delete()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is SeatPool:
            formset.save(commit=False)
            for row in formset.forms:
                if row.has_changed() and row.instance.session_id:
                    row.keep()
        elif formset.model is Membership:
            formset.save(commit=False)
            for gone in formset.deleted_objects:
                cohorts.remove_member(gone.cohort, gone.attendee, actor=request.user)
            for new in formset.new_objects:
                cohorts.add_member(form.instance, new.attendee, actor=request.user)
        else:
            super().save_formset(request, form, formset, change)

    @admin.display(description=_("members"), ordering="people_count")
    def people(self, cohort: Any) -> SafeString | str:
        if not cohort.pk:
            return ""
        url = reverse("admin:registrations_membership_changelist")
        return format_html('<a href="{}?cohort__id__exact={}">{}</a>', url, cohort.pk, cohort.people_count)

    @admin.display(description=_("seats reserved"), ordering="kept_count")
    def kept(self, cohort: Any) -> int:
        return cohort.kept_count

    @admin.display(description=_("taken"), ordering="taken_count")
    def kept_and_taken(self, cohort: Any) -> int:
        return cohort.taken_count


class MembershipForm(Form):
    """Adds somebody to a cohort by its rules; a refusal is an error of the form."""

    actor: User

    class Meta:
        model = Membership
        fields = ["cohort", "attendee"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("cohort") and data.get("attendee"):
            self.instance = cohorts.add_member(data["cohort"], data["attendee"], actor=self.actor)
        return data


@admin.register(Membership)
class MembershipAdmin(CarefulAdmin, RecordAdmin):
    """Who belongs to which cohort, however many they are."""

    form = MembershipForm
    list_display = ["attendee", "cohort", "email", "created_at"]
    list_filter = [("cohort", NamedWithEdition)]
    list_select_related = ["attendee__user", "cohort"]
    search_fields = ["attendee__search", "attendee__user__search", "cohort__search"]
    search_help_text = _("Name, email address or cohort")
    autocomplete_fields = ["cohort", "attendee"]
    actions = ["take_out"]
    object_actions = ("take_out",)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor = request.user  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        """Nothing: the form's answer was the domain's, which has written it."""

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return False  # see take_out

    def has_take_out_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registrations.delete_membership")

    @admin.action(description=_("Remove from the cohort"), permissions=["take_out"])
    def take_out(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        done = 0
        for membership in queryset.select_related("attendee", "cohort").order_by("pk"):
            try:
                cohorts.remove_member(membership.cohort, membership.attendee, actor=request.user)
                done += 1
            except ValidationError as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
        if done:
            sentence = ngettext("%d person is no longer a member.", "%d people are no longer members.", done)
            self.message_user(request, sentence % done)

    @admin.display(description=_("email address"), ordering="attendee__user__email")
    def email(self, membership: Membership) -> str:
        return readable_email(membership.attendee.user.email)
