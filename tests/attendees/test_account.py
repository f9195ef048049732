"""The page of one's account: what is held, and what one may do about it."""

import csv
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import override

from accounts.domain import limits
from accounts.models import Attendee, User
from attendees.domain import export, holdings
from attendees.models import PrivacyRequest
from core.personal_data import declared
from core.retention import sentences
from notices.domain import calendar_feeds
from outbox.domain import delivery
from outbox.models import Message
from partners.models import Upload, UploadRow
from programme.models import Duty
from registrations.domain import ways_in
from registrations.models import Invitation, Registration
from tests import make
from tests.accounts.test_sign_in import last_code, sign_in
from tests.partners import portal

pytestmark = pytest.mark.django_db

ACCOUNT, DOWNLOAD, OBJECT, ERASE = (f"/me/account/{page}" for page in ("", "download/", "object/", "erase/"))
ADDRESS, ADDRESS_CODE, CONFIRM = "/me/account/address/", "/me/account/address/code/", "/accounts/confirm/"
GUARDED = [DOWNLOAD, ADDRESS, ADDRESS_CODE, ERASE, "/me/account/links/"]


@pytest.fixture
def ada() -> Attendee:
    return make.attendee(email="ada@example.org")


@pytest.fixture
def just_in(client: Client, ada: Attendee) -> Client:
    """Ada's browser, a moment after she typed her code."""
    sign_in(client, "ada@example.org")
    return client


def a_full_life(ada: Attendee) -> None:
    """Some rows of most kinds."""
    session = make.session(seats=1, title="Éthique", waiting_list="automatic")
    make.registration(session, ada)
    make.registration(session, make.attendee(), waits=True)
    cohort = make.cohort(name="Marketing", institution=make.institution(name="CNAM"))
    portal.accepted(portal.invitee(cohort, ["Lovelace", "Ada", "ada@example.org", "21001"]))
    Duty.objects.create(session=make.session(), user=ada.user, role="Accueil")
    calendar_feeds.open_feed(ada, actor=ada.user)
    PrivacyRequest.objects.create(user=ada.user, text="Pas de photos")


def unzip(answer: Any) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(answer.content)) as files:
        return {name: files.read(name).decode() for name in files.namelist()}


def downloaded(client: Client) -> dict[str, Any]:
    return json.loads(unzip(client.post(DOWNLOAD))["data.json"])["data"]


# --- Who may come in ---


@pytest.mark.proves("own-account")
@pytest.mark.parametrize("page", [ACCOUNT, DOWNLOAD, OBJECT, ERASE, ADDRESS, ADDRESS_CODE, CONFIRM])
def test_a_stranger_signs_in_first(client: Client, page: str) -> None:
    for act in (client.get, client.post):
        assert act(page)["Location"].startswith("/accounts/login/")


@pytest.mark.proves("own-account")
@pytest.mark.parametrize("page", GUARDED)
def test_who_has_typed_no_code_lately_types_one_first(client: Client, ada: Attendee, page: str) -> None:
    make.sign_in(client, ada)

    for act in (client.get, client.post):
        assert act(page)["Location"].startswith(f"{CONFIRM}?next=")
    asked = client.post(CONFIRM, {"action": "send", "next": page})
    shown = client.get(asked["Location"])
    answer = client.post(CONFIRM, {"code": last_code("ada@example.org"), "next": page})

    assert "ada@example.org" in shown.content.decode()
    assert answer["Location"] == page
    assert not client.get(page).headers.get("Location", "").startswith(CONFIRM)


@pytest.mark.proves("own-account")
def test_a_code_is_recent_for_fifteen_minutes(just_in: Client) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=14), tick=False):
        assert just_in.get(DOWNLOAD).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1), tick=False):
        assert just_in.get(DOWNLOAD).status_code == 302


