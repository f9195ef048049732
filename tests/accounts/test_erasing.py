"""Organisers erase a person: they see what follows first, and a report after (docs/rules.md#erasure)."""

from typing import Any

import pytest

from accounts.models import Attendee, User
from core.models import LegalHold
from registrations.models import Figure, Registration
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Any) -> Any:
    return make.sign_in(client, make.organiser())


@pytest.mark.proves("erased-everywhere")
@pytest.mark.parametrize("model", ["user", "attendee"])
def test_who_ever_took_a_seat_is_erased_with_what_follows_shown_before_and_after(desk: Any, model: str) -> None:
    ada, bob = make.attendee("Ada Lovelace"), make.attendee("Bob Attend")
    session = make.session(seats=1, waiting_list="automatic")
    make.registration(session, ada)
    make.registration(session, bob, waits=True)
    pk = ada.user.pk if model == "user" else ada.pk
    address = f"/admin/accounts/{model}/{pk}/delete/"

    page = desk.get(address).content.decode()

    assert "1 personne en liste d’attente obtient" in page
    assert "Inscriptions" in page
    assert Registration.objects.get(attendee=ada).status == "confirmed"  # tried, and undone
    report = desk.post(address, {"post": "yes"}).content.decode()
    assert "1 personne a été effacée" in report
    assert "Lovelace" not in report
    assert not Attendee.objects.filter(pk=ada.pk).exists()
    assert not User.objects.filter(pk=ada.user.pk).exists()
    assert Registration.objects.get().attendee == bob
    assert "Lovelace" not in desk.get("/admin/").content.decode()


def test_several_are_erased_from_the_list(desk: Any) -> None:
    people = [make.attendee() for _ in range(2)]
    for who in people:
        make.registration(who=who)
    chosen = {"action": "delete_selected", "_selected_action": [who.pk for who in people], "index": "0"}

    page = desk.post("/admin/accounts/attendee/", chosen).content.decode()
    assert "Effacer 2 personnes" in page
    desk.post("/admin/accounts/attendee/", chosen | {"post": "yes"})

    assert not Registration.objects.exists()
    assert not User.objects.filter(pk__in=[who.user.pk for who in people]).exists()


def test_who_cannot_go_is_said_before_and_nobody_erases_themselves(desk: Any) -> None:
    chief = User.objects.get()
    another = make.organiser("Autre")
    page = desk.get(f"/admin/accounts/attendee/{another.attendee.pk}/delete/").content.decode()
    assert 'type="submit" class="danger"' in page
    User.objects.filter(pk=chief.pk).update(is_active=True)
    assert desk.post(f"/admin/accounts/attendee/{chief.attendee.pk}/delete/", {"post": "yes"}).status_code == 403
    assert desk.post(f"/admin/accounts/user/{chief.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_legal_hold_keeps_an_address_as_a_hash_and_erasing_says_so(desk: Any) -> None:
    ada = make.attendee("Ada Lovelace", email="ada@x.fr")
    form = {"address": "Ada@X.fr", "account": "", "reason": "Litige 12", "until": "31/12/2099"}
    assert desk.post("/admin/core/legalhold/add/", form | {"address": ""}).status_code == 200  # nobody is named

    assert desk.post("/admin/core/legalhold/add/", form).status_code == 302

    assert "Litige 12" in desk.get("/admin/core/legalhold/").content.decode()
    page = desk.get(f"/admin/accounts/user/{ada.user.pk}/delete/").content.decode()
    assert "Litige 12" in page
    desk.post(f"/admin/accounts/user/{ada.user.pk}/delete/", {"post": "yes"})
    assert User.objects.filter(pk=ada.user.pk).exists()
    assert "ada@" not in str(list(LegalHold.objects.values())).lower()


def test_the_figures_of_a_session_stand_on_its_page(desk: Any) -> None:
    who = make.attendee()
    session = make.session()
    make.registration(session, who)
    address = f"/admin/programme/session/{session.pk}/change/"
    assert "Annulée par l" not in desk.get(address).content.decode()

    desk.post(f"/admin/accounts/attendee/{who.pk}/delete/", {"post": "yes"})

    assert Figure.objects.get().get_outcome_display() in desk.get(address).content.decode()


@pytest.mark.proves("erasure-refused")
def test_the_last_owner_of_an_institution_is_refused_with_a_sentence(desk: Any) -> None:
    from tests.partners import portal  # noqa: PLC0415

    owner = portal.role(make.institution(name="Cnam"), "owner")

    page = desk.get(f"/admin/accounts/user/{owner.pk}/delete/").content.decode()
    assert "« Cnam »" in page.replace("\u202f", " ").replace("\xa0", " ")
    answer = desk.post(f"/admin/accounts/user/{owner.pk}/delete/", {"post": "yes"}, follow=True)
    assert "Cnam" in answer.content.decode()
    assert User.objects.filter(pk=owner.pk).exists()
