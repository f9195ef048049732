import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Attendee, User
from core import clock
from core.emails import EmailField, readable_email
from core.folding import Searchable, SearchField
from core.histories import HistoricalRecords
from core.models import Sourced
from core.text import validate_lines
from programme.models import Event, Session, edition_field


def not_the_portals(word: str) -> RegexValidator:
    """Refuses the slug whose page in the portal of partners would be another one (partners/urls.py)."""
    return RegexValidator(
        rf"\A{word}\Z", _("The portal already has a page with this name: choose another."), inverse_match=True
    )


class Institution(Searchable, Sourced):
    """A school, ministry or company that takes part."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True, validators=[not_the_portals("help")])
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=60, blank=True)
    country = models.CharField(
        _("country"),
        max_length=3,
        blank=True,
        help_text=_("ISO 3166; INT for an international body, EU for the European Union."),
    )

    search = SearchField("name", "slug")
    history = HistoricalRecords(excluded_fields=["search"])

    class Meta:
        verbose_name = _("institution")
        verbose_name_plural = _("institutions")
        ordering = ["search"]

    def __str__(self) -> str:
        return self.name


class Cohort(Searchable, Sourced):
    """A named group of people, usually of one institution, that shares seats."""

    edition = edition_field("cohorts")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="cohorts", verbose_name=_("institution"))
    slug = models.SlugField(_("slug"), max_length=60, unique=True, validators=[not_the_portals("team")])
    name = models.CharField(_("name"), max_length=150)
    size = models.PositiveIntegerField(_("size"), help_text=_("Maximum number of people."))
    starts_at = models.DateTimeField(
        _("present from"),
        null=True,
        blank=True,
        help_text=_("Only if the cohort comes for a few hours: its seats are in sessions at that time."),
    )
    ends_at = models.DateTimeField(_("present until"), null=True, blank=True)
    weight = models.PositiveSmallIntegerField(
        _("weight in an allocation"),
        default=1,
        help_text=_("2 gives twice the chance of coming first, compared with 1."),
    )
    members = models.ManyToManyField(Attendee, through="Membership", related_name="cohorts", verbose_name=_("members"))

    search = SearchField("name_fr", "name_en", "slug")

    class Meta:
        verbose_name = _("cohort")
        verbose_name_plural = _("cohorts")
        ordering = ["search"]
        constraints = [
            models.CheckConstraint(condition=Q(size__gt=0), name="cohort_holds_someone"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="cohort_has_a_weight"),
            models.CheckConstraint(
                condition=Q(starts_at=None, ends_at=None) | Q(starts_at__isnull=False, ends_at__gt=F("starts_at")),
                name="cohort_leaves_after_it_comes",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if (self.starts_at is None) != (self.ends_at is None) or (
            self.starts_at and self.ends_at and self.ends_at <= self.starts_at
        ):
            raise ValidationError({"ends_at": _("Enter both times, the second after the first, or neither.")})
        if self.size:
            self._check_size()

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            self._check_size()  # its row is locked from here on: nobody joins who is not counted

    def _check_size(self) -> None:
        members = self.memberships.count() if self.pk else 0
        if members > self.size:
            raise ValidationError(
                {"size": _("%(number)d people are members: the size cannot be lower.") % {"number": members}}
            )

    def is_present_for(self, session: Session) -> bool:
        """Whether some of `session` falls into the cohort's time; a cohort without one is present throughout."""
        if self.starts_at is None or self.ends_at is None:
            return True
        return session.starts_at < self.ends_at and session.ends_at > self.starts_at


class Membership(models.Model):
    """Someone who belongs to a cohort. Written by domain/cohorts.py, which keeps the cohort's size."""

    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="memberships", verbose_name=_("cohort"))
    attendee = models.ForeignKey(Attendee, models.CASCADE, related_name="memberships", verbose_name=_("attendee"))
    created_at = models.DateTimeField(_("added at"), default=clock.now, editable=False)

    history = HistoricalRecords()
    _history_user: User | None

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["attendee__search", "id"]
        constraints = [models.UniqueConstraint(fields=["cohort", "attendee"], name="person_is_once_in_a_cohort")]

    def __str__(self) -> str:
        return f"{self.attendee} – {self.cohort}"


