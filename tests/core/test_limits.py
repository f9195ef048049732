"""Limits are counters in the database: exact in a burst, kept as long as they count, and gone afterwards."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import retention
from core.limits import Limit, TooMany, forget, give_back
from core.models import LimitCounter
from core.retention import Scope
from tests.crowd import all_at_once

NOW = datetime(2027, 2, 4, 8, 1, tzinfo=UTC)
MINUTES = timedelta(minutes=5)


@pytest.mark.proves("limits-remember")
@pytest.mark.parametrize("amount", [1, 5])
def test_two_hundred_tries_at_once_leave_exactly_the_amount(transactional_db: None, amount: int) -> None:
    limit = Limit("tries", amount, MINUTES)

    for address in ("ada@example.org", "grace@example.org", "emmy@example.org"):
        marks = all_at_once([partial(limit.take, address, at=NOW)] * 200)

        assert len([mark for mark in marks if isinstance(mark, str)]) == amount
        assert len([refusal for refusal in marks if isinstance(refusal, TooMany)]) == 200 - amount


@pytest.mark.django_db
def test_each_key_from_each_source_has_its_own_window() -> None:
    limit = Limit("tries", 1, MINUTES)
    limit.take("ada@example.org", at=NOW)

    limit.take("grace@example.org", at=NOW)
    limit.take("ada@example.org", at=NOW, source="192.0.2.9")
    Limit("others", 1, MINUTES).take("ada@example.org", at=NOW)
    limit.take("ada@example.org", at=NOW + MINUTES)

    with pytest.raises(TooMany) as refused:
        limit.take("ada@example.org", at=NOW + timedelta(minutes=3))
    assert refused.value.retry_at == datetime(2027, 2, 4, 8, 5, tzinfo=UTC)
    assert limit.is_spent("ada@example.org", at=NOW)
    assert not limit.is_spent("ada@example.org", at=NOW, source="198.51.100.1")


@pytest.mark.django_db
def test_a_try_given_back_can_be_taken_again_and_only_once() -> None:
    limit = Limit("tries", 1, MINUTES)

    mark = limit.take("ada@example.org", at=NOW)
    give_back(mark)
    give_back(mark)

    assert limit.take("ada@example.org", at=NOW)
    with pytest.raises(TooMany):
        limit.take("ada@example.org", at=NOW)


@pytest.mark.proves("limits-remember")
@pytest.mark.django_db
def test_no_number_of_strangers_has_a_limit_forgotten() -> None:
    limit = Limit("tries", 1, MINUTES)
    limit.take("ada@example.org", at=NOW)

    # More than the 100,000 rows at which a cache would forget the third of what it holds.
    others = (LimitCounter(mark=f"{n}", key_hash="x", number=1, ends_at=NOW + MINUTES) for n in range(150_000))
    LimitCounter.objects.bulk_create(others, batch_size=10_000)
    limit.take("grace@example.org", at=NOW)
    _run(NOW)

    with pytest.raises(TooMany):
        limit.take("ada@example.org", at=NOW)


@pytest.mark.django_db
def test_a_counter_is_deleted_when_its_window_is_over() -> None:
    limit = Limit("tries", 1, MINUTES)
    limit.take("ada@example.org", at=NOW)
    limit.take("grace@example.org", at=NOW + MINUTES)

    assert _run(NOW + timedelta(minutes=3)) == 0
    assert _run(NOW + MINUTES) == 1
    assert LimitCounter.objects.get().ends_at == datetime(2027, 2, 4, 8, 10, tzinfo=UTC)


def _run(at: datetime) -> int:
    """What the hourly run deletes of what expires."""
    return sum(retention.kind("web_sessions").delete(Scope(days=0), at))


@pytest.mark.proves("anonymous-limits")
@pytest.mark.django_db
def test_the_table_of_limits_names_nobody_and_forgets_whom_it_is_told_to() -> None:
    limit = Limit("tries", 5, MINUTES)
    limit.take("zoe@example.org", at=NOW, source="192.0.2.9")
    limit.take("zoe@example.org", at=NOW)
    limit.take("kim@example.org", at=NOW)

    rows = str(list(LimitCounter.objects.values_list()))
    forget({"zoe@example.org"})

    assert not [word for word in ("zoe", "kim", "192") if f"{word}@" in rows or f"{word}." in rows]
    assert LimitCounter.objects.count() == 1


@pytest.mark.django_db
def test_a_try_is_one_statement_that_finds_its_row_by_an_index() -> None:
    limit = Limit("tries", 2, MINUTES)
    with CaptureQueriesContext(connection) as queries:
        for _n in range(2):
            limit.take("ada@example.org", at=NOW)
        with pytest.raises(TooMany):
            limit.take("ada@example.org", at=NOW)
        limit.is_spent("ada@example.org", at=NOW)

    assert len(queries) == 4
    indexes = connection.introspection.get_constraints(connection.cursor(), LimitCounter._meta.db_table).values()
    assert {tuple(one["columns"]) for one in indexes if one["index"] or one["primary_key"]} >= {
        ("mark",),
        ("key_hash",),
        ("ends_at",),
    }
