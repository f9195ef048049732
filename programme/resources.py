"""Speakers, sessions, and who speaks where, as sheets."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from import_export.fields import Field

from core import wall_time
from core.folding import fold
from core.sheets.cells import Cell, Choice, Key, Languages, WallTime, as_text
from core.sheets.formats import SheetError
from core.sheets.resources import Options, SheetResource
from programme.domain import editions, moving, rooms
from programme.models import Event, Participation, Session, Speaker, Track
from venues.models import Room, Venue
from venues.resources import names_of_room


class SpeakerResource(SheetResource):
    also = {
        "name": ("intervenant", "intervenante", "speaker", "nom complet", "full name"),
        "role_fr": ("fonction", "qualite", "titre"),
        "role_en": ("position",),
        "organisation": ("organisme", "organization", "affiliation", "structure"),
    }
    named_by = ("name",)
    told_apart_by = ("organisation",)

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


class TrackOfEdition(Cell):
    """A track by its slug or its name, among those of one edition: that of the row's event."""

    edition: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[int | None, Key] = {}

    def among(self, edition: int | None) -> Key:
        if edition not in self.keys:
            self.keys[edition] = Key(Track.objects.filter(edition=edition))
        return self.keys[edition]

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Track | None:
        return self.among(self.edition).clean(value, row, **kwargs)

    def render(self, value: Track | None, obj: Any = None, **kwargs: Any) -> str:
        return self.among(value.edition_id).render(value, obj, **kwargs) if value else ""


class SessionResource(SheetResource):
    """Times are those of the venue's clocks. The state is shown, never imported: sessions are published by hand."""

    event = Field("event", "event", Key(Event.objects.all()))
    track = Field("track", "track", TrackOfEdition())
    room = Field("room", "room", Key(Room.objects.select_related("venue"), names_of_room))
    start = Field("starts_at", "start", WallTime())
    end = Field("ends_at", "end", WallTime())
    languages = Field("languages", "languages", Languages())
    registration_opens_at = Field("registration_opens_at", "registration_opens_at", WallTime())
    registration_closes_at = Field("registration_closes_at", "registration_closes_at", WallTime())
    draw_at = Field("draw_at", "draw_at", WallTime())
    status = Field("status", "status", Choice(Session.Status.choices), readonly=True)

    also = {
        "title_fr": ("session", "intitule"),
        "title_en": ("titre en", "titre anglais", "english title"),
        "start": ("starts at", "starts", "heure de debut", "horaire de debut", "start time"),
        "end": ("ends at", "ends", "heure de fin", "horaire de fin", "end time"),
        "date": ("date", "jour", "day", "journee"),
        "room": ("salle", "nom de la salle"),
        "venue": ("venue", "lieu", "site", "location"),
        "kind": ("type", "type de session", "kind"),
        "capacity": ("places", "jauge", "seats", "nombre de places"),
        "languages": ("langue", "language"),
    }
    named_by = ("title_fr",)
    named_within = "event"
    told_apart_by = ("start", "room")
    moments = ("start", "end", "registration_opens_at", "registration_closes_at", "draw_at", "date")

    class Meta(Options):
        model = Session
        fields = import_order = export_order = [
            "slug", "event", "title_fr", "title_en", "kind", "track", "room", "start", "end", "languages", "access",
            "capacity", "over_capacity_reason", "holds_requests", "registration_opens_at", "registration_closes_at",
            "waiting_list", "offer_hours", "draw_at", "description_fr", "description_en", "source", "assumed_fields",
            "status",
        ]  # fmt: skip

    def before_import(self, dataset: Any, **kwargs: Any) -> None:
        self.venues = Key(Venue.objects.all())
        super().before_import(dataset, **kwargs)
        rooms.judge_at_the_end()

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        super().before_import_row(row, **kwargs)
        self._whole(row)

    def _whole(self, row: Any) -> None:
        """Rooms and moments that stand in several columns, put together: a room is one of the venue beside it, an hour
        alone is one of the day beside it, or of the day of the start."""
        whole = f"{as_text(row.get('venue'))} {as_text(row.get('room'))}"
        if as_text(row.get("room")) and fold(whole) in self.fields["room"].widget.index:
            row["room"] = whole
        # A workbook writes a day as a moment at midnight.
        date, _midnight = wall_time.day_and_hour(as_text(row.get("date")))
        for column in ("start", "end"):
            text = as_text(row.get(column))
            day, hour = wall_time.day_and_hour(text)
            if hour and not day and date:
                row[column] = f"{date} {text}"
            date = date or day

    @cached_property
    def edition_of_strays(self) -> int | None:
        """Of rows whose event is wrong, which is said of them anyway."""
        current = editions.current()
        return current.pk if current else None

    def after_init_instance(self, instance: Session, new: bool, row: Any, **kwargs: Any) -> None:
        instance.looks_for_others = False

    def import_instance(self, instance: Session, row: Any, **kwargs: Any) -> None:
        super().import_instance(instance, row, **kwargs)
        try:
            venue = self.venues.clean(row.get("venue"))
        except ValueError as error:
            raise ValidationError({"venue": str(error)}) from error
        if venue and instance.room_id and instance.room.venue_id != venue.pk:
            words = _("The room “%(room)s” is in another venue: %(venue)s.")
            said = {"room": instance.room.name, "venue": instance.room.venue}
            raise ValidationError({"venue": words % said})

    def import_field(self, field: Field, instance: Session, row: Any, **kwargs: Any) -> None:
        was = instance.zone if instance.room_id else None
        if isinstance(field.widget, WallTime) and was:
            field.widget.zone = was
        if isinstance(field.widget, TrackOfEdition):
            field.widget.edition = instance.event.edition_id if instance.event_id else self.edition_of_strays
        super().import_field(field, instance, row, **kwargs)
        if was and instance.room_id and instance.zone != was:
            moving.keep_hours(instance, was)  # as when a venue changes its zone

    def mark_in(self, column: str, row: Mapping[str, Any]) -> Any:
        row = dict(row)
        self._whole(row)
        if column != "start":
            return super().mark_in(column, row)
        days, hour = wall_time.moment_in(as_text(row.get("start")))
        fitting = [day for day, first in days if first in (None, self.day_first)]
        return datetime.combine(fitting[0], hour) if hour and len(fitting) == 1 else None

    def mark_of(self, column: str, session: Session) -> Any:
        if column != "start":
            return super().mark_of(column, session)
        return session.local_starts_at.replace(tzinfo=None, second=0, microsecond=0)

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

    def dehydrate_registration_opens_at(self, session: Session) -> datetime | str:
        return _on_the_wall(session, session.registration_opens_at)

    def dehydrate_registration_closes_at(self, session: Session) -> datetime | str:
        return _on_the_wall(session, session.registration_closes_at)

    def dehydrate_draw_at(self, session: Session) -> datetime | str:
        return _on_the_wall(session, session.draw_at)


