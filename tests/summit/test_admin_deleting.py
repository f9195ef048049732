"""Deleting in the administration: what goes along, what stands in the way and where, and the trace that is left."""

import re
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import User
from allocations.models import Wish
from programme.models import Duty, Session
from registrations.domain import pools
from registrations.models import Cohort, SeatPool
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def organiser(client: Client) -> Client:
    return make.sign_in(client, make.organiser())


def url(obj: Model, page: str) -> str:
    return reverse(f"admin:{obj._meta.label_lower.replace('.', '_')}_{page}", args=[obj.pk])


def page(client: Client, path: str) -> str:
    """The text of the page, as one reads it."""
    html = client.get(path, follow=True).content.decode()
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def a_draft() -> Session:
    session = make.session(title="Brouillon vide", status=Session.Status.DRAFT)
    make.participation(session=session, speaker=make.speaker(name="Ada Lovelace"))
    Duty.objects.create(session=session, user=make.user())
    return session


# What has nothing of anybody's hanging on it, each in its own way.
EMPTY = {
    "a draft with its speakers and duties": a_draft,
    "an event": make.event,
    "a day": lambda: make.day(date(2027, 5, 4)),
    "a track": make.track,
    "a room": make.room,
    "a venue": lambda: make.travel_time().origin,
    "a speaker": make.speaker,
    "a participation": make.participation,
    "a cohort": make.cohort,
    "an institution": make.institution,
    "an invitation": make.invitation,
    "an allocation": lambda: make.allocation(make.session()),
}


@pytest.mark.proves("organisers-bound-by-rules")
@pytest.mark.parametrize("name", EMPTY)
def test_what_nothing_hangs_on_is_deleted_and_leaves_its_trace(organiser: Client, name: str) -> None:
    obj = EMPTY[name]()
    said = str(obj)
    assert "C’est définitif" in page(organiser, url(obj, "delete"))

    answer = organiser.post(url(obj, "delete"), {"post": "yes"}, follow=True)

    assert not type(obj).objects.filter(pk=obj.pk).exists()
    assert "Suppression faite" in answer.content.decode()
    deleted = page(organiser, reverse(f"admin:{obj._meta.label_lower.replace('.', '_')}_deleted"))
    assert said in deleted
    assert re.search(r"person\d+@example.org", deleted)  # who did it
    assert "Suppression" in page(organiser, url(obj, "history"))
    # The old address leads to what became of it.
    assert "Ce que vous cherchez a été supprimé" in page(organiser, url(obj, "change"))


def with_a_seat() -> tuple[Model, str]:
    session = make.session(title="Prise")
    make.registration(session, make.attendee("Ada Lovelace"))
    Session.objects.update(status=Session.Status.DRAFT)
    return session, "Inscription – Ada Lovelace"


def with_an_allotment() -> tuple[Model, str]:
    session = make.session(status=Session.Status.DRAFT)
    pools.allot(session, make.cohort(name="Promo 27"), 5)
    return session, "Promo 27"


def with_a_wish() -> tuple[Model, str]:
    session = make.session(status=Session.Status.DRAFT)
    allocation = make.allocation(session)
    Wish.objects.create(allocation=allocation, attendee=make.attendee("Ada Lovelace"), session=session, rank=1)
    return session, str(allocation)


def in_an_allocation() -> tuple[Model, str]:
    session = make.session(status=Session.Status.DRAFT)
    return session, str(make.allocation(session))


def of_the_day() -> tuple[Model, str]:
    session = make.session()
    return make.day(session.day), "1 session a lieu le"


# What stands in the way, in words.
STANDING = {
    "a published session": lambda: (make.session(title="Publique"), "« Publique » n’est pas un brouillon"),
    "a seat": with_a_seat,
    "a wish": with_a_wish,
    "an allocation": in_an_allocation,
    "an allotment": with_an_allotment,
    "an invitation": lambda: (make.invitation(make.session(status="draft")).session, "Invitation –"),
    "a day with sessions": of_the_day,
    "an event with sessions": lambda: (make.session(title="Dedans").event, "Dedans – "),
    "a track with sessions": lambda: (make.session(title="Dedans").track, "Dedans – "),
    "a room with sessions": lambda: (make.session(title="Dedans").room, "Dedans – "),
    "a venue with rooms": lambda: (make.room(name="Foyer").venue, "Salle – Foyer"),
    "a speaker who speaks": lambda: (make.participation().speaker, "Intervention – "),
    "a cohort with people": lambda: (make.membership().cohort, "Membre – "),
    "an institution with cohorts": lambda: (make.cohort(name="Promo").institution, "Promo – "),
}


