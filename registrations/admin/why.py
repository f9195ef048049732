"""“Why has this person no seat?”: the page that answers it, for anybody in any session."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Attendee
from core import clock
from core.folding import found
from core.text import whole_numbers
from programme.models import Session
from registrations.admin.formatting import may_see_people, show
from registrations.domain.explain import explain

FOUND_AT_MOST = 20
RULES = {
    "door": _("Registration"),
    "access": _("Who can come"),
    "registration": _("What they asked for"),
    "clash": _("Clashes"),
    "limit": _("Limits"),
    "seats": _("Free seats"),
    "waitlist": _("The waiting list"),
    "party": _("Waiting together"),
}


def address(**chosen: object) -> str:
    """The page, with what is chosen already: session, attendee, or both."""
    return f"{reverse('admin:registrations_registration_why')}?{urlencode(chosen)}"


def why(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """A session and a person, each chosen by searching; then the rules in their order, and what follows from them."""
    if not may_see_people(request):
        raise PermissionDenied
    session, sessions = _choose(request, "session", Session.objects.with_place(), ["search"])
    attendee, attendees = _choose(
        request, "attendee", Attendee.objects.select_related("user"), ["search", "user__search"]
    )
    steps = explain(session, attendee, clock.now()) if session and attendee else []
    trace = [(RULES[step.rule], step) for step in steps[:-1]]
    chosen = {name: one.pk for name, one in (("session", session), ("attendee", attendee)) if one}
    return show(
        model_admin,
        request,
        "why",
        title=_("Why doesn’t this person have a seat?"),
        session=session,
        attendee=attendee,
        parts=[
            _part("session", _("Session"), _("Title"), session, sessions, chosen, request),
            _part(
                "attendee", _("Person"), _("Name, email address or organisation"), attendee, attendees, chosen, request
            ),
        ],
        chosen=chosen,
        trace=trace,
        conclusion=steps[-1] if steps else None,
    )


def _choose(request: HttpRequest, name: str, among: QuerySet[Any], fields: list[str]) -> tuple[Any, list[Any]]:
    """The one that is chosen, or the first that match what was typed; the only match is chosen."""
    if chosen := whole_numbers([request.GET.get(name, "")]):
        return among.filter(pk__in=chosen).first(), []
    typed = request.GET.get(f"find_{name}", "").strip()[:100]
    if not typed:
        return None, []
    matches = list(among.filter(found(typed, *fields))[: FOUND_AT_MOST + 1])
    return (matches[0], []) if len(matches) == 1 else (None, matches)


def _part(
    name: str, label: str, hint: str, one: Model | None, found: list[Any], chosen: dict[str, int], request: HttpRequest
) -> dict[str, Any]:
    """One of the two boxes: what is chosen, or what to choose among; the other one stays as it is."""
    others: dict[str, object] = {key: value for key, value in chosen.items() if key != name}
    typed = request.GET.get(f"find_{name}", "").strip()[:100]
    for other in ("session", "attendee"):
        if other != name and other not in chosen and request.GET.get(f"find_{other}"):
            others[f"find_{other}"] = request.GET[f"find_{other}"][:100]
    return {
        "name": name,
        "label": label,
        "hint": hint,
        "one": one,
        "typed": typed,
        "found": [(each, address(**others | {name: each.pk})) for each in found[:FOUND_AT_MOST]],
        "more": len(found) > FOUND_AT_MOST,
        "none": bool(typed) and not one and not found,
        "change": address(**others),
    }
