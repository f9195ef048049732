"""A second edition is loaded beside the first, and the demo holds one that is over."""

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.signals import post_save
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from programme.domain import editions, legal_facts, slugs
from programme.models import Day, Edition, Event, Participation, Session, Speaker, Track
from registrations.domain import invariants
from registrations.models import Cohort, SeatPool
from summit.demo.programme import ARCHIVE, load_own_data
from summit.loading import editions as loading
from summit.loading.loader import OWN_DATA, CannotLoad, load
from tests import make
from tests.summit.csv_files import write_cell

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)
FIRST, SECOND = date(2026, 12, 17), date(2027, 12, 16)  # Thursdays


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small summit that names no edition, with a cohort, its seats, and an event on the road to it."""
    folder = Path(shutil.copytree(ARCHIVE, tmp_path / "sommet"))
    (folder / "edition.csv").unlink()
    append(folder, "institutions.csv", slug="ecole", name="École des Exemples")
    append(
        folder,
        "cohorts.csv",
        slug="promotion",
        institution="ecole",
        name="Promotion",
        name_en="Class",
        size="20",
        sessions_allotted="lyon-energie|lyon-villes",
        quota="20",
    )
    append(folder, "road_to_summit.csv", title="Avant Lyon", date="2024-01", label_status="not stated", country="FR")
    return folder


def append(folder: Path, file: str, **cells: str) -> None:
    with (folder / file).open(encoding="utf-8", newline="") as source:
        header = next(csv.reader(source))
    with (folder / file).open("a", encoding="utf-8", newline="") as target:
        csv.DictWriter(target, header, lineterminator="\n").writerow(cells)


def call_session(folder: Path, old: str, new: str) -> None:
    for file in ("sessions.csv", "session_speakers.csv", "cohorts.csv"):
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")


def write_file(folder: Path, file: str, *lines: str) -> None:
    (folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def load_first(folder: Path) -> Edition:
    """The first edition of all, which an organiser has opened."""
    edition = load(folder, today=TODAY, edition="2026", first_day=FIRST).edition
    return opened(edition)


def opened(edition: Edition) -> Edition:
    """`edition` with what the law asks for, and open."""
    Edition.objects.filter(pk=edition.pk).update(**make.LEGAL_FACTS)
    editions.open_edition(edition, actor=None)
    return Edition.objects.get(pk=edition.pk)


def load_second(folder: Path, **how: Any) -> Edition:
    return load(folder, today=TODAY, edition="2027", first_day=SECOND, **how).edition


def refused(folder: Path, **how: Any) -> list[str]:
    """Every mistake of a load, which has written nothing."""
    before = everything()
    with pytest.raises(CannotLoad) as refusal:
        load(folder, **{"today": TODAY} | how)
    assert everything() == before, "half loaded"
    return [str(problem) for problem in refusal.value.problems]


def everything() -> dict[str, dict[Any, dict[str, Any]]]:
    """All rows of all tables, their histories too."""
    return {model._meta.label: {row["pk"]: row for row in rows_of(model)} for model in apps.get_models()}


def rows_of(model: Any) -> list[dict[str, Any]]:
    columns = [field.attname for field in model._meta.concrete_fields]  # both languages: Django's default leaves one
    return [row | {"pk": row[model._meta.pk.attname]} for row in model._base_manager.values(*columns)]


def check_untouched(before: dict[str, dict[Any, dict[str, Any]]]) -> None:
    """Every row of `before` stands as it stood, and no line was written into its history."""
    now = everything()
    for label, rows in before.items():
        assert {pk: now[label].get(pk) for pk in rows} == rows, label
        history = getattr(apps.get_model(label), "history", None)
        if history is not None:
            lines = {pk: row for pk, row in now[history.model._meta.label].items() if row["id"] in rows}
            assert lines == {pk: row for pk, row in before[history.model._meta.label].items() if row["id"] in rows}, (
                label
            )


# --- Beside each other ------------------------------------------------------------------------------------------------


def test_a_second_edition_leaves_every_row_of_the_first_untouched(folder: Path) -> None:
    first = load_first(folder)
    make.registration(Session.objects.get(slug="lyon-mesurer"))
    make.membership(Cohort.objects.get(slug="promotion"))
    write_cell(folder, "tracks.csv", 2, "name_fr", "Mesures de 2027")
    write_cell(folder, "days.csv", 2, "label_fr", "Le premier jour de 2027")
    before = everything()

    second = load_second(folder)

    check_untouched(before)
    assert (first.state, first.is_current, first.slug) == ("open", True, "2026")
    assert (second.state, second.is_current) == ("preparation", False)
    for model in (Day, Track, Event, Cohort):
        assert model.objects.filter(edition=second).count() == model.objects.filter(edition=first).count() > 0
    of_first, of_second = Session.objects.of(first), Session.objects.of(second)
    assert of_first.count() == of_second.count() == 8
    assert set(of_second.values_list("status", flat=True)) == {"published"}
    assert of_second.published().count() == 0
    assert not SeatPool.objects.filter(session__in=of_second, closed=False).exists()
    assert invariants.check(timezone.now())["breaches"] == []


def test_what_both_editions_have_is_told_apart_by_the_slug_of_the_second(folder: Path) -> None:
    load_first(folder)
    second = load_second(folder)

    session = Session.objects.get(slug="lyon-energie-2027")
    assert session.event == Event.objects.get(slug="rencontre-de-lyon-2027")
    assert (session.event.edition, session.track.edition) == (second, second)
    assert session.local_starts_at.date() == SECOND
    assert Event.objects.get(slug="avant-lyon-2027").edition == second
    cohort = Cohort.objects.get(slug="promotion-2027")
    assert [pool.session.slug for pool in cohort.allotments.order_by("session__slug")] == [
        "lyon-energie-2027",
        "lyon-villes-2027",
    ]
    assert [part.speaker.slug for part in session.participations.all()] == ["basile-fictif"]
    assert session.room == Session.objects.get(slug="lyon-energie").room
    assert Speaker.objects.count() == 8
    assert set(Track.objects.values_list("slug", flat=True)) == {"mesure", "decision", "accueil"}


def test_loading_the_second_again_changes_nothing_and_a_correction_only_that(folder: Path) -> None:
    load_first(folder)
    load_second(folder)
    before = everything()
    with CaptureQueriesContext(connection) as queries:
        assert load(folder, today=TODAY, edition="2027").changes == 0
    assert not [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]

    write_cell(folder, "sessions.csv", 3, "title_fr", "Autre titre")
    again = load(folder, today=TODAY, edition="2027")

    assert {kind: count.changed for kind, count in again.counts.items() if count.changed} == {"sessions": 1}
    assert Session.objects.get(slug="lyon-mesurer-2027").title_fr == "Autre titre"
    first = Session.objects.get(slug="lyon-mesurer")
    assert first.title_fr == before["programme.Session"][first.pk]["title_fr"] != "Autre titre"


def test_a_row_is_found_by_its_longer_name_even_when_the_shorter_one_is_free_again(folder: Path) -> None:
    load_first(folder)
    load_second(folder)
    Session.objects.filter(slug="lyon-jury").update(slug="jury")

    assert load(folder, today=TODAY, edition="2027").changes == 0


def test_a_row_that_is_called_like_the_longer_name_of_another_stays_itself(folder: Path) -> None:
    call_session(folder, "lyon-jury", "lyon-villes-2027")
    load_second(folder)
    Session.objects.filter(slug="lyon-villes").delete()

    again = load(folder, today=TODAY, edition="2027")

    assert (again.counts["sessions"].new, again.counts["sessions"].changed) == (1, 0)
    assert Session.objects.filter(slug="lyon-villes").exists()


def test_an_edition_moves_alone(folder: Path) -> None:
    first = load_first(folder)
    second = load_second(folder)
    before = {session.pk: session.starts_at for session in Session.objects.of(first)}

    later = load(folder, today=TODAY, edition="2027", first_day=SECOND + timedelta(days=7))

    assert later.first_day == SECOND + timedelta(days=7)
    assert {session.pk: session.starts_at for session in Session.objects.of(first)} == before
    second.refresh_from_db()
    assert (second.starts_on, second.ends_on) == (SECOND + timedelta(days=7), SECOND + timedelta(days=8))
    kept = load(folder, today=TODAY, edition="2027", keep_dates=True)
    assert (kept.first_day, kept.edition.starts_on) == (date(2024, 2, 8), date(2024, 2, 8))
    assert list(Day.objects.filter(edition=first).values_list("date", flat=True)) == [FIRST, FIRST + timedelta(days=1)]


def test_a_day_that_organisers_added_belongs_to_the_edition_on_a_later_load(folder: Path) -> None:
    edition = load_first(folder)
    make.day(FIRST + timedelta(days=2), edition=edition)

    again = load(folder, today=TODAY, edition="2026")

    assert (again.edition.starts_on, again.edition.ends_on) == (FIRST, FIRST + timedelta(days=2))


def test_two_editions_in_one_room_at_once_are_named(folder: Path) -> None:
    load_first(folder)
    Session.objects.exclude(slug__in=["lyon-villes", "lyon-jury"]).update(status=Session.Status.CANCELLED)
    Session.objects.filter(slug="lyon-jury").update(status=Session.Status.DRAFT)

    found = refused(folder, edition="2027", first_day=FIRST)

    assert found == [
        f"sessions.csv, line {line}, room: '{room}': {slug}-2027 (line {line}) is in the room {room} at the same time "
        f"as {slug} (of the edition 2026)."
        for line, slug, room in ((6, "lyon-villes", "lyon-grande-salle"), (7, "lyon-jury", "lyon-atelier"))
    ]


@pytest.mark.proves("atomic-load")
def test_a_load_that_breaks_off_half_way_writes_nothing(folder: Path) -> None:
    load_first(folder)
    before = everything()

    with breaking_off_after(5), pytest.raises(RuntimeError, match="power cut"):
        load_second(folder)

    assert everything() == before
    assert load_second(folder).slug == "2027"


@contextmanager
def breaking_off_after(number: int) -> Iterator[None]:
    """When so many participations, which come last, have been written."""
    written: list[Any] = []

    def break_off(**kwargs: Any) -> None:
        written.append(kwargs)
        if len(written) == number:
            raise RuntimeError("power cut")

    post_save.connect(break_off, sender=Participation)
    try:
        yield
    finally:
        post_save.disconnect(break_off, sender=Participation)


def test_a_dry_run_writes_nothing_and_says_what_would_be(folder: Path) -> None:
    load_first(folder)
    before = everything()

    would = load(folder, today=TODAY, edition="2027", first_day=SECOND, dry_run=True)

    assert everything() == before
    assert (would.edition.slug, would.edition.state, would.counts["sessions"].new) == ("2027", "preparation", 8)


# --- Which edition ----------------------------------------------------------------------------------------------------


def test_without_a_word_about_it_the_edition_is_that_of_the_year_after_moving(folder: Path) -> None:
    edition = load(folder, today=date(2026, 12, 20)).edition

    assert (edition.slug, edition.name_fr, edition.name_en) == ("2027", "Sommet 2027", "Summit 2027")
    assert (edition.starts_on, edition.ends_on) == (date(2027, 1, 14), date(2027, 1, 15))
    assert (edition.timezone, edition.state, edition.is_current) == ("Europe/Paris", "preparation", False)


def test_the_first_edition_of_all_is_open_with_what_the_law_asks_for(folder: Path) -> None:
    facts = {"slug": "2027", "name_fr": "Sommet", "name_en": "Summit", "legal_basis": "contract"} | make.LEGAL_FACTS
    write_file(folder, "edition.csv", ",".join(facts), ",".join(f'"{value}"' for value in facts.values()))

    edition = load(folder, today=TODAY).edition
    again = load(folder, today=TODAY).counts["edition"]

    assert (edition.state, edition.is_current, legal_facts.missing(edition)) == ("open", True, [])
    found = Edition.objects.values_list("publisher_form_en", "accessibility_stated_on")
    assert list(found) == [("Public institution", date(2026, 9, 1))]
    assert (again.changed, again.same) == (0, 1)
    write_file(folder, "edition.csv", "slug,name_fr,name_en,host,host_phone", "2027,Sommet,Summit,,01 99 00 00 03")
    kept = load(folder, today=TODAY).edition
    assert (kept.host, kept.host_phone, kept.state) == ("Hébergeur SAS", "01 99 00 00 03", "open")
    assert (edition.legal_basis, kept.legal_basis) == ("contract", "contract")


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("accessibility_level", "good", "is not one of: none, partial, full."),
        ("accessibility_stated_on", "soon", "is not a day"),
        ("legal_basis", "because", "is not one of: public task,"),
        ("privacy_contact", "nobody", "address"),
        ("publisher_form_en", "", "is blank, and publisher_form_fr is not"),
    ],
)
@pytest.mark.runs_once("files are read before any row is written")
def test_a_fact_that_is_none_is_a_sentence(folder: Path, column: str, value: str, expected: str) -> None:
    facts = {"slug": "2027", "name_fr": "Sommet", "name_en": "Summit"} | make.LEGAL_FACTS | {column: value}
    write_file(folder, "edition.csv", ",".join(facts), ",".join(f'"{value}"' for value in facts.values()))

    [sentence] = refused(folder)

    assert sentence.startswith(f"edition.csv, line 2, {column}")
    assert expected in sentence


def test_a_folder_finds_the_edition_that_has_its_sessions(folder: Path) -> None:
    load(folder, today=TODAY, edition="premiere", first_day=FIRST)
    append(folder, "session_speakers.csv", session="lyon-jury", speaker="ada-exemple", role="guest", source="assumed")

    again = load(folder, today=TODAY + timedelta(days=400))

    assert (again.edition.slug, again.first_day, again.changes) == ("premiere", FIRST, 1)


def test_a_folder_that_several_editions_have_must_say_which(folder: Path) -> None:
    load_first(folder)
    load_second(folder)

    [sentence] = refused(folder)
    assert sentence == (
        "sessions.csv: of the 8 sessions, some are known already, in: 2026 (8), 2027 (8). Say with --edition which is "
        "meant."
    )


def test_a_folder_that_names_a_few_sessions_of_another_edition_must_say_which(folder: Path) -> None:
    load_first(folder)
    for new, old in zip("abcde", ["ouverture", "mesurer", "energie", "hopital", "villes"], strict=True):
        call_session(folder, f"lyon-{old}", new)

    [sentence] = refused(folder, first_day=SECOND)

    assert "of the 8 sessions, some are known already, in: 2026 (3)" in sentence
    assert load_second(folder).slug == "2027"
    assert set(Session.objects.filter(event__edition__slug="2027").values_list("slug", flat=True)) == {
        *("a", "b", "c", "d", "e", "lyon-jury-2027", "lyon-ecoles-2027", "lyon-cloture-2027"),
    }


def test_other_sessions_are_not_put_into_the_edition_of_the_year_unasked(folder: Path) -> None:
    make.session(event=make.event(edition=make.edition(slug="2027")))

    [sentence] = refused(folder, first_day=SECOND)

    assert "none of these sessions is known, and the edition 2027 has others: say with --edition which" in sentence
    assert Session.objects.of(load_second(folder)).count() == 9


def test_an_edition_that_organisers_made_keeps_what_they_wrote(folder: Path) -> None:
    made = make.edition(
        slug="2027", name_fr="Sommet de Lyon", name_en="Lyon Summit", timezone="Asia/Seoul", accent="#123456"
    )

    load_second(folder)

    made.refresh_from_db()
    assert (made.name_fr, made.timezone, made.accent, made.state) == (
        "Sommet de Lyon",
        "Asia/Seoul",
        "#123456",
        "preparation",
    )
    assert (made.starts_on, made.ends_on) == (SECOND, SECOND + timedelta(days=1))


def test_the_option_wins_over_the_file_and_the_state_is_left_alone(folder: Path) -> None:
    load_first(folder)
    write_file(folder, "edition.csv", "slug,name_fr,name_en,accent", "lyon,Sommet de Lyon,Lyon Summit,")
    opened(load_second(folder))

    again = load_second(folder)

    assert (again.slug, again.name_en, again.accent, again.state) == ("2027", "Lyon Summit", "#1F5B46", "open")
    assert not Edition.objects.filter(slug="lyon").exists()


@pytest.mark.parametrize("how", ["option", "file", "sessions", "year"])
def test_an_archived_edition_changes_no_more(folder: Path, how: str) -> None:
    make.current_edition()
    load_second(folder) if how != "year" else make.edition(slug="2027")
    edition = opened(Edition.objects.get(slug="2027"))
    editions.archive(edition, actor=None)
    if how == "file":
        write_file(folder, "edition.csv", "slug,name_fr,name_en", "2027,Sommet,Summit")

    asked = {"option": {"edition": "2027"}, "year": {"first_day": SECOND}}.get(how, {})

    [sentence] = refused(folder, **asked)
    assert sentence.endswith("the edition 2027 is archived: its programme changes no more.")


# --- Slugs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slug", "edition", "expected"),
    [
        ("ouverture", "2027", "ouverture-2027"),
        ("un-mot-plus-long-que-la-place", "2027", "un-mot-plus-long-2027"),
        ("un-mot-aussi-longuement", "2027", "un-mot-aussi-2027"),
        ("anticonstitutionnellement", "2027", "anticonstitution-2027"),
        ("un-mot", "une-edition-qui-s-appelle-longuement", "un-mot-une"),
    ],
)
@pytest.mark.runs_once("a slug is cut without a database")
def test_a_longer_name_is_cut_between_words(slug: str, edition: str, expected: str) -> None:
    assert slugs.in_edition(slug, edition, 21) == expected


def test_a_name_as_long_as_its_field_stays_within_it(folder: Path) -> None:
    long = "-".join(["mot"] * 20)  # 79 characters
    call_session(folder, "lyon-ouverture", long)
    load_first(folder)

    second = load_second(folder)

    [session] = Session.objects.of(second).filter(slug__startswith="mot")
    assert session.slug == "-".join(["mot"] * 19) + "-2027"
    assert load_second(folder, dry_run=True) == second
    assert load(folder, today=TODAY, edition="2027").changes == 0


def test_a_longer_name_that_is_taken_too_is_told(folder: Path) -> None:
    load_first(folder)
    call_session(folder, "lyon-ouverture", "lyon-jury-2027")

    [sentence] = refused(folder, edition="2027", first_day=SECOND)
    assert sentence == (
        "sessions.csv, line 7, slug: 'lyon-jury': would be called lyon-jury-2027 in the edition 2027, as line 2 of "
        "sessions.csv is."
    )
    make.session(slug="lyon-villes-2027")
    [taken, _line] = refused(folder, edition="2027", first_day=SECOND)
    assert taken == (
        "sessions.csv, line 6, slug: 'lyon-villes': would be called lyon-villes-2027 in the edition 2027, as a row of "
        "the edition 2026 is."
    )


def test_a_file_cannot_name_sessions_of_another_edition(folder: Path) -> None:
    load_first(folder)
    text = (folder / "sessions.csv").read_text(encoding="utf-8").splitlines()
    write_file(folder, "sessions.csv", *[line for line in text if not line.startswith("lyon-energie")])

    found = refused(folder, edition="2027", first_day=SECOND)

    assert [sentence.rpartition(": ")[2] for sentence in found] == [
        "is not in sessions.csv, it is a session of the edition 2026."
    ] * 2
    assert [sentence.partition(",")[0] for sentence in found] == ["session_speakers.csv", "cohorts.csv"]


def test_a_load_finds_an_edition_archived_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_first(folder)
    choose = loading.choose

    def slow(*args: Any) -> Any:
        chosen = choose(*args)
        editions.archive(Edition.objects.get(), actor=None)  # as another process does meanwhile
        return chosen

    monkeypatch.setattr(loading, "choose", slow)
    with pytest.raises(CannotLoad, match="is archived"):
        load(folder, today=TODAY, first_day=SECOND)


# --- edition.csv and other_editions.csv -------------------------------------------------------------------------------


HEADER = "slug,name_fr,name_en,tagline_fr,tagline_en,timezone,link,accent"
GOOD = "lyon,Sommet de Lyon,Lyon Summit,Ensemble,Together,Europe/Paris,,#7A2E4D"


@pytest.mark.runs_once("files are read before any row is written")
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([HEADER], "edition.csv: holds no edition: write its one row, or leave the file out."),
        (
            [HEADER, GOOD, GOOD],
            "edition.csv, line 3, slug: 'lyon': is a second edition, after line 2: a folder holds one.",
        ),
        ([HEADER, GOOD.replace("Lyon Summit", "")], "edition.csv, line 2, name_en: is blank."),
        (["slug,name_fr", "lyon,Sommet"], "edition.csv, line 1, name_en: this column is missing."),
        (
            [HEADER, GOOD.replace("Together", "")],
            "edition.csv, line 2, tagline_en: is blank, and tagline_fr is not: write both languages, or none.",
        ),
        ([HEADER, GOOD.replace("lyon,", ",", 1)], "edition.csv, line 2, slug: is blank."),
        ([HEADER, GOOD.replace("Europe/Paris", "Lyon")], "edition.csv, line 2, timezone: 'Lyon': "),
        ([HEADER, GOOD.replace("#7A2E4D", "red")], "edition.csv, line 2, accent: 'red': "),
        ([HEADER, GOOD.replace(",,", ",javascript:alert(1),")], "edition.csv, line 2, link: 'javascript:alert(1)': "),
        ([HEADER, GOOD.replace("lyon,", "à Lyon,", 1)], "edition.csv, line 2, slug: 'à Lyon': "),
    ],
)
def test_an_edition_that_is_none_is_a_sentence(folder: Path, lines: list[str], expected: str) -> None:
    write_file(folder, "edition.csv", *lines)

    [sentence] = refused(folder)

    assert sentence.startswith(expected)


@pytest.mark.runs_once("files are read before any row is written")
def test_an_edition_without_days_is_a_sentence(folder: Path) -> None:
    write_file(folder, "days.csv", "date,label_fr,label_en,timezone")

    assert refused(folder, edition="2027") == ["days.csv: holds no day: a programme has at least one."]


@pytest.mark.parametrize("slug", ["à Lyon", "a/b", "x" * 61])
def test_a_slug_that_is_none_is_a_sentence(folder: Path, slug: str) -> None:
    [sentence] = refused(folder, edition=slug)

    assert sentence.startswith(f"--edition: '{slug[:59]}")


OTHERS = "slug,name_fr,name_en,start_date,end_date,state,link"


def test_other_editions_are_lines_or_links_that_never_move(folder: Path) -> None:
    rows = ["seoul,Sommet de Séoul,Seoul Summit,2024-05-21,2024-05-22,archived,"]
    write_file(
        folder, "other_editions.csv", OTHERS, *rows, "kigali,Kigali,Kigali,2025-04-03,2025-04-04,open,https://k.rw"
    )

    counts = load(folder, today=TODAY, first_day=FIRST).counts

    assert (counts["edition"].new, counts["other_editions"].new) == (1, 2)
    others = Edition.objects.public().order_by("starts_on")
    assert [(one.slug, str(one.starts_on), str(one.ends_on), one.state, one.link) for one in others] == [
        ("seoul", "2024-05-21", "2024-05-22", "archived", ""),
        ("kigali", "2025-04-03", "2025-04-04", "open", "https://k.rw"),
    ]


def test_other_editions_that_are_kept_here_speak_for_themselves(folder: Path) -> None:
    first = load_first(folder)
    told = make.edition(slug="seoul", state="open", starts_on=date(2024, 5, 21), ends_on=date(2024, 5, 22))
    write_file(
        folder,
        "other_editions.csv",
        OTHERS,
        "2026,Autre nom,Another name,2020-01-01,2020-01-02,archived,",
        "seoul,Sommet de Séoul,Seoul Summit,2024-05-21,2024-05-22,archived,",
    )

    counts = load(folder, today=TODAY, edition="2027", first_day=SECOND).counts["other_editions"]

    assert (counts.new, counts.changed, counts.same) == (0, 1, 1)
    kept, told = Edition.objects.get(pk=first.pk), Edition.objects.get(pk=told.pk)
    assert (kept.name_fr, kept.state, kept.starts_on) == (first.name_fr, "open", FIRST)
    assert (told.name_fr, told.state) == ("Sommet de Séoul", "open")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("seoul,Séoul,,2024-05-21,2024-05-22,archived,", "line 2, name_en: is blank."),
        ("seoul,Séoul,Seoul,2024-05-22,2024-05-21,archived,", "line 2, end_date: '2024-05-21': is before start_date"),
        ("seoul,Séoul,Seoul,2024-05,2024-05-21,archived,", "line 2, start_date: '2024-05': is not a day"),
        ("seoul,Séoul,Seoul,2024-05-21,2024-05-22,preparation,", "line 2, state: 'preparation': write open or"),
        ("seoul,Séoul,Seoul,2024-05-21,2024-05-22,open,", "line 2, state: 'open': is open without a link"),
        ("2027,Séoul,Seoul,2024-05-21,2024-05-22,archived,", "line 2, slug: '2027': is the edition that is loaded"),
    ],
)
@pytest.mark.runs_once("files are read before any row is written")
def test_another_edition_that_is_none_is_a_sentence(folder: Path, row: str, expected: str) -> None:
    write_file(folder, "other_editions.csv", OTHERS, row)

    [sentence] = refused(folder, edition="2027")

    assert sentence.startswith(f"other_editions.csv, {expected}")


# --- The command ------------------------------------------------------------------------------------------------------


def said(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("load_summit", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_command_names_the_edition_and_what_becomes_of_it(folder: Path) -> None:
    first = said(str(folder), "--edition", "2026", "--first-day", str(FIRST))
    second = said(str(folder), "--edition", "2027", "--first-day", str(SECOND))

    [sentence] = [
        line for line in first if line.startswith("The edition 2026 (Summit 2026) is in preparation: open it")
    ]
    assert f"({settings.BASE_URL}/admin/programme/). The law asks for facts that it lacks: publisher, " in sentence
    opened(Edition.objects.get(slug="2027"))
    assert "The edition 2027 (Summit 2027) is open and the current one." in said(str(folder), "--edition", "2027")
    assert second[-1].endswith(" The programme begins on Thursday 2027-12-16, 1407 days later than in the files.")
    with pytest.raises(CommandError, match="1 mistake: nothing was loaded"):
        said(str(folder), "--edition", "à Lyon")


# --- The demo ---------------------------------------------------------------------------------------------------------


@pytest.mark.runs_once("the demo has a SQLite file of its own")
def test_the_demo_holds_an_edition_that_is_over_and_others_by_a_line(client: Client) -> None:
    loaded = load_own_data(TODAY)

    found = {one.slug: (one.state, one.is_current) for one in Edition.objects.all()}
    assert loaded.edition.slug == "paris"
    assert found == {
        "paris": ("open", True),
        "lyon-2024": ("archived", False),
        "bletchley-2023": ("archived", False),
        "seoul-2024": ("archived", False),
        "kigali-2025": ("open", False),
    }
    over = Edition.objects.get(slug="lyon-2024")
    assert Session.objects.published().of(over).count() == 8
    assert not SeatPool.objects.filter(session__event__edition=over, closed=False).exists()
    assert Speaker.objects.published(over).filter(slug="basile-fictif").exists()
    assert invariants.check(timezone.now())["breaches"] == []
    assert load(OWN_DATA, today=TODAY).changes == 0
    for path in ("", "programme/", "speakers/", "speakers/basile-fictif/"):
        assert client.get(f"/editions/lyon-2024/{path}").status_code == 200, path


@pytest.mark.runs_once("the files of the demo")
def test_what_both_editions_of_the_demo_say_of_a_speaker_is_the_same() -> None:
    paris, lyon = ((path / "speakers.csv").read_text(encoding="utf-8").splitlines() for path in (OWN_DATA, ARCHIVE))
    of_paris = {line.partition(",")[0]: line for line in paris}

    assert [line for line in lyon if of_paris.get(line.partition(",")[0], line) != line] == []
    assert all("inventé" in line and line.endswith(",assumed") for line in lyon if line not in paris)
