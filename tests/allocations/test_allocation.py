"""Wishes, simulations, and the run that is put into force (docs/rules.md#allocation)."""

import json
import signal
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from allocations.domain import allocation as allocating
from allocations.domain import lottery, wishes
from allocations.models import Allocation, AllocationRun, Wish
from outbox.domain import delivery
from outbox.models import Message
from programme.models import Duty, Session
from registrations.domain import booking, clashes, invariants, pools, ways_in
from registrations.domain.ways_in import SeatRefused
from registrations.models import Limit, Registration, SeatPool
from tests import make
from tests.crowd import all_at_once
from tests.processes import environment, run_python
from tests.registrations.acts import register
from venues.domain.travel import Travel
from venues.models import TravelTime

pytestmark = pytest.mark.django_db

NOON = datetime(2027, 2, 10, 12, 0, tzinfo=UTC)


def session(begins=0, **fields):
    """A session that begins so many hours after noon."""
    return make.session(starts_at=NOON + timedelta(hours=begins), **fields)


def another_seed(run) -> str:
    """A seed that gives other answers from the same inputs: some give the same, by chance."""
    return next(seed for seed in map(str, range(1000)) if lottery.run(run.inputs, seed) != run.results)


def asks(allocation, person, *sessions):
    return allocating.express(allocation, person, sessions)


def order(allocation, person):
    return [wish.session for wish in Wish.objects.filter(allocation=allocation, attendee=person).order_by("rank")]


simulate = make.simulation


def commit(run, **fields):
    return allocating.commit(run, actor=make.organiser(), **{"at": run.allocation.closes_at} | fields)


def codes(run, person):
    return [answer["code"] for answer in run.results["answers"][allocating.person_key(person.pk)]]


def assert_books_balance():
    assert invariants.check(timezone.now())["breaches"] == []


@pytest.fixture
def town():
    """Two sessions of one seat at different hours, and three people who want both."""
    sessions = [session(seats=1, title="Éthique"), session(5, seats=1, title="Sobriété")]
    allocation = make.allocation(*sessions)
    people = [make.attendee(name, email=f"{name}@example.org") for name in ("ada", "bob", "cyd")]
    for person in people:
        asks(allocation, person, *sessions)
    return allocation, sessions, people


# --- Wishes -----------------------------------------------------------------------------------------------------------


def test_wishes_are_kept_in_their_order_and_replaced_as_a_whole():
    one, two, three = session(), session(2), session(4)
    allocation, ada = make.allocation(one, two, three), make.attendee()

    asks(allocation, ada, two, one)
    assert order(allocation, ada) == [two, one]

    asks(allocation, ada, three, two)
    assert order(allocation, ada) == [three, two]

    asks(allocation, ada)
    assert order(allocation, ada) == []


def test_the_same_order_again_writes_nothing():
    """A form sent twice."""
    one, ada = session(), make.attendee()
    allocation = make.allocation(one)
    [before] = asks(allocation, ada, one)

    with CaptureQueriesContext(connection) as queries:
        [after] = asks(allocation, ada, one)

    assert after.pk == before.pk
    assert not any("INSERT" in query["sql"] or "DELETE" in query["sql"] for query in queries)


@pytest.mark.proves("atomic-ranking")
@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda one, two, other: [one, two, one], "twice"),
        (lambda one, two, other: [one, other], "unknown"),
        (lambda one, two, other: [one, two, session(8)], "too_many"),
    ],
    ids=["one twice", "of another allocation", "too many"],
)
def test_a_ranking_that_makes_no_sense_changes_nothing_and_says_why(ask, code):
    one, two, other = session(), session(2), session(4)
    allocation = make.allocation(one, two, wishes_at_most=2 if code == "too_many" else 8)
    make.allocation(other)
    ada = make.attendee()
    asks(allocation, ada, two)

    with pytest.raises(SeatRefused) as refused:
        asks(allocation, ada, *ask(one, two, other))

    assert refused.value.code == code
    assert str(refused.value)
    assert order(allocation, ada) == [two]


@pytest.mark.proves("atomic-ranking")
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": Session.Status.CANCELLED}, "cancelled"),
        ({"status": Session.Status.DRAFT}, "unknown"),
        ({"access": Session.Access.PUBLIC}, "public"),
        ({"access": Session.Access.INVITATION}, "not_entitled"),
        ({"access": Session.Access.COHORT}, "not_entitled"),
        ({"starts_at": timezone.now() - timedelta(minutes=5)}, "started"),
        ({"starts_at": timezone.now() - timedelta(days=2)}, "over"),
    ],
)
def test_nobody_wishes_for_what_they_could_not_be_given(fields, code):
    closed = make.session(**fields)
    allocation, ada = make.allocation(session(), closed), make.attendee()

    with pytest.raises(SeatRefused) as refused:
        asks(allocation, ada, closed)

    assert refused.value.code == code
    assert order(allocation, ada) == []


