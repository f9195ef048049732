import gzip
from inspect import unwrap

import pytest
from django.core.cache import caches
from django.test import Client, RequestFactory
from django.test.utils import override_settings

from core.caching import public_page
from tests import make
from venues.views import venues


@pytest.fixture
def kept():  # type: ignore[no-untyped-def]
    """The list of venues with its cache switched on."""
    with override_settings(PUBLIC_CACHE_SECONDS=60):
        return public_page(unwrap(venues))


@pytest.mark.proves("public-cache")
@pytest.mark.django_db
def test_a_public_page_is_kept_compressed_and_not_drawn_again(  # type: ignore[no-untyped-def]
    kept, django_assert_num_queries, rf: RequestFactory
) -> None:
    make.venue(name="Grand Palais")
    first = kept(rf.get("/venues/", HTTP_ACCEPT_ENCODING="gzip, deflate, br"))

    with django_assert_num_queries(0):
        second = kept(rf.get("/venues/", HTTP_ACCEPT_ENCODING="zstd, gzip"))

    assert second.content == first.content
    assert "Grand Palais" in gzip.decompress(second.content).decode()
    assert second["Cache-Control"] == "public, max-age=60"
    assert second["Vary"] == "Accept-Encoding"


@pytest.mark.django_db
def test_a_public_page_reads_without_gzip_too(kept, rf: RequestFactory) -> None:  # type: ignore[no-untyped-def]
    make.venue(name="Grand Palais")
    kept(rf.get("/venues/", HTTP_ACCEPT_ENCODING="gzip"))

    assert "Grand Palais" in kept(rf.get("/venues/")).content.decode()


@pytest.mark.django_db
def test_made_up_addresses_are_redirected_and_fill_no_cache(kept, rf: RequestFactory) -> None:  # type: ignore[no-untyped-def]
    answers = [kept(rf.get(f"/venues/?n={n}")) for n in range(20)]

    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/venues/")}
    assert caches["pages"]._cache == {}


@pytest.mark.proves("public-pages-same-for-all")
@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/", "/programme/", "/speakers/", "/venues/", "/en/", "/en/programme/", "/en/speakers/", "/en/venues/"]
)
def test_a_public_page_is_the_same_for_everybody(client: Client, address: str) -> None:
    stranger = client.get(address)
    make.sign_in(client, make.attendee(name="Ada Lovelace"))

    response = client.get(address, headers={"Accept-Language": "en", "HX-Request": "true"})

    assert response.content == stranger.content
    assert b"csrf" not in response.content
    assert not response.cookies
    assert response["Vary"] == "Accept-Encoding"
    assert "public" in response["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_a_public_page_only_reads(client: Client, method: str) -> None:
    assert getattr(client, method)("/venues/").status_code == 405
