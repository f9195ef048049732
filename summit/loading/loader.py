"""Loading a summit from a folder of CSV files: read everything, find every mistake, then write all of it or nothing.

Rows are found again by their slug within the edition that is loaded, so that the same folder loads twice without a
change, and a corrected folder changes only what was corrected. Nothing is ever deleted, and nothing of another edition
changes but what all editions share: venues, rooms, speakers and institutions.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, connection, models, transaction
from django.utils import translation

from core.effects import Effects, watched
from programme.domain import legal_facts
from programme.domain.editions import locked
from programme.models import Day, Edition, Event, Participation, Session, Speaker, Track
from registrations.domain import pools
from registrations.models import Cohort, Institution, SeatPool
from summit.loading import editions
from summit.loading.cells import Period, Wrong
from summit.loading.files import (
    FILES,
    LEGAL_FACTS,
    CannotLoad,
    Folder,
    Problem,
    Row,
    Stay,
    field_of,
    judge,
    judge_rooms,
    read_folder,
    stays_by_room,
)
from venues.domain import places
from venues.models import Room, Venue

OWN_DATA = Path(__file__).parents[1] / "demo" / "data"
NEVER_BLANK = ("timezone", "accent", *LEGAL_FACTS)  # of an edition: a blank cell leaves what stands


@dataclass
class Count:
    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass
class Loaded:
    """What a load did, per kind of row, to which edition, and the first day of its programme as it now stands."""

    edition: Edition
    first_day: date
    moved_days: int
    counts: dict[str, Count]
    effects: Effects = field(default_factory=Effects)

    @property
    def changes(self) -> int:
        return sum(count.new + count.changed for count in self.counts.values())


# --- Moving -----------------------------------------------------------------------------------------------------------


def default_first_day(first_day: date, today: date) -> date:
    """The same weekday as `first_day` (a Thursday, for our own data), the first one at least three weeks after
    `today`."""
    soonest = today + timedelta(weeks=3)
    return soonest + timedelta((first_day.weekday() - soonest.weekday()) % 7)


def moved_instant(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same wall-clock time in `zone`, `days` later: 14:00 stays 14:00 across a clock change. Raises Wrong in the
    hour that a clock change skips."""
    if not days:
        return moment.astimezone(UTC)
    wall = moment.astimezone(zone).replace(tzinfo=None) + timedelta(days)
    moved = wall.replace(tzinfo=zone).astimezone(UTC)
    if moved.astimezone(zone).replace(tzinfo=None) != wall:
        raise Wrong(f"would move to {wall:%Y-%m-%d %H:%M}, which the clocks skip on that day.")
    return moved


def _days_to_move(
    folder: Folder, sessions: dict[str, Session], today: date, first_day: date | None, *, keep_dates: bool
) -> tuple[int, int]:
    """By how many days the programme stood moved in the database, and by how many it shall.

    Without an order (`first_day`, `keep_dates`) a summit that is loaded already stays where it is, whatever today is:
    people hold seats at those times.
    """
    zones = _zones(folder)
    starts = {
        row.cells["slug"]: row.values["start"].astimezone(zones[row.cells["slug"]]).date()
        for row in folder.rows["sessions.csv"]
    }
    seen = Counter(
        (sessions[slug].local_starts_at.date() - start).days for slug, start in starts.items() if slug in sessions
    )
    before = seen.most_common(1)[0][0] if seen else None
    first = min(row.values["date"] for row in folder.rows["days.csv"])
    if keep_dates:
        days = 0
    elif first_day:
        days = (first_day - first).days
    elif before is not None:
        days = before
    else:
        days = (default_first_day(first, today) - first).days
    return days if before is None else before, days


def _zones(folder: Folder) -> dict[str, ZoneInfo]:
    """The time zone of each session's venue, by the session's slug."""
    by_venue = {slug: ZoneInfo(row.cells["timezone"]) for slug, row in folder.by_slug("venues.csv").items()}
    by_room = {slug: by_venue[row.cells["venue"]] for slug, row in folder.by_slug("rooms.csv").items()}
    return {row.cells["slug"]: by_room[row.cells["room"]] for row in folder.rows["sessions.csv"]}


# --- Writing ----------------------------------------------------------------------------------------------------------


