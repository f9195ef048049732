"""Sessions in the administration: their times, their publication, and their lists in and out."""

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils.translation import override

from programme.domain.publication import publish, unpublish
from programme.models import Session, Speaker
from registrations.models import SeatPool
from tests import make
from tests.sheets import confirm, problems, upload
from venues.models import Room, Venue

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages of the administration: their forms and sheets are read in Python"),
]
LIST = "/admin/programme/session/"
HEADER = "slug,event,title_fr,title_en,kind,track,room,start,end,access,capacity"


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


@pytest.fixture
def place() -> Room:
    make.event(slug="forum")
    make.track(slug="science")
    return make.room(slug="nef", capacity=100)


# --- Publication ------------------------------------------------------------------------------------------------------


def test_publishing_twice_changes_nothing_and_tells_who_did_it() -> None:
    session, actor = make.session(status="draft"), make.organiser()

    assert publish(Session.objects.all(), actor) == 1
    assert publish([session], actor) == 0

    session.refresh_from_db()
    assert session.status == "published"
    assert [(record.status, record.history_user) for record in session.history.all()] == [
        ("published", actor),
        ("draft", None),
    ]


def test_a_cancelled_session_is_neither_published_nor_put_back() -> None:
    session, actor = make.session(status="cancelled"), make.organiser()

    assert publish([session], actor) == 0
    assert unpublish([session], actor) == 0


@pytest.mark.on_both("runs a statement that no other test runs")
def test_going_back_to_draft_changes_all_or_none() -> None:
    actor, free = make.organiser(), make.session()
    taken = make.registration().session

    with pytest.raises(ValidationError, match=re.escape(taken.title)):
        unpublish([free, taken], actor)

    assert set(Session.objects.values_list("status", flat=True)) == {"published"}
    assert unpublish([free], actor) == 1


def test_who_may_only_look_publishes_nothing(client: Client) -> None:
    session, staff = make.session(status="draft"), make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_session"))

    make.sign_in(client, staff).post(LIST, {"action": "publish", "_selected_action": session.pk, "index": "0"})

    session.refresh_from_db()
    assert session.status == "draft"


# --- The form ---------------------------------------------------------------------------------------------------------


def form(at: Room, **changes: Any) -> dict[str, Any]:
    data = {
        "title_fr": "Éthique",
        "title_en": "",
        "event": make.event().pk,
        "track": make.track().pk,
        "kind": "panel",
        "room": at.pk,
        "starts_at_0": "10/02/2027",
        "starts_at_1": "14:30",
        "ends_at_0": "10/02/2027",
        "ends_at_1": "15:30",
        "access": "registration",
        "capacity": 10,
        "slug": "ethique",
        "waiting_list": "automatic",
        "offer_hours": 24,
        "participations-TOTAL_FORMS": 0,
        "participations-INITIAL_FORMS": 0,
        "duties-TOTAL_FORMS": 0,
        "duties-INITIAL_FORMS": 0,
        "pools-TOTAL_FORMS": 0,
        "pools-INITIAL_FORMS": 0,
    }
    return data | changes


@pytest.mark.parametrize(("zone", "hour"), [("Europe/Paris", 13), ("Europe/London", 14), ("Asia/Kolkata", 9)])
@pytest.mark.on_both("times, as each database keeps them")
def test_times_are_those_of_the_clocks_at_the_venue(organiser: Client, zone: str, hour: int) -> None:
    room = make.room(venue=make.venue(timezone=zone))

    organiser.post(f"{LIST}add/", form(room))

    session = Session.objects.get()
    assert session.starts_at == datetime(2027, 2, 10, hour, 0 if zone == "Asia/Kolkata" else 30, tzinfo=UTC)
    page = organiser.get(f"{LIST}{session.pk}/change/").content.decode()
    assert 'value="14:30"' in page
    assert 'value="15:30"' in page


