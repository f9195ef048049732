"""All of one's secret links are revoked in one step (docs/rules.md#revoked-links)."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Attendee, User
from attendees.domain import links
from notices.domain import calendar_feeds, mail_preferences, reminders
from notices.models import CalendarFeed, Reconfirmation, Topic
from outbox.domain import delivery
from partners.domain import responses
from partners.models import Invitee
from registrations.models import Registration
from tests import make
from tests.accounts.test_sign_in import sign_in
from tests.crowd import all_at_once
from tests.partners import portal
from tests.registrations.pages import words

pytestmark = [pytest.mark.django_db, pytest.mark.proves("revoked-links")]
PAGE = "/me/account/links/"


@pytest.fixture
def ada() -> Attendee:
    return make.attendee("Ada", email="ada@x.fr")


def links_of(who: Attendee, cohort: Any) -> dict[str, str]:
    """One of each kind, opened by nobody yet."""
    feed = calendar_feeds.open_feed(who, actor=who.user)
    invitee = portal.invitee(cohort, ["Lovelace", who.name, who.user.email, f"{who.pk}"])
    session = make.session(starts_at=timezone.now() + timedelta(days=2, minutes=1))
    make.registration(session, who)
    make.reminder(session, timing="before", minutes=48 * 60, answer_hours=24)
    reminders.remind(session.starts_at - timedelta(hours=48))
    delivery.deliver_due()
    asked = Reconfirmation.objects.get(registration__attendee=who)
    return {
        "calendar": f"/calendar/{feed.key}/summit.ics",
        "unsubscribe": f"/mails/{mail_preferences.key(make.message(who.user.email), Topic.REMINDERS)}/",
        "invitation": f"/invitations/{invitee.key}/",
        "question": f"/still-coming/{asked.key}/",
    }


def answers(addresses: dict[str, str]) -> dict[str, int]:
    return {name: Client().get(address).status_code for name, address in addresses.items()}


def test_all_links_end_at_once_and_nobody_elses(client: Client, ada: Attendee) -> None:
    cohort = make.cohort()
    mine, others = links_of(ada, cohort), links_of(make.attendee("Bob", email="bob@x.fr"), cohort)
    assert set(answers(mine).values()) == set(answers(others).values()) == {200}
    seats = list(Registration.objects.values_list("pk", "status"))
    sign_in(client, "ada@x.fr")

    page = client.get(PAGE).content.decode()
    assert "les agendas qui la suivent ne sont plus mis à jour" in words(page)
    assert set(answers(mine).values()) == {200}, "reading the page changes nothing"
    page = client.post(PAGE, follow=True).content.decode()

    assert "Tous vos liens sont révoqués" in words(page)
    assert set(answers(mine).values()) == {404}
    assert set(answers(others).values()) == {200}
    assert list(Registration.objects.values_list("pk", "status")) == seats
    invitee = Invitee.objects.get(email="ada@x.fr")
    now = f"/invitations/{invitee.key}/"
    assert f'href="{now}"' in page and client.get(now).status_code == 200
    assert client.get(f"/calendar/{CalendarFeed.objects.get(attendee=ada).key}/summit.ics").status_code == 200
    assert invitee.history.latest().history_change_reason == ada.user.history.latest().history_change_reason


def test_it_asks_for_a_code_first(ada: Attendee) -> None:
    browser = portal.signed_in(ada.user)
    for answer in (browser.get(PAGE), browser.post(PAGE)):
        assert answer["Location"].startswith("/accounts/confirm/")
    assert Client().post(PAGE).status_code == 302
    assert User.objects.get().links_version == 0


def test_a_question_that_is_open_is_mailed_again_with_its_new_link(ada: Attendee) -> None:
    links_of(ada, make.cohort())
    sent = len(mail.outbox)

    links.revoke_all(ada.user, at=timezone.now())
    delivery.deliver_due()

    [again] = mail.outbox[sent:]
    address = f"/still-coming/{Reconfirmation.objects.get().key}/"
    assert address in again.body
    assert Client().post(address).status_code == 302
    assert Reconfirmation.objects.get().answered_at


def test_one_that_was_answered_is_not(ada: Attendee) -> None:
    old = links_of(ada, make.cohort())["question"]
    Client().post(old)
    sent = len(mail.outbox)
    links.revoke_all(ada.user, at=timezone.now())
    delivery.deliver_due()
    assert mail.outbox[sent:] == []
    assert Client().get(old).status_code == 404


def test_an_invitation_that_was_accepted_under_another_address_is_among_them(ada: Attendee) -> None:
    invitee = portal.invitee(make.cohort(), portal.ADA)
    who = portal.accepted(invitee)
    User.objects.filter(pk=who.user_id).update(email="countess@x.fr")
    links.revoke_all(User.objects.get(pk=who.user_id), at=timezone.now())
    assert Client().get(f"/invitations/{invitee.key}/").status_code == 404


def test_what_was_mailed_before_keys_were_derived_ends_too(ada: Attendee) -> None:
    cohort = make.cohort()
    links_of(ada, cohort)
    Invitee.objects.update(old_key_hash="a" * 64)
    CalendarFeed.objects.update(old_key_hash="b" * 64)
    Reconfirmation.objects.update(key_version=0)
    links.revoke_all(ada.user, at=timezone.now())
    assert Invitee.objects.get().old_key_hash == CalendarFeed.objects.get().old_key_hash == ""
    assert Client().get(f"/still-coming/{Reconfirmation.objects.get().uuid}/").status_code == 404


def test_an_account_without_a_name_or_links_can_do_so_too() -> None:
    user = make.user("new@x.fr")
    links.revoke_all(user, at=timezone.now())
    assert User.objects.get().links_version == 1


@pytest.mark.django_db(transaction=True)
def test_lists_and_answers_at_the_same_moment_bring_no_old_link_back() -> None:
    ada, cohort = make.attendee("Ada", email="ada@x.fr"), make.cohort()
    invitee = portal.invitee(cohort, portal.ADA)
    now = timezone.now()
    acts = [
        partial(links.revoke_all, ada.user, at=now),
        partial(portal.apply, cohort, ["Lovelace", "Augusta", "ada@x.fr", "21001"]),
        partial(links.revoke_all, ada.user, at=now),
    ]
    all_at_once(acts, threads=3)
    assert Invitee.objects.get().key_version == 3
    assert User.objects.get(email="ada@x.fr").links_version == 2
    with pytest.raises(responses.Gone):
        responses.accept(invitee, [], language="fr", at=now)
