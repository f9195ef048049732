from datetime import UTC, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language_info
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from core import clock
from core.caching import public_page
from core.folding import fold
from core.identity import current_identity
from core.slugs import follows_edits
from programme import contexts
from programme.access import elsewhere, in_edition
from programme.domain import accents, listing
from programme.models import Edition, Event, Participation, Session, Speaker, validate_colour
from programme.signals import home_shown

SECURITY_TXT_EXPIRES = timedelta(days=180)  # less than a year, as RFC 9116 advises


@public_page
@in_edition
def home(request: HttpRequest, edition: Edition | None) -> HttpResponse:
    if edition is None:
        return render(request, "programme/no_edition.html", contexts.others(None))
    at_root = edition.is_current
    notes = [html for _receiver, html in home_shown.send(sender=None, at=clock.now()) if html] if at_root else []
    return render(request, "programme/home.html", contexts.home(edition, clock.today()) | {"notes": notes})


@public_page
def editions(request: HttpRequest) -> HttpResponse:
    return render(request, "programme/editions.html", contexts.others(None))


@public_page(takes_query=True)
@in_edition
def programme(request: HttpRequest, edition: Edition | None) -> HttpResponse:
    choices = listing.read(edition, request.GET.dict(), today=clock.today())
    if request.META.get("QUERY_STRING", "") != urlencode(choices.query):
        return HttpResponseRedirect(f"{request.path}?{urlencode(choices.query)}".removesuffix("?"))
    return render(request, "programme/programme.html", contexts.programme(edition, choices, clock.now()))


@public_page
@follows_edits(Session)
@in_edition
def session(request: HttpRequest, edition: Edition | None, slug: str) -> HttpResponse:
    session = get_object_or_404(Session.objects.published().with_place(), slug=slug)
    if away := elsewhere(request, session.event.edition):
        return away
    parts = list(session.participations.select_related("speaker"))
    announced = [part for part in parts if part.role == Participation.Role.ANNOUNCED]
    return render(
        request,
        "programme/session.html",
        {
            "session": session,
            "participations": [part for part in parts if part.role != Participation.Role.ANNOUNCED],
            "announced": announced,
            "languages": [get_language_info(code)["name_translated"] for code in session.language_codes],
            "now": clock.now(),
        },
    )


@public_page
@in_edition
def speakers(request: HttpRequest, edition: Edition | None) -> HttpResponse:
    found = Speaker.objects.published(edition) if edition else Speaker.objects.none()
    people = sorted(found, key=lambda speaker: fold(speaker.name))
    letters = [
        (letter, list(group)) for letter, group in groupby(people, key=lambda speaker: fold(speaker.name)[:1].upper())
    ]
    return render(request, "programme/speakers.html", {"letters": letters, "count": len(people)})


@public_page
@follows_edits(Speaker)
@in_edition
def speaker(request: HttpRequest, edition: Edition | None, slug: str) -> HttpResponse:
    """Somebody's sessions in the edition, with the other editions that they spoke in."""
    speaker = get_object_or_404(Speaker.objects.published(), slug=slug)
    parts = Participation.objects.filter(speaker=speaker, session__in=Session.objects.published())
    parts = parts.select_related("session__event__edition", "session__track", "session__room__venue").order_by(
        "session__starts_at", "session_id", "position", "pk"
    )
    sessions: list[tuple[Session, list[Any]]] = []
    others: list[Edition] = []
    for session, of_session in groupby(parts, key=lambda part: part.session):
        if session.event.edition == edition:
            sessions.append((session, [part.get_role_display() for part in of_session]))
        elif session.event.edition not in others:
            others.append(session.event.edition)
    latest = max(others, key=lambda other: (other.is_current, other.starts_on, other.pk), default=None)
    if not sessions and latest and (away := elsewhere(request, latest)):  # the page stands where they speak
        return away
    context = {"speaker": speaker, "sessions": sessions, "others": others, "now": clock.now()}
    return render(request, "programme/speaker.html", context)


@public_page
@follows_edits(Event)
@in_edition
def event(request: HttpRequest, edition: Edition | None, slug: str) -> HttpResponse:
    events = Event.objects.filter(edition__in=Edition.objects.public()).select_related("venue", "edition")
    event: Event = get_object_or_404(events, slug=slug)
    if away := elsewhere(request, event.edition):
        return away
    sessions = Session.objects.published().filter(event=event).with_place().with_speakers()
    return render(
        request,
        "programme/event.html",
        {
            "event": event,
            "days": contexts.by_day(sessions),
            "count": len(sessions),
            "zones": contexts.zones_of(sessions),
            "now": clock.now(),
        },
    )


# --- What the law asks for --------------------------------------------------------------------------------------------


@public_page
def legal(request: HttpRequest) -> HttpResponse:
    """Who publishes the site, and who hosts it."""
    contact = contexts.security_contact(current_identity())
    return render(request, "programme/legal.html", {"security_contact": contact})


@public_page
def privacy(request: HttpRequest) -> HttpResponse:
    """What becomes of people's data."""
    return render(request, "programme/privacy.html")


@public_page
def cookies(request: HttpRequest) -> HttpResponse:
    """The cookies that are set, and why nobody is asked."""
    return render(request, "programme/cookies.html", {"cookies": contexts.cookies()})


@public_page
def accessibility(request: HttpRequest) -> HttpResponse:
    """The accessibility statement."""
    return render(request, "programme/accessibility.html")


@public_page
def security_txt(request: HttpRequest) -> HttpResponse:
    """Where to report a weakness, for programs and people (RFC 9116)."""
    contact = contexts.security_contact(current_identity())
    if not contact:
        raise Http404
    expires = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + SECURITY_TXT_EXPIRES
    lines = [
        f"Contact: {contact}",
        f"Expires: {expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: fr, en",
        f"Canonical: {settings.BASE_URL}{reverse('security_txt')}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=365 * 24 * 3600, immutable=True)
def accent(request: HttpRequest, colour: str) -> HttpResponse:
    """The style sheet of an edition's colour: the address says all, so it is kept for ever."""
    try:
        validate_colour(f"#{colour}")
    except ValidationError:
        raise Http404 from None
    return HttpResponse(accents.style_sheet(colour.lower()), content_type="text/css; charset=utf-8")
