"""Counted seats: the general pool of a session, and what is kept for cohorts."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin import Form, SourcedAdmin, ToVerify, badge, source_fields
from programme.admin import NamedWithEdition
from registrations.domain import pools
from registrations.models import SeatPool


def gauge(taken: int, seats: int) -> SafeString:
    """Seats taken of seats, as figures, a bar, and a word when none is left."""
    bar = format_html('<progress max="{}" value="{}" aria-hidden="true"></progress>', max(seats, 1), taken)
    return format_html(
        '<span class="seats">{} / {} {}{}</span>',
        taken,
        seats,
        badge(_("full"), "warn") if seats and taken >= seats else "",
        bar,
    )


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
        fields = {
            name: getattr(pool, name) for name in ("release_at", "source", "assumed_fields") if name in self.fields
        }
        return pools.allot(pool.session, pool.cohort, pool.seats, **fields)


class Filling(admin.SimpleListFilter):
    title = _("availability")
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
        return (
            queryset.filter(cohort__isnull=self.value() == "general")
            if self.value() in ("general", "cohort")
            else queryset
        )


@admin.register(SeatPool)
class SeatPoolAdmin(SourcedAdmin):
    """Counted seats. An allotment is written through the domain; the general pool is what the capacity leaves, and is
    only read."""

    form = AllotmentForm
    list_display = ["session", "pool_of", "seats", "counter", "release_at", "to_verify"]
    list_filter = [
        IsGeneral,
        Filling,
        ToVerify,
        ("session__event", NamedWithEdition),
        ("cohort", NamedWithEdition),
    ]
    list_select_related = ["session", "cohort"]
    search_fields = ["session__search", "cohort__search"]
    autocomplete_fields = ["session", "cohort"]
    fieldsets = [(None, {"fields": ["session", "cohort", "seats", "counter", "release_at"]}), source_fields()]

    def get_readonly_fields(self, request: HttpRequest, obj: SeatPool | None = None) -> list[str]:
        return ["counter", "session", "cohort"] if obj else ["counter"]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
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