def test_whom_a_session_is_kept_for_may_wish_for_it():
    ada = make.attendee(email="ada@example.org")
    by_invitation, of_cohort = session(access="invitation"), session(2, access="cohort")
    make.invitation(by_invitation, "ada@example.org")
    cohort = make.membership(who=ada).cohort
    pools.allot(of_cohort, cohort, 5)
    on_request = session(4, access="approval")
    allocation = make.allocation(by_invitation, of_cohort, on_request)

    asks(allocation, ada, by_invitation, of_cohort, on_request)

    assert order(allocation, ada) == [by_invitation, of_cohort, on_request]
    assert codes(simulate(allocation), ada) == ["given"] * 3


def test_what_was_cancelled_since_may_stay_while_the_rest_changes():
    one, two, three = session(), session(2), session(4)
    allocation, ada = make.allocation(one, two, three), make.attendee()
    asks(allocation, ada, one, two)
    one.status = Session.Status.CANCELLED
    one.save()

    asks(allocation, ada, three, one, two)

    assert order(allocation, ada) == [three, one, two]


@pytest.mark.proves("wish-time-does-not-count")
@pytest.mark.parametrize(("hours", "code"), [(-25, "not_yet"), (24, "over"), (30, "over")])
def test_wishes_are_given_in_their_time_alone(hours, code):
    one, ada = session(), make.attendee()
    allocation = make.allocation(one)
    at = allocation.closes_at - timedelta(days=1) + timedelta(hours=hours)

    with pytest.raises(SeatRefused) as refused:
        allocating.express(allocation, ada, [one], at=at)

    assert refused.value.code == code
    assert order(allocation, ada) == []


def test_the_deadline_is_told_by_the_clocks_of_the_venue():
    tokyo = make.room(venue=make.venue(timezone="Asia/Tokyo"))
    allocation = make.allocation(
        make.session(room=tokyo),
        closes_at=datetime(2026, 1, 10, 22, 30, tzinfo=UTC),
        opens_at=NOON - timedelta(days=900),
    )

    with pytest.raises(SeatRefused, match="dimanche 11\u00a0janvier à 7\u00a0h\u00a030"):
        allocating.express(allocation, make.attendee(), [], at=NOON)


def test_an_order_that_another_window_has_changed_is_not_overwritten():
    one, two = session(), session(2)
    allocation, ada = make.allocation(one, two), make.attendee()
    asks(allocation, ada, one)

    with pytest.raises(SeatRefused) as refused:
        allocating.express(allocation, ada, [two], seen=[])

    assert refused.value.code == "stale"
    assert order(allocation, ada) == [one]
    allocating.express(allocation, ada, [two], seen=[one])
    assert order(allocation, ada) == [two]


def test_once_the_seats_are_given_out_wishes_stay(town):
    allocation, sessions, [ada, *_] = town
    commit(simulate(allocation))

    with pytest.raises(SeatRefused) as refused:
        asks(allocation, ada, sessions[1])

    assert refused.value.code == "done"
    assert order(allocation, ada) == sessions


# --- What a run is told -----------------------------------------------------------------------------------------------


def test_the_same_books_give_the_same_snapshot_whatever_the_database_does_to_it(town):
    allocation, *_ = town
    now = timezone.now()

    run = simulate(allocation)

    inputs = allocating.snapshot(allocation, now)
    run.refresh_from_db()
    assert run.inputs == inputs == json.loads(json.dumps(inputs))
    assert run.inputs_hash == lottery.fingerprint(inputs) == lottery.fingerprint(run.inputs)
    assert run.results == lottery.run(inputs, run.seed)


def test_a_snapshot_names_everything_that_decides():
    here, there = make.venue(latitude=48.85, longitude=2.35), make.venue(latitude=48.86, longitude=2.30)
    one, two = session(room=make.room(venue=here)), session(3, room=make.room(venue=there), seats=10)
    elsewhere = session(9, room=make.room(venue=there))
    ada, bob = make.attendee(), make.attendee()
    light, heavy = make.cohort(weight=2), make.cohort(weight=5)
    pools.allot(two, light, 4)
    for cohort in (light, heavy):
        make.membership(cohort, ada)
    make.registration(elsewhere, ada)
    make.participation(session=one, speaker=make.speaker(user=bob.user))
    Duty.objects.create(session=elsewhere, user=bob.user)
    Limit.objects.create(event=one.event, kind="panel", at_most=2)
    Limit.objects.create(event=elsewhere.event, at_most=1)
    allocation = make.allocation(one, two, seats_at_most=1)
    asks(allocation, ada, two, one)
    asks(allocation, bob, one)

    found = allocating.snapshot(allocation, timezone.now())

    s1, s2, s3 = (allocating.session_key(one.pk), allocating.session_key(two.pk), allocating.session_key(elsewhere.pk))
    assert found["seats_at_most"] == 1
    assert found["limits"] == [[f"e{one.event_id}", "panel", 2]], "limits of other events decide nothing here"
    assert set(found["sessions"]) == {s1, s2, s3}
    assert "pools" not in found["sessions"][s3]
    general, kept = SeatPool.objects.filter(session=two).order_by("pk")
    assert found["sessions"][s2]["pools"] == [[f"p{general.pk}", "", 6], [f"p{kept.pk}", f"c{light.pk}", 4]]
    assert found["people"] == {
        f"a{ada.pk}": {"weight": 5, "cohorts": [f"c{light.pk}"], "wishes": [s2, s1], "held": [[s3, "confirmed"]]},
        f"a{bob.pk}": {"weight": 1, "cohorts": [], "wishes": [s1], "held": sorted([[s1, "speaking"], [s3, "duty"]])},
    }
    way = Travel().minutes(here.pk, there.pk)
    assert found["travel"][f"v{here.pk}"][f"v{there.pk}"] == way > 0


def test_people_whose_accounts_are_closed_take_no_part(town):
    allocation, _sessions, [_ada, bob, _cyd] = town
    bob.user.is_active = False
    bob.user.save()

    run = simulate(allocation)

    assert len(run.results["answers"]) == 2
    assert allocating.person_key(bob.pk) not in run.results["answers"]


@pytest.mark.parametrize("number", [2, 20])
def test_a_snapshot_takes_the_same_queries_for_two_people_and_for_twenty(django_assert_num_queries, number):
    sessions = [session(n) for n in range(number)]
    allocation = make.allocation(*sessions)
    cohort, elsewhere = make.cohort(size=99), session(50)
    for n in range(number):
        person = make.attendee()
        make.membership(cohort, person)
        make.registration(elsewhere, person)
        make.participation(session=session(60 + n), speaker=make.speaker(user=person.user))
        asks(allocation, person, *sessions[:3])

    with django_assert_num_queries(12):
        allocating.snapshot(allocation, timezone.now())


@pytest.mark.proves("rank-rounds")
@pytest.mark.parametrize("access", [access for access in Session.Access if access != Session.Access.PUBLIC])
@pytest.mark.parametrize(
    "who", ["stranger", "member", "member of another cohort", "guest", "member and guest", "member absent then"]
)
@pytest.mark.parametrize("days", [0, 4], ids=["before the release", "after it"])
def test_the_lottery_lets_in_whom_everybody_else_lets_in(access, who, days):
    """Who may use which pools, in which order, is one rule too."""
    one, ada = session(access=access, seats=9), make.attendee(email="ada@example.org")
    cohort = make.cohort()
    pools.allot(one, cohort, 2, release_at=NOON - timedelta(days=3))
    if "member" in who:
        make.membership(make.cohort() if "another" in who else cohort, ada)
    if "guest" in who:
        make.invitation(one, "ada@example.org")
    if "absent" in who:
        cohort.starts_at, cohort.ends_at = NOON + timedelta(hours=3), NOON + timedelta(hours=5)
        cohort.save()
    at = NOON - timedelta(days=5 - days)

    entry = allocating.entries_of([one], at, allocating.invited_to([one], [ada]))[one.pk]
    person, own = allocating.person_key(ada.pk), allocating.cohorts_of([ada.pk])[ada.pk]

    try:
        enters = ways_in.enter(one, ada, list(ways_in.pools_for(ada).filter(session=one)), at)
    except SeatRefused:
        enters = []
    assert lottery.usable(person, own, entry) == [f"p{pool.pk}" for pool in enters]
    assert allocating.why_not(entry, person, own) == ("" if enters else "not_entitled")


