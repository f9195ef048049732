import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.emails import EmailField
from core.folding import Searchable, SearchField
from core.histories import HistoricalRecords


class MessageQuerySet(models.QuerySet["Message"]):
    def waiting(self) -> "MessageQuerySet":
        """Messages that are still to be sent, now or later."""
        return self.filter(status__in=[Message.Status.QUEUED, Message.Status.SENDING])

    def due(self, at: datetime) -> "MessageQuerySet":
        """Messages whose time has come at `at`: queued and due, or taken by a worker whose lease has run out."""
        return self.filter(
            Q(status=Message.Status.QUEUED, not_before__lte=at) | Q(status=Message.Status.SENDING, lease_until__lt=at)
        ).order_by("lane", "not_before", "id")

    def deliverable(self, at: datetime) -> "MessageQuerySet":
        """Due messages that a worker may take at `at`: no mail is held, and their lane is neither paused nor
        resting."""
        closed = LaneState.objects.filter(Q(paused_at__isnull=False) | Q(rests_until__gt=at))
        return (
            self.due(at).exclude(Exists(Hold.objects.filter(released_at=None))).exclude(lane__in=closed.values("lane"))
        )


class Message(models.Model):
    """A mail as a row, written in the transaction of the change it tells (docs/rules.md#mail).

    The texts stay empty until a worker renders the mail, just before it sends it: what was sent is then kept here.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        DROPPED = "dropped", _("Dropped")

    class Lane(models.IntegerChoices):
        URGENT = 0, _("Urgent")
        NORMAL = 1, _("Normal")
        BULK = 2, _("Bulk")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=60)
    dedupe_key = models.CharField(
        _("key"),
        max_length=200,
        unique=True,
        help_text=_("One email per change: posting the same key twice does nothing."),
    )
    to = EmailField(_("recipient"))
    language = models.CharField(_("language"), max_length=2, default="fr")
    lane = models.PositiveSmallIntegerField(_("lane"), choices=Lane, default=Lane.NORMAL)
    context = models.JSONField(_("context"), default=dict, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    not_before = models.DateTimeField(_("not before"))
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    tries = models.PositiveSmallIntegerField(_("attempts"), default=0)
    failing_since = models.DateTimeField(
        _("failing since"), null=True, blank=True, help_text=_("When the current run of failed attempts began.")
    )
    takeovers = models.PositiveSmallIntegerField(
        _("workers that died while sending it"),
        default=0,
        help_text=_("After each one, the email is sent again, so it may arrive twice."),
    )
    subject = models.CharField(_("subject"), max_length=998, blank=True)
    text = models.TextField(_("text"), blank=True)
    html = models.TextField(_("HTML"), blank=True)
    calendar = models.TextField(_("calendar"), blank=True)
    last_error = models.TextField(_("reason"), blank=True)
    created_at = models.DateTimeField(_("created at"), default=clock.now, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    purged_at = models.DateTimeField(_("text deleted at"), null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    templates: Any  # those of the look at the queue that found it (mail_templates.known)

    class Meta:
        verbose_name = _("email")
        verbose_name_plural = _("emails")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["lane", "not_before", "id"],
                condition=Q(status__in=["queued", "sending"]),
                name="message_due_in_order",
            ),
            models.Index(fields=["to"], name="message_to"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="sending") | Q(lease_until__isnull=False, lease_token__isnull=False),
                name="message_being_sent_has_a_lease",
            ),
            models.CheckConstraint(
                condition=~Q(status="sent") | Q(sent_at__isnull=False), name="message_sent_has_its_time"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["failed", "dropped"]) | ~Q(last_error=""), name="message_given_up_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.to}"

    @property
    def reason(self) -> str:
        """Why it was not sent, if it was not: what Summit says in the language of the reader, what a server says as it
        said it."""
        first, *words = self.last_error.split("\n", 1)
        return "\n".join([gettext(first) if first else "", *words])

    @property
    def message_id(self) -> str:
        """The Message-ID header: the same at each try, so that mailboxes fold a duplicate."""
        return f"<{self.uuid}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2].rstrip('>')}>"


class LaneState(models.Model):
    """A lane that organisers have paused, or that rests because the mail server asked for it or cannot be reached."""

    lane = models.PositiveSmallIntegerField(_("lane"), primary_key=True, choices=Message.Lane)
    paused_at = models.DateTimeField(_("paused since"), null=True, blank=True)
    rests_until = models.DateTimeField(_("resting until"), null=True, blank=True)
    failures = models.PositiveSmallIntegerField(_("failures in a row"), default=0)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    words = models.TextField(_("the server’s reply"), blank=True)
    server_is_away = models.BooleanField(_("the mail server cannot be used"), default=False)

    # Organisers alone leave a waiting list: what the mail server does to a lane is in the log.
    history = HistoricalRecords(excluded_fields=["rests_until", "failures", "failing_since", "words", "server_is_away"])

    _history_user: Any  # an account: the outbox knows nobody above it

    class Meta:
        verbose_name = _("lane")
        verbose_name_plural = _("lanes")
        ordering = ["lane"]

    def __str__(self) -> str:
        return str(self.get_lane_display())

    def is_resting(self, at: datetime) -> bool:
        return self.rests_until is not None and self.rests_until > at


class Hold(models.Model):
    """A time during which no mail goes out at all: after a restore, until an operator has said what becomes of the old
    ones."""

    class Reason(models.TextChoices):
        RESTORED = "restored", _("this database was restored from a backup")
        DECLARED = "declared", _("an operator asked for it")

    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    started_at = models.DateTimeField(_("since"))
    released_at = models.DateTimeField(_("hold released at"), null=True, blank=True)
    dropped = models.PositiveIntegerField(_("emails dropped"), default=0)

    history = HistoricalRecords()

    _history_user: Any  # an account: the outbox knows nobody above it

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["reason"], condition=Q(released_at=None), name="mails_are_held_once_for_one_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ({self.started_at:%Y-%m-%d %H:%M})"


class Home(models.Model):
    """The database in which the outbox has lived until now; a copy of it, restored elsewhere, finds itself not at
    home."""

    fingerprint = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.fingerprint


class SuppressedAddress(Searchable):
    """An address that the mail provider reports as dead, or whose owner calls our mails unwanted. Cleared by an
    organiser, it is good again."""

    class Reason(models.TextChoices):
        BOUNCED = "bounced", _("emails bounce")
        COMPLAINED = "complained", _("its owner reported our emails as spam")

    address = EmailField(_("email address"), unique=True)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    words = models.TextField(_("the server’s reply"), blank=True)
    reported_at = models.DateTimeField(_("reported at"))
    cleared_at = models.DateTimeField(_("cleared at"), null=True, blank=True)

    search = SearchField("address", "words")
    history = HistoricalRecords(excluded_fields=["search"])

    _history_user: Any  # an account: the outbox knows nobody above it

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppression list")
        ordering = ["-reported_at"]
        constraints = [
            models.CheckConstraint(condition=Q(address=Lower("address")), name="suppressed_address_is_in_lower_case"),
        ]

    def __str__(self) -> str:
        return self.address


class MailTemplate(models.Model):
    """What organisers wrote instead of the standard text of a kind of mail, in one language. Checked when saved
    (docs/rules.md#mail-templates)."""

    kind = models.CharField(_("kind"), max_length=80)
    language = models.CharField(_("language"), max_length=2)
    subject = models.CharField(_("subject"), max_length=200)
    opening = models.TextField(_("opening"), max_length=2000)
    closing = models.TextField(_("closing"), max_length=2000, blank=True)

    history = HistoricalRecords()

    _history_user: Any  # an account: the outbox knows nobody above it

    class Meta:
        verbose_name = _("email template")
        verbose_name_plural = _("email templates")
        ordering = ["kind", "language"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "language"], name="mail_kind_has_one_template_in_a_language")
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.language})"


class Heartbeat(models.Model):
    """The last sign of life of the clock: the sweep writes it, /readyz reads it."""

    name = models.CharField(max_length=30, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.seen_at:%Y-%m-%d %H:%M:%S}"

    def is_alive(self, at: datetime) -> bool:
        return at - self.seen_at < timedelta(seconds=60)
