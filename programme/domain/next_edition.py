"""The next edition begins with what this one has, and without its people (docs/rules.md#edition-next)."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from copy import copy as shallow
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, count
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from simple_history.utils import bulk_create_with_history

from accounts.models import User
from core import wall_time
from core.templatetags.when import long_day
from programme.domain import legal_facts, rooms, slugs
from programme.models import Edition, Event, Session, Track
from programme.signals import edition_copied, edition_copy_asked
from venues.domain import places

Row = TypeVar("Row", bound=models.Model)
BATCH = 500
KEPT = ("tagline_fr", "tagline_en", "city_fr", "city_en", "timezone", "accent", "legal_basis")
# Its statement about accessibility is made anew.
KEPT_FACTS = tuple(
    name for name in (*legal_facts.SINGLE, *legal_facts.IN_BOTH) if not name.startswith(legal_facts.STATED)
)
# Each of a pair comes before the other one, in nights when the clocks change too.
IN_ORDER = (
    ("starts_at", "ends_at"),
    ("registration_opens_at", "registration_closes_at"),
    ("registration_opens_at", "starts_at"),
    ("draw_at", "starts_at"),
)


@dataclass(frozen=True)
class Counted:
    """How many rows of a kind, and their name in that number. `with_sessions`: they come along with sessions alone."""

    number: int
    name: str
    with_sessions: bool = False


@dataclass
class Copy:
    """A next edition on its way: how far everything moves, and the new row for each old one, by its key."""

    source: Edition
    edition: Edition
    by: timedelta
    actor: User | None
    events: dict[int, Event] = field(default_factory=dict)
    sessions: dict[int, Session] = field(default_factory=dict)
    _slugs: dict[type[models.Model], set[str]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of what has no place."""
        return ZoneInfo(self.source.timezone)

    def moved(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The same hour by the clocks of `zone`, so many days later. One that they skip that night counts as if they
        had not jumped; of one that comes twice, it is the first."""
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0) + self.by
        return wall.replace(tzinfo=zone).astimezone(UTC)

    def moved_span(self, begins: datetime, ends: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The same for two moments, of which the second stays after the first."""
        first, last = self.moved(begins, zone), self.moved(ends, zone)
        return first, last if first < last else first + (ends - begins)

    def slug(self, row: Any) -> str:
        """A free slug for the copy of `row`: the old one, with that of the new edition behind it instead of that of the
        source; cut between words where it would be too long."""
        model, longest = type(row), row._meta.get_field("slug").max_length
        if model not in self._slugs:
            self._slugs[model] = set(model._default_manager.values_list("slug", flat=True))
        taken, bare = self._slugs[model], row.slug.removesuffix(f"-{self.source.slug}")
        begin = bare if bare in taken else row.slug
        ending = slugs.cut(self.edition.slug, longest // 2)
        endings = chain([ending], (f"{ending}-{number}" for number in count(2)))
        found = next(
            slug for end in endings if (slug := f"{slugs.cut(begin, longest - len(end) - 1)}-{end}") not in taken
        )
        taken.add(found)
        return found

    def add(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Write new rows of one kind down, with their history, at a cost that hardly depends on how many they are."""
        if rows:
            bulk_create_with_history(list(rows), type(rows[0]), batch_size=BATCH, default_user=self.actor)
        return rows


def again(row: Row, **changes: Any) -> Row:
    """A new row like `row`, with these `changes`; it is not saved yet."""
    new = shallow(row)
    new.pk, new._state.adding = None, True
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def counted(edition: Edition) -> list[Counted]:
    """What a copy of `edition` begins with."""
    tracks, days = edition.tracks.count(), edition.days.count()
    events, sessions = _events(edition).count(), _sessions(edition).count()
    own = [
        Counted(tracks, ngettext("track", "tracks", tracks)),
        Counted(days, ngettext("day", "days", days)),
        Counted(events, ngettext("event", "events", events)),
        Counted(sessions, ngettext("session", "sessions", sessions), with_sessions=True),
    ]
    told: list[tuple[Any, Any]] = edition_copy_asked.send(sender=Edition, edition=edition)
    return [*own, *(one for _receiver, others in told for one in others)]


def first_day_of(edition: Edition) -> date:
    """The day that a copy moves to its own first day."""
    return edition.days.aggregate(first=models.Min("date"))["first"] or edition.starts_on


def start_next(
    edition: Edition, *, slug: str, names: Mapping[str, str], first_day: date, with_sessions: bool, actor: User | None
) -> Edition:
    """Make the edition that follows `edition`: in preparation, with its tracks, its days, and its events but those on
    the road to the summit, all moved so that the days begin on `first_day`; with what the apps above keep of them; and,
    if wished, with its sessions as drafts, at the same hours in the same rooms. `names`: by language, fr and en.

    Nobody comes along: no speaker, no duty, no member, no seat. All of it happens, or nothing. Raises ValidationError,
    by field (name_fr, name_en, slug, first_day), when a name is missing, the slug is taken, there is no such day, or
    two sessions would have a room at the same time.
    """
    with transaction.atomic():
        source = Edition.objects.select_for_update(no_key=True).get(pk=edition.pk)
        by = first_day - first_day_of(source)
        copy = Copy(source, _save(_edition(source, slug, names, first_day, by), actor), by, actor)
        tracks = _copy_tracks(copy)
        _copy_days(copy)
        copy.add([again(rule, edition=copy.edition) for rule in copy.source.retention_rules.order_by("pk")])
        _copy_events(copy)
        if with_sessions:
            _copy_sessions(copy, tracks)
        edition_copied.send(sender=Edition, copy=copy)
        if with_sessions:
            _check_rooms(copy)
    return copy.edition


def _edition(source: Edition, slug: str, names: Mapping[str, str], first_day: date, by: timedelta) -> Edition:
    texts = {f"name_{language}": names.get(language, "").strip() for language in ("fr", "en")}
    errors: dict[str, Any] = {}
    if wrong := _wrong_day(first_day, by, source):
        errors["first_day"] = wrong
    same = {name: getattr(source, name) for name in (*KEPT, *KEPT_FACTS)}
    new = Edition(slug=slug, **texts, **same)
    try:
        checked = {*texts, "slug"}
        new.full_clean(exclude={field.name for field in Edition._meta.fields} - checked)
    except ValidationError as error:
        errors |= error.error_dict
    if errors:
        raise ValidationError(errors)
    new.starts_on, new.ends_on = source.starts_on + by, source.ends_on + by
    return new


def _wrong_day(first_day: date, by: timedelta, source: Edition) -> str:
    """Why the edition cannot begin on that day, if it cannot."""
    zone = ZoneInfo(source.timezone)
    try:
        wall_time.check_year(first_day)
        wall_time.check_year(source.ends_on + by)
    except ValueError as error:
        return str(error)
    noon = datetime.combine(first_day, time(12), zone)
    if noon.astimezone(UTC).astimezone(zone).date() != first_day:
        return _("%(day)s does not exist in that time zone.") % {"day": long_day(first_day)}
    return ""


def _save(new: Edition, actor: User | None) -> Edition:
    new._history_user = actor
    try:
        with transaction.atomic():
            new.save()
    except IntegrityError as error:  # somebody else took the slug at the same moment
        raise ValidationError({"slug": _("Another edition has this slug.")}) from error
    return new


def _events(source: Edition) -> QuerySet[Event]:
    """What leads to the summit is another way each time."""
    return source.events.exclude(kind=Event.Kind.ROAD_TO_THE_SUMMIT).order_by("pk")


def _sessions(source: Edition) -> QuerySet[Session]:
    """Those that took place, or may yet."""
    sessions = Session.objects.filter(event__in=_events(source)).exclude(status=Session.Status.CANCELLED)
    return sessions.select_related("room__venue").order_by("pk")


def _copy_tracks(copy: Copy) -> dict[int, Track]:
    old = list(copy.source.tracks.order_by("pk"))
    new = copy.add([again(track, edition=copy.edition, source=copy.source.slug) for track in old])
    return {before.pk: after for before, after in zip(old, new, strict=True)}


def _copy_days(copy: Copy) -> None:
    days = copy.source.days.order_by("pk")
    copy.add([again(day, edition=copy.edition, date=day.date + copy.by, source=copy.source.slug) for day in days])


def _copy_events(copy: Copy) -> None:
    old = list(_events(copy.source))
    new = [
        again(
            event,
            edition=copy.edition,
            slug=copy.slug(event),
            starts_on=_moved_day(event.starts_on, copy.by, event.date_precision),
            ends_on=_moved_day(event.ends_on, copy.by, event.date_precision),
            source=copy.source.slug,
        )
        for event in old
    ]
    copy.events = {before.pk: after for before, after in zip(old, copy.add(new), strict=True)}


def _moved_day(day: date, by: timedelta, precision: str) -> date:
    """The day so many days later; of what only names a month or a year, the same day of the one that is meant."""
    if precision == Event.DatePrecision.DAY:
        return day + by
    whole_year = precision == Event.DatePrecision.YEAR
    middle = (date(day.year, 7, 1) if whole_year else day.replace(day=15)) + by
    month = day.month if whole_year else middle.month
    return date(middle.year, month, min(day.day, monthrange(middle.year, month)[1]))


def _copy_sessions(copy: Copy, tracks: Mapping[int, Track]) -> None:
    old = list(_sessions(copy.source))
    new = []
    for session in old:
        made = again(
            session,
            event=copy.events[session.event_id],
            track=tracks[session.track_id],
            slug=copy.slug(session),
            status=Session.Status.DRAFT,
            shares_room=session.room.allows_several_sessions,
            place=places.place_of(session.room),
            source=copy.source.slug,
        )
        _move(made, session, copy)
        new.append(made)
    rooms.judge_at_the_end()
    copy.sessions = {before.pk: after for before, after in zip(old, copy.add(new), strict=True)}


def _move(made: Session, session: Session, copy: Copy) -> None:
    for name in Session.MOMENTS:
        if moment := getattr(session, name):
            setattr(made, name, copy.moved(moment, session.zone))
    for earlier, later in IN_ORDER:
        before, after = getattr(session, earlier), getattr(session, later)
        if before and after and before < after and getattr(made, earlier) >= getattr(made, later):
            if later == "starts_at":
                setattr(made, earlier, getattr(made, later) - (after - before))
            else:
                setattr(made, later, getattr(made, earlier) + (after - before))


def _check_rooms(copy: Copy) -> None:
    """Raise ValidationError when a copied session has its room at the same time as another one; it names both."""
    new = {session.pk: session for session in copy.sessions.values()}
    used = {session.room_id for session in new.values()}
    for pair in rooms.meetings(used):
        own = next((session for session in pair[::-1] if session.pk in new), None)
        if own is None:
            continue
        [other] = [session for session in pair if session != own]
        made = new[own.pk]
        words = _(
            "“%(session)s”, moved to %(when)s, would be in the room “%(room)s” at the same time as “%(other)s” of "
            "“%(edition)s”. Choose another first day, or don’t copy the sessions."
        )
        said = {
            "session": own.title,
            "when": date_format(made.local_starts_at, "DATETIME_FORMAT"),
            "room": made.room.name,
            "other": other.title,
            "edition": other.event.edition,
        }
        raise ValidationError({"first_day": words % said})
