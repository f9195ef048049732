from itertools import groupby
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language_info

from core import clock
from core.caching import public_page
from core.folding import fold
from core.slugs import follows_edits
from programme import contexts
from programme.domain import listing
from programme.models import Event, Participation, Session, Speaker
from programme.signals import home_shown


@public_page
def home(request: HttpRequest) -> HttpResponse:
    notes = [html for _receiver, html in home_shown.send(sender=None, at=clock.now()) if html]
    return render(request, "programme/home.html", contexts.home(clock.today()) | {"notes": notes})


@public_page(takes_query=True)
def programme(request: HttpRequest) -> HttpResponse:
    choices = listing.read(request.GET.dict(), today=clock.today())
    if request.META.get("QUERY_STRING", "") != urlencode(choices.query):
        return HttpResponseRedirect(f"{request.path}?{urlencode(choices.query)}".removesuffix("?"))
    return render(request, "programme/programme.html", contexts.programme(choices, clock.now()))


@public_page
@follows_edits(Session)
def session(request: HttpRequest, slug: str) -> HttpResponse:
    session = get_object_or_404(Session.objects.published().with_place(), slug=slug)
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
def speakers(request: HttpRequest) -> HttpResponse:
    people = sorted(Speaker.objects.published(), key=lambda speaker: fold(speaker.name))
    letters = [
        (letter, list(group)) for letter, group in groupby(people, key=lambda speaker: fold(speaker.name)[:1].upper())
    ]
    return render(request, "programme/speakers.html", {"letters": letters, "count": len(people)})


@public_page
@follows_edits(Speaker)
def speaker(request: HttpRequest, slug: str) -> HttpResponse:
    speaker = get_object_or_404(Speaker.objects.published(), slug=slug)
    parts = Participation.objects.filter(speaker=speaker, session__in=Session.objects.published())
    parts = parts.select_related("session__event", "session__track", "session__room__venue").order_by(
        "session__starts_at", "session_id", "position", "pk"
    )
    sessions = [
        (session, [part.get_role_display() for part in of_session])
        for session, of_session in groupby(parts, key=lambda part: part.session)
    ]
    return render(request, "programme/speaker.html", {"speaker": speaker, "sessions": sessions, "now": clock.now()})


@public_page
@follows_edits(Event)
def event(request: HttpRequest, slug: str) -> HttpResponse:
    event: Event = get_object_or_404(Event.objects.select_related("venue"), slug=slug)
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
