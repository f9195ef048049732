import hashlib
from collections.abc import Callable
from datetime import date

from django.conf import settings
from django.contrib import messages
from django.core.cache import caches
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import trigger_client_event

from accounts.access import attendee_of, attendee_required, safe_next, sign_in_first
from accounts.http import AttendeeRequest, Request
from core import clock
from core.caching import public_page
from programme.models import Session
from registrations import contexts
from registrations.access import drawing, session_with_pools, visible_session, waiting_registration
from registrations.domain import booking, idempotency, waitlist
from registrations.domain.idempotency import Key
from registrations.domain.seats import Seat, seat_after, seat_refused
from registrations.domain.seats import seat as seat_of
from registrations.domain.seats import seats as seats_of
from registrations.domain.ways_in import SeatRefused
from registrations.forms import PartyForm, SeatForm
from registrations.models import Registration

STRANGERS_SECONDS = 2  # how old the seats may be that somebody sees who is not signed in


@attendee_required
@require_safe
def me(request: AttendeeRequest) -> HttpResponse:
    """ "My programme": what is offered first, then the person's seats in order of time, then what they wait for or
    asked for."""
    shown = contexts.my_programme(request.attendee, clock.now())
    return render(request, "registrations/me.html", shown | {"next": request.path})


@gzip_page
@require_safe
def seats(request: HttpRequest) -> HttpResponse:
    """The live seats of one day of the programme, of an event or of a speaker, as fragments that htmx puts in their
    places; the other rows stay as they are, as do those that have just told something (`but`)."""
    try:
        day = date.fromisoformat(request.GET["day"]) if "day" in request.GET else None
    except ValueError:
        return HttpResponse()
    filters = {name: request.GET.get(name, "") for name in ("event", "track", "venue", "access", "speaker")}
    if not (day or filters["event"] or filters["speaker"]):
        return HttpResponse()
    asked = {"day": day} | filters
    is_one_page = sum(map(bool, asked.values())) == 1
    attendee = attendee_of(request)
    # Every opening of the programme asks for this, and all strangers see the same: it is drawn once for those of the
    # same moment.
    key = hashlib.sha256(f"{get_language()}:{asked}".encode()).hexdigest()
    kept = f"seats:{key}" if is_one_page and not attendee else None
    page = caches["pages"].get(kept) if kept else None
    if page is None:
        sessions = Session.objects.published()
        sessions = (sessions.on(day) if day else sessions).matching(**filters)
        sessions = sessions.select_related("event__edition", "room__venue").without_legal_texts()
        if attendee and (told := request.GET.getlist("but")):
            sessions = sessions.exclude(slug__in=told[:100])
        shown = [seat for seat in seats_of(sessions, attendee, clock.now()) if seat.is_live]
        page = render_to_string("registrations/_seats.html", {"seats": shown, "attendee": attendee}, request)
        if kept and shown:  # made-up days fill no cache
            caches["pages"].set(kept, page, min(STRANGERS_SECONDS, settings.PUBLIC_CACHE_SECONDS))
    return HttpResponse(page)


@require_safe
def seat(request: Request, slug: str) -> HttpResponse:
    """The seat box of a session: a fragment of its public page, or a page of its own without JavaScript."""
    shown = seat_of(visible_session(slug), attendee_of(request), clock.now())
    return _show(request, shown, chooses="choose" in request.GET)


@public_page
def draw(request: HttpRequest, slug: str) -> HttpResponse:
    """The lots that were drawn for a session, and how anybody draws them again."""
    drawn = drawing(slug)
    request.edition = drawn.session.event.edition  # type: ignore[attr-defined]
    lots = [
        (number, code, party, waitlist.fingerprint(drawn.seed, party or code))
        for number, code in enumerate(drawn.order, 1)
        for party in [drawn.entries[code]]
    ]
    return render(
        request,
        "registrations/draw.html",
        {
            "session": drawn.session,
            "draw": drawn,
            "lots": lots,
            "grouped": any(drawn.entries.values()),
            "first": lots[0] if lots else None,
        },
    )


