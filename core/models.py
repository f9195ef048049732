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