def test_wrong_codes_are_counted_and_the_fourth_try_needs_a_new_one(client: Client, ada: Attendee) -> None:
    make.sign_in(client, ada)
    client.post(CONFIRM, {"action": "send", "next": DOWNLOAD})
    code = last_code("ada@example.org")

    for odd in ("", "12", "x" * 10_000, "1234567a"):  # no tries
        assert "id_code_error" in client.post(CONFIRM, {"code": odd}).content.decode()
    for _try in range(3):
        answer = client.post(CONFIRM, {"code": "0000-0000", "next": DOWNLOAD})
        assert "id_code_error" in answer.content.decode()
    fourth = client.post(CONFIRM, {"code": code, "next": DOWNLOAD})

    assert fourth["Location"] == f"{CONFIRM}?next=%2Fme%2Faccount%2Fdownload%2F"
    assert client.get(DOWNLOAD).status_code == 302


def test_a_code_for_this_page_runs_out(client: Client, ada: Attendee) -> None:
    make.sign_in(client, ada)
    client.post(CONFIRM, {"action": "send"})

    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        client.post(CONFIRM, {"code": last_code("ada@example.org")})

    assert client.get(DOWNLOAD).status_code == 302


def test_a_code_is_mailed_as_often_as_at_the_door_and_the_page_says_so(client: Client, ada: Attendee) -> None:
    make.sign_in(client, ada)

    pages = [client.post(CONFIRM, {"action": "send"}, follow=True).content.decode() for _n in range(6)]

    assert ["reste valable" in page for page in pages] == [False] + [True] * 5
    assert Message.objects.count() == 1


def test_nobody_s_new_address_is_written_to_often_by_many(just_in: Client, ada: Attendee) -> None:
    for n in range(10):
        limits.ASKED_OF_AN_ADDRESS.take("one@example.org", at=timezone.now() - timedelta(microseconds=n))

    assert just_in.post(ADDRESS, {"email": "one@example.org"}).status_code == 429
    assert just_in.post(ADDRESS, {"email": "two@example.org"}).status_code == 302


# --- What is held ---


def test_every_declared_model_is_told_in_one_group() -> None:
    told = [model for group in holdings.GROUPS for model in group.kinds]

    assert sorted(model._meta.label for model in told) == sorted(kind.model._meta.label for kind in declared())


def test_a_row_of_a_list_that_is_being_checked_goes_with_that_list(client: Client, ada: Attendee) -> None:
    upload = Upload.objects.create(institution=make.institution(), cohort=make.cohort())
    UploadRow.objects.create(upload=upload, line=2, cells=["Ada"], person={"email": "ada@example.org"})
    make.sign_in(client, ada)

    page = client.get("/en" + ACCOUNT).content.decode()

    with override("en"):
        told, others = sentences(None, "uploads"), sentences(None, "never_accepted")
    assert escape(told[0]) in page and escape(others[0]) not in page


@pytest.mark.proves("own-account")
def test_the_page_tells_what_is_held_from_whom_and_how_long(client: Client, ada: Attendee) -> None:
    a_full_life(ada)
    make.sign_in(client, ada)

    page = client.get("/en" + ACCOUNT).content.decode()

    for words in ("Seats, requests and waiting lists", "Entries on a list", "Sessions you are needed in", "Objections"):
        assert words in page
    assert "From: your institution" in page
    assert "Kept as long as your account." in page
    with override("en"):
        for sentence in sentences(None, "registered", "came", "never_accepted", "mail_texts", "web_sessions"):
            assert escape(sentence) in page
    assert "Wishes" not in page  # she has none


@pytest.mark.proves("own-account")
def test_the_page_counts_nothing_of_others(client: Client, ada: Attendee) -> None:
    other = make.attendee(email="grace@example.org")
    make.registration(make.session(), other)
    counts = {line.label: line.number for holding in holdings.held_about(ada.user) for line in holding.lines}

    assert [str(label) for label, number in counts.items() if number] == [
        "Compte\xa0: adresse, langue, fuseau horaire",
        "Nom, organisation, pays",
    ]


def test_pages_cost_the_same_for_an_empty_and_a_full_account(
    client: Client, ada: Attendee, django_assert_num_queries: Any
) -> None:
    make.sign_in(client, ada)
    make.current_edition()  # its periods are told
    with django_assert_num_queries(36):
        client.get(ACCOUNT)
    a_full_life(ada)
    with django_assert_num_queries(36):
        client.get(ACCOUNT)


# --- Download ---