def test_registration_opens_and_closes_by_the_clocks_at_the_venue(organiser: Client) -> None:
    room = make.room(venue=make.venue(timezone="Asia/Kolkata"))
    hours = {
        "registration_opens_at_0": "01/02/2027",
        "registration_opens_at_1": "09:00",
        "registration_closes_at_0": "09/02/2027",
        "registration_closes_at_1": "18:00",
        "waiting_list": "draw",
        "draw_at_0": "08/02/2027",
        "draw_at_1": "12:15",
    }

    organiser.post(f"{LIST}add/", form(room, **hours))

    session = Session.objects.get()
    assert (session.registration_opens_at, session.registration_closes_at, session.draw_at) == (
        datetime(2027, 2, 1, 3, 30, tzinfo=UTC),
        datetime(2027, 2, 9, 12, 30, tzinfo=UTC),
        datetime(2027, 2, 8, 6, 45, tzinfo=UTC),
    )
    page = organiser.get(f"{LIST}{session.pk}/change/").content.decode()
    assert all(f'value="{time}"' in page for time in ("09:00", "18:00", "12:15"))


@pytest.mark.on_both("runs a statement that no other test runs")
def test_who_works_in_a_session_is_written_on_its_page(organiser: Client) -> None:
    session, helper = make.session(), make.user("helper@example.org")
    room = session.room
    duty = {
        "duties-TOTAL_FORMS": 1,
        "duties-0-session": session.pk,
        "duties-0-user": helper.pk,
        "duties-0-role": "Accueil",
    }

    answer = organiser.post(f"{LIST}{session.pk}/change/", form(room, **duty))

    assert answer.status_code == 302
    assert [(duty.user, duty.role) for duty in session.duties.all()] == [(helper, "Accueil")]
    assert session.duties.get().history.get().history_user.is_superuser
    assert "Accueil" in organiser.get(f"{LIST}{session.pk}/change/").content.decode()


@pytest.mark.on_both("a constraint")
def test_an_account_is_that_of_one_speaker(organiser: Client) -> None:
    account = make.user()
    make.speaker(user=account)

    answer = organiser.post(
        "/admin/programme/speaker/add/",
        {
            "name": "Ada",
            "slug": "ada",
            "user": account.pk,
            "participations-TOTAL_FORMS": 0,
            "participations-INITIAL_FORMS": 0,
        },
    )

    assert answer.context["adminform"].form.errors.keys() == {"user"}


@pytest.mark.proves("clock-change-nights")
@pytest.mark.parametrize("day", ["28/03/2027", "25/10/2026"])
def test_an_hour_that_does_not_exist_there_or_comes_twice_is_an_error(organiser: Client, day: str) -> None:
    answer = organiser.post(f"{LIST}add/", form(make.room(), starts_at_0=day, starts_at_1="02:30", ends_at_0=day))

    assert "starts_at" in answer.context["adminform"].form.errors
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_at_1": "14:00"}, "ends_at"),
        ({"registration_opens_at_0": "10/02/2027", "registration_opens_at_1": "14:30"}, "registration_opens_at"),
        ({"waiting_list": "draw"}, "draw_at"),
        ({"offer_hours": 0}, "offer_hours"),
        ({"capacity": 101}, "capacity"),
        ({"title_fr": ""}, "title_fr"),
        ({"title_fr": "a\0b"}, "title_fr"),
        ({"room": "x"}, "room"),
        ({"room": "9" * 30}, "room"),
        ({"starts_at_0": "demain"}, "starts_at"),
        ({"capacity": "1e9"}, "capacity"),
        ({"capacity": "٣"}, "capacity"),
        ({"slug": "été"}, "slug"),
    ],
)
@pytest.mark.on_both("odd bytes: each database refuses others")
def test_what_cannot_be_is_an_error_beside_its_field(organiser: Client, changes: dict[str, Any], field: str) -> None:
    answer = organiser.post(f"{LIST}add/", form(make.room(capacity=100), **changes))

    assert field in answer.context["adminform"].form.errors
    assert not Session.objects.exists()


@pytest.mark.on_both("a constraint that only PostgreSQL has")
def test_two_sessions_in_a_room_at_once_are_an_error(organiser: Client) -> None:
    room = make.room()
    make.session(room=room, starts_at=datetime(2027, 2, 10, 14, 0, tzinfo=UTC))

    answer = organiser.post(f"{LIST}add/", form(room))

    assert "occupe déjà cette salle" in str(answer.context["adminform"].form.errors)


