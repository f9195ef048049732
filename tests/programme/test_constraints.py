"""What the database itself refuses of a session, whatever the code above forgets."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from programme.models import Session
from tests import make

pytestmark = pytest.mark.django_db


def refused(session: Session, **fields: object) -> None:
    """Write `fields` past every check of ours."""
    with pytest.raises(IntegrityError), transaction.atomic():
        Session.objects.filter(pk=session.pk).update(**fields)


@pytest.mark.proves("database-constraints")
def test_a_session_that_ends_before_it_starts() -> None:
    session = make.session()

    refused(session, ends_at=F("starts_at") - timedelta(minutes=1))
    refused(session, ends_at=F("starts_at"))


@pytest.mark.proves("database-constraints")
@pytest.mark.only_on_postgresql
def test_two_sessions_in_a_room_that_holds_one_at_a_time() -> None:
    first = make.session(room=make.room())
    second = make.session()

    refused(second, room=first.room, starts_at=first.starts_at, ends_at=first.ends_at)
    Session.objects.filter(pk=second.pk).update(
        room=first.room, starts_at=first.ends_at, ends_at=first.ends_at + timedelta(hours=1)
    )
