"""Lots: drawn once, at the moment that was announced, and drawn again by anybody with the same answer
(docs/rules.md#waiting-list)."""

from datetime import timedelta

import pytest

from programme.models import Session
from registrations.domain import waitlist
from registrations.models import Draw, Registration
from tests import make
from tests.registrations.acts import books, cancel, fill, last, line, refused, register, status, wait

pytestmark = pytest.mark.django_db


def by_lot(seats=1, **fields):
    session = make.session(seats=seats)
    moment = session.starts_at - timedelta(days=2)
    Session.objects.filter(pk=session.pk).update(waiting_list=Session.WaitingList.DRAW, draw_at=moment, **fields)
    session.refresh_from_db()
    session.holders = fill(session)
    return session


def test_before_the_draw_a_freed_seat_is_for_nobody():
    session = by_lot()
    waiting = wait(session)
    cancel(session, session.holders[0])

    newcomer = wait(session)

    assert (status(session, waiting), status(session, newcomer)) == ("waiting", "waiting")
    assert make.pool(session).left == 1
    assert waitlist.draw(session, session.draw_at - timedelta(seconds=1)) is None
    assert books() == []


def test_where_nobody_waits_a_free_seat_needs_no_lot():
    session = by_lot()
    cancel(session, session.holders[0])

    assert register(session, make.attendee()).status == "confirmed"


@pytest.mark.proves("verifiable-draw")
def test_at_its_moment_the_lots_are_drawn_once_and_the_free_seats_go_by_them():
    session = by_lot(seats=2)
    people = [wait(session) for _ in range(6)]
    for holder in session.holders:
        cancel(session, holder)

    assert [waitlist.tend(session.draw_at)["drawn"] for _ in range(2)] == [1, 0]

    drawn = Draw.objects.get(session=session)
    by_lots = sorted(people, key=lambda who: last(session, who).lot)
    assert [str(last(session, who).uuid) for who in by_lots] == drawn.order
    assert sorted(last(session, who).lot for who in people) == [1, 2, 3, 4, 5, 6]
    assert [status(session, who) for who in by_lots] == ["confirmed"] * 2 + ["waiting"] * 4
    assert line(session) == by_lots[2:]
    assert books(session.draw_at) == []


def test_anybody_can_draw_again_from_what_was_kept_and_gets_the_same_order():
    session = by_lot()
    for _ in range(20):
        wait(session)

    drawn = waitlist.draw(session, session.draw_at)

    assert waitlist.draw_order(drawn.entries, drawn.seed) == drawn.order
    assert waitlist.draw_order(dict(reversed(drawn.entries.items())), drawn.seed) == drawn.order
    assert len(drawn.seed) == 32


def test_the_order_depends_on_the_seed_alone():
    entries = {f"registration-{n}": "" for n in range(10)}

    orders = {tuple(waitlist.draw_order(entries, seed)) for seed in ("one", "two", "three")}

    assert len(orders) == 3
    assert waitlist.draw_order(entries, "one")[:3] == waitlist.draw_order(entries, "one")[:3]


@pytest.mark.proves("verifiable-draw")
def test_each_of_many_has_the_same_chance_to_be_first():
    entries = {f"registration-{n}": "" for n in range(4)}
    first = [waitlist.draw_order(entries, f"seed {n}")[0] for n in range(2000)]

    assert all(400 < first.count(entry) < 600 for entry in entries)


@pytest.mark.proves("waiting-together")
def test_people_who_wait_together_have_one_lot_between_them():
    """Their chance is that of one, and they stand side by side."""
    session = by_lot()
    a, b, *_ = people = [wait(session) for _ in range(5)]
    party = waitlist.start_party(last(session, a), actor=a.user)
    waitlist.join_party(last(session, b), party.code, actor=b.user, at=session.draw_at)

    waitlist.draw(session, session.draw_at)

    lots = {who.pk: last(session, who).lot for who in people}
    assert abs(lots[a.pk] - lots[b.pk]) == 1


def test_lots_are_not_drawn_twice_even_with_another_seed():
    session = by_lot()
    for _ in range(5):
        wait(session)

    first = waitlist.draw(session, session.draw_at, seed="one")
    second = waitlist.draw(session, session.draw_at, seed="two")

    assert (first, second.seed) == (second, "one")


@pytest.mark.proves("verifiable-draw")
def test_who_comes_after_the_draw_stands_behind_all_lots():
    session = by_lot()
    people = [wait(session) for _ in range(3)]
    waitlist.draw(session, session.draw_at)

    late = wait(session, at=session.draw_at)

    assert line(session)[-1] == late
    assert last(session, late).lot is None
    assert set(line(session)[:-1]) == set(people)


@pytest.mark.proves("verifiable-draw")
def test_who_comes_after_the_moment_takes_no_part_though_the_clock_was_late():
    """The beat had not drawn yet: whoever asks after the moment has the lots drawn first."""
    session = by_lot()
    people = [wait(session) for _ in range(3)]

    late = wait(session, at=session.draw_at + timedelta(minutes=5))

    assert line(session)[-1] == late
    assert len(Draw.objects.get(session=session).entries) == len(people)


def test_after_the_draw_a_freed_seat_goes_by_lot_at_once():
    session = by_lot()
    for _ in range(3):
        wait(session)
    waitlist.draw(session, session.draw_at)
    first = line(session)[0]

    cancel(session, session.holders[0], at=session.draw_at)

    assert status(session, first) == "confirmed"
    refused("full", register, session, make.attendee(), at=session.draw_at)


def test_no_lots_are_drawn_in_another_mode_nor_after_the_start():
    session = by_lot()
    wait(session)
    assert waitlist.draw_due(session.starts_at) == 0

    Session.objects.filter(pk=session.pk).update(waiting_list=Session.WaitingList.AUTOMATIC)
    session.refresh_from_db()
    assert waitlist.draw(session, session.draw_at) is None


def test_an_empty_waiting_list_is_drawn_too_so_that_the_moment_has_passed():
    session = by_lot()

    assert waitlist.draw_due(session.draw_at) == 1
    assert Draw.objects.get(session=session).order == []
    assert Registration.objects.filter(lot__isnull=False).count() == 0
