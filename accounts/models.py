from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from core import clock
from core.emails import EmailField, readable_email
from core.folding import Searchable, SearchField
from core.text import validate_line


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

    search = SearchField("email")
    USERNAME_FIELD = EMAIL_FIELD = "email"

    objects = UserManager()
    history = HistoricalRecords(excluded_fields=["password", "last_login", "search"])
    _history_user: "User | None"

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
        validators=[validate_line],
        help_text=_("Just as you write it; it is printed on your badge."),
    )
    organisation = models.CharField(_("organisation"), max_length=150, blank=True, validators=[validate_line])
    country = models.CharField(_("country"), max_length=2, blank=True, validators=[RegexValidator(r"\A[A-Z]{2}\Z")])
    access_needs = models.TextField(
        _("access needs"), max_length=1000, blank=True, help_text=_("Seen only by the team that welcomes you.")
    )

    search = SearchField("name", "organisation")
    history = HistoricalRecords(excluded_fields=["access_needs", "search"])

    class Meta:
        verbose_name = _("attendee")
        verbose_name_plural = _("attendees")
        ordering = ["search"]
        permissions = [("view_access_needs", _("see people’s access needs"))]

    def __str__(self) -> str:
        return self.name


class WebSession(AbstractBaseSession):
    """A browser that is signed in, or on the way: what it holds is signed, whose it is stands beside it."""

    # No constraint: whoever deletes an account in the database itself is not kept from it by a browser.
    account = models.ForeignKey(
        User, models.CASCADE, null=True, related_name="+", db_constraint=False, verbose_name=_("account")
    )
    address_hash = models.CharField(_("hash of the address that was typed"), max_length=64, blank=True, db_index=True)

    class Meta(AbstractBaseSession.Meta):
        verbose_name = _("web session")  # type: ignore[assignment]
        verbose_name_plural = _("web sessions")  # type: ignore[assignment]

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore
