"""Who comes to what. Seats are taken and given back by the domain alone."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from core import clock
from core.admin import Form
from core.emails import readable_email
from programme.admin import InEdition, NamedWithEdition, SessionAdmin
from registrations.admin.formatting import ask, may_change_people, status_badge
from registrations.admin.requests import AT_ONCE, RegistrationDesk
from registrations.domain import attendance, booking
from registrations.domain.explain import in_words
from registrations.domain.ways_in import OverLimit
from registrations.models import Registration

# What a registration shows only when it has it.
SOMETIMES = [
    "is_absent",
    "reason",
    "answer",
    "waiting_at",
    "priority",
    "lot",
    "party",
    "offer_expires_at",
    "ended_at",
    "ending",
]


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
            raise ValidationError(_("%(name)s is already registered for this session.") % {"name": attendee})
        try:
            self.instance = booking.register(booking.Ask(session, attendee, actor=self.actor, let_in=True))
        except booking.Clashing as refused:  # its sentence is for the person
            words = {"name": attendee, "clashes": "; ".join(map(in_words, refused.clashes))}
            raise ValidationError(_("%(name)s is expected elsewhere: %(clashes)s.") % words) from refused
        except OverLimit as refused:
            raise ValidationError(refused.rule) from refused
        except booking.SeatRefused as refused:
            raise ValidationError(str(refused)) from refused
        return data


@admin.register(Registration)
class RegistrationAdmin(RegistrationDesk):
    """Who comes to what. Seats are taken and given back by the domain alone; a row is never edited or deleted."""

    form = RegistrationForm
    list_display = ["attendee", "status_shown", "session", "when", "created_at", "email", "organisation"]
    list_display_links = ["attendee", "session"]
    list_filter = [
        InEdition,
        "status",
        "created_at",
        ("session__event", NamedWithEdition),
        ("pool__cohort", NamedWithEdition),
        "is_absent",
    ]
    edition_path = "session__event__edition"
    list_select_related = ["attendee__user", "session__room__venue", "pool__cohort"]
    search_fields = ["attendee__search", "attendee__user__search", "session__search"]
    search_help_text = _("Name, email address, organisation or session")
    date_hierarchy = "created_at"
    autocomplete_fields = ["attendee", "session"]
    actions = [*RegistrationDesk.actions, "cancel_seats", "mark_absent", "mark_present"]
    object_actions = (*RegistrationDesk.actions, "cancel_seats", "mark_absent", "mark_present")

    def get_fields(self, request: HttpRequest, obj: Registration | None = None) -> list[str]:
        if obj is None:
            return ["attendee", "session"]
        always = ["attendee", "email", "organisation", "session", "when", "status_shown", "pool_of", "created_at"]
        return always + [name for name in SOMETIMES if getattr(obj, name)]

    def get_list_display(self, request: HttpRequest) -> list[str]:
        if request.GET.get("status__exact") == Registration.Status.PENDING:
            return ["attendee", "session", "reason", "created_at"]
        return list(self.list_display)

    def get_readonly_fields(self, request: HttpRequest, obj: Registration | None = None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
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
        return may_change_people(request)

    def offers(self, name: str, obj: Model) -> bool:
        if not isinstance(obj, Registration) or obj.status in Registration.ENDED:
            return False
        if name in ("mark_absent", "mark_present"):
            has_begun = obj.status == Registration.Status.CONFIRMED and obj.session.starts_at <= clock.now()
            return has_begun and obj.is_absent == (name == "mark_present")
        return super().offers(name, obj)

    @admin.action(description=_("Cancel these seats…"), permissions=["cancel"])
    def cancel_seats(self, request: HttpRequest, queryset: QuerySet[Registration]) -> HttpResponse | None:
        live = (
            queryset.exclude(status__in=Registration.ENDED)
            .select_related("attendee__user", "session__room__venue")
            .order_by("pk")
        )
        number = live.count()
        if not number:
            self.message_user(request, _("These registrations have already ended."), messages.WARNING)
            return None
        if number > AT_ONCE:
            self.message_user(request, _("Choose up to %d registrations at a time.") % AT_ONCE, messages.WARNING)
            return None
        if "confirm" in request.POST:
            self._cancel(request, list(live))
            return None
        told = ngettext(
            "%d registration will end. The seat goes to the next person on the waiting list, or else to whoever asks "
            "first, and the person is told by email.",
            "%d registrations will end. Each seat goes to the next person on the waiting list, or else to whoever asks "
            "first, and each person is told by email.",
            number,
        )
        return ask(
            self,
            request,
            "cancel_seats",
            title=_("Cancel these seats?"),
            sentences=[
                told % number,
                _(
                    "You cannot undo this. To give somebody their seat back, add a new registration while there are "
                    "seats left. The cancelled rows stay in the list, with your name in their history."
                ),
            ],
            headers=[_("Attendee"), _("Session"), _("Status")],
            rows=[
                (registration.pk, [registration.attendee, registration.session, status_badge(registration)])
                for registration in live
            ],
            yes=ngettext("Cancel %d registration", "Cancel %d registrations", number) % number,
            no=_("Keep them"),
            danger=True,
        )

    def _cancel(self, request: HttpRequest, registrations: list[Registration]) -> None:
        done = 0
        for registration in registrations:
            try:
                done += (
                    booking.cancel(
                        registration.session,
                        registration.attendee,
                        actor=request.user,
                        ending=Registration.Ending.BY_ORGANISERS,
                    )
                    is not None
                )
            except booking.SeatRefused as refused:
                self.message_user(request, f"{registration}: {refused}", messages.ERROR)
        if done:
            sentence = ngettext(
                "%d registration has been cancelled, and the person will be told by email.",
                "%d registrations have been cancelled, and each person will be told by email.",
                done,
            )
            self.message_user(request, sentence % done)

    @admin.action(description=_("Mark as absent"), permissions=["cancel"])
    def mark_absent(self, request: HttpRequest, queryset: QuerySet[Registration]) -> None:
        number = attendance.mark_absent(queryset, absent=True, actor=request.user, at=clock.now())
        sentence = ngettext("%d person is marked as absent.", "%d people are marked as absent.", number)
        self._say(request, number, sentence)

    @admin.action(description=_("Mark as present again"), permissions=["cancel"])
    def mark_present(self, request: HttpRequest, queryset: QuerySet[Registration]) -> None:
        number = attendance.mark_absent(queryset, absent=False, actor=request.user, at=clock.now())
        sentence = ngettext(
            "%d person is no longer marked as absent.", "%d people are no longer marked as absent.", number
        )
        self._say(request, number, sentence)

    def _say(self, request: HttpRequest, number: int, sentence: str) -> None:
        if number:
            self.message_user(request, sentence % number)
        else:
            self.message_user(
                request,
                _("Nothing to change: this is only for people with a seat, once the session has started."),
                messages.WARNING,
            )

    @admin.display(description=_("email address"), ordering="attendee__user__email")
    def email(self, registration: Registration) -> str:
        return readable_email(registration.attendee.user.email)

    @admin.display(description=_("organisation"), ordering="attendee__organisation")
    def organisation(self, registration: Registration) -> str:
        return registration.attendee.organisation

    @admin.display(description=_("when"), ordering="session__starts_at")
    def when(self, registration: Registration) -> str:
        return SessionAdmin.when(self, registration.session)

    @admin.display(description=_("seat pool"), ordering="pool__cohort")
    def pool_of(self, registration: Registration) -> str:
        pool = registration.pool
        return str(pool.cohort or _("general pool")) if pool else ""
