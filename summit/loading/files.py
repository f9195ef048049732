"""The files of a summit: their columns, reading them, and finding every mistake in them (data/README.md tells the
format)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import translation
from django.utils.text import slugify

from core.sheets import confined
from core.sheets.confined import FileRefused
from core.sheets.reader import plain
from core.text import validate_lines
from programme.domain import legal_facts, slugs
from programme.models import LEGAL_TEXTS, Day, Edition, Event, LegalBasis, Participation, Session, Speaker, Track
from registrations.models import Cohort, Institution
from summit.loading.cells import (
    Wrong,
    day,
    degrees,
    instant,
    minutes,
    one_of,
    open_or_archived,
    period,
    whole_number,
    yes_or_no,
    zone,
)
from venues.domain import places
from venues.models import Room, Venue

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


# --- Cells ------------------------------------------------------------------------------------------------------------


BLANKS: dict[Any, Any] = {yes_or_no: False, minutes: 0}  # what a blank cell means, where it is not “unknown”


@dataclass(frozen=True)
class Column:
    name: str
    field: str = ""  # of the model, when it is called otherwise
    read: Callable[[str], Any] | None = None  # None: text, judged by the model's field
    blank: bool = False
    optional: bool = False  # the whole column may be missing
    refers_to: str = ""  # the file that holds this slug
    was: str = ""  # what older files call it


def text(*names: str, blank: bool = False, optional: bool = False) -> list[Column]:
    return [Column(name, blank=blank, optional=optional) for name in names]


# As a name is unique, one that is blank is none.
NAMES = [Column("name_fr", was="name"), Column("name_en", read=str, blank=True, optional=True)]
SOURCED = text("source", "assumed_fields", blank=True, optional=True)


@dataclass(frozen=True)
class File:
    name: str
    model: type[models.Model] | None
    columns: list[Column]
    key: tuple[str, ...] = ("slug",)
    optional: bool = False  # the whole file may be missing

    def under(self, header: list[str]) -> "File":
        """The same with the names that its columns have in an older file."""
        columns = [
            replace(column, name=column.was, field=column.field or column.name)
            if column.was and column.was in header and column.name not in header
            else column
            for column in self.columns
        ]
        return replace(self, columns=columns)


IN_BOTH_OR_NONE = ("tagline", "city", *LEGAL_TEXTS)  # of an edition

# Read as its field is. A cell that is blank says nothing: what organisers have written stays.
READ_FACT = {
    "legal_basis": one_of(LegalBasis),
    "accessibility_stated_on": day,
    "accessibility_level": one_of(Edition.AccessibilityLevel),
}
LEGAL_FACTS = {
    name: Column(name, read=READ_FACT.get(name), blank=True, optional=True)
    for name in ("legal_basis", *legal_facts.SINGLE, *legal_facts.IN_BOTH)
}

FILES = [
    File(
        "edition.csv",
        Edition,
        [
            *text("slug", "name_fr", "name_en"),
            *text("tagline_fr", "tagline_en", "city_fr", "city_en", blank=True, optional=True),
            Column("timezone", read=zone, blank=True, optional=True),
            *text("link", "accent", blank=True, optional=True),
            *LEGAL_FACTS.values(),
        ],
        key=(),
        optional=True,
    ),
    File(
        "other_editions.csv",
        Edition,
        [
            *text("slug", "name_fr", "name_en"),
            Column("start_date", "starts_on", read=day),
            Column("end_date", "ends_on", read=day),
            Column("state", read=open_or_archived),
            *text("link", "tagline_fr", "tagline_en", "city_fr", "city_en", blank=True, optional=True),
        ],
        optional=True,
    ),
    File(
        "venues.csv",
        Venue,
        [
            *text("slug", "city", "country"),
            *NAMES,
            Column("timezone", read=zone),
            *text("address", "accessibility_fr", "accessibility_en", blank=True),
            Column("latitude", read=degrees, blank=True),
            Column("longitude", read=degrees, blank=True),
            Column("security_minutes", read=minutes, blank=True, optional=True),
            Column("to_be_confirmed", read=yes_or_no, blank=True, optional=True),
            *SOURCED,
        ],
    ),
    File(
        "rooms.csv",
        Room,
        [
            *text("slug"),
            *NAMES,
            Column("venue", refers_to="venues.csv"),
            Column("capacity", read=whole_number),
            Column("allows_several_sessions", read=yes_or_no, blank=True, optional=True),
            Column("to_be_confirmed", read=yes_or_no, blank=True, optional=True),
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
                read=one_of(
                    Event.LabelStatus,
                    labelled_Road_to_the_Summit="labelled",
                    ahead_of_the_Summit="ahead",
                    in_parallel="parallel",
                ),
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
    File(
        "speakers.csv",
        Speaker,
        [*text("slug", "name"), *text("role_fr", "role_en", "organisation", "country", blank=True), *SOURCED],
    ),
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


# --- Reading ----------------------------------------------------------------------------------------------------------


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
    """The rows of all files of a summit, read by one confined process (core.sheets), and every mistake in their
    cells."""
    folder = Folder()
    if not path.is_dir():
        folder.problems.append(Problem(str(path), 0, "", "", "is not a folder."))
        return folder
    with translation.override("en"):
        for file, answer in _read_files(path, folder.problems):
            rows = list(_rows(file, answer, folder.problems))
            if not any(problem.file == file.name and problem.line <= 1 for problem in folder.problems):
                folder.rows[file.name] = rows
        for row in (row for rows in folder.rows.values() for row in rows):
            folder.problems += _judge_cells(row)
    return folder


def _read_files(path: Path, problems: list[Problem]) -> list[tuple[File, dict[str, Any] | FileRefused]]:
    contents: list[tuple[File, bytes]] = []
    for file in FILES:
        try:
            content = (path / file.name).read_bytes()
            content.decode("utf-8")
            contents.append((file, content))
        except FileNotFoundError:
            if not file.optional:
                problems.append(Problem(file.name, 0, "", "", "is missing."))
        except OSError as error:
            problems.append(Problem(file.name, 0, "", "", f"cannot be read: {error.strerror}."))
        except UnicodeDecodeError as error:  # guessing is for lists that people look through afterwards
            line = content.count(b"\n", 0, error.start) + 1
            problems.append(Problem(file.name, 0, "", "", f"is not UTF-8 (line {line}): save it again as “CSV UTF-8”."))
    columns = [column for file in FILES for column in file.columns]
    known = sorted({plain(name) for column in columns for name in (column.name, column.was) if name})
    try:
        answers = confined.read_all([content for _file, content in contents], max_cell=LONGEST_TEXT, known=known)
    except FileRefused as refused:
        problems.append(Problem(str(path), 0, "", "", str(refused)))
        return []
    return [(file, answer) for (file, _content), answer in zip(contents, answers, strict=True)]


def _rows(file: File, answer: dict[str, Any] | FileRefused, problems: list[Problem]) -> Iterator[Row]:
    if isinstance(answer, FileRefused):
        problems.append(Problem(file.name, answer.said.get("line", 0), "", "", str(answer)))
        return
    (_line, header, _width), *rows = answer["rows"]
    header = [cell.strip() for cell in header]
    file = file.under(header)
    if found := list(_judge_header(file, header)):
        problems += found
        return
    for line, cells, width in rows:
        if width != len(header):
            problems.append(Problem(file.name, line, "", "", f"has {width} cells and the header has {len(header)}."))
        else:
            filled = [cell.strip() for cell in cells] + [""] * (width - len(cells))
            yield Row(file, line, dict(zip(header, filled, strict=True)))


def _judge_header(file: File, header: list[str]) -> Iterator[Problem]:
    for column in file.columns:
        if column.name not in header and not column.optional:
            yield Problem(file.name, 1, column.name, "", "this column is missing.")
    for name in {name for name in header if name and header.count(name) > 1}:
        yield Problem(file.name, 1, name, "", "this column is there twice.")


def _judge_cells(row: Row) -> Iterator[Problem]:
    for column in row.file.columns:
        if column.name not in row.cells:  # an optional column that the file does not have: the rows keep what they hold
            row.cells[column.name] = ""
            continue
        cell = row.cells[column.name]
        if not cell and not column.blank:
            yield row.wrong(column.name, "is blank.")
        else:
            try:
                validate_lines(cell)
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


# --- Looking at the rows together -------------------------------------------------------------------------------------


def judge(folder: Folder, elsewhere: dict[str, str]) -> Iterator[Problem]:
    """`elsewhere` tells the edition of each session that is none of this load's."""
    yield from _judge_keys(folder)
    yield from _judge_references(folder, elsewhere)
    yield from _judge_editions(folder)
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
            yield row.wrong(
                "capacity", f"is above what the room {room.cells['slug']} holds ({room.cells['capacity']})."
            )
    yield from _judge_cohorts(folder, elsewhere)


