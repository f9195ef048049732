"""The rows of a sheet are judged when all of them are in their places, and a sheet that changes nothing writes nothing
(docs/rules.md#sheets)."""

import unicodedata
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from programme.models import Session, Speaker
from tests import make
from tests.sheets import confirm, problems, upload
from venues.models import Room

pytestmark = pytest.mark.django_db
WHEN = datetime(2027, 2, 10, 8, 0, tzinfo=UTC)  # 9:00 in Paris


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def sheet(*rows: tuple[Any, ...], header: str = "slug,room,start,end") -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def row(session: Session, room: Room | None = None, minutes: int = 0) -> tuple[Any, ...]:
    start, end = (moment + timedelta(minutes=minutes) for moment in (session.local_starts_at, session.local_ends_at))
    return session.slug, (room or session.room).slug, f"{start:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}"


def day_of(room: Room, number: int = 3) -> list[Session]:
    """Sessions of an hour, one after the other."""
    return [make.session(room=room, starts_at=WHEN + timedelta(hours=n)) for n in range(number)]


def import_(organiser: Client, rows: str, model: str = "programme/session") -> None:
    preview = upload(organiser, rows, model=model)
    assert not preview.context["preview"].errors, preview.context["preview"].errors
    assert confirm(organiser, preview, model).status_code == 302


# --- Judged together --------------------------------------------------------------------------------------------------


@pytest.mark.proves("sheet-judged-whole")
@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("minutes", [15, -15])
@pytest.mark.django_db(transaction=True)
def test_the_day_of_a_room_moves_in_any_order(organiser: Client, order: tuple[int, ...], minutes: int) -> None:
    sessions = day_of(make.room())

    import_(organiser, sheet(*(row(sessions[n], minutes=minutes) for n in order)))

    moved = list(Session.objects.order_by("starts_at").values_list("starts_at", flat=True))
    assert moved == [session.starts_at + timedelta(minutes=minutes) for session in sessions]


@pytest.mark.proves("sheet-judged-whole")
@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.django_db(transaction=True)
def test_sessions_exchange_their_rooms(organiser: Client, number: int) -> None:
    sessions = [make.session(room=make.room(), starts_at=WHEN) for _ in range(number)]
    rooms = [session.room for session in sessions[1:] + sessions[:1]]

    import_(organiser, sheet(*(row(session, room) for session, room in zip(sessions, rooms, strict=True))))

    assert [Session.objects.get(pk=session.pk).room for session in sessions] == rooms


@pytest.mark.proves("sheet-judged-whole")
@pytest.mark.django_db(transaction=True)
def test_a_new_session_takes_the_place_of_one_that_leaves_below_it(organiser: Client) -> None:
    old, event, track = make.session(starts_at=WHEN), make.event(), make.track()
    header = "slug,room,start,end,event,track,title_fr,kind,capacity"
    more = (event.slug, track.slug, "T", "panel", 5)
    new = ("nouvelle", *row(old)[1:])

    import_(organiser, sheet((*new, *more), (*row(old, minutes=60), *more), header=header))

    assert Session.objects.get(slug="nouvelle").starts_at == WHEN


@pytest.mark.proves("sheet-judged-whole")
@pytest.mark.parametrize(
    "names", [("b", "a"), ("a2", "a"), ("b", "c")], ids=["exchanged", "handed on", "passed down the line"]
)
def test_rooms_exchange_their_names(organiser: Client, names: tuple[str, str]) -> None:
    venue = make.venue()
    one, two = (make.room(venue=venue, name=name) for name in "ab")
    rows = sheet((one.slug, names[0]), (two.slug, names[1]), header="slug,name")

    import_(organiser, rows, "venues/room")

    assert [Room.objects.get(pk=room.pk).name for room in (one, two)] == list(names)
    assert [room.history.first().name for room in (one, two)] == list(names)
    assert [room.history.count() for room in (one, two)] == [2, 2]


