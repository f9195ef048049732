"""What a request changes says in which request, and as what, it was changed."""

import logging
import re

import pytest
from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse

from core import acts
from core.histories import Act
from programme.models import Track
from summit.logs import LineFormatter
from tests import make

pytestmark = pytest.mark.django_db


def test_each_answer_has_an_id_of_its_own(client: Client) -> None:
    ids = [client.get(reverse("programme:home"))["X-Request-ID"] for _again in range(3)]

    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{16}", said) for said in ids)
    assert acts.request_id() == ""


@pytest.mark.parametrize(
    ("given", "proxies", "taken"),
    [
        ("0af7651916cd43dd", 1, True),
        ("7d5d747b-e160-4d2f-8d8c-cb0a6d8a9d55", 1, True),
        ("0af7651916cd43dd", 0, False),  # whoever asks has written it
        ("short", 1, False),
        ("x" * 37, 1, False),
        ("0af7651916cd43dd\x1b[2J", 1, False),
        ("ada@x.fr-and-more", 1, False),
    ],
)
def test_the_id_of_a_proxy_is_taken_where_there_is_one_and_it_is_plain(
    client: Client, given: str, proxies: int, taken: bool
) -> None:
    with override_settings(TRUSTED_PROXY_COUNT=proxies):
        said = client.get(reverse("programme:home"), headers={"X-Request-ID": given})["X-Request-ID"]

    assert (said == given) == taken


@pytest.mark.proves("audit-log")
def test_a_line_of_a_history_says_the_request_and_the_role(client: Client) -> None:
    session = make.session()
    organiser = make.organiser()
    make.sign_in(client, organiser)

    response = client.post(
        reverse("admin:programme_track_add"),
        {
            "edition": session.event.edition_id,
            "name_fr": "Climat",
            "name_en": "Climate",
            "slug": "climat",
            "colour": "#1F6FB2",
        },
    )

    assert response.status_code == 302, response.context["adminform"].errors
    track = Track.history.latest()
    assert (track.history_user, track.history_role) == (organiser, "owner")
    assert track.history_request == response["X-Request-ID"]
    seated = make.registration(session)
    assert (seated.history.latest().history_request, seated.history.latest().history_role) == ("", "")


def test_every_history_says_it() -> None:
    histories = [model for model in apps.get_models() if hasattr(model, "history_user")]

    assert len(histories) > 20
    assert [model for model in histories if not issubclass(model, Act)] == []


def test_a_line_of_the_log_begins_with_the_id() -> None:
    written: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse:
        record = logging.LogRecord("summit", logging.INFO, __file__, 1, "Hello %s", ("Ada",), None)
        written.append(LineFormatter("%(levelname)s %(name)s %(message)s").format(record))
        return HttpResponse()

    response = acts.name_requests(answer)(RequestFactory().get("/"))

    assert written == [f"INFO summit [{response['X-Request-ID']}] Hello Ada"]
