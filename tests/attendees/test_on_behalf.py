"""What is held about somebody, fetched by an organiser on their behalf."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.domain import access_needs
from accounts.models import AccessNeedsReading, Attendee, User
from outbox.models import Message
from tests import make
from tests.attendees.test_account import a_full_life, unzip

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Attendee:
    who = make.attendee(email="ada@example.org")
    a_full_life(who)
    access_needs.write(who, "Boucle magnétique", words="Oui", at=timezone.now())
    return who


def staff(*rights: str) -> User:
    who = make.user(is_staff=True)
    who.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return who


def page(who: User | Attendee) -> str:
    return f"/admin/accounts/user/{who.user.pk if isinstance(who, Attendee) else who.pk}/data/"


def data(answer: Any) -> dict[str, Any]:
    return json.loads(unzip(answer)["data.json"])["data"]


@pytest.mark.proves("own-account")
def test_it_takes_a_reason_which_the_history_keeps(ada: Attendee) -> None:
    organiser = staff("view_user", "change_user")
    client = make.sign_in(Client(), organiser)

    assert page(ada) in client.get(f"/admin/accounts/user/{ada.user.pk}/change/").content.decode()
    assert client.get(page(ada)).status_code == 200
    for odd in ("", " ", "a\0b", "a\u202eb", "x" * 81):
        assert 'id="id_reason_error"' in client.post(page(ada), {"reason": odd}).content.decode()
    before = ada.user.history.count()
    answer = client.post(page(ada), {"reason": "Demande par téléphone"})

    assert data(answer)["registrations.registration"]["rows"][0]["session"] == "Éthique"
    assert {"private", "no-store"} <= set(answer["Cache-Control"].replace(",", "").split())
    assert ada.user.history.count() == before + 1
    assert ada.user.history.latest().history_user == organiser
    history = client.get(f"/admin/accounts/user/{ada.user.pk}/history/").content.decode()
    assert "données téléchargées en son nom – Demande par téléphone" in history


@pytest.mark.proves("own-account", "no-sign-in-mail-shown")
def test_it_holds_nothing_that_opens_something(ada: Attendee) -> None:
    Message.objects.filter(to="ada@example.org").update(text="Un lien secret")

    mails = data(make.sign_in(Client(), staff("change_user")).post(page(ada), {"reason": "Non"}))["outbox.message"]

    by_kind = {mail["kind"]: mail["text"] for mail in mails["rows"]}
    assert by_kind["partners.invitation"] == ""
    assert by_kind["registrations.confirmed"] == "Un lien secret"


@pytest.mark.proves("own-account", "access-needs")
def test_access_needs_are_in_it_for_who_may_read_them_and_noted(ada: Attendee) -> None:
    without = make.sign_in(Client(), staff("change_user")).post(page(ada), {"reason": "Non"})
    assert "Boucle" not in "".join(unzip(without).values())
    assert not AccessNeedsReading.objects.exists()

    reader = staff("change_user", "view_access_needs")
    allowed = make.sign_in(Client(), reader).post(page(ada), {"reason": "Oui"})
    assert data(allowed)["accounts.accessneeds"]["rows"][0]["token"] == "Boucle magnétique"
    assert AccessNeedsReading.objects.get().reader == reader


@pytest.mark.proves("own-account")
def test_it_is_refused_for_accounts_with_more_rights_and_to_who_may_not_change_accounts(ada: Attendee) -> None:
    boss, colleague = make.organiser(), staff("change_user", "view_user")
    client = make.sign_in(Client(), staff("change_user", "view_user"))

    for who in (boss, colleague):
        for act in (client.get, client.post):
            assert act(page(who), {"reason": "Oui"}).status_code == 403
    assert make.sign_in(Client(), staff("view_user")).get(page(ada)).status_code == 403
    assert make.sign_in(Client(), boss).post(page(colleague), {"reason": "Oui"}).status_code == 200
    assert client.get("/admin/accounts/user/999999/data/").status_code == 404
    assert Client().get(page(ada)).status_code == 302