@pytest.mark.proves("organisers-bound-by-rules")
@pytest.mark.parametrize("name", STANDING)
def test_what_stands_in_the_way_is_said_in_words_and_nothing_is_deleted(organiser: Client, name: str) -> None:
    obj, words = STANDING[name]()
    html = organiser.get(url(obj, "delete")).content.decode()

    assert "Suppression impossible en l’état" in html
    assert words in page(organiser, url(obj, "delete")).replace("\u00a0", " ")
    assert 'name="post"' not in html and "objet" not in html
    organiser.post(url(obj, "delete"), {"post": "yes"})
    changelist = reverse(f"admin:{obj._meta.label_lower.replace('.', '_')}_changelist")
    organiser.post(changelist, {"action": "delete_selected", "_selected_action": obj.pk, "index": "0", "post": "yes"})
    assert type(obj).objects.filter(pk=obj.pk).exists()


def test_several_drafts_go_at_once_and_one_that_may_not_keeps_them_all(organiser: Client) -> None:
    drafts = [make.session(status=Session.Status.DRAFT) for _ in range(2)]
    public = make.session(title="Publique")
    form: dict[str, Any] = {"action": "delete_selected", "index": "0", "post": "yes"}
    changelist = reverse("admin:programme_session_changelist")

    refused = organiser.post(changelist, form | {"_selected_action": [one.pk for one in (*drafts, public)]})
    assert "Publique" in refused.content.decode() and Session.objects.count() == 3
    organiser.post(changelist, form | {"_selected_action": [one.pk for one in drafts]})

    assert list(Session.objects.all()) == [public]
    assert Session.history.filter(history_type="-", history_user__isnull=False).count() == 2


def test_a_selection_with_somebody_whom_one_may_not_touch_is_refused_whole(client: Client) -> None:
    staff = make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "delete_user"]))
    chosen = [make.user().pk, make.organiser().pk]
    form = {"action": "delete_selected", "index": "0", "_selected_action": chosen}
    changelist = reverse("admin:accounts_user_changelist")

    asked = make.sign_in(client, staff).post(changelist, form)

    assert "Vous ne pouvez pas tout supprimer" in asked.content.decode()
    assert client.post(changelist, form | {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk__in=chosen).count() == 2


def test_a_cohort_that_gave_its_seats_back_may_be_deleted(organiser: Client) -> None:
    cohort = make.cohort()
    session = make.session()
    for seats in (5, 0):
        pools.allot(session, cohort, seats)

    organiser.post(url(cohort, "delete"), {"post": "yes"})

    assert not Cohort.objects.exists()
    assert SeatPool.objects.get().seats == session.capacity


def test_the_right_to_delete_sessions_is_the_right_to_delete_what_is_part_of_them(client: Client) -> None:
    staff = make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_session", "delete_session"]))
    draft = a_draft()

    make.sign_in(client, staff).post(url(draft, "delete"), {"post": "yes"})

    assert not Session.objects.exists()


@pytest.mark.proves("private-attendance")
def test_whose_seat_stands_in_the_way_is_told_only_to_those_who_may_see_it(client: Client) -> None:
    staff = make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_session", "delete_session"]))
    session, _words = with_a_seat()

    told = page(make.sign_in(client, staff), url(session, "delete"))

    assert "Ce qui s’y oppose : Inscription Retour" in told.replace("\u00a0", " ") and "Ada" not in told


def test_who_may_not_see_a_list_sees_nothing_that_was_deleted_from_it(client: Client) -> None:
    staff = make.user(is_staff=True)
    make.event().delete()

    assert make.sign_in(client, staff).get(reverse("admin:programme_event_deleted")).status_code == 403


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.runs_once("the number of queries is the same on both")
def test_what_was_deleted_takes_the_same_queries_however_much(
    organiser: Client, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        make.participation().session.delete()
    path = reverse("admin:programme_participation_deleted")
    organiser.get(path)

    with django_assert_num_queries(10):
        assert "Oratrice" in organiser.get(path).content.decode()


def test_somebody_who_registers_meanwhile_keeps_the_session(organiser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = make.session()
    make.registration(draft)
    monkeypatch.setattr("core.admin.records.ListAdmin.get_deleted_objects", lambda *_args: ([], {}, set(), []))

    both = {"action": "delete_selected", "_selected_action": [draft.pk, make.session().pk], "post": "yes"}

    for address, sent in ((url(draft, "delete"), {"post": "yes"}), ("/admin/programme/session/", both)):
        answer = organiser.post(address, sent, follow=True)
        assert "quelque chose a changé au même moment" in answer.content.decode()
        assert Session.objects.count() == 2
