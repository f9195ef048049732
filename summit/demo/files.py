"""The files of a summit: their columns, reading them, and finding every mistake in them (data/README.md tells the format)."""

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import translation
from django.utils.text import slugify

from programme.models import Day, Event, Participation, Session, Speaker, Track
from registrations.models import Cohort, Institution
from venues.models import Room, Venue, validate_timezone

LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Problem:
    """One mistake. `line` counts as a text editor does, from 1 (the header); 0 means the file as a whole."""

    file: str
    line: int
    column: str
    value: str
    sentence: str

    def __str__(self) -> str:
        place = self.file + (f", line {self.line}" if self.line else "") + (f", {self.column}" if self.column else "")
        value = self.value if len(self.value) <= 60 else self.value[:59] + "…"
        return f"{place}: {value!r}: {self.sentence}" if self.value else f"{place}: {self.sentence}"


class CannotLoad(Exception):
    """The files hold mistakes, and nothing was written."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


# --- Cells --------------------------------------------------------------------------------------------------------------


class Wrong(Exception):
    """A cell that cannot be used; the message is the sentence for the report."""


def whole_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Wrong("write a whole number in digits, for example 250.")
    if not int(text):
        raise Wrong("must be at least 1.")
    return int(text)


def minutes(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise Wrong("write whole minutes in digits, for example 20.")
    return int(text)


def degrees(text: str) -> float:
    if not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,12})?", text):
        raise Wrong("write degrees with a point, for example 48.8566.")
    return float(text)


def yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise Wrong("write yes or no.")
    return text == "yes"


def day(text: str) -> date:
    try:
        if re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Wrong("is not a day: write it like 2025-02-10.")


def instant(text: str) -> datetime:
    try:
        if re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})", text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise Wrong("is not a moment: write it like 2025-02-10T14:00:00+01:00.")


def zone(text: str) -> str:
    validate_timezone(text)
    return text


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, known to the day, or only to the month or the year."""

    first: date
    last: date
    precision: Event.DatePrecision

    def moved(self, days: int) -> "Period":
        if self.precision == Event.DatePrecision.DAY or not days:
            return Period(self.first + timedelta(days), self.last + timedelta(days), self.precision)
        first, last = (moment + timedelta(days) for moment in (self.first, self.last.replace(day=1)))
        if self.precision == Event.DatePrecision.YEAR:
            return Period(first.replace(month=1, day=1), _last_day(self.last.year + first.year - self.first.year, 12), self.precision)
        return Period(first.replace(day=1), _last_day(last.year, last.month), self.precision)


def _last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(1)


def period(text: str) -> Period:
    """A day, a month (2023-11), a year (2025), or an interval of two of them (2025-02-08/2025-02-09)."""
    ends = text.split("/")
    if len(ends) > 2:
        raise Wrong("is not a period: write it like 2025-02-08/2025-02-09.")
    periods = [_single_period(end) for end in ends]
    precision = max((one.precision for one in periods), key=["day", "month", "year"].index)
    return Period(periods[0].first, periods[-1].last, precision)


def _single_period(text: str) -> Period:
    if re.fullmatch(r"20[0-9]{2}", text):
        return Period(date(int(text), 1, 1), date(int(text), 12, 31), Event.DatePrecision.YEAR)
    if found := re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", text):
        year, month = int(found[1]), int(found[2])
        return Period(date(year, month, 1), _last_day(year, month), Event.DatePrecision.MONTH)
    try:
        return Period(day(text), day(text), Event.DatePrecision.DAY)
    except Wrong:
        raise Wrong("is not a day, a month or a year: write it like 2025-02-10, 2025-02 or 2025.") from None


def one_of(choices: type[models.TextChoices], **also: str) -> Callable[[str], str]:
    """A reader of `choices` as people write them: “side event” for side_event; `also` holds further spellings."""

    def read(text: str) -> str:
        value = re.sub(r"[ -]", "_", text)
        value = also.get(value, value)
        if value not in choices.values:
            raise Wrong(f"is not one of: {', '.join(value.replace('_', ' ') for value in choices.values)}.")
        return value

    return read


BLANKS: dict[Any, Any] = {yes_or_no: False, minutes: 0}  # what a blank cell means, where it is not “unknown”


@dataclass(frozen=True)
class Column:
    name: str
    field: str = ""  # of the model, when it is called otherwise
    read: Callable[[str], Any] | None = None  # None: text, judged by the model's field
    blank: bool = False
    optional: bool = False  # the whole column may be missing
    refers_to: str = ""  # the file that holds this slug


def text(*names: str, blank: bool = False, optional: bool = False) -> list[Column]:
    return [Column(name, blank=blank, optional=optional) for name in names]


SOURCED = text("source", "assumed_fields", blank=True, optional=True)


