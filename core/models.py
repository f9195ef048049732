from django.db import models
from django.utils.translation import gettext_lazy as _

from core.histories import HistoricalRecords


class Sourced(models.Model):
    """Where a row was read, and which of its fields nobody vouches for yet: organisers check those before relying on
    them."""

    source = models.CharField(
        _("source"),
        max_length=500,
        blank=True,
        help_text=_("The page or text this row was taken from; “assumed” if it was made up."),
    )
    assumed_fields = models.CharField(
        _("assumed fields"),
        max_length=500,
        blank=True,
        help_text=_(
            "Fields the source does not give, separated by “|”. Check them before any real use, then remove them from "
            "here."
        ),
    )

    class Meta:
        abstract = True


class LegalHold(models.Model):
    """Somebody whose data must be kept for a while, whoever asks for its erasure: an account by its id, or an address
    by its hash (erasure_log.address_hash)."""

    account = models.BigIntegerField(_("number of the account"), null=True, blank=True)
    address_hash = models.CharField(_("hash of the address"), max_length=64, blank=True)
    reason = models.CharField(_("reason"), max_length=200, help_text=_("Shown in reports: it names nobody."))
    until = models.DateField(_("until"))

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        ordering = ["until", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(account__isnull=False) | ~models.Q(address_hash=""),
                name="legal_hold_is_about_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} – {self.until:%Y-%m-%d}"


class ErasureAct(models.Model):
    """An act of erasure that this database has seen: one that is in the file alone has to be done again
    (core/erasure_log.py)."""

    uuid = models.UUIDField(primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.uuid)


class LimitCounter(models.Model):
    """How many tries of one limit one window has seen (core/limits.py). It names nobody: `mark` is a hash of all that
    it counts, `key_hash` of the key alone, by which it is forgotten."""

    mark = models.CharField(max_length=64, primary_key=True)
    key_hash = models.CharField(max_length=64, db_index=True)
    number = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.number} – {self.ends_at:%Y-%m-%d %H:%M}"


class AuditLogEntry(models.Model):
    """An act that no history holds: what was exported, read, sent or run. It is written once; the database refuses to
    change it (core/append_only.py). It holds codes, numbers and names of fields, and nothing that names anybody."""

    at = models.DateTimeField(_("at"), db_index=True)
    act = models.CharField(_("act"), max_length=40)
    actor = models.BigIntegerField(_("number of the account"), null=True, blank=True, db_index=True)  # outlives it
    role = models.CharField(_("role"), max_length=20, blank=True)
    model = models.CharField(_("kind of object"), max_length=60, blank=True)
    key = models.CharField(_("number of the object"), max_length=40, blank=True)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    request = models.CharField(_("request"), max_length=36, blank=True)

    class Meta:
        verbose_name = _("audit log entry")
        verbose_name_plural = _("audit log")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["model", "key"], name="audit_log_by_object")]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.act}"


class AuditLogDay(models.Model):
    """A day (UTC) of the audit log that is over: how many entries it has, and a hash over them and over the day
    before."""

    day = models.DateField(primary_key=True)
    number = models.PositiveIntegerField()  # of entries
    head = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day} {self.head}"


class CspReport(models.Model):
    """Something that the content security policy blocked, as browsers report it, counted."""

    directive = models.CharField(_("directive"), max_length=20)
    blocked = models.CharField(_("blocked"), max_length=100)  # an origin, or the browser's word
    page = models.CharField(_("page"), max_length=200, blank=True)  # as the table of addresses calls it
    number = models.PositiveIntegerField(_("times"), default=1)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("blocked item")
        verbose_name_plural = _("blocked content")
        ordering = ["-last_seen_at", "-id"]
        default_permissions = ("view", "delete")
        constraints = [models.UniqueConstraint(fields=["directive", "blocked", "page"], name="csp_report_counted_once")]

    def __str__(self) -> str:
        return f"{self.directive} {self.blocked}"
