import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests import make

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("pages: their words and the number of their queries are the same on both"),
]


@pytest.mark.parametrize("number", [1, 3])
def test_venues_are_listed_in_two_queries(
    client: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(number):
        make.venue()

    with django_assert_num_queries(2):
        response = client.get("/venues/")

    assert response.content.decode().count('<a class="title"') == number


@pytest.mark.on_both("the order of letters")
def test_venues_of_the_main_city_come_first_and_accents_sort_with_their_letter(client: Client) -> None:
    for name, city in [("Zénith", "Paris"), ("École normale", "Paris"), ("Fondation", "Paris"), ("Abbaye", "Saclay")]:
        make.venue(name=name, city=city)

    page = client.get("/venues/").content.decode()

    assert sorted(["École normale", "Fondation", "Zénith", "Abbaye"], key=page.index) == [
        "École normale",
        "Fondation",
        "Zénith",
        "Abbaye",
    ]


def test_a_list_without_venues_says_where_to_go_next(client: Client) -> None:
    page = client.get("/venues/").content.decode()

    assert "Aucun lieu n’est encore annoncé." in page
    assert '<a class="button quiet" href="/">' in page


@pytest.mark.parametrize("number", [1, 3])
def test_a_venue_shows_its_rooms_in_three_queries(
    client: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    venue = make.venue(
        slug="palais", accessibility_fr="De plain-pied.", latitude=48.86, longitude=2.31, address="Avenue X"
    )
    for n in range(number):
        make.room(venue=venue, name=f"Salon {n}", capacity=100 + n)

    with django_assert_num_queries(3):
        page = client.get("/venues/palais/").content.decode()

    assert all(f"Salon {n}" in page for n in range(number))
    assert "De plain-pied." in page
    assert "heure de Paris" in page
    assert "https://www.openstreetmap.org/?mlat=48.86&amp;mlon=2.31" in page


@pytest.mark.on_both("runs a statement that no other test runs")
def test_a_venue_without_a_position_shows_no_map(client: Client) -> None:
    make.venue(slug="quelque-part")

    assert "openstreetmap" not in client.get("/venues/quelque-part/").content.decode()


def test_an_accessibility_note_that_is_not_translated_says_its_language(client: Client) -> None:
    make.venue(slug="palais", accessibility_fr="De plain-pied.", accessibility_en="")

    assert '<p class="lead" lang="fr" dir="auto">De plain-pied.' in client.get("/en/venues/palais/").content.decode()


def test_an_unknown_venue_is_not_found(client: Client) -> None:
    assert client.get("/venues/nulle-part/").status_code == 404


@pytest.mark.parametrize(("prefix", "other"), [("", "en"), ("/en", "fr")])
def test_a_name_says_its_language_where_it_is_not_the_pages(client: Client, prefix: str, other: str) -> None:
    here = "en" if other == "fr" else "fr"
    venue = make.venue(slug="palais", **{f"name_{other}": "Palais", f"name_{here}": None})
    make.room(venue=venue, **{f"name_{other}": "Nef", f"name_{here}": None})
    make.room(venue=venue, name_fr="Foyer", name_en="Foyer")

    page = client.get(f"{prefix}/venues/palais/").content.decode()

    assert f'<h1 lang="{other}" dir="auto">Palais</h1>' in page
    assert f'<td lang="{other}" dir="auto">Nef</td>' in page
    assert '<td dir="auto">Foyer</td>' in page
    assert f' lang="{other}" dir="auto">Palais</a>' in client.get(f"{prefix}/venues/").content.decode()


@pytest.mark.parametrize(("prefix", "names"), [("", ["Élan", "Œil", "Zinc"]), ("/en", ["Ark", "Bee", "Cat"])])
@pytest.mark.on_both("the order of letters")
def test_venues_and_rooms_stand_in_the_order_of_their_names_in_the_readers_language(
    client: Client, prefix: str, names: list[str]
) -> None:
    venue = make.venue(slug="palais", city="Brest")
    for french, english in (("Zinc", "Ark"), ("Œil", "Bee"), ("Élan", "Cat")):
        make.venue(name_fr=french, name_en=english)
        make.room(venue=venue, name_fr=french, name_en=english, capacity=9)

    for page in ("/venues/", "/venues/palais/"):
        text = client.get(f"{prefix}{page}").content.decode()
        assert sorted(names, key=lambda name: text.index(f">{name}<")) == names