def _judge_editions(folder: Folder) -> Iterator[Problem]:
    own = folder.rows.get("edition.csv")
    if own == []:
        yield Problem("edition.csv", 0, "", "", "holds no edition: write its one row, or leave the file out.")
    for row in (own or [])[1:]:
        yield row.wrong("slug", f"is a second edition, after line {own[0].line}: a folder holds one.")  # type: ignore[index]
    for row in [*(own or []), *folder.rows.get("other_editions.csv", [])]:
        for name in IN_BOTH_OR_NONE:
            french, english = f"{name}_fr", f"{name}_en"
            for blank, other in ((french, english), (english, french)):
                if row.cells.get(other) and not row.cells[blank]:
                    yield row.wrong(blank, f"is blank, and {other} is not: write both languages, or none.")
    for row in folder.rows.get("other_editions.csv", []):
        start, end = row.values.get("start_date"), row.values.get("end_date")
        if start and end and end < start:
            yield row.wrong("end_date", f"is before start_date ({row.cells['start_date']}).")
        if row.values.get("state") == Edition.State.OPEN and not row.cells["link"]:
            sentence = "an edition opens here by its own folder, with the facts that the law asks for; give its link"
            yield row.wrong("state", f"is open without a link: {sentence}, or write archived.")


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
    names: dict[tuple[str, str, str], int] = {}
    for row in folder.rows.get("rooms.csv", []):
        for column in row.file.columns:
            where = row.cells["venue"], row.cells[column.name], column.field or column.name
            if where[2] in places.NAMES and all(where) and names.setdefault(where, row.line) != row.line:
                yield row.wrong(column.name, f"is already the name of this venue’s room on line {names[where]}.")


