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
