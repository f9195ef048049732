import pytest
from django.core.exceptions import ValidationError

from tests import make

pytestmark = pytest.mark.django_db


def test_a_room_cannot_become_smaller_than_its_sessions():
    room = make.room(capacity=100)
    make.session(room=room, seats=80)
    room.capacity = 79

    with pytest.raises(ValidationError) as refused:
        room.full_clean()

    assert list(refused.value.message_dict) == ["capacity"]


def test_a_room_that_is_shared_at_some_moment_cannot_be_taken_back():
    room = make.room(allows_several_sessions=True)
    make.session(room=room)
    make.session(room=room)
    room.allows_several_sessions = False

    with pytest.raises(ValidationError) as refused:
        room.full_clean()

    assert list(refused.value.message_dict) == ["allows_several_sessions"]


def test_a_room_keeps_its_rule_in_its_sessions():
    room = make.room()
    session = make.session(room=room)

    room.allows_several_sessions = True
    room.full_clean()
    room.save()

    session.refresh_from_db()
    assert session.shares_room
