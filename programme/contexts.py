"""What the templates of the public pages are given."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, OuterRef, Q
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import devices
from core.folding import fold, in_order
from core.identity import Identity
from programme.domain import listing
from programme.models import Edition, Event, Session, Track

DAY = 24 * 3600  # seconds
MESSAGES_COOKIE = CookieStorage.cookie_name
MENU_WORDS = {
    "event": (_("Event"), _("All events")),
    "track": (_("Track"), _("All tracks")),
    "venue": (_("Venue"), _("All venues")),
    "access": (_("Access"), _("Any access")),
}


Hours = list[tuple[datetime | None, list[Session]]]


def by_day(sessions: Iterable[Session]) -> list[tuple[date, Hours]]:
    """Sessions under each day of which they take a moment, and there by hour."""
    days: dict[date, list[Session]] = defaultdict(list)
    for session in sessions:
        for day in session.days:
            days[day].append(session)
    return [(day, by_hour(days[day], day)) for day in sorted(days)]


def by_hour(sessions: Iterable[Session], day: date) -> Hours:
    """The sessions of `day`, grouped by what the clock of their venue says when they begin; before them, with None,
    those that went on from a day before."""

    def hour(session: Session) -> datetime | None:
        return session.local_starts_at.replace(tzinfo=None) if session.day == day else None

    hours: dict[datetime | None, list[Session]] = {None: []}
    for session in sorted(sessions, key=lambda session: session.local_starts_at.replace(tzinfo=None)):
        hours.setdefault(hour(session), []).append(session)
    return [(moment, group) for moment, group in hours.items() if group]


def zones_of(sessions: Iterable[Session]) -> list[ZoneInfo]:
    """The time zones of the venues; nearly always one."""
    return [ZoneInfo(name) for name in sorted({session.room.venue.timezone for session in sessions})]


def home(edition: Edition, today: date) -> dict[str, Any]:
    """The opening page of an edition: days, themes, and its parts."""
    choices = listing.read(edition, {}, today=today)
    published = Session.objects.published().of(edition)
    events = {
        kind: list(group)
        for kind, group in groupby(
            Event.objects.filter(edition=edition)
            .select_related("venue")
            .order_by("kind", "starts_on", in_order(Event)),
            key=lambda event: event.kind,
        )
    }
    tracks = Track.objects.annotate(sessions_count=Count("sessions", filter=Q(sessions__in=published))).filter(
        sessions_count__gt=0
    )
    aside = [Event.Kind.SIDE_EVENT, Event.Kind.ROAD_TO_THE_SUMMIT]
    parts = sorted(
        (event for kind, group in events.items() if kind not in aside for event in group),
        key=lambda event: event.starts_on,
    )
    return {
        "days": choices.days,
        "first_day": edition.starts_on,
        "last_day": edition.ends_on,
        "count": choices.count,
        "cities": [
            city
            for city, _sessions in Counter(
                published.order_by().values_list("room__venue__city", flat=True)
            ).most_common()
        ]
        or [edition.city][: bool(edition.city)],
        "tracks": sorted(tracks, key=lambda track: fold(track.name)),
        "groups": [
            (_("The parts of the Summit"), parts),
            (_("Side events"), events.get(Event.Kind.SIDE_EVENT, [])),
            (_("On the road to the Summit"), events.get(Event.Kind.ROAD_TO_THE_SUMMIT, [])),
        ],
    } | others(edition)


def others(edition: Edition | None) -> dict[str, Any]:
    """The public editions but for `edition`, the latest first."""
    here = Exists(Event.objects.filter(edition=OuterRef("pk")))
    elsewhere = ExpressionWrapper(~Q(link="") & Q(is_current=False) & ~here, BooleanField())
    found = Edition.objects.public().annotate(is_elsewhere=elsewhere).order_by("-starts_on", in_order(Edition))
    return {"editions": [other for other in found if other != edition]}


def programme(edition: Edition | None, choices: listing.Listing, now: datetime) -> dict[str, Any]:
    """One day of the programme of an edition as it was chosen and filtered, with the menus to choose otherwise."""
    sessions: list[Session] = []
    if choices.day:
        found = Session.objects.published().of(edition).on(choices.day.date).matching(**choices.chosen)
        sessions = list(found.with_place().with_speakers())
    return {
        "listing": choices,
        "menus": [(menu, *MENU_WORDS[menu.name]) for menu in choices.menus],
        "elsewhere": [day for day in choices.days if day.count],
        "found": ngettext("%(count)d session", "%(count)d sessions", len(sessions)) % {"count": len(sessions)},
        "filters": urlencode(choices.chosen),
        "hours": by_hour(sessions, choices.day.date) if choices.day else [],
        "zones": zones_of(sessions),
        "now": now,
    }


# --- What the law asks for ---


def cookies() -> list[dict[str, str]]:
    """The cookies that the code sets; a test compares them with those that pages do set."""

    def days(seconds: int) -> str:
        number = seconds // DAY
        return ngettext("%(days)d day.", "%(days)d days.", number) % {"days": number}

    return [
        {
            "name": settings.SESSION_COOKIE_NAME,
            "purpose": gettext("Keeps you signed in. Set when you begin to sign in."),
            "duration": days(settings.SESSION_COOKIE_AGE),
        },
        {
            "name": settings.CSRF_COOKIE_NAME,
            "purpose": gettext("Proves that a form was sent by you and not by another site. Set by pages with a form."),
            "duration": days(settings.CSRF_COOKIE_AGE),
        },
        {
            "name": devices.COOKIE,
            "purpose": gettext(
                "Says that you have signed in on this device before, so that nobody can slow down your next sign-in. "
                "Set when you sign in; it stays when you sign out."
            ),
            "duration": days(devices.AGE),
        },
        {
            "name": MESSAGES_COOKIE,
            "purpose": gettext("Carries a sentence, such as “Your seat is cancelled”, to the next page."),
            "duration": gettext("Until that page shows it."),
        },
    ]


def security_contact(identity: Identity) -> str:
    """Where a weakness is reported, as an address to follow: the edition's, or else the installation's; else empty."""
    contact = getattr(identity, "security_contact", "") or settings.SECURITY_CONTACT
    return f"mailto:{contact}" if "@" in contact and not contact.startswith(("mailto:", "https:")) else contact
