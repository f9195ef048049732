import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import Attendee, User
from core import clock
from core.folding import Searchable, SearchField
from core.histories import HistoricalRecords
from programme.models import Session


class Allocation(Searchable):
    """Sessions that are given out together and fairly: people rank their wishes until a moment, then one run decides
    (docs/rules.md#allocation)."""

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    title = models.CharField(_("title"), max_length=150)
    sessions = models.ManyToManyField(Session, related_name="allocations", verbose_name=_("sessions"))
    opens_at = models.DateTimeField(_("wishes from"))
    closes_at = models.DateTimeField(_("wishes until"))
    wishes_at_most = models.PositiveSmallIntegerField(_("maximum number of wishes"), default=8)
    seats_at_most = models.PositiveSmallIntegerField(
        _("maximum number of seats"), default=3, help_text=_("Per person.")
    )
    holds_seats = models.BooleanField(
        _("holds the seats"),
        default=True,
        help_text=_("Until the seats are given out, only organisers can give any: people cannot take one themselves."),
    )

    search = SearchField("title_fr", "title_en", "slug")

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        ordering = ["closes_at", "slug"]
        constraints = [
            models.CheckConstraint(condition=Q(closes_at__gt=F("opens_at")), name="wishes_end_after_they_begin"),
            models.CheckConstraint(
                condition=Q(wishes_at_most__gt=0, seats_at_most__gt=0), name="allocation_gives_something"
            ),
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
    """One run of an allocation: what went in, the seed, what came out and why. Never changed, but for the moment it was
    put into force."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="runs", verbose_name=_("allocation"))
    algorithm = models.CharField(_("algorithm"), max_length=40)
    seed = models.CharField(_("seed"), max_length=64)
    inputs = models.JSONField(_("inputs"))
    inputs_hash = models.CharField(_("fingerprint of the inputs"), max_length=64)
    results = models.JSONField(_("results"))
    created_at = models.DateTimeField(_("run at"), default=clock.now, editable=False)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("run by"))
    committed_at = models.DateTimeField(_("applied at"), null=True, blank=True)

    history = HistoricalRecords(excluded_fields=["inputs", "results"])

    _history_user: User | None

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