@dataclass(frozen=True)
class File:
    name: str
    model: type[models.Model] | None
    columns: list[Column]
    key: tuple[str, ...] = ("slug",)


FILES = [
    File(
        "venues.csv",
        Venue,
        [
            *text("slug", "name", "city", "country"),
            Column("timezone", read=zone),
            *text("address", "accessibility_fr", "accessibility_en", blank=True),
            Column("latitude", read=degrees, blank=True),
            Column("longitude", read=degrees, blank=True),
            Column("security_minutes", read=minutes, blank=True, optional=True),
            *SOURCED,
        ],
    ),
    File(
        "rooms.csv",
        Room,
        [
            *text("slug", "name"),
            Column("venue", refers_to="venues.csv"),
            Column("capacity", read=whole_number),
            Column("allows_several_sessions", read=yes_or_no, blank=True, optional=True),
            *SOURCED,
        ],
    ),
    File("tracks.csv", Track, [*text("slug", "name_fr", "name_en", "colour"), *SOURCED]),
    File(
        "events.csv",
        Event,
        [
            *text("slug", "title_fr", "title_en"),
            Column("kind", read=one_of(Event.Kind)),
            Column("start_date", read=period),
            Column("end_date", read=period),
            Column("venue", refers_to="venues.csv", blank=True),
            *text("city", "country", "organiser", blank=True),
            *SOURCED,
        ],
    ),
    File(
        "road_to_summit.csv",
        Event,
        [
            Column("title", "title_fr"),
            *text("title_en", blank=True, optional=True),
            Column("date", read=period),
            Column(
                "label_status",
                read=one_of(Event.LabelStatus, labelled_Road_to_the_Summit="labelled", ahead_of_the_Summit="ahead", in_parallel="parallel"),
            ),
            *text("city", "country", "organiser", blank=True),
            *text("note", blank=True, optional=True),
            *SOURCED,
        ],
        key=(),
    ),
    File(
        "days.csv",
        Day,
        [
            Column("date", read=day),
            *text("label_fr", "label_en"),
            Column("timezone", read=zone),
            *text("source", blank=True, optional=True),
        ],
        key=("date",),
    ),
    File(
        "sessions.csv",
        Session,
        [
            *text("slug", "title_fr", "title_en"),
            Column("event", refers_to="events.csv"),
            Column("track", refers_to="tracks.csv"),
            Column("room", refers_to="rooms.csv"),
            Column("kind", read=one_of(Session.Kind)),
            Column("access", read=one_of(Session.Access)),
            Column("start", "starts_at", read=instant),
            Column("end", "ends_at", read=instant),
            Column("capacity", read=whole_number),
            *text("languages", "description_fr", "description_en", blank=True),
            *SOURCED,
        ],
    ),
    File("speakers.csv", Speaker, [*text("slug", "name"), *text("role_fr", "role_en", "organisation", "country", blank=True), *SOURCED]),
    File(
        "session_speakers.csv",
        Participation,
        [
            Column("session", refers_to="sessions.csv"),
            Column("speaker", refers_to="speakers.csv"),
            Column("role", read=one_of(Participation.Role)),
            *text("note", blank=True, optional=True),
            *SOURCED,
        ],
        key=("session", "speaker"),
    ),
    File("institutions.csv", Institution, [*text("slug", "name"), *text("kind", "country", blank=True), *SOURCED]),
    File(
        "cohorts.csv",
        Cohort,
        [
            *text("slug"),
            Column("name", "name_fr"),
            *text("name_en"),
            Column("institution", refers_to="institutions.csv"),
            Column("size", read=whole_number),
            Column("sessions_allotted", read=lambda text: [slug.strip() for slug in text.split("|")], blank=True),
            Column("quota", read=whole_number, blank=True),
            *SOURCED,
        ],
    ),
]


# --- Reading ------------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    file: File
    line: int
    cells: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)  # by column; a cell with a mistake has none

    def wrong(self, column: str, sentence: str) -> Problem:
        return Problem(self.file.name, self.line, column, self.cells.get(column, ""), sentence)