class Invitation(Searchable):
    """The right of one person, known by the address, to take a seat in a session by invitation. It keeps no seat."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="invitations", verbose_name=_("session"))
    email = EmailField(_("email address"), db_index=True)
    created_at = models.DateTimeField(_("invited at"), default=clock.now, editable=False)

    search = SearchField("email")
    history = HistoricalRecords(excluded_fields=["search"])

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint("session", Lower("email"), name="person_is_invited_once"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="invitation_is_written_in_lower_case"),
        ]

    def __str__(self) -> str:
        return f"{readable_email(self.email)} – {self.session}"


class Limit(models.Model):
    """How many sessions of an event, or of one format in it, a person may have a seat in."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="limits", verbose_name=_("event"))
    kind = models.CharField(
        _("format"),
        max_length=20,
        choices=Session.Kind,
        blank=True,
        help_text=_("Leave empty for all formats together."),
    )
    at_most = models.PositiveSmallIntegerField(_("maximum"), help_text=_("Seats per person."))

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("limit per person")
        verbose_name_plural = _("limits per person")
        ordering = ["event_id", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["event", "kind"], name="event_has_one_limit_per_format"),
            models.CheckConstraint(condition=Q(at_most__gt=0), name="limit_lets_someone_in"),
        ]

    def __str__(self) -> str:
        everything = _("all formats")
        return f"{self.event} – {self.get_kind_display() or everything}"