@pytest.mark.proves("rank-rounds")
@pytest.mark.parametrize(
    ("gap", "venue"), [(0, 0), (10, 1), (25, 1), (26, 1), (-30, 0), (-90, 1), (24 * 60, 2), (24 * 60 - 1, 2), (600, 2)]
)
def test_the_lottery_clashes_as_everybody_else_does(gap, venue):
    """The pure rule and that of the pages are one rule, whatever the gap and the way."""
    venues = [make.venue(), make.venue(), make.venue(country="JP", city="Tokyo")]
    TravelTime.objects.create(origin=venues[0], destination=venues[1], minutes=26)
    TravelTime.objects.create(origin=venues[0], destination=venues[2], minutes=1500)
    first = make.session(starts_at=NOON, minutes=60, room=make.room(venue=venues[0]))
    second = make.session(starts_at=NOON + timedelta(minutes=60 + gap), minutes=60, room=make.room(venue=venues[venue]))
    allocation, ada = make.allocation(first, second), make.attendee()
    asks(allocation, ada, first, second)

    told = allocating.snapshot(allocation, timezone.now())

    judged = lottery.clash(
        *(told["sessions"][allocating.session_key(one.pk)] for one in (first, second)), told["travel"]
    )
    assert judged is bool(clashes.clashes_with(first, [clashes.Commitment(second, "speaking")], Travel()))
    assert codes(simulate(allocation), ada) == ["given", "clash" if judged else "given"]


# --- Simulations ------------------------------------------------------------------------------------------------------


def test_a_simulation_gives_nobody_a_seat_and_tells_nobody(town):
    allocation, *_ = town

    run = simulate(allocation)

    assert run.committed_at is None
    assert run.history.get().history_user == run.created_by
    assert Registration.objects.count() == Message.objects.count() == 0
    assert run.results["figures"]["seats"] == 2


def test_each_simulation_draws_a_seed_of_its_own_unless_one_is_given(town):
    allocation, *_ = town

    seeds = {simulate(allocation, seed="").seed for _ in range(3)}

    assert len(seeds) == 3
    assert {len(seed) for seed in seeds} == {32}
    assert simulate(allocation, seed=" 7 12 23 ").seed == "7 12 23"


def test_seats_whose_release_is_due_are_no_longer_the_cohorts(town):
    allocation, [one, _two], _people = town
    one.capacity = 3
    one.save()
    pools.allot(one, make.cohort(), 2, release_at=timezone.now() - timedelta(minutes=1))

    run = simulate(allocation)

    assert run.results["figures"]["sessions"][allocating.session_key(one.pk)]["seats"] == 3


def test_cohort_seats_go_to_the_cohort_and_released_sessions_open():
    """A session reserved for cohorts: its general pool is theirs once their own seats have been released."""
    one, ada, eve = session(access="cohort", seats=3), make.attendee(), make.attendee()
    cohort = make.membership(who=ada).cohort
    pools.allot(one, cohort, 1, release_at=timezone.now() + timedelta(days=3))
    allocation = make.allocation(one)
    asks(allocation, ada, one)
    key = allocating.session_key(one.pk)

    before = allocating.snapshot(allocation, timezone.now())["sessions"][key]
    after = allocating.snapshot(allocation, timezone.now() + timedelta(days=4))["sessions"][key]

    person = allocating.person_key(ada.pk)
    assert len(lottery.usable(person, [f"c{cohort.pk}"], before)) == 1
    assert len(lottery.usable(person, [f"c{cohort.pk}"], after)) == 2
    assert lottery.usable(allocating.person_key(eve.pk), [], after) == []


def test_a_cohort_that_is_not_there_then_uses_none_of_its_seats():
    one, ada = session(seats=3), make.attendee()
    cohort = make.membership(who=ada).cohort
    pools.allot(one, cohort, 1)
    cohort.starts_at, cohort.ends_at = NOON + timedelta(hours=3), NOON + timedelta(hours=5)
    cohort.save()
    allocation = make.allocation(one)
    asks(allocation, ada, one)

    run = simulate(allocation)

    assert run.results["answers"][allocating.person_key(ada.pk)][0]["pool"] == f"p{make.pool(one).pk}"


# --- Putting a run into force -----------------------------------------------------------------------------------------


@pytest.mark.proves("one-trace-per-change")
def test_a_run_in_force_gives_every_seat_that_it_says_and_tells_everybody(town):
    """The books: seats, registrations, traces and mails of all, in one step."""
    allocation, sessions, people = town
    run = simulate(allocation)

    done = commit(run)

    assert done.committed_at == allocation.closes_at
    assert done.history.count() == 2
    winners = {
        (person, wish)
        for person in people
        for wish, code in zip(sessions, codes(run, person), strict=True)
        if code == "given"
    }
    assert len(winners) == 2
    assert {(one.attendee, one.session) for one in Registration.objects.confirmed()} == winners
    assert {pool.taken for pool in SeatPool.objects.all()} == {1}
    assert {row.history_user for row in Registration.history.all()} == {done.history.first().history_user}
    assert Message.objects.filter(kind="registrations.confirmed").count() == 2
    assert Message.objects.filter(kind="allocations.allocated").count() == 3
    assert {message.lane for message in Message.objects.all()} == {Message.Lane.BULK}
    assert_books_balance()


