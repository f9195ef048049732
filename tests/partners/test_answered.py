"""An invitation's link answers once; afterwards it asks for the code of the address (docs/rules.md#answered-link)."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User, WebSession
from outbox.models import Message
from partners.domain import responses
from partners.models import Invitee
from registrations.models import Registration
from tests import make
from tests.crowd import all_at_once
from tests.partners import portal
from tests.partners.portal import ADA, ALAN
from tests.registrations.pages import words

pytestmark = [pytest.mark.django_db, pytest.mark.proves("answered-link")]


@pytest.fixture
def ada() -> Invitee:
    cohort = make.cohort(size=10, institution=make.institution(name="Cnam"), name="Master MéDAS")
    portal.session_for(cohort, title="Puces")
    return portal.invitee(cohort, ADA)


def link(invitee: Invitee) -> str:
    return f"/invitations/{Invitee.objects.get(pk=invitee.pk).key}/"


def code_sent_to(address: str) -> str:
    mail = Message.objects.filter(kind="accounts.code", to=address).latest("pk")
    return mail.context["code"]


def prove(browser: Client, ada: Invitee, address: str = "ada@x.fr") -> None:
    browser.post(link(ada), {"act": "send"})
    assert browser.post(link(ada), {"act": "code", "code": code_sent_to(address)}).status_code == 302


ANSWERS = {
    "accepted": lambda ada: responses.accept(ada, ["puces"], language="fr", at=timezone.now()),
    "declined": lambda ada: responses.decline(ada, at=timezone.now()),
}
SAID = ("Ada", "Lovelace", "ada@", "21001", "Cnam", "MéDAS", "Puces", "accepté", "décliné")


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("query", ["", "?erase", "?correct", "?decline"])
def test_an_answered_link_that_was_passed_on_shows_nothing_about_anybody(ada: Invitee, answer: str, query: str) -> None:
    ANSWERS[answer](ada)
    for browser in (Client(), portal.signed_in(make.attendee().user), portal.signed_in(make.organiser())):
        for language in ("", "/en"):
            page = browser.get(f"{language}{link(ada)}{query}").content.decode()
            main = words(page.split("<main", 1)[1])
            assert not [said for said in SAID if said in main]
    assert "Cette invitation a reçu sa réponse" in words(Client().get(link(ada)).content.decode())


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("act", ["accept", "decline", "correct", "erase"])
def test_nor_does_it_change_anything(ada: Invitee, answer: str, act: str) -> None:
    ANSWERS[answer](ada)
    before = Invitee.objects.values().get(), Registration.objects.count(), User.objects.count()
    current = Invitee.objects.get()
    data = {"act": act, "last_name": "King", "first_name": "Ada", "seen": responses.name_seen(current)}

    answered = Client().post(link(ada), data, follow=True)

    assert not [said for said in SAID if said in words(answered.content.decode().split("<main", 1)[1])]
    assert before == (Invitee.objects.values().get(), Registration.objects.count(), User.objects.count())


def test_whoever_has_just_answered_goes_on_seeing_their_answer(ada: Invitee, client: Client) -> None:
    page = client.post(link(ada), {"act": "decline"}, follow=True).content.decode()
    assert "Vous avez décliné" in page and "Ada Lovelace" in page
    client.post(link(ada), {"act": "accept"})
    assert Invitee.objects.get().status == "accepted"

    other = Client()
    assert "Ada" not in other.get(link(ada)).content.decode()
    client.logout()
    assert "Ada" not in client.get(link(ada)).content.decode().split("<main", 1)[1]


def test_whoever_is_signed_in_as_the_person_needs_no_code(ada: Invitee) -> None:
    hers = portal.signed_in(portal.accepted(ada).user)
    assert "Ada Lovelace" in hers.get(link(ada)).content.decode()
    hers.post(link(ada), {"act": "decline"})
    again = portal.signed_in(User.objects.get(email="ada@x.fr"))
    assert "Vous avez décliné" in again.get(link(ada)).content.decode()


def test_changing_ones_mind_works_with_the_code_of_the_address(ada: Invitee, client: Client) -> None:
    responses.decline(ada, at=timezone.now())
    client.get(link(ada))
    page = client.post(link(ada), {"act": "send"}, follow=True).content.decode()
    assert "Un code part vers la personne invitée" in words(page) and "ada@" not in page
    wrong = client.post(link(ada), {"act": "code", "code": "00000000"}).content.decode()
    assert "id_code_error" in wrong and "Ada" not in wrong

    client.post(link(ada), {"act": "code", "code": code_sent_to("ada@x.fr")})
    assert "Ada Lovelace" in client.get(link(ada)).content.decode()
    client.post(link(ada), {"act": "accept"})

    assert Invitee.objects.get().status == "accepted"


def test_the_code_goes_to_whoever_accepted_whatever_address_the_list_has_since(ada: Invitee, client: Client) -> None:
    portal.accepted(ada)
    portal.apply(ada.cohort, ["Lovelace", "Ada", "victim@x.fr", "21001"])
    prove(client, ada)
    assert not Message.objects.filter(kind="accounts.code", to="victim@x.fr").exists()
    assert "Vous avez accepté" in client.get(link(ada)).content.decode()


def test_the_code_of_one_invitation_opens_no_other(ada: Invitee, client: Client) -> None:
    alan = portal.invitee(ada.cohort, ALAN)
    for one in (ada, alan):
        responses.decline(one, at=timezone.now())
    client.post(link(ada), {"act": "send"})
    client.post(link(alan), {"act": "code", "code": code_sent_to("ada@x.fr")})
    assert "Alan" not in client.get(link(alan)).content.decode()
    assert "Ada" not in client.get(link(ada)).content.decode()


def test_a_new_link_asks_again(ada: Invitee, client: Client) -> None:
    responses.decline(ada, at=timezone.now())
    prove(client, ada)
    current = Invitee.objects.get()
    current.end_links()
    current.save()
    assert "Ada" not in client.get(link(ada)).content.decode()


@pytest.mark.proves("sign-in-limits")
def test_a_stranger_with_the_link_uses_up_nothing_that_the_person_needs(ada: Invitee) -> None:
    portal.accepted(ada)
    stranger = Client(REMOTE_ADDR="198.51.100.1")
    statuses = []
    for _ in range(6):
        statuses.append(stranger.post(link(ada), {"act": "send"}).status_code)
        statuses += [stranger.post(link(ada), {"act": "code", "code": "00000000"}).status_code for _ in range(4)]
    assert 429 in statuses
    assert Message.objects.filter(kind="accounts.code").count() == 1

    hers, at_the_door = Client(), Client()
    prove(hers, ada)
    assert "Vous avez accepté" in hers.get(link(ada)).content.decode()
    at_the_door.post("/accounts/login/", {"login": "ada@x.fr"})
    assert at_the_door.post("/accounts/login/code/", {"code": code_sent_to("ada@x.fr")}).status_code == 302
    assert "_auth_user_id" in at_the_door.session


def test_no_web_session_keeps_an_address(ada: Invitee, client: Client) -> None:
    responses.decline(ada, at=timezone.now())
    client.post(link(ada), {"act": "send"})
    [kept] = WebSession.objects.all()
    assert "ada" not in str(kept.get_decoded())


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_counts(ada: Invitee) -> None:
    """Somebody to whom the link was passed on presses at the same moment."""

    def press(act: Any) -> bool:
        try:
            act()
        except responses.Answered:
            return False
        return True

    now = timezone.now()
    accept = partial(responses.accept, ada, [], language="fr", at=now, first_only=True)
    decline = partial(responses.decline, ada, at=now + timedelta(seconds=1), first_only=True)
    assert sum(all_at_once([partial(press, act) for act in (accept, decline, accept, decline)], threads=4)) == 1
