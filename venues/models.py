from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.folding import Searchable, SearchField
from core.histories import HistoricalRecords
from core.models import Sourced
from venues.signals import place_changed, ways_changed

known_timezones = cache(available_timezones)  # it reads hundreds of files


def validate_timezone(name: str) -> None:
    """Refuse what the time zone database does not know."""
    if name not in known_timezones():
        raise ValidationError(
            _("“%(name)s” is not a time zone. Write it like this: Europe/Paris."), params={"name": name}
        )


validate_country = RegexValidator(
    r"\A[A-Z]{2}\Z", _("Write the country as two capital letters (ISO 3166), for example FR.")
)


class Venue(Searchable, Sourced):
    """A place with an address; its rooms are where sessions happen."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=150)
    address = models.CharField(_("address"), max_length=200, blank=True)
    city = models.CharField(_("city"), max_length=80)
    country = models.CharField(_("country"), max_length=2, validators=[validate_country])
    latitude = models.FloatField(
        _("latitude"), null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.FloatField(
        _("longitude"), null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    timezone = models.CharField(_("time zone"), max_length=50, default="Europe/Paris", validators=[validate_timezone])
    accessibility = models.TextField(_("accessibility"), blank=True)
    to_be_confirmed = models.BooleanField(
        _("to be confirmed"), default=False, help_text=_("Anyone who publishes a session here will be told.")
    )
    security_minutes = models.PositiveSmallIntegerField(
        _("minutes at the entrance"),
        default=0,
        help_text=_("For badges and bag checks, each time people arrive from elsewhere."),
    )

    search = SearchField("name_fr", "name_en", "slug", "address", "city")
    name_fr: str | None  # made by translation.py, as is the next
    name_en: str | None

    class Meta:
        verbose_name = _("venue")
        verbose_name_plural = _("venues")
        ordering = ["search"]
        constraints = [
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="venue_is_on_earth",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which every time of this venue is shown."""
        return ZoneInfo(self.timezone)

    SHOWN = ("name_fr", "name_en", "address", "city", "timezone")
    ON_THE_WAY = ("city", "country", "latitude", "longitude", "security_minutes")  # what domain/travel.py reads
    keeps_hours = True  # where the zone changes: 10:00 stays 10:00; False keeps the moments

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            watched = {*self.SHOWN, *self.ON_THE_WAY}
            before = None if self._state.adding else Venue.objects.filter(pk=self.pk).values(*watched).first()
            super().save(*args, **kwargs)
            changed = {name for name, value in (before or {}).items() if value != getattr(self, name)}
            if changed.intersection(self.ON_THE_WAY):
                ways_changed.send(sender=Venue, venue=self)
            if changed.intersection(self.SHOWN):
                rooms = list(self.rooms.values_list("pk", flat=True))
                place_changed.send(sender=Venue, rooms=rooms, keeps_hours=self.keeps_hours)


class TravelTime(Searchable):
    """Minutes from one venue to another as organisers know them: they replace the estimate of domain/travel.py."""

    origin = models.ForeignKey(Venue, models.CASCADE, related_name="ways_out", verbose_name=_("from"))
    destination = models.ForeignKey(Venue, models.CASCADE, related_name="ways_in", verbose_name=_("to"))
    minutes = models.PositiveSmallIntegerField(
        _("minutes"),
        help_text=_(
            "From door to door, not counting the entrance. Also used for the return, unless that has its own row."
        ),
    )
    note = models.CharField(
        _("note"), max_length=200, blank=True, help_text=_("For example: shuttle every ten minutes.")
    )

    search = SearchField("note")
    history = HistoricalRecords(excluded_fields=["search"])

    class Meta:
        verbose_name = _("travel time")
        verbose_name_plural = _("travel times")
        ordering = ["origin__search", "destination__search"]
        constraints = [
            models.UniqueConstraint(fields=["origin", "destination"], name="way_has_one_travel_time"),
            models.CheckConstraint(condition=~Q(origin=F("destination")), name="way_leads_elsewhere"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} → {self.destination}"

    def clean(self) -> None:
        if self.origin_id and self.origin_id == self.destination_id:
            raise ValidationError(
                {"destination": _("Choose another venue: there’s no travel time within the same venue.")}
            )


class Room(Searchable, Sourced):
    """A space inside one venue in which sessions take place."""

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="rooms", verbose_name=_("venue"))
    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=150)
    capacity = models.PositiveIntegerField(_("capacity"), help_text=_("People at any one time."))
    allows_several_sessions = models.BooleanField(
        _("allows several sessions at once"),
        default=False,
        help_text=_("For stands and halls. Otherwise, a session has its room to itself."),
    )

    to_be_confirmed = models.BooleanField(
        _("to be confirmed"), default=False, help_text=_("Anyone who publishes a session here will be told.")
    )

    search = SearchField("name_fr", "name_en", "slug")
    name_fr: str | None  # made by translation.py, as are the next two
    name_en: str | None
    history: Any

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering = ["venue__search", "search"]
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "name_fr"],
                name="room_name_is_unique_in_its_venue",
                violation_error_message=_("Another room of this venue has this name in French."),
            ),
            models.UniqueConstraint(
                fields=["venue", "name_en"],
                name="room_english_name_is_unique_in_its_venue",
                violation_error_message=_("Another room of this venue has this name in English."),
            ),
            models.CheckConstraint(condition=Q(capacity__gt=0), name="room_holds_someone"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.venue})"

    def clean(self) -> None:
        if self.capacity == 0:
            raise ValidationError({"capacity": _("A room must hold at least one person.")})
        if self.pk is None:
            return
        sessions = self.sessions.exclude(status="cancelled")
        errors = {}
        largest = sessions.order_by("-capacity").first()
        if largest and self.capacity and largest.capacity > self.capacity:
            errors["capacity"] = _("“%(session)s” is planned here for %(capacity)d people.") % {
                "session": largest,
                "capacity": largest.capacity,
            }
        if not self.allows_several_sessions:
            at_once = sessions.filter(starts_at__lt=OuterRef("ends_at"), ends_at__gt=OuterRef("starts_at")).exclude(
                pk=OuterRef("pk")
            )
            clash = sessions.filter(Exists(at_once)).first()
            if clash:
                errors["allows_several_sessions"] = _("“%(session)s” shares this room with another session.") % {
                    "session": clash
                }
        if errors:
            raise ValidationError(errors)

    SHOWN = ("name_fr", "name_en", "venue_id")

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Two rooms without an English name do not have the same one.
        self.name_fr, self.name_en = self.name_fr or None, self.name_en or None
        with transaction.atomic():
            before = None if self._state.adding else Room.objects.filter(pk=self.pk).values(*self.SHOWN).first()
            super().save(*args, **kwargs)
            # The exclusion constraint of PostgreSQL reads the session's own row, so the session keeps a copy of the
            # room's rule.
            rule = self.allows_several_sessions
            self.sessions.exclude(shares_room=rule).update(shares_room=rule)
            if before and any(before[name] != getattr(self, name) for name in self.SHOWN):
                place_changed.send(sender=Room, rooms=[self.pk], keeps_hours=True)
