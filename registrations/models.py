import secrets
import uuid
from datetime import UTC, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from simple_history.models import HistoricalRecords

from accounts.models import Attendee, User, normalise_email, validate_plain_lines, validate_plain_text
from programme.models import Event, Session
from venues.models import Room, Sourced
from venues.templatetags.when import duration


def not_the_portals(word: str) -> RegexValidator:
    """Refuses the slug whose page in the portal of partners would be another one (partners/urls.py)."""
    return RegexValidator(rf"\A{word}\Z", _("The portal has a page of this name already: choose another."), inverse_match=True)


class Institution(Sourced):
    """A school, ministry or company that takes part."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True, validators=[not_the_portals("help")])
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=60, blank=True)
    country = models.CharField(
        _("country"), max_length=3, blank=True, help_text=_("ISO 3166; INT for an international body, EU for the European Union.")
    )

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("institution")
        verbose_name_plural = _("institutions")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PartnerRole(models.Model):
    """What somebody may do for an institution, and that they hear of its people every week."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        COORDINATOR = "coordinator", _("Coordinator")
        VIEWER = "viewer", _("Viewer")

    institution = models.ForeignKey(Institution, models.CASCADE, related_name="roles", verbose_name=_("institution"))
    user = models.ForeignKey(User, models.CASCADE, related_name="partner_roles", verbose_name=_("account"))
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.COORDINATOR)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    history = HistoricalRecords()
    _history_user: User | None

    class Meta:
        verbose_name = _("partner coordinator")
        verbose_name_plural = _("partner coordinators")
        ordering = ["institution_id", "id"]
        constraints = [models.UniqueConstraint(fields=["institution", "user"], name="person_has_one_role_in_an_institution")]

    def __str__(self) -> str:
        return f"{self.user} – {self.institution}"


class Cohort(Sourced):
    """A named group of people, usually of one institution, that shares seats."""

    institution = models.ForeignKey(Institution, models.PROTECT, related_name="cohorts", verbose_name=_("institution"))
    slug = models.SlugField(_("slug"), max_length=60, unique=True, validators=[not_the_portals("team")])
    name = models.CharField(_("name"), max_length=150)
    size = models.PositiveIntegerField(_("size"), help_text=_("People at most."))
    starts_at = models.DateTimeField(
        _("present from"),
        null=True,
        blank=True,
        help_text=_("If the cohort comes for some hours only: its seats are in sessions of that time."),
    )
    ends_at = models.DateTimeField(_("present until"), null=True, blank=True)
    weight = models.PositiveSmallIntegerField(
        _("weight in an allocation"), default=1, help_text=_("2: twice the chance to come first of someone with 1.")
    )
    members = models.ManyToManyField(Attendee, through="Membership", related_name="cohorts", verbose_name=_("members"))

    class Meta:
        verbose_name = _("cohort")
        verbose_name_plural = _("cohorts")
        ordering = ["name"]
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
        if (self.starts_at is None) != (self.ends_at is None) or (self.starts_at and self.ends_at and self.ends_at <= self.starts_at):
            raise ValidationError({"ends_at": _("Give both moments, the second after the first, or neither.")})
        if self.size:
            self._check_size()

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            self._check_size()  # its row is locked from here on: nobody joins who is not counted

    def _check_size(self) -> None:
        members = self.memberships.count() if self.pk else 0
        if members > self.size:
            raise ValidationError({"size": _("%(number)d people are members: the size cannot be lower.") % {"number": members}})

    def is_present_for(self, session: Session) -> bool:
        """Whether some of `session` falls into the cohort's time; a cohort without one is present throughout."""
        if self.starts_at is None or self.ends_at is None:
            return True
        return session.starts_at < self.ends_at and session.ends_at > self.starts_at


