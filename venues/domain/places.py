"""Where a room is, as people are told (docs/rules.md#changes)."""

import uuid
from collections.abc import Iterable
from typing import Any

from venues.models import Room, Venue

Place = dict[str, Any]
# Who knows a session by other ones of these has to be told.
TOLD = ("venue", "address", "city", "zone")


def free_names(rooms: Iterable[Room]) -> None:
    """Let these rooms, which are saved with other names in the same transaction, take each other's."""
    for room in rooms:
        Room.objects.filter(pk=room.pk).update(name=f"{room.pk} {uuid.uuid4()}")


def place_of(room: Room) -> Place:
    """The room and its venue in the words that stand on a page, a mail or in a calendar."""
    venue = room.venue
    return {
        "room_name": room.name,
        "venue": venue.pk,
        "venue_name": venue.name,
        "address": venue.address,
        "city": venue.city,
        "zone": venue.timezone,
    }


def room_at(pk: int, place: Place) -> Room:
    """The room as it was in `place`; not to be saved."""
    venue = Venue(
        pk=place["venue"],
        name=place["venue_name"],
        address=place["address"],
        city=place["city"],
        timezone=place["zone"],
    )
    return Room(pk=pk, name=place["room_name"], venue=venue)


def is_elsewhere(one: Place, other: Place) -> bool:
    """Whether people who know one place would not find the other; of what was kept before places were, nothing is
    known."""
    return bool(one and other) and any(one[name] != other[name] for name in TOLD)
