import csv
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from programme.models import Day, Edition, Event, Participation, Session, Speaker, Track
from registrations.domain import booking, pools
from registrations.models import Cohort, Institution, SeatPool
from summit.loading.loader import OWN_DATA, CannotLoad, Loaded, default_first_day, load, moved_instant
from tests import make
from tests.summit.csv_files import write_cell
from venues.models import Room, Venue

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)
PARIS = ZoneInfo("Europe/Paris")

Edit = Callable[[str, int, str, str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the data to spoil."""
    return Path(shutil.copytree(OWN_DATA, tmp_path / "données du sommet"))


@pytest.fixture
def edit(folder: Path) -> Edit:
    return partial(write_cell, folder)


def problems(folder: Path) -> list[tuple[str, int, str, str]]:
    with pytest.raises(CannotLoad) as refused:
        load(folder, today=TODAY)
    assert not Venue.objects.exists(), "half loaded"
    return [(found.file, found.line, found.column, found.sentence) for found in refused.value.problems]


def line_of(file: str, slug: str) -> int:
    with (OWN_DATA / file).open(encoding="utf-8", newline="") as source:
        return next(line for line, row in enumerate(csv.DictReader(source), 2) if row["slug"] == slug)


# --- What is loaded ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="class")
def loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Loaded]:
    """The summit, loaded once for a class of tests that only look at it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield load(OWN_DATA, today=TODAY)
        transaction.set_rollback(True)


class TestWhatIsLoaded:
    def test_loads_the_whole_summit(self, loaded: Loaded) -> None:
        models = [Venue, Room, Track, Event, Day, Session, Speaker, Participation, Institution, Cohort]
        assert [model.objects.count() for model in models] == [18, 43, 12, 21 + 13, 6, 124, 139, 158, 103, 6]
        assert Event.objects.filter(kind=Event.Kind.ROAD_TO_THE_SUMMIT).exclude(label_status="").count() == 13
        assert set(Session.objects.values_list("status", flat=True)) == {"published"}

    def test_keeps_both_languages_and_the_marks_of_what_is_assumed(self, loaded: Loaded) -> None:
        session = Session.objects.get(slug="x-lecun")
        assert (session.title_fr, session.title_en) == ("Intervention de Yann Le Cun", "Talk by Yann Le Cun")
        assert session.assumed_fields == "title_fr|title_en|start|end|room|capacity|access|languages"
        assert session.source == "003_6f07216dfdcb7352.txt"

    def test_keeps_the_names_of_places_in_both_languages(self, loaded: Loaded) -> None:
        room = Room.objects.select_related("venue").get(slug="gp-demos")
        assert room.name_fr == "Nef – espace des stands et démonstrations"
        assert room.name_en == "Nave – stands and demonstrations"
        assert (room.venue.name_fr, room.venue.name_en) == ("Grand Palais", "Grand Palais")
        assert not Room.objects.filter(name_en=None).exists()
        assert not Venue.objects.filter(name_en=None).exists()

    def test_seats_of_cohorts_come_out_of_the_general_pool(self, loaded: Loaded) -> None:
        kept = SeatPool.objects.filter(session__slug="gp-afrique").exclude(cohort=None)
        assert {pool.cohort.slug: pool.seats for pool in kept} == {"cnam-medas": 50, "cnam-marketing-digital": 50}
        assert {pool.assumed_fields for pool in kept} == {"seats"}
        for session in Session.objects.exclude(access=Session.Access.PUBLIC).annotate(seats=Sum("pools__seats")):
            assert session.seats == session.capacity

    def test_speakers_keep_the_order_of_the_file(self, loaded: Loaded) -> None:
        opening = Participation.objects.filter(session__slug="x-ouverture").values_list("speaker__slug", flat=True)
        assert list(opening)[:3] == ["clara-chappaz", "anne-bouverot", "thierry-coulhon"]

    def test_the_whole_programme_moves_by_the_same_whole_weeks(self, loaded: Loaded) -> None:
        assert loaded.moved_days % 7 == 0
        assert [day.date for day in Day.objects.all()] == [date(2026, 12, 17) + timedelta(n) for n in range(6)]
        # 9:00 in Paris.
        assert Session.objects.get(slug="x-ouverture").starts_at == datetime(2026, 12, 17, 8, 0, tzinfo=UTC)
        assert Event.objects.get(slug="week-end-culturel").starts_on == date(2026, 12, 19)

    def test_it_becomes_the_current_edition_by_the_name_of_the_file(self, loaded: Loaded) -> None:
        edition = Edition.objects.get(is_current=True)
        assert (edition.slug, edition.state) == ("paris", "open")
        assert (edition.name_fr, edition.name_en) == ("Sommet pour l’action sur l’IA", "AI Action Summit")
        assert (edition.starts_on, edition.ends_on) == (date(2026, 12, 17), date(2026, 12, 22))

    def test_other_summits_keep_their_own_dates(self, loaded: Loaded) -> None:
        others = Edition.objects.exclude(is_current=True).order_by("starts_on")
        assert [(one.slug, str(one.starts_on), one.state, bool(one.link)) for one in others] == [
            ("bletchley-2023", "2023-11-01", "archived", False),
            ("seoul-2024", "2024-05-21", "archived", False),
            ("kigali-2025", "2025-04-03", "open", True),
        ]


def test_a_month_or_a_year_or_an_interval_is_a_period_of_its_precision(folder: Path, edit: Edit) -> None:
    for column in ("start_date", "end_date"):
        edit("events.csv", 3, column, "2025-02")

    load(folder, today=TODAY, keep_dates=True)

    found = {
        event.slug: (str(event.starts_on), str(event.ends_on), event.date_precision) for event in Event.objects.all()
    }
    assert found["tables-rondes-onu-ocde"] == ("2025-02-01", "2025-02-28", "month")
    assert found["1re-table-ronde-franco-indienne-sur-les-politiques-dia"] == ("2025-01-01", "2025-12-31", "year")
    assert found["consultation-ouverte-des-citoyens-et-des-experts"] == ("2024-09-18", "2024-11-15", "day")


# --- Again ------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("atomic-load")
def test_a_second_run_writes_nothing() -> None:
    load(OWN_DATA, today=TODAY)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        again = load(OWN_DATA, today=TODAY)

    assert again.changes == 0
    assert not [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


def test_a_run_after_the_data_changed_updates_just_that_and_leaves_a_trace(folder: Path, edit: Edit) -> None:
    load(folder, today=TODAY)
    edit("sessions.csv", line_of("sessions.csv", "x-lecun"), "title_fr", "Leçon de Yann Le Cun")
    edit("cohorts.csv", 2, "quota", "40")

    again = load(folder, today=TODAY)

    assert {kind: count.changed for kind, count in again.counts.items() if count.changed} == {
        "sessions": 1,
        "allotments": 8,
    }
    assert again.changes == 9
    trace = Session.objects.get(slug="x-lecun").history.all()
    assert [(was.title_fr, was.history_change_reason) for was in trace] == [
        ("Leçon de Yann Le Cun", "load_summit"),
        ("Intervention de Yann Le Cun", "load_summit"),
    ]
    assert (
        make.pool(Session.objects.get(slug="gp-afrique")).seats == Session.objects.get(slug="gp-afrique").capacity - 90
    )


def test_a_later_run_does_not_move_a_summit_that_people_hold_seats_in() -> None:
    first = load(OWN_DATA, today=TODAY)
    later = load(OWN_DATA, today=TODAY + timedelta(days=30))

    assert (later.first_day, later.changes) == (first.first_day, 0)


def test_a_cancelled_session_stays_cancelled() -> None:
    load(OWN_DATA, today=TODAY)
    Session.objects.filter(slug="x-lecun").update(status=Session.Status.CANCELLED)

    assert load(OWN_DATA, today=TODAY).changes == 0
    assert Session.objects.get(slug="x-lecun").status == Session.Status.CANCELLED


# --- Dates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("2026-11-22", "2026-12-17"),
        ("2026-11-26", "2026-12-17"),
        ("2026-11-27", "2026-12-24"),
        ("2027-02-04", "2027-02-25"),
    ],
)
def test_begins_on_the_first_thursday_at_least_three_weeks_ahead(today: str, expected: str) -> None:
    assert default_first_day(date(2025, 2, 6), date.fromisoformat(today)) == date.fromisoformat(expected)


def test_wall_clock_times_stay_across_a_clock_change() -> None:
    load(OWN_DATA, today=TODAY, keep_dates=True)
    before = {session.slug: session.local_starts_at.time() for session in Session.objects.with_place()}

    load(OWN_DATA, today=TODAY, first_day=date(2027, 7, 1))

    summer = Session.objects.with_place()
    assert {session.slug: session.local_starts_at.time() for session in summer} == before
    assert {session.local_starts_at.utcoffset() for session in summer} == {timedelta(hours=2)}
    assert [day.date for day in Day.objects.all()] == [date(2027, 7, 1) + timedelta(n) for n in range(6)]


def test_a_summit_moves_by_one_day_onto_its_own_days_and_rooms() -> None:
    load(OWN_DATA, today=TODAY, keep_dates=True)

    assert load(OWN_DATA, today=TODAY, first_day=date(2025, 2, 7)).first_day == date(2025, 2, 7)
    assert load(OWN_DATA, today=TODAY, keep_dates=True).first_day == date(2025, 2, 6)
    assert Day.objects.count() == 6


@pytest.mark.proves("clock-change-nights")
def test_an_hour_that_the_clocks_skip_is_refused(folder: Path, edit: Edit) -> None:
    line = line_of("sessions.csv", "x-accueil-j1")
    edit("sessions.csv", line, "start", "2025-02-06T02:30:00+01:00")
    load(folder, today=TODAY, keep_dates=True)

    with pytest.raises(CannotLoad) as refused:
        load(folder, today=TODAY, first_day=date(2027, 3, 28))

    assert [(p.line, p.column) for p in refused.value.problems] == [(line, "start")]
    assert "2027-03-28 02:30, which the clocks skip" in str(refused.value)
    assert moved_instant(datetime(2026, 10, 18, 14, tzinfo=PARIS), 7, PARIS) == datetime(2026, 10, 25, 13, tzinfo=UTC)


# --- Mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.proves("atomic-load")
@pytest.mark.runs_once("files are read before any row is written")
def test_every_mistake_of_every_file_is_listed_at_once_and_nothing_is_loaded(folder: Path, edit: Edit) -> None:
    opening = line_of("sessions.csv", "x-ouverture")
    (folder / "speakers.csv").unlink()
    tracks = (folder / "tracks.csv").read_text(encoding="utf-8").replace("colour", "couleur", 1)
    (folder / "tracks.csv").write_text(tracks, encoding="utf-8")
    edit("venues.csv", 2, "latitude", "NaN")
    edit("venues.csv", 3, "timezone", "Europe/Pariss")
    edit("venues.csv", 4, "name_fr", "a" * 151)
    edit("venues.csv", 5, "city", "Pa\0ris")
    edit("rooms.csv", 2, "capacity", "٣٠٠")
    edit("rooms.csv", 3, "venue", "chateau")
    edit("institutions.csv", 50, "slug", "cnam")
    edit("events.csv", 3, "start_date", "2025-02-30")
    edit("events.csv", 4, "end_date", "2025-02-01")
    edit("events.csv", 5, "kind", "fête")
    edit("days.csv", 3, "timezone", "Paris")
    edit("sessions.csv", opening, "room", "salle-inconnue")
    edit("sessions.csv", opening + 1, "end", "2025-02-06T09:00:00+01:00")
    edit("sessions.csv", opening + 2, "start", "demain")
    edit("sessions.csv", line_of("sessions.csv", "gp-afrique"), "capacity", "100000")
    edit("sessions.csv", opening + 4, "title_fr", " ")
    edit("session_speakers.csv", 3, "session", "nulle-part")
    edit("session_speakers.csv", 5, "role", "king")
    edit("road_to_summit.csv", 2, "date", "2025-13")
    edit("road_to_summit.csv", 3, "label_status", "maybe")
    edit("cohorts.csv", 2, "sessions_allotted", "gp-afrique|gp-nowhere")
    edit("cohorts.csv", 3, "quota", "9999")

    found = problems(folder)

    assert [(file, line, column) for file, line, column, _ in found if file != "cohorts.csv"] == [
        ("venues.csv", 2, "latitude"),
        ("venues.csv", 3, "timezone"),
        ("venues.csv", 4, "name_fr"),
        ("venues.csv", 5, "city"),
        ("rooms.csv", 2, "capacity"),
        ("rooms.csv", 3, "venue"),
        ("tracks.csv", 1, "colour"),
        ("events.csv", 3, "start_date"),
        ("events.csv", 4, "end_date"),
        ("events.csv", 5, "kind"),
        ("road_to_summit.csv", 2, "date"),
        ("road_to_summit.csv", 3, "label_status"),
        ("days.csv", 3, "timezone"),
        ("sessions.csv", opening, "room"),
        ("sessions.csv", opening + 1, "end"),
        ("sessions.csv", opening + 2, "start"),
        ("sessions.csv", opening + 4, "title_fr"),
        ("sessions.csv", line_of("sessions.csv", "gp-afrique"), "capacity"),
        ("speakers.csv", 0, ""),
        ("session_speakers.csv", 3, "session"),
        ("session_speakers.csv", 5, "role"),
        ("institutions.csv", 50, "slug"),
    ]
    assert {(line, column) for file, line, column, _ in found if file == "cohorts.csv"} >= {
        (2, "sessions_allotted"),
        (3, "sessions_allotted"),
    }


@pytest.fixture
def older(folder: Path) -> Path:
    """The same data as files have it in which venues and rooms have one name."""
    for file in ("venues.csv", "rooms.csv"):
        with (folder / file).open(encoding="utf-8", newline="") as source:
            rows = list(csv.DictReader(source))
        with (folder / file).open("w", encoding="utf-8", newline="") as target:
            header = ["name" if name == "name_fr" else name for name in rows[0] if name != "name_en"]
            writer = csv.DictWriter(target, header, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            for row in rows:
                assumed = row["assumed_fields"].replace("name_fr|name_en", "name")
                writer.writerow(row | {"name": row["name_fr"], "assumed_fields": assumed})
    return folder


def test_the_one_name_of_older_files_is_the_french_one(older: Path) -> None:
    load(older, today=TODAY)

    room = Room.objects.select_related("venue").get(slug="x-poincare")
    assert (room.name_fr, room.name_en, room.venue.name_en) == ("Amphithéâtre Poincaré", None, None)
    assert load(older, today=TODAY).changes == 0


def test_older_files_leave_english_names_as_they_are(older: Path, edit: Edit) -> None:
    load(OWN_DATA, today=TODAY)
    one, two = "Amphithéâtre 2 (nom provisoire)", "Amphithéâtre 3 (nom provisoire)"
    edit("rooms.csv", 3, "name", two)
    edit("rooms.csv", 4, "name", one)

    load(older, today=TODAY)

    found = Room.objects.filter(slug__in=["x-amphi-2", "x-amphi-3"]).order_by("slug").values_list("name_fr", "name_en")
    assert list(found) == [(two, "Amphitheatre 2 (provisional name)"), (one, "Amphitheatre 3 (provisional name)")]


def test_a_mistake_in_older_files_is_told_under_their_column(older: Path, edit: Edit) -> None:
    edit("venues.csv", 4, "name", "a" * 151)
    edit("rooms.csv", 4, "name", "Amphithéâtre Poincaré")

    assert [(file, line, column) for file, line, column, _ in problems(older)] == [
        ("venues.csv", 4, "name"),
        ("rooms.csv", 4, "name"),
    ]


def test_a_file_without_any_name_lacks_the_french_one(folder: Path) -> None:
    rooms = (folder / "rooms.csv").read_text(encoding="utf-8").replace("name_fr", "nom", 1)
    (folder / "rooms.csv").write_text(rooms, encoding="utf-8")

    assert problems(folder) == [("rooms.csv", 1, "name_fr", "this column is missing.")]


def test_rooms_exchange_their_names_in_both_languages(folder: Path, edit: Edit) -> None:
    load(folder, today=TODAY)
    names = list(Room.objects.filter(slug__in=["x-amphi-2", "x-amphi-3"]).order_by("slug").values("name_fr", "name_en"))
    for line, row in zip((3, 4), reversed(names), strict=True):
        for column, name in row.items():
            edit("rooms.csv", line, column, name)

    load(folder, today=TODAY)

    found = Room.objects.filter(slug__in=["x-amphi-2", "x-amphi-3"]).order_by("slug").values("name_fr", "name_en")
    assert list(found) == names[::-1]


def test_rooms_of_one_venue_with_one_english_name_are_named_and_a_blank_one_is_none(folder: Path, edit: Edit) -> None:
    edit("rooms.csv", 4, "name_en", "Poincaré Amphitheatre")
    for line in (5, 6):
        edit("rooms.csv", line, "name_en", "")

    assert problems(folder) == [
        ("rooms.csv", 4, "name_en", "is already the name of this venue’s room on line 2."),
    ]


def test_two_sessions_in_one_room_at_once_are_named(folder: Path, edit: Edit) -> None:
    line = line_of("sessions.csv", "x-lecun")
    edit("sessions.csv", line, "start", "2025-02-06T09:30:00+01:00")

    [(file, where, column, sentence)] = problems(folder)

    assert (file, where, column) == ("sessions.csv", line, "room")
    assert (
        sentence
        == f"x-lecun (line {line}) is in the room x-poincare at the same time as x-ouverture (line {line - 1})."
    )


def test_a_room_that_allows_several_sessions_holds_them(folder: Path, edit: Edit) -> None:
    rooms = (folder / "rooms.csv").read_text(encoding="utf-8").splitlines()
    lines = [f"{row},{'allows_several_sessions' if n == 0 else 'yes' if n == 1 else ''}" for n, row in enumerate(rooms)]
    (folder / "rooms.csv").write_text("\n".join(lines), encoding="utf-8")
    edit("sessions.csv", line_of("sessions.csv", "x-lecun"), "start", "2025-02-06T09:30:00+01:00")

    load(folder, today=TODAY)

    assert set(Session.objects.filter(room__slug="x-poincare").values_list("shares_room", flat=True)) == {True}


def test_a_session_that_organisers_added_keeps_its_room() -> None:
    load(OWN_DATA, today=TODAY, keep_dates=True)
    room = Room.objects.get(slug="x-poincare")
    make.session(slug="ajoutee", room=room, starts_at=datetime(2027, 7, 1, 7, 15, tzinfo=UTC), seats=10)

    with pytest.raises(CannotLoad) as refused:
        load(OWN_DATA, today=TODAY, first_day=date(2027, 7, 1))

    assert "at the same time as ajoutee (in the database)" in str(refused.value)
    assert Session.objects.get(slug="x-ouverture").local_starts_at.date() == date(2025, 2, 6)


def test_what_only_the_database_refuses_undoes_the_whole_load(folder: Path, edit: Edit) -> None:
    load(folder, today=TODAY)
    make.room(venue=Venue.objects.get(slug="ecole-polytechnique"), name="Salle ajoutée")
    edit("venues.csv", 2, "name_fr", "École renommée")
    edit("rooms.csv", 3, "name_fr", "Salle ajoutée")

    with pytest.raises(CannotLoad, match="database: refuses the rows"):
        load(folder, today=TODAY)

    assert not Venue.objects.filter(name="École renommée").exists()


@pytest.mark.proves("atomic-load")
def test_nobody_loses_a_seat_to_a_smaller_capacity(folder: Path, edit: Edit) -> None:
    load(folder, today=TODAY)
    session = Session.objects.get(slug="x-lecun")
    for _ in range(3):
        person = make.attendee()
        booking.register(booking.Ask(session, person, actor=person.user, at=session.starts_at - timedelta(days=1)))
    line = line_of("sessions.csv", "x-lecun")
    edit("sessions.csv", line, "capacity", "2")

    with pytest.raises(CannotLoad) as refused:
        load(folder, today=TODAY)

    [found] = refused.value.problems
    assert (found.line, found.column) == (line, "capacity")
    edit("sessions.csv", line, "capacity", "3")
    load(folder, today=TODAY)
    assert make.pool(session).left == 0


def test_no_cohort_becomes_smaller_than_its_members(folder: Path, edit: Edit) -> None:
    load(folder, today=TODAY)
    cohort = Cohort.objects.order_by("pk").first()
    for _ in range(3):
        make.membership(cohort)
    line = line_of("cohorts.csv", cohort.slug)
    edit("cohorts.csv", line, "size", "2")

    with pytest.raises(CannotLoad) as refused:
        load(folder, today=TODAY)

    assert [(found.line, found.column) for found in refused.value.problems] == [(line, "size")]
    assert "3 people who are members" in str(refused.value)
    edit("cohorts.csv", line, "size", "3")
    load(folder, today=TODAY)
    cohort.refresh_from_db()
    assert cohort.size == 3


def test_the_minutes_at_an_entrance_are_read_and_kept_where_the_file_has_none(folder: Path, edit: Edit) -> None:
    load(folder, today=TODAY)
    venue = Venue.objects.get(slug="grand-palais")
    assert (venue.security_minutes, "security_minutes" in venue.assumed_fields) == (20, True)

    edit("venues.csv", line_of("venues.csv", "grand-palais"), "security_minutes", "-5")
    with pytest.raises(CannotLoad, match="whole minutes"):
        load(folder, today=TODAY)

    path = folder / "venues.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("security_minutes", "anything", 1), encoding="utf-8")
    Venue.objects.filter(pk=venue.pk).update(security_minutes=25)
    load(folder, today=TODAY)
    venue.refresh_from_db()
    assert venue.security_minutes == 25


def test_allotments_and_capacity_may_shrink_and_grow_together(folder: Path, edit: Edit) -> None:
    load(folder, today=TODAY)
    session = Session.objects.get(slug="gp-afrique")
    line = line_of("sessions.csv", "gp-afrique")
    for quota, capacity in [("10", "20"), ("50", "100")]:
        for row in (2, 3):
            edit("cohorts.csv", row, "quota", quota)
        edit("sessions.csv", line, "capacity", capacity)
        load(folder, today=TODAY)

        assert sorted(session.pools.values_list("seats", flat=True)) == [0, int(quota), int(quota)]
    assert pools.check_capacity(Session.objects.get(pk=session.pk)) is None


@pytest.mark.parametrize(
    ("spoil", "line", "sentence"),
    [
        (lambda raw: raw.decode().encode("cp1252", "replace"), 0, "is not UTF-8 (line 2)"),
        (lambda raw: b"", 0, "is empty"),
        (lambda raw: raw.replace(b"\n", b",extra\n", 3).replace(b",extra", b"", 1), 2, "cells and the header has"),
        (lambda raw: raw + b'"never closed', 20, "is never closed"),
        (lambda raw: raw.replace(b"slug", b"name_fr", 1), 1, "this column is there twice"),
    ],
)
@pytest.mark.runs_once("files are read before any row is written")
def test_a_file_that_is_no_table_is_named(
    folder: Path, spoil: Callable[[bytes], bytes], line: int, sentence: str
) -> None:
    path = folder / "venues.csv"
    path.write_bytes(spoil(path.read_bytes()))

    found = problems(folder)

    assert found[0][:2] == ("venues.csv", line)
    assert any(sentence in words for *_, words in found)


@pytest.mark.runs_once("files are read before any row is written")
def test_semicolons_are_welcome_too(folder: Path) -> None:
    path = folder / "institutions.csv"
    with path.open(newline="") as source:
        rows = list(csv.reader(source))
    with path.open("w", newline="") as target:
        csv.writer(target, delimiter=";").writerows(rows)

    assert load(folder, today=TODAY).counts["institutions"].new == len(rows) - 1


@pytest.mark.runs_once("files are read before any row is written")
def test_a_byte_order_mark_and_windows_line_ends_are_welcome(folder: Path) -> None:
    for path in folder.glob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    load(folder, today=TODAY)

    assert Session.objects.get(slug="x-lecun").capacity == 700


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.mark.runs_once("the words of a command")
def test_the_command_tells_each_kind_in_one_line() -> None:
    out = StringIO()
    call_command("load_summit", stdout=out)
    lines = out.getvalue().splitlines()

    assert "sessions           124 new     0 changed     0 same" in lines
    assert lines[-1].startswith("669 changes. The programme begins on Thursday ")


@pytest.mark.runs_once("files are read before any row is written")
def test_the_command_refuses_with_one_line_per_mistake(folder: Path, edit: Edit) -> None:
    edit("days.csv", 2, "date", "06/02/2025")

    with pytest.raises(CommandError) as error:
        call_command("load_summit", str(folder))

    assert str(error.value).splitlines() == [
        "days.csv, line 2, date: '06/02/2025': is not a day: write it like 2025-02-10.",
        "1 mistake: nothing was loaded.",
    ]


def test_a_folder_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a folder"):
        call_command("load_summit", str(tmp_path / "nowhere"))


@pytest.mark.parametrize("day", ["04/02/2027", "2027-02-30", "9999-12-31", "0001-01-01"])
def test_a_first_day_that_is_none_is_one_sentence(day: str) -> None:
    with pytest.raises(CommandError, match="is not a day: write it like 2025-02-10"):
        call_command("load_summit", f"--first-day={day}")
