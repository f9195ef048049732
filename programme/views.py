from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language_info, ngettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.caching import public_page
from core.folding import alphabetical
from programme.domain import listing
from programme.models import Event, Participation, Session, Speaker, Track

MENU_WORDS = {
    "event": (_("Event"), _("All events")),
    "track": (_("Track"), _("All tracks")),
    "venue": (_("Venue"), _("All venues")),
    "access": (_("Access"), _("Any access")),
}


@public_page
def home(request: HttpRequest) -> HttpResponse:
    choices = listing.read({}, today=clock.today())
    published = Session.objects.published()
    events = {
        kind: list(group)
        for kind, group in groupby(
            Event.objects.select_related("venue").order_by("kind", "starts_on", "title_fr"), key=lambda event: event.kind
        )
    }
    tracks = Track.objects.annotate(sessions_count=Count("sessions", filter=Q(sessions__in=published))).filter(sessions_count__gt=0)
    aside = [Event.Kind.UMBRELLA, Event.Kind.SIDE_EVENT, Event.Kind.ROAD_TO_THE_SUMMIT, Event.Kind.PREVIOUS_SUMMIT, Event.Kind.NEXT_EVENT]
    parts = sorted((event for kind, group in events.items() if kind not in aside for event in group), key=lambda event: event.starts_on)
    return render(
        request,
        "programme/home.html",
        {
            "days": choices.days,
            "last_day": choices.days[-1] if choices.days else None,
            "count": sum(day.count for day in choices.days),
            "cities": [city for city, _sessions in Counter(published.order_by().values_list("room__venue__city", flat=True)).most_common()],
            "tracks": sorted(tracks, key=lambda track: alphabetical(track.name)),
            "umbrella": next(iter(events.get(Event.Kind.UMBRELLA, [])), None),
            "groups": [
                (_("The parts of the Summit"), parts),
                (_("Side events"), events.get(Event.Kind.SIDE_EVENT, [])),
                (_("On the road to the Summit"), events.get(Event.Kind.ROAD_TO_THE_SUMMIT, [])),
                (_("Before and after"), events.get(Event.Kind.PREVIOUS_SUMMIT, []) + events.get(Event.Kind.NEXT_EVENT, [])),
            ],
        },
    )


@public_page(takes_query=True)
def programme(request: HttpRequest) -> HttpResponse:
    choices = listing.read(request.GET.dict(), today=clock.today())
    if request.META.get("QUERY_STRING", "") != urlencode(choices.query):
        return HttpResponseRedirect(f"{request.path}?{urlencode(choices.query)}".removesuffix("?"))
    sessions: list[Session] = []
    if choices.day:
        sessions = list(Session.objects.published().on(choices.day.date).matching(**choices.chosen).with_place())
    return render(
        request,
        "programme/programme.html",
        {
            "listing": choices,
            "menus": [(menu, *MENU_WORDS[menu.name]) for menu in choices.menus],
            "elsewhere": [day for day in choices.days if day.count],
            "found": ngettext("%(count)d session", "%(count)d sessions", len(sessions)) % {"count": len(sessions)},
            "filters": urlencode(choices.chosen),
            "hours": by_hour(sessions),
            "zones": zones_of(sessions),
            "now": clock.now(),
        },
    )


@public_page
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
    people = sorted(Speaker.objects.published(), key=lambda speaker: alphabetical(speaker.name))
    letters = [(letter, list(group)) for letter, group in groupby(people, key=lambda speaker: alphabetical(speaker.name)[:1].upper())]
    return render(request, "programme/speakers.html", {"letters": letters, "count": len(people)})


@public_page
def speaker(request: HttpRequest, slug: str) -> HttpResponse:
    speaker = get_object_or_404(Speaker.objects.published(), slug=slug)
    parts = Participation.objects.filter(speaker=speaker, session__in=Session.objects.published())
    parts = parts.select_related("session__event", "session__track", "session__room__venue").order_by("session__starts_at")
    return render(request, "programme/speaker.html", {"speaker": speaker, "participations": parts, "now": clock.now()})


@public_page
def event(request: HttpRequest, slug: str) -> HttpResponse:
    event: Event = get_object_or_404(Event.objects.select_related("venue"), slug=slug)
    sessions = Session.objects.published().filter(event=event).with_place()
    days = [(on, by_hour(list(group))) for on, group in groupby(sessions, key=lambda session: session.day)]
    return render(
        request,
        "programme/event.html",
        {"event": event, "days": days, "count": len(sessions), "zones": zones_of(sessions), "now": clock.now()},
    )


def by_hour(sessions: list[Session]) -> list[tuple[datetime, list[Session]]]:
    """Sessions in order of time, grouped by what the clock of their venue says when they begin."""
    return [(moment, list(group)) for moment, group in groupby(sessions, key=lambda session: session.local_starts_at.replace(tzinfo=None))]


def zones_of(sessions: Iterable[Session]) -> list[ZoneInfo]:
    """The time zones of the venues; nearly always one."""
    return [ZoneInfo(name) for name in sorted({session.room.venue.timezone for session in sessions})]
