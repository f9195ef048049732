"""How long the way between two venues takes (docs/rules.md#clashes)."""

import pytest
from pytest_django import DjangoAssertNumQueries

from tests import make
from venues.domain.travel import Travel
from venues.models import TravelTime

pytestmark = pytest.mark.django_db

GRAND_PALAIS = {"latitude": 48.8661, "longitude": 2.3125}
STATION_F = {"latitude": 48.8342, "longitude": 2.3712}
PALAISEAU = {"latitude": 48.713, "longitude": 2.209, "city": "Palaiseau"}
CONCIERGERIE = {"latitude": 48.8559, "longitude": 2.3459}
SAINTE_CHAPELLE = {"latitude": 48.8554, "longitude": 2.3450}
BRUSSELS = {"latitude": 50.8466, "longitude": 4.3528, "city": "Bruxelles", "country": "BE"}
NEW_DELHI = {"latitude": 28.6139, "longitude": 77.2090, "city": "New Delhi", "country": "IN"}
NOWHERE = {"latitude": None, "longitude": None}


def minutes(origin, destination):
    return Travel().minutes(make.venue(**origin).pk, make.venue(**destination).pk)


@pytest.mark.proves("travel-time")
@pytest.mark.parametrize(
    ("origin", "destination", "least", "most"),
    [
        (PALAISEAU, GRAND_PALAIS, 60, 80),
        (STATION_F, GRAND_PALAIS, 30, 45),
        (CONCIERGERIE, SAINTE_CHAPELLE, 5, 5),  # on foot
        (GRAND_PALAIS, CONCIERGERIE, 15, 30),
        (GRAND_PALAIS, BRUSSELS, 180, 300),  # by train
        (GRAND_PALAIS, NEW_DELHI, 12 * 60, 24 * 60),  # by plane
        (GRAND_PALAIS, GRAND_PALAIS, 0, 0),  # next door
        (NOWHERE, GRAND_PALAIS, 45, 45),
        (NOWHERE, PALAISEAU, 180, 180),
        (NOWHERE, {"city": "paris"}, 45, 45),
        (NOWHERE, {"country": "US"}, 180, 180),  # Paris, Texas
    ],
)
def test_an_unknown_way_is_estimated_by_its_distance(origin, destination, least, most):
    there, back = minutes(origin, destination), minutes(destination, origin)

    assert least <= there == back <= most
    assert there % 5 == 0


def test_antipodes_have_a_distance():
    assert minutes({"latitude": 0.1, "longitude": 0.1}, {"latitude": -0.1, "longitude": -179.9}) > 24 * 60


@pytest.mark.proves("travel-time")
def test_a_longer_way_is_never_quicker():
    start = make.venue(latitude=48.0, longitude=2.0)
    ways = [make.venue(latitude=48.0 + 0.002 * 1.3**n, longitude=2.0) for n in range(30)]

    travel = Travel()
    times = [travel.minutes(start.pk, way.pk) for way in ways]

    assert times == sorted(times)


@pytest.mark.proves("travel-time")
def test_what_organisers_know_replaces_the_estimate_for_the_way_back_too():
    here, there = make.venue(**STATION_F), make.venue(**GRAND_PALAIS)
    TravelTime.objects.create(origin=here, destination=there, minutes=22)

    assert (Travel().minutes(here.pk, there.pk), Travel().minutes(there.pk, here.pk)) == (22, 22)

    TravelTime.objects.create(origin=there, destination=here, minutes=0)

    assert (Travel().minutes(here.pk, there.pk), Travel().minutes(there.pk, here.pk)) == (22, 0)


@pytest.mark.proves("travel-time")
def test_the_entrance_is_passed_each_time_one_comes_from_elsewhere():
    plain = make.venue(**STATION_F)
    guarded = make.venue(**GRAND_PALAIS, security_minutes=20)
    estimated = Travel().minutes(guarded.pk, plain.pk)

    assert Travel().minutes(plain.pk, guarded.pk) == estimated + 20
    assert Travel().minutes(guarded.pk, guarded.pk) == 0

    TravelTime.objects.create(origin=plain, destination=guarded, minutes=22)

    assert Travel().minutes(plain.pk, guarded.pk) == 42


def test_nothing_is_read_until_somebody_changes_venue_and_then_everything_once(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    venues = [make.venue() for _ in range(5)]
    with django_assert_num_queries(0):
        travel = Travel()
        assert travel.minutes(venues[0].pk, venues[0].pk) == 0
    with django_assert_num_queries(2):
        for origin in venues:
            for destination in venues:
                travel.minutes(origin.pk, destination.pk)


def test_a_venue_that_opened_meanwhile_is_known_too():
    travel = Travel()
    old = make.venue()
    travel.minutes(old.pk, make.venue().pk)

    assert travel.minutes(old.pk, make.venue().pk) == 45