def test_putting_a_run_into_force_twice_changes_nothing(town):
    allocation, *_ = town
    run = commit(simulate(allocation))
    before = Registration.objects.count(), Message.objects.count(), AllocationRun.history.count()

    again = commit(AllocationRun.objects.get(), at=allocation.closes_at + timedelta(hours=1))

    assert again.committed_at == run.committed_at
    assert (Registration.objects.count(), Message.objects.count(), AllocationRun.history.count()) == before


def test_only_one_run_of_an_allocation_is_ever_in_force(town):
    allocation, *_ = town
    first, second = simulate(allocation, "x"), simulate(allocation, "y")
    commit(first)

    with pytest.raises(SeatRefused) as refused:
        commit(second)
    assert refused.value.code == "done"
    with pytest.raises(SeatRefused) as refused:
        simulate(allocation)
    assert refused.value.code == "done"
    with pytest.raises(IntegrityError, match="allocation"), transaction.atomic():
        AllocationRun.objects.filter(pk=second.pk).update(committed_at=timezone.now())


@pytest.mark.proves("allocation-applied-once")
def test_no_run_comes_into_force_while_people_can_still_change_their_wishes(town):
    allocation, *_ = town

    with pytest.raises(SeatRefused) as refused:
        commit(simulate(allocation), at=allocation.closes_at - timedelta(seconds=1))

    assert refused.value.code == "too_early"
    assert Registration.objects.count() == 0


def cancel_it(one, person):
    one.status = Session.Status.CANCELLED
    one.save()


@pytest.mark.proves("allocation-applied-once")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda one, person: Wish.objects.filter(attendee=person).delete(), id="a wish"),
        pytest.param(lambda one, person: make.registration(one, let_in=True), id="a seat taken"),
        pytest.param(lambda one, person: make.registration(session(20), person), id="a seat elsewhere"),
        pytest.param(cancel_it, id="a session cancelled"),
        pytest.param(lambda one, person: make.membership(make.cohort(weight=3), person), id="a weight"),
        pytest.param(lambda one, person: Limit.objects.create(event=one.event, at_most=1), id="a limit"),
        pytest.param(lambda one, person: Duty.objects.create(session=one, user=person.user), id="a duty"),
        pytest.param(lambda one, person: Allocation.objects.update(seats_at_most=1), id="the seats of a person"),
        pytest.param(
            lambda one, person: type(person.user).objects.filter(pk=person.user_id).update(is_active=False),
            id="an account closed",
        ),
        pytest.param(lambda one, person: type(one.room.venue).objects.update(security_minutes=50), id="the way"),
    ],
)
def test_what_has_changed_since_the_simulation_stops_it_whole(town, change):
    allocation, [one, _two], [ada, *_] = town
    run = simulate(allocation)
    change(one, ada)
    before = Registration.objects.count()

    with pytest.raises(SeatRefused) as refused:
        commit(run)

    assert refused.value.code == "stale"
    run.refresh_from_db()
    assert run.committed_at is None
    assert Registration.objects.count() == before
    assert Message.objects.filter(kind="allocations.allocated").count() == 0
    commit(simulate(Allocation.objects.get()))
    assert_books_balance()


@pytest.mark.proves("allocation-applied-once")
@pytest.mark.parametrize("field", ["results", "seed", "algorithm"])
def test_a_run_that_somebody_has_altered_is_not_put_into_force(town, field):
    allocation, _sessions, [ada, *_] = town
    run = simulate(allocation)
    other = another_seed(run)
    answers = run.results["answers"]
    answers[allocating.person_key(ada.pk)] = [{"code": "given", "pool": f"p{make.pool(session()).pk}", "turn": 1}] * 2
    altered = {"results": run.results, "seed": other, "algorithm": "first-come-1"}
    AllocationRun.objects.filter(pk=run.pk).update(**{field: altered[field]})

    with pytest.raises(SeatRefused) as refused:
        commit(AllocationRun.objects.get(pk=run.pk))

    assert refused.value.code == "altered"
    assert Registration.objects.count() == 0


