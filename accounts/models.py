from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from core import clock
from core.emails import EmailField, readable_email
from core.folding import Searchable, SearchField
from core.histories import HistoricalRecords
from core.text import validate_line, validate_name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, **fields: Any) -> "User":
        """Create a person who signs in by code: there is no password."""
        user = self.model(email=email, **fields)
        user.set_unusable_password()
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, **fields: Any) -> "User":
        fields.pop("password", None)
        return self.create_user(email, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=username or "")


class User(Searchable, AbstractBaseUser, PermissionsMixin):
    """An account: the e-mail address is the login, the language and the zone are those of its mails."""

    class Language(models.TextChoices):
        FRENCH = "fr", _("French")
        ENGLISH = "en", _("English")

    email = EmailField(_("email address"), unique=True)
    language = models.CharField(_("language"), max_length=2, choices=Language, default=Language.FRENCH)
    timezone = models.CharField(_("time zone"), max_length=50, default="Europe/Paris")
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("Untick this instead of deleting the account: the person will no longer be able to sign in."),
    )
    is_staff = models.BooleanField(_("organiser"), default=False, help_text=_("Can open the administration."))
    date_joined = models.DateTimeField(_("joined at"), default=clock.now, editable=False)
    # Part of the keys of the links that were mailed to the person: a new version ends them.
    links_version = models.PositiveIntegerField(_("version of the links"), default=0, editable=False)

    search = SearchField("email")
    USERNAME_FIELD = EMAIL_FIELD = "email"

    objects = UserManager()
    history = HistoricalRecords(excluded_fields=["password", "last_login", "search", "links_version"])
    _history_user: "User | None"
    _change_reason: str

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="email_is_unique_whatever_its_case"),
            models.CheckConstraint(condition=models.Q(language__in=["fr", "en"]), name="user_reads_french_or_english"),
        ]

    def __str__(self) -> str:
        return readable_email(self.email)

    def get_short_name(self) -> str:
        return getattr(getattr(self, "attendee", None), "name", "") or str(self)


class Attendee(Searchable):
    """Someone who comes: the name as the person writes it, and what organisers must know to receive them well."""

    user = models.OneToOneField(User, models.CASCADE, related_name="attendee", verbose_name=_("account"))
    name = models.CharField(
        _("name"),
        max_length=150,
        validators=[validate_name],
        help_text=_("Just as you write it; it is printed on your badge."),
    )
    organisation = models.CharField(_("organisation"), max_length=150, blank=True, validators=[validate_line])
    country = models.CharField(_("country"), max_length=2, blank=True, validators=[RegexValidator(r"\A[A-Z]{2}\Z")])

    search = SearchField("name", "organisation")
    history = HistoricalRecords(excluded_fields=["search"])

    class Meta:
        verbose_name = _("attendee")
        verbose_name_plural = _("attendees")
        ordering = ["search"]
        permissions = [("view_access_needs", _("see people’s access needs"))]

    def __str__(self) -> str:
        return self.name


class WithAccounts(BaseSessionManager):
    """Whoever opens a web session wants to know whose it is: one statement (accounts/sessions.py)."""

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("account__attendee")


class WebSession(AbstractBaseSession):
    """A browser that is signed in, or on the way: what it holds is signed, whose it is stands beside it."""

    # No constraint: whoever deletes an account in the database itself is not kept from it by a browser.
    account = models.ForeignKey(
        User, models.CASCADE, null=True, related_name="+", db_constraint=False, verbose_name=_("account")
    )
    address_hash = models.CharField(_("hash of the address that was typed"), max_length=64, blank=True, db_index=True)

    objects = WithAccounts()  # type: ignore[misc]

    class Meta(AbstractBaseSession.Meta):
        verbose_name = _("web session")  # type: ignore[assignment]
        verbose_name_plural = _("web sessions")  # type: ignore[assignment]

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore


