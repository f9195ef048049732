from datetime import date

from django.conf import settings
from django.contrib import messages
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import attendee_of, attendee_required, sign_in_first
from accounts.models import Attendee
from programme.models import Session
from registrations.access import visible_session
from registrations.domain import booking
from registrations.domain.seats import Seat
from registrations.domain.seats import seat as seat_of
from registrations.domain.seats import seats as seats_of
from registrations.forms import SeatForm
from registrations.models import Registration

STRANGERS_SECONDS = 2  # how old the seats may be that somebody sees who is not signed in


@attendee_required
@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """ "My programme": the person's seats in order of time."""
    now = timezone.now()
    attendee: Attendee = request.attendee  # type: ignore[attr-defined]
    mine = Session.objects.filter(registrations__in=Registration.objects.confirmed().filter(attendee=attendee)).with_place()
    seats = seats_of(mine.order_by("starts_at", "slug"), attendee, now)
    coming = [seat for seat in seats if seat.session.ends_at > now]
    past = [seat for seat in seats if seat.session.ends_at <= now]
    zones = {seat.session.room.venue.timezone: seat.session.zone for seat in seats}
    return render(request, "registrations/me.html", {"coming": coming, "past": past, "zones": list(zones.values()), "attendee": attendee})


@gzip_page
@require_safe
def seats(request: HttpRequest) -> HttpResponse:
    """The live seats of one day of the programme, as fragments that htmx puts in their places; the other rows stay as they are."""
    try:
        day = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        return HttpResponse()
    filters = {name: request.GET.get(name, "") for name in ("event", "track", "venue", "access")}
    attendee = attendee_of(request)
    # Every opening of the programme asks for this, and all strangers see the same: it is drawn once for those of the same moment.
    kept = None if attendee or any(filters.values()) else f"seats:{get_language()}:{day}"
    page = caches["pages"].get(kept) if kept else None
    if page is None:
        sessions = Session.objects.published().on(day).matching(**filters)
        shown = [seat for seat in seats_of(sessions, attendee, timezone.now()) if seat.is_live]
        page = render_to_string("registrations/_seats.html", {"seats": shown, "attendee": attendee}, request)
        if kept and shown:  # made-up days fill no cache
            caches["pages"].set(kept, page, min(STRANGERS_SECONDS, settings.PUBLIC_CACHE_SECONDS))
    return HttpResponse(page)


@require_safe
def seat(request: HttpRequest, slug: str) -> HttpResponse:
    """The seat box of a session: a fragment of its public page, or a page of its own without JavaScript."""
    return _show(request, seat_of(visible_session(slug), attendee_of(request), timezone.now()))


@require_POST
@attendee_required
def register(request: HttpRequest, slug: str) -> HttpResponse:
    session = visible_session(slug)
    form = SeatForm(request.POST)
    seen = form.cleaned_data["seen"] if form.is_valid() else ""
    try:
        registration = booking.register(session, request.attendee, actor=request.attendee.user, seen=seen)  # type: ignore[attr-defined]
    except booking.SeatRefused as refused:
        return _answer(request, session, str(refused), refused=True)
    return _answer(request, session, _("Your seat is confirmed. A mail with the calendar entry is on its way."), last=registration)


@require_http_methods(["GET", "HEAD", "POST"])
@attendee_required
def cancel(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask first (GET changes nothing), then give the seat back (POST)."""
    session = visible_session(slug)
    if request.method != "POST":
        return _show(request, seat_of(session, request.attendee, timezone.now()), asks_to_cancel=True)  # type: ignore[attr-defined]
    try:
        registration = booking.cancel(session, request.attendee, actor=request.attendee.user)  # type: ignore[attr-defined]
    except booking.SeatRefused as refused:
        return _answer(request, session, str(refused), refused=True)
    return _answer(request, session, _("Your seat is given back."), last=registration)


def _answer(
    request: HttpRequest, session: Session, notice: str, *, refused: bool = False, last: Registration | None = None
) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return _show(request, seat_of(session, attendee_of(request), timezone.now(), last=last), notice=notice, refused=refused)
    messages.add_message(request, messages.ERROR if refused else messages.SUCCESS, notice)
    return redirect("registrations:seat", session.slug)


def _show(request: HttpRequest, shown: Seat, **context: object) -> HttpResponse:
    """The fragment that fits where htmx will put it, or the whole page."""
    login = sign_in_first(reverse("registrations:seat", args=[shown.session.slug]))
    context |= {"seat": shown, "session": shown.session, "attendee": attendee_of(request), "login_url": login}
    target = request.htmx.target if request.htmx else None  # type: ignore[attr-defined]
    if target == f"seat-{shown.session.slug}":
        return render(request, "registrations/_seat_row.html", context)
    return render(request, "registrations/_seat_box.html" if target else "registrations/seat.html", context)
