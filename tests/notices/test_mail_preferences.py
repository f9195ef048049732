"""People choose which optional mails they get, with or without signing in (RFC 8058); mails about seats are no
choice."""

import base64
from datetime import timedelta

import pytest
from django.core import mail, signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.domain import addresses
from accounts.models import User
from core import erasure
from core.erasure import Why
from notices.domain import mail_preferences, reminders
from notices.models import OptOut, Reconfirmation, ReminderRule, Topic
from outbox.domain import delivery
from outbox.models import Message
from tests import make
from tests.registrations.acts import eve, fill, status, wait
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db

MAILS = "/me/mails/"


def reminded():
    """Somebody who was sent a reminder, and the mail."""
    session = make.session()
    who = make.registration(session).attendee
    ReminderRule.objects.create(session=session)
    reminders.plan(timezone.now())
    reminders.remind(eve(session))
    delivery.deliver_due()
    return who, mail.outbox[-1]


@pytest.mark.proves("one-click-unsubscribe")
def test_an_optional_mail_says_how_to_be_rid_of_its_kind():
    """RFC 2369, RFC 8058."""
    _who, message = reminded()
    address = message.extra_headers["List-Unsubscribe"].strip("<>")

    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert address in message.body and address in message.alternatives[0][0]
    assert address.startswith("http://testserver/mails/")


@pytest.mark.proves("one-click-unsubscribe")
def test_one_click_of_a_mail_program_switches_the_kind_off():
    """A POST without a cookie, a page or a token of ours."""
    who, message = reminded()
    address = message.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("http://testserver")
    program = Client(enforce_csrf_checks=True)

    assert [program.post(address, {"List-Unsubscribe": "One-Click"}).status_code for _ in range(2)] == [200, 200]

    assert mail_preferences.off(who.user.email) == {Topic.REMINDERS}
    assert OptOut.objects.get().history.count() == 1


@pytest.mark.proves("one-click-unsubscribe")
def test_opening_the_address_changes_nothing(client):
    """Programs open every link."""
    who, message = reminded()
    address = message.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("http://testserver")

    page = client.get(address)

    assert page.status_code == 200 and "Ne plus recevoir" in words(page.content.decode())
    assert not OptOut.objects.exists() and who.user.email not in page.content.decode()


@pytest.mark.proves("one-click-unsubscribe")
def test_it_can_be_switched_on_again_where_it_was_switched_off(client):
    who, message = reminded()
    address = message.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("http://testserver")
    client.post(address)

    client.post(address, {"again": "1"})

    assert mail_preferences.off(who.user.email) == set()
    assert OptOut.history.count() == 2


