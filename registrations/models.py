import uuid
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from accounts.models import Attendee, User
from programme.models import Session
from venues.models import Sourced


class Institution(Sourced):
    """A school, ministry or company that takes part."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
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


class Cohort(Sourced):
    """A named group of people, usually of one institution, that shares seats."""

    institution = models.ForeignKey(Institution, models.PROTECT, related_name="cohorts", verbose_name=_("institution"))
    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=150)
    size = models.PositiveIntegerField(_("size"), help_text=_("People at most."))

    class Meta:
        verbose_name = _("cohort")
        verbose_name_plural = _("cohorts")
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=Q(size__gt=0), name="cohort_holds_someone")]

    def __str__(self) -> str:
        return self.name


class SeatPool(Sourced):
    """A counted set of seats of one session: the general pool, or an allotment kept for one cohort (docs/rules.md#seats).

    `taken` is moved only by domain/booking.py, by a conditional UPDATE: never assign it.
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


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def live(self) -> "RegistrationQuerySet":
        """Everything but what was cancelled or declined: at most one per person and session."""
        return self.exclude(status__in=Registration.ENDED)

    def confirmed(self) -> "RegistrationQuerySet":
        return self.filter(status=Registration.Status.CONFIRMED)

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

    ENDED = (Status.DECLINED, Status.CANCELLED)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session = models.ForeignKey(Session, models.PROTECT, related_name="registrations", verbose_name=_("session"))
    attendee = models.ForeignKey(Attendee, models.PROTECT, related_name="registrations", verbose_name=_("attendee"))
    status = models.CharField(_("status"), max_length=10, choices=Status)
    pool = models.ForeignKey(SeatPool, models.PROTECT, null=True, blank=True, related_name="registrations", verbose_name=_("seat pool"))
    created_at = models.DateTimeField(_("registered at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

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
        ]

    def __str__(self) -> str:
        return f"{self.attendee} – {self.session}"