@pytest.mark.proves("own-account")
def test_the_download_has_rows_mails_seats_and_history(just_in: Client, ada: Attendee) -> None:
    a_full_life(ada)
    for message in Message.objects.all():
        delivery.deliver(message.uuid)

    answer = just_in.post(DOWNLOAD)
    files = unzip(answer)
    data = json.loads(files["data.json"])["data"]

    assert answer["Content-Type"] == "application/zip"
    assert {"private", "no-store"} <= set(answer["Cache-Control"].replace(",", "").split())
    [seat] = data["registrations.registration"]["rows"]
    assert (seat["session"], seat["status"]) == ("Éthique", "confirmed")
    assert [line["what"] for line in data["registrations.registration"]["history"]] == ["added"]
    assert data["partners.invitee"]["rows"][0]["last_name"] == "Lovelace"
    assert "Éthique" in "".join(mail["text"] for mail in data["outbox.message"]["rows"])
    rows = list(csv.DictReader(io.StringIO(files["registrations-registration.csv"].removeprefix("\ufeff"))))
    assert rows[0]["Session"] == "Éthique"


@pytest.mark.proves("own-account")
def test_the_download_holds_nothing_of_others(just_in: Client, ada: Attendee) -> None:
    a_full_life(ada)
    stranger = make.attendee("Grace Hopper", email="grace@example.org")
    make.registration(make.session(), stranger)

    text = "".join(unzip(just_in.post(DOWNLOAD)).values())

    assert "ada@example.org" in text
    assert "race" not in text.lower().replace("trace", "")


@pytest.mark.proves("own-account")
def test_what_stands_under_an_address_that_one_has_left_is_not_given(just_in: Client, ada: Attendee) -> None:
    """It may be somebody else's by now."""
    portal.invitee(make.cohort(), ["Hopper", "Grace", "old@example.org", "21002"])
    ada.user.email = "old@example.org"
    ada.user.save()
    ada.user.email = "ada@example.org"
    ada.user.save()

    assert "partners.invitee" not in downloaded(just_in)


def test_a_text_that_a_spreadsheet_would_run_is_made_harmless(just_in: Client, ada: Attendee) -> None:
    Attendee.objects.update(organisation="=1+1")

    files = unzip(just_in.post(DOWNLOAD))

    assert "'=1+1" in files["accounts-attendee.csv"]
    assert json.loads(files["data.json"])["data"]["accounts.attendee"]["rows"][0]["organisation"] == "=1+1"


def test_a_download_costs_the_same_for_an_empty_and_a_full_account(
    ada: Attendee, django_assert_num_queries: Any
) -> None:
    user = User.objects.get()
    with django_assert_num_queries(46):
        export.archive(user, at=timezone.now())
    a_full_life(ada)
    with django_assert_num_queries(46):
        export.archive(user, at=timezone.now())


def test_opening_the_page_downloads_nothing(just_in: Client) -> None:
    assert just_in.get(DOWNLOAD)["Content-Type"].startswith("text/html")


# --- A new address ---


@pytest.mark.proves("own-account")
def test_a_new_address_is_proved_by_a_code_and_the_old_one_is_told(just_in: Client, ada: Attendee) -> None:
    elsewhere = Client()
    sign_in(elsewhere, "ada@example.org")
    just_in.post(ADDRESS, {"email": " Ada@Lovelace.example "})
    code = Message.objects.get(kind="accounts.new_address", to="ada@lovelace.example").context["code"]
    before = User.objects.get().email
    done = just_in.post(ADDRESS_CODE, {"code": code})
    page = just_in.get(done["Location"])

    assert before == "ada@example.org"
    assert User.objects.get().email == "ada@lovelace.example"
    assert page.status_code == 200  # still signed in
    assert elsewhere.get(ACCOUNT).status_code == 302  # signed out
    assert Message.objects.get(kind="accounts.address_changed").to == "ada@example.org"
    old = Client()
    sign_in(old, "ada@example.org", code="0000-0000")
    assert old.get(ACCOUNT).status_code == 302
    assert sign_in(Client(), "ada@lovelace.example")["Location"] == "/me/"
    assert Message.objects.filter(kind="accounts.code", to="ada@example.org").count() == 2


