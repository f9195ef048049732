"""Fewer seats than people: the numbers, the three ways out, and what each of them means for whom."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.admin import WholeNumber
from core.emails import readable_email
from programme.models import Session
from registrations.admin.formatting import may_change_people, show
from registrations.domain import pools
from registrations.domain.pools import Lowering
from registrations.domain.ways_in import SeatRefused
from registrations.models import Registration, SeatPool


class WantedForm(forms.Form):
    """The capacity that is wanted: below today's, since more seats need only the session's own form."""

    capacity = WholeNumber(min_value=1, label=_("New capacity"))

    def __init__(self, session: Session, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        self.session = session
        self.fields["capacity"].widget.attrs |= {"max": session.capacity - 1, "inputmode": "numeric"}

    def clean_capacity(self) -> int:
        capacity = self.cleaned_data["capacity"]
        if capacity >= self.session.capacity:
            raise ValidationError(
                _("The capacity is %(capacity)d: enter a lower number.") % {"capacity": self.session.capacity}
            )
        return capacity


class LoweringForm(WantedForm):
    """The choice. `was` is the capacity that its reader saw: another one by now means that they look again."""

    was = forms.IntegerField(widget=forms.HiddenInput)
    how = forms.ChoiceField(
        choices=Lowering.choices, widget=forms.RadioSelect, label=_("What happens to people with a seat")
    )
    who = forms.ChoiceField(
        choices=[("last", _("The last to register")), ("named", _("The people ticked below"))],
        widget=forms.RadioSelect,
        required=False,
        label=_("Who loses their seat"),
    )
    people = forms.ModelMultipleChoiceField(
        Registration.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("People with a seat, latest registrations first"),
    )

    def __init__(self, session: Session, *args: Any, **kwargs: Any) -> None:
        super().__init__(session, *args, **kwargs)
        self.fields["capacity"].widget = forms.HiddenInput()
        holding = Registration.objects.filter(session=session, pool__session=session, pool__cohort=None)
        people: Any = self.fields["people"]
        people.queryset = holding.select_related("attendee__user").order_by("-created_at", "-id")
        people.label_from_instance = lambda registration: (
            f"{registration.attendee} ({readable_email(registration.attendee.user.email)})"
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("was") != self.session.capacity:
            raise ValidationError(_("The capacity has changed in the meantime: check the numbers again."))
        if self.errors or data["how"] != Lowering.MOVE:
            return data
        number = pools.above(self.session, data["capacity"])
        if data.get("who") == "named" and len(data["people"]) != number:
            sentence = ngettext(
                "Tick exactly %(number)d person: you have ticked %(ticked)d.",
                "Tick exactly %(number)d people: you have ticked %(ticked)d.",
                number,
            )
            self.add_error("people", sentence % {"number": number, "ticked": len(data["people"])})
        return data

    @property
    def moved(self) -> list[Registration] | None:
        return list(self.cleaned_data["people"]) if self.cleaned_data["who"] == "named" else None


def capacity(model_admin: ModelAdmin, request: HttpRequest, session: Session) -> HttpResponse:
    """GET with a capacity shows what it would mean; POST does it, in one step, in the way that was chosen."""
    if not (model_admin.has_change_permission(request, session) and may_change_people(request)):
        raise PermissionDenied
    form = LoweringForm(session, request.POST) if request.method == "POST" else None
    if form and form.is_valid() and _lower(request, session, form):
        return HttpResponseRedirect(reverse("admin:programme_session_change", args=[session.pk]))
    asked = request.POST if form else request.GET
    wanted = WantedForm(session, asked if "capacity" in asked else None)
    number = wanted.cleaned_data["capacity"] if wanted.is_valid() else None
    if number and not form:
        form = LoweringForm(
            session, initial={"capacity": number, "was": session.capacity, "how": Lowering.KEEP, "who": "last"}
        )
    figures = _figures(session, number)
    if form and number:
        figures["ways"] = [
            {"radio": radio, "consequence": figures["consequences"][radio.data["value"]]} for radio in form["how"]
        ]
    return show(
        model_admin,
        request,
        "capacity",
        title=_("Lower the capacity"),
        subtitle=str(session),
        session=session,
        wanted=wanted,
        form=form,
        **figures,
    )


def _figures(session: Session, wanted: int | None) -> dict[str, Any]:
    """The numbers, and for each way out what it means; `above`: those whose seats the capacity `wanted` has no room
    for."""
    held = list(SeatPool.objects.filter(session=session))
    taken = sum(pool.taken for pool in held if pool.cohort_id is None)
    kept = sum(pool.seats for pool in held if pool.cohort_id)
    figures: dict[str, Any] = {"capacity": session.capacity, "taken": taken, "kept": kept, "number": wanted}
    if wanted is None:
        return figures
    above = max(taken + kept - wanted, 0)
    stays = {"capacity": wanted + above}
    move = ngettext(
        "%(number)d person will go to the top of the waiting list and be told by email.",
        "%(number)d people will go to the top of the waiting list and be told by email.",
        above,
    ) % {"number": above}
    if session.waiting_list == Session.WaitingList.NONE:
        move += " " + _("The session gets a waiting list: any seat that becomes free goes to them first.")
    if above > taken:
        move = _("Not possible: too many seats are reserved for cohorts. Reduce those first.")
    consequences = {
        Lowering.KEEP: _(
            "The capacity becomes %(capacity)d. Nobody loses their seat; any seat that becomes free goes to the "
            "waiting list."
        )
        % stays,
        Lowering.CLOSE: _(
            "The capacity becomes %(capacity)d, registration closes now, and the organisers decide who gets each seat "
            "that becomes free."
        )
        % stays,
        Lowering.MOVE: move,
    }
    return figures | {"above": above, "consequences": consequences, "can_move": above <= taken}


def _lower(request: HttpRequest, session: Session, form: LoweringForm) -> bool:
    data = form.cleaned_data
    try:
        lowered = pools.lower_capacity(session, data["capacity"], data["how"], actor=request.user, moved=form.moved)
    except (ValidationError, SeatRefused) as error:
        form.add_error(None, error.messages if isinstance(error, ValidationError) else str(error))
        return False
    except IntegrityError:
        form.add_error(
            None, _("Something else changed at the same moment, so nothing was done. Check the numbers again.")
        )
        return False
    messages.success(request, _("The capacity is now %(capacity)d.") % {"capacity": lowered.capacity})
    return True
