"""Venues and rooms as sheets."""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from import_export.fields import Field

from core.sheets.cells import Key, Named, Number, in_both_of
from core.sheets.resources import Options, SheetResource
from venues.domain import places
from venues.models import Room, Venue, known_timezones


class TimeZone(Named):
    """A time zone, by its name or by its city alone."""

    def values(self) -> Iterable[tuple[Any, str, Sequence[str]]]:
        for name in sorted(known_timezones()):
            yield name, name, [name, name.rpartition("/")[2]]

    def unknown(self, text: str, known: str) -> str:
        return _("“%(name)s” is not a time zone. Write it like this: Europe/Paris.") % {"name": text}


def names_of_room(room: Room) -> list[str]:
    """What a room is called where several venues are, in the reader's language first."""
    called = []
    for name in in_both_of(room, "name"):
        for venue in in_both_of(room.venue, "name"):
            called += [f"{venue} – {name}", f"{name} ({venue})"]
        called += [f"{room.venue.slug} {name}", name]
    return called


class VenueResource(SheetResource):
    security_minutes = Field("security_minutes", "security_minutes", Number(whole=True), default=0)
    timezone = Field("timezone", "timezone", TimeZone())

    also = {"name_fr": ("lieu", "site", "nom du site", "nom du lieu", "venue"), "address": ("adresse postale",)}
    named_by = ("name_fr",)
    told_apart_by = ("city",)

    class Meta(Options):
        model = Venue
        fields = import_order = export_order = [
            "slug", "name_fr", "name_en", "address", "city", "country", "latitude", "longitude", "timezone",
            "security_minutes", "to_be_confirmed", "accessibility_fr", "accessibility_en", "source", "assumed_fields",
        ]  # fmt: skip


class RoomResource(SheetResource):
    venue = Field("venue", "venue", Key(Venue.objects.all()))

    also = {
        "venue": ("lieu", "site", "batiment"),
        "name_fr": ("salle", "room", "nom de la salle"),
        "capacity": ("places", "jauge", "seats"),
    }
    named_by = ("venue", "name_fr")
    named_within = "venue"

    class Meta(Options):
        model = Room
        fields = import_order = export_order = [
            "slug",
            "venue",
            "name_fr",
            "name_en",
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
        places.free_names({room: self._renamed(room, row) for slug, row in rows if (room := self.known.get(slug))})

    def _renamed(self, room: Room, row: Any) -> list[str]:
        """The names under which the import will no longer save the room where it is, and not those that it only reads
        in other letters: a name that is given up for nothing is lost."""
        then = copy(room)
        try:
            for column in ("venue", *places.NAMES):
                self.import_field(self.fields[column], then, row)
        except ValueError:
            return []
        moves = then.venue_id != room.venue_id
        return [name for name in places.NAMES if moves or getattr(then, name) != getattr(room, name)]

    def filter_export(self, queryset: QuerySet[Room], **kwargs: Any) -> QuerySet[Room]:
        return queryset.select_related("venue")
