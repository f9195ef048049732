"""Organisers at work while people register: what they do is done whole, and the books are right after it."""

from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from outbox.models import Message
from programme.domain import publication
from programme.models import Session
from registrations.domain import booking, invariants, waitlist
from registrations.domain.booking import SeatRefused
from registrations.models import Registration, SeatPool
from tests import make
from tests.crowd import all_at_once
from tests.html import sent

pytestmark = pytest.mark.django_db(transaction=True)


def register(session: Session, attendee: Any) -> Registration:
    return booking.register(booking.Ask(session, attendee, actor=attendee.user, waits=True))


def assert_books_balance() -> None:
    for pool in SeatPool.objects.all():
        assert pool.taken == pool.registrations.count()
    assert invariants.check(timezone.now())["breaches"] == []


def errors(answers: list[Any]) -> list[Any]:
    return [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, SeatRefused)]


def save_while_people_register(saves: int, people: int) -> None:
    """One organiser saves the session's form again and again while `people` register."""
    session = make.session(seats=people // 2, waiting_list="none")
    organiser = make.sign_in(Client(), make.organiser())
    address = f"/admin/programme/session/{session.pk}/change/"

    def save_all() -> set[int]:
        codes = set()
        for n in range(saves):
            form = sent(organiser.get(address).content, "session_form")
            codes.add(organiser.post(address, form | {"title_fr": f"Titre {n}", "pools-0-taken": 0}).status_code)
        return codes

    answers: list[Any] = all_at_once(
        [save_all, *(partial(register, session, who) for who in make.attendees(people))], threads=16
    )

    assert errors(answers) == []
    assert answers[0] == {302}
    session.refresh_from_db()
    assert session.title_fr == f"Titre {saves - 1}"
    assert session.history.count() == saves + 1
    assert make.pool(session).taken == Registration.objects.confirmed().count() == people // 2
    assert make.pool(session).seats == people // 2
    assert_books_balance()


@pytest.mark.proves("no-lost-edits")
def test_saving_the_form_while_people_register_never_writes_what_is_taken() -> None:
    save_while_people_register(saves=10, people=60)


@pytest.mark.proves("no-lost-edits")
@pytest.mark.faults
@pytest.mark.slow(40)
def test_saving_the_form_two_hundred_times_while_a_thousand_people_register() -> None:
    save_while_people_register(saves=200, people=1000)


def lower_while_people_register(how: str, *, seated: int, wanted: int, seats: int, people: int) -> Session:
    """`seated` people have a seat and `people` more register while an organiser lowers the capacity."""
    session = make.session(seats=seats)
    for who in make.attendees(seated):
        register(session, who)
    organiser = make.sign_in(Client(), make.organiser())
    address = f"/admin/programme/session/{session.pk}/capacity/"
    form = sent(organiser.get(f"{address}?capacity={wanted}").content, address) | {"how": how, "who": "last"}

    def lower() -> int:
        return organiser.post(address, form).status_code

    crowd = make.attendees(people)
    half = people // 2
    jobs = [
        *(partial(register, session, who) for who in crowd[:half]),
        lower,
        *(partial(register, session, who) for who in crowd[half:]),
    ]
    answers: list[Any] = all_at_once(jobs, threads=16)

    assert errors(answers) == []
    assert answers[half] == 302
    session.refresh_from_db()
    assert make.pool(session).taken <= make.pool(session).seats <= session.capacity
    assert_books_balance()
    return session


@pytest.mark.proves("capacity-preview")
@pytest.mark.parametrize("seats", [30, 60], ids=["full", "with seats left"])
def test_people_move_to_the_waiting_list_while_others_register(seats: int) -> None:
    """With mails to exactly those who moved."""
    session = lower_while_people_register("move", seated=30, wanted=25, seats=seats, people=20)

    assert session.capacity == 25
    assert Registration.objects.confirmed().count() == 25
    had_a_seat = Registration.history.filter(status="confirmed").values("id")
    moved = Registration.objects.waiting().filter(pk__in=had_a_seat)
    told = Message.objects.filter(kind="registrations.moved_to_waitlist").values_list("to", flat=True)
    assert sorted(told) == sorted(one.attendee.user.email for one in moved.select_related("attendee__user"))
    assert Registration.objects.waiting().count() == 25


@pytest.mark.proves("capacity-preview")
def test_everybody_is_kept_while_others_register() -> None:
    """Who came in the very moment is kept too."""
    session = lower_while_people_register("keep", seated=30, wanted=25, seats=60, people=20)

    assert session.capacity == make.pool(session).taken == Registration.objects.confirmed().count() >= 30
    assert Message.objects.filter(kind="registrations.moved_to_waitlist").count() == 0


def test_registration_closes_while_others_register() -> None:
    """Nobody gets in after it closed, nobody who was in is out."""
    session = lower_while_people_register("close", seated=30, wanted=25, seats=60, people=20)
    before = Registration.objects.confirmed().count()

    with pytest.raises(SeatRefused):
        register(Session.objects.get(pk=session.pk), make.attendee())
    assert session.capacity == before >= 30


@pytest.mark.proves("capacity-preview")
@pytest.mark.faults
@pytest.mark.slow(10)
def test_three_hundred_people_and_a_capacity_of_two_hundred_and_fifty() -> None:
    session = lower_while_people_register("move", seated=300, wanted=250, seats=300, people=100)

    assert Registration.objects.confirmed().count() == 250
    assert Registration.objects.waiting().filter(session=session).count() == 150
    assert Message.objects.filter(kind="registrations.moved_to_waitlist").count() == 50


def cancel_while_people_come_and_go(people: int) -> None:
    """At the end nobody holds or waits for anything, and each was told once that it is over."""
    session = make.session(seats=people // 2)
    seated = make.attendees(people)
    for who in seated:
        register(session, who)
    newcomers, actor = make.attendees(people), make.user()
    leavers = seated[: people // 4]
    leave = [partial(booking.cancel, session, who, actor=who.user) for who in leavers]
    tend = [partial(waitlist.tend, timezone.now()) for _ in range(3)]
    jobs = [*leave, *(partial(register, session, who) for who in newcomers), *tend]
    jobs.insert(len(jobs) // 2, partial(publication.cancel, [session], actor))

    answers = all_at_once(jobs, threads=16)

    assert errors(answers) == []
    assert not Registration.objects.live().filter(session=session).exists()
    assert (make.pool(session).taken, make.pool(session).closed) == (0, True)
    ended = Registration.objects.filter(ending="session_cancelled")
    assert ended.exists()
    assert {one.history.first().history_user for one in ended} == {actor}
    told = Message.objects.filter(kind="registrations.cancelled").values_list("context__registration", flat=True)
    assert set(told) >= {str(one.uuid) for one in ended}
    assert len(told) == len(set(told))
    assert_books_balance()


@pytest.mark.proves("session-cancelled-whole", "cancelled-while-waitlist-moves")
def test_a_session_is_cancelled_while_people_register_and_are_promoted() -> None:
    cancel_while_people_come_and_go(people=50)


def test_an_organiser_who_cancels_twice_at_once_ends_everything_once() -> None:
    session, actor = make.session(seats=10), make.user()
    for who in make.attendees(10):
        register(session, who)

    answers = all_at_once([partial(publication.cancel, [session], actor)] * 4, threads=4)

    assert sorted(answers) == [0, 0, 0, 1]
    assert session.history.filter(status="cancelled").count() == 1
    assert Message.objects.filter(kind="registrations.cancelled").count() == 10


@pytest.mark.proves("batch-requests")
def test_a_batch_of_requests_decided_by_two_organisers_at_once_gives_each_seat_once() -> None:
    session = make.session(seats=5, access=Session.Access.APPROVAL, holds_requests=False)
    requests = [
        booking.register(booking.Ask(session, who, actor=who.user, reason="Pour ma thèse"))
        for who in make.attendees(10)
    ]
    data = {
        "action": "grant",
        "_selected_action": [one.pk for one in requests],
        "index": "0",
        "confirm": "1",
        "answer": "",
    }
    organisers = [make.sign_in(Client(), make.organiser(f"Organisatrice {n}")) for n in range(3)]

    answers = all_at_once([partial(one.post, "/admin/registrations/registration/", data) for one in organisers])

    assert {answer.status_code for answer in answers} == {200}
    assert (Registration.objects.confirmed().count(), make.pool(session).taken) == (5, 5)
    assert Message.objects.filter(kind="registrations.confirmed").count() == 5
    assert_books_balance()
