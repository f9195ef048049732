"""The pages of wishes: which sessions are given out fairly, one's own ranking, and what came of it
(docs/rules.md#allocation)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import attendee_required
from accounts.http import AttendeeRequest, Request
from accounts.models import Attendee
from allocations.access import visible_allocation
from allocations.domain import wishes
from allocations.domain.allocation import express
from allocations.forms import WishForm
from allocations.models import Allocation
from core import clock
from registrations.domain.ways_in import SeatRefused


@attendee_required
@require_safe
def allocations(request: AttendeeRequest) -> HttpResponse:
    """Every allocation that one may see: those that take wishes, and those whose result is out or awaited."""
    listeds = wishes.listed(request.attendee, clock.now())
    return render(request, "allocations/allocations.html", {"allocations": listeds})


@require_http_methods(["GET", "HEAD", "POST"])
@attendee_required
def allocation(request: AttendeeRequest, slug: str) -> HttpResponse:
    """One's ranking of the sessions of an allocation, while it takes wishes; afterwards, what one got and why not the
    rest."""
    now = clock.now()
    attendee = request.attendee
    allocation = visible_allocation(slug, now)
    if request.method == "POST":
        return _rank(request, allocation, attendee)
    if result := wishes.result(allocation, attendee):
        return render(request, "allocations/allocated.html", {"allocation": allocation, "result": result})
    return render(request, "allocations/wishes.html", {"sheet": wishes.sheet(allocation, attendee, now)})


def _rank(request: Request, allocation: Allocation, attendee: Attendee) -> HttpResponse:
    now = clock.now()
    anchor, act, moved, refused = "#mine", "", None, False
    try:
        form = WishForm(request.POST, wishes.nameable(allocation, attendee))
        kept = express(allocation, attendee, form.order, seen=form.seen, at=now)
    except SeatRefused as refusal:
        notice, refused = str(refusal), True
    else:
        rank = next((wish.rank for wish in kept if wish.session_id == form.session.pk), None)
        words = (
            _("“%(session)s” is your wish number %(rank)d.")
            if rank
            else _("“%(session)s” is no longer one of your wishes.")
        )
        notice, act, moved = words % {"session": form.session, "rank": rank}, form.act, form.session
        anchor = f"#session-{form.session.slug}" if act in ("add", "drop") else anchor
    if request.htmx:
        context = {
            "sheet": wishes.sheet(allocation, attendee, now),
            "notice": notice,
            "refused": refused,
            "act": act,
            "moved": moved,
        }
        return render(request, "allocations/_wishes.html", context)
    messages.add_message(request, messages.ERROR if refused else messages.SUCCESS, notice)
    return redirect(reverse("allocations:allocation", args=[allocation.slug]) + anchor)
