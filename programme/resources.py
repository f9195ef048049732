"""Speakers and sessions as sheets."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from import_export.fields import Field

from core.sheets.resources import Key, Options, SheetResource, Text
from programme.domain import rooms
from programme.models import Event, Session, Speaker, Track
from venues.models import Room
from venues.resources import WallTime


class SpeakerResource(SheetResource):
    class Meta(Options):
        model = Speaker
        fields = import_order = export_order = [
            "slug",
            "name",
            "role_fr",
            "role_en",
            "organisation",
            "country",
            "source",
            "assumed_fields",
        ]


class SessionResource(SheetResource):
    """Times are those of the venue's clocks. The state is shown, never imported: sessions are published by hand."""

    event = Field("event", "event", Key(Event.objects.all()))
    track = Field("track", "track", Key(Track.objects.all()))
    room = Field("room", "room", Key(Room.objects.select_related("venue")))
    start = Field("starts_at", "start", WallTime())
    end = Field("ends_at", "end", WallTime())
    status = Field("status", "status", Text(), readonly=True)

    class Meta(Options):
        model = Session
        fields = import_order = export_order = [
            "slug", "event", "title_fr", "title_en", "kind", "track", "room", "start", "end", "languages", "access",
            "capacity", "description_fr", "description_en", "source", "assumed_fields", "status",
        ]  # fmt: skip

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        super().before_import(dataset, **kwargs)
        rooms.judge_at_the_end()

    def after_init_instance(self, instance: Session, new: bool, row: Any, **kwargs: Any) -> None:
        instance.looks_for_others = False

    def judge_together(self, refused: set[int]) -> Iterator[tuple[int, dict[str, str]]]:
        """Two sessions that share a room are an error of the later row."""
        lines = {session.pk: line for line, session in self.written.items()}
        slugs = [slug for slug, line in self.seen.items() if line in refused]
        for pair in rooms.meetings({session.room_id for session in self.written.values()}, without=slugs):
            first, last = sorted(pair, key=lambda session: lines.get(session.pk, 0))
            if last.pk in lines:
                words = _("“%(other)s” is already in this room at that time.") % {"other": first.title}
                if first.pk in lines:
                    words = _("“%(other)s”, on line %(line)d, is in this room at the same time.") % {
                        "other": first.title,
                        "line": lines[first.pk],
                    }
                yield lines[last.pk], {"room": words}

    def filter_export(self, queryset: QuerySet[Session], **kwargs: Any) -> QuerySet[Session]:
        return queryset.select_related("event", "track", "room__venue")

    def dehydrate_start(self, session: Session) -> datetime | str:
        return _on_the_wall(session, session.starts_at)

    def dehydrate_end(self, session: Session) -> datetime | str:
        return _on_the_wall(session, session.ends_at)


def _on_the_wall(session: Session, moment: datetime | None) -> datetime | str:
    if moment is None:
        return ""
    return moment.astimezone(session.zone).replace(tzinfo=None) if session.room_id else moment.replace(tzinfo=None)
