from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import clock
from core.histories import HistoricalRecords
from core.text import validate_lines


class PrivacyRequest(models.Model):
    """Somebody objects to what is done with their data as a whole (GDPR, article 21). The organisers answer by mail,
    within a month (article 12)."""

    ANSWERED_WITHIN = timedelta(days=30)

    user = models.ForeignKey(User, models.CASCADE, related_name="privacy_requests", verbose_name=_("account"))
    text = models.TextField(_("what they wrote"), max_length=2000, validators=[validate_lines])
    created_at = models.DateTimeField(_("received at"), default=clock.now, editable=False)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    history = HistoricalRecords(excluded_fields=["text"])
    _history_user: User | None

    class Meta:
        verbose_name = _("objection to the use of data")
        verbose_name_plural = _("objections to the use of data")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.user} – {self.created_at:%Y-%m-%d}"

    @property
    def answer_by(self) -> datetime:
        """The day by which the law wants an answer."""
        return self.created_at + self.ANSWERED_WITHIN
