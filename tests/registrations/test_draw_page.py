"""The page on which anybody draws the lots of a waiting list again (docs/rules.md#waiting-list)."""

import hashlib
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from programme.models import Session
from registrations.domain import waitlist
from registrations.models import Registration
from tests import make
from tests.registrations.pages import words
from tests.registrations.test_seat_pages import ask, full

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def session():
    return full(waiting=5, waiting_list=Session.WaitingList.DRAW, draw_at=NOW + timedelta(hours=1))


def drawn(session, *, seed="graine"):
    waitlist.draw(session, NOW + timedelta(hours=2), seed=seed)
    return Client().get(reverse("registrations:draw", args=[session.slug]))


@pytest.mark.proves("verifiable-draw", "draw-page")
def test_with_what_the_page_says_anybody_gets_the_same_order(session):
    """The seed, the codes and one sentence are enough."""
    first, second = Registration.objects.filter(session=session, status="waiting")[:2]
    party = waitlist.start_party(first, actor=first.attendee.user)
    waitlist.join_party(second, party.code, actor=second.attendee.user, at=NOW)

    page = re.sub(r">\s+<", "><", drawn(session).content.decode())

    [seed] = re.findall(r"<dd><code[^>]*>(\w+)</code></dd>", page)
    rows = re.findall(
        r'<tr id="[^"]*"><th[^>]*>(\d+)</th><td><code>([^<]+)</code></td><td>(?:<code>(\w+)</code>)?</td>', page
    )
    codes = {code: group for _lot, code, group in rows}
    again = sorted(codes, key=lambda code: (hashlib.sha256(f"{seed}:{codes[code] or code}".encode()).hexdigest(), code))
    assert [code for _lot, code, _group in rows] == again
    assert list(codes.values()).count(party.code) == 2
    lots = {str(uuid): lot for uuid, lot in Registration.objects.filter(lot__isnull=False).values_list("uuid", "lot")}
    assert {code: int(lot) for lot, code, _group in rows} == lots


@pytest.mark.proves("verifiable-draw", "draw-page")
def test_the_page_names_nobody_and_is_the_same_for_everybody(session):
    response = drawn(session)

    assert "public" in response["Cache-Control"]
    for registration in Registration.objects.filter(session=session).select_related("attendee__user"):
        assert registration.attendee.name not in response.content.decode()
        assert registration.attendee.user.email not in response.content.decode()
    assert make.sign_in(Client(), make.attendee()).get(response.request["PATH_INFO"]).content == response.content


def test_it_says_when_the_lots_were_drawn_and_how_many_there_are(session):
    assert re.search(r"Tirage du \w+ .* à \d+ h \d\d : 5 participations\.", words(drawn(session).content.decode()))


def test_nobody_on_the_waiting_list_is_no_crash(session):
    Registration.objects.filter(session=session, status="waiting").update(status="cancelled")

    assert "Personne n’attendait : il n’y a pas eu de tirage." in words(drawn(session).content.decode())


@pytest.mark.parametrize("status", [Session.Status.DRAFT, Session.Status.PUBLISHED])
def test_without_a_drawing_there_is_no_page(client, status):
    session = make.session(status=status)

    assert client.get(reverse("registrations:draw", args=[session.slug])).status_code == 404


def test_the_lots_of_a_session_that_is_not_public_are_not_found(client, session):
    drawn(session)
    Session.objects.filter(pk=session.pk).update(status=Session.Status.DRAFT)

    assert client.get(reverse("registrations:draw", args=[session.slug])).status_code == 404


def test_whoever_comes_after_the_draw_stands_behind_the_lots(client, session):
    drawn(session)
    late = ask(session)

    assert waitlist.places([late]) == {late.pk: 6}
    assert str(late.uuid) not in client.get(reverse("registrations:draw", args=[session.slug])).content.decode()
