"""Who belongs to a cohort: never more people than its size, and nobody leaves with one of its seats."""

from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from registrations.domain import cohorts, pools
from registrations.models import Cohort, Membership, Registration, SeatPool
from tests import make
from tests.crowd import all_at_once

pytestmark = pytest.mark.django_db


def seat_from(cohort, who, **fields):
    """A seat of `cohort`'s allotment, as a member holds it."""
    pool = pools.allot(make.session(**fields), cohort, 5)
    SeatPool.objects.filter(pk=pool.pk).update(taken=1)
    return Registration.objects.create(session=pool.session, attendee=who, status="confirmed", pool=pool)


def test_a_member_is_added_once_and_it_is_known_by_whom():
    cohort, who, actor = make.cohort(size=1), make.attendee(), make.organiser()

    first = cohorts.add_member(cohort, who, actor=actor)
    again = cohorts.add_member(cohort, who, actor=actor)

    assert first == again
    assert list(cohort.members.all()) == [who]
    assert [(trace.history_type, trace.history_user) for trace in first.history.all()] == [("+", actor)]


def test_a_complete_cohort_takes_nobody_more():
    cohort, actor = make.cohort(name="Cnam", size=2), make.organiser()
    for _ in range(2):
        cohorts.add_member(cohort, make.attendee(), actor=actor)

    with pytest.raises(ValidationError) as refused:
        cohorts.add_member(cohort, make.attendee(), actor=actor)

    assert refused.value.messages == ["« Cnam » est complète : son effectif est de 2."]
    assert cohort.memberships.count() == 2


def test_a_member_leaves_once_and_it_is_known_by_whom():
    cohort, who, actor = make.cohort(), make.attendee(), make.organiser()
    cohorts.add_member(cohort, who, actor=actor)

    cohorts.remove_member(cohort, who, actor=actor)
    cohorts.remove_member(cohort, who, actor=actor)

    assert not Membership.objects.exists()
    assert [(trace.history_type, trace.history_user) for trace in Membership.history.all()] == [
        ("-", actor),
        ("+", actor),
    ]


@pytest.mark.proves("cohort-size")
def test_nobody_leaves_with_a_seat_that_is_kept_for_the_cohort():
    cohort, who, actor = make.cohort(name="Cnam"), make.attendee("Ada"), make.organiser()
    cohorts.add_member(cohort, who, actor=actor)
    registration = seat_from(cohort, who, title="Forum")

    with pytest.raises(ValidationError) as refused:
        cohorts.remove_member(cohort, who, actor=actor)

    assert refused.value.messages == ["Ada a une des places réservées à « Cnam », dans « Forum » : annulez-la d’abord."]
    assert list(cohort.members.all()) == [who]

    cohorts.remove_member(cohort, who, actor=actor, at=registration.session.ends_at)  # a seat of yesterday binds nobody

    assert not cohort.members.exists()


def test_other_seats_bind_nobody_to_a_cohort():
    cohort, who, actor = make.cohort(), make.attendee(), make.organiser()
    cohorts.add_member(cohort, who, actor=actor)
    make.registration(who=who)
    seat_from(make.cohort(), who)
    seat_from(cohort, make.attendee())

    cohorts.remove_member(cohort, who, actor=actor)

    assert not cohort.members.exists()


@pytest.mark.parametrize("size", [2, 1])
def test_a_cohort_never_becomes_smaller_than_its_members(size):
    cohort, actor = make.cohort(size=3), make.organiser()
    for _ in range(2):
        cohorts.add_member(cohort, make.attendee(), actor=actor)
    cohort.size = size

    if size == 2:
        cohort.full_clean()
        cohort.save()
    else:
        for write in (cohort.full_clean, cohort.save):
            with pytest.raises(ValidationError) as refused:
                write()
            assert refused.value.message_dict == {
                "size": ["2 personnes en sont membres : l’effectif ne peut pas être inférieur."]
            }

    assert Cohort.objects.get().size == (2 if size == 2 else 3)


@pytest.mark.proves("cohort-size")
@pytest.mark.django_db(transaction=True)
def test_thirty_people_for_ten_places_of_a_cohort():
    cohort, actor = make.cohort(size=10), make.organiser()

    answers = all_at_once([partial(cohorts.add_member, cohort, who, actor=actor) for who in make.attendees(30)])

    refused = [answer for answer in answers if isinstance(answer, ValidationError) and answer.code == "full"]
    assert sum(isinstance(answer, Membership) for answer in answers) == cohort.memberships.count() == 10
    assert len(refused) == 20, [
        answer for answer in answers if answer not in refused and not isinstance(answer, Membership)
    ][:3]


@pytest.mark.proves("cohort-size")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [9, 24])  # it fits by a hair, or is too late
def test_a_cohort_that_shrinks_while_people_join_holds_them_all(after):
    cohort, actor = make.cohort(size=30), make.organiser()

    def shrink():
        shrinking = Cohort.objects.get(pk=cohort.pk)
        shrinking.size = 10
        shrinking.save()

    joins = [partial(cohorts.add_member, cohort, who, actor=actor) for who in make.attendees(30)]
    answers = all_at_once([*joins[:after], shrink, *joins[after:]], threads=8)

    cohort.refresh_from_db()
    assert cohort.memberships.count() <= cohort.size
    assert all(isinstance(answer, (Membership, ValidationError, type(None))) for answer in answers)


@pytest.mark.proves("cohort-size")
@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on_postgresql  # SQLite runs one writer at a time
def test_without_the_lock_the_same_crowd_makes_a_cohort_too_large():
    """The control: if this crowd could not overfill careless code, the race above would prove nothing."""

    def add_carelessly(cohort, who):
        with transaction.atomic():
            if cohort.memberships.count() < cohort.size:
                return Membership.objects.create(cohort=cohort, attendee=who)
        return None

    cohort = make.cohort(size=10)

    all_at_once([partial(add_carelessly, cohort, who) for who in make.attendees(100)])

    assert cohort.memberships.count() > 10


@pytest.mark.django_db(transaction=True)
def test_a_member_who_is_taken_out_by_several_at_once_is_out():
    cohort, who, actor = make.cohort(), make.attendee(), make.organiser()
    cohorts.add_member(cohort, who, actor=actor)

    answers = all_at_once([partial(cohorts.remove_member, cohort, who, actor=actor)] * 8)

    assert answers == [None] * 8
    assert Membership.history.filter(history_type="-").count() == 1
