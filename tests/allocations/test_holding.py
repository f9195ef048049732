"""Seats that wait for an allocation: nobody takes one before, afterwards everybody may (docs/rules.md#allocation)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from allocations.domain import allocation as allocating
from allocations.models import Allocation
from programme.models import Session
from registrations.domain import booking, explain, pools, waitlist
from registrations.domain.ways_in import SeatRefused
from registrations.models import Invitation, Registration, SeatPool
from tests import make
from tests.html import sent
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db
Access = Session.Access


def code_of(session, person, **asked):
    """What becomes of the person's wish to register: a status, or the code of the refusal."""
    try:
        return booking.register(booking.Ask(session, person, actor=person.user, waits=True, **asked)).status
    except SeatRefused as refused:
        return refused.code


def is_held(session):
    return SeatPool.objects.get(session=session, cohort=None).by_wishes


def give_out(allocation):
    run = make.simulation(allocation, at=allocation.closes_at)
    return allocating.commit(run, actor=make.organiser(), at=allocation.closes_at)


@pytest.mark.proves("allocation-holds-seats")
def test_nobody_takes_a_seat_before_it_is_given_out_and_anybody_may_afterwards(django_capture_on_commit_callbacks):
    session, person = make.session(), make.attendee()
    allocation = make.allocation(session)

    assert code_of(session, person) == "wishes"
    give_out(allocation)

    assert not is_held(session)
    assert code_of(session, person) == "confirmed"


@pytest.mark.proves("allocation-holds-seats")
@pytest.mark.parametrize("door", ["a kept seat", "an invitation", "a request", "a swap", "before wishes open"])
def test_no_door_lets_somebody_past_it(door):
    access = {"an invitation": Access.INVITATION, "a request": Access.APPROVAL}.get(door, Access.REGISTRATION)
    session, person, asked = make.session(access=access), make.attendee(), {}
    if door == "a kept seat":
        cohort = make.cohort()
        pools.allot(session, cohort, 5)
        make.membership(cohort, person)
    elif door == "an invitation":
        Invitation.objects.create(session=session, email=person.user.email)
    elif door == "a request":
        asked["reason"] = "Pour ma thèse"
    elif door == "a swap":
        asked["leave"] = [make.registration(make.session(), person).uuid]
    now = timezone.now()
    opens_at = now + timedelta(hours=1) if door == "before wishes open" else now - timedelta(hours=1)
    make.allocation(session, opens_at=opens_at, closes_at=now + timedelta(days=1))

    assert code_of(session, person, **asked) == "wishes"


@pytest.mark.proves("allocation-holds-seats")
def test_organisers_let_in_whom_they_will_and_who_is_in_stays():
    session, person = make.session(seats=3), make.attendee()
    before = make.registration(session)
    make.allocation(session)

    assert code_of(session, person, let_in=True) == "confirmed"
    before.refresh_from_db()
    assert before.status == "confirmed"
    assert booking.cancel(session, before.attendee, actor=before.attendee.user).status == "cancelled"


def taken_out(allocation, session):
    allocation.sessions.remove(session)


def emptied(allocation, session):
    allocation.sessions.clear()


def let_go(allocation, session):
    allocation.holds_seats = False
    allocation.save()


def deleted(allocation, session):
    allocation.delete()


def taken_out_of_the_other_side(allocation, session):
    session.allocations.remove(allocation)


@pytest.mark.parametrize("act", [taken_out, emptied, let_go, deleted, taken_out_of_the_other_side])
def test_whatever_ends_the_hold_lets_people_in(act):
    session, other = make.session(), make.session()
    allocation = make.allocation(session, other)
    assert is_held(session) and is_held(other)

    act(allocation, session)

    assert not is_held(session)
    assert is_held(other) == (act in (taken_out, taken_out_of_the_other_side))
    assert code_of(session, make.attendee()) == "confirmed"
    assert SeatPool.history.filter(session=session).count() == 3


def test_a_session_of_two_allocations_waits_for_both():
    session = make.session()
    one, _two = make.allocation(session), make.allocation(session)

    give_out(one)

    assert is_held(session)


def test_an_allocation_that_holds_nothing_leaves_registration_open():
    session = make.session()
    make.allocation(session, holds_seats=False)

    assert not is_held(session)
    assert code_of(session, make.attendee()) == "confirmed"


def test_a_session_that_was_open_to_all_is_held_once_it_has_seats(django_capture_on_commit_callbacks):
    session = make.session(access=Access.PUBLIC)
    make.allocation(session)

    with django_capture_on_commit_callbacks(execute=True):
        session.access = Access.REGISTRATION
        session.save()

    assert is_held(session)


