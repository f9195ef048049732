"""Venues and rooms are called by their names in French and in English."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import translation

from core.folding import in_order
from programme.models import Session
from tests import make
from tests.sheets import confirm, problems, upload
from venues.domain import places
from venues.models import Room, Venue

pytestmark = pytest.mark.django_db


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def import_(organiser: Client, rows: str, model: str = "venues/room") -> None:
    preview = upload(organiser, rows, model=model)
    assert not preview.context["preview"].errors, preview.context["preview"].errors
    assert confirm(organiser, preview, model).status_code == 302


def names(room: Room) -> tuple[str | None, str | None]:
    room = Room.objects.get(pk=room.pk)
    return room.name_fr, room.name_en


# --- What the database keeps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_name_is_that_of_one_room_of_its_venue_in_each_language(language: str) -> None:
    room = make.room(name_fr="Amphithéâtre", name_en="Amphitheatre")
    twin = Room(venue=room.venue, slug="autre", capacity=5, name_fr="Accueil", name_en="Welcome")
    setattr(twin, f"name_{language}", getattr(room, f"name_{language}"))

    with pytest.raises(ValidationError, match="Une autre salle de ce lieu porte ce nom en"):
        twin.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()
    twin.venue = make.venue()
    twin.full_clean()
    twin.save()


@pytest.mark.parametrize("blank", ["", None])
def test_rooms_without_an_english_name_do_not_have_the_same_one(blank: str | None) -> None:
    venue = make.venue()

    rooms = [make.room(venue=venue, name_en=blank) for _ in range(2)]

    assert [room.name_en for room in rooms] == [None, None]
    with translation.override("en"):
        assert [room.name for room in rooms] == [room.name_fr for room in rooms]


def test_places_are_found_by_their_names_in_both_languages_and_sorted_in_the_readers() -> None:
    for french, english in (("Zinc", "Ark"), ("Œil", "Bee"), ("Élan", "Cat")):
        make.room(venue=make.venue(name_fr=french, name_en=english), name_fr=french, name_en=english)

    for model in (Venue, Room):
        for typed in ("oeil", "bee"):
            assert [row.name_fr for row in model.objects.filter(search__contains=typed)] == ["Œil"]
        assert [row.name_fr for row in model.objects.order_by(in_order(model))] == ["Élan", "Œil", "Zinc"]
        with translation.override("en"):
            assert [row.name_en for row in model.objects.order_by(in_order(model))] == ["Ark", "Bee", "Cat"]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_sessions_of_one_hour_stand_in_one_order_for_all_readers(language: str) -> None:
    first = make.session(room=make.room(name_fr="Émeraude", name_en="Zinc"))
    for french, english in (("Zinc", "Ark"), ("École", None)):
        make.session(starts_at=first.starts_at, room=make.room(name_fr=french, name_en=english))

    with translation.override(language):
        assert [session.room.name_fr for session in Session.objects.all()] == ["École", "Émeraude", "Zinc"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow(10)
def test_the_one_name_that_there_was_is_the_french_one_and_comes_back() -> None:
    room = make.room(venue=make.venue(name="Palais"), name="Nef")
    only_english = make.room(venue=room.venue, name_fr=None, name_en="Hall")
    executor = MigrationExecutor(connection)
    then = executor.migrate([("venues", "0003_to_be_confirmed")]).apps
    try:
        model = then.get_model("venues", "Room")
        assert [model.objects.get(pk=one.pk).name for one in (room, only_english)] == ["Nef", "Hall"]
        assert model.objects.get(pk=room.pk).search == f"nef\n{room.slug.replace('-', ' ')}"
        assert then.get_model("venues", "Venue").objects.get(pk=room.venue_id).name == "Palais"
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())  # with all that came after it

    assert (names(room), names(only_english)) == (("Nef", None), ("Hall", None))
    assert [line.name_fr for line in room.history.all()] == ["Nef"]
    assert Room.objects.get(pk=room.pk).search == f"nef\nnef\n{room.slug.replace('-', ' ')}"
    assert (Venue.objects.get().name_fr, Venue.objects.get().name_en) == ("Palais", None)
    assert Venue.history.get().name_fr == "Palais"


def test_a_place_that_was_kept_before_names_were_in_two_languages_is_the_same_one() -> None:
    room = make.room(name_en=None, venue=make.venue(name_en=None))

    kept = places.place_of(room)

    assert kept.keys() == {"room_name", "venue", "venue_name", "address", "city", "zone"}
    assert places.room_at(room.pk, kept).name_fr == room.name_fr
    room.name_en, room.venue.name_en = "Nave", "Palace"
    then = places.room_at(room.pk, places.place_of(room))
    with translation.override("en"):
        assert (then.name, then.venue.name) == ("Nave", "Palace")


# --- In the administration --------------------------------------------------------------------------------------------


def test_both_names_are_written_in_the_form_of_a_venue_and_in_its_table_of_rooms(organiser: Client) -> None:
    venue = make.venue(name_en=None)
    page = organiser.get(f"/admin/venues/venue/{venue.pk}/change/").content.decode()
    assert all(f'name="name_{language}"' in page for language in ("fr", "en"))
    form = {"name_fr": "Grand Palais", "name_en": "Great Palace", "slug": "palais", "city": "Paris", "country": "FR"}
    form |= {"timezone": "Europe/Paris", "security_minutes": 0, "ways_out-TOTAL_FORMS": 0, "ways_out-INITIAL_FORMS": 0}
    rows = [("Nef", "Nave", "nef"), ("Salon", "", "salon"), ("Foyer", "", "foyer")]
    form |= {"rooms-TOTAL_FORMS": len(rows), "rooms-INITIAL_FORMS": 0}
    for n, row in enumerate(rows):
        values = {**dict(zip(("name_fr", "name_en", "slug"), row, strict=True)), "capacity": 5, "venue": venue.pk}
        form |= {f"rooms-{n}-{name}": value for name, value in values.items()}

    answer = organiser.post(f"/admin/venues/venue/{venue.pk}/change/", form)

    assert answer.status_code == 302
    found = Room.objects.order_by("slug").values_list("name_fr", "name_en")
    assert list(found) == [("Foyer", None), ("Nef", "Nave"), ("Salon", None)]
    venue.refresh_from_db()
    assert (venue.name_fr, venue.name_en) == ("Grand Palais", "Great Palace")


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([("Nef", "Nave"), ("Nef", "Hall")], "Deux salles de ce lieu portent le même nom en français."),
        ([("Nef", "Nave"), ("Hall", "Nave")], "Deux salles de ce lieu portent le même nom en anglais."),
        ([("", "Nave")], "Ce champ est obligatoire."),
    ],
)
def test_what_no_table_of_rooms_may_hold_is_an_error(
    organiser: Client, rows: list[tuple[str, str]], sentence: str
) -> None:
    venue = make.venue()
    form = {"name_fr": "Grand Palais", "slug": "palais", "city": "Paris", "country": "FR", "timezone": "Europe/Paris"}
    form |= {"security_minutes": 0, "ways_out-TOTAL_FORMS": 0, "ways_out-INITIAL_FORMS": 0}
    form |= {"rooms-TOTAL_FORMS": len(rows), "rooms-INITIAL_FORMS": 0}
    for n, (french, english) in enumerate(rows):
        values = {"name_fr": french, "name_en": english, "slug": f"r{n}", "capacity": 5, "venue": venue.pk}
        form |= {f"rooms-{n}-{name}": value for name, value in values.items()}

    answer = organiser.post(f"/admin/venues/venue/{venue.pk}/change/", form)

    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not Room.objects.exists()


# --- In sheets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["slug,name_fr,name_en", "Identifiant,Nom (français),Nom (anglais)", "slug,Nom,Name"]
)
def test_a_sheet_holds_both_names(organiser: Client, header: str) -> None:
    room = make.room(name="Nef")

    import_(organiser, f"{header}\n{room.slug},Grande nef,Great nave\n")

    assert names(room) == ("Grande nef", "Great nave")


def test_a_sheet_of_one_name_leaves_the_english_one(organiser: Client) -> None:
    room = make.room(name_fr="Nef", name_en="Nave")

    import_(organiser, f"slug,name\n{room.slug},Grande nef\n")
    import_(organiser, f"slug,name\n{room.venue.slug},Palais\n", "venues/venue")

    assert names(room) == ("Grande nef", "Nave")
    assert Venue.objects.get().name_fr == "Palais"


def test_what_is_exported_changes_nothing_when_it_comes_back(organiser: Client) -> None:
    make.room(name_fr="Nef", name_en="Nave", venue=make.venue(name_fr="Palais", name_en=None))

    for model in ("venues/venue", "venues/room"):
        exported = organiser.post(f"/admin/{model}/export/", {"format": "0", "resource": "0"}).content.decode()
        assert "Nom (français)" in exported
        assert "Nom (anglais)" in exported
        assert upload(organiser, exported, model=model).context["preview"].rows == []


def test_rooms_exchange_their_names_in_one_language(organiser: Client) -> None:
    venue = make.venue()
    one = make.room(venue=venue, name_fr="A", name_en="One")
    two = make.room(venue=venue, name_fr="B", name_en="Two")

    import_(organiser, f"slug,name_en\n{one.slug},Two\n{two.slug},One\n")
    import_(organiser, f"slug,name_fr\n{one.slug},B\n{two.slug},A\n")

    assert (names(one), names(two)) == (("B", "Two"), ("A", "One"))


def test_two_rows_with_one_english_name_are_an_error_of_the_later(organiser: Client) -> None:
    venue = make.venue()
    one, two = make.room(venue=venue), make.room(venue=venue)

    errors = problems(upload(organiser, f"slug,name_en\n{one.slug},Hall\n{two.slug},Hall\n", model="venues/room"))

    assert [line for line, _column, _words in errors] == [3]


@pytest.mark.parametrize("cell", ["Nave", "Palace – Nave", "Palais – Nave", "Nef (Palace)", "Nef"])
def test_a_session_names_its_room_in_either_language(organiser: Client, cell: str) -> None:
    room = make.room(name_fr="Nef", name_en="Nave", venue=make.venue(name_fr="Palais", name_en="Palace"))
    session = make.session(room=make.room(venue=room.venue))

    import_(organiser, f"slug,room\n{session.slug},{cell}\n", "programme/session")

    assert Session.objects.get().room == room