@pytest.mark.proves("own-account")
def test_personal_invitations_follow_to_the_new_address(just_in: Client, ada: Attendee) -> None:
    session, both = make.session(access="invitation"), make.session(access="invitation")
    make.invitation(session, email="ada@example.org")
    for email in ("ada@example.org", "ada@lovelace.example"):
        make.invitation(both, email=email)
    others = make.invitation(session, email="grace@example.org")
    just_in.post(ADDRESS, {"email": "ada@lovelace.example"})
    code = Message.objects.get(kind="accounts.new_address").context["code"]

    just_in.post(ADDRESS_CODE, {"code": code})

    assert ways_in.is_invited(session, Attendee.objects.get(pk=ada.pk))
    left = Invitation.objects.exclude(pk=others.pk).values_list("session", "email")
    assert sorted(left) == [(session.pk, "ada@lovelace.example"), (both.pk, "ada@lovelace.example")]


@pytest.mark.proves("own-account", "no-account-disclosure")
def test_an_address_of_another_account_gets_the_same_answer(just_in: Client, ada: Attendee) -> None:
    make.user("grace@example.org")
    make.user("closed@example.org", is_active=False)
    answers = []
    for email in ("grace@example.org", "closed@example.org", "nobody@example.org"):
        asked = just_in.post(ADDRESS, {"email": email})
        page = just_in.get(asked["Location"]).content.decode().replace(email, "")
        answers.append((asked.status_code, asked["Location"], len(page)))
        assert Message.objects.filter(kind="accounts.new_address", to=email).exists()

    assert len(set(answers)) == 1


@pytest.mark.proves("own-account")
def test_who_proves_the_address_of_another_account_does_not_get_it(just_in: Client, ada: Attendee) -> None:
    make.user("grace@example.org")
    just_in.post(ADDRESS, {"email": "grace@example.org"})
    code = Message.objects.get(kind="accounts.new_address").context["code"]

    answer = just_in.post(ADDRESS_CODE, {"code": code}, follow=True)

    assert "a déjà un compte" in answer.content.decode()
    assert sorted(User.objects.values_list("email", flat=True)) == ["ada@example.org", "grace@example.org"]
    assert not Message.objects.filter(kind="accounts.address_changed").exists()
    assert just_in.get(ACCOUNT).status_code == 200


def test_the_code_of_an_earlier_tab_changes_nothing(just_in: Client, ada: Attendee) -> None:
    just_in.post(ADDRESS, {"email": "one@example.org"})
    first = Message.objects.get(to="one@example.org").context["code"]
    just_in.post(ADDRESS, {"email": "two@example.org"})

    answer = just_in.post(ADDRESS_CODE, {"code": first})

    assert "id_code_error" in answer.content.decode()
    assert User.objects.get().email == "ada@example.org"


def test_a_code_changes_the_address_once(just_in: Client, ada: Attendee) -> None:
    just_in.post(ADDRESS, {"email": "one@example.org"})
    code = Message.objects.get(to="one@example.org").context["code"]
    just_in.post(ADDRESS_CODE, {"code": code})

    assert just_in.post(ADDRESS_CODE, {"code": code})["Location"] == ADDRESS
    assert Message.objects.filter(kind="accounts.address_changed").count() == 1


def test_nobody_writes_to_many_addresses_by_this_page(just_in: Client, ada: Attendee) -> None:
    answers = [just_in.post(ADDRESS, {"email": f"one{n}@example.org"}).status_code for n in range(6)]

    assert answers == [302] * 5 + [429]


@pytest.mark.parametrize("odd", ["", "ada@example.org", "a\0b@example.org", "a\u202eb@example.org", "x" * 10_000, "@"])
def test_what_is_no_new_address_is_an_error_beside_the_field(just_in: Client, ada: Attendee, odd: str) -> None:
    answer = just_in.post(ADDRESS, {"email": odd})

    assert "id_email_error" in answer.content.decode()
    assert not Message.objects.filter(kind="accounts.new_address").exists()


# --- Objections ---


