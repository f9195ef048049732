"""Editions in the administration: their form, what becomes of them, and the edition of everything else."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from programme.domain import editions
from programme.domain.warnings import warnings
from programme.models import Day, Edition, Session
from tests import make
from tests.partners import portal
from tests.sheets import confirm, problems, upload

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages of the administration: their forms and sheets are read in Python"),
]
LIST = "/admin/programme/edition/"
State = Edition.State


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


@pytest.fixture
def lyon() -> Edition:
    """Another edition than the current one, which is there too."""
    make.current_edition()
    return make.edition(slug="lyon", name_fr="Lyon 2028", name_en="Lyon 2028", timezone="Asia/Tokyo")


def page(client: Client, label: str, which: str, *args: Any, query: str = "") -> str:
    with override("en"):
        response = client.get(reverse(f"admin:{label}_{which}", args=args) + query)
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, name: str, *chosen: Edition) -> list[str]:
    """What is said when the action `name` was asked for."""
    data = {"action": name, "_selected_action": [edition.pk for edition in chosen], "index": "0"}
    response = client.post("/en" + LIST, data)
    assert response.status_code == 302
    said = [str(message) for message in get_messages(response.wsgi_request)]
    client.cookies.pop("messages", None)
    return said


def form(**changes: Any) -> dict[str, Any]:
    data = {
        "name_fr": "Lyon 2028",
        "name_en": "Lyon 2028",
        "starts_on": "2028-02-03",
        "ends_on": "2028-02-09",
        "timezone": "Europe/Paris",
        "slug": "lyon",
        "accent": "#1F5B46",
        "legal_basis": "public_task",
    }
    return data | changes


# --- The form ---------------------------------------------------------------------------------------------------------


def test_an_edition_begins_in_preparation(organiser: Client) -> None:
    response = organiser.post(f"/en{LIST}add/", form(accent="#AA3300"))

    assert response.status_code == 302
    made = Edition.objects.get()
    assert (made.slug, made.state, made.is_current, made.accent) == ("lyon", State.PREPARATION, False, "#AA3300")
    assert made.history.get().history_user == response.wsgi_request.user
    drawn = page(organiser, "programme_edition", "change", made.pk)
    assert 'type="color"' in drawn
    assert "In preparation" in drawn
    assert "View on site" not in drawn  # nobody else sees it


@pytest.mark.parametrize(
    ("field", "wrong", "sentence"),
    [
        ("name_en", "", "This field is required."),
        ("name_fr", "", "This field is required."),
        ("slug", "summit", "Edition with this Slug already exists."),
        ("ends_on", "2028-02-01", "An edition can’t end before it starts."),
        ("timezone", "Mars/Olympus", "time zone"),
        ("accent", "red", "six hexadecimal digits"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(organiser: Client, field: str, wrong: str, sentence: str) -> None:
    make.current_edition()

    response = organiser.post(f"/en{LIST}add/", form(**{field: wrong}))

    assert response.status_code == 200
    assert any(sentence in error for error in response.context["adminform"].form.errors[field])
    assert Edition.objects.count() == 1


def test_an_edition_that_has_anything_is_not_deleted(organiser: Client, lyon: Edition) -> None:
    track = make.track(edition=lyon)

    drawn = page(organiser, "programme_edition", "delete", lyon.pk)
    response = organiser.post(f"/en{LIST}{lyon.pk}/delete/", {"post": "yes"})

    assert f"/admin/programme/track/{track.pk}/change/" in drawn
    assert response.status_code == 200
    assert Edition.objects.filter(pk=lyon.pk).exists()
    track.delete()
    assert organiser.post(f"/en{LIST}{lyon.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Edition.objects.filter(pk=lyon.pk).exists()


def test_the_current_edition_is_not_deleted(organiser: Client) -> None:
    current = make.current_edition()

    drawn = page(organiser, "programme_edition", "delete", current.pk)

    assert "Make another edition current first" in drawn
    organiser.post(f"/en{LIST}{current.pk}/delete/", {"post": "yes"})
    assert editions.current() == current


# --- What becomes of it -----------------------------------------------------------------------------------------------


def test_each_act_says_what_it_did_and_twice_changes_nothing(organiser: Client, lyon: Edition) -> None:
    told = [
        act(organiser, name, lyon)
        for name in ("make_current", "open_edition", "open_edition", "take_back", "open_edition", "make_current")
    ]

    assert told == [
        ["“Lyon 2028” is in preparation: open it first."],
        ["“Lyon 2028” is open."],
        ["“Lyon 2028” was already open."],
        ["“Lyon 2028” is back in preparation: the public can no longer see it."],
        ["“Lyon 2028” is open."],
        ["“Lyon 2028” is now the current edition."],
    ]
    assert editions.current() == lyon
    assert act(organiser, "take_back", lyon) == ["“Lyon 2028” can’t be hidden: it is either current or archived."]
    assert act(organiser, "archive", lyon) == [
        "“Lyon 2028” is archived. It can still be read, but no longer takes registrations."
    ]
    assert act(organiser, "archive", lyon) == ["“Lyon 2028” was already archived."]
    lyon.refresh_from_db()
    assert (lyon.state, lyon.is_current, lyon.history.count()) == (State.ARCHIVED, True, 6)


def test_only_one_is_made_the_current_one(organiser: Client, lyon: Edition) -> None:
    before = make.current_edition()

    assert act(organiser, "make_current", before, lyon) == ["Choose one edition: only one can be current."]
    assert editions.current() == before


def test_archiving_is_refused_while_seats_are_to_come_and_says_whose(organiser: Client) -> None:
    seat = make.registration(who=make.attendee("Ada Lovelace"))
    edition = seat.session.event.edition

    [said] = act(organiser, "archive", edition)

    edition.refresh_from_db()
    assert "Ada Lovelace" in said
    assert edition.state == State.OPEN


def test_who_may_only_look_is_offered_nothing(client: Client, lyon: Edition) -> None:
    staff = make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_edition"))
    make.sign_in(client, staff)

    assert 'name="action" value="open_edition"' not in page(client, "programme_edition", "change", lyon.pk)
    client.post(f"/en{LIST}", {"action": "open_edition", "_selected_action": lyon.pk, "index": "0"})
    lyon.refresh_from_db()
    assert lyon.state == State.PREPARATION


def test_the_page_offers_what_makes_sense(organiser: Client, lyon: Edition) -> None:
    def offered(edition: Edition) -> list[str]:
        drawn = page(organiser, "programme_edition", "change", edition.pk)
        return re.findall('name="action" value="(.+?)"', drawn)

    assert offered(lyon) == ["open_edition"]
    assert offered(make.current_edition()) == ["archive"]
    editions.open_edition(lyon, actor=None)
    assert offered(lyon) == ["archive", "make_current", "take_back"]


# --- The edition of everything else -----------------------------------------------------------------------------------

PARTS: dict[str, Callable[..., Model]] = {
    "programme_day": lambda **fields: make.day(date(2028, 2, 3), **fields),
    "programme_track": make.track,
    "programme_event": make.event,
    "registrations_cohort": make.cohort,
}


@pytest.mark.parametrize("label", sorted(PARTS))
def test_a_new_row_begins_in_the_current_edition_or_in_that_of_the_list(
    organiser: Client, lyon: Edition, label: str
) -> None:
    def chosen(query: str = "") -> list[str]:
        return re.findall(r'<option value="(\d+)" selected>', page(organiser, label, "add", query=query))

    assert chosen() == [str(make.current_edition().pk)]
    assert chosen(f"?_changelist_filters=edition%3D{lyon.pk}") == [str(lyon.pk)]
    assert chosen("?_changelist_filters=edition%3Dlive%26q%3Dx") == [str(make.current_edition().pk)]


@pytest.mark.parametrize("label", sorted(PARTS))
def test_a_row_stays_in_its_edition(organiser: Client, lyon: Edition, label: str) -> None:
    row = PARTS[label](edition=lyon)

    drawn = page(organiser, label, "change", row.pk)

    assert 'name="edition"' not in drawn
    assert "Lyon 2028" in drawn


@pytest.mark.parametrize("label", sorted(PARTS))
def test_nothing_speaks_of_editions_while_there_is_one(organiser: Client, label: str) -> None:
    row: Any = PARTS[label]()
    listed = page(organiser, label, "changelist")

    assert "column-edition" not in listed
    assert "?edition=" not in listed
    other = make.edition(name_fr="Lyon 2028", name_en="Lyon 2028")
    PARTS[label](edition=other)
    listed = page(organiser, label, "changelist")
    assert "column-edition" in listed
    assert listed.count('class="field-edition') == 2
    only = page(organiser, label, "changelist", query=f"?edition={row.edition_id}")
    assert only.count('class="field-edition') == 1
    assert page(organiser, label, "changelist", query="?edition=x").count('class="field-edition') == 0


def test_a_list_is_filtered_by_what_is_not_archived(organiser: Client, lyon: Edition) -> None:
    make.track(name="Vieux", edition=make.edition(state=State.ARCHIVED))
    make.track(name="Neuf", edition=lyon)

    listed = page(organiser, "programme_track", "changelist", query="?edition=live")

    assert "Neuf" in listed
    assert "Vieux" not in listed


@pytest.mark.parametrize(
    ("model", "make_row"), [("event", make.event), ("track", make.track), ("session", make.session)]
)
def test_choosers_name_the_edition_once_there_are_several(
    organiser: Client, model: str, make_row: Callable[..., Any]
) -> None:
    make_row()
    chosen_in = "participation" if model == "session" else "session"
    asked = f"/en/admin/autocomplete/?app_label=programme&model_name={chosen_in}&field_name={model}&term="

    def texts() -> list[str]:
        return [row["text"] for row in organiser.get(asked).json()["results"]]

    assert not any("AI Action Summit" in text for text in texts())
    lyon = make.edition(name_fr="Lyon 2028", name_en="Lyon 2028")
    make_row(event=make.event(edition=lyon)) if model == "session" else make_row(edition=lyon)
    assert sorted(text.rpartition(" – ")[2] for text in texts()) == ["AI Action Summit", "Lyon 2028"]


@pytest.mark.parametrize("number", [2, 5])
def test_a_chooser_takes_the_same_queries_whatever_it_offers(
    organiser: Client, lyon: Edition, number: int, django_assert_num_queries: Any
) -> None:
    for n in range(number):
        make.track(edition=lyon if n % 2 else None)
    asked = "/en/admin/autocomplete/?app_label=programme&model_name=session&field_name=track&term="
    organiser.get(asked)

    with django_assert_num_queries(3):
        assert len(organiser.get(asked).json()["results"]) == number


@pytest.mark.parametrize("label", sorted(PARTS))
@pytest.mark.parametrize("number", [2, 6])
def test_a_list_of_several_editions_takes_the_same_queries(
    organiser: Client, lyon: Edition, label: str, number: int, django_assert_num_queries: Any
) -> None:
    for n in range(number):
        fields = {"edition": lyon if n % 2 else make.current_edition()}
        make.day(date(2028, 2, 3 + n), **fields) if label == "programme_day" else PARTS[label](**fields)
    page(organiser, label, "changelist")

    queries = {"programme_day": 8, "programme_track": 6, "programme_event": 9, "registrations_cohort": 7}
    with django_assert_num_queries(queries[label]):
        page(organiser, label, "changelist")


def test_a_new_day_has_the_time_zone_of_its_edition(organiser: Client, lyon: Edition) -> None:
    data = {"edition": lyon.pk, "date": "2028-02-03", "timezone": "", "label_fr": "Jour", "label_en": "Day"}

    organiser.post("/en/admin/programme/day/add/", data)
    organiser.post("/en/admin/programme/day/add/", data | {"date": "2028-02-04", "timezone": "Africa/Casablanca"})

    assert list(Day.objects.values_list("timezone", flat=True)) == ["Asia/Tokyo", "Africa/Casablanca"]
    day = Day.objects.first()
    response = organiser.post(f"/en/admin/programme/day/{day.pk}/change/", data)  # type: ignore[union-attr]
    assert "timezone" in response.context["adminform"].form.errors  # once there, it is not taken away


def test_a_session_stays_with_the_tracks_and_the_events_of_its_edition(organiser: Client, lyon: Edition) -> None:
    session, elsewhere = make.session(), make.track(edition=lyon)
    address = f"/en/admin/programme/session/{session.pk}/change/"
    data = {
        "title_fr": "Séance", "title_en": "Session", "event": session.event_id, "track": elsewhere.pk, "kind": "panel",
        "room": session.room_id, "starts_at_0": "2027-02-10", "starts_at_1": "10:00", "ends_at_0": "2027-02-10",
        "ends_at_1": "11:00", "access": "registration", "capacity": 10, "slug": session.slug, "offer_hours": 24,
        "waiting_list": "automatic",
    }  # fmt: skip
    for prefix in ("participations", "duties", "pools"):
        data |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}

    errors = organiser.post(address, data).context["adminform"].form.errors
    assert "belongs to another edition" in errors["track"][0]

    other = {"event": make.event(edition=lyon).pk}
    errors = organiser.post(address, data | other).context["adminform"].form.errors
    assert "A session can’t change edition" in errors["event"][0]


@pytest.mark.parametrize(("of_event", "zone"), [(True, "Asia/Tokyo"), (False, "Europe/Paris")])
def test_without_a_room_times_are_those_of_the_edition(
    organiser: Client, lyon: Edition, of_event: bool, zone: str
) -> None:
    data = {"starts_at_0": "2028-02-03", "starts_at_1": "10:00"}
    data |= {"event": str(make.event(edition=lyon).pk)} if of_event else {}

    form = organiser.post("/en/admin/programme/session/add/", data).context["adminform"].form

    assert str(form.cleaned_data["starts_at"].tzinfo) == zone
    assert "room" in form.errors


def test_the_days_of_the_filter_are_those_of_the_edition_that_is_looked_at(organiser: Client, lyon: Edition) -> None:
    for edition, year in [(lyon, 2028), (make.current_edition(), 2027), (make.edition(state=State.ARCHIVED), 2025)]:
        make.session(event=make.event(edition=edition), starts_at=datetime(year, 2, 10, 9, tzinfo=UTC))

    def days(query: str = "") -> list[str]:
        return re.findall(r"day=([0-9-]+)", page(organiser, "programme_session", "changelist", query=query))

    assert days() == ["2027-02-10", "2028-02-10"]
    assert days(f"?edition={lyon.pk}") == ["2028-02-10"]


# --- Sheets -----------------------------------------------------------------------------------------------------------

HEADER = "slug,event,title_fr,title_en,kind,track,room,start,end,access,capacity"


def rows(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines]).encode()


def test_the_track_of_a_row_is_one_of_the_edition_of_its_event(organiser: Client, lyon: Edition) -> None:
    here, there = make.track(slug="science", name="Science"), make.track(slug="science", name="Science", edition=lyon)
    make.event(slug="forum")
    make.event(slug="forum-lyon", edition=lyon)
    make.room(slug="nef", capacity=100)
    sheet = rows(
        "un,forum,Un,One,panel,science,nef,2027-02-10 10:00,2027-02-10 11:00,registration,50",
        "deux,forum-lyon,Deux,Two,panel,Science,nef,2028-02-10 10:00,2028-02-10 11:00,registration,50",
    )

    confirm(organiser, upload(organiser, sheet))

    assert {session.slug: session.track for session in Session.objects.all()} == {"un": here, "deux": there}


def test_a_track_of_another_edition_is_not_known_to_a_row(organiser: Client, lyon: Edition) -> None:
    make.track(slug="science", edition=lyon)
    make.track(slug="arts", name="Arts")
    make.event(slug="forum")
    make.room(slug="nef", capacity=100)

    shown = upload(
        organiser, rows("un,forum,Un,One,panel,science,nef,2027-02-10 10:00,2027-02-10 11:00,registration,50")
    )

    [[_line, _field, sentence]] = problems(shown)
    assert "science" in sentence
    assert "Arts" in sentence


# --- The home ---------------------------------------------------------------------------------------------------------


def test_the_home_counts_nothing_of_archived_editions(organiser: Client) -> None:
    past = make.edition(state=State.ARCHIVED)
    for edition in (past, make.current_edition()):
        event = make.event(edition=edition)
        make.session(event=event, status="draft")
        make.session(event=event, room=make.room(to_be_confirmed=True))

    figures = {str(figure["label"]): figure for figure in organiser.get("/en/admin/").context["figures"]}

    assert figures["sessions to publish"]["number"] == 1
    assert {warning.session.event.edition for warning in warnings()} == {make.current_edition()}
    listed = organiser.get(figures["sessions to publish"]["url"]).context["cl"]
    assert listed.result_count == 1


def test_a_partner_s_people_are_filtered_by_cohorts_with_their_editions(organiser: Client, lyon: Edition) -> None:
    for edition in (lyon, make.current_edition()):
        portal.invitee(make.cohort(name="Promotion", edition=edition))

    listed = page(organiser, "partners_invitee", "changelist")

    assert "Promotion – Lyon 2028" in listed
    assert "Promotion – AI Action Summit" in listed
