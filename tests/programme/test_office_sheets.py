"""Sheets speak the language of an office: headers, values, days and hours as people write them
(docs/rules.md#sheets)."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from babel import Locale
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from core import wall_time
from core.sheets.cells import MOST_COMPARED, MOST_NAMED, Country, Languages
from programme.models import Event, Participation, Session, Speaker
from tests import make
from tests.html import sent
from tests.partners import files
from tests.sheets import confirm, problems, upload
from venues.models import Room, Venue

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("sheets are read in Python: what they write is tested on both databases elsewhere"),
]
WHEN = datetime(2027, 2, 10, 13, 30, tzinfo=UTC)  # 14:30 in Paris


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


@pytest.fixture
def palais() -> Room:
    make.event(slug="forum", title_fr="Forum de l’IA", title_en="AI Forum")
    make.track(slug="science", name_fr="Sciences", name_en="Science")
    return make.room(slug="lumiere", name="Salle Lumière", venue=make.venue(slug="palais", name="Grand Palais"))


ROW = {
    "Identifiant": "s1",
    "Événement": "Forum de l’IA",
    "Titre (français)": "Éthique",
    "Format": "Table ronde",
    "Thématique": "Sciences",
    "Salle": "Grand Palais – Salle Lumière",
    "Début": "2027-02-10 14:30",
    "Fin": "2027-02-10 15:30",
    "Capacité": "50",
}


def sheet(*rows: dict[str, str], without: str = "") -> str:
    out = io.StringIO()
    columns = [name for name in {name: None for row in rows for name in row} if name != without]
    writer = csv.DictWriter(out, columns, delimiter=";", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def import_(organiser: Client, content: str | bytes, model: str = "programme/session", name: str = "s.csv") -> Any:
    preview = upload(organiser, content, name, model=model)
    assert preview.context["preview"].errors == []
    assert preview.context["preview"].file_errors == []
    assert confirm(organiser, preview, model).status_code == 302
    return preview.context["preview"]


def words(preview: Any) -> list[str]:
    return [sentence.replace("\xa0", " ") for _line, _column, sentence in problems(preview)]


# --- Headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("sheet-words")
@pytest.mark.parametrize(
    "header",
    [
        "Titre (français)",
        "titre_fr",
        "TITRE",
        "Titre",
        "title",
        "title_fr",
        "Title (French)",
        "Intitulé",
        "Titre *",
        "Titre :",
    ],
)
def test_a_column_is_known_by_any_of_its_names(organiser: Client, palais: Room, header: str) -> None:
    row = {header if name == "Titre (français)" else name: cell for name, cell in ROW.items()}

    import_(organiser, sheet(row))

    assert Session.objects.get().title_fr == "Éthique"


@pytest.mark.proves("sheet-words")
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_what_is_exported_has_headers_and_values_of_the_readers_language(organiser, palais, prefix) -> None:
    import_(organiser, sheet(ROW | {"Langues": "français, anglais"}))

    data = organiser.post(f"{prefix}/admin/programme/session/export/", {"format": "0", "resource": "0"}).content
    [row] = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), delimiter="," if prefix else ";")

    assert data.startswith(b"\xef\xbb\xbf")
    french = {
        "Titre (français)": "Éthique",
        "Format": "Table ronde",
        "Salle": "Grand Palais – Salle Lumière",
        "Événement": "Forum de l’IA",
        "Langues": "français, anglais",
        "État": "Brouillon",
    }
    english = {"Title (French)": "Éthique", "Format": "Panel", "Event": "AI Forum", "Languages": "French, English"}
    for column, cell in (english if prefix else french).items():
        assert row[column] == cell


@pytest.mark.parametrize(("prefix", "number"), [("", "48,8566"), ("/en", "48.8566")])
def test_numbers_of_a_csv_are_those_of_the_readers_spreadsheet(organiser: Client, prefix: str, number: str) -> None:
    make.venue(latitude=48.8566, longitude=2.0)
    make.venue(latitude=1.5e-05, longitude=-0.00010000000000000123)

    data = organiser.post(f"{prefix}/admin/venues/venue/export/", {"format": "0", "resource": "0"}).content.decode()

    assert number in data
    assert import_(organiser, data, "venues/venue").rows == []


def test_two_columns_of_one_meaning_and_none_at_all_are_refused_once(organiser: Client, palais: Room) -> None:
    twice = upload(organiser, sheet(ROW | {"title_fr": "Encore"}))
    none = upload(organiser, "foo;bar\n1;2\n")

    [sentence] = twice.context["preview"].file_errors
    assert "« Titre (français) » et « title_fr »" in str(sentence).replace("\xa0", " ")
    [sentence] = none.context["preview"].file_errors
    assert "foo, bar" in str(sentence)
    assert "Titre (français)" in str(sentence)


@pytest.mark.proves("sheet-words")
@pytest.mark.parametrize("headers", ["Titre;Title", "Title;Titre", "Intitulé;Title", "Titre (français);title"])
def test_a_titre_and_a_title_are_one_field_in_two_languages(organiser: Client, palais: Room, headers: str) -> None:
    import_(organiser, sheet(ROW))
    french = headers.split(";")[0].lower() != "title"
    cells = "Nouveau;New" if french else "New;Nouveau"

    import_(organiser, f"slug;{headers}\ns1;{cells}\n")

    assert (Session.objects.get().title_fr, Session.objects.get().title_en) == ("Nouveau", "New")


# --- Values -----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("sheet-words")
@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        *(
            ("Format", cell, "kind", "panel")
            for cell in ("Table ronde", "table ronde", "Panel", "panel", "TABLE RONDE")
        ),
        ("Format", "side event", "kind", "side_event"),
        ("Accès", "Sur demande", "access", "approval"),
        ("Accès", "by invitation", "access", "invitation"),
        *(
            ("Langues", cell, "languages", "fr|en")
            for cell in (
                "français, anglais",
                "fr|en",
                "Français / English",
                "FR/EN",
                "French and English",
                "français et anglais",
            )
        ),
        ("Langues", "anglais", "languages", "en"),
        ("Langues", "", "languages", ""),
        ("Capacité", "1 000", "capacity", 1000),
        ("Capacité", "1\u202f000", "capacity", 1000),
        ("Capacité", "90.0", "capacity", 90),
        ("Capacité", "90,0", "capacity", 90),
        ("Raison de dépasser la salle", "Debout", "over_capacity_reason", "Debout"),
    ],
)
def test_values_are_written_as_people_read_them(organiser, palais, column, cell, field, value) -> None:
    Room.objects.update(capacity=2000)

    import_(organiser, sheet(ROW | {column: cell}))

    assert getattr(Session.objects.get(), field) == value


@pytest.mark.proves("sheet-words")
@pytest.mark.parametrize(
    "cell",
    [
        "lumiere",
        "Salle Lumière",
        "salle lumiere",
        "Grand Palais – Salle Lumière",
        "Grand Palais - Salle Lumière",
        "Salle Lumière (Grand Palais)",
    ],
)
def test_a_room_is_named_as_people_name_it(organiser: Client, palais: Room, cell: str) -> None:
    make.room(name="Autre", venue=palais.venue)

    import_(organiser, sheet(ROW | {"Salle": cell}))

    assert Session.objects.get().room == palais


def test_a_room_name_of_two_venues_asks_which_and_a_column_of_venues_says_it(organiser: Client, palais: Room) -> None:
    other = make.room(name="Salle Lumière", slug="autre", venue=make.venue(name="Bercy"))

    [sentence] = words(upload(organiser, sheet(ROW | {"Salle": "Salle Lumière"})))
    assert "Plusieurs s’appellent « Salle Lumière »" in sentence
    assert "lumiere" in sentence
    import_(organiser, sheet(ROW | {"Salle": "Salle Lumière", "Lieu": "Bercy"}))
    assert Session.objects.get().room == other
    exported = organiser.post("/admin/venues/room/export/", {"format": "0", "resource": "0"}).content.decode()
    assert import_(organiser, exported, "venues/room").rows == []


@pytest.mark.parametrize(
    ("column", "cell", "known"),
    [
        ("Format", "fête", "Table ronde"),
        ("Accès", "public ?", "Entrée libre"),
        ("Thématique", "science-fiction", "Sciences"),
        ("Événement", "Forum IA", "Forum de l’IA"),
        ("Salle", "Salle Lumiere Bis", "Grand Palais – Salle Lumière"),
        ("Langues", "klingon", "français, anglais"),
    ],
)
def test_an_unknown_value_is_answered_with_those_that_are_known(organiser, palais, column, cell, known) -> None:
    for number in range(20):
        make.room(name=f"Atelier {number}", venue=palais.venue)

    [sentence] = words(upload(organiser, sheet(ROW | {column: cell})))

    assert f"« {cell} »" in sentence
    assert known in sentence


@pytest.mark.parametrize(("cell", "code"), [("France", "FR"), ("fr", "FR"), ("États-Unis", "US"), ("Germany", "DE")])
def test_a_country_is_named_or_coded(organiser: Client, cell: str, code: str) -> None:
    import_(organiser, f"Nom;Pays;Ville;Fuseau horaire\nLieu;{cell};Paris;Paris\n", "venues/venue")

    assert (Venue.objects.get().country, Venue.objects.get().timezone) == (code, "Europe/Paris")


# --- Identifiers ------------------------------------------------------------------------------------------------------


@pytest.mark.proves("sheet-identifiers")
def test_identifiers_are_made_up_and_the_same_file_again_changes_nothing(organiser: Client, palais: Room) -> None:
    rows = [
        ROW | {"Début": f"2027-02-{day} 14:30", "Fin": f"2027-02-{day} 15:30", "Titre (français)": title}
        for day, title in ((10, "L’Œuvre"), (11, "L’Œuvre"), (12, "مرحبا"))
    ]
    content = sheet(*rows, without="Identifiant")

    shown = import_(organiser, content)

    assert shown.made_up == 3
    assert set(Session.objects.values_list("slug", flat=True)) == {"l-oeuvre", "l-oeuvre-2", "session"}
    again = import_(organiser, content)
    assert (again.made_up, again.rows) == (0, [])
    assert import_(organiser, sheet(*reversed(rows), without="Identifiant")).rows == []


@pytest.mark.proves("sheet-identifiers")
def test_a_session_that_moves_is_found_by_its_title_and_of_several_one_is_asked_for(organiser, palais) -> None:
    import_(organiser, sheet(ROW, without="Identifiant"))
    moved = ROW | {"Début": "2027-02-11 09:00", "Fin": "2027-02-11 10:00"}
    import_(organiser, sheet(moved, without="Identifiant"))
    assert Session.objects.get().starts_at == datetime(2027, 2, 11, 8, 0, tzinfo=UTC)

    make.session(title_fr="Éthique", slug="autre", event=Session.objects.get().event)
    [sentence] = words(upload(organiser, sheet(ROW, without="Identifiant")))
    assert "ethique, autre" in sentence
    assert "« Identifiant »" in sentence


@pytest.mark.proves("sheet-identifiers")
@pytest.mark.parametrize(
    ("model", "content"),
    [
        ("venues/room", "Site;Nom;Capacité\nGrand Palais;Salle Lumière;77\n"),
        ("programme/speaker", "Nom;Organisme\nAda;X\n"),
    ],
)
def test_rooms_and_speakers_are_found_by_their_names(organiser: Client, palais: Room, model: str, content: str) -> None:
    make.speaker(name="ADA", organisation="Y")
    make.room(name="Salle Lumière", venue=make.venue(name="Bercy"))
    number = Room.objects.count() + Speaker.objects.count()

    import_(organiser, content, model)

    assert Room.objects.count() + Speaker.objects.count() == number
    palais.refresh_from_db()
    assert (palais.capacity, Speaker.objects.get().organisation) in ((77, "Y"), (palais.capacity, "X"))


NAMED = {name: cell for name, cell in ROW.items() if name != "Identifiant"}


@pytest.mark.proves("sheet-identifiers")
def test_parallel_sessions_of_one_title_are_told_apart_by_their_rooms(organiser: Client, palais: Room) -> None:
    rooms = [make.room(slug=f"salle-{name}", venue=palais.venue) for name in "abc"]
    rows = [NAMED | {"Salle": room.slug} for room in rooms[:2]]
    content = sheet(*rows)

    assert import_(organiser, content).made_up == 2
    assert import_(organiser, content).rows == []
    assert import_(organiser, sheet(*reversed(rows))).rows == []
    [moved] = import_(organiser, sheet(rows[0], rows[1] | {"Salle": "salle-c"})).rows
    assert (moved.line, moved.is_new) == (3, False)
    assert set(Session.objects.values_list("room__slug", flat=True)) == {"salle-a", "salle-c"}


@pytest.mark.proves("sheet-identifiers")
def test_a_break_of_another_event_is_another_session(organiser: Client, palais: Room) -> None:
    make.event(slug="diner")
    first = NAMED | {"Titre (français)": "Pause café"}
    other = {"Événement": "diner", "Début": "2027-02-11 10:30", "Fin": "2027-02-11 11:00"}
    import_(organiser, sheet(first))

    assert import_(organiser, sheet(first | other)).totals["new"] == 1
    assert import_(organiser, sheet(first, first | other)).rows == []
    assert Session.objects.get(event__slug="forum").starts_at == WHEN
    [shown] = import_(organiser, "Titre;Début;Capacité\nPause café;2027-02-11 10:30;7\n").rows
    assert shown.cells == [("Capacité", "50", "7")]


@pytest.mark.proves("sheet-identifiers")
@pytest.mark.parametrize("known", [("CNRS", "INRIA"), ("INRIA", "CNRS"), ("CNRS",), ("INRIA",), ()], ids=str)
def test_homonyms_keep_their_organisations(organiser: Client, known: tuple[str, ...]) -> None:
    for number, organisation in enumerate(known):
        make.speaker(name="Jean Martin", slug=f"jm-{number}", organisation=organisation)
    content = "Nom;Organisme\nJean Martin;INRIA\nJean Martin;CNRS\n"

    shown = import_(organiser, content, "programme/speaker")

    assert (shown.totals["new"], shown.totals["update"]) == (2 - len(known), 0)
    for number, organisation in enumerate(known):
        assert Speaker.objects.get(slug=f"jm-{number}").organisation == organisation
    assert import_(organiser, content, "programme/speaker").rows == []


@pytest.mark.proves("sheet-identifiers")
@pytest.mark.parametrize(
    ("known", "content", "lines", "said"),
    [
        ((), "Nom\nX\nX\n", [3], "ligne 2"),
        ((), "Nom;Organisme\nX;A\nX;A\nX;B\n", [3], "ligne 2"),
        (("A",), "Nom\nX\nX\n", [2, 3], "x-0"),
        (("A", "B"), "Nom\nX\n", [2], "x-0, x-1"),
        (("A", "B"), "Nom;Organisme\nX;C\nX;D\n", [2, 3], "x-0, x-1"),
        (("A", "A"), "Nom;Organisme\nX;A\nX;A\n", [2, 3], "x-0, x-1"),
    ],
)
def test_of_several_with_one_name_somebody_says_which(organiser, known, content, lines, said) -> None:
    for number, organisation in enumerate(known):
        make.speaker(name="X", slug=f"x-{number}", organisation=organisation)

    found = problems(upload(organiser, content, model="programme/speaker"))

    assert [line for line, _column, _words in found] == lines
    assert {column for _line, column, _words in found} == {"Identifiant"}
    assert all(said in sentence.replace("\xa0", " ") for _line, _column, sentence in found)
    assert Speaker.objects.count() == len(known)


@pytest.mark.parametrize(
    ("model", "header", "number"),
    [("programme/session", "Événement;Titre;Début", 10), ("programme/speaker", "Nom;Organisme", 6)],
)
def test_rows_are_known_by_their_names_in_the_same_queries(organiser, palais, model, header, number) -> None:
    """Besides the savepoint of each row."""
    rows = []
    for index in range(6):
        make.session(
            title_fr=f"S{index}", event=Event.objects.get(), starts_at=WHEN + timedelta(days=index), room=palais
        )
        make.speaker(name=f"S{index}", organisation="CNRS")
        rows.append(f"forum;S{index};2027-02-{10 + index} 14:30" if "session" in model else f"S{index};CNRS")
    upload(organiser, f"{header}\n{rows[0]}\n", model=model)

    for some in (rows[:1], rows):
        with CaptureQueriesContext(connection) as caught:
            shown = upload(organiser, f"{header}\n" + "\n".join(some), model=model).context["preview"]
        assert (shown.errors, shown.totals["skip"]) == ([], len(some))
        assert sum("SAVEPOINT" not in query["sql"] for query in caught) == number


def test_a_thousand_names_of_other_letters_get_identifiers(organiser: Client) -> None:
    names = "".join(f"{chr(0x4E00 + number)}\n" for number in range(1000))

    shown = upload(organiser, f"Nom\n{names}", model="programme/speaker").context["preview"]

    assert (shown.file_errors, shown.errors, shown.made_up) == ([], [], 1000)


# --- Rooms in their venues --------------------------------------------------------------------------------------------


@pytest.mark.proves("one-error-per-fault")
@pytest.mark.parametrize("cells", [("Bercy", "Salle Lumière"), ("Inconnu", "Salle Lumière"), ("Bercy", None)], ids=str)
def test_a_venue_that_contradicts_the_room_is_an_error(organiser: Client, palais: Room, cells: Any) -> None:
    make.room(name="Autre", venue=make.venue(name="Bercy"))
    import_(organiser, sheet(ROW))
    columns, row = ("slug;Lieu;Salle", ";".join(cells)) if cells[1] else ("slug;Lieu", cells[0])

    found = problems(upload(organiser, f"{columns}\ns1;{row}\n"))

    assert [(line, column) for line, column, _words in found] == [(2, "Lieu")]


@pytest.mark.proves("sheet-days")
def test_a_session_that_goes_to_another_time_zone_keeps_its_hours(organiser: Client, palais: Room) -> None:
    make.room(slug="ny", venue=make.venue(timezone="America/New_York"))
    import_(organiser, sheet(ROW | {"Ouverture des inscriptions": ""}))
    exported = organiser.post("/admin/programme/session/export/", {"format": "0", "resource": "0"}).content.decode()

    import_(organiser, exported.replace("Grand Palais – Salle Lumière", "ny"))

    session = Session.objects.get()
    assert (session.local_starts_at.hour, session.local_ends_at.hour, session.room.slug) == (14, 15, "ny")
    import_(organiser, "slug;Salle\ns1;lumiere\n")
    assert Session.objects.get().starts_at == WHEN


# --- Lines and mistakes -----------------------------------------------------------------------------------------------


def book(*rows: list[Any], errors: str = "", hidden: int = 0) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    for place in errors.split():
        made.active[place].data_type = "e"
    if hidden:
        made.active.row_dimensions[hidden].hidden = True
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def as_workbook(content: str) -> bytes:
    return book(*csv.reader(io.StringIO(content), delimiter=";"))


@pytest.mark.proves("sheet-words")
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("before", ["", "sep=;\r\n"])
def test_lines_are_numbered_as_a_spreadsheet_shows_them(organiser, palais, kind, before) -> None:
    rows = [ROW | {"Description (français)": "un\ndeux\ntrois"}, {}, ROW | {"Identifiant": "s2", "Format": "fête"}]
    content = sheet(*rows)

    preview = upload(organiser, as_workbook(content) if kind == "xlsx" else before + content, f"s.{kind}")

    assert [line for line, _column, _words in problems(preview)] == [4]


@pytest.mark.proves("one-error-per-fault")
def test_a_cell_that_the_spreadsheet_has_no_value_for_wipes_nothing(organiser: Client, palais: Room) -> None:
    import_(organiser, sheet(ROW | {"Description (français)": "Un texte", "Source": "Un site"}))
    content = book(
        ["slug", "Description (français)", "Source"], ["s1", "#N/A", "=A1&B1"], ["s1", None, None], errors="B2"
    )

    found = problems(upload(organiser, content, "s.xlsx"))

    assert [(line, column) for line, column, _words in found[:2]] == [(2, "Description (français)"), (2, "Source")]
    assert "#N/A" in found[0][2]
    assert "formule" in found[1][2]
    ods = files.ods(
        [["slug", "Source"]],
        extra='<table:table-row><table:table-cell office:value-type="string"><text:p>s1</text:p></table:table-cell>'
        '<table:table-cell table:formula="of:=A1"/></table:table-row>',
    )
    assert [column for _line, column, _words in problems(upload(organiser, ods, "s.ods"))] == ["Source"]


@pytest.mark.proves("sheet-words")
def test_rows_that_a_filter_hides_are_read_and_said(organiser: Client, palais: Room) -> None:
    import_(organiser, sheet(ROW))

    preview = upload(organiser, book(["slug", "Capacité"], ["s1", 40], hidden=2), "s.xlsx")

    assert preview.context["preview"].totals["update"] == 1
    assert "1 ligne que le fichier masque" in preview.content.decode().replace("\xa0", " ")


@pytest.mark.proves("one-error-per-fault")
@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"Salle": "x"}, "Salle"),
        ({"Événement": "x"}, "Événement"),
        ({"Événement": ""}, "Événement"),
        ({"Titre (français)": ""}, "Titre (français)"),
        ({"Titre (français)": "", "Identifiant": ""}, "Titre (français)"),
        ({"Titre (français)": "x" * 301}, "Titre (français)"),
        ({"Début": ""}, "Début"),
        ({"Début": "demain"}, "Début"),
        ({"Fin": "2027-02-10 14:00"}, "Fin"),
        ({"Capacité": ""}, "Capacité"),
        ({"Capacité": "0"}, "Capacité"),
        ({"Capacité": "-1"}, "Capacité"),
        ({"Capacité": "9999"}, "Capacité"),
        ({"Format": ""}, "Format"),
        ({"Identifiant": "été !"}, "Identifiant"),
        ({"Identifiant": "x" * 81}, "Identifiant"),
    ],
)
def test_one_fault_is_one_error_in_the_words_of_the_file(organiser, palais, changes, column) -> None:
    found = problems(upload(organiser, sheet(ROW | changes)))

    assert [(line, named) for line, named, _words in found] == [(2, column)]


@pytest.mark.proves("one-error-per-fault")
def test_a_missing_column_is_one_error_of_the_file(organiser: Client, palais: Room) -> None:
    rows = [ROW | {"Identifiant": f"s{n}"} for n in range(3)]

    [sentence] = upload(organiser, sheet(*rows, without="Salle")).context["preview"].file_errors

    assert "Salle" in str(sentence).partition("contient")[0]
    assert not Session.objects.exists()


@pytest.mark.proves("one-error-per-fault")
@pytest.mark.parametrize(
    ("model", "content", "place"),
    [
        ("programme/session", "slug,capacity\ns1,\n", (2, "capacity")),
        ("programme/session", "slug,capacity\ns1,90\n,5\n", (3, "slug")),
        ("programme/session", "slug;Titre;Capacité\n;;5\n", (2, "Titre")),
        ("venues/room", "Identifiant;Nom;Capacité\n;A;7\n", (2, "Identifiant")),
        ("venues/room", "Site;Nom\nInconnu;A\n", (2, "Site")),
        ("venues/venue", "Nom;Ville;Pays\nX;Y;Atlantide\n", (2, "Pays")),
        ("venues/venue", "Nom;Ville;Pays\nX;Y;INT\n", (2, "Pays")),
        ("venues/venue", "Nom;Ville;Pays\nX;Y;QQ\n", (2, "Pays")),
        ("programme/speaker", "Nom;Pays\nX;Atlantide\n", (2, "Pays")),
        ("programme/session", "slug;Langues\ns1;VF\n", (2, "Langues")),
        ("programme/session", "slug;Début;Fin\ns1;2027-02-10 18h;31/12/9999 19h\n", (2, "Fin")),
    ],
)
def test_one_fault_of_a_sheet_of_some_columns_is_one_error(organiser, palais, model, content, place) -> None:
    import_(organiser, sheet(ROW))

    [(line, column, sentence)] = problems(upload(organiser, content, model=model))

    assert (line, column) == place
    assert len(sentence) > 20
    if "Atlantide" in content:
        assert "Islande" in sentence or "Irlande" in sentence


@pytest.mark.proves("one-error-per-fault")
@pytest.mark.parametrize(
    ("model", "content", "said"),
    [
        ("programme/session", "slug,capacity\ns1,40\nfaute,40\n", ["« faute »", "ligne 3"]),
        ("venues/room", "Nom;Capacité\nA;7\n", ["Lieu"]),
        ("programme/participation", "Session;Rôle\nx;Invité\n", ["Intervenant"]),
    ],
)
def test_what_a_file_lacks_is_said_with_the_row_that_needs_it(organiser, palais, model, content, said) -> None:
    import_(organiser, sheet(ROW))

    [sentence] = upload(organiser, content, model=model).context["preview"].file_errors

    for words_ in said:
        assert words_ in str(sentence).replace("\xa0", " ").partition("fichier contient")[0]


def test_values_of_one_name_are_told_by_their_identifiers(organiser: Client, palais: Room) -> None:
    for slug in ("bercy-1", "bercy-2"):
        make.venue(name="Bercy", slug=slug)

    [sentence] = words(upload(organiser, "Site;Nom;Capacité\nInconnu;A;5\n", model="venues/room"))

    assert "bercy-1, bercy-2" in sentence


def test_the_nearest_are_looked_for_a_few_times_only(organiser: Client) -> None:
    make.session(slug="s1", title_fr="Ouverture")
    Speaker.objects.bulk_create([Speaker(slug=f"sp-{n}", name=f"Prénom{n} Nomdefamille{n}") for n in range(60)])
    rows = "".join(f"s1;Prénom{n} Nomdefamile{n}\n" for n in range(40))

    found = words(upload(organiser, f"Session;Intervenant\n{rows}", model="programme/participation"))

    assert [f"Prénom{n} Nomdefamille{n}" in sentence for n, sentence in enumerate(found)] == [
        n < max(MOST_COMPARED, MOST_NAMED) for n in range(40)
    ]


def test_every_country_and_language_is_read_as_it_is_written() -> None:
    for language in ("fr", "en"):
        with override(language):
            for widget, kind in ((Country(), "territories"), (Languages(), "languages")):
                codes = [code for code in getattr(Locale("en"), kind) if len(code) == 2 and code.isalpha()]
                assert [code for code in codes if widget.clean(widget.render(code)) != code] == []


@pytest.mark.parametrize(("cell", "code"), [("int", "INT"), ("EU", "EU"), ("union européenne", "EU"), ("", "")])
def test_a_speaker_may_be_of_an_international_body(organiser: Client, cell: str, code: str) -> None:
    import_(organiser, f"Nom;Pays\nX;{cell}\n", "programme/speaker")

    assert Speaker.objects.get().country == code


# --- Days and hours ---------------------------------------------------------------------------------------------------


@pytest.mark.proves("sheet-days")
@pytest.mark.parametrize(
    "cell",
    [
        "2027-02-10 14:30",
        "2027-02-10T14:30:00",
        "2027-02-10T14:30:00+01:00",
        "10.02.2027 14:30",
        "10 février 2027 14h30",
        "10 février 2027 à 14 h 30",
        "mercredi 10 février 2027, 14 h 30",
        "10 févr. 2027 14h30",
        "Feb 10, 2027 2:30 pm",
        "10 February 2027 at 14:30",
        "2027/02/10 14\u202fh\u202f30",
        "10 fév. 2027 14h30",
        "mercredi 10/02/2027 14h30",
        "le 10 février 2027 à 14h30",
        "10.02.2027 14.30",
        "Wed, Feb 10th 2027, 2.30 pm",
    ],
)
def test_days_and_hours_are_read_as_people_write_them(organiser: Client, palais: Room, cell: str) -> None:
    import_(organiser, sheet(ROW | {"Début": cell}))

    assert Session.objects.get().starts_at == WHEN


@pytest.mark.proves("sheet-days")
@pytest.mark.parametrize(
    "cell",
    [
        "31/02/2027 14:30",
        "10 février 2027",
        "14:30",
        "2027-02-10 25:00",
        "mardi 10 février 2027 14h30",
        "1e9",
        "44000",
        "mardi 10/02/2027 14h30",
        "le 14h30",
        "31/12/9999 23h",
        "0001-01-01 05:00",
        "0001-01-01T00:00+14:00",
        "9h" + " " * 5000 + "x",
        "9" * 5000,
    ],
)
def test_what_is_no_moment_is_an_error(organiser: Client, palais: Room, cell: str) -> None:
    assert [column for _line, column, _words in problems(upload(organiser, sheet(ROW | {"Début": cell})))] == ["Début"]


@pytest.mark.proves("sheet-days")
@pytest.mark.parametrize(("answer", "month", "day"), [("yes", 2, 10), ("no", 10, 2)])
def test_whether_the_day_stands_first_is_asked_and_the_answer_kept(organiser, palais, answer, month, day) -> None:
    row = ROW | {"Début": "10/02/2027 14h30", "Fin": "10/02/2027 15h30"}

    asked = upload(organiser, sheet(row))

    assert "confirm_form" not in asked.context
    assert "mercredi 10 février 2027" in asked.content.decode()
    assert "samedi 2 octobre 2027" in asked.content.decode()
    preview = organiser.post("/admin/programme/session/import/", asked.context["staged"] | {"day_first": answer})
    assert preview.context["preview"].errors == []
    confirm(organiser, preview)
    start = Session.objects.get().local_starts_at
    assert (start.month, start.day, start.hour) == (month, day, 14)


@pytest.mark.proves("sheet-days")
@pytest.mark.parametrize(
    ("other", "month", "day"), [("13/02/2027", 2, 10), ("02/13/2027", 10, 2), ("10.02.2027", 2, 10)]
)
def test_another_day_of_the_file_may_say_it(organiser, palais, other, month, day) -> None:
    rows = [
        ROW | {"Début": "10/02/2027 14h30", "Fin": "10/02/2027 15h30"},
        ROW | {"Identifiant": "s2", "Début": f"{other} 9h", "Fin": f"{other} 10h"},
    ]

    import_(organiser, sheet(*rows))

    start = Session.objects.get(slug="s1").local_starts_at
    assert (start.month, start.day) == (month, day)


@pytest.mark.proves("sheet-days")
def test_days_in_both_orders_are_an_error_each_and_none_is_guessed(organiser: Client, palais: Room) -> None:
    rows = [
        ROW | {"Identifiant": f"s{n}", "Début": f"{text} 14h30", "Fin": f"{text} 15h30"}
        for n, text in enumerate(("13/02/2027", "02/13/2027", "10/02/2027"))
    ]

    found = problems(upload(organiser, sheet(*rows)))

    assert {line for line, _column, _words in found} >= {4}
    assert not Session.objects.exists()


def test_an_answer_with_another_file_or_by_somebody_else_is_refused(organiser: Client, palais: Room) -> None:
    asked = upload(organiser, sheet(ROW | {"Début": "10/02/2027 14h30", "Fin": "10/02/2027 15h30"}))
    staged = asked.context["staged"] | {"day_first": "yes"}

    for changes in ({"staged": "../../etc/passwd"}, {"staged": ""}, {"day_first": "maybe"}):
        answer = organiser.post("/admin/programme/session/import/", staged | changes)
        assert answer.status_code == 200
        assert "confirm_form" not in answer.context
    assert "confirm_form" not in organiser.post("/admin/programme/speaker/import/", staged).context
    make.sign_in(organiser, make.organiser(name="Autre"))
    assert "confirm_form" not in organiser.post("/admin/programme/session/import/", staged).context


@pytest.mark.proves("sheet-days")
def test_a_day_in_a_column_of_its_own_serves_start_and_end_and_an_end_may_be_an_hour_alone(organiser, palais) -> None:
    rows = [
        ROW | {"Jour": "10 février 2027", "Début": "14h30", "Fin": "15 h 30"},
        ROW | {"Identifiant": "s2", "Début": "11 février 2027 14h30", "Fin": "15h30"},
    ]

    import_(organiser, sheet(*rows))

    one, two = Session.objects.order_by("slug")
    assert (one.starts_at, one.ends_at) == (WHEN, WHEN + timedelta(hours=1))
    assert (two.starts_at, two.ends_at) == (WHEN + timedelta(days=1), WHEN + timedelta(days=1, hours=1))


@pytest.mark.proves("sheet-days")
@pytest.mark.parametrize("start", [time(14, 30), "14h30", "14.30"], ids=str)
@pytest.mark.parametrize("day", [date(2027, 2, 11), datetime(2027, 2, 11), "11 février 2027"], ids=str)  # noqa: DTZ001
def test_a_day_of_a_workbook_stands_in_a_column_of_its_own(organiser, palais, day, start) -> None:
    import_(organiser, sheet(ROW))

    import_(organiser, book(["slug", "Jour", "Début", "Fin"], ["s1", day, start, time(15, 30)]), name="s.xlsx")

    session = Session.objects.get()
    assert (session.starts_at, session.ends_at) == (WHEN + timedelta(days=1), WHEN + timedelta(days=1, hours=1))


@pytest.mark.proves("sheet-days")
def test_a_long_text_where_a_moment_should_be_is_read_at_once() -> None:
    """Were the time to grow with the square of its length, this would not end."""
    texts = ["x" + " " * 20_000 + "x", "9h" + " " * 20_000 + "x", "T" * 20_000, "a b " * 5_000]

    assert [wall_time.moment_in(text) for text in texts] == [([], None)] * 4


@pytest.mark.proves("sheet-days")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ends_at_0": "31/12/9999"}, "1900"),
        ({"starts_at_0": "0001-01-01"}, "1900"),
        ({"starts_at_0": "2027-03-28", "starts_at_1": "2h30"}, "n’existe pas"),
        ({"starts_at_0": "2027-10-31", "starts_at_1": "2h30"}, "deux fois"),
    ],
)
def test_a_form_says_what_a_sheet_says_of_a_moment_that_is_none(organiser, palais, fields, words) -> None:
    session = make.session(room=palais, starts_at=WHEN)
    moments = {"starts_at_0": "2027-02-10", "starts_at_1": "9h", "ends_at_0": "2027-02-10", "ends_at_1": "10h"}

    answer = organiser.post(f"/admin/programme/session/{session.pk}/change/", moments | fields)

    [name] = {key[:-2] for key in fields}
    assert words in str(answer.context["adminform"].form.errors[name])


@pytest.mark.proves("sheet-days")
@pytest.mark.parametrize("hour", ["14h30", "14 h 30", "14:30", "2:30 pm"])
@pytest.mark.parametrize(("prefix", "day"), [("", "10/02/2027"), ("", "10 février 2027"), ("/en", "10 February 2027")])
def test_forms_read_the_same_hours(organiser, palais, prefix, day, hour) -> None:
    session = make.session(room=palais, starts_at=WHEN - timedelta(hours=3))
    address = f"{prefix}/admin/programme/session/{session.pk}/change/"
    form = organiser.get(address).context["adminform"].form
    assert form.fields["starts_at"].clean([day, hour]).hour == 14


@pytest.mark.parametrize(("typed", "kept"), [("français, anglais", "fr|en"), ("fr|en", "fr|en"), ("", ""), ("VF", "")])
def test_a_form_reads_languages_as_sheets_do(organiser: Client, typed: str, kept: str) -> None:
    session = make.session(languages="")
    address = f"/admin/programme/session/{session.pk}/change/"

    answer = organiser.post(address, sent(organiser.get(address).content, "session_form") | {"languages": typed})

    session.refresh_from_db()
    assert session.languages == kept
    assert (answer.status_code == 302) == (typed != "VF")
    assert typed != "VF" or "« VF » n’est pas une langue" in answer.content.decode().replace("\xa0", " ")


def test_an_empty_cell_where_something_must_stand_is_said_in_words(organiser: Client, palais: Room) -> None:
    session = make.session(room=palais, starts_at=WHEN)

    [(_line, _column, sentence)] = problems(upload(organiser, f"slug;Fin\n{session.slug};\n"))

    assert sentence == "Cette cellule ne peut pas rester vide."


@pytest.mark.proves("sheet-days")
def test_an_english_form_asks_which_day_is_meant(organiser: Client, palais: Room) -> None:
    event = make.event()
    fields = {"title_fr": "T", "slug": "t", "kind": "forum", "date_precision": "day", "clash_policy": "warn"}
    fields |= {"edition": event.edition_id}
    fields |= {f"limits-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}

    asked = organiser.post(
        "/en/admin/programme/event/add/", fields | {"starts_on": "10/02/2027", "ends_on": "13/02/2027"}
    )
    done = organiser.post("/admin/programme/event/add/", fields | {"starts_on": "10/02/2027", "ends_on": "13/02/2027"})

    assert asked.context["adminform"].form.errors == {
        "starts_on": ["“10/02/2027” could be 10 February 2027 or 2 October 2027: write the date you mean."]
    }
    assert done.status_code == 302, done.context["adminform"].form.errors
    assert str(event.__class__.objects.get(slug="t").starts_on) == "2027-02-10"


# --- All fields, and who speaks where ---------------------------------------------------------------------------------


@pytest.mark.proves("sheet-words")
def test_all_that_a_session_is_stands_in_its_sheet(organiser: Client, palais: Room) -> None:
    labels = [str(label) for label in upload(organiser, sheet(ROW)).context["optional"]]
    for name in ("Liste d’attente", "Raison de dépasser la salle"):
        assert name in labels
    content = (
        "slug,registration_opens_at,registration_closes_at,waiting_list,offer_hours,draw_at,holds_requests,over_capacity_reason,capacity\n"
        "s1,2027-01-10 9h,2027-02-09 18h,draw,12,2027-02-09 12h15,non,Debout,500\n"
    )
    import_(organiser, sheet(ROW))
    import_(organiser, content)

    session = Session.objects.get()
    assert (session.registration_opens_at, session.registration_closes_at, session.draw_at) == (
        datetime(2027, 1, 10, 8, 0, tzinfo=UTC),
        datetime(2027, 2, 9, 17, 0, tzinfo=UTC),
        datetime(2027, 2, 9, 11, 15, tzinfo=UTC),
    )
    assert (session.waiting_list, session.offer_hours, session.holds_requests) == ("draw", 12, False)
    assert (session.over_capacity_reason, session.capacity) == ("Debout", 500)
    exported = organiser.post("/admin/programme/session/export/", {"format": "1", "resource": "0"}).content
    assert import_(organiser, exported, name="s.xlsx").rows == []


@pytest.mark.proves("sheet-words")
def test_a_column_that_is_missing_wipes_nothing_nor_does_an_empty_cell_where_something_must_stand(organiser, palais):
    import_(organiser, sheet(ROW | {"Langues": "français", "Accès": "Sur demande"}))

    import_(organiser, "slug;Accès;Langues\ns1;;\n")

    session = Session.objects.get()
    assert (session.title_fr, session.access, session.languages) == ("Éthique", "approval", "")


@pytest.mark.proves("sheet-words")
def test_who_speaks_where_is_a_sheet(organiser: Client) -> None:
    session, other = make.session(title_fr="Ouverture"), make.session(title_fr="Clôture")
    ada, grace = make.speaker(name="Ada Lovelace"), make.speaker(name="Grace Hopper")
    make.participation(session=session, speaker=ada, note="reste")
    rows = "Session;Intervenant;Rôle;Position\nOuverture;ada lovelace;Modérateur;2\n{};Grace Hopper;Grand témoin;1\n"
    role = dict(Participation.Role.choices)

    with_labels = (
        rows.format(other.slug).replace("Modérateur", str(role["moderator"])).replace("Grand témoin", "keynote")
    )
    import_(organiser, with_labels, "programme/participation")

    first, second = Participation.objects.order_by("pk")
    assert (first.session, first.speaker, first.role, first.position, first.note) == (
        session,
        ada,
        "moderator",
        2,
        "reste",
    )
    assert (second.session, second.speaker, second.role, second.position) == (other, grace, "keynote", 1)
    assert import_(organiser, with_labels, "programme/participation").rows == []
    exported = organiser.post("/admin/programme/participation/export/", {"format": "0", "resource": "0"}).content
    assert import_(organiser, exported, "programme/participation").rows == []


@pytest.mark.parametrize(
    ("rows", "column"),
    [
        ("Ouverture;Inconnue\n", "Intervenant"),
        ("Inconnue;Ada\n", "Session"),
        ("Ouverture;Ada\nOuverture;ADA\n", "Session"),
        ("Ouverture;\n", "Intervenant"),
    ],
)
def test_a_part_without_a_session_or_a_speaker_is_one_error(organiser: Client, rows: str, column: str) -> None:
    make.session(title_fr="Ouverture")
    make.speaker(name="Ada")

    found = problems(upload(organiser, f"Session;Intervenant\n{rows}", model="programme/participation"))

    assert [named for _line, named, _words in found] == [column]