def load(
    path: Path,
    *,
    today: date,
    edition: str = "",
    first_day: date | None = None,
    keep_dates: bool = False,
    dry_run: bool = False,
) -> Loaded:
    """Load the summit in the folder `path`; raise CannotLoad with every mistake, and then nothing is written; nor is
    anything with `dry_run`, which tells what a load would do.

    It becomes the `edition` of that slug; or the one that edition.csv names; or the one that has its sessions already;
    or, when neither is asked or known, that of the year of its first day. The first edition of all is open and the
    current one if it has the facts that the law asks for, any other is in preparation; one that exists keeps its state,
    and an archived one is refused.

    The programme moves to begin on `first_day`; or keeps the dates of the files; or, when neither is asked, stays where
    it stands in the edition; or, in a new one, moves by whole weeks to begin at least three weeks after `today`.
    Sessions arrive published; what is cancelled or back in draft since stays so.
    """
    folder = read_folder(path)
    try:
        with transaction.atomic(), translation.override("fr"), watched() as watch:
            # Sessions that move one by one may stand in each other's way for a moment.
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            loaded = _Load(folder, today, first_day, edition=edition, keep_dates=keep_dates).run()
            with translation.override("en"):  # as the rest of the report
                loaded.effects = watch.effects()
            transaction.set_rollback(dry_run)
            return loaded
    except IntegrityError as error:
        raise CannotLoad([Problem("database", 0, "", "", f"refuses the rows: {error}")]) from error