@pytest.mark.proves("exact-round-trip")
@pytest.mark.parametrize(
    "rows",
    [
        "slug,venue,name\nlum,palais,Salle Lumière\n",
        "Identifiant;Lieu;Nom\nlum;GRAND PALAIS;Salle Lumière\n",
        "Lieu;Nom;Capacité\npalais;Salle Lumière;{capacity}\n",
        "slug,venue,name,capacity\nlum,palais,Salle Lumière,1999\n",
    ],
    ids=["by slug", "in other letters", "without identifiers", "another column changes"],
)
def test_a_room_whose_name_stays_keeps_it_and_its_sessions_hear_nothing(organiser: Client, rows: str) -> None:
    room = make.room(slug="lum", name="Salle Lumière", venue=make.venue(slug="palais", name="Grand Palais"))
    session = make.session(room=room, starts_at=WHEN)
    lines = session.history.count()

    import_(organiser, rows.format(capacity=room.capacity), "venues/room")

    room.refresh_from_db()
    assert room.name == "Salle Lumière"
    assert session.history.count() == lines


def test_two_rooms_with_one_name_are_still_an_error(organiser: Client) -> None:
    venue = make.venue()
    one, two = (make.room(venue=venue, name=name) for name in "ab")

    errors = problems(
        upload(organiser, sheet((one.slug, "c"), (two.slug, "c"), header="slug,name"), model="venues/room")
    )

    assert [line for line, _column, _words in errors] == [3]


@pytest.mark.proves("sheet-judged-whole")
def test_two_rows_that_meet_are_one_error_of_the_later_line(organiser: Client) -> None:
    room = make.room()
    first, second = day_of(room, 2)

    [(line, column, words)] = problems(upload(organiser, sheet(row(second, minutes=-30), row(first))))

    assert (line, column) == (3, "room")
    assert second.title in words
    assert "ligne 2" in words


@pytest.mark.proves("sheet-judged-whole")
def test_a_row_that_meets_a_session_of_no_row_is_an_error_and_a_cancelled_one_is_in_nobodys_way(organiser) -> None:
    room = make.room()
    first, second, third = day_of(room)
    Session.objects.filter(pk=third.pk).update(status="cancelled")

    [(line, _column, words)] = problems(upload(organiser, sheet(row(second, minutes=-30))))
    assert (line, first.title in words) == (2, True)
    import_(organiser, sheet(row(second, minutes=30)))


def test_a_row_with_a_mistake_of_its_own_makes_no_second_one_of_another(organiser: Client) -> None:
    room = make.room()
    first, second = day_of(room, 2)
    leaves = (*row(first)[:2], "demain", row(first)[3])

    errors = problems(upload(organiser, sheet(leaves, row(second, minutes=-60))))

    assert [(line, column) for line, column, _words in errors] == [(2, "start")]


def test_in_a_hall_for_several_sessions_nobody_meets(organiser: Client) -> None:
    hall = make.room(allows_several_sessions=True)
    _first, second = day_of(hall, 2)

    import_(organiser, sheet(row(second, minutes=-30)))


def test_a_thousand_rows_are_judged_by_one_query(organiser: Client) -> None:
    room = make.room()
    sessions = day_of(room, 2)

    def queries(number: int) -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            upload(organiser, sheet(*(row(session, minutes=5) for session in sessions[:number])))
        return sum('NOT "programme_session"."shares_room"' in query["sql"] for query in caught)

    assert queries(1) == queries(2)


# --- What comes back as it was ----------------------------------------------------------------------------------------

ODD = {
    "line ends of Windows": "un\r\ndeux\rtrois",
    "blanks around": "  un  ",
    "a line end at the end": "un\n",
    "accents in two strokes": unicodedata.normalize("NFD", "Été à Œuvre"),
    "nothing": "",
    "no value": None,
    "a formula": "=1+1",
    "a no-break space": "a\xa0b\u202f!",
}


@pytest.mark.proves("exact-round-trip")
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
@pytest.mark.parametrize("format_", ["0", "1"], ids=["csv", "xlsx"])
def test_what_is_exported_and_imported_unchanged_changes_nothing(organiser: Client, text: Any, format_: str) -> None:
    session = make.session(starts_at=WHEN + timedelta(seconds=30))
    Session.objects.filter(pk=session.pk).update(description_fr=text, description_en=text, title_en=text)
    lines = session.history.count()
    exported = organiser.post("/admin/programme/session/export/", {"format": format_, "resource": "0"}).content

    preview = upload(organiser, exported, "s.xlsx" if format_ == "1" else "s.csv")
    assert (preview.context["preview"].errors, preview.context["preview"].totals["update"]) == ([], 0)
    confirm(organiser, preview)

    session.refresh_from_db()
    assert (session.description_fr, session.title_en, session.history.count()) == (text, text, lines)