@pytest.mark.proves("unsubscribe-key")
@pytest.mark.parametrize(
    "change", [lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"), lambda key: "x", lambda key: key + "é"]
)
def test_an_address_that_was_forged_is_not_found(client, change):
    key = mail_preferences.key(make.message(make.attendee().user.email), Topic.REMINDERS)

    assert client.post(reverse("notices:unwanted", args=[change(key)])).status_code == 404
    assert not OptOut.objects.exists()


@pytest.mark.proves("unsubscribe-key")
def test_a_key_for_one_kind_switches_off_no_other(client):
    who = make.attendee()
    client.post(
        reverse("notices:unwanted", args=[mail_preferences.key(make.message(who.user.email), Topic.ANNOUNCEMENTS)])
    )

    assert mail_preferences.off(who.user.email) == {Topic.ANNOUNCEMENTS}


@pytest.mark.proves("one-click-unsubscribe")
def test_an_address_without_an_account_can_be_rid_of_reminders_of_invitations(client):
    session = make.session(access="invitation")
    make.invitation(session, "guest@example.org")
    key = mail_preferences.key(make.message("guest@example.org"), Topic.INVITATIONS)
    client.post(reverse("notices:unwanted", args=[key]))
    client.post(reverse("notices:unwanted", args=[key]))

    assert reminders.silent(session) == []
    assert OptOut.objects.get().email == "guest@example.org"
    guest = make.user("guest@example.org")
    assert mail_preferences.off(guest.email) == {Topic.INVITATIONS}, "an account that is opened later keeps the choice"
    mail_preferences.choose_all(guest, Topic.values)
    assert not OptOut.objects.exists()


@pytest.mark.proves("optional-mails")
def test_the_page_of_ones_mails_shows_and_keeps_what_one_chooses(client):
    who = make.attendee()
    make.sign_in(client, who)
    page = words(client.get(MAILS).content.decode())
    assert "Toujours envoyés" in page and "Vous ne pouvez pas les désactiver" in page

    client.post(MAILS, {"wanted": ["announcements"]})

    assert mail_preferences.off(who.user.email) == {Topic.REMINDERS, Topic.INVITATIONS}
    assert {row.history.first().history_user for row in OptOut.objects.all()} == {who.user}
    assert client.get(MAILS).content.decode().count(" checked") == 1
    client.post(MAILS, {"wanted": Topic.values[:3]})
    assert mail_preferences.off(who.user.email) == set()


def test_a_choice_that_does_not_exist_changes_nothing(client):
    who = make.attendee()
    make.sign_in(client, who)

    assert client.post(MAILS, {"wanted": ["seats"]}).status_code == 422
    assert not OptOut.objects.exists()


def test_strangers_sign_in_before_they_see_their_mails(client):
    assert client.get(MAILS).status_code == 302
    assert client.post(MAILS, {"wanted": []}).status_code == 302


@pytest.mark.proves("optional-mails")
def test_mails_about_a_seat_come_whatever_one_chooses():
    who = make.attendee()
    mail_preferences.choose_all(who.user, [])
    make.registration(who=who)

    delivery.deliver_due()

    assert [message.extra_headers.get("List-Unsubscribe") for message in mail.outbox] == [None]
    assert Message.objects.get().status == "sent"


# --- The question whether somebody still comes ------------------------------------------------------------------------


def asked():
    session = make.session(seats=1)
    [holder] = fill(session)
    ReminderRule.objects.create(session=session, timing="before", minutes=48 * 60, answer_hours=24)
    reminders.plan(timezone.now())
    reminders.remind(session.starts_at - timedelta(hours=48))
    return session, holder, reverse("notices:reconfirm", args=[Reconfirmation.objects.get().key])


@pytest.mark.proves("coming-question")
def test_opening_the_question_answers_nothing(client):
    session, holder, address = asked()

    page = client.get(address)

    assert page.status_code == 200 and holder.name not in page.content.decode()
    assert Reconfirmation.objects.get().answered_at is None and status(session, holder) == "confirmed"


@pytest.mark.proves("coming-question")
def test_saying_yes_keeps_the_seat_without_signing_in(client):
    session, holder, address = asked()

    page = client.post(address, {"yes": "1"}, follow=True)
    client.post(address, {"yes": "1"})

    assert "votre place reste la vôtre" in words(page.content.decode())
    assert Reconfirmation.objects.get().answered_at and status(session, holder) == "confirmed"


@pytest.mark.proves("coming-question")
def test_saying_no_gives_the_seat_to_the_waiting_list(client):
    session, holder, address = asked()
    next_one = wait(session)

    page = client.post(address, {"no": "1"}, follow=True)
    client.post(address, {"no": "1"})

    assert "n’est plus à vous" in words(page.content.decode())
    assert (status(session, holder), status(session, next_one)) == ("", "confirmed")
    answer = words(client.post(address, {"yes": "1"}, follow=True).content.decode())
    assert "n’est plus à vous" in answer and status(session, next_one) == "confirmed"


@pytest.mark.proves("unsubscribe-key")
def test_a_question_that_was_never_asked_is_not_found(client):
    assert client.get("/still-coming/7f2c7a58-0000-4000-8000-000000000000/").status_code == 404
    assert client.get("/still-coming/x/").status_code == 404


@pytest.mark.proves("derived-keys")
def test_the_key_names_nobody_and_ends_with_a_new_version(client):
    who, message = reminded()
    address = message.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("http://testserver")
    key = address.removeprefix("/mails/").strip("/")
    assert b"example" not in base64.urlsafe_b64decode(key)

    User.objects.update(links_version=1)

    assert client.post(address).status_code == 404
    assert not OptOut.objects.exists()
    who.user.refresh_from_db()
    assert (
        client.post(f"/mails/{mail_preferences.key(make.message(who.user.email), Topic.REMINDERS)}/").status_code == 200
    )


@pytest.mark.proves("derived-keys")
def test_a_key_that_was_mailed_before_goes_on_working_until_it_is_revoked(client):
    ada = make.attendee().user
    old = f"/mails/{signing.dumps([ada.email, 'reminders'], salt='notices.mail_preferences')}/"
    assert client.post(old).status_code == 200
    assert mail_preferences.off(ada.email) == {"reminders"}

    User.objects.update(links_version=1)
    assert client.post(old).status_code == 404


@pytest.mark.proves("derived-keys")
def test_whoever_has_another_address_since_ends_the_keys_of_the_one_before(client):
    ada = make.attendee().user
    key = mail_preferences.key(make.message(ada.email), Topic.REMINDERS)
    addresses.change(ada, "new@example.org", at=timezone.now())
    assert client.get(f"/mails/{key}/").status_code == 200
    User.objects.update(links_version=1)
    assert client.get(f"/mails/{key}/").status_code == 404


@pytest.mark.proves("unsubscribe-key")
def test_the_link_of_somebody_who_was_erased_opens_nothing_and_keeps_nothing(client):
    ada = make.attendee().user
    key = mail_preferences.key(make.message(ada.email), Topic.REMINDERS)
    erasure.erase([ada.pk], why=Why.BY_PERSON, at=timezone.now())
    assert client.post(f"/mails/{key}/").status_code == 404
    assert not OptOut.objects.exists()


@pytest.mark.proves("derived-keys")
def test_a_question_that_was_mailed_before_is_answered_by_its_uuid_and_a_new_one_is_not(client):
    _session, _holder, address = asked()
    question = Reconfirmation.objects.get()
    assert address == f"/still-coming/{question.key}/"
    assert client.get(f"/still-coming/{question.uuid}/").status_code == 404

    Reconfirmation.objects.update(key_version=0)
    assert client.get(f"/still-coming/{question.uuid}/").status_code == 200
    assert client.get(address).status_code == 404
