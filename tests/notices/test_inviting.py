"""Invitations by mail: to the members of a cohort, and to those invited by name; each once, and only while there is
something to answer."""

from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from notices.domain import inviting
from outbox.domain import delivery
from outbox.models import Message
from programme.models import Session
from registrations.domain import booking, pools
from tests import make
from tests.crowd import all_at_once
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db


def the_cohort(seats: int = 3) -> tuple[Any, Session]:
    session = make.session(title_fr="Gouvernance", title_en="Governance")
    cohort = make.cohort(
        institution=make.institution(name="Cnam"), name_fr="Master MéDAS", name_en="MéDAS master", size=10
    )
    pools.allot(session, cohort, seats)
    return cohort, session


def sent() -> list[Any]:
    mail.outbox.clear()
    delivery.deliver_due()
    return mail.outbox


@pytest.mark.proves("cohort-invitation-once")
def test_each_member_is_told_once_what_is_kept_for_the_cohort_in_their_language() -> None:
    cohort, session = the_cohort()
    pools.allot(make.session(title="Ailleurs"), make.cohort(), 3)
    french = make.membership(cohort, make.attendee("Ada")).attendee
    english = make.membership(cohort, make.attendee("Grace", language="en")).attendee

    assert [inviting.invite_members(cohort) for _ in range(2)] == [2, 0]

    by_address = {message.to[0]: message for message in sent()}
    one, other = by_address[french.user.email], by_address[english.user.email]
    assert (
        words(one.subject) == "Cnam vous invite : choisissez vos sessions"
        and other.subject == "Cnam invites you: choose your sessions"
    )
    for message, title, cohort_name in ((one, "Gouvernance", "Master MéDAS"), (other, "Governance", "MéDAS master")):
        for part in (message.body, message.alternatives[0][0]):
            assert title in part and cohort_name in part and session.slug in part and "Ailleurs" not in part


@pytest.mark.proves("cohort-invitation-once")
def test_whoever_joins_later_is_invited_then_and_nobody_twice() -> None:
    cohort, _session = the_cohort()
    make.membership(cohort)
    inviting.invite_members(cohort)
    make.membership(cohort)

    assert len(inviting.uninvited(cohort)) == 1
    assert inviting.invite_members(cohort) == 1
    assert Message.objects.filter(kind=inviting.COHORT).count() == 2


@pytest.mark.proves("cohort-invitation-once")
def test_nothing_leaves_when_the_seats_are_gone_or_the_person_has_left_the_cohort() -> None:
    cohort, session = the_cohort(seats=1)
    left, stays = make.membership(cohort), make.membership(cohort)
    inviting.invite_members(cohort)
    left.delete()
    booking.register(booking.Ask(session, stays.attendee, actor=stays.attendee.user))

    assert [message for message in sent() if "Cnam" in message.subject] == []
    assert set(Message.objects.filter(kind=inviting.COHORT).values_list("status", flat=True)) == {"dropped"}


@pytest.mark.django_db(transaction=True)
def test_two_organisers_at_once_invite_each_member_once() -> None:
    cohort, _session = the_cohort()
    for _number in range(5):
        make.membership(cohort)

    all_at_once([partial(inviting.invite_members, cohort)] * 4)

    assert Message.objects.filter(kind=inviting.COHORT).count() == 5


@pytest.mark.proves("cohort-invitation-once")
def test_those_invited_by_name_are_told_once_and_not_after_they_answered() -> None:
    session = make.session(access=Session.Access.INVITATION, title="Dîner")
    ada, grace = make.attendee(email="ada@example.org", language="en"), make.attendee(email="grace@example.org")
    invited = [make.invitation(session, who.user.email) for who in (ada, grace)] + [
        make.invitation(session, "new@example.org")
    ]

    assert [inviting.invite_by_name(invited) for _ in range(2)] == [3, 0]
    booking.register(booking.Ask(session, grace, actor=grace.user))

    subjects = {message.to[0]: words(message.subject) for message in sent()}
    assert subjects["ada@example.org"] == "You are invited: Dîner"
    assert "liste des invités" in subjects["new@example.org"]
    assert Message.objects.get(kind=inviting.BY_NAME, to="grace@example.org").status == Message.Status.DROPPED


@pytest.mark.proves("cohort-invitation-once")
def test_an_organiser_is_asked_before_a_cohort_is_invited(client: Client) -> None:
    cohort, _session = the_cohort()
    make.membership(cohort)
    make.sign_in(client, make.organiser())
    asked = {"action": "invite", "_selected_action": cohort.pk, "index": "0"}

    page = client.post("/en/admin/registrations/cohort/", asked)
    assert page.status_code == 200 and "Each member who has not been invited by email yet" in page.content.decode()
    assert not Message.objects.filter(kind=inviting.COHORT).exists()

    answer = client.post("/en/admin/registrations/cohort/", asked | {"confirm": "1"}, follow=True)
    assert "1 invitation is on its way." in answer.content.decode()
    answer = client.post("/en/admin/registrations/cohort/", asked | {"confirm": "1"}, follow=True)
    assert "0 invitations are on their way." in answer.content.decode()


def test_an_organiser_sends_the_invitations_by_name(client: Client) -> None:
    invitation = make.invitation()
    make.sign_in(client, make.organiser())

    asked = {"action": "send", "_selected_action": invitation.pk, "index": "0"}
    answer = client.post("/en/admin/registrations/invitation/", asked, follow=True)

    assert "1 invitation is on its way." in answer.content.decode()
    assert Message.objects.filter(kind=inviting.BY_NAME, to=invitation.email).count() == 1