@pytest.mark.proves("exact-round-trip")
@pytest.mark.parametrize("prefix", ["", "/en"])
@pytest.mark.parametrize(
    "lines",
    [
        [f"{hour} h, partie {hour}" for hour in range(9, 14)],
        [f"– point {number} ;" for number in range(5)],
        [f'un "{number}", deux ; trois | quatre\tcinq' for number in range(60)],
    ],
    ids=["commas", "semicolons", "everything"],
)
def test_the_lines_of_a_text_are_no_rows(organiser: Client, prefix: str, lines: list[str]) -> None:
    make.session(starts_at=WHEN, description_fr="\n".join(lines))

    exported = organiser.post(f"{prefix}/admin/programme/session/export/", {"format": "0", "resource": "0"}).content
    preview = upload(organiser, exported)

    assert preview.context["preview"].errors == preview.context["preview"].file_errors == []
    assert preview.context["preview"].totals["skip"] == 1


@pytest.mark.proves("exact-round-trip")
def test_a_cell_that_changes_leaves_the_others_as_they_are(organiser: Client) -> None:
    speaker = make.speaker(name="Ada", slug="ada")
    Speaker.objects.filter(pk=speaker.pk).update(role_fr="un\r\ndeux", organisation=" X ", role_en=None)

    preview = upload(
        organiser, 'slug,name,role_fr,organisation,role_en\nada,Ada L.,"un\ndeux",X,\n', model="programme/speaker"
    )
    [shown] = preview.context["preview"].rows
    confirm(organiser, preview, "programme/speaker")

    speaker.refresh_from_db()
    assert [(before, after) for _column, before, after in shown.cells] == [("Ada", "Ada L.")]
    assert (speaker.name, speaker.role_fr, speaker.organisation, speaker.role_en) == (
        "Ada L.",
        "un\r\ndeux",
        " X ",
        None,
    )


@pytest.mark.proves("exact-round-trip")
def test_a_form_that_a_browser_sends_back_unchanged_leaves_no_line_in_the_history(organiser: Client) -> None:
    venue = make.venue(accessibility_fr="Rampe.\nAscenseur.")
    address = f"/admin/venues/venue/{venue.pk}/change/"
    form = organiser.get(address).context["adminform"].form
    fields = {
        name: str(value).replace("\n", "\r\n")
        for name in form.fields
        if (value := form[name].value()) not in (None, "")
    }
    sets = {f"{prefix}-{name}_FORMS": 0 for prefix in ("rooms", "ways_out") for name in ("TOTAL", "INITIAL")}

    answer = organiser.post(address, fields | sets)
    assert answer.status_code == 302, answer.context["adminform"].form.errors

    venue.refresh_from_db()
    assert (venue.accessibility_fr, venue.history.count()) == ("Rampe.\nAscenseur.", 1)


@pytest.mark.proves("exact-round-trip")
@pytest.mark.parametrize("letter", ["\x0b", "\x1f", "\x01"])
def test_a_letter_that_a_workbook_cannot_hold_comes_back_unchanged_and_is_taken_from_no_form(organiser, letter) -> None:
    session = make.session(starts_at=WHEN)
    Session.objects.filter(pk=session.pk).update(description_fr=f"a{letter}b")
    exported = organiser.post("/admin/programme/session/export/", {"format": "1", "resource": "0"}).content

    import_(organiser, exported)

    session.refresh_from_db()
    assert session.description_fr == f"a{letter}b"
    for field in ("description_fr", "title_fr"):
        answer = organiser.post(f"/admin/programme/session/{session.pk}/change/", {field: f"a{letter}b"})
        assert "caractère invisible" in str(answer.context["adminform"].form.errors[field])