@pytest.mark.proves("allocation-holds-seats")
def test_a_seat_given_back_meanwhile_waits_too_and_goes_to_the_waiting_list_afterwards(
    django_capture_on_commit_callbacks,
):
    session, waits, one_more = make.session(seats=1), make.attendee(), make.attendee()
    holder = make.registration(session).attendee
    assert code_of(session, waits) == "waiting"
    allocation = make.allocation(session)
    now = timezone.now()

    booking.cancel(session, holder, actor=holder.user)
    waitlist.settle_all(now)

    waiting = Registration.objects.get(session=session, attendee=waits)
    assert waiting.status == "waiting"
    steps = {step.rule: step for step in explain.explain(session, waits, now)}
    assert not steps["waitlist"].holds
    assert "souhaits" in steps["waitlist"].sentence and "souhaits" in steps["conclusion"].sentence
    assert code_of(session, one_more) == "wishes"
    with django_capture_on_commit_callbacks(execute=True):
        give_out(allocation)
    waiting.refresh_from_db()
    assert waiting.status == "confirmed"


def test_many_sessions_are_held_in_as_many_statements_as_two():
    counts = []
    for number in (2, 9):
        allocation, sessions = make.allocation(), [make.session() for _ in range(number)]
        with CaptureQueriesContext(connection) as queries:
            allocation.sessions.set(sessions)
        counts.append(len(queries))

    assert counts[0] == counts[1]


# --- Pages ------------------------------------------------------------------------------------------------------------


pages = pytest.mark.runs_once("pages: what they say is decided in Python, by rules that run on both")


@pages
def test_the_pages_lead_to_the_wishes(client):
    session = make.session(title="Éthique")
    allocation = make.allocation(session, title="Ateliers du soir")
    address = f'href="{reverse("allocations:allocation", args=[allocation.slug])}"'
    day = {"day": f"{session.day:%Y-%m-%d}"}
    seat = reverse("registrations:seat", args=[session.slug])

    for who in (None, make.attendee()):
        if who:
            make.sign_in(client, who)
        box = client.get(seat).content.decode()
        row = client.get(reverse("registrations:seats"), day).content.decode()
        assert address in box and "Donner mes souhaits" in box
        assert "Les places sont attribuées sur souhaits. Donnez les vôtres jusqu’au" in words(box)
        assert "Réserver" not in box and "Réserver" not in row
        assert address in row and "Sur souhaits" in row
    me = client.get(reverse("registrations:me")).content.decode()
    assert address in me and "Aucun souhait pour l’instant." in words(me)
    home = client.get("/").content.decode()
    assert address in home and "Ateliers du soir" in home and "Donnez vos souhaits jusqu’au" in words(home)


@pages
@pytest.mark.parametrize(
    ("opens", "closes", "said"),
    [
        (1, 2, "Vous pourrez donner les vôtres à partir du"),
        (-2, -1, "Les souhaits sont clos : les places vont être attribuées."),
    ],
)
def test_outside_the_time_for_wishes_the_box_says_when_and_leads_nowhere(client, opens, closes, said):
    session, now = make.session(), timezone.now()
    make.allocation(session, opens_at=now + timedelta(days=opens), closes_at=now + timedelta(days=closes))

    box = words(client.get(reverse("registrations:seat", args=[session.slug])).content.decode())

    assert said in box
    assert "Donner mes souhaits" not in box
    assert "Places attribuées sur souhaits" not in client.get("/").content.decode()


@pages
def test_where_seats_are_not_held_one_registers_and_is_told_of_the_wishes(client):
    session = make.session()
    make.allocation(session, holds_seats=False)
    make.sign_in(client, make.attendee())

    box = client.get(reverse("registrations:seat", args=[session.slug])).content.decode()

    assert "Réserver ma place" in box
    assert "Ses places sont aussi attribuées sur souhaits." in box


@pages
def test_an_organiser_chooses_whether_seats_are_held(client):
    session = make.session()
    make.sign_in(client, make.organiser())
    now = timezone.localtime()
    form = {
        "title_fr": "Ateliers",
        "title_en": "Workshops",
        "slug": "ateliers",
        "opens_at_0": f"{now:%d/%m/%Y}",
        "opens_at_1": "08:00",
        "closes_at_0": f"{now + timedelta(days=2):%d/%m/%Y}",
        "closes_at_1": "08:00",
        "wishes_at_most": "3",
        "seats_at_most": "2",
        "sessions": [session.pk],
    }

    assert client.post("/admin/allocations/allocation/add/", form | {"holds_seats": "on"}).status_code == 302
    assert is_held(session)
    address = reverse("admin:allocations_allocation_change", args=[Allocation.objects.get().pk])
    drawn = sent(client.get(address).content, "allocation_form")
    assert drawn.pop("holds_seats") == ["on"]
    assert client.post(address, drawn).status_code == 302
    assert not is_held(session)
