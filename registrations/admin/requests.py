"""Requests for a seat, decided one by one or together; and what the list of registrations tells about each."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.admin import RecordAdmin
from core.text import validate_lines
from programme.models import Session
from registrations.admin.formatting import ask, may_change_people, show, status_badge
from registrations.admin.why import address, why
from registrations.domain import booking, waitlist
from registrations.domain.explain import moment_in_words
from registrations.domain.ways_in import SeatRefused
from registrations.models import Registration

Status = Registration.Status
AT_ONCE = 200
ANSWER_LENGTH = 1000


class AnswerForm(forms.Form):
    """What the organisers write to those whose requests they decide."""

    answer = forms.CharField(
        required=False,
        max_length=ANSWER_LENGTH,
        validators=[validate_lines],
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
        label=_("Your message"),
        help_text=_("It appears in the email to each person."),
    )

    def __init__(self, *args: Any, is_required: bool, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        self.fields["answer"].required = is_required


class RegistrationDesk(RecordAdmin):
    actions = ["grant", "decline"]

    def get_urls(self) -> list[URLPattern]:
        def page(request: HttpRequest) -> HttpResponse:
            return why(self, request)

        return [
            path("why/", self.admin_site.admin_view(page), name="registrations_registration_why"),
            *super().get_urls(),
        ]

    def object_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, Any]]:
        links = super().object_links(request, obj)
        if obj.status != Status.CONFIRMED:
            links.append((address(session=obj.session_id, attendee=obj.attendee_id), _("Why no seat?")))
        return links

    def offers(self, name: str, obj: Model) -> bool:
        if name in ("grant", "decline"):
            return is_request(obj)
        return super().offers(name, obj)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may_change_people(request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        places = waitlist.places(changelist.result_list)
        for registration in changelist.result_list:
            registration.place = places.get(registration.pk)
        return changelist

    @admin.display(description=_("status"), ordering="status")
    def status_shown(self, registration: Registration) -> Any:
        return status_badge(registration, standing(registration))

    # --- Deciding ---

    @admin.action(description=_("Grant these requests…"), permissions=["decide"])
    def grant(self, request: HttpRequest, queryset: QuerySet[Registration]) -> HttpResponse | None:
        return self._decide(request, queryset, grant=True)

    @admin.action(description=_("Decline these requests…"), permissions=["decide"])
    def decline(self, request: HttpRequest, queryset: QuerySet[Registration]) -> HttpResponse | None:
        return self._decide(request, queryset, grant=False)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Registration], *, grant: bool) -> HttpResponse | None:
        asked = queryset.filter(Q(status=Status.PENDING) | Q(session__access=Session.Access.APPROVAL))
        confirmed = "confirm" in request.POST
        if not confirmed:
            asked = asked.filter(status__in=[Status.PENDING, Status.WAITING])
        registrations = list(
            asked.select_related("attendee__user", "session__event__edition", "session__room__venue").order_by(
                "created_at", "pk"
            )
        )
        if not registrations:
            self.message_user(request, _("None of these is a request waiting for a decision."), messages.WARNING)
            return None
        if len(registrations) > AT_ONCE:
            self.message_user(request, _("Choose up to %d registrations at a time.") % AT_ONCE, messages.WARNING)
            return None
        form = AnswerForm(request.POST if confirmed else None, is_required=not grant)
        if confirmed and form.is_valid():
            outcomes = [
                self._decide_one(request, registration, form.cleaned_data["answer"], grant=grant)
                for registration in registrations
            ]
            return self._show_outcomes(request, outcomes, grant=grant)
        return self._ask_to_decide(request, registrations, form, grant=grant)

    def _decide_one(
        self, request: HttpRequest, registration: Registration, answer: str, *, grant: bool
    ) -> tuple[Registration, str]:
        """The registration and why it was refused, if it was."""
        try:
            booking.decide(registration, grant=grant, answer=answer, actor=request.user)
        except SeatRefused as refused:
            return registration, str(refused)
        return registration, ""

    def _ask_to_decide(
        self, request: HttpRequest, registrations: list[Registration], form: AnswerForm, *, grant: bool
    ) -> HttpResponse:
        number = len(registrations)
        if grant:
            title = ngettext("Grant this request?", "Grant these requests?", number)
            sentence = ngettext(
                "%d person will get a seat and be told by email.",
                "%d people will get a seat and each be told by email.",
                number,
            )
            yes = ngettext("Grant %d request", "Grant %d requests", number)
        else:
            title = ngettext("Decline this request?", "Decline these requests?", number)
            sentence = ngettext(
                "%d person will not get a seat, and will be told by email.",
                "%d people will not get a seat, and will each be told by email.",
                number,
            )
            yes = ngettext("Decline %d request", "Decline %d requests", number)
        sentences = [sentence % number]
        if grant:
            sentences.append(
                _(
                    "People without a held seat get one while there are any left. You will be told who does not get "
                    "one; their requests stay open."
                )
            )
        return ask(
            self,
            request,
            "grant" if grant else "decline",
            title=title,
            sentences=sentences,
            headers=[_("Attendee"), _("Session"), _("Reason given"), _("Seat")],
            rows=[
                (
                    registration.pk,
                    [
                        registration.attendee,
                        registration.session,
                        registration.reason or "–",
                        _("held") if registration.pool_id else _("none yet"),
                    ],
                )
                for registration in registrations
            ],
            yes=yes % number,
            no=_("Decide later"),
            form=form,
            danger=not grant,
        )

    def _show_outcomes(
        self, request: HttpRequest, outcomes: Sequence[tuple[Registration, str]], *, grant: bool
    ) -> HttpResponse | None:
        refused = [(registration, why_not) for registration, why_not in outcomes if why_not]
        done = len(outcomes) - len(refused)
        granted = ngettext(
            "%d request has been granted; the person will be told by email.",
            "%d requests have been granted; each person will be told by email.",
            done,
        )
        declined = ngettext(
            "%d request has been declined; the person will be told by email.",
            "%d requests have been declined; each person will be told by email.",
            done,
        )
        told = (granted if grant else declined) % done
        if not refused:
            self.message_user(request, told)
            return None
        return show(
            self,
            request,
            "outcomes",
            title=_("Some requests could not be decided"),
            told=told if done else "",
            refused=refused,
        )


def is_request(registration: Registration) -> bool:
    """Whether the organisers have to decide: a request, or one that waits until a seat can be kept for it."""
    waits = registration.status == Status.WAITING and registration.session.access == Session.Access.APPROVAL
    return registration.status == Status.PENDING or waits


def standing(registration: Registration) -> str:
    """What one asks next about the state: the place on the waiting list (where a list has read it), the end of an
    offer."""
    if registration.status == Status.OFFERED and registration.offer_expires_at:
        return str(
            _("until %(moment)s") % {"moment": moment_in_words(registration.session, registration.offer_expires_at)}
        )
    if place := getattr(registration, "place", None):
        return str(_("number %(place)d on the waiting list") % {"place": place})
    return ""