class Membership(models.Model):
    """Someone who belongs to a cohort. Written by domain/cohorts.py, which keeps the cohort's size."""

    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="memberships", verbose_name=_("cohort"))
    attendee = models.ForeignKey(Attendee, models.CASCADE, related_name="memberships", verbose_name=_("attendee"))
    created_at = models.DateTimeField(_("added at"), auto_now_add=True)

    history = HistoricalRecords()
    _history_user: User | None

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["attendee__name", "id"]
        constraints = [models.UniqueConstraint(fields=["cohort", "attendee"], name="person_is_once_in_a_cohort")]

    def __str__(self) -> str:
        return f"{self.attendee} – {self.cohort}"


class Invitation(models.Model):
    """The right of one person, known by the address, to take a seat in a session by invitation. It keeps no seat."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="invitations", verbose_name=_("session"))
    email = models.EmailField(_("e-mail address"))
    created_at = models.DateTimeField(_("invited at"), auto_now_add=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint("session", Lower("email"), name="person_is_invited_once"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="invitation_is_written_in_lower_case"),
        ]

    def __str__(self) -> str:
        return f"{self.email} – {self.session}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = normalise_email(self.email)
        super().save(*args, **kwargs)


class Limit(models.Model):
    """How many sessions of an event, or of one format in it, a person may have a seat in."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="limits", verbose_name=_("event"))
    kind = models.CharField(_("format"), max_length=20, choices=Session.Kind, blank=True, help_text=_("Empty: all formats together."))
    at_most = models.PositiveSmallIntegerField(_("at most"), help_text=_("Seats per person."))

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
        return f"{self.event} – {self.get_kind_display() or _('all formats')}"


