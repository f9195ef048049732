"""What organisers should look at in the programme: nothing here is refused (docs/rules.md#programme-warnings).

One engine for the forms, the previews of imports, the organisers' home and publication. Apps above add their own checks
with `check`.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock, wall_time
from core.templatetags.when import long_day
from programme.models import Day, Duty, Event, Participation, Session
from venues.domain.travel import Travel

Kind = Session.Kind
# Where somebody stands on a stage, or should.
ON_STAGE = (Kind.KEYNOTE, Kind.PANEL, Kind.WORKSHOP, Kind.PLENARY, Kind.SYMPOSIUM)
# Nobody stands beside what they show from morning to evening.
NOT_PRESENT = (Participation.Role.EXHIBITOR, Participation.Role.ARTIST)
# Events that lead to the summit, on days of their own.
ELSEWHERE = (Event.Kind.ROAD_TO_THE_SUMMIT,)


@dataclass(frozen=True)
class ProgrammeWarning:
    """Something about a session, in a sentence; `code` names its kind."""

    code: str
    session: Session
    sentence: str

    def __str__(self) -> str:
        return _("“%(session)s”: %(sentence)s") % {"session": self.session, "sentence": self.sentence}


logger = logging.getLogger(__name__)
Found = Iterator[tuple[Session, str]]
Check = Callable[[Sequence[Session]], Found]
labels: dict[str, str | Promise] = {}
_checks: dict[str, Check] = {}


def check(code: str, label: str | Promise) -> Callable[[Check], Check]:
    """Register the decorated function as a check. It is given sessions with event, room and venue, and yields those to
    look at with a sentence, in a constant number of queries."""

    def register(function: Check) -> Check:
        labels[code], _checks[code] = label, function
        return function

    return register


def warnings(sessions: Iterable[int] | None = None) -> list[ProgrammeWarning]:
    """What is to look at in these sessions, given by their keys, or in all: of those that are to come, not cancelled
    and of no archived edition, by kind and by time."""
    coming = (
        Session.objects.not_archived()
        .with_place()
        .filter(ends_at__gt=clock.now())
        .exclude(status=Session.Status.CANCELLED)
    )
    if sessions is not None:
        coming = coming.filter(pk__in=set(sessions))
    rows = list(coming.order_by("starts_at", "pk"))
    if not rows:
        return []
    found: list[ProgrammeWarning] = []
    for code, function in _checks.items():
        try:
            found.extend(ProgrammeWarning(code, session, sentence) for session, sentence in function(rows))
        except Exception:  # advice is worth no page: what it is about was saved, or is to be mended there
            logger.exception("The check “%s” of the programme has failed.", code)
    return found


# --- Checks -----------------------------------------------------------------------------------------------------------


@check("elsewhere", gettext_lazy("Somebody in two places at once"))
def somebody_in_two_places(sessions: Sequence[Session]) -> Found:
    """A speaker, or somebody with a duty, is expected in two sessions at once, or too far away for the time between."""
    asked = {session.pk: session for session in sessions}
    expected: dict[Any, dict[int, Session]] = defaultdict(dict)
    names: dict[Any, str] = {}
    place = ("session__room__venue",)
    live = ~Q(session__status=Session.Status.CANCELLED)
    present = Participation.objects.exclude(role__in=NOT_PRESENT).exclude(session__kind=Kind.EXHIBITION)
    on_stage = present.filter(session__in=asked)
    on_duty = Duty.objects.filter(session__in=asked).values("user")
    parts = present.filter(live, Q(speaker__in=on_stage.values("speaker")) | Q(speaker__user__in=on_duty))
    for part in parts.select_related("speaker", *place):
        who = part.speaker.user_id or f"speaker {part.speaker_id}"
        expected[who][part.session_id] = part.session
        names[who] = part.speaker.name
    duties = Duty.objects.filter(live, Q(user__in=on_stage.values("speaker__user")) | Q(user__in=on_duty))
    for duty in duties.select_related("user", *place):
        expected[duty.user_id][duty.session_id] = duty.session
        names.setdefault(duty.user_id, str(duty.user))
    travel = Travel()
    for who, at in expected.items():
        for first, second in combinations(sorted(at.values(), key=lambda session: (session.starts_at, session.pk)), 2):
            here, there = (second, first) if second.pk in asked else (first, second)
            if here.pk in asked and (sentence := _too_near(names[who], first, second, there, travel)):
                yield asked[here.pk], sentence


def _too_near(name: str, first: Session, second: Session, there: Session, travel: Travel) -> str:
    if second.starts_at < first.ends_at:
        return _("%(name)s is expected in “%(other)s” at that time.") % {"name": name, "other": there}
    gap = int((second.starts_at - first.ends_at).total_seconds()) // 60
    if gap >= 24 * 60:
        return ""
    minutes = travel.minutes(first.room.venue_id, second.room.venue_id)
    if minutes <= gap:
        return ""
    words = _(
        "%(name)s is expected in “%(other)s” too: the journey takes %(minutes)d min, with only %(gap)d min in between."
    )
    return words % {"name": name, "other": there, "minutes": minutes, "gap": gap}


@check("day", gettext_lazy("Outside its dates"))
def outside_its_dates(sessions: Sequence[Session]) -> Found:
    """A session on a day that its event, or the summit, does not have. What leads to the summit has days of its own."""
    dates: dict[int, list[date]] = defaultdict(list)
    for edition, day in Day.objects.order_by("date").values_list("edition", "date"):
        dates[edition].append(day)
    for session in sessions:
        event, days = session.event, dates[session.event.edition_id]
        first, last = session.day, wall_time.last_day(session.local_ends_at)
        if event.date_precision == Event.DatePrecision.DAY and not event.starts_on <= first <= last <= event.ends_on:
            words = _("it is outside the dates of “%(event)s”, from %(first)s to %(last)s.")
            yield (
                session,
                words
                % {
                    "event": event,
                    "first": long_day(event.starts_on),
                    "last": long_day(event.ends_on),
                },
            )
        elif days and event.kind not in ELSEWHERE and (missing := _first_missing(first, last, days)):
            yield session, _("%(day)s is not among the days of the summit.") % {"day": long_day(missing)}


def _first_missing(first: date, last: date, days: Sequence[date]) -> date | None:
    """The first day from `first` to `last` that is not among `days`, which are sorted. What is between is not counted
    out: it may be ages."""
    there = [day for day in days if first <= day <= last]
    number = next((n for n, day in enumerate(there) if (day - first).days != n), len(there))
    return first + timedelta(days=number) if number <= (last - first).days else None


@check("unconfirmed", gettext_lazy("Room or venue to be confirmed"))
def room_to_be_confirmed(sessions: Sequence[Session]) -> Found:
    for session in sessions:
        if session.room.to_be_confirmed:
            yield session, _("the room “%(room)s” is still to be confirmed.") % {"room": session.room.name}
        elif session.room.venue.to_be_confirmed:
            yield session, _("the venue “%(venue)s” is still to be confirmed.") % {"venue": session.room.venue}


@check("crowded", gettext_lazy("More seats than the room holds"))
def more_seats_than_the_room(sessions: Sequence[Session]) -> Found:
    for session in sessions:
        if session.capacity > session.room.capacity:
            words = _("%(seats)d seats are planned in a room that holds %(room)d (%(reason)s).")
            yield (
                session,
                words
                % {
                    "seats": session.capacity,
                    "room": session.room.capacity,
                    "reason": session.over_capacity_reason or _("no reason given"),
                },
            )


@check("speaker", gettext_lazy("No speaker"))
def without_a_speaker(sessions: Sequence[Session]) -> Found:
    """A session for a stage on which nobody is announced."""
    asked = [session for session in sessions if session.kind in ON_STAGE]
    named = set(
        Participation.objects.filter(session__in=asked).order_by().values_list("session", flat=True) if asked else ()
    )
    for session in asked:
        if session.pk not in named:
            yield session, _("no speaker is named.")


@check("translation", gettext_lazy("Translation missing"))
def without_a_translation(sessions: Sequence[Session]) -> Found:
    """A text that stands in one of the two languages only."""
    texts = {"title": _("the title"), "description": _("the description")}
    languages = {"fr": _("in French"), "en": _("in English")}
    for session in sessions:
        for field, text in texts.items():
            written = {code: bool((getattr(session, f"{field}_{code}") or "").strip()) for code in languages}
            if len(set(written.values())) == 2:
                missing = next(code for code, there in written.items() if not there)
                words = _("%(text)s is missing %(language)s.")
                yield session, words % {"text": text, "language": languages[missing]}