def test_inputs_that_somebody_has_altered_do_not_pass_for_the_books(town):
    """Whoever rewrites inputs, fingerprint and results alike still meets the books as they are."""
    allocation, _sessions, [ada, *_] = town
    run = simulate(allocation)
    run.inputs["people"][allocating.person_key(ada.pk)]["weight"] = 1000
    results = lottery.run(run.inputs, run.seed)
    AllocationRun.objects.filter(pk=run.pk).update(
        inputs=run.inputs, inputs_hash=lottery.fingerprint(run.inputs), results=results
    )

    with pytest.raises(SeatRefused) as refused:
        commit(AllocationRun.objects.get(pk=run.pk))

    assert refused.value.code == "stale"


def test_who_waits_in_the_waitlist_of_a_session_stays_there(town):
    allocation, [one, _two], _people = town
    allocation.holds_seats = False
    allocation.save()
    make.registration(one)
    dan = make.attendee()
    booking.register(booking.Ask(one, dan, actor=dan.user, waits=True))
    asks(allocation, dan, one)

    run = simulate(allocation)
    commit(run)

    assert codes(run, dan) == ["live"]
    assert Registration.objects.live().get(attendee=dan).status == "waiting"
    assert_books_balance()


def test_seats_for_many_are_all_taken_or_none():
    one, two = session(seats=1), session(2)
    ada, bob = make.attendee(), make.attendee()
    seats = [(two, ada, make.pool(two)), (one, ada, make.pool(one)), (one, bob, make.pool(one))]

    with pytest.raises(SeatRefused) as refused, transaction.atomic():
        booking.seat_many(seats, actor=make.organiser(), at=timezone.now())

    assert refused.value.code == "full"
    assert one.title in str(refused.value)
    assert Registration.objects.count() == make.pool(two).taken == 0


def test_the_database_refuses_a_second_seat_of_one_person_in_a_session():
    one, ada = session(), make.attendee()
    make.registration(one, ada)

    with pytest.raises(IntegrityError), transaction.atomic():
        booking.seat_many([(one, ada, make.pool(one))], actor=make.organiser(), at=timezone.now())

    assert make.pool(one).taken == 1
    assert_books_balance()


@pytest.mark.parametrize("number", [3, 12])
def test_a_run_comes_into_force_in_the_same_queries_for_three_people_and_for_twelve(number):
    sessions = [session(seats=40), session(5, seats=40)]
    allocation = make.allocation(*sessions)
    for person in make.attendees(number):
        asks(allocation, person, *sessions)
    run, organiser = simulate(allocation), make.organiser()

    with CaptureQueriesContext(connection) as queries:
        allocating.commit(run, actor=organiser, at=allocation.closes_at)

    assert Registration.objects.confirmed().count() == 2 * number
    assert len(queries) == 34


# --- At the same moment -----------------------------------------------------------------------------------------------


@pytest.mark.proves("allocation-applied-once")
@pytest.mark.django_db(transaction=True)
def test_two_organisers_at_once_put_one_run_into_force():
    sessions = [make.session(seats=5) for _ in range(3)]
    allocation = make.allocation(*sessions)
    for person in make.attendees(30):
        asks(allocation, person, *sessions)
    runs, organiser = [simulate(allocation, seed) for seed in "xxyyzz"], make.organiser()

    answers = all_at_once([partial(allocating.commit, run, actor=organiser, at=allocation.closes_at) for run in runs])

    in_force = AllocationRun.objects.get(committed_at__isnull=False)
    assert [answer.pk for answer in answers if isinstance(answer, AllocationRun)] == [in_force.pk]
    assert {answer.code for answer in answers if isinstance(answer, Exception)} == {"done"}
    assert Registration.objects.count() == in_force.results["figures"]["seats"] == 15
    assert Message.objects.filter(kind="allocations.allocated").count() == 30
    assert_books_balance()


@pytest.mark.proves("allocation-applied-once")
@pytest.mark.django_db(transaction=True)
def test_people_who_register_at_that_moment_leave_the_books_right():
    """Either they were first, and the simulation is out of date, or they find what it left."""
    sessions = [make.session(seats=8) for _ in range(2)]
    allocation = make.allocation(*sessions, holds_seats=False)
    for person in make.attendees(20):
        asks(allocation, person, *sessions)
    run, organiser = simulate(allocation), make.organiser()
    jobs = [partial(register, sessions[n % 2], person, waits=True) for n, person in enumerate(make.attendees(12))]

    answers = all_at_once(
        [*jobs[:6], partial(allocating.commit, run, actor=organiser, at=allocation.closes_at), *jobs[6:]]
    )

    assert all(isinstance(answer, Registration | AllocationRun | SeatRefused) for answer in answers), answers
    assert {answer.code for answer in answers if isinstance(answer, SeatRefused)} <= {"stale"}
    assert_books_balance()


