"""Crowds at lines, swaps, lots and allotments: whoever meets whom, the order is kept, no seat is idle, and nobody waits
in a circle."""

import random
import threading
import time
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Attendee
from outbox.models import Message
from programme.domain import publication
from programme.models import Session
from registrations.domain import booking, ledger, pools, waitlist
from registrations.domain.booking import SeatRefused
from registrations.models import Registration, SeatPool
from tests import make
from tests.crowd import all_at_once
from tests.processes import wait_until
from tests.registrations.acts import books, last, line, mails, member, register, status
from tests.registrations.test_admin import session_form

pytestmark = pytest.mark.django_db(transaction=True)

Mode = Session.WaitingList


def deadlocks():
    """How many circles of locks PostgreSQL has had to break in this database."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


@pytest.fixture(autouse=True)
def nobody_waits_in_a_circle(request):
    """Not only does nobody see a deadlock: there is none."""
    before = deadlocks()
    yield
    assert deadlocks() == before or "circle" in request.node.name


def join(session, who, **options):
    return register(session, who, waits=True, despite=True, **options)


def cancel(session, who):
    return booking.cancel(session, who, actor=who.user)


def seated(session, number):
    """`number` people with a seat each."""
    people = make.attendees(number)
    for who in people:
        register(session, who, despite=True)
    return people


def in_line(session, number):
    people = make.attendees(number)
    for who in people:
        assert join(session, who).status == "waiting"
    return people


def errors(answers, *codes):
    """What nobody may see: every exception but a refusal of one of `codes`."""
    return [a for a in answers if isinstance(a, Exception) and not (isinstance(a, SeatRefused) and a.code in codes)]


# --- Cancellations, newcomers, the clock and an organiser -------------------------------------------------------------


def promote_under_load(cancels, newcomers):
    """Everybody cancels or comes at once, while two clocks and an organiser give seats; the waiting list before is
    longer than what is freed."""
    session = make.session(seats=cancels + 20)
    holders = seated(session, cancels + 20)
    waiting = in_line(session, cancels + 10)
    favourite = waiting[-1]
    waitlist.set_priority(last(session, favourite), 1, actor=make.organiser())
    expected = [favourite, *waiting[:-1]]
    organiser = make.organiser()
    by_hand = last(session, waiting[5])
    jobs = [partial(cancel, session, who) for who in holders[:cancels]]
    jobs += [partial(join, session, who) for who in make.attendees(newcomers)]
    random.Random(28).shuffle(jobs)
    jobs[10:10] = [lambda: waitlist.tend(timezone.now())]
    jobs[40:40] = [
        lambda: waitlist.tend(timezone.now()),
        lambda: waitlist.give(by_hand, actor=organiser, at=timezone.now()),
    ]
    began = time.monotonic()

    answers = all_at_once(jobs)

    seconds = time.monotonic() - began
    assert errors(answers, "full") == []
    # As many as cancelled were served, and they are the first of the waiting list as it stood, in its order: no
    # newcomer came before them.
    assert [who for who in expected if status(session, who) == "confirmed"] == expected[:cancels]
    assert Registration.objects.confirmed().filter(session=session).count() == make.pool(session).taken == cancels + 20
    assert line(session)[: len(expected) - cancels] == expected[cancels:]
    assert len(line(session)) == 10 + newcomers
    assert books() == []
    print(f"{cancels} cancelled, {newcomers} came: 0 oversold, 0 passed over, 0 seats idle, in {seconds:.1f} s.")


@pytest.mark.proves("fair-waitlist")
def test_seats_that_are_freed_while_newcomers_come_go_to_the_waiting_list_in_its_order():
    promote_under_load(cancels=40, newcomers=80)


@pytest.mark.proves("fair-waitlist")
@pytest.mark.faults
@pytest.mark.only_on_postgresql  # SQLite lets one writer in at a time: there, the crowd of `make test` says it all
@pytest.mark.slow(40)
def test_a_hundred_cancellations_against_two_hundred_newcomers():
    for _ in range(2):
        promote_under_load(cancels=100, newcomers=200)


# --- Swaps in both directions -----------------------------------------------------------------------------------------


def swap_in_both_directions(people, waiting=0):
    """`people` of each of two sessions want into the other, at once; each has one free seat, or so many in line."""
    event = make.event(clash_policy="swap")
    a, b = (make.session(seats=people + (not waiting), event=event) for _ in range(2))
    in_a, in_b = seated(a, people), seated(b, people)
    lines = [in_line(session, waiting) for session in (a, b)]
    jobs = [partial(register, b, who, leave=[last(a, who).uuid]) for who in in_a]
    jobs += [partial(register, a, who, leave=[last(b, who).uuid]) for who in in_b]
    jobs += [
        partial(cancel, session, who) for session, crowd in ((a, in_a), (b, in_b)) for who in crowd[: waiting // 2]
    ]
    random.Random(3).shuffle(jobs)
    began, worked = time.monotonic(), time.process_time()

    answers = all_at_once(jobs, threads=50)

    seconds, worked = time.monotonic() - began, time.process_time() - worked
    assert errors(answers, "full", "stale") == []
    assert worked < 10  # of this machine's time: others may work on it too
    for who in [*in_a, *in_b]:
        assert Registration.objects.live().filter(attendee=who, session__in=[a, b]).count() <= 1
    assert sum(pool.taken for pool in SeatPool.objects.all()) == Registration.objects.holding().count()
    for session, queue in zip((a, b), lines, strict=True):
        served = [who for who in queue if status(session, who) == "confirmed"]
        assert served == queue[: len(served)]
        if not waiting:
            assert (
                make.pool(session).taken + Registration.objects.filter(session=session, ending="swapped").count()
                >= people
            )
    assert books() == []
    swapped = sum(isinstance(answer, Registration) for answer in answers)
    print(
        f"{people} from A to B while {people} from B to A: {swapped} moved, the others kept their seat, "
        f"in {seconds:.1f} s."
    )


@pytest.mark.proves("no-lock-errors")
def test_fifty_swap_into_one_session_while_fifty_swap_out_of_it():
    """No deadlock reaches anybody, every seat is accounted for, in less than ten seconds."""
    swap_in_both_directions(people=50)

    assert Registration.objects.holding().count() == 100  # everybody has one seat still


def test_swaps_and_cancellations_serve_both_waiting_lists():
    """With people on the waiting list: whoever gives up a seat gives it to them."""
    swap_in_both_directions(people=20, waiting=20)


@pytest.mark.proves("no-lock-errors")
@pytest.mark.faults
@pytest.mark.only_on_postgresql  # SQLite lets one writer in at a time: there, the crowd of `make test` says it all
@pytest.mark.slow(50)
def test_long_swaps_in_both_directions():
    for _ in range(3):
        swap_in_both_directions(people=50)
        swap_in_both_directions(people=40, waiting=30)


# --- Three managers and twenty seats ----------------------------------------------------------------------------------


@pytest.mark.proves("no-double-allotment")
@pytest.mark.parametrize("access", [Session.Access.COHORT, Session.Access.PUBLIC])
def test_three_managers_who_ask_for_fifteen_of_twenty_seats_at_once_get_fifteen_in_all(access):
    """One gets them, the others read that five are left, and five can be had."""
    session = make.session(seats=20, access=access)
    cohorts = [make.cohort() for _ in range(3)]

    answers = all_at_once([partial(pools.allot, session, cohort, 15) for cohort in cohorts])

    refused = [answer for answer in answers if isinstance(answer, ValidationError)]
    assert [type(answer).__name__ for answer in answers if answer not in refused] == ["SeatPool"]
    assert all("5" in str(refusal) for refusal in refused)
    unlucky = next(cohort for cohort, answer in zip(cohorts, answers, strict=True) if answer in refused)
    pools.allot(session, unlucky, 5)
    assert sorted(SeatPool.objects.exclude(cohort=None).values_list("seats", flat=True)) == [5, 15]
    assert books() == []
    print("3 × 15 of 20 at once: 15 allotted, the others read that 5 are left; 5 more: 20.")


# --- Somebody goes while lines move -----------------------------------------------------------------------------------


@pytest.mark.proves("leaving-altogether")
def test_people_who_leave_everything_while_waiting_lists_move_leave_nothing_behind():
    """Each is in three lines, has a seat and an offer; the seats go to those who are next."""
    now = timezone.now()
    sessions = [make.session(seats=5, starts_at=now + timedelta(days=5 + n)) for n in range(4)]
    offering = make.session(seats=5, waiting_list=Mode.OFFER, starts_at=now + timedelta(days=10))
    own = make.session(seats=10, starts_at=now + timedelta(days=11))
    holders = {session: seated(session, 5) for session in [*sessions, offering]}
    leaving = make.attendees(10)
    for who in leaving:
        register(own, who)
        for session in [*sessions[:3], offering]:
            join(session, who)
    behind = {session: in_line(session, 10) for session in [*sessions[:3], offering]}
    jobs = [partial(booking.leave_all, who, actor=who.user) for who in leaving]
    jobs += [partial(cancel, session, who) for session in [*sessions[:3], offering] for who in holders[session]]
    jobs += [lambda: waitlist.tend(timezone.now())] * 4
    random.Random(32).shuffle(jobs)

    answers = all_at_once(jobs)

    assert errors(answers) == []
    assert not Registration.objects.live().filter(attendee__in=leaving).exists()
    assert make.pool(own).taken == 0
    for session, people in behind.items():
        holds = "offered" if session == offering else "confirmed"
        assert [status(session, who) for who in people] == [holds] * 5 + ["waiting"] * 5
    assert books() == []
    print(
        "10 people left 50 seats, offers and places while 20 seats were freed: 0 kept, 20 given to those behind them."
    )


# --- Organisers at work -----------------------------------------------------------------------------------------------


def lower_during_registrations(seats, to, newcomers):
    session = make.session(seats=seats)
    holders = seated(session, seats)
    organiser = make.organiser()
    jobs = [partial(join, session, who) for who in make.attendees(newcomers)]
    jobs += [partial(cancel, session, who) for who in holders[: seats // 5]]
    random.Random(25).shuffle(jobs)
    lower = partial(pools.lower_capacity, session, to, pools.Lowering.MOVE, actor=organiser)
    jobs[5:5] = [lower]

    answers = all_at_once(jobs)

    assert errors(answers) == []
    pool = make.pool(session)
    assert (pool.seats, pool.taken) == (to, to)
    moved = set(
        Registration.history.filter(session=session, status="waiting", history_user=organiser).values_list(
            "attendee", flat=True
        )
    )
    told = Message.objects.filter(kind="registrations.moved_to_waitlist").values_list("to", flat=True)
    assert sorted(told) == sorted(Attendee.objects.filter(pk__in=moved).values_list("user__email", flat=True))
    assert books() == []
    print(
        f"{seats} lowered to {to} while {newcomers} came and {seats // 5} left: "
        f"{len(moved)} moved to the line, exactly they were told."
    )


@pytest.mark.proves("capacity-change")
def test_a_capacity_lowered_during_registrations_moves_and_tells_exactly_those_above_it():
    lower_during_registrations(seats=30, to=20, newcomers=40)


@pytest.mark.proves("capacity-change")
@pytest.mark.faults
@pytest.mark.only_on_postgresql  # SQLite lets one writer in at a time: there, the crowd of `make test` says it all
@pytest.mark.slow(30)
def test_three_hundred_lowered_to_two_hundred_and_fifty_during_registrations():
    lower_during_registrations(seats=300, to=250, newcomers=200)


def save_form_during_registrations(saves, people, seats):
    """An organiser saves the session's form again and again, raising and lowering its capacity, while people register
    and cancel."""
    session = make.session(seats=seats)
    cookies = make.sign_in(Client(), make.organiser()).cookies
    url = f"/admin/programme/session/{session.pk}/change/"
    crowd = make.attendees(people)
    pool = make.pool(session).pk

    def save(number):
        browser = Client()
        browser.cookies = cookies
        changes = {
            "capacity": seats + number % 3,
            "title_fr": f"Titre {number}",
            "pools-0-id": pool,
            "pools-0-taken": 0,
        }
        form = session_form(session, offer_hours=24, waiting_list="automatic", **changes)
        return browser.post(url, form).status_code

    def come_and_go(who):
        join(session, who)
        if who.pk % 3 == 0:
            cancel(session, who)
        return who

    jobs = [partial(come_and_go, who) for who in crowd]
    every = max(len(jobs) // saves, 1)
    for number in range(saves):
        jobs.insert(number * (every + 1), partial(save, number))

    answers = all_at_once(jobs)

    assert errors(answers) == []
    assert Counter(answer for answer in answers if isinstance(answer, int)).keys() <= {200, 302}
    assert Session.objects.get(pk=session.pk).title_fr.startswith("Titre")
    assert make.pool(session).taken == Registration.objects.holding().count() > 0
    assert books() == []
    print(f"The form saved {saves} times while {people} came and went: the count is right.")


@pytest.mark.proves("no-lost-edits")
def test_saving_the_form_during_registrations_never_writes_the_count():
    save_form_during_registrations(saves=15, people=60, seats=25)


@pytest.mark.proves("no-lost-edits")
@pytest.mark.faults
@pytest.mark.slow(40)
def test_saving_the_form_two_hundred_times_during_a_rush():
    save_form_during_registrations(saves=200, people=1000, seats=300)


@pytest.mark.proves("cancelled-session-empty")
@pytest.mark.parametrize("fields", [{}, {"access": "approval", "holds_requests": False}, {"access": "approval"}])
def test_a_session_cancelled_among_sign_ups_and_promotions_has_nobody_at_the_end(fields):
    """Each is told once, and no seat is given after the cancellation."""
    session = make.session(seats=10, **fields)
    people = make.attendees(40)
    first, others = people[:15], people[15:]
    for who in first:
        join(session, who, reason="Je viens de loin")

    def cancel_it():
        fresh = Session.objects.get(pk=session.pk)
        fresh.status = Session.Status.CANCELLED
        fresh.save()

    jobs = [partial(join, session, who, reason="Je viens de loin") for who in others]
    jobs += [partial(cancel, session, who) for who in first[:5]]
    random.Random(27).shuffle(jobs)
    jobs[8:8] = [cancel_it, lambda: waitlist.tend(timezone.now())]

    answers = all_at_once(jobs)

    assert errors(answers, "cancelled") == []
    assert not Registration.objects.live().exists()
    assert make.pool(session).taken == 0
    for who in people:
        assert mails(who)[-1:] != ["confirmed"]
        assert mails(who).count("cancelled") <= 1
    assert books() == []


def test_a_session_taken_back_to_draft_among_sign_ups_has_nobody_or_stays():
    organiser = make.organiser()
    for _ in range(10):
        session = make.session(seats=10)
        jobs = [partial(register, session, who) for who in make.attendees(4)]
        jobs[2:2] = [partial(publication.unpublish, [session], organiser)]

        answers = all_at_once(jobs)

        session.refresh_from_db()
        refused = [answer for answer in answers if isinstance(answer, ValidationError)]
        assert errors([answer for answer in answers if answer not in refused], "closed") == []
        assert (session.status == "draft") == (not refused)
        assert Registration.objects.live().filter(session=session).exists() == (session.status == "published")
    assert books() == []


@pytest.mark.proves("capacity-change")
def test_seats_added_while_people_join_the_waiting_list_are_not_left_idle():
    session = make.session(seats=5)
    seated(session, 5)

    def more():
        with transaction.atomic():
            fresh = Session.objects.select_for_update(no_key=True).get(pk=session.pk)
            fresh.capacity += 3
            fresh.save()

    jobs = [partial(join, session, who) for who in make.attendees(40)]
    for position in (5, 15, 25):
        jobs[position:position] = [more]

    answers = all_at_once(jobs)

    assert errors(answers) == []
    assert make.pool(session).taken == 14
    assert len(line(session)) == 31
    assert books() == []


# --- The clock --------------------------------------------------------------------------------------------------------


def test_seats_released_while_people_come_are_given_once_and_in_order():
    session, cohort = make.session(seats=10), make.cohort()
    now = timezone.now()
    pools.allot(session, cohort, 6, release_at=now + timedelta(hours=1))
    register(session, member(cohort))
    seated(session, 4)
    waiting = in_line(session, 3)
    after = now + timedelta(hours=2)
    jobs = [partial(join, session, who, at=after) for who in make.attendees(12)] + [partial(waitlist.tend, after)] * 4
    random.Random(1).shuffle(jobs)

    answers = all_at_once(jobs)

    assert errors(answers) == []
    assert [status(session, who) for who in waiting] == ["confirmed"] * 3
    assert (SeatPool.objects.get(cohort=cohort).seats, make.pool(session).taken) == (1, 9)
    assert len(line(session)) == 10
    assert books(after) == []


@pytest.mark.proves("offer-holds-seat")
def test_offers_accepted_and_run_out_at_the_same_moment_end_one_way():
    session = make.session(seats=20, waiting_list=Mode.OFFER)
    holders = seated(session, 20)
    people = in_line(session, 40)
    for holder in holders:
        cancel(session, holder)
    offered = people[:20]
    end = max(last(session, who).offer_expires_at for who in offered)
    a_moment_before = min(last(session, who).offer_expires_at for who in offered) - timedelta(microseconds=1)
    jobs = [partial(booking.accept, session, who, actor=who.user, at=a_moment_before) for who in offered]
    jobs += [partial(waitlist.expire_offers, end)] * 3
    random.Random(2).shuffle(jobs)

    answers = all_at_once(jobs)

    assert errors(answers, "no_offer", "offer_expired") == []
    accepted = sum(isinstance(answer, Registration) for answer in answers)
    assert Counter(Registration.objects.live().values_list("status", flat=True)) == {
        name: number
        for name, number in [("confirmed", accepted), ("offered", 20 - accepted), ("waiting", accepted)]
        if number
    }
    assert make.pool(session).taken == 20
    assert books() == []


def test_lots_drawn_while_people_join_are_for_those_who_were_there():
    session = make.session(seats=3)
    holders = seated(session, 3)
    moment = timezone.now() + timedelta(hours=1)
    Session.objects.filter(pk=session.pk).update(waiting_list=Mode.DRAW, draw_at=moment)
    session.refresh_from_db()
    in_line(session, 10)
    for holder in holders[:2]:
        cancel(session, holder)
    jobs = [partial(join, session, who, at=moment) for who in make.attendees(20)] + [
        partial(waitlist.draw_due, moment)
    ] * 3
    random.Random(4).shuffle(jobs)

    answers = all_at_once(jobs)

    assert errors(answers) == []
    drawn = session.draw
    assert sorted(Registration.objects.filter(lot__isnull=False).values_list("lot", flat=True)) == list(
        range(1, len(drawn.order) + 1)
    )
    assert {str(uuid) for uuid in Registration.objects.filter(lot__isnull=False).values_list("uuid", flat=True)} == set(
        drawn.entries
    )
    assert drawn.order == waitlist.draw_order(drawn.entries, drawn.seed)
    assert make.pool(session).taken == 3
    assert books(moment) == []


# --- Waiting together -------------------------------------------------------------------------------------------------


def test_ten_who_join_one_party_at_once_are_six_at_most():
    session = make.session(seats=6)
    holders = seated(session, 6)
    people = in_line(session, 11)
    party = waitlist.start_party(last(session, people[0]), actor=people[0].user)
    jobs = [
        partial(waitlist.join_party, last(session, who), party.code, actor=who.user, at=timezone.now())
        for who in people[1:]
    ]

    answers = all_at_once(jobs)

    assert errors(answers, "party_full") == []
    assert party.registrations.count() == 6
    all_at_once([partial(cancel, session, who) for who in holders])
    assert {status(session, registration.attendee) for registration in party.registrations.all()} <= {
        "confirmed",
        "waiting",
    }
    assert books() == []


def test_parties_that_form_and_part_while_seats_are_freed_leave_no_seat_idle():
    session = make.session(seats=20)
    holders = seated(session, 20)
    people = in_line(session, 24)
    parties = [waitlist.start_party(last(session, who), actor=who.user) for who in people[:6]]
    for n, who in enumerate(people[6:12]):
        waitlist.join_party(last(session, who), parties[n].code, actor=who.user, at=timezone.now())
    jobs = [
        partial(waitlist.join_party, last(session, who), parties[n % 6].code, actor=who.user, at=timezone.now())
        for n, who in enumerate(people[9:18])
    ]
    jobs += [partial(waitlist.leave_party, last(session, who), actor=who.user, at=timezone.now()) for who in people[:4]]
    jobs += [partial(cancel, session, who) for who in [*holders[:15], *people[4:6]]]
    random.Random(5).shuffle(jobs)

    answers = all_at_once(jobs)

    assert errors(answers, "not_waiting", "unknown_code") == []
    assert books() == []


# --- A circle of locks ------------------------------------------------------------------------------------------------


@pytest.mark.proves("no-lock-errors")
@pytest.mark.only_on_postgresql
def test_whoever_is_caught_in_an_organisers_circle_of_locks_is_served_all_the_same():
    """An organiser saves several sessions in one transaction: the pools of one are held when people of the next are
    asked for. PostgreSQL ends whoever waited first; that is the person, and their request is done again."""
    session = make.session(seats=5, waiting_list=Mode.BY_HAND)  # where seats are taken with all pools locked
    ada = make.attendee()
    holds, waits = threading.Event(), threading.Event()

    def organiser():
        with transaction.atomic():
            ledger.lock_pools(SeatPool.objects.filter(session=session))
            holds.set()
            waits.wait(20)
            ledger.lock_people([ada.pk])

    def person():
        holds.wait(20)
        return join(session, ada)

    def watch():
        def waiting():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
                    "current_database()"
                )
                return cursor.fetchone()[0]

        wait_until(waiting, 20, "the person waits for the pools")
        waits.set()

    before = deadlocks()
    answers = all_at_once([organiser, person, watch])

    assert deadlocks() == before + 1
    assert errors(answers) == []
    assert answers[1].status == "confirmed"
    assert books() == []


@pytest.mark.proves("no-lost-seat", "fair-waitlist")
def test_a_storm_of_everything_leaves_the_books_right():
    """Registrations, places, swaps, offers, gifts, priorities and the clock, at random, at once."""
    storm_of_everything(people=40, deeds=300)


@pytest.mark.proves("no-lost-seat", "fair-waitlist")
@pytest.mark.faults
@pytest.mark.slow(100)
def test_a_long_storm_of_everything_leaves_the_books_right():
    for seed in (1, 2):  # the short storm has 0
        storm_of_everything(people=100, deeds=2500, seed=seed)


def storm_of_everything(people, deeds, seed=0):
    dice = random.Random(seed)
    crowd = make.attendees(people)
    strict = make.event(clash_policy="refuse")
    sessions = [
        make.session(seats=people // 4, event=strict, starts_at=timezone.now() + timedelta(days=3 + n // 2))
        for n in range(4)
    ]
    sessions.append(make.session(seats=people // 5, waiting_list=Mode.OFFER))
    sessions.append(make.session(seats=people // 5, waiting_list=Mode.BY_HAND))
    cohort = make.cohort(size=people)
    for who in crowd[::3]:
        member(cohort, who)
    pools.allot(sessions[0], cohort, people // 8)
    organiser = make.organiser()

    def swap():
        who, (a, b) = dice.choice(crowd), dice.sample(sessions, 2)
        mine = Registration.objects.live().filter(session=a, attendee=who).first()
        return register(b, who, leave=[mine.uuid] if mine else [], waits=True, despite=True)

    def accept():
        offer = Registration.objects.filter(status="offered").order_by("?").first()
        return offer and booking.accept(offer.session, offer.attendee, actor=offer.attendee.user, despite=True)

    def give():
        waiting = Registration.objects.waiting().order_by("?").first()
        return waiting and waitlist.give(waiting, actor=organiser, at=timezone.now())

    def prefer():
        waiting = Registration.objects.waiting().order_by("?").first()
        return waiting and waitlist.set_priority(waiting, dice.randint(-1, 2), actor=organiser)

    def deed():
        session, who = dice.choice(sessions), dice.choice(crowd)
        return dice.choice(
            [
                *[partial(join, session, who)] * 6,
                *[partial(cancel, session, who)] * 3,
                swap,
                accept,
                give,
                prefer,
                partial(waitlist.tend, timezone.now()),
                partial(booking.leave_all, who, actor=who.user),
            ]
        )

    answers = all_at_once([deed() for _ in range(deeds)])

    assert errors(answers, "full", "clash", "stale", "kept_out", "gone", "no_offer", "offer_expired") == []
    waitlist.tend(timezone.now())
    assert books() == []