@pytest.mark.proves("own-account")
def test_an_objection_is_kept_and_told_to_whoever_answers_without_naming_anybody(client: Client, ada: Attendee) -> None:
    edition = make.current_edition()
    edition.privacy_contact = "dpo@example.org"
    edition.save()
    make.sign_in(client, ada)

    for _twice in range(2):
        client.post(OBJECT, {"text": "Je ne veux pas être filmée."})
    page = client.get(OBJECT).content.decode()

    request = PrivacyRequest.objects.get()
    message = Message.objects.get(kind="attendees.objection")
    delivery.deliver(message.uuid)
    message.refresh_from_db()
    assert (request.user, request.text) == (ada.user, "Je ne veux pas être filmée.")
    assert message.to == "dpo@example.org"
    assert f"/admin/attendees/privacyrequest/{request.pk}/change/" in message.text
    assert "ada" not in (message.text + message.html + json.dumps(message.context)).lower().replace("standard", "")
    assert "Nous avons bien reçu votre opposition" in page


def test_the_page_leads_to_the_lists_that_one_is_on(client: Client, ada: Attendee) -> None:
    invitee = portal.invitee(make.cohort(), ["Lovelace", "Ada", "ada@example.org", "21001"])
    portal.invitee(make.cohort(), ["Turing", "Alan", "alan@x.fr", "21002"])
    make.sign_in(client, ada)

    page = client.get(OBJECT).content.decode()

    assert f"/invitations/{invitee.key}/?erase" in page
    assert page.count("/invitations/") == 1


@pytest.mark.parametrize("odd", ["", "a\0b", "a\u202eb", "x" * 2001])
def test_odd_words_of_an_objection_are_an_error_beside_the_field(client: Client, ada: Attendee, odd: str) -> None:
    make.sign_in(client, ada)

    assert "id_text_error" in client.post(OBJECT, {"text": odd}).content.decode()
    assert not PrivacyRequest.objects.exists()


def test_three_objections_a_day_are_enough(client: Client, ada: Attendee) -> None:
    make.sign_in(client, ada)

    answers = [client.post(OBJECT, {"text": f"Non {n}"}).status_code for n in range(4)]

    assert answers == [302] * 3 + [429]


# --- Erasing ---


@pytest.mark.proves("own-account")
def test_erasing_tells_what_follows_and_ends_with_a_report_signed_out(just_in: Client, ada: Attendee) -> None:
    a_full_life(ada)
    make.registration(make.session(), ada)
    just_in.post(ADDRESS, {"email": "ada@never-proved.example"})

    asked = just_in.get("/en" + ERASE).content.decode()
    refused = just_in.post("/en" + ERASE).content.decode()
    still_there = User.objects.filter(email="ada@example.org").exists()
    report = just_in.post("/en" + ERASE, {"sure": "on"}).content.decode()

    assert "You give up 2 upcoming seats." in asked
    assert "Somebody is waiting for one of them." in asked
    assert 'id="id_sure_error"' in refused
    assert still_there
    assert "Your account has been erased" in report
    assert "Registrations" in report
    assert "ada" not in report.lower().replace("canada", "")
    assert not User.objects.filter(email="ada@example.org").exists()
    assert not Message.objects.filter(to__startswith="ada@").exists()
    assert just_in.get(ACCOUNT)["Location"].startswith("/accounts/login/")
    assert Registration.objects.get(session__title_fr="Éthique", status="confirmed").attendee != ada


@pytest.mark.proves("own-account")
def test_the_last_owner_and_the_last_superuser_are_refused_in_words(client: Client) -> None:
    boss = make.organiser(email="boss@example.org")
    portal.role(make.institution(name="CNAM"), "owner", boss)
    sign_in(client, "boss@example.org")

    page = client.get("/en" + ERASE).content.decode()
    client.post("/en" + ERASE, {"sure": "on"})

    assert "last owner of CNAM" in page
    assert "last account with full rights" in page
    assert 'name="sure"' not in page
    assert User.objects.filter(email="boss@example.org").exists()


def test_erasing_in_a_second_tab_is_a_sign_in(just_in: Client, ada: Attendee) -> None:
    just_in.post(ERASE, {"sure": "on"})

    assert just_in.post(ERASE, {"sure": "on"})["Location"].startswith("/accounts/login/")


def test_opening_the_page_erases_nothing(just_in: Client, ada: Attendee) -> None:
    just_in.get(ERASE)

    assert User.objects.filter(email="ada@example.org").exists()
