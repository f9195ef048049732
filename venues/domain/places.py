"""Where a room is, as people are told (docs/rules.md#changes)."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from venues.models import Room, Venue

Place = dict[str, Any]
# Who knows a session by other ones of these has to be told.
TOLD = ("venue", "address", "city", "zone")
NAMES = ("name_fr", "name_en")


def free_names(renamed: Mapping[Room, Collection[str]]) -> None:
    """Let these rooms take each other's names; for each, those of NAMES that it is saved with in the same
    transaction."""
    for room, names in renamed.items():
        if names:
            Room.objects.filter(pk=room.pk).update(**{name: f"{room.pk} {uuid.uuid4()}" for name in names})


def place_of(room: Room) -> Place:
    """The room and its venue in the words that stand on a page, a mail or in a calendar."""
    venue = room.venue
    place = {
        "room_name": room.name_fr,
        "venue": venue.pk,
        "venue_name": venue.name_fr,
        "address": venue.address,
        "city": venue.city,
        "zone": venue.timezone,
    }
    # Without them a place equals what was kept of it before names were in two languages: nothing has changed.
    english = {"room_name_en": room.name_en, "venue_name_en": venue.name_en}
    return place | {name: text for name, text in english.items() if text}


def room_at(pk: int, place: Place) -> Room:
    """The room as it was in `place`; not to be saved."""
    venue = Venue(
        pk=place["venue"],
        name_fr=place["venue_name"],
        name_en=place.get("venue_name_en"),
        address=place["address"],
        city=place["city"],
        timezone=place["zone"],
    )
    return Room(pk=pk, name_fr=place["room_name"], name_en=place.get("room_name_en"), venue=venue)


def is_elsewhere(one: Place, other: Place) -> bool:
    """Whether people who know one place would not find the other; of what was kept before places were, nothing is
    known."""
    return bool(one and other) and any(one[name] != other[name] for name in TOLD)
