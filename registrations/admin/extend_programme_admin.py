"""The apps below know nothing of registrations: their pages gain what is said here."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, F, IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.admin import AttendeeAdmin
from accounts.models import Attendee
from core.admin import ON_ONE_PAGE, LabelledInline, ReadOnlyInline
from programme.admin import EventAdmin, OnDay, SessionAdmin
from programme.models import Event, Session
from registrations.admin.formatting import may_see_people
from registrations.admin.invitations import InvitationInline
from registrations.admin.pools import Filling, SeatPoolAdmin, gauge
from registrations.admin.registrations import RegistrationAdmin
from registrations.admin.sessions import SessionDesk
from registrations.admin.why import address
from registrations.models import Figure, Invitation, Limit, Registration, SeatPool


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


class FigureInline(ReadOnlyInline):
    """The people of whom nothing else is kept."""

    model = Figure
    fields = readonly_fields = ["cohort", "outcome", "people"]


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


class SessionWithSeatsAdmin(SessionDesk):
    """A session, and how full it is."""

    list_display = ["title", "state", "when", "where", "seats", "to_verify", "access"]
    list_filter = [OnDay, "status", SessionFilling, *SessionAdmin.list_filter[2:]]
    inlines = [*SessionAdmin.inlines, PoolInline, InvitationInline, FigureInline]
    readonly_fields = [*SessionAdmin.readonly_fields, "invited"]

    def get_fieldsets(self, request: HttpRequest, obj: Session | None = None) -> list[Any]:
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is None or obj.access != Session.Access.INVITATION:
            return fieldsets
        return [
            (title, options | {"fields": [*options["fields"], "invited"]} if "access" in options["fields"] else options)
            for title, options in fieldsets
        ]

    def get_inlines(self, request: HttpRequest, obj: Session | None) -> list[Any]:
        invites = obj is not None and obj.access == Session.Access.INVITATION and obj.invitations.count() <= ON_ONE_PAGE
        left_out = [] if invites else [InvitationInline]
        left_out += [] if obj is not None and obj.figures.exists() else [FigureInline]
        return [inline for inline in self.inlines if inline not in left_out]

    def goes_along(self, row: Model) -> bool:
        """Not the seats that are kept for a cohort, nor who is invited."""
        is_kept = isinstance(row, Invitation) or (isinstance(row, SeatPool) and row.cohort_id and row.seats)
        return not is_kept and super().goes_along(row)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        of_session = SeatPool.objects.filter(session=OuterRef("pk")).order_by().values("session")
        waiting = (
            Registration.objects.filter(session=OuterRef("pk"), status=Registration.Status.WAITING)
            .order_by()
            .values("session")
        )
        return (
            super()
            .get_queryset(request)
            .annotate(
                seats_count=Subquery(of_session.annotate(n=Sum("seats")).values("n"), output_field=IntegerField()),
                taken_count=Subquery(of_session.annotate(n=Sum("taken")).values("n"), output_field=IntegerField()),
                waiting_count=Coalesce(
                    Subquery(waiting.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0
                ),
            )
        )

    @admin.display(description=_("invited people"))
    def invited(self, session: Session) -> SafeString:
        url = reverse("admin:registrations_invitation_changelist")
        return format_html('<a href="{}?session__id__exact={}">{}</a>', url, session.pk, session.invitations.count())

    @admin.display(description=_("seats taken"), ordering="taken_count")
    def seats(self, session: Any) -> SafeString | str:
        if session.seats_count is None:
            return ""
        shown = gauge(session.taken_count, session.seats_count)
        if not session.waiting_count:
            return shown
        url = reverse("admin:programme_session_waitlist", args=[session.pk])
        return format_html(
            '{} <a href="{}">{}</a>', shown, url, _("%(number)d waiting") % {"number": session.waiting_count}
        )


class LimitInline(LabelledInline):
    """How many seats in an event a person may have."""

    model = Limit
    fields = ["kind", "at_most"]


class EventWithLimitsAdmin(EventAdmin):
    inlines = [LimitInline]


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

    def object_links(self, request: HttpRequest, obj: Attendee) -> list[tuple[str, Any]]:
        links = super().object_links(request, obj)
        return [*links, (address(attendee=obj.pk), _("Why no seat?"))] if may_see_people(request) else links

    def get_inlines(self, request: HttpRequest, obj: Attendee | None) -> list[Any]:
        return [AttendeeRegistrationInline] if obj else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attendee]:
        return (
            super()
            .get_queryset(request)
            .annotate(seats_count=Count("registrations", filter=Q(registrations__pool__isnull=False)))
        )

    @admin.display(description=_("seats"), ordering="seats_count")
    def number_of_seats(self, attendee: Any) -> int:
        return attendee.seats_count


for model, admin_class in (
    (Session, SessionWithSeatsAdmin),
    (Event, EventWithLimitsAdmin),
    (Attendee, AttendeeWithRegistrationsAdmin),
):
    admin.site.unregister(model)
    admin.site.register(model, admin_class)
