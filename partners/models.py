import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import Attendee, User
from core import clock, keys
from core.emails import EmailField
from core.folding import Searchable, SearchField
from core.histories import HistoricalRecords
from core.text import validate_line, validate_name
from registrations.models import Cohort, Institution


class Upload(Searchable):
    """A list of a cohort's people that was handed in: by whom, what file, how far it is, and what came of it.

    Written by domain/reviewing.py until it is confirmed, by domain/applying.py when it is put into force.
    """

    class Mode(models.TextChoices):
        ADD = "add", _("Add to the list")
        REPLACE = "replace", _("Replace the list")

    class Status(models.TextChoices):
        RECEIVED = "received", _("Being read")
        REFUSED = "refused", _("Can’t be read")
        REVIEW = "review", _("To be checked")
        CONFIRMED = "confirmed", _("Being applied")
        APPLIED = "applied", _("Applied")
        UNDONE = "undone", _("Undone")

    UNFINISHED = (Status.RECEIVED, Status.REFUSED, Status.REVIEW, Status.CONFIRMED)
    UNDOABLE = timedelta(hours=24)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="uploads", verbose_name=_("institution"))
    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="uploads", verbose_name=_("cohort"))
    uploaded_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("uploaded by")
    )
    shared_by = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("sharing confirmed by"),
        help_text=_("Who confirmed that the institution may share these people’s data, and has told them."),
    )
    shared_at = models.DateTimeField(_("sharing confirmed at"), null=True, blank=True)
    file_name = models.CharField(_("file"), max_length=255, blank=True)
    file_hash = models.CharField(_("SHA-256 of the file"), max_length=64)
    mode = models.CharField(_("mode"), max_length=10, choices=Mode, default=Mode.ADD)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.RECEIVED)
    chosen = models.JSONField(_("chosen by hand"), default=dict, blank=True)
    read_as = models.JSONField(_("read as"), default=dict, blank=True)
    findings = models.JSONField(_("about the list"), default=list, blank=True)
    refused = models.JSONField(_("why it was refused"), null=True, blank=True)
    counts = models.JSONField(_("result"), default=dict)
    removed = models.JSONField(_("who would be removed"), default=list, blank=True)
    busy_until = models.DateTimeField(_("held by a worker until"), null=True, blank=True, editable=False)
    percent = models.PositiveSmallIntegerField(_("percentage done"), default=0, editable=False)
    created_at = models.DateTimeField(_("uploaded at"), default=clock.now, editable=False)
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)

    search = SearchField("file_name", "file_hash")

    class Meta:
        verbose_name = _("uploaded list")
        verbose_name_plural = _("uploaded lists")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["applied", "undone"], applied_at__isnull=False)
                | (~Q(status__in=["applied", "undone"]) & Q(applied_at=None)),
                name="list_in_force_says_since_when",
            ),
            models.UniqueConstraint(
                fields=["institution"],
                condition=Q(busy_until__isnull=False),
                name="institution_has_one_list_at_a_worker",
            ),
        ]
        indexes = [
            models.Index(
                fields=["busy_until"], condition=Q(status__in=["received", "confirmed"]), name="uploads_to_be_worked_on"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cohort}, {self.shown_name}"

    @property
    def shown_name(self) -> str:
        """The name of the file; rows that were pasted have none."""
        return self.file_name or gettext("pasted rows")

    @property
    def is_open(self) -> bool:
        return self.status in self.UNFINISHED

    @property
    def is_replacing(self) -> bool:
        return self.mode == self.Mode.REPLACE

    @property
    def undoable_until(self) -> datetime | None:
        return self.applied_at + self.UNDOABLE if self.applied_at else None


class UploadFile(models.Model):
    """The bytes of an upload, as long as they are needed: they go with its rows when it is put into force or
    dropped."""

    upload = models.OneToOneField(Upload, models.CASCADE, related_name="file", primary_key=True)
    data = models.BinaryField()

    class Meta:
        verbose_name = _("file of an uploaded list")
        verbose_name_plural = _("files of uploaded lists")

    def __str__(self) -> str:
        return str(self.upload_id)


class UploadRow(models.Model):
    """A row of an upload that is being checked: its cells, as they were corrected since, and what was found about
    it."""

    class Verdict(models.TextChoices):
        NEW = "new", _("New")
        CHANGED = "changed", _("Changed")
        SAME = "same", _("Unchanged")
        TO_FIX = "to_fix", _("To fix")
        TWICE = "twice", _("Duplicate")
        ELSEWHERE = "elsewhere", _("On another list")
        SKIPPED = "skipped", _("Skipped")
        NOBODY = "nobody", _("Not a person")

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField(_("line"))
    cells = models.JSONField(_("cells"))
    fixes = models.JSONField(_("typed instead"), default=dict)
    offered = models.JSONField(_("typed before for the same row"), default=dict)
    same_as = models.PositiveBigIntegerField(_("refers to somebody on the list"), null=True)
    is_skipped = models.BooleanField(_("skipped"), default=False)
    is_title = models.BooleanField(_("is above the header"), default=False)
    verdict = models.CharField(_("what it is"), max_length=10, choices=Verdict, blank=True)
    person = models.JSONField(_("as it would be kept"), default=dict)
    findings = models.JSONField(_("what was found"), default=list)
    was = models.JSONField(_("what the list says now"), default=dict)
    is_doubtful = models.BooleanField(_("usable, but needs checking"), default=False, db_default=False)

    class Meta:
        verbose_name = _("row of an uploaded list")
        verbose_name_plural = _("rows of uploaded lists")
        ordering = ["upload_id", "line"]
        constraints = [models.UniqueConstraint(fields=["upload", "line"], name="line_stands_once_in_a_list")]

    def __str__(self) -> str:
        return f"{self.upload_id}, {self.line}"


class Correction(models.Model):
    """What somebody typed instead of cells of a row, so that it is offered again when the same row comes again. It goes
    with the person whom the row became."""

    institution = models.ForeignKey(
        Institution, models.CASCADE, related_name="corrections", verbose_name=_("institution")
    )
    row_hash = models.CharField(_("hash of the row as it was uploaded"), max_length=64)
    email = EmailField(_("email address"), db_index=True)
    fixes = models.JSONField(_("typed instead"))

    class Meta:
        verbose_name = _("correction of a row")
        verbose_name_plural = _("corrections of rows")
        constraints = [
            models.UniqueConstraint(fields=["institution", "row_hash"], name="row_is_corrected_in_one_way"),
        ]

    def __str__(self) -> str:
        return f"{self.institution} – {self.row_hash[:8]}"


class ColumnName(models.Model):
    """What an institution calls a column, as somebody there said once: the next list is read alike."""

    institution = models.ForeignKey(
        Institution, models.CASCADE, related_name="column_names", verbose_name=_("institution")
    )
    name = models.CharField(_("header"), max_length=100)
    field = models.CharField(_("means"), max_length=30, blank=True)  # nothing: none of our fields

    class Meta:
        verbose_name = _("name of a column")
        verbose_name_plural = _("names of columns")
        constraints = [
            models.UniqueConstraint(fields=["institution", "name"], name="institution_means_one_thing_by_a_header")
        ]

    def __str__(self) -> str:
        return f"{self.name} → {self.field}"


class Invitee(Searchable):
    """Somebody on the list of a cohort, as their institution wrote them down. Written by domain/applying.py and
    domain/answering.py.

    An institution names a person once, whatever the number of its cohorts: by address, then by its own number.
    `attendee` is who they became when they accepted. `key` is the secret of their personal link, which their
    institution never sees; a new `key_version` ends it.
    """

    PURPOSE = "partners.invitation"

    LINK_FIELDS = ("key_version", "old_key_hash")

    class Status(models.TextChoices):
        INVITED = "invited", pgettext_lazy("people", "Invited")
        ACCEPTED = "accepted", pgettext_lazy("people", "Accepted")
        DECLINED = "declined", pgettext_lazy("people", "Declined")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="invitees", verbose_name=_("institution"))
    cohort = models.ForeignKey(Cohort, models.PROTECT, related_name="invitees", verbose_name=_("cohort"))
    upload = models.ForeignKey(
        Upload, models.SET_NULL, null=True, blank=True, related_name="invitees", verbose_name=_("uploaded list")
    )
    last_name = models.CharField(_("family name"), max_length=75, blank=True, validators=[validate_name])
    first_name = models.CharField(_("first name"), max_length=74, blank=True, validators=[validate_name])
    email = EmailField(_("email address"), db_index=True)
    reference = models.CharField(_("number"), max_length=60, blank=True, validators=[validate_line])
    programme = models.CharField(_("course"), max_length=150, blank=True, validators=[validate_line])
    created_at = models.DateTimeField(_("on the list since"), default=clock.now, editable=False)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.INVITED)
    attendee = models.ForeignKey(
        Attendee,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="invitees",
        verbose_name=_("attendee"),
        editable=False,
    )
    key_version = models.PositiveIntegerField(_("version of the personal link"), default=1, editable=False)
    # Of a link that was mailed before keys were derived.
    old_key_hash = models.CharField(max_length=64, blank=True, db_index=True, editable=False)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    reminded_at = models.DateTimeField(_("last reminded at"), null=True, blank=True)
    # The person has written their name anew: no list changes it any more.
    corrected_at = models.DateTimeField(_("corrected by the person at"), null=True, blank=True, editable=False)

    search = SearchField("last_name", "first_name", "email", "reference", "programme")
    history = HistoricalRecords(excluded_fields=["search", "old_key_hash"])
    _history_user: User | None

    _change_reason: str

    class Meta:
        verbose_name = _("person on a list")
        verbose_name_plural = _("people on lists")
        ordering = ["cohort_id", "search", "id"]
        constraints = [
            models.UniqueConstraint(fields=["institution", "email"], name="institution_names_an_address_once"),
            models.UniqueConstraint(
                fields=["institution", "reference"], condition=~Q(reference=""), name="institution_uses_a_number_once"
            ),
            models.CheckConstraint(
                condition=Q(status="invited", answered_at=None) | (~Q(status="invited") & Q(answered_at__isnull=False)),
                name="who_answered_did_so_at_a_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def key(self) -> str:
        return keys.key(self.PURPOSE, self.uuid, self.key_version)

    def end_links(self) -> None:
        """Let the links that were mailed open nothing any more; the caller saves LINK_FIELDS."""
        self.key_version, self.old_key_hash = self.key_version + 1, ""


class Objection(models.Model):
    """Somebody whom a list of this institution does not invite again: they have declined and were taken off, or, for
    good, had themselves erased (GDPR, article 21). Of the address only a salted hash is kept."""

    institution = models.ForeignKey(
        Institution, models.CASCADE, related_name="objections", verbose_name=_("institution")
    )
    cohort = models.ForeignKey(Cohort, models.CASCADE, related_name="objections", verbose_name=_("cohort"))
    address_hash = models.CharField(_("hash of the address"), max_length=64)
    key_hash = models.CharField(_("hash of the personal link"), max_length=64, blank=True)
    is_final = models.BooleanField(
        _("permanent"), default=True, help_text=_("This person can’t be invited again, even by hand.")
    )
    created_at = models.DateTimeField(_("since"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("objection")
        verbose_name_plural = _("objections")
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "address_hash"], name="person_objects_once_to_an_institution"
            )
        ]

    def __str__(self) -> str:
        return f"{self.institution} – {self.address_hash[:8]}"


class SignIn(Searchable):
    """How the people of an institution sign in through its own identity provider, set up by an administrator."""

    class Protocol(models.TextChoices):
        OIDC = "openid_connect", "OpenID Connect"
        PROCONNECT = "proconnect", "ProConnect"
        SAML = "saml", "SAML"

    OPENID = (Protocol.OIDC, Protocol.PROCONNECT)

    institution = models.OneToOneField(
        Institution, models.CASCADE, related_name="sign_in", verbose_name=_("institution")
    )
    protocol = models.CharField(_("protocol"), max_length=20, choices=Protocol, default=Protocol.OIDC)
    domains = models.TextField(
        _("email domains"),
        max_length=1000,
        help_text=_("One per line. The provider vouches for addresses in these domains and no others."),
    )
    is_active = models.BooleanField(_("active"), default=False, help_text=_("Shown on the sign-in page."))
    server_url = models.CharField(
        _("provider’s address"),
        max_length=200,
        blank=True,
        validators=[URLValidator(["https", "http"])],
        help_text=_("OpenID Connect: its issuer, over https."),
    )
    client_id = models.CharField(_("client ID"), max_length=200, blank=True)
    secret = models.CharField(_("client secret"), max_length=500, blank=True)
    entity_id = models.CharField(
        _("provider’s entity ID"), max_length=500, blank=True, help_text=_("SAML: from its metadata.")
    )
    sso_url = models.CharField(
        _("sign-on address"),
        max_length=200,
        blank=True,
        validators=[URLValidator(["https", "http"])],
        help_text=_("SAML: with the HTTP-Redirect binding, over https."),
    )
    certificate = models.TextField(
        _("signing certificate"), max_length=10_000, blank=True, help_text=_("SAML: X.509, in PEM form.")
    )

    search = SearchField("domains")
    history = HistoricalRecords(excluded_fields=["secret", "search"])
    _history_user: User | None

    class Meta:
        verbose_name = _("sign-in through an institution")
        verbose_name_plural = _("sign-ins through institutions")
        ordering = ["institution__search"]

    def __str__(self) -> str:
        return str(self.institution)

    def clean(self) -> None:
        oidc, saml = ("server_url", "client_id", "secret"), ("entity_id", "sso_url", "certificate")
        needed = oidc if self.protocol in self.OPENID else saml
        errors: dict[str, Any] = {name: _("Required for this protocol.") for name in needed if not getattr(self, name)}
        for name in ("server_url", "sso_url"):
            address = getattr(self, name)
            if address and not (
                address.startswith("https://") or (settings.DEMO_MODE and address.startswith("http://localhost"))
            ):
                errors[name] = _("The address must start with https://.")
        if self.protocol == self.Protocol.SAML and not settings.SAML:
            errors["protocol"] = _("SAML is not installed here: see docs/operations.md.")
        if errors:
            raise ValidationError(errors)


class ProviderDocuments(models.Model):
    """What a provider says of itself (OpenID Connect Discovery, JSON Web Key Set), as the worker has last fetched it.
    Written by domain/provider_documents.py."""

    sign_in = models.OneToOneField(SignIn, models.CASCADE, related_name="documents", primary_key=True)
    address = models.CharField(_("fetched from"), max_length=300, blank=True)
    configuration = models.JSONField(_("configuration"), default=dict)
    keys = models.JSONField(_("keys"), default=dict)
    fetched_at = models.DateTimeField(_("fetched at"), null=True)
    due_at = models.DateTimeField(_("to be fetched at"), default=clock.now, db_index=True)
    failed = models.PositiveSmallIntegerField(_("failed in a row"), default=0)
    problem = models.CharField(_("problem"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("documents of a provider")
        verbose_name_plural = _("documents of providers")

    def __str__(self) -> str:
        return self.address


class SignInFailure(models.Model):
    """That people could not sign in through their institution, and why: one row for each cause, which counts, so that
    nobody makes them many. It names nobody. Written by domain/sign_in_failures.py."""

    sign_in = models.ForeignKey(SignIn, models.CASCADE, related_name="failures")
    cause = models.CharField(_("cause"), max_length=20)
    detail = models.CharField(_("detail"), max_length=60, blank=True)
    number = models.PositiveIntegerField(_("how often"), default=1)
    first_at = models.DateTimeField(_("first at"), default=clock.now)
    last_at = models.DateTimeField(_("last at"), default=clock.now)

    class Meta:
        verbose_name = _("failed sign-in through an institution")
        verbose_name_plural = _("failed sign-ins through institutions")
        ordering = ["-last_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["sign_in", "cause"], name="sign_in_counts_a_cause_once")]

    def __str__(self) -> str:
        return f"{self.sign_in_id}, {self.cause}"


class PartnerRole(models.Model):
    """What somebody may do for an institution, and that they hear of its people every week."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        COORDINATOR = "coordinator", _("Coordinator")
        VIEWER = "viewer", _("Viewer")

    institution = models.ForeignKey(Institution, models.CASCADE, related_name="roles", verbose_name=_("institution"))
    user = models.ForeignKey(User, models.CASCADE, related_name="partner_roles", verbose_name=_("account"))
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.COORDINATOR)
    created_at = models.DateTimeField(_("since"), default=clock.now, editable=False)

    history = HistoricalRecords()
    _history_user: User | None

    class Meta:
        verbose_name = _("partner coordinator")
        verbose_name_plural = _("partner coordinators")
        ordering = ["institution_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["institution", "user"], name="person_has_one_role_in_an_institution")
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.institution}"
