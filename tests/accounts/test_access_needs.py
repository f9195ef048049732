"""What people need in order to come: consent, encryption, keys, time, and who reads it."""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.domain import access_needs
from accounts.models import AccessNeeds, AccessNeedsConsent, AccessNeedsReading, Attendee, User
from core import clock
from core.models import LegalHold
from programme.domain import retention
from programme.models import Edition
from tests import make
from tests.accounts.test_pages import GOOD, PROFILE

pytestmark = pytest.mark.django_db

TEXT = "Boucle magnétique"


@pytest.fixture
def ada(client: Client) -> Attendee:
    who = make.attendee(email="ada@example.org")
    make.sign_in(client, who)
    return who


def told(who: Attendee, text: str = TEXT) -> AccessNeeds:
    access_needs.write(who, text, words="Oui", at=timezone.now())
    return AccessNeeds.objects.get(attendee=who)


def drawn(client: Client) -> dict[str, Any]:
    """The part of the profile about access needs, as a browser would send it back."""
    needs = client.get(PROFILE).context["needs"]
    consent = {"consent": "on"} if needs.initial["consent"] else {}
    return (
        GOOD | {"access_needs": needs.initial["access_needs"], "seen": needs.initial["seen"], "consent": ""} | consent
    )


def staff(*rights: str) -> User:
    who = make.user(is_staff=True)
    who.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return who


# --- The person ---


@pytest.mark.proves("access-needs")
def test_they_are_kept_with_a_consent_that_says_when_and_to_which_words(client: Client, ada: Attendee) -> None:
    make.current_edition()

    client.post("/en" + PROFILE, GOOD | {"access_needs": TEXT})

    consent = AccessNeedsConsent.objects.get()
    needs = AccessNeeds.objects.get()
    assert (consent.attendee, consent.withdrawn_at, needs.consent) == (ada, None, consent)
    assert timezone.now() - consent.given_at < timedelta(minutes=1)
    assert "deleted after 12 March 2027" in consent.words  # the edition ends on 10 February
    assert needs.kept_until == date(2027, 3, 12)
    page = client.get("/en" + PROFILE).content.decode()
    assert TEXT in page and "deleted after 12 March 2027" in page


@pytest.mark.proves("access-needs")
def test_without_a_tick_nothing_is_kept_and_the_page_says_so(client: Client, ada: Attendee) -> None:
    answer = client.post(PROFILE, GOOD | {"access_needs": TEXT, "consent": ""})

    assert 'id="id_consent_error"' in answer.content.decode()
    assert not AccessNeeds.objects.exists()
    assert Attendee.objects.get().organisation == ""  # nor is the rest of the form


@pytest.mark.proves("access-needs")
@pytest.mark.parametrize("change", [{"consent": ""}, {"access_needs": ""}, {"access_needs": " \r\n "}])
def test_withdrawing_consent_deletes_them_and_keeps_the_record(
    client: Client, ada: Attendee, change: dict[str, str]
) -> None:
    client.post(PROFILE, GOOD)

    client.post(PROFILE, drawn(client) | change)

    assert not AccessNeeds.objects.exists()
    assert AccessNeedsConsent.objects.get().withdrawn_at is not None


def test_a_form_that_is_saved_as_it_came_writes_nothing(client: Client, ada: Attendee) -> None:
    client.post(PROFILE, GOOD)
    before = AccessNeeds.objects.values().get()

    client.post(PROFILE, drawn(client) | {"name": "Ada L."})

    assert AccessNeeds.objects.values().get() == before
    assert AccessNeedsConsent.objects.count() == 1


@pytest.mark.proves("access-needs")
def test_a_form_of_another_tab_does_not_bring_back_what_was_withdrawn(client: Client, ada: Attendee) -> None:
    client.post(PROFILE, GOOD)
    stale = drawn(client)
    client.post(PROFILE, stale | {"consent": ""})

    answer = client.post(PROFILE, stale)

    assert 'id="id_access_needs_error"' in answer.content.decode()
    assert not AccessNeeds.objects.exists()