class ParticipationResource(SheetResource):
    """Who speaks where: each row is a speaker in a session."""

    session = Field("session", "session", Key(Session.objects.all()))
    speaker = Field("speaker", "speaker", Key(Speaker.objects.all()))

    also = {
        "session": ("titre", "title"),
        "speaker": ("nom", "name", "intervenante"),
        "role": ("fonction",),
        "position": ("ordre", "order"),
    }

    class Meta(Options):
        model = Participation
        import_id_fields = ["session", "speaker"]
        fields = import_order = export_order = [
            "session", "speaker", "role", "position", "note", "source", "assumed_fields",
        ]  # fmt: skip

    def identify(self, dataset: Any) -> None:
        """A row is known by its session and its speaker."""
        if missing := [self.label(name) for name in ("session", "speaker") if name not in dataset.headers]:
            raise SheetError(
                _("These columns are missing: %(missing)s. The file has: %(found)s.")
                % {"missing": ", ".join(missing), "found": self.said_headers}
            )
        links = Participation.objects.select_related("session", "speaker")
        self.known = {f"{link.session.slug} {link.speaker.slug}": link for link in links}
        for row in dataset.dict:
            try:
                pair = [self.fields[name].widget.clean(row[name]) for name in ("session", "speaker")]
            except ValueError:
                pair = [None, None]
            self.slugs.append(" ".join(each.slug for each in pair) if all(pair) else "")

    def filter_export(self, queryset: QuerySet[Participation], **kwargs: Any) -> QuerySet[Participation]:
        return queryset.select_related("session", "speaker")


def _on_the_wall(session: Session, moment: datetime | None) -> datetime | str:
    if moment is None:
        return ""
    return moment.astimezone(session.zone).replace(tzinfo=None) if session.room_id else moment.replace(tzinfo=None)
