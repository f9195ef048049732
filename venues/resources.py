"""Venues and rooms as sheets."""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from import_export.fields import Field

from core.sheets.cells import Key, Named, Number
from core.sheets.resources import Options, SheetResource
from venues.domain import places
from venues.models import Room, Venue, known_timezones


class TimeZone(Named):
    """A time zone, by its name or by its city alone."""

    def values(self) -> Iterable[tuple[Any, str, Sequence[str]]]:
        for name in sorted(known_timezones()):
            yield name, name, [name, name.rpartition("/")[2]]

    def unknown(self, text: str, known: str) -> str:
        return _("“%(name)s” is not a time zone: write it like Europe/Paris.") % {"name": text}


def names_of_room(room: Room) -> list[str]:
    """What a room is called where several venues are."""
    venue = room.venue
    return [f"{venue} – {room.name}", f"{room.name} ({venue})", f"{venue.slug} {room.name}", room.name]


class VenueResource(SheetResource):
    security_minutes = Field("security_minutes", "security_minutes", Number(whole=True), default=0)
    timezone = Field("timezone", "timezone", TimeZone())

    also = {"name": ("lieu", "site", "nom du site", "nom du lieu", "venue"), "address": ("adresse postale",)}
    named_by = ("name",)
    told_apart_by = ("city",)

    class Meta(Options):
        model = Venue
        fields = import_order = export_order = [
            "slug", "name", "address", "city", "country", "latitude", "longitude", "timezone", "security_minutes",
            "to_be_confirmed",            "accessibility_fr", "accessibility_en", "source", "assumed_fields",
        ]  # fmt: skip


class RoomResource(SheetResource):
    venue = Field("venue", "venue", Key(Venue.objects.all()))

    also = {
        "venue": ("lieu", "site", "batiment"),
        "name": ("salle", "room", "nom de la salle"),
        "capacity": ("places", "jauge", "seats"),
    }
    named_by = ("venue", "name")
    named_within = "venue"

    class Meta(Options):
        model = Room
        fields = import_order = export_order = [
            "slug",
            "venue",
            "name",
            "capacity",
            "allows_several_sessions",
            "to_be_confirmed",
            "source",
            "assumed_fields",
        ]

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Rooms that change names among themselves give theirs up first: each is unique in its venue."""
        super().before_import(dataset, **kwargs)
        rows = zip(self.slugs, dataset.dict, strict=True)
        places.free_names(room for slug, row in rows if (room := self.known.get(slug)) and self._is_renamed(room, row))

    def _is_renamed(self, room: Room, row: Any) -> bool:
        """Whether the import will save the room under another name, and not only reads its name in other letters: a
        name that is given up for nothing is lost."""
        then = copy(room)
        try:
            for column in ("venue", "name"):
                self.import_field(self.fields[column], then, row)
        except ValueError:
            return False
        return (then.venue_id, then.name) != (room.venue_id, room.name)

    def filter_export(self, queryset: QuerySet[Room], **kwargs: Any) -> QuerySet[Room]:
        return queryset.select_related("venue")
