import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class MessageQuerySet(models.QuerySet["Message"]):
    def due(self, at: datetime) -> "MessageQuerySet":
        """Messages that a worker may take at `at`: queued and due, or taken by a worker whose lease has run out."""
        return self.filter(
            Q(status=Message.Status.QUEUED, not_before__lte=at) | Q(status=Message.Status.SENDING, lease_until__lt=at)
        ).order_by("lane", "not_before", "id")


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
        _("key"), max_length=200, unique=True, help_text=_("One mail for one change: a second post of the same key does nothing.")
    )
    to = models.EmailField(_("to"))
    language = models.CharField(_("language"), max_length=2, default="fr")
    lane = models.PositiveSmallIntegerField(_("lane"), choices=Lane, default=Lane.NORMAL)
    context = models.JSONField(_("context"), default=dict, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    not_before = models.DateTimeField(_("not before"))
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    subject = models.CharField(_("subject"), max_length=998, blank=True)
    text = models.TextField(_("text"), blank=True)
    html = models.TextField(_("HTML"), blank=True)
    calendar = models.TextField(_("calendar"), blank=True)
    last_error = models.TextField(_("reason"), blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["lane", "not_before"], condition=Q(status__in=["queued", "sending"]), name="message_due")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="sending") | Q(lease_until__isnull=False, lease_token__isnull=False),
                name="message_being_sent_has_a_lease",
            ),
            models.CheckConstraint(condition=~Q(status="sent") | Q(sent_at__isnull=False), name="message_sent_has_its_time"),
            models.CheckConstraint(
                condition=~Q(status__in=["failed", "dropped"]) | ~Q(last_error=""), name="message_given_up_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.to}"

    @property
    def message_id(self) -> str:
        """The Message-ID header: the same at each try, so that mailboxes fold a duplicate."""
        return f"<{self.uuid}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2].rstrip('>')}>"


class Heartbeat(models.Model):
    """The last sign of life of the clock: the sweep writes it, /readyz reads it."""

    name = models.CharField(max_length=30, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.seen_at:%Y-%m-%d %H:%M:%S}"

    def is_alive(self, at: datetime) -> bool:
        return at - self.seen_at < timedelta(seconds=60)
