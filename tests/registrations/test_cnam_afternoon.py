"""The afternoon of the Cnam at the Grand Palais, on the summit's own data: two masters of fifty, from the list of seats
to the start."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Attendee
from programme.models import Session
from registrations.domain import booking, cohorts, pools, waitlist
from registrations.models import Cohort, Registration, SeatPool
from summit.loading.loader import OWN_DATA, load
from tests import make
from tests.registrations.acts import books, cancel, last, line, mails, place, refused, register, status, wait

pytestmark = pytest.mark.django_db


@pytest.fixture
def organiser():
    return make.organiser()


@pytest.fixture
def summit():
    load(OWN_DATA, today=timezone.localdate())


def session(slug: str) -> Session:
    return Session.objects.select_related("event", "room__venue").get(slug=slug)


def seats(of: Session, cohort: Cohort | None = None) -> tuple[int, int]:
    """Seats and taken of the cohort's pool in that session, or of the general one."""
    pool = SeatPool.objects.get(session=of, cohort=cohort)
    return pool.seats, pool.taken


@pytest.mark.proves("cohort-allotment")
def test_the_afternoon_of_the_cnam(summit: None, organiser) -> None:
    medas, marketing = Cohort.objects.get(slug="cnam-medas"), Cohort.objects.get(slug="cnam-marketing-digital")
    welcome, chips, factories = session("gp-accueil-cohortes"), session("gp-puces"), session("gp-usines-ia")

    # Weeks before: each master keeps fifty seats in eight sessions, though not one student has a name yet.
    assert [cohort.allotments.count() for cohort in (medas, marketing)] == [8, 8]
    assert (seats(welcome, medas), seats(welcome, marketing), seats(welcome)) == ((50, 0), (50, 0), (20, 0))
    refused("cohort", register, chips, make.attendee())

    # The Cnam is there on that afternoon alone: no seat can be kept for it in the morning.
    for cohort in (medas, marketing):
        cohort.starts_at, cohort.ends_at = welcome.starts_at, chips.ends_at + timedelta(hours=2)
        cohort.save()
    with pytest.raises(ValidationError):
        pools.allot(session("gp-rapport-surete"), medas, 5)

    # The panel on chips moves into a smaller corner: 85 seats, forty of them for each master, until six in the evening
    # before.
    eve = chips.starts_at - timedelta(hours=21)
    for cohort in (medas, marketing):
        pools.allot(chips, cohort, 40, release_at=eve)
    chips = pools.lower_capacity(session("gp-puces"), 85, pools.Lowering.KEEP, actor=organiser)
    assert (seats(chips, medas), seats(chips, marketing), seats(chips)) == ((40, 0), (40, 0), (5, 0))

    # The Cnam names its people; the fifty-first does not fit.
    people: list[Attendee] = make.attendees(101)
    for cohort, students in ((medas, people[:50]), (marketing, people[50:100])):
        for student in students:
            cohorts.add_member(cohort, student, actor=organiser)
    with pytest.raises(ValidationError):
        cohorts.add_member(medas, people[100], actor=organiser)
    in_medas, in_marketing = people[:50], people[50:100]

    # Everybody comes to the welcome: each on a seat of their own master.
    for student in in_medas + in_marketing:
        register(welcome, student)
    assert (seats(welcome, medas), seats(welcome, marketing), seats(welcome)) == ((50, 50), (50, 50), (20, 0))

    # Chips are wanted more: forty of each master have a seat, the others wait, in the order in which they came.
    for student in in_medas[:40] + in_marketing[:40]:
        assert register(chips, student).status == "confirmed"
    waiting = [wait(chips, student) for student in (*in_marketing[40:42], *in_medas[40:45])]
    assert [place(chips, student) for student in waiting] == [1, 2, 3, 4, 5, 6, 7]
    assert seats(chips) == (5, 0)  # the rest of the house is not theirs yet
    assert books() == []

    # A student of MéDAS gives a seat back: it goes to the first of MéDAS in line, past two of the other master who came
    # before.
    cancel(chips, in_medas[0])
    assert (status(chips, in_medas[40]), mails(in_medas[40])) == ("confirmed", ["confirmed", "waiting", "confirmed"])
    assert line(chips) == [*in_marketing[40:42], *in_medas[41:45]]

    # Three of the other master cannot come: the two of theirs who wait are served, and one seat stays theirs, though
    # others wait.
    for student in in_marketing[:3]:
        cancel(chips, student)
    assert [status(chips, student) for student in in_marketing[40:42]] == ["confirmed", "confirmed"]
    assert seats(chips, marketing) == (40, 39)
    assert line(chips) == in_medas[41:45]
    assert books() == []

    # AI factories are at the same hour: whoever wants both is told so before, and may still choose to.
    refused("clash", register, factories, in_medas[1])
    register(factories, in_medas[1], leave=[last(chips, in_medas[1]).uuid])
    assert (status(chips, in_medas[1]), status(factories, in_medas[1])) == ("", "confirmed")
    assert line(chips) == in_medas[42:45]

    # Six in the evening before: what is unsold goes back to the house, and to those on the waiting list first. The
    # clock comes by twice.
    waitlist.tend(eve - timedelta(minutes=1))
    assert (seats(chips, marketing), seats(chips)) == ((40, 39), (5, 0))
    for _ in range(2):
        waitlist.tend(eve)
    assert (seats(chips, marketing), seats(chips, medas)) == ((39, 39), (40, 40))
    assert seats(chips) == (6, 3)
    assert line(chips) == []
    assert [last(chips, student).pool.cohort for student in in_medas[42:45]] == [None] * 3

    # From now on any student may have what is left, of either master; the street may not.
    assert register(chips, in_medas[45], at=eve).pool.cohort is None
    assert register(chips, in_marketing[45], at=eve).pool.cohort is None
    refused("cohort", register, chips, make.attendee(), at=eve)
    register(chips, in_marketing[46], at=eve)
    overflow = [wait(chips, student, at=eve) for student in (in_marketing[47], in_medas[46])]

    # A seat that a student of MéDAS gives back now goes to MéDAS all the same, before it would go back to the house.
    cancel(chips, in_medas[2], at=eve + timedelta(hours=1))
    assert [status(chips, student) for student in overflow] == ["waiting", "confirmed"]
    # And the next one, with nobody of MéDAS in line, to whoever waits.
    cancel(chips, in_medas[3], at=eve + timedelta(hours=1))
    assert status(chips, overflow[0]) == "confirmed"
    assert books(eve + timedelta(hours=1)) == []

    # One student leaves the summit altogether: no seat stays behind, in any session.
    gone = in_medas[5]
    booking.leave_all(gone, actor=gone.user, at=eve)
    assert not Registration.objects.live().filter(attendee=gone).exists()

    # The panel begins: nobody comes in any more, and the books are right to the end.
    refused("started", register, chips, in_medas[47], at=chips.starts_at)
    assert chips.capacity == sum(pool.seats for pool in chips.pools.all())
    assert books(chips.starts_at) == []