class SignInEvent(models.Model):
    """One event of the sign-in log: that somebody came in, could not, or changed what it takes. The person reads
    theirs, owners read all."""

    class Kind(models.TextChoices):
        SIGNED_IN = "signed_in", _("signed in")
        WRONG_CODE = "wrong_code", _("wrong code from an email")
        WRONG_FACTOR = "wrong_factor", _("wrong second step")
        SIGNED_OUT_ELSEWHERE = "signed_out_elsewhere", _("signed out of all other browsers")
        FACTOR_ADDED = "factor_added", _("second step added")
        FACTOR_REMOVED = "factor_removed", _("second step removed")
        RECOVERY_CODES = "recovery_codes", _("new recovery codes")
        FACTOR_RESET = "factor_reset", _("second step reset")

    # No constraint: a rush of people who sign in locks no account for it.
    account = models.ForeignKey(
        User, models.CASCADE, related_name="sign_ins", db_constraint=False, verbose_name=_("account")
    )
    kind = models.CharField(_("what happened"), max_length=20, choices=Kind.choices)
    means = models.CharField(_("by what means"), max_length=60, blank=True)
    network = models.CharField(_("network"), max_length=50, blank=True)
    browser = models.CharField(_("browser"), max_length=60, blank=True)
    happened_at = models.DateTimeField(_("happened at"), db_index=True)
    actor = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", db_constraint=False, verbose_name=_("by whom")
    )

    class Meta:
        verbose_name = _("sign-in event")
        verbose_name_plural = _("sign-in events")
        ordering = ["-happened_at", "-id"]
        indexes = [models.Index(fields=["account", "-happened_at"], name="sign_ins_of_an_account")]

    def __str__(self) -> str:
        return f"{self.account_id} – {self.get_kind_display()} – {self.happened_at:%Y-%m-%d %H:%M}"


class MailedCode(models.Model):
    """A code that was mailed to an address, or would have been if it had an account (accounts/domain/codes.py). It
    names nobody: the address is a hash, and the code is made of the site's key and `nonce`."""

    address_hash = models.CharField(max_length=64)
    asked_by = models.CharField(max_length=100, blank=True)  # who shares it; empty: whoever asks
    nonce = models.CharField(max_length=32)
    digits = models.PositiveSmallIntegerField()
    issued_at = models.DateTimeField()
    mailed_at = models.DateTimeField()
    mails = models.PositiveSmallIntegerField(default=1)
    is_current = models.BooleanField(default=True)  # whoever asks now gets this one
    used_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(db_index=True)  # nobody can type it any more

    class Meta:
        indexes = [models.Index(fields=["address_hash", "asked_by"], name="codes_of_an_address")]
        constraints = [
            models.UniqueConstraint(
                fields=["address_hash", "asked_by"],
                condition=models.Q(is_current=True),
                name="address_has_one_current_code",
            )
        ]

    def __str__(self) -> str:
        return f"{self.issued_at:%Y-%m-%d %H:%M}"


class AccessNeedsConsent(models.Model):
    """That somebody agreed to have their access needs kept (GDPR, article 9): when, in which words, and until when. The
    record stays when what it allowed is gone."""

    attendee = models.ForeignKey(
        Attendee, models.CASCADE, related_name="needs_consents", verbose_name=_("attendee"), editable=False
    )
    words = models.TextField(_("what they agreed to"))
    given_at = models.DateTimeField(_("given at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent to keep access needs")
        verbose_name_plural = _("consents to keep access needs")
        ordering = ["-given_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["attendee"], condition=models.Q(withdrawn_at=None), name="person_has_one_consent_in_force"
            )
        ]

    def __str__(self) -> str:
        return f"{self.attendee_id} – {self.given_at:%Y-%m-%d}"


class AccessNeeds(models.Model):
    """What somebody needs in order to come, encrypted. Written and read by domain/access_needs.py alone, which never
    gives it to anybody without a row."""

    attendee = models.OneToOneField(
        Attendee, models.CASCADE, related_name="needs", primary_key=True, verbose_name=_("attendee")
    )
    # None: told before consent was asked for.
    consent = models.OneToOneField(
        AccessNeedsConsent, models.SET_NULL, null=True, related_name="needs", verbose_name=_("consent")
    )
    token = models.TextField(_("access needs"))
    written_at = models.DateTimeField(_("written at"))
    kept_until = models.DateField(_("kept until"), db_index=True)

    class Meta:
        verbose_name = _("access needs")
        verbose_name_plural = _("access needs")

    def __str__(self) -> str:
        return str(self.attendee_id)


class AccessNeedsReading(models.Model):
    """That somebody who welcomes people has read what one of them needs. (A journal of all readings will take over.)"""

    attendee = models.ForeignKey(
        Attendee, models.CASCADE, related_name="needs_readings", verbose_name=_("attendee"), editable=False
    )
    reader = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("read by"), editable=False
    )
    read_at = models.DateTimeField(_("read at"))

    class Meta:
        verbose_name = _("reading of access needs")
        verbose_name_plural = _("readings of access needs")
        ordering = ["-read_at", "-id"]

    def __str__(self) -> str:
        return f"{self.attendee_id} – {self.read_at:%Y-%m-%d}"