class SeatPool(Sourced):
    """A counted set of seats of one session: the general pool, or an allotment kept for one cohort
    (docs/rules.md#seats).

    `taken` is moved only by domain/ledger.py, by a conditional UPDATE: never assign it.
    """

    session = models.ForeignKey(Session, models.CASCADE, related_name="pools", verbose_name=_("session"))
    cohort = models.ForeignKey(
        Cohort,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="allotments",
        verbose_name=_("cohort"),
        help_text=_("Leave empty for the general pool."),
    )
    seats = models.PositiveIntegerField(_("seats"))
    taken = models.PositiveIntegerField(_("taken"), default=0, editable=False)
    release_at = models.DateTimeField(
        _("released at"), null=True, blank=True, help_text=_("When seats not taken go back to the general pool.")
    )

    # The session is cancelled: nobody takes a seat any more.
    closed = models.BooleanField(_("closed"), default=False, editable=False)
    # In the general pool, for the whole session: its seats are given out by wishes, and nobody takes one by themselves
    # until then. Written by allocations.domain.holding alone.
    by_wishes = models.BooleanField(_("given out by wishes"), default=False, editable=False)

    history = HistoricalRecords(excluded_fields=["taken"])

    _history_user: User | None
    _change_reason: str

    class Meta:
        verbose_name = _("seat pool")
        verbose_name_plural = _("seat pools")
        ordering = ["session_id", "cohort_id"]
        constraints = [
            models.CheckConstraint(condition=Q(taken__gte=0, taken__lte=F("seats")), name="pool_never_oversold"),
            models.UniqueConstraint(fields=["session", "cohort"], name="cohort_has_one_allotment_in_a_session"),
            models.UniqueConstraint(
                fields=["session"], condition=Q(cohort__isnull=True), name="session_has_one_general_pool"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session} – {self.cohort or _('general pool')}"

    @property
    def left(self) -> int:
        return self.seats - self.taken

    def save(self, *args: Any, **kwargs: Any) -> None:
        # An organiser who edits a pool while people register must never write back the count that the form was opened
        # with.
        if not self._state.adding and kwargs.get("update_fields") is None:
            kwargs["update_fields"] = [
                field.name for field in self._meta.concrete_fields if field.name not in ("id", "taken")
            ]
        super().save(*args, **kwargs)


class Party(models.Model):
    """People who wait for one session together: they get their seats together or not at all."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="parties", verbose_name=_("session"))
    code = models.CharField(
        _("code"), max_length=12, unique=True, help_text=_("Anyone waiting for the session can join with this code.")
    )
    created_at = models.DateTimeField(_("created at"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("waiting group")
        verbose_name_plural = _("waiting groups")

    def __str__(self) -> str:
        return f"{self.code} – {self.session}"


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def live(self) -> "RegistrationQuerySet":
        """Everything but what was cancelled or declined: at most one per person and session."""
        return self.exclude(status__in=Registration.ENDED)

    def confirmed(self) -> "RegistrationQuerySet":
        return self.filter(status=Registration.Status.CONFIRMED)

    def waiting(self) -> "RegistrationQuerySet":
        """Those on the waiting list, in its order: priority, then the lot that was drawn, then the time, then the row
        (docs/rules.md#waiting-list)."""
        return self.filter(status=Registration.Status.WAITING).order_by(
            "-priority", F("lot").asc(nulls_last=True), "waiting_at", "id"
        )

    def holding(self) -> "RegistrationQuerySet":
        """Those that count in their pool's `taken`."""
        return self.filter(pool__isnull=False)


class Registration(models.Model):
    """A person's place in one session. It is never deleted: a cancelled row tells when and, in its history, by whom."""

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        WAITING = "waiting", _("Waiting")
        OFFERED = "offered", _("Offered")
        CONFIRMED = "confirmed", _("Confirmed")
        DECLINED = "declined", _("Declined")
        CANCELLED = "cancelled", _("Cancelled")

    class Ending(models.TextChoices):
        """Why a registration is no longer live."""

        BY_PERSON = "by_person", _("Given up by the person")
        LEFT_WAITLIST = "left_waitlist", _("Left the waiting list")
        BY_ORGANISERS = "by_organisers", _("Cancelled by the organisers")
        LEFT_COHORT = "left_cohort", _("Removed from the institution’s list")
        SWAPPED = "swapped", _("Given up for another session")
        OFFER_DECLINED = "offer_declined", _("The offer was declined")
        OFFER_EXPIRED = "offer_expired", _("The offer was not answered in time")
        REFUSED = "refused", _("The request was not granted")
        SESSION_CANCELLED = "session_cancelled", _("The session was cancelled")
        NOT_RECONFIRMED = "not_reconfirmed", _("The person did not confirm that they are still coming")

    ENDED = (Status.DECLINED, Status.CANCELLED)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session = models.ForeignKey(Session, models.PROTECT, related_name="registrations", verbose_name=_("session"))
    attendee = models.ForeignKey(Attendee, models.PROTECT, related_name="registrations", verbose_name=_("attendee"))
    status = models.CharField(_("status"), max_length=10, choices=Status)
    pool = models.ForeignKey(
        SeatPool, models.PROTECT, null=True, blank=True, related_name="registrations", verbose_name=_("seat pool")
    )
    created_at = models.DateTimeField(_("registered at"), default=clock.now, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    ending = models.CharField(_("why it ended"), max_length=20, choices=Ending, blank=True)
    waiting_at = models.DateTimeField(_("waiting since"), null=True, blank=True)
    priority = models.SmallIntegerField(
        _("priority"), default=0, help_text=_("A higher number means further up the waiting list.")
    )
    lot = models.PositiveIntegerField(_("draw position"), null=True, blank=True)
    party = models.ForeignKey(
        Party, models.SET_NULL, null=True, blank=True, related_name="registrations", verbose_name=_("waiting with")
    )
    offer_expires_at = models.DateTimeField(_("offered until"), null=True, blank=True)
    reason = models.CharField(_("reason given"), max_length=1000, blank=True, validators=[validate_lines])
    answer = models.CharField(_("the organisers’ answer"), max_length=1000, blank=True)
    is_absent = models.BooleanField(_("was absent"), default=False, db_default=False)

    objects = RegistrationQuerySet.as_manager()
    history = HistoricalRecords()
    _history_user: User | None  # who acts, when it is not the person behind the current request

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "attendee"],
                condition=~Q(status__in=["declined", "cancelled"]),
                name="person_has_one_live_registration_in_a_session",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status__in=["confirmed", "offered"], pool__isnull=False)
                    | Q(status="pending")
                    | Q(status__in=["waiting", "declined", "cancelled"], pool__isnull=True)
                ),
                name="registration_that_holds_a_seat_names_its_pool",
            ),
            models.CheckConstraint(
                condition=Q(status="offered", offer_expires_at__isnull=False)
                | (~Q(status="offered") & Q(offer_expires_at=None)),
                name="offer_ends_at_a_moment",
            ),
            models.CheckConstraint(
                condition=~Q(status="waiting") | Q(waiting_at__isnull=False), name="waitlist_has_an_order"
            ),
        ]
        indexes = [
            models.Index(
                fields=["session", "-priority", "lot", "waiting_at", "id"],
                condition=Q(status="waiting"),
                name="waitlist_of_a_session",
            ),
            models.Index(fields=["offer_expires_at"], condition=Q(status="offered"), name="offers_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.attendee} – {self.session}"

    @property
    def was_confirmed(self) -> bool:
        """Whether the person had the seat at some moment: it is in their calendar then."""
        return self.history.filter(status=self.Status.CONFIRMED).exists()


class IdempotencyKey(models.Model):
    """A form that had its effect, by the key that was hidden in it: sent again, it changes nothing
    (docs/rules.md#seats)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", verbose_name=_("account"))
    key = models.UUIDField()
    body = models.CharField(max_length=64)  # a hash of what was sent
    answer = models.JSONField()
    created_at = models.DateTimeField(default=clock.now, editable=False, db_index=True)

    class Meta:
        verbose_name = _("key of a form")
        verbose_name_plural = _("keys of forms")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="form_has_its_effect_once")]

    def __str__(self) -> str:
        return str(self.key)


class Draw(models.Model):
    """The drawing of lots among those who wait for a session: with the seed and the entries, anybody can draw them
    again."""

    session = models.OneToOneField(Session, models.PROTECT, related_name="draw", verbose_name=_("session"))
    seed = models.CharField(_("seed"), max_length=64)
    entries = models.JSONField(_("entries"), help_text=_("The registrations that took part, by code."))
    order = models.JSONField(_("order drawn"))
    drawn_at = models.DateTimeField(_("drawn at"))

    class Meta:
        verbose_name = _("draw")
        verbose_name_plural = _("draws")
        ordering = ["-drawn_at"]

    def __str__(self) -> str:
        return str(self.session)


class Figure(models.Model):
    """How many people a session had, of whom nothing else is kept: they were erased, or kept long enough
    (docs/rules.md#erasure). Written by domain/ledger.py."""

    class Outcome(models.TextChoices):
        """What became of a registration; the rest is why it ended."""

        CAME = "came", _("Had a seat")
        ABSENT = "absent", _("Was absent")
        WAITED = "waited", _("Was still waiting")
        ASKED = "asked", _("Had no answer to their request")
        OFFERED = "offered", _("Had an offer")
        BY_PERSON = "by_person", Registration.Ending.BY_PERSON.label
        LEFT_WAITLIST = "left_waitlist", Registration.Ending.LEFT_WAITLIST.label
        BY_ORGANISERS = "by_organisers", Registration.Ending.BY_ORGANISERS.label
        LEFT_COHORT = "left_cohort", Registration.Ending.LEFT_COHORT.label
        SWAPPED = "swapped", Registration.Ending.SWAPPED.label
        OFFER_DECLINED = "offer_declined", Registration.Ending.OFFER_DECLINED.label
        OFFER_EXPIRED = "offer_expired", Registration.Ending.OFFER_EXPIRED.label
        REFUSED = "refused", Registration.Ending.REFUSED.label
        SESSION_CANCELLED = "session_cancelled", Registration.Ending.SESSION_CANCELLED.label
        NOT_RECONFIRMED = "not_reconfirmed", Registration.Ending.NOT_RECONFIRMED.label
        ENDED = "ended", _("Ended")

    session = models.ForeignKey(Session, models.PROTECT, related_name="figures", verbose_name=_("session"))
    cohort = models.ForeignKey(
        Cohort, models.PROTECT, null=True, blank=True, related_name="figures", verbose_name=_("cohort")
    )
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome)
    people = models.PositiveIntegerField(_("people"))

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        ordering = ["session_id", "cohort_id", "outcome"]
        constraints = [
            models.CheckConstraint(condition=Q(people__gt=0), name="figure_counts_somebody"),
            models.UniqueConstraint(fields=["session", "cohort", "outcome"], name="cohort_has_one_figure_of_a_kind"),
            models.UniqueConstraint(
                fields=["session", "outcome"],
                condition=Q(cohort__isnull=True),
                name="session_has_one_general_figure_of_a_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session} – {self.get_outcome_display()}: {self.people}"