@pytest.mark.on_both("runs a statement that no other test runs")
def test_assumed_values_are_marked_beside_their_fields_until_verified(organiser: Client) -> None:
    session = make.session(assumed_fields="start|capacity")
    verified = make.session()

    page = organiser.get(f"{LIST}{session.pk}/change/").content.decode()
    list_page = organiser.get(f"{LIST}?to_verify=yes").content.decode()

    marked = re.findall(r'<(?:label|legend)[^>]*>([^<]*)<span class="assumed">valeur supposée</span>', page)
    assert [label.strip() for label in marked] == ["Début", "Capacité"]
    assert '<span class="badge warn">2</span>' in list_page
    assert session.title in list_page
    assert verified.title not in list_page
    assert 'class="assumed"' not in organiser.get(f"{LIST}{verified.pk}/change/").content.decode()


@pytest.mark.on_both("runs a statement that no other test runs")
def test_the_mark_of_an_assumed_value_stays_out_of_the_journal(organiser: Client) -> None:
    speaker = make.speaker(name="Avant", assumed_fields="name")
    parts = {"participations-TOTAL_FORMS": 0, "participations-INITIAL_FORMS": 0}

    organiser.post(
        f"/admin/programme/speaker/{speaker.pk}/change/",
        {"name": "Après", "slug": speaker.slug, "assumed_fields": ""} | parts,
    )

    from django.contrib.admin.models import LogEntry  # noqa: PLC0415

    assert "assumed" not in LogEntry.objects.get().change_message.replace("Assumed fields", "").replace(
        "assumed_fields", ""
    )
    assert "<span" not in LogEntry.objects.get().change_message


# --- Lists in and out -------------------------------------------------------------------------------------------------


def line(
    slug: str = "s1", room: str = "nef", start: str = "2027-02-10 14:30", end: str = "2027-02-10 15:30", **fields: Any
) -> str:
    cells = {
        "event": "forum",
        "title": "Éthique",
        "kind": "panel",
        "track": "science",
        "access": "registration",
        "capacity": 50,
    } | fields
    return (
        f"{slug},{cells['event']},{cells['title']},,{cells['kind']},{cells['track']},{room},{start},{end},"
        f"{cells['access']},{cells['capacity']}"
    )


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.on_both("runs a statement that no other test runs")
def test_sessions_are_imported_after_a_preview(organiser: Client, place: Room, delimiter: str) -> None:
    preview = upload(
        organiser,
        f"{HEADER}\n{line()}\n{line('s2', start='2027-02-10T15:30:00+01:00', end='10 février 2027 16h30')}".replace(
            ",", delimiter
        ),
    )

    assert not Session.objects.exists()
    answer = confirm(organiser, preview)

    assert answer.status_code == 302
    first, second = Session.objects.order_by("slug")
    assert first.starts_at == datetime(2027, 2, 10, 13, 30, tzinfo=UTC)
    assert (second.starts_at, second.ends_at) == (first.ends_at, datetime(2027, 2, 10, 15, 30, tzinfo=UTC))
    assert (first.title_fr, first.status) == ("Éthique", "draft")
    assert first.history.get().history_user.is_superuser
    assert SeatPool.objects.get(session=first).seats == 50
    assert "2 ajoutées" in organiser.get(LIST).content.decode()


@pytest.mark.proves("import-preview")
def test_all_errors_are_told_at_once_with_line_and_column(organiser: Client, place: Room) -> None:
    rows = [
        line("ok"),
        line("clash", start="2027-02-10 15:00", end="2027-02-10 16:00"),
        line("big", start="2027-02-11 09:00", end="2027-02-11 10:00", capacity=101),
        line("back", start="2027-02-12 10:00", end="2027-02-12 09:00"),
        line("nowhere", room="atlantide"),
        line("when", start="demain"),
        line("kind", start="2027-02-13 09:00", end="2027-02-13 10:00", kind="fête"),
        line("many", start="2027-02-14 09:00", end="2027-02-14 10:00", capacity="cinquante"),
        line("empty", start="2027-02-15 09:00", end="2027-02-15 10:00", title=""),
        line("ok", start="2027-02-16 09:00", end="2027-02-16 10:00"),
        line("", start="2027-02-17 09:00", end="2027-02-17 10:00", title=""),
        line("night", start="2027-03-28 02:30", end="2027-03-28 04:00"),
    ]

    found = problems(upload(organiser, "\n".join([HEADER, *rows])))

    expected = {
        (3, "room"),
        (4, "capacity"),
        (5, "end"),
        (6, "room"),
        (7, "start"),
        (8, "kind"),
        (9, "capacity"),
        (10, "title_fr"),
    }
    expected |= {(11, "slug"), (12, "title_fr"), (13, "start")}
    assert expected == {(number, column) for number, column, _sentence in found}
    assert len(found) == len(expected)  # one of each
    assert not Session.objects.exists()