class SeatPool(Sourced):
    """A counted set of seats of one session: the general pool, or an allotment kept for one cohort (docs/rules.md#seats).

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
        help_text=_("None: the general pool."),
    )
    seats = models.PositiveIntegerField(_("seats"))
    taken = models.PositiveIntegerField(_("taken"), default=0, editable=False)
    release_at = models.DateTimeField(
        _("released at"), null=True, blank=True, help_text=_("When unsold seats go back to the general pool.")
    )

    closed = models.BooleanField(_("closed"), default=False, editable=False)  # the session is cancelled: nobody takes a seat any more

    history = HistoricalRecords(excluded_fields=["taken"])

    class Meta:
        verbose_name = _("seat pool")
        verbose_name_plural = _("seat pools")
        ordering = ["session_id", "cohort_id"]
        constraints = [
            models.CheckConstraint(condition=Q(taken__gte=0, taken__lte=F("seats")), name="pool_never_oversold"),
            models.UniqueConstraint(fields=["session", "cohort"], name="cohort_has_one_allotment_in_a_session"),
            models.UniqueConstraint(fields=["session"], condition=Q(cohort__isnull=True), name="session_has_one_general_pool"),
        ]

    def __str__(self) -> str:
        return f"{self.session} – {self.cohort or _('general pool')}"

    @property
    def left(self) -> int:
        return self.seats - self.taken

    def save(self, *args: Any, **kwargs: Any) -> None:
        # An organiser who edits a pool while people register must never write back the count that the form was opened with.
        if not self._state.adding and kwargs.get("update_fields") is None:
            kwargs["update_fields"] = [field.name for field in self._meta.concrete_fields if field.name not in ("id", "taken")]
        super().save(*args, **kwargs)


class Party(models.Model):
    """People who wait for one session together: they get their seats together or not at all."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="parties", verbose_name=_("session"))
    code = models.CharField(_("code"), max_length=12, unique=True, help_text=_("Whoever waits for the session and has it may join."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("group that waits together")
        verbose_name_plural = _("groups that wait together")

    def __str__(self) -> str:
        return f"{self.code} – {self.session}"


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def live(self) -> "RegistrationQuerySet":
        """Everything but what was cancelled or declined: at most one per person and session."""
        return self.exclude(status__in=Registration.ENDED)

    def confirmed(self) -> "RegistrationQuerySet":
        return self.filter(status=Registration.Status.CONFIRMED)

    def waiting(self) -> "RegistrationQuerySet":
        """Those in line, in its order: priority, then the lot that was drawn, then the time, then the row (docs/rules.md#waiting-list)."""
        return self.filter(status=Registration.Status.WAITING).order_by("-priority", F("lot").asc(nulls_last=True), "waiting_at", "id")

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

        BY_PERSON = "by_person", _("Given back by the person")
        LEFT_LINE = "left_line", _("Left the waiting list")
        BY_ORGANISERS = "by_organisers", _("Cancelled by the organisers")
        LEFT_COHORT = "left_cohort", _("Taken off the list of the institution")
        SWAPPED = "swapped", _("Given up for another session")
        OFFER_DECLINED = "offer_declined", _("The offer was declined")
        OFFER_EXPIRED = "offer_expired", _("The offer was not answered in time")
        REFUSED = "refused", _("The request was not granted")
        SESSION_CANCELLED = "session_cancelled", _("The session was cancelled")
        NOT_RECONFIRMED = "not_reconfirmed", _("The person did not say that they still come")

    ENDED = (Status.DECLINED, Status.CANCELLED)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session = models.ForeignKey(Session, models.PROTECT, related_name="registrations", verbose_name=_("session"))
    attendee = models.ForeignKey(Attendee, models.PROTECT, related_name="registrations", verbose_name=_("attendee"))
    status = models.CharField(_("status"), max_length=10, choices=Status)
    pool = models.ForeignKey(SeatPool, models.PROTECT, null=True, blank=True, related_name="registrations", verbose_name=_("seat pool"))
    created_at = models.DateTimeField(_("registered at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    ending = models.CharField(_("why it ended"), max_length=20, choices=Ending, blank=True)
    waiting_at = models.DateTimeField(_("waiting since"), null=True, blank=True)
    priority = models.SmallIntegerField(_("priority"), default=0, help_text=_("A higher one stands further ahead in line."))
    lot = models.PositiveIntegerField(_("lot drawn"), null=True, blank=True)
    party = models.ForeignKey(Party, models.SET_NULL, null=True, blank=True, related_name="registrations", verbose_name=_("waits with"))
    offer_expires_at = models.DateTimeField(_("offered until"), null=True, blank=True)
    reason = models.CharField(_("reason given"), max_length=1000, blank=True, validators=[validate_plain_lines])
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
                condition=Q(status="offered", offer_expires_at__isnull=False) | (~Q(status="offered") & Q(offer_expires_at=None)),
                name="offer_ends_at_a_moment",
            ),
            models.CheckConstraint(condition=~Q(status="waiting") | Q(waiting_at__isnull=False), name="line_has_an_order"),
        ]
        indexes = [
            models.Index(
                fields=["session", "-priority", "lot", "waiting_at", "id"], condition=Q(status="waiting"), name="line_of_a_session"
            ),
            models.Index(fields=["offer_expires_at"], condition=Q(status="offered"), name="offers_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.attendee} – {self.session}"

    @property
    def was_confirmed(self) -> bool:
        """Whether the person had the seat at some moment: it is in their calendar then."""
        return self.history.filter(status=self.Status.CONFIRMED).exists()


class PostKey(models.Model):
    """A form that had its effect, by the key that was hidden in it: sent again, it changes nothing (docs/rules.md#seats)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", verbose_name=_("account"))
    key = models.UUIDField()
    body = models.CharField(max_length=64)  # a hash of what was sent
    answer = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="form_has_its_effect_once")]

    def __str__(self) -> str:
        return str(self.key)


class Draw(models.Model):
    """The drawing of lots among those who wait for a session: with the seed and the entries, anybody can draw them again."""

    session = models.OneToOneField(Session, models.PROTECT, related_name="draw", verbose_name=_("session"))
    seed = models.CharField(_("seed"), max_length=64)
    entries = models.JSONField(_("entries"), help_text=_("The registrations that took part, by their code."))
    order = models.JSONField(_("order drawn"))
    drawn_at = models.DateTimeField(_("drawn at"))

    class Meta:
        verbose_name = _("drawing of lots")
        verbose_name_plural = _("drawings of lots")
        ordering = ["-drawn_at"]

    def __str__(self) -> str:
        return str(self.session)


class Allocation(models.Model):
    """Sessions that are given out together and fairly: people rank their wishes until a moment, then one run decides (docs/rules.md#allocation)."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    title = models.CharField(_("title"), max_length=150)
    sessions = models.ManyToManyField(Session, related_name="allocations", verbose_name=_("sessions"))
    opens_at = models.DateTimeField(_("wishes from"))
    closes_at = models.DateTimeField(_("wishes until"))
    wishes_at_most = models.PositiveSmallIntegerField(_("wishes at most"), default=8)
    seats_at_most = models.PositiveSmallIntegerField(_("seats at most"), default=3, help_text=_("Per person."))

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        ordering = ["closes_at", "slug"]
        constraints = [
            models.CheckConstraint(condition=Q(closes_at__gt=F("opens_at")), name="wishes_end_after_they_begin"),
            models.CheckConstraint(condition=Q(wishes_at_most__gt=0, seats_at_most__gt=0), name="allocation_gives_something"),
        ]

    def __str__(self) -> str:
        return self.title


class Wish(models.Model):
    """A session that somebody wants in an allocation; rank 1 is wanted most."""

    allocation = models.ForeignKey(Allocation, models.CASCADE, related_name="wishes", verbose_name=_("allocation"))
    attendee = models.ForeignKey(Attendee, models.CASCADE, related_name="wishes", verbose_name=_("attendee"))
    session = models.ForeignKey(Session, models.CASCADE, related_name="wishes", verbose_name=_("session"))
    rank = models.PositiveSmallIntegerField(_("rank"))

    class Meta:
        verbose_name = _("wish")
        verbose_name_plural = _("wishes")
        ordering = ["allocation_id", "attendee_id", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["allocation", "attendee", "rank"], name="rank_is_given_once"),
            models.UniqueConstraint(fields=["allocation", "attendee", "session"], name="session_is_wished_once"),
            models.CheckConstraint(condition=Q(rank__gt=0), name="rank_begins_at_one"),
        ]

    def __str__(self) -> str:
        return f"{self.rank}. {self.session}"


class AllocationRun(models.Model):
    """One run of an allocation: what went in, the seed, what came out and why. Never changed, but for the moment it was put into force."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="runs", verbose_name=_("allocation"))
    algorithm = models.CharField(_("algorithm"), max_length=40)
    seed = models.CharField(_("seed"), max_length=64)
    inputs = models.JSONField(_("inputs"))
    inputs_hash = models.CharField(_("fingerprint of the inputs"), max_length=64)
    results = models.JSONField(_("results"))
    created_at = models.DateTimeField(_("run at"), auto_now_add=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("run by"))
    committed_at = models.DateTimeField(_("in force since"), null=True, blank=True)

    history = HistoricalRecords(excluded_fields=["inputs", "results"])

    class Meta:
        verbose_name = _("allocation run")
        verbose_name_plural = _("allocation runs")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["allocation"], condition=Q(committed_at__isnull=False), name="allocation_is_put_into_force_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.allocation} – {date_format(timezone.localtime(self.created_at), 'SHORT_DATETIME_FORMAT')}"


# --- What people are told at its moment (docs/rules.md#reminders) -----------------------------------------------------------------


class ReminderRule(models.Model):
    """Who is reminded of a session, or of every session of an event, and when; or asked whether they still come."""

    class Audience(models.TextChoices):
        CONFIRMED = "confirmed", _("Those who have a seat")
        WAITING = "waiting", _("Those in line")
        INVITED = "invited", _("Those invited who have not answered")
        ABSENT = "absent", _("Those marked as absent")

    class Timing(models.TextChoices):
        """Wall time follows the clocks of the venue, elapsed time does not: they differ in the nights when the clocks change."""

        DAY = "day", _("Days before, at a time of day")
        BEFORE = "before", _("A time before the start")
        AFTER = "after", _("A time after the end")

    LONGEST_MINUTES = 60 * 24 * 60

    event = models.ForeignKey(Event, models.CASCADE, null=True, blank=True, related_name="reminder_rules", verbose_name=_("event"))
    session = models.ForeignKey(Session, models.CASCADE, null=True, blank=True, related_name="reminder_rules", verbose_name=_("session"))
    audience = models.CharField(_("who"), max_length=10, choices=Audience, default=Audience.CONFIRMED)
    timing = models.CharField(_("when"), max_length=10, choices=Timing, default=Timing.DAY)
    days = models.PositiveSmallIntegerField(_("days before"), default=1, validators=[MaxValueValidator(60)])
    at_time = models.TimeField(_("at"), default=time(18), help_text=_("By the clocks of the venue."))
    minutes = models.PositiveIntegerField(
        _("minutes"),
        default=120,
        validators=[MaxValueValidator(LONGEST_MINUTES)],
        help_text=_("Before the start, or after the end: 120 is two hours, 2880 is two days."),
    )
    late_minutes = models.PositiveIntegerField(
        _("late by at most"),
        default=720,
        validators=[MaxValueValidator(LONGEST_MINUTES)],
        help_text=_("Minutes. What could not leave by then is dropped; once the session has begun, nothing leaves at all."),
    )
    answer_hours = models.PositiveSmallIntegerField(
        _("hours to answer"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Empty: a plain reminder. With a number, people are asked whether they still come, and the seat of those who do not answer goes to the line."
        ),
    )
    note = models.CharField(
        _("what you add"), max_length=500, blank=True, validators=[validate_plain_text], help_text=_("For example: bring your passport.")
    )
    is_active = models.BooleanField(_("active"), default=True)

    _history_user: User | None

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ["event_id", "session_id", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(event__isnull=False, session=None) | Q(event=None, session__isnull=False),
                name="reminder_is_of_an_event_or_a_session",
            ),
            models.CheckConstraint(
                condition=Q(answer_hours=None) | (Q(answer_hours__gt=0, audience="confirmed") & ~Q(timing="after")),
                name="only_who_has_a_seat_is_asked_before",
            ),
            models.CheckConstraint(
                condition=Q(audience="absent", timing="after") | (~Q(audience="absent") & ~Q(timing="after")),
                name="only_the_absent_are_written_to_afterwards",
            ),
        ]

    def __str__(self) -> str:
        match self.timing:
            case self.Timing.DAY:
                words = ngettext("%(days)d day before at %(time)s", "%(days)d days before at %(time)s", self.days)
                when = (
                    words % {"days": self.days, "time": f"{self.at_time:%H:%M}"}
                    if self.days
                    else _("the same day at %(time)s") % {"time": f"{self.at_time:%H:%M}"}
                )
            case self.Timing.BEFORE:
                when = _("%(duration)s before") % {"duration": duration(timedelta(minutes=self.minutes))}
            case _:
                when = _("%(duration)s after") % {"duration": duration(timedelta(minutes=self.minutes))}
        return f"{self.session or self.event} – {when}"

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        if (self.event_id is None) == (self.session_id is None):
            errors["session"] = _("Choose an event, for all its sessions, or one session.")
        if (self.audience == self.Audience.ABSENT) != (self.timing == self.Timing.AFTER):
            errors["timing"] = _("Those who were absent are written to after the end, everybody else before the start.")
        elif self.answer_hours and self.audience != self.Audience.CONFIRMED:
            errors["answer_hours"] = _("Only those who have a seat are asked whether they still come.")
        elif self.answer_hours and self.timing == self.Timing.BEFORE and self.answer_hours * 60 >= (self.minutes or 0):
            errors["answer_hours"] = _("The time to answer ends before the session starts.")
        if errors:
            raise ValidationError(errors)


class Reminder(models.Model):
    """A moment at which a rule reminds the people of one session. A session that moves has other moments: those to come are
    planned anew, those that were queued stay as they were."""

    class Outcome(models.TextChoices):
        QUEUED = "queued", _("Queued")
        MISSED = "missed", _("Too late, dropped")

    rule = models.ForeignKey(ReminderRule, models.CASCADE, related_name="reminders", verbose_name=_("reminder"))
    session = models.ForeignKey(Session, models.CASCADE, related_name="reminders", verbose_name=_("session"))
    due_at = models.DateTimeField(_("due at"))
    queued_at = models.DateTimeField(_("queued at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    people = models.PositiveIntegerField(_("people"), default=0)

    class Meta:
        verbose_name = _("planned reminder")
        verbose_name_plural = _("planned reminders")
        ordering = ["due_at", "id"]
        constraints = [models.UniqueConstraint(fields=["rule", "session", "due_at"], name="people_are_reminded_once_at_a_moment")]
        indexes = [models.Index(fields=["due_at"], condition=Q(queued_at=None), name="reminders_to_come")]

    def __str__(self) -> str:
        return f"{self.rule} – {self.due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


class Reconfirmation(models.Model):
    """Somebody was asked whether they still come: the address of the question is their answer's only key."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    registration = models.ForeignKey(Registration, models.CASCADE, related_name="reconfirmations", verbose_name=_("registration"))
    reminder = models.ForeignKey(Reminder, models.CASCADE, related_name="reconfirmations", verbose_name=_("planned reminder"))
    answer_until = models.DateTimeField(_("answer until"))
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    released_at = models.DateTimeField(_("seat released at"), null=True, blank=True)

    class Meta:
        verbose_name = _("question whether somebody still comes")
        verbose_name_plural = _("questions whether people still come")
        constraints = [
            models.UniqueConstraint(fields=["registration", "reminder"], name="person_is_asked_once_at_a_moment"),
            models.CheckConstraint(condition=Q(answered_at=None) | Q(released_at=None), name="seat_of_whoever_answers_is_not_released"),
        ]
        indexes = [
            models.Index(fields=["answer_until"], condition=Q(answered_at=None, released_at=None), name="questions_without_an_answer")
        ]

    def __str__(self) -> str:
        return str(self.registration)


class QuietWindow(models.Model):
    """While it is open, changes of the programme are told to nobody: they are published together, one mail for each person."""

    event = models.ForeignKey(
        Event,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="quiet_windows",
        verbose_name=_("event"),
        help_text=_("Empty: the whole summit."),
    )
    opened_at = models.DateTimeField(_("opened at"), default=timezone.now, editable=False)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True, editable=False)
    people = models.PositiveIntegerField(_("people told"), default=0, editable=False)

    history = HistoricalRecords()
    _history_user: User | None

    class Meta:
        verbose_name = _("quiet window")
        verbose_name_plural = _("quiet windows")
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(Coalesce("event", 0), condition=Q(published_at=None), name="event_has_one_quiet_window_at_a_time"),
        ]

    def __str__(self) -> str:
        return str(self.event or _("the whole summit"))


class Change(models.Model):
    """A session that has moved since its people were last told; with where and when it stood for them."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="changes", verbose_name=_("session"))
    was_starts_at = models.DateTimeField(_("started at"))
    was_ends_at = models.DateTimeField(_("ended at"))
    was_room = models.ForeignKey(Room, models.PROTECT, related_name="+", verbose_name=_("was in"))
    first_at = models.DateTimeField(_("first changed at"))
    changed_at = models.DateTimeField(_("last changed at"))
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)
    people = models.PositiveIntegerField(_("people told"), default=0)

    class Meta:
        verbose_name = _("change of a session")
        verbose_name_plural = _("changes of sessions")
        ordering = ["-changed_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["session"], condition=Q(told_at=None), name="session_has_one_change_to_tell"),
        ]

    def __str__(self) -> str:
        return str(self.session)


class Announcement(models.Model):
    """What organisers write to many people at once, to each in their language."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("To be sent")
        QUEUED = "queued", _("Sent out")
        STOPPED = "stopped", _("Stopped")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subject = models.CharField(_("subject"), max_length=150, validators=[validate_plain_text])
    body = models.TextField(_("text"), max_length=10_000, validators=[validate_plain_lines])
    event = models.ForeignKey(Event, models.PROTECT, null=True, blank=True, related_name="announcements", verbose_name=_("event"))
    session = models.ForeignKey(Session, models.PROTECT, null=True, blank=True, related_name="announcements", verbose_name=_("session"))
    cohort = models.ForeignKey(Cohort, models.PROTECT, null=True, blank=True, related_name="announcements", verbose_name=_("cohort"))
    statuses = models.JSONField(_("whose registration is"), default=list, blank=True)
    must_reach = models.BooleanField(
        _("must reach everybody"),
        default=False,
        help_text=_("Only for what people must know in order to come: it goes to those too who want no announcements."),
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    send_at = models.DateTimeField(_("to be sent at"), null=True, blank=True, editable=False)
    queued_at = models.DateTimeField(_("queued at"), null=True, blank=True, editable=False)
    people = models.PositiveIntegerField(_("people"), default=0, editable=False)
    created_at = models.DateTimeField(_("written at"), auto_now_add=True)

    _history_user: User | None

    class Meta:
        verbose_name = _("announcement")
        verbose_name_plural = _("announcements")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=["scheduled", "queued"]) | Q(send_at__isnull=False), name="announcement_leaves_at_a_moment"
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class Topic(models.TextChoices):
    """Mails that people may do without."""

    REMINDERS = "reminders", _("Reminders")
    INVITATIONS = "invitations", _("Reminders of invitations")
    ANNOUNCEMENTS = "announcements", _("Announcements by organisers")
    DIGESTS = "digests", _("Weekly news for partners")


class OptOut(models.Model):
    """A person, or an address without an account, wants no mails about a topic."""

    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="opt_outs", verbose_name=_("account"))
    email = models.EmailField(_("e-mail address"), blank=True)
    topic = models.CharField(_("topic"), max_length=20, choices=Topic)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    history = HistoricalRecords()
    _history_user: User | None

    class Meta:
        verbose_name = _("mail that somebody does not want")
        verbose_name_plural = _("mails that people do not want")
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, email="") | (Q(user=None) & ~Q(email="")), name="unwanted_by_an_account_or_an_address"
            ),
            models.UniqueConstraint(fields=["user", "topic"], condition=Q(user__isnull=False), name="account_says_so_once"),
            models.UniqueConstraint(fields=["email", "topic"], condition=Q(user=None), name="address_says_so_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.email} – {self.get_topic_display()}"


# --- Calendars (docs/rules.md#calendars) ------------------------------------------------------------------------------------------


def new_token() -> str:
    """A secret that nobody guesses, for an address."""
    return secrets.token_urlsafe(32)


class CalendarFeed(models.Model):
    """The address at which a calendar program finds the seats of one person."""

    ALARMS = (
        (15, _("15 minutes before")),
        (60, _("1 hour before")),
        (120, _("2 hours before")),
        (24 * 60, _("1 day before")),
    )

    attendee = models.OneToOneField(Attendee, models.CASCADE, related_name="calendar_feed", verbose_name=_("attendee"))
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    alarm_minutes = models.PositiveSmallIntegerField(_("alarm"), null=True, blank=True, choices=ALARMS)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    history = HistoricalRecords(excluded_fields=["token"])
    _history_user: User | None

    class Meta:
        verbose_name = _("calendar address")
        verbose_name_plural = _("calendar addresses")

    def __str__(self) -> str:
        return str(self.attendee)