def _judge_references(folder: Folder, elsewhere: dict[str, str]) -> Iterator[Problem]:
    known = {
        name: set(folder.by_slug(name))
        for name in folder.rows
        if name in {c.refers_to for f in FILES for c in f.columns}
    }
    for row in (row for rows in folder.rows.values() for row in rows):
        for column in row.file.columns:
            cell = row.cells[column.name]
            # A file that could not be read is reported once, not once per row that names it.
            if column.refers_to in known and cell and cell not in known[column.refers_to]:
                of_another = elsewhere if column.refers_to == "sessions.csv" else {}
                yield row.wrong(column.name, f"is not in {column.refers_to}{_belongs(cell, of_another)}.")


def _belongs(session: str, elsewhere: dict[str, str]) -> str:
    return f", it is a session of the edition {elsewhere[session]}" if session in elsewhere else ""


def _judge_cohorts(folder: Folder, elsewhere: dict[str, str]) -> Iterator[Problem]:
    sessions = folder.by_slug("sessions.csv")
    kept: Counter[str] = Counter()
    for row in folder.rows.get("cohorts.csv", []):
        allotted, quota = row.values.get("sessions_allotted") or [], row.values.get("quota", 0)
        if allotted and quota is None:
            yield row.wrong("quota", "is blank, but sessions are allotted.")
        for slug, times in Counter(allotted).items():
            if "sessions.csv" in folder.rows and slug not in sessions:
                sentence = f"is not in sessions.csv{_belongs(slug, elsewhere)}."
                yield Problem(row.file.name, row.line, "sessions_allotted", slug, sentence)
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
    return slugs.cut(slugify(title), 80)


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