@require_POST
@attendee_required
def register(request: AttendeeRequest, slug: str) -> HttpResponse:
    """Take a seat, ask for one, or a place on the waiting list: what the session has for the person."""
    attendee = request.attendee
    session, pools = session_with_pools(slug, attendee)
    form = SeatForm(request.POST)

    def act(once: Key | None) -> Registration:
        return booking.register(
            booking.Ask(session, attendee, actor=attendee.user, waits=True, **form.said), pools=pools, once=once
        )

    return _press(request, session, act, form)


@require_POST
@attendee_required
def accept(request: AttendeeRequest, slug: str) -> HttpResponse:
    """Take the seat that is offered."""
    attendee = request.attendee
    session = visible_session(slug)
    form = SeatForm(request.POST)

    def act(once: Key | None) -> Registration:
        return booking.accept(
            session, attendee, actor=attendee.user, despite=form.said["despite"], leave=form.leave, once=once
        )

    return _press(request, session, act, form)


@require_http_methods(["GET", "HEAD", "POST"])
@attendee_required
def cancel(request: AttendeeRequest, slug: str) -> HttpResponse:
    """Ask first (GET changes nothing), then give back the seat, the offer, the request or the place on the waiting list
    (POST)."""
    attendee = request.attendee
    session = visible_session(slug)
    if request.method != "POST":
        return _show(request, seat_of(session, attendee, clock.now()), asks_to_cancel=True)

    def act(once: Key | None) -> Registration | None:
        return booking.cancel(session, attendee, actor=attendee.user, once=once)

    return _press(request, session, act, SeatForm(request.POST))


@require_POST
@attendee_required
def party(request: AttendeeRequest, slug: str) -> HttpResponse:
    """Wait with others: begin a group, join one by its code, or wait alone again."""
    attendee = request.attendee
    registration = waiting_registration(slug, attendee)
    form = PartyForm(request.POST)
    try:
        if "leave" in request.POST:
            waitlist.leave_party(registration, actor=attendee.user, at=clock.now())
            notice = _("You’re waiting on your own again.")
        elif "code" in request.POST:
            waitlist.join_party(registration, form.typed, actor=attendee.user, at=clock.now())
            notice = _("You’re waiting together now: you all get seats, or none of you does.")
        else:
            waitlist.start_party(registration, actor=attendee.user)
            notice = _("Give this code to the people you want to wait with.")
    except SeatRefused as refused:
        if "code" in request.POST:
            return _show_error(request, registration.session, "code", str(refused))
        return _answer(request, registration.session, str(refused), refused=True)
    return _answer(request, registration.session, notice, changed=True)


def _press(
    request: AttendeeRequest, session: Session, act: Callable[[Key | None], Registration | None], form: SeatForm
) -> HttpResponse:
    """Let `act` have its effect once for the form that was sent, and answer; a form sent again is answered alike."""
    once = form.once(request.attendee.user, request.path)
    try:
        registration = act(once)
    except SeatRefused as refused:
        if refused.code == "reason":
            return _show_error(request, session, "reason", str(form.errors.get("reason", [refused])[0]))
        # The clash itself, and what can be done about it, stand in the box and in the row.
        sentence = _("You’re not registered yet: see why below.") if refused.code == "clash" else str(refused)
        typed = request.POST.get("reason", "") if session.access == Session.Access.APPROVAL else ""
        after = None
        if isinstance(refused, booking.Full) and session.access != Session.Access.INVITATION:
            after = seat_refused(session, refused, clock.now())
        return _answer(
            request, session, sentence, refused=True, chooses=refused.code == "clash", after=after, typed=typed
        )
    except IntegrityError:
        try:
            spent = idempotency.answer_of(once)
        except idempotency.KeyReused:
            return _answer(
                request,
                session,
                _("You’ve already sent this form with something else in it: nothing has changed."),
                refused=True,
                status=422,
            )
        if spent is None:
            raise
        mine = Registration.objects.filter(attendee=request.attendee)
        registration = mine.filter(uuid=spent["registration"]).first() if spent else None
        if registration and registration.status != spent["status"]:
            return _answer(
                request,
                session,
                _("You’ve already sent this form, and things have changed since: this is how they stand now."),
                refused=True,
            )
    if registration is None:
        return _answer(request, session, _("You’ve given up your seat."))  # by a click before this one
    if registration.status in Registration.ENDED:
        return _answer(request, session, _farewell(registration), changed=True)
    registration.session, registration.attendee = session, request.attendee
    after = seat_after(registration, clock.now())
    return _answer(request, session, _notice(registration, after), after=after, changed=True)