def test_errors_are_sentences(organiser: Client, place: Room) -> None:
    rows = [line("a", room="atlantide"), line("b", start="demain"), line("c", capacity="NaN")]

    sentences = " ".join(
        sentence for _line, _column, sentence in problems(upload(organiser, "\n".join([HEADER, *rows])))
    )

    assert "« atlantide »" in sentences.replace("\xa0", " ")
    assert "« demain » n’est pas une date" in sentences.replace("\xa0", " ")
    assert not re.search(r"Error|Exception|DoesNotExist|\[<|NoneType", sentences)


@pytest.mark.parametrize("name", ["sessions.csv", "sessions.xlsx"])
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.on_both("what each database gives back")
def test_what_is_exported_comes_back_unchanged(organiser: Client, name: str, language: str) -> None:
    room = make.room(venue=make.venue(timezone="Europe/London"), name="=1+1")
    make.session(room=room, title_fr="=HYPERLINK(1)", title_en=None, description_fr="- a\n- b", capacity=30)
    make.session(title="+33 6", assumed_fields="start|end", source="@x")
    make.venue(latitude=-33.5, longitude=151.2, name="-Sydney")
    for model in ("programme/session", "venues/room", "venues/venue", "programme/speaker"):
        if model.endswith("speaker"):
            make.speaker(name="'=Ada", role="@chief")
        prefix = "/en" if language == "en" else ""
        exported = organiser.post(
            f"{prefix}/admin/{model}/export/", {"format": "1" if name.endswith("xlsx") else "0", "resource": "0"}
        )
        assert exported.status_code == 200
        assert exported.headers["Content-Disposition"].startswith("attachment; ")
        preview = upload(organiser, exported.content, name, model)
        totals = preview.context["result"].totals
        assert not preview.context["preview"].errors, preview.context["preview"].errors
        assert (totals["new"], totals["update"]) == (0, 0), [row.diff for row in preview.context["preview"].rows]
        assert totals["skip"] > 0


def test_an_export_has_no_query_per_row(organiser: Client, django_assert_max_num_queries: Any) -> None:
    for _ in range(5):
        make.session()

    with django_assert_max_num_queries(12):
        organiser.post(f"{LIST}export/", {"format": "0", "resource": "0"})


def test_a_change_is_shown_before_and_after_and_the_state_is_never_imported(organiser: Client) -> None:
    session = make.session(title="Avant", status="draft")

    preview = upload(organiser, f"slug,title_fr,status,colour\n{session.slug},Après,published,red\n")
    page = preview.content.decode()
    confirm(organiser, preview)

    assert '<del dir="auto">Avant</del>' in page
    assert '<ins dir="auto">Après</ins>' in page
    assert "colour" in page
    session.refresh_from_db()
    assert (session.title_fr, session.status) == ("Après", "draft")