@dataclass
class Folder:
    """The rows of every file that could be read, and what is wrong so far."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def by_slug(self, name: str) -> dict[str, Row]:
        return {row.cells["slug"]: row for row in reversed(self.rows.get(name, []))}


def read_folder(path: Path) -> Folder:
    folder = Folder()
    if not path.is_dir():
        folder.problems.append(Problem(str(path), 0, "", "", "is not a folder."))
        return folder
    for file in FILES:
        rows = list(_read_file(path / file.name, file, folder.problems))
        if not any(problem.file == file.name and (not problem.line or problem.line == 1) for problem in folder.problems):
            folder.rows[file.name] = rows
    with translation.override("en"):
        for row in (row for rows in folder.rows.values() for row in rows):
            folder.problems += _judge_cells(row)
    return folder


def _read_file(path: Path, file: File, problems: list[Problem]) -> Iterator[Row]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        problems.append(Problem(file.name, 0, "", "", "is missing."))
        return
    except OSError as error:
        problems.append(Problem(file.name, 0, "", "", f"cannot be read: {error.strerror}."))
        return
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem(file.name, 0, "", "", f"is not UTF-8 (line {line}): save it again as “CSV UTF-8”."))
        return
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            if header is None:
                header = [cell.strip() for cell in cells]
                if found := list(_judge_header(file, header)):
                    problems += found
                    return
            elif len(cells) not in (0, len(header)):
                problems.append(Problem(file.name, line, "", "", f"has {len(cells)} cells and the header has {len(header)}."))
            elif any(cell.strip() for cell in cells):
                yield Row(file, line, {name: cell.strip() for name, cell in zip(header, cells, strict=True)})
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(Problem(file.name, line, "", "", f"is not readable as CSV: {error}."))
    if header is None:
        problems.append(Problem(file.name, 0, "", "", "is empty: the header row is missing."))


def _judge_header(file: File, header: list[str]) -> Iterator[Problem]:
    for column in file.columns:
        if column.name not in header and not column.optional:
            hint = " (is the separator a comma?)" if len(header) == 1 else ""
            yield Problem(file.name, 1, column.name, "", f"this column is missing{hint}.")
    for name in {name for name in header if name and header.count(name) > 1}:
        yield Problem(file.name, 1, name, "", "this column is there twice.")


def _judge_cells(row: Row) -> Iterator[Problem]:
    for column in row.file.columns:
        if column.name not in row.cells:  # an optional column that the file does not have: the rows keep what they hold
            row.cells[column.name] = ""
            continue
        cell = row.cells[column.name]
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", cell.replace("\r\n", "\n")):
            yield row.wrong(column.name, "holds a control character.")
        elif not cell and not column.blank:
            yield row.wrong(column.name, "is blank.")
        else:
            try:
                row.values[column.name] = _read_cell(row.file, column, cell)
            except Wrong as why:
                yield row.wrong(column.name, str(why))
            except ValidationError as why:
                yield row.wrong(column.name, " ".join(why.messages))
    unknown = set(filter(None, row.cells.get("assumed_fields", "").split("|"))) - {*row.cells, "date"}
    if unknown:
        yield row.wrong("assumed_fields", f"names unknown columns: {', '.join(sorted(unknown))}.")


def _read_cell(file: File, column: Column, cell: str) -> Any:
    target = field_of(file, column)
    if not cell:
        if column.read in BLANKS:
            return BLANKS[column.read]
        return None if column.read or column.refers_to else ""
    if column.refers_to:
        return cell
    value = column.read(cell) if column.read else cell
    if target is None:
        return value
    if len(cell) > LONGEST_TEXT:
        raise Wrong(f"is {len(cell)} characters long, at most {LONGEST_TEXT} are kept.")
    target.run_validators(value)
    return value


def field_of(file: File, column: Column) -> "models.Field[Any, Any] | None":
    name = column.field or column.name
    fields = {field.name: field for field in file.model._meta.concrete_fields} if file.model else {}
    return fields.get(name)


# --- Looking at the rows together ---------------------------------------------------------------------------------------


def judge(folder: Folder) -> Iterator[Problem]:
    yield from _judge_keys(folder)
    yield from _judge_references(folder)
    if not folder.rows.get("days.csv", True):
        yield Problem("days.csv", 0, "", "", "holds no day: a programme has at least one.")
    for row in folder.rows.get("venues.csv", []):
        latitude, longitude = row.values.get("latitude"), row.values.get("longitude")
        if "latitude" in row.values and "longitude" in row.values and (latitude is None) != (longitude is None):
            yield row.wrong("latitude", "latitude and longitude go together: fill in both, or none.")
    for row in folder.rows.get("events.csv", []):
        start, end = row.values.get("start_date"), row.values.get("end_date")
        if start and end and end.last < start.first:
            yield row.wrong("end_date", f"is before start_date ({row.cells['start_date']}).")
    for row in folder.rows.get("road_to_summit.csv", []):
        if (when := row.values.get("date")) and when.last < when.first:
            yield row.wrong("date", "ends before it starts.")
    rooms = folder.by_slug("rooms.csv")
    for row in folder.rows.get("sessions.csv", []):
        start, end, capacity = row.values.get("start"), row.values.get("end"), row.values.get("capacity")
        if start and end and end <= start:
            yield row.wrong("end", f"is not after start ({row.cells['start']}).")
        room = rooms.get(row.cells["room"])
        if room and capacity and capacity > room.values.get("capacity", capacity):
            yield row.wrong("capacity", f"is above what the room {room.cells['slug']} holds ({room.cells['capacity']}).")
    yield from _judge_cohorts(folder)


def _judge_keys(folder: Folder) -> Iterator[Problem]:
    for rows in folder.rows.values():
        seen: dict[tuple[str, ...], int] = {}
        for row in rows:
            key = tuple(row.cells[name] for name in row.file.key)
            if key and all(key) and seen.setdefault(key, row.line) != row.line:
                yield row.wrong(row.file.key[-1], f"is already on line {seen[key]}.")
    events = {slug: row for slug, row in folder.by_slug("events.csv").items() if slug}
    seen_road: dict[str, str] = {slug: f"events.csv, line {row.line}" for slug, row in events.items()}
    for row in folder.rows.get("road_to_summit.csv", []):
        slug = road_slug(row.cells["title"])
        if not slug:
            yield row.wrong("title", "has no letter or digit to make an address of.")
        elif slug in seen_road:
            yield row.wrong("title", f"makes the same address ({slug}) as {seen_road[slug]}.")
        seen_road.setdefault(slug, f"line {row.line}")
    names: dict[tuple[str, str], int] = {}
    for row in folder.rows.get("rooms.csv", []):
        where = row.cells["venue"], row.cells["name"]
        if all(where) and names.setdefault(where, row.line) != row.line:
            yield row.wrong("name", f"is already the name of this venue’s room on line {names[where]}.")


def _judge_references(folder: Folder) -> Iterator[Problem]:
    slugs = {name: set(folder.by_slug(name)) for name in folder.rows if name in {c.refers_to for f in FILES for c in f.columns}}
    for row in (row for rows in folder.rows.values() for row in rows):
        for column in row.file.columns:
            cell = row.cells[column.name]
            # A file that could not be read is reported once, not once per row that names it.
            if column.refers_to in slugs and cell and cell not in slugs[column.refers_to]:
                yield row.wrong(column.name, f"is not in {column.refers_to}.")


def _judge_cohorts(folder: Folder) -> Iterator[Problem]:
    sessions = folder.by_slug("sessions.csv")
    kept: Counter[str] = Counter()
    for row in folder.rows.get("cohorts.csv", []):
        allotted, quota = row.values.get("sessions_allotted") or [], row.values.get("quota", 0)
        if allotted and quota is None:
            yield row.wrong("quota", "is blank, but sessions are allotted.")
        for slug, times in Counter(allotted).items():
            if "sessions.csv" in folder.rows and slug not in sessions:
                yield Problem(row.file.name, row.line, "sessions_allotted", slug, "is not in sessions.csv.")
                continue
            if times > 1:
                yield Problem(row.file.name, row.line, "sessions_allotted", slug, "is there twice.")
            kept[slug] += quota or 0
            capacity = sessions[slug].values.get("capacity") if slug in sessions else None
            if capacity is not None and kept[slug] > capacity:
                sentence = f"would keep {kept[slug]} seats with the cohorts above, and the session has {capacity}."
                yield Problem(row.file.name, row.line, "sessions_allotted", slug, sentence)


def road_slug(title: str) -> str:
    """The address of a “Road to the Summit” event, which the file gives none: its title, cut between two words."""
    slug = slugify(title)
    return slug if len(slug) <= 80 else slug[:81].rpartition("-")[0] or slug[:80]


@dataclass(frozen=True)
class Stay:
    """What occupies a room, and how to name it."""

    starts_at: datetime
    ends_at: datetime
    name: str
    row: Row | None  # None: a session that only the database knows


def judge_rooms(stays: dict[str, list[Stay]]) -> Iterator[Problem]:
    """Two sessions in one room at once: one problem for each that begins while another is on."""
    for room, guests in stays.items():
        on: Stay | None = None
        for stay in sorted(guests, key=lambda stay: (stay.starts_at, stay.ends_at)):
            if on and stay.starts_at < on.ends_at:
                late, other = (stay, on) if stay.row else (on, stay)
                if late.row:
                    yield late.row.wrong("room", f"{late.name} is in the room {room} at the same time as {other.name}.")
            if on is None or stay.ends_at > on.ends_at:
                on = stay


def stays_by_room(folder: Folder, cancelled: set[str]) -> dict[str, list[Stay]]:
    rooms = folder.by_slug("rooms.csv")
    stays: dict[str, list[Stay]] = defaultdict(list)
    for row in folder.rows.get("sessions.csv", []):
        room, start, end, slug = row.cells["room"], row.values.get("start"), row.values.get("end"), row.cells["slug"]
        shared = room in rooms and rooms[room].values.get("allows_several_sessions")
        if room and start and end and end > start and not shared and slug not in cancelled:
            stays[room].append(Stay(start, end, f"{slug} (line {row.line})", row))
    return stays
