"""Venues in the administration: what the ways between them take."""

import re
from typing import Any

import pytest
from django.test import Client

from tests import make
from venues.models import TravelTime, Venue

pytestmark = pytest.mark.django_db
ADD = "/admin/venues/traveltime/add/"


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def form(venue: Venue, *ways: dict[str, Any], **changes: Any) -> dict[str, Any]:
    data = {
        "name_fr": venue.name,
        "slug": venue.slug,
        "city": venue.city,
        "country": venue.country,
        "timezone": venue.timezone,
        "security_minutes": venue.security_minutes,
        "rooms-TOTAL_FORMS": 0,
        "rooms-INITIAL_FORMS": 0,
        "ways_out-TOTAL_FORMS": len(ways),
        "ways_out-INITIAL_FORMS": 0,
    }
    for number, way in enumerate(ways):
        data |= {f"ways_out-{number}-{name}": value for name, value in ({"origin": venue.pk} | way).items()}
    return data | changes


def rows(page: str) -> list[str]:
    table = page.split('<table class="ways">')[1].split("</table>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in table.split("<tr>")[2:]]


def test_the_minutes_of_a_way_are_written_on_its_venues_page(organiser: Client) -> None:
    here, there = make.venue(), make.venue(name="Station F")

    answer = organiser.post(
        f"/admin/venues/venue/{here.pk}/change/",
        form(here, {"destination": there.pk, "minutes": 25, "note": "navette"}, security_minutes=10),
    )

    assert answer.status_code == 302
    way = TravelTime.objects.get()
    assert (way.origin, way.destination, way.minutes, way.note) == (here, there, 25, "navette")
    assert way.history.get().history_user.is_superuser
    here.refresh_from_db()
    assert here.security_minutes == 10


@pytest.mark.proves("travel-time")
def test_a_venues_page_tells_all_ways_and_which_are_estimates(organiser: Client) -> None:
    here = make.venue(name="Ici", security_minutes=20)
    make.travel_time(origin=make.venue(name="Beaubourg"), destination=here, minutes=15)
    make.venue(name="Station F", security_minutes=5)
    make.venue(name="École")

    page = organiser.get(f"/admin/venues/venue/{here.pk}/change/").content.decode()

    assert rows(page) == ["Beaubourg 15 35 organisateurs", "École 45 65 estimation", "Station F 50 65 estimation"]


@pytest.mark.parametrize("venues", [1, 3])
def test_a_venues_page_takes_the_same_queries_whatever_the_number_of_others(
    organiser: Client, venues: int, django_assert_num_queries: Any
) -> None:
    here = make.venue()
    for _ in range(venues):
        make.travel_time()
    url = f"/admin/venues/venue/{here.pk}/change/"
    organiser.get(url)

    with django_assert_num_queries(11):
        organiser.get(url)


def test_a_way_leads_from_one_venue_to_another(organiser: Client) -> None:
    here, there = make.venue(), make.venue()
    make.travel_time(origin=here, destination=there)

    within = organiser.post(ADD, {"origin": here.pk, "destination": here.pk, "minutes": 5})
    twice = organiser.post(ADD, {"origin": here.pk, "destination": there.pk, "minutes": 5})
    on_the_page = organiser.post(
        f"/admin/venues/venue/{here.pk}/change/", form(here, {"destination": here.pk, "minutes": 5})
    )

    assert "à l’intérieur d’un même lieu" in str(within.context["adminform"].form.errors["destination"])
    assert twice.context["adminform"].form.errors
    assert "à l’intérieur d’un même lieu" in on_the_page.content.decode()
    assert TravelTime.objects.count() == 1


@pytest.mark.parametrize("minutes", ["-1", "1e3", "٣", "", "x"])
def test_minutes_that_are_none_are_an_error_beside_the_field(organiser: Client, minutes: str) -> None:
    answer = organiser.post(ADD, {"origin": make.venue().pk, "destination": make.venue().pk, "minutes": minutes})

    assert answer.context["adminform"].form.errors.keys() == {"minutes"}
    assert not TravelTime.objects.exists()


def test_two_organisers_who_write_the_same_way_at_once_get_a_sentence(
    organiser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = make.venue(), make.venue()
    real = TravelTime.save

    def late(self: TravelTime, *args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(TravelTime, "save", real)
        # Between the form's check and the save.
        TravelTime.objects.bulk_create([TravelTime(origin=here, destination=there, minutes=9)])
        real(self, *args, **kwargs)

    monkeypatch.setattr(TravelTime, "save", late)

    answer = organiser.post(ADD, {"origin": here.pk, "destination": there.pk, "minutes": 5}, follow=True)

    assert "Rien n’a été enregistré" in answer.content.decode()