@pytest.mark.on_both("runs a statement that no other test runs")
def test_the_preview_shows_hostile_words_as_words_and_no_inline_style(organiser: Client) -> None:
    preview = upload(
        organiser,
        "slug,name\n" + 'ada,"<script>alert(1)</script>""><img src=x onerror=alert(2)>"',
        model="programme/speaker",
    )

    page = preview.content.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"<script>|<img src=x|<[^>]+\sstyle=|<ins style", page)
    confirm(organiser, preview, "programme/speaker")
    assert Speaker.objects.get().name.startswith("<script>")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("list.csv", b"", "vide"),
        ("list.csv", b"slug;title_fr\n", "aucune ligne"),
        ("list.csv", b"title_fr\nx\n", "Format, Thématique, Salle, Début, Fin"),
        ("list.csv", b"a;b\nx;y\n", "Aucune de ces colonnes"),
        ("list.csv", b"description_fr\nx\n", "Identifiant"),
        ("list.pdf", b"%PDF", ".xlsx"),
        ("list.xlsx", b"slug,title_fr\na,b\n", "XLSX"),
        ("list.csv", b"a" * (10 * 1024 * 1024 + 1), "10"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_a_sentence(
    organiser: Client, name: str, content: bytes, words: str
) -> None:
    answer = upload(organiser, content, name)

    assert answer.status_code == 200
    assert "confirm_form" not in answer.context
    assert words in answer.content.decode()


def test_uploads_wait_under_var_and_are_gone_after(
    organiser: Client, place: Room, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR = tmp_path

    preview = upload(organiser, f"{HEADER}\n{line()}")
    assert len(list((tmp_path / "imports").iterdir())) == 1
    assert (tmp_path / "imports").stat().st_mode & 0o777 == 0o700

    confirm(organiser, preview)
    upload(organiser, f"{HEADER}\n{line('x', room='atlantide')}")
    assert list((tmp_path / "imports").iterdir()) == []


@pytest.mark.parametrize(
    "changes", [{"import_file_name": "../../../etc/passwd"}, {"import_file_name": ""}, {"format": "9"}, {"format": "x"}]
)
def test_a_forged_confirmation_imports_nothing(organiser: Client, place: Room, changes: dict[str, str]) -> None:
    preview = upload(organiser, f"{HEADER}\n{line()}")

    answer = confirm(organiser, preview, **changes)

    assert answer.status_code == 302
    assert "import" in answer.headers["Location"]
    assert not Session.objects.exists()


@pytest.mark.proves("import-preview")
def test_a_preview_is_confirmed_by_its_author_for_its_list_and_once(client: Client, place: Room) -> None:
    make.sign_in(client, make.organiser())
    preview = upload(client, f"{HEADER}\n{line()}")

    make.sign_in(client, make.organiser(name="Autre"))
    confirm(client, preview)
    confirm(client, preview, "programme/speaker")

    assert not Session.objects.exists()


@pytest.mark.proves("import-preview")
@pytest.mark.on_both("what each database gives back")
def test_what_changed_since_the_preview_stops_the_import_whole(organiser: Client, place: Room) -> None:
    preview = upload(
        organiser, f"{HEADER}\n{line('first', start='2027-02-09 09:00', end='2027-02-09 10:00')}\n{line()}"
    )
    make.session(room=place, capacity=10, starts_at=datetime(2027, 2, 10, 13, 30, tzinfo=UTC))

    answer = confirm(organiser, preview)

    assert answer.headers["Location"].endswith("/import/")
    assert Session.objects.count() == 1


@pytest.mark.parametrize("page", ["import", "process_import"])
def test_importing_needs_the_right_to_add_and_to_change(client: Client, page: str) -> None:
    staff = make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_session", "change_session"]))
    make.sign_in(client, staff)

    assert client.post(f"{LIST}{page}/").status_code == 403
    assert client.get(f"{LIST}export/").status_code == 200
    assert client.get("/admin/venues/venue/export/").status_code == 403


def test_a_workbook_of_excel_is_read(organiser: Client, place: Room) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER.split(","))
    start = datetime(2027, 2, 10, 14, 30)  # noqa: DTZ001 - Excel knows no zones
    book.active.append(
        ["s1", "forum", "Éthique", None, "panel", "science", "nef", start, start + timedelta(hours=1), "public", 50.0]
    )
    out = io.BytesIO()
    book.save(out)

    confirm(organiser, upload(organiser, out.getvalue(), "Liste.XLSX"))

    session = Session.objects.get()
    assert (session.starts_at, session.capacity) == (datetime(2027, 2, 10, 13, 30, tzinfo=UTC), 50)


@pytest.mark.on_both("runs a statement that no other test runs")
def test_venues_and_rooms_are_imported_in_french_and_english_words(organiser: Client) -> None:
    confirm(
        organiser,
        upload(organiser, "slug;name;city;country;latitude\nv;Lieu;Paris;FR;48,85\n", "v.csv", "venues/venue"),
        "venues/venue",
    )
    confirm(
        organiser,
        upload(
            organiser, "slug,venue,name,capacity,allows_several_sessions\nr,v,Hall,50,oui\n", "r.csv", "venues/room"
        ),
        "venues/room",
    )

    assert Venue.objects.get().latitude == 48.85
    assert Room.objects.get().allows_several_sessions


def test_dates_follow_the_language_of_nobody(organiser: Client) -> None:
    make.session(starts_at=datetime(2027, 2, 10, 13, 30, tzinfo=UTC))

    with override("en"):
        exported = organiser.post(
            "/en/admin/programme/session/export/", {"format": "0", "resource": "0"}
        ).content.decode()

    assert "2027-02-10 14:30" in exported