def _farewell(registration: Registration) -> str:
    match registration.ending:
        case Registration.Ending.LEFT_WAITLIST:
            return _("You’ve left the waiting list.")
        case Registration.Ending.OFFER_DECLINED:
            return _("You’ve declined the offer: the seat is no longer held for you.")
        case _ if not registration.was_confirmed:
            return _("Your request has been withdrawn.")
        case _:
            return _("You’ve given up your seat.")


def _notice(registration: Registration, seat: Seat) -> str:
    match registration.status:
        case Registration.Status.CONFIRMED:
            return _("Your seat is confirmed. An email with the calendar entry is on its way.")
        case Registration.Status.PENDING:
            return _("The organisers have your request. They’ll answer by email.")
        case Registration.Status.WAITING if seat.session.waiting_list == Session.WaitingList.DRAW and not seat.is_drawn:
            return _("You’re on the waiting list and will take part in the draw.")
        case Registration.Status.WAITING if seat.session.waiting_list == Session.WaitingList.BY_HAND:
            return _("You’re on the waiting list: the organisers can see you there.")
        case Registration.Status.WAITING:
            return _("This session is full: you’re number %(place)d on the waiting list.") % {"place": seat.place or 0}
        case _:
            return _("You’ve been offered a seat: accept it below.")


def _show_error(request: Request, session: Session, field: str, error: str) -> HttpResponse:
    """The page again with what was typed in `field`, and beside it what is wrong: nothing has changed."""
    shown = seat_of(session, attendee_of(request), clock.now())
    return _show(request, shown, status=422, wrong=field, error=error, typed=request.POST.get(field, ""))


def _answer(
    request: Request,
    session: Session,
    notice: str,
    *,
    refused: bool = False,
    changed: bool = False,
    chooses: bool = False,
    after: Seat | None = None,
    typed: str = "",
    status: int = 200,
) -> HttpResponse:
    """The seat as it is now with `notice`: in its place, or on the page that the person came from. What was `typed` is
    kept."""
    whole_list = request.htmx and request.htmx.target == "mine"  # it follows to /me/ and takes that
    if (request.htmx and not whole_list) or ((status != 200 or typed) and not request.htmx):
        shown = after or seat_of(session, attendee_of(request), clock.now())
        response = _show(request, shown, status=status, notice=notice, refused=refused, chooses=chooses, typed=typed)
        # The other sessions of the day may clash with this one now, or no longer.
        return trigger_client_event(response, "seats-changed", after="swap") if changed else response
    messages.add_message(request, messages.ERROR if refused else messages.SUCCESS, notice)
    return redirect(safe_next(request) or reverse("registrations:seat", args=[session.slug]))


def _show(request: Request, shown: Seat, *, status: int = 200, **context: object) -> HttpResponse:
    """The fragment that fits where htmx will put it, or the whole page."""
    request.page_address = reverse("registrations:seat", args=[shown.session.slug])
    request.edition = shown.session.event.edition
    login = sign_in_first(request.page_address)
    mine = reverse("registrations:me")
    context |= {"seat": shown, "session": shown.session, "attendee": attendee_of(request), "login_url": login}
    # Where one goes on to after an act, if it is not the seat's own page.
    context["next"] = mine if safe_next(request) == mine else ""
    name = _fragment(request, shown.session) or "registrations/seat.html"
    return render(request, name, context, status=status)


def _fragment(request: Request, session: Session) -> str:
    """The template of the place that htmx asks for, or "" for a whole page."""
    places = {"seat-box": "registrations/_seat_box.html", f"seat-{session.slug}": "registrations/_seat_row.html"}
    return places.get(request.htmx.target or "", "") if request.htmx else ""