def test_other_words_are_another_consent(ada: Attendee) -> None:
    now = timezone.now()
    access_needs.write(ada, TEXT, words="Jusqu’en mars", at=now)
    access_needs.write(ada, TEXT, words="Jusqu’en mai", at=now + timedelta(days=1))

    first, second = AccessNeedsConsent.objects.order_by("given_at")
    assert (first.withdrawn_at, second.withdrawn_at) == (now + timedelta(days=1), None)
    assert AccessNeeds.objects.get().consent == second


def test_without_a_key_nobody_is_asked(client: Client, ada: Attendee, settings: Settings) -> None:
    settings.ACCESS_NEEDS_KEYS = []

    assert "access_needs" not in client.get(PROFILE).content.decode()
    assert client.post(PROFILE, GOOD).status_code == 302
    assert not AccessNeeds.objects.exists()


# --- Encryption ---


@pytest.mark.proves("access-needs")
def test_the_database_and_the_history_hold_no_word_of_it(client: Client, ada: Attendee) -> None:
    client.post(PROFILE, GOOD | {"access_needs": "Chien guide"})
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            assert "Chien guide" not in repr(cursor.fetchall()), table


def test_a_text_opens_for_its_own_person_alone(ada: Attendee) -> None:
    mine, other = told(ada), told(make.attendee(), "Fauteuil")
    AccessNeeds.objects.filter(pk=mine.pk).update(token=other.token)

    with pytest.raises(access_needs.Unreadable):
        access_needs.text_of(AccessNeeds.objects.get(pk=mine.pk))