# --- What is confirmed is what was shown ------------------------------------------------------------------------------


def titled(session: Session, title: str) -> None:
    session.title_fr = title
    session.save()


@pytest.mark.proves("import-preview")
def test_what_somebody_changes_after_the_preview_is_shown_before_it_is_overwritten(organiser: Client) -> None:
    session = make.session(starts_at=WHEN, seats=100, title_fr="Ancien")
    preview = upload(organiser, f"slug,capacity,title_fr\n{session.slug},90,Ancien\n")
    titled(session, "Corrigé")

    again = confirm(organiser, preview)

    assert again.status_code == 200
    assert next(str(message) for message in again.context["messages"]).startswith("Quelque chose a changé")
    [shown] = again.context["preview"].rows
    assert ("Titre (français)", "Corrigé", "Ancien") in shown.cells
    session.refresh_from_db()
    assert (session.title_fr, session.capacity) == ("Corrigé", 100)
    assert confirm(organiser, again).status_code == 302
    session.refresh_from_db()
    assert (session.title_fr, session.capacity) == ("Ancien", 90)


@pytest.mark.proves("import-preview")
def test_what_others_change_beside_the_sheet_stands_in_nobodys_way(organiser: Client) -> None:
    session = make.session(starts_at=WHEN, seats=100)
    preview = upload(organiser, f"slug,capacity\n{session.slug},90\n")
    titled(session, "Corrigé")

    assert confirm(organiser, preview).status_code == 302

    session.refresh_from_db()
    assert (session.title_fr, session.capacity) == ("Corrigé", 90)


@pytest.mark.proves("import-preview")
def test_other_people_to_tell_are_another_preview(organiser: Client) -> None:
    session = make.session(starts_at=WHEN)
    make.registration(session)
    preview = upload(organiser, sheet(row(session, minutes=60)))
    make.registration(session)

    again = confirm(organiser, preview)

    assert again.status_code == 200
    assert "2\xa0personnes" in again.content.decode() or "2 personnes" in again.content.decode()
    session.refresh_from_db()
    assert session.starts_at == WHEN


@pytest.mark.proves("import-preview")
@pytest.mark.parametrize("changes", [{"shown": "x"}, {"shown": ""}, {"format": "1"}, {"day_first": "maybe"}])
def test_a_preview_that_was_tampered_with_confirms_nothing(organiser: Client, changes: dict[str, str]) -> None:
    session = make.session(starts_at=WHEN, seats=100)
    preview = upload(organiser, f"slug,capacity\n{session.slug},90\n")

    answer = confirm(organiser, preview, **changes)

    assert answer.status_code == 302
    assert answer["Location"].endswith("/import/")
    session.refresh_from_db()
    assert session.capacity == 100


# --- What browsers should not send ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["programme/session", "programme/participation", "venues/room"])
@pytest.mark.parametrize(
    ("page", "data"),
    [
        ("process_import", {}),
        ("process_import", {"import_file_name": "\0", "format": "0"}),
        ("import", {"staged": "\0"}),
        ("import", {"original_name": "\0", "staged": "x"}),
        ("import", {"resource": "99"}),
    ],
)
def test_forms_that_no_browser_fills_in_are_answered(organiser: Client, model: str, page: str, data: Any) -> None:
    assert organiser.post(f"/admin/{model}/{page}/", data, follow=True).status_code == 200


def test_a_confirmation_of_another_resource_is_one_of_the_only_one(organiser: Client) -> None:
    session = make.session(starts_at=WHEN, seats=100)

    answer = confirm(organiser, upload(organiser, f"slug,capacity\n{session.slug},90\n"), resource="99")

    assert answer["Location"] == "/admin/programme/session/"


@pytest.mark.parametrize("key", ["abc", "9" * 30, "", "-1", "٣"])
def test_a_list_answers_rows_that_are_none(organiser: Client, key: str) -> None:
    for model, of_model in admin.site._registry.items():
        request = RequestFactory().get("/")
        request.user = User.objects.get()
        for name in list(of_model.get_actions(request))[:1]:
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            sent = {"action": name, "_selected_action": key, "index": "0"}
            assert organiser.post(address, sent).status_code in (200, 302), model
