import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from accounts.models import User, validate_plain_text
from registrations.models import Cohort, Institution


class Upload(models.Model):
    """A list of a cohort's people that was handed in and put into force: by whom, what file, and what came of it."""

    class Mode(models.TextChoices):
        ADD = "add", _("Add to the list")
        REPLACE = "replace", _("Replace the list")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="uploads", verbose_name=_("institution"))
    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="uploads", verbose_name=_("cohort"))
    uploaded_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("uploaded by"))
    file_name = models.CharField(_("file"), max_length=255)
    file_hash = models.CharField(_("SHA-256 of the file"), max_length=64)
    mode = models.CharField(_("mode"), max_length=10, choices=Mode, default=Mode.ADD)
    counts = models.JSONField(_("what came of it"), default=dict)
    applied_at = models.DateTimeField(_("applied at"))

    class Meta:
        verbose_name = _("uploaded list")
        verbose_name_plural = _("uploaded lists")
        ordering = ["-applied_at", "-id"]

    def __str__(self) -> str:
        return f"{self.cohort}, {self.file_name}"


class Invitee(models.Model):
    """Somebody on the list of a cohort, as their institution wrote them down. Written by domain/applying.py.

    An institution names a person once, whatever the number of its cohorts: by address, then by its own number.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="invitees", verbose_name=_("institution"))
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="invitees", verbose_name=_("cohort"))
    upload = models.ForeignKey(Upload, models.SET_NULL, null=True, blank=True, related_name="invitees", verbose_name=_("uploaded list"))
    last_name = models.CharField(_("family name"), max_length=75, blank=True, validators=[validate_plain_text])
    first_name = models.CharField(_("first name"), max_length=74, blank=True, validators=[validate_plain_text])
    email = models.EmailField(_("e-mail address"))
    reference = models.CharField(_("number"), max_length=60, blank=True, validators=[validate_plain_text])
    programme = models.CharField(_("programme"), max_length=150, blank=True, validators=[validate_plain_text])
    created_at = models.DateTimeField(_("listed since"), auto_now_add=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("person on a list")
        verbose_name_plural = _("people on lists")
        ordering = ["cohort_id", "last_name", "first_name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["institution", "email"], name="institution_names_an_address_once"),
            models.UniqueConstraint(fields=["institution", "reference"], condition=~Q(reference=""), name="institution_uses_a_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()