@pytest.mark.proves("allocation-applied-once")
@pytest.mark.django_db(transaction=True)
def test_no_wish_slips_in_behind_a_run_that_is_in_force():
    """Wishes sent in the last second: they were part of the run, or they were refused, or the run was."""
    sessions = [make.session(seats=8) for _ in range(4)]
    allocation = make.allocation(*sessions)
    people = make.attendees(24)
    for person in people[:12]:
        asks(allocation, person, *sessions[:2])
    run, organiser = simulate(allocation), make.organiser()
    jobs = [partial(allocating.express, allocation, person, sessions[1:]) for person in people]

    answers = all_at_once(
        [*jobs[:12], partial(allocating.commit, run, actor=organiser, at=allocation.closes_at), *jobs[12:]]
    )

    refused = {answer.code for answer in answers if isinstance(answer, SeatRefused)}
    assert refused <= {"done", "stale"}
    assert not [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, SeatRefused)]
    if found := AllocationRun.objects.filter(committed_at__isnull=False).first():
        assert allocating.snapshot(allocation, timezone.now())["people"].keys() == found.inputs["people"].keys()
        assert {answer.code for answer in answers if isinstance(answer, SeatRefused)} == {"done"}
    assert_books_balance()


COMMIT_AND_DIE = """
import os, signal
from django.db import transaction
from accounts.models import User
from allocations.domain import allocation
from allocations.models import AllocationRun

def die():
    os.kill(os.getpid(), signal.SIGKILL)

run, organiser = AllocationRun.objects.get(), User.objects.filter(is_staff=True).first()
with transaction.atomic():
    allocation.commit(run, actor=organiser, at=run.allocation.closes_at)
    {before_commit}
die()
"""