@pytest.mark.proves("access-needs")
def test_keys_are_rotated_with_two_and_then_the_old_one_goes(
    ada: Attendee, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    told(ada)
    [old] = settings.ACCESS_NEEDS_KEYS
    new = Fernet.generate_key().decode()
    settings.ACCESS_NEEDS_KEYS = [new, old]
    assert access_needs.text_of(AccessNeeds.objects.get()) == TEXT

    call_command("encrypt_access_needs")
    settings.ACCESS_NEEDS_KEYS = [new]

    assert "1 texts" in capsys.readouterr().out
    assert access_needs.text_of(AccessNeeds.objects.get()) == TEXT


def test_what_no_key_opens_is_said_and_kept(client: Client, ada: Attendee, settings: Settings) -> None:
    before = told(ada).token
    settings.ACCESS_NEEDS_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(CommandError, match="1 texts"):
        call_command("encrypt_access_needs")
    assert client.get(PROFILE).status_code == 200
    organiser = make.sign_in(Client(), make.organiser())
    assert "ACCESS_NEEDS_KEYS" in organiser.post(f"/admin/accounts/attendee/{ada.pk}/needs/").content.decode()
    assert AccessNeeds.objects.get().token == before


# --- Time ---


@pytest.mark.proves("access-needs")
def test_they_go_when_their_last_day_is_over(ada: Attendee) -> None:
    edition = make.current_edition()
    told(ada)

    for days, left in ((30, 1), (31, 0)):
        moment = timezone.make_aware(timezone.datetime(2027, 2, 10, 12)) + timedelta(days=days)
        with time_machine.travel(moment, tick=False):
            retention.run(clock.now(), hourly=True)
        assert AccessNeeds.objects.count() == left, days
    assert edition.ends_on == date(2027, 2, 10)
    assert AccessNeedsConsent.objects.get().withdrawn_at is not None


def test_those_of_somebody_under_a_legal_hold_stay_until_its_date(ada: Attendee) -> None:
    make.current_edition()
    told(ada)
    told(make.attendee("Grace Hopper"))
    LegalHold.objects.create(account=ada.user_id, reason="Litige", until=date(2027, 4, 1))

    for day, left in ((date(2027, 3, 20), [ada.pk]), (date(2027, 4, 2), [])):
        retention.run(timezone.make_aware(timezone.datetime(day.year, day.month, day.day, 12)), hourly=True)
        assert list(AccessNeeds.objects.values_list("attendee", flat=True)) == left, day


def test_a_shorter_time_holds_for_what_was_written_before_and_a_longer_one_does_not(ada: Attendee) -> None:
    edition = make.current_edition()
    told(ada)
    for days, until in ((10, date(2027, 2, 20)), (60, date(2027, 2, 20)), (20, date(2027, 2, 20))):
        retention.choose(edition, {"access_needs": days}, actor=None)
        assert AccessNeeds.objects.get().kept_until == until, days


def test_who_shortens_the_time_learns_how_many_would_go(ada: Attendee) -> None:
    edition = make.current_edition()
    told(ada)
    at = timezone.make_aware(timezone.datetime(2027, 2, 20, 12))

    assert [retention.would_go(edition, {"access_needs": days}, at) for days in (9, 10)] == [1, 0]


def test_they_follow_an_edition_that_is_moved(ada: Attendee) -> None:
    edition = make.current_edition()
    told(ada)
    retention.choose(edition, {"access_needs": 60}, actor=None)
    told(grace := make.attendee("Grace Hopper"))

    edition = Edition.objects.get(pk=edition.pk)
    edition.ends_on = date(2027, 3, 12)  # as long after the first day as the one is kept less than the other
    edition.save()

    assert AccessNeeds.objects.get(attendee=ada).kept_until == date(2027, 4, 11)
    assert AccessNeeds.objects.get(attendee=grace).kept_until == date(2027, 5, 11)


# --- Who reads them ---


@pytest.mark.proves("access-needs", "private-attendance")
def test_they_are_read_with_a_right_of_its_own_and_each_reading_is_a_row(ada: Attendee) -> None:
    told(ada)
    url, page = f"/admin/accounts/attendee/{ada.pk}/change/", f"/admin/accounts/attendee/{ada.pk}/needs/"
    without = make.sign_in(Client(), staff("view_attendee", "change_attendee"))
    reader = staff("view_attendee", "view_access_needs")
    allowed = make.sign_in(Client(), reader)

    for act in (without.get, without.post):
        assert act(page).status_code == 403
    assert "needs/" not in without.get(url).content.decode()
    assert "needs/" in allowed.get(url).content.decode()
    assert TEXT not in allowed.get(url).content.decode()
    assert TEXT not in allowed.get(page).content.decode()
    assert not AccessNeedsReading.objects.exists()
    assert TEXT in allowed.post(page).content.decode()
    reading = AccessNeedsReading.objects.get()
    assert (reading.reader, reading.attendee) == (reader, ada)
    assert str(reader) in allowed.get(page).content.decode()


@pytest.mark.proves("access-needs")
def test_who_has_needs_is_told_to_nobody_without_the_right(ada: Attendee) -> None:
    told(ada)
    make.attendee("Grace Hopper")
    without = make.sign_in(Client(), staff("view_attendee"))
    allowed = make.sign_in(Client(), staff("view_attendee", "view_access_needs"))
    address = "/admin/accounts/attendee/"

    assert "Grace" not in allowed.get(address, {"told_needs": "yes"}).content.decode()
    assert "told_needs" not in without.get(address).content.decode()
    assert "Grace" in without.get(address, {"told_needs": "yes"}, follow=True).content.decode()
    for odd in ("needs__isnull", "needs__token__contains", "needs_readings__read_at__gt"):
        assert without.get(address, {odd: "1"}).status_code == 400


def test_a_page_of_nobody_and_of_somebody_without_needs(client: Client, ada: Attendee) -> None:
    organiser = make.sign_in(Client(), make.organiser())

    assert organiser.get("/admin/accounts/attendee/999999/needs/").status_code == 404
    assert organiser.post(f"/admin/accounts/attendee/{ada.pk}/needs/").status_code == 200
    assert not AccessNeedsReading.objects.exists()
    assert Client().get(f"/admin/accounts/attendee/{ada.pk}/needs/").status_code == 302


@pytest.mark.parametrize("odd", ["a\0b", "a\u202eb", "x" * 1001])
def test_odd_words_are_an_error_beside_the_field(client: Client, ada: Attendee, odd: str) -> None:
    assert 'id="id_access_needs_error"' in client.post(PROFILE, GOOD | {"access_needs": odd}).content.decode()
    assert not AccessNeeds.objects.exists()