class _Load:
    """One load, inside its transaction."""

    def __init__(self, folder: Folder, today: date, first_day: date | None, *, edition: str, keep_dates: bool) -> None:
        self.folder = folder
        self.counts: dict[str, Count] = defaultdict(Count)
        self.known: dict[str, dict[str, Any]] = {}  # by file, then by slug: what the database holds
        known, everything = editions.Known.now(), list(Session.objects.with_place())
        slug, problems = editions.choose(folder, known, edition)
        cancelled = {session.slug for session in everything if session.status == Session.Status.CANCELLED}
        names = editions.names(folder, known, slug)["sessions.csv"] if slug else {}
        not_held = {row for row, name in names.items() if name in cancelled}
        problems += [*judge(folder, known.elsewhere(slug)), *judge_rooms(stays_by_room(folder, not_held))]
        self.refuse([*folder.problems, *problems])
        if not slug:
            slug = self.slug_of_the_year(today, first_day, keep_dates=keep_dates)
        self.refuse([*editions.judge_names(folder, known, slug)])
        editions.rename(folder, known, slug)
        self.slug, self.edition = slug, Edition.objects.filter(slug=slug).first()
        if self.edition:  # until the end, nobody opens or archives it
            self.edition = locked(self.edition)
            sentence = editions.refusal(slug)
            self.refuse([Problem("edition.csv", 0, "", slug, sentence)] if sentence else [])
        self.sessions = {one.slug: one for one in everything if one.event.edition.slug == slug}
        self.elsewhere = [one for one in everything if one.event.edition.slug != slug]
        self.days_before, self.days = _days_to_move(folder, self.sessions, today, first_day, keep_dates=keep_dates)
        self.times = self.move_sessions()
        days = Day.objects.filter(edition=self.edition)
        self.existing_days = {moved.date - timedelta(self.days_before): moved for moved in days}
        self.pools: dict[int, dict[int | None, SeatPool]] = defaultdict(dict)  # by session, then by cohort
        for pool in SeatPool.objects.filter(session__event__edition=self.edition):
            self.pools[pool.session_id][pool.cohort_id] = pool
        self.allotments = self.plan_allotments()
        self.refuse([*self.judge_beside_others(cancelled), *self.judge_seats()])

    def slug_of_the_year(self, today: date, first_day: date | None, *, keep_dates: bool) -> str:
        """The slug of an edition that nothing names: the year in which it begins."""
        _before, days = _days_to_move(self.folder, {}, today, first_day, keep_dates=keep_dates)
        slug = str((min(row.values["date"] for row in self.folder.rows["days.csv"]) + timedelta(days)).year)
        if Edition.objects.filter(slug=slug, events__sessions__isnull=False).exists():
            sentence = f"none of these sessions is known, and the edition {slug} has others: say with {editions.OPTION}"
            self.refuse([Problem("sessions.csv", 0, "", "", f"{sentence} which edition they belong to.")])
        if sentence := editions.refusal(slug):
            self.refuse([Problem("days.csv", 0, "", "", sentence)])
        return slug

    def refuse(self, problems: list[Problem]) -> None:
        if problems:
            order = {file.name: position for position, file in enumerate(FILES)}
            raise CannotLoad(sorted(problems, key=lambda problem: (order.get(problem.file, -1), problem.line)))

    def move_sessions(self) -> dict[str, tuple[datetime, datetime]]:
        zones, times, problems = _zones(self.folder), {}, []
        for row in self.folder.rows["sessions.csv"]:
            slug = row.cells["slug"]
            try:
                times[slug] = (
                    moved_instant(row.values["start"], self.days, zones[slug]),
                    moved_instant(row.values["end"], self.days, zones[slug]),
                )
            except Wrong as why:
                problems.append(row.wrong("start", str(why)))
        self.refuse(problems)
        return times

    def judge_beside_others(self, cancelled: set[str]) -> Iterator[Problem]:
        """Sessions and days that organisers made themselves, and the sessions of other editions, are in nobody's
        way."""
        stays = {
            room: [Stay(*self.times[stay.row.cells["slug"]], stay.name, stay.row) for stay in guests if stay.row]
            for room, guests in stays_by_room(self.folder, cancelled).items()
        }
        for slug, session in self.sessions.items():
            if slug not in self.times and slug not in cancelled and session.room.slug in stays:
                stays[session.room.slug].append(
                    Stay(session.starts_at, session.ends_at, f"{slug} (in the database)", None)
                )
        for session in self.elsewhere:
            if session.slug not in cancelled and session.room.slug in stays:
                name = f"{session.slug} (of the edition {session.event.edition.slug})"
                stays[session.room.slug].append(Stay(session.starts_at, session.ends_at, name, None))
        yield from judge_rooms(stays)
        rows = {row.values["date"]: row for row in self.folder.rows["days.csv"]}
        taken = {moved.date for before, moved in self.existing_days.items() if before not in rows}
        for before, row in rows.items():
            if before + timedelta(self.days) in taken:
                yield row.wrong(
                    "date", f"would move to {before + timedelta(self.days)}, which is another day of the database."
                )

    def plan_allotments(self) -> list[tuple[Row, str, int]]:
        """Each cohort's row with a session and the seats to keep there."""
        cohorts = self.folder.rows["cohorts.csv"]
        return [(row, slug, row.values["quota"]) for row in cohorts for slug in row.values["sessions_allotted"] or []]

    def judge_seats(self) -> Iterator[Problem]:
        """Nobody loses a seat to a load: capacities, allotments and cohorts never become smaller than what is taken of
        them."""
        own = Cohort.objects.filter(edition=self.edition)
        members = dict(own.annotate(n=models.Count("memberships")).values_list("slug", "n"))
        for row in self.folder.rows["cohorts.csv"]:
            if row.values["size"] < (number := members.get(row.cells["slug"], 0)):
                yield row.wrong("size", f"is less than the {number} people who are members.")
        cohorts = {cohort.pk: cohort.slug for cohort in own}
        allotted = {(slug, row.cells["slug"]): seats for row, slug, seats in self.allotments}
        taken: dict[tuple[str, str], int] = {}
        general: Counter[str] = Counter()
        for slug, session in self.sessions.items():
            for pool in self.pools.get(session.pk, {}).values():
                if pool.cohort_id is None:
                    general[slug] = pool.taken
                else:
                    taken[slug, cohorts[pool.cohort_id]] = pool.taken
                    allotted.setdefault((slug, cohorts[pool.cohort_id]), pool.seats)
        for row, slug, seats in self.allotments:
            if seats < (held := taken.get((slug, row.cells["slug"]), 0)):
                yield row.wrong("quota", f"is less than the {held} seats that the cohort has taken in {slug}.")
        for row in self.folder.rows["sessions.csv"]:
            slug = row.cells["slug"]
            needed = general[slug] + sum(seats for (session, _), seats in allotted.items() if session == slug)
            if row.values["capacity"] < needed:
                yield row.wrong("capacity", f"is less than the {needed} seats that are taken or kept for cohorts.")

    def run(self) -> Loaded:
        self.edition = self.write_edition()
        self.write_other_editions()
        self.write_all("venues.csv", Venue)
        self.free_names_of_rooms()
        self.write_all("rooms.csv", Room)
        self.write_own("tracks.csv", Track)
        self.write_own("events.csv", Event, self.event)
        self.write_own("road_to_summit.csv", Event, self.road_event)
        self.write_days()
        self.write_all("institutions.csv", Institution)
        self.write_own("cohorts.csv", Cohort)
        self.write_all("speakers.csv", Speaker)
        # Fewer kept seats before smaller sessions, larger sessions before more kept seats: the sum fits at every step.
        fewer = [plan for plan in self.allotments if (pool := self.pool(plan[0], plan[1])) and pool.seats > plan[2]]
        self.write_allotments(fewer)
        self.write_all(
            "sessions.csv",
            Session,
            existing=self.sessions,
            extra=self.session,
            if_new={"status": Session.Status.PUBLISHED},
        )
        self.write_allotments([plan for plan in self.allotments if plan not in fewer])
        self.write_participations()
        first_day = min(row.values["date"] for row in self.folder.rows["days.csv"]) + timedelta(self.days)
        return Loaded(self.edition, first_day, self.days, self.counts)

    def write_edition(self) -> Edition:
        """The edition that is loaded, with the days of its programme, those that organisers added among them."""
        rows = {row.values["date"]: row for row in self.folder.rows["days.csv"]}
        dates = {before + timedelta(self.days) for before in rows}
        dates |= {day.date for before, day in self.existing_days.items() if before not in rows}
        values: dict[str, Any] = {}
        if self.edition is None:
            year, zone = min(dates).year, rows[min(rows)].values["timezone"]
            values = {"name_fr": f"Sommet {year}", "name_en": f"Summit {year}", "timezone": zone}
        for row in self.folder.rows.get("edition.csv", []):
            values |= {name: value for name, value in self.values(row).items() if value or name not in NEVER_BLANK}
        values |= {"slug": self.slug, "starts_on": min(dates), "ends_on": max(dates)}
        if self.edition is None and not Edition.objects.exists():
            at_root = {"state": Edition.State.OPEN, "is_current": True}
            values |= {} if legal_facts.missing(Edition(**values | at_root)) else at_root
        return self.write("edition.csv", Edition, self.edition, values, {})

    def write_other_editions(self) -> None:
        """Editions of which only a line is told here; one that has a programme here speaks for itself."""
        for row in self.folder.rows.get("other_editions.csv", []):
            values = self.values(row)
            state = {"state": values.pop("state")}
            existing = Edition.objects.filter(slug=values["slug"]).first()
            if existing and (existing.days.exists() or existing.events.exists()):
                self.counts["other_editions"].same += 1
                continue
            self.write("other_editions.csv", Edition, existing, values, state)

    def free_names_of_rooms(self) -> None:
        """Rooms may exchange names, each of which is unique in its venue."""
        rooms = self.folder.by_slug("rooms.csv")
        known = Room.objects.select_related("venue").filter(slug__in=rooms)
        places.free_names({room: self.new_names(room, rooms[room.slug]) for room in known})

    def new_names(self, room: Room, row: Row) -> list[str]:
        values = self.values(row)
        moves = values["venue"] != room.venue
        return [name for name in places.NAMES if name in values and (moves or values[name] != getattr(room, name))]

    def write_all(
        self,
        name: str,
        model: type[models.Model],
        *,
        existing: dict[str, Any] | None = None,
        extra: Callable[[Row], dict[str, Any]] = lambda row: {},
        if_new: dict[str, Any] | None = None,
    ) -> None:
        rows = self.known[name] = dict(model.objects.in_bulk(field_name="slug") if existing is None else existing)  # type: ignore[attr-defined]
        for row in self.folder.rows[name]:
            values = self.values(row) | extra(row)
            slug = values["slug"]
            rows[slug] = self.write(name, model, rows.get(slug), values, if_new or {})

    def write_own(
        self, name: str, model: type[models.Model], extra: Callable[[Row], dict[str, Any]] = lambda row: {}
    ) -> None:
        """What belongs to the edition: a row of another one is never found by its slug."""
        existing = {row.slug: row for row in model._default_manager.filter(edition=self.edition)}  # type: ignore[attr-defined]
        self.write_all(name, model, existing=existing, extra=lambda row: {"edition": self.edition, **extra(row)})

    def values(self, row: Row) -> dict[str, Any]:
        """The fields of the model that the file's columns hold, with the rows that they refer to."""
        values: dict[str, Any] = {}
        for column in row.file.columns:
            if column.name in row.values and (target := field_of(row.file, column)):
                value = row.values[column.name]
                values[target.name] = self.known[column.refers_to][value] if column.refers_to and value else value
        return values

    def write(
        self, name: str, model: type[models.Model], row: Any, values: dict[str, Any], if_new: dict[str, Any]
    ) -> Any:
        count = self.counts[name.removesuffix(".csv")]
        if row is None:
            row = model(**values, **if_new)
            count.new += 1
        else:
            changed = [name for name, value in values.items() if _differs(row, name, value)]
            if not changed:
                count.same += 1
                return row
            for name in changed:
                setattr(row, name, values[name])
            count.changed += 1
        row._change_reason = "load_summit"
        row.save()
        return row

    def event(self, row: Row) -> dict[str, Any]:
        start, end = row.values["start_date"], row.values["end_date"]
        precision = max((start.precision, end.precision), key=list(Event.DatePrecision).index)
        return self.dates(Period(start.first, end.last, precision))

    def road_event(self, row: Row) -> dict[str, Any]:
        kind = Event.Kind.ROAD_TO_THE_SUMMIT
        return {"slug": row.cells["slug"], "kind": kind, **self.dates(row.values["date"])}

    def dates(self, when: Period) -> dict[str, Any]:
        when = when.moved(self.days)
        return {"starts_on": when.first, "ends_on": when.last, "date_precision": when.precision}

    def session(self, row: Row) -> dict[str, Any]:
        starts_at, ends_at = self.times[row.cells["slug"]]
        return {"starts_at": starts_at, "ends_at": ends_at}

    def write_days(self) -> None:
        # The day that moves furthest goes first: each finds its new date free.
        later = self.days >= self.days_before
        for row in sorted(self.folder.rows["days.csv"], key=lambda row: row.values["date"], reverse=later):
            values = self.values(row) | {"edition": self.edition, "date": row.values["date"] + timedelta(self.days)}
            self.write("days.csv", Day, self.existing_days.get(row.values["date"]), values, {})

    def write_participations(self) -> None:
        name = "session_speakers.csv"
        known = Participation.objects.filter(session__event__edition=self.edition)
        existing = {(link.session_id, link.speaker_id): link for link in known}
        positions: Counter[int] = Counter()
        for row in self.folder.rows[name]:
            values = self.values(row)
            key = values["session"].pk, values["speaker"].pk
            self.write(name, Participation, existing.get(key), values | {"position": positions[key[0]]}, {})
            positions[key[0]] += 1

    def pool(self, row: Row, slug: str) -> SeatPool | None:
        session, cohort = self.sessions.get(slug), self.known["cohorts.csv"].get(row.cells["slug"])
        return self.pools[session.pk].get(cohort.pk) if session and cohort else None

    def write_allotments(self, plans: list[tuple[Row, str, int]]) -> None:
        for row, slug, seats in plans:
            count = self.counts["allotments"]
            fields: dict[str, Any] = {
                "source": row.cells["source"],
                "assumed_fields": "seats" if "quota" in row.cells["assumed_fields"].split("|") else "",
            }
            pool = self.pool(row, slug)
            if pool and pool.seats == seats and all(getattr(pool, name) == value for name, value in fields.items()):
                count.same += 1
                continue
            sessions = self.known.get("sessions.csv", self.sessions)
            pools.allot(sessions[slug], self.known["cohorts.csv"][row.cells["slug"]], seats, **fields)
            count.changed += bool(pool)
            count.new += not pool


def _differs(row: models.Model, name: str, value: Any) -> bool:
    target = row._meta.get_field(name)
    return bool(getattr(row, target.attname) != (value.pk if isinstance(value, models.Model) else value))  # type: ignore[union-attr]
