import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from programme.models import Session
from registrations.domain import pools
from registrations.models import SeatPool
from tests import make

pytestmark = pytest.mark.django_db


def test_a_session_is_born_with_its_general_pool():
    assert make.pool(make.session(seats=40)).seats == 40


def test_a_session_open_to_all_counts_nobody():
    assert not make.session(access=Session.Access.PUBLIC).pools.exists()


def test_the_general_pool_follows_the_capacity():
    session = make.session(seats=40)

    session.capacity = 50
    session.save()

    assert make.pool(session).seats == 50


def test_an_allotment_leaves_the_general_pool_the_rest():
    session, cohort = make.session(seats=40), make.cohort()

    pools.allot(session, cohort, 15)
    pools.allot(session, cohort, 10)

    assert session.pools.get(cohort=cohort).seats == 10
    assert make.pool(session).seats == 30


def test_nobody_is_allotted_seats_that_others_hold():
    session = make.session(seats=3)
    make.registration(session)
    pools.allot(session, make.cohort(), 1)

    with pytest.raises(ValidationError):
        pools.allot(session, make.cohort(), 2)

    assert make.pool(session).seats == 2


@pytest.mark.proves("kept-seats-not-sold")
def test_a_capacity_below_what_is_taken_and_kept_is_refused_with_both_numbers():
    session = make.session(seats=10)
    make.registration(session)
    pools.allot(session, make.cohort(), 4)
    session.capacity = 5
    session.full_clean()

    session.capacity = 4

    with pytest.raises(ValidationError) as refused:
        session.full_clean()
    assert refused.value.message_dict.keys() == {"capacity"}
    assert "1" in str(refused.value)
    assert "4" in str(refused.value)


@pytest.mark.proves("organisers-same-rule")
def test_an_organiser_who_saves_an_old_form_does_not_write_back_the_old_count():
    """The form was opened before the sale."""
    session = make.session(seats=10)
    opened_before = make.pool(session)
    make.registration(session)

    opened_before.seats = 12
    opened_before.save()

    pool = make.pool(session)
    assert (pool.seats, pool.taken) == (12, 1)


def _sql(statement, *parameters):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        # A deferred foreign key is judged at the end of the transaction: judge it now.
        connection.check_constraints()


@pytest.mark.proves("database-constraints")
class TestTheDatabaseRefuses:
    """Raw SQL that breaks a rule is refused, whatever the code above forgets."""

    @pytest.fixture
    def registration(self):
        return make.registration(make.session(seats=1))

    def refused(self, statement, *parameters):
        with pytest.raises(IntegrityError):
            _sql(statement, *parameters)

    def copy_of(self, registration, **changes):
        """An INSERT of the same registration once more, but for `changes`."""
        fields = {
            "uuid": "00000000000000000000000000000001",
            "session_id": registration.session_id,
            "attendee_id": registration.attendee_id,
            "status": "confirmed",
            "pool_id": registration.pool_id,
            "created_at": "2027-01-01 00:00:00+00:00",
            **dict.fromkeys(["ending", "reason", "answer"], ""),
            "priority": 0,
        } | changes
        return (
            f"INSERT INTO registrations_registration ({', '.join(fields)}) VALUES ({', '.join(['%s'] * len(fields))})",
            *fields.values(),
        )

    def test_one_seat_more_than_there_are(self, registration):
        self.refused("UPDATE registrations_seatpool SET taken = seats + 1 WHERE id = %s", registration.pool_id)

    def test_fewer_seats_than_are_taken(self, registration):
        self.refused("UPDATE registrations_seatpool SET seats = 0 WHERE id = %s", registration.pool_id)

    def test_less_than_nobody_in_a_pool(self, registration):
        self.refused("UPDATE registrations_seatpool SET taken = -1 WHERE id = %s", registration.pool_id)

    def test_a_second_general_pool(self, registration):
        self.refused(
            (
                "INSERT INTO registrations_seatpool (session_id, seats, taken, source, assumed_fields) VALUES (%s, 5,"
                " 0, '', '')"
            ),
            registration.session_id,
        )

    def test_a_second_allotment_of_one_cohort(self, registration):
        cohort = make.cohort()
        SeatPool.objects.create(session=registration.session, cohort=cohort, seats=1)
        self.refused(
            (
                "INSERT INTO registrations_seatpool (session_id, cohort_id, seats, taken, source, assumed_fields) "
                "VALUES (%s, %s, 5, 0, '', '')"
            ),
            registration.session_id,
            cohort.pk,
        )

    def test_a_second_live_registration_of_one_person(self, registration):
        self.refused(*self.copy_of(registration))
        self.refused(*self.copy_of(registration, status="waiting", pool_id=None))

    def test_a_confirmed_registration_without_a_pool(self, registration):
        self.refused("UPDATE registrations_registration SET pool_id = NULL WHERE id = %s", registration.pk)

    def test_a_cancelled_registration_that_keeps_its_seat(self, registration):
        self.refused("UPDATE registrations_registration SET status = 'cancelled' WHERE id = %s", registration.pk)

    def test_a_registration_of_nobody(self, registration):
        self.refused(*self.copy_of(registration, attendee_id=987654321))

    def test_a_pool_taken_from_under_its_registrations(self, registration):
        self.refused("DELETE FROM registrations_seatpool WHERE id = %s", registration.pool_id)

    def test_but_a_cancelled_row_may_stand_beside_a_live_one(self, registration):
        _sql(*self.copy_of(registration, status="cancelled", pool_id=None))
