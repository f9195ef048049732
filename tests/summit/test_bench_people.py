import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Attendee, User
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def bench_mode(settings):
    settings.BENCH_MODE = True


def people(number: int, out: Path) -> list[dict]:
    call_command("bench_people", number, out=out, verbosity=0)
    return [json.loads(line) for line in out.read_text().splitlines()]


def browser_of(person: dict) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.cookies.load(person["cookies"])
    return client


def test_each_person_is_signed_in_with_cookies_of_their_own(bench_mode, tmp_path):
    ada, grace = people(2, tmp_path / "people.jsonl")

    for person in (ada, grace):
        request = browser_of(person).get(reverse("registrations:me")).wsgi_request
        assert request.user.email == person["email"]
        assert request.user.attendee.name
    assert ada["cookies"]["sessionid"] != grace["cookies"]["sessionid"]


def test_the_csrf_cookie_is_a_token_that_lets_the_person_post(bench_mode, tmp_path):
    [ada] = people(1, tmp_path / "people.jsonl")
    path = reverse("registrations:register", args=[make.session().slug])

    assert browser_of(ada).post(path, {"csrfmiddlewaretoken": ada["cookies"]["csrftoken"]}).status_code != 403
    assert browser_of(ada).post(path, {"csrfmiddlewaretoken": "x" * 32}).status_code == 403


def test_a_second_call_makes_other_people_and_each_leaves_a_trace(bench_mode, tmp_path):
    first, second = people(2, tmp_path / "1.jsonl"), people(2, tmp_path / "2.jsonl")

    assert len({person["email"] for person in first + second}) == 4
    assert Attendee.history.count() == User.history.count() == 4


def test_nobody_else_may_read_the_cookies(bench_mode, tmp_path):
    people(1, tmp_path / "people.jsonl")

    assert (tmp_path / "people.jsonl").stat().st_mode & 0o077 == 0


def test_a_real_summit_refuses(settings, tmp_path):
    settings.BENCH_MODE = settings.DEMO_MODE = False

    with pytest.raises(CommandError, match="BENCH_MODE=1"):
        people(1, tmp_path / "people.jsonl")
    assert not User.objects.exists()


@pytest.mark.parametrize("number", [0, -1, 100_001])
def test_an_odd_number_is_refused(bench_mode, tmp_path, number):
    with pytest.raises(CommandError, match="1 to 100000"):
        people(number, tmp_path / "people.jsonl")


def test_a_file_that_cannot_be_written_is_said_in_a_sentence_and_makes_nobody(bench_mode, tmp_path):
    with pytest.raises(CommandError, match="cannot be written"):
        people(1, tmp_path / "no" / "people.jsonl")
    assert not User.objects.exists()
