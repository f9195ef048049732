"""Venues and rooms as sheets: columns in, columns out, and the words for what a cell may not hold."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.widgets import Widget

from core.sheets.resources import Key, Number, Options, SheetResource, as_text
from core.wall_time import at_wall_time
from venues.domain import places
from venues.models import Room, Venue


class WallTime(Widget):
    """A moment as the clock of the session's venue shows it: “2027-02-10 14:30”; one that names its own offset is taken
    at its word."""

    def __init__(self) -> None:
        super().__init__(coerce_to_string=False)
        self.zones: dict[str, str] | None = None

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> datetime | None:
        moment = _read_moment(as_text(value))
        if moment is None or moment.tzinfo:
            return moment
        if self.zones is None:
            self.zones = dict(Room.objects.values_list("slug", "venue__timezone"))
        return at_wall_time(moment, ZoneInfo(self.zones.get(as_text(row.get("room")), "Europe/Paris")))


class VenueResource(SheetResource):
    security_minutes = Field("security_minutes", "security_minutes", Number(whole=True), default=0)

    class Meta(Options):
        model = Venue
        fields = import_order = export_order = [
            "slug", "name", "address", "city", "country", "latitude", "longitude", "timezone", "security_minutes",
            "accessibility_fr", "accessibility_en", "source", "assumed_fields",
        ]  # fmt: skip


class RoomResource(SheetResource):
    venue = Field("venue", "venue", Key(Venue.objects.all()))

    class Meta(Options):
        model = Room
        fields = import_order = export_order = [
            "slug",
            "venue",
            "name",
            "capacity",
            "allows_several_sessions",
            "source",
            "assumed_fields",
        ]

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        """Rooms that change names among themselves give theirs up first: each is unique in its venue."""
        super().before_import(dataset, **kwargs)
        named = [self.fields[name] for name in ("venue", "name")]
        rows = [(self.known.get(as_text(row["slug"])), row) for row in dataset.dict]
        places.free_names(
            room for room, row in rows if room and not all(self.is_as_exported(field, room, row) for field in named)
        )

    def filter_export(self, queryset: QuerySet[Room], **kwargs: Any) -> QuerySet[Room]:
        return queryset.select_related("venue")


def _read_moment(text: str) -> datetime | None:
    if not text:
        return None
    # The venue's zone comes after: these are wall times.
    for read in (datetime.fromisoformat, lambda text: datetime.strptime(text, "%d/%m/%Y %H:%M")):  # noqa: DTZ007
        try:
            moment = read(text)
        except ValueError:
            continue
        if ":" in text:  # a day alone is no moment
            return moment
    raise ValueError(_("“%(value)s” is not a date and time: write it like 2027-02-10 14:30.") % {"value": text[:60]})
