import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from summit import errors
from tests import make

pytestmark = pytest.mark.runs_once("pages: errors ask no database")


@pytest.mark.django_db  # the name of the edition
def test_a_page_that_does_not_exist_says_so_in_the_language_of_its_address(client: Client) -> None:
    french, english = client.get("/rien/"), client.get("/en/nothing/")

    assert (french.status_code, english.status_code) == (404, 404)
    assert "Cette page n’existe pas" in french.content.decode()
    assert "This page does not exist" in english.content.decode()
    assert '<a class="language" href="/en/" lang="en"' in french.content.decode()
    assert "no-store" in french["Cache-Control"]


@pytest.mark.parametrize(
    "address", ["/en//evil.example/", "/en/%2F/evil.example/", "//evil.example/", "/en/\\evil.example/"]
)
def test_no_address_makes_the_language_switch_leave_the_site(rf: RequestFactory, address: str) -> None:
    from summit.context_processors import summit  # noqa: PLC0415

    shown = summit(rf.get("http://testserver" + address) if address.startswith("//") else rf.get(address))

    for key in ("french_address", "english_address"):
        assert not shown[key].startswith(("//", "/\\"))


def test_a_host_that_is_not_ours_gets_a_page_without_it(client: Client) -> None:
    response = client.get("/", headers={"Host": "evil.example"})

    assert response.status_code == 400
    assert "Nous n’avons pas pu lire cette demande" in response.content.decode()
    assert "evil.example" not in response.content.decode()


@pytest.mark.django_db
def test_an_address_that_takes_no_get_explains_itself(client: Client) -> None:
    session = make.session()

    response = client.get(reverse("registrations:register", args=[session.slug]))

    assert response.status_code == 405
    assert "Cette adresse ne s’ouvre pas directement" in response.content.decode()


@pytest.mark.django_db
def test_a_form_that_is_too_old_explains_itself() -> None:
    session = make.session()

    response = Client(enforce_csrf_checks=True).post(reverse("registrations:register", args=[session.slug]))

    assert response.status_code == 403
    assert "Cette page est restée ouverte trop longtemps" in response.content.decode()


def test_a_crash_shows_a_page_and_no_trace(rf: RequestFactory) -> None:
    response = errors.server_error(rf.get("/"))

    assert response.status_code == 500
    assert "Une erreur s’est produite de notre côté" in response.content.decode()
    assert "Traceback" not in response.content.decode()