@pytest.mark.proves("allocation-applied-once")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("before_commit", "kept"), [("die()", 0), ("pass", 4)], ids=["before the commit", "after the commit"]
)
def test_a_process_killed_on_the_way_gives_all_seats_or_none(tmp_path, before_commit, kept):
    """For thousands of seats at once."""
    sessions = [make.session(seats=2), make.session(seats=2, starts_at=timezone.now() + timedelta(days=9))]
    allocation = make.allocation(*sessions)
    for person in make.attendees(5):
        asks(allocation, person, *sessions)
    run = simulate(allocation)

    died = run_python(
        COMMIT_AND_DIE.format(before_commit=before_commit), environment(tmp_path, BROKER_URL="redis://127.0.0.1:1/0")
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    run.refresh_from_db()
    assert (run.committed_at is not None) == bool(kept)
    assert (
        Registration.objects.count()
        == Registration.history.count()
        == sum(pool.taken for pool in SeatPool.objects.all())
        == kept
    )
    assert Message.objects.count() == (kept + 5 if kept else 0)
    commit(run)
    assert Registration.objects.count() == 4
    assert_books_balance()


# --- What people are told ---------------------------------------------------------------------------------------------


@pytest.mark.proves("allocation-told")
def test_one_mail_tells_each_person_everything_that_was_given_and_why_the_rest_was_not(town):
    allocation, sessions, people = town
    commit(simulate(allocation))

    delivery.deliver_due()

    told = {message.to[0]: message for message in mail.outbox if "votre résultat" in message.subject}
    assert set(told) == {person.user.email for person in people}
    for person in people:
        text, html = told[person.user.email].body, told[person.user.email].alternatives[0][0]
        has = Registration.objects.confirmed().filter(attendee=person).count()
        for words in (text, html):
            assert "Éthique" in words
            assert "Sobriété" in words
            assert f"/wishes/{allocation.slug}/" in words
            assert ("Complète" in words) == (has < 2)
        assert "mercredi 10\u00a0février 2027, 13\u00a0h\u00a000" in text or not Registration.objects.filter(
            attendee=person, session=sessions[0]
        )
    assert len([message for message in mail.outbox if message.subject.startswith("Votre place")]) == 2


def test_a_mail_in_english_about_a_seat_given_back_meanwhile_says_so():
    one = session(title_fr="Éthique", title_en="Ethics")
    allocation, ada = make.allocation(one, title_en="Workshops"), make.attendee(language="en")
    asks(allocation, ada, one)
    commit(simulate(allocation))
    booking.cancel(one, ada, actor=ada.user)

    delivery.deliver_due()

    [told] = [message for message in mail.outbox if message.subject == "Workshops: your result"]
    assert "You no longer have this seat." in told.body
    assert "1. Ethics" in told.body


@pytest.mark.proves("allocation-told")
def test_every_reason_has_its_sentence_in_both_languages():
    one, other = session(title="Éthique"), session(title="Sobriété")
    answers = [
        {"code": "full", "seats": 1},
        {"code": "full", "seats": 0},
        {"code": "clash", "with": allocating.session_key(other.pk)},
        {"code": "limit", "event": f"e{one.event_id}", "kind": "panel", "at_most": 1},
        {"code": "limit", "event": f"e{one.event_id}", "kind": "", "at_most": 3},
        {"code": "enough", "at_most": 2},
        {"code": "not_entitled"},
        {"code": "live", "as": "waiting"},
        {"code": "live", "as": "confirmed"},
        *({"code": "closed", "why": why} for why in ("cancelled", "started", "over", "public", "removed", "closed")),
    ]
    said = {}
    for language in ("fr", "en"):
        with translation.override(language):
            said[language] = [wishes.sentence(answer, one, {other.pk: other}) for answer in answers]

    for french, english in zip(said["fr"], said["en"], strict=True):
        assert french
        assert english
        assert french != english
    assert "Sobriété" in said["fr"][2]
    assert len(set(said["fr"])) == len(answers)


# --- Anybody can repeat it --------------------------------------------------------------------------------------------


def replay(capsys, argument):
    try:
        call_command("replay_allocation", str(argument))
        code = 0
    except SystemExit as stop:
        code = stop.code
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.proves("allocation-replay")
def test_a_run_is_replayed_from_its_inputs_and_its_seed(town, capsys):
    allocation, *_ = town
    run = commit(simulate(allocation))

    code, report = replay(capsys, run.uuid)

    assert code == 0
    assert (report["run"], report["algorithm"], report["same"], report["differences"]) == (
        str(run.uuid),
        "rank-rounds-1",
        True,
        [],
    )


@pytest.mark.proves("allocation-replay")
@pytest.mark.parametrize("field", ["results", "seed", "inputs"])
def test_the_replay_of_a_run_that_was_tampered_with_fails_and_says_where(town, capsys, field):
    allocation, _sessions, [ada, *_] = town
    run = simulate(allocation)
    other = another_seed(run)
    key = allocating.person_key(ada.pk)
    run.results["answers"][key][0] = (
        {"code": "given", "pool": "p1", "turn": 1}
        if codes(run, ada)[0] != "given"
        else {"code": "full", "seats": 1, "turn": 1}
    )
    run.inputs["people"][key]["weight"] = 9
    altered = {"results": run.results, "inputs": run.inputs, "seed": other}
    AllocationRun.objects.filter(pk=run.pk).update(**{field: altered[field]})

    code, report = replay(capsys, run.uuid)

    assert code == 1
    assert report["same"] is False
    assert report["differences"]
    if field == "results":
        assert report["differences"][0].startswith(f"answers.{key}.0")
    if field == "inputs":
        assert report["differences"][0].startswith("inputs: ")


@pytest.mark.proves("allocation-replay")
def test_a_run_is_replayed_from_its_file_without_its_database(town, capsys, tmp_path):
    allocation, *_ = town
    run = simulate(allocation)
    file = tmp_path / "run.json"
    file.write_text(json.dumps(allocating.exported(run)))
    Wish.objects.all().delete()
    AllocationRun.objects.all().delete()

    code, report = replay(capsys, file)

    assert (code, report["same"], report["run"]) == (0, True, str(run.uuid))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "neither the code of a run nor a file"),
        ("{", "not the file of a run"),
        ("[]", "not the file of a run"),
        ('{"run": 1}', "lacks algorithm, inputs"),
        ('{"run": 1, "algorithm": "x", "seed": "", "inputs_hash": "", "inputs": {}, "results": {}}', "not of x"),
        (
            '{"run": 1, "algorithm": "rank-rounds-1", "seed": "", "inputs_hash": "", "inputs": {}, "results": {}}',
            "cannot be read",
        ),
        (
            '{"run": 1, "algorithm": "rank-rounds-1", "seed": "", "inputs_hash": "", "inputs": [], "results": {}}',
            "cannot be read",
        ),
    ],
)
def test_what_is_no_run_is_refused_with_a_sentence(tmp_path, content, said):
    file = tmp_path / "run.json"
    if content is not None:
        file.write_text(content)

    with pytest.raises(CommandError, match=said):
        call_command("replay_allocation", str(file))


def test_an_unknown_run_is_refused_with_a_sentence():
    with pytest.raises(CommandError, match="There is no run"):
        call_command("replay_allocation", "00000000-0000-4000-8000-000000000000")
