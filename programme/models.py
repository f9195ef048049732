from datetime import date, datetime, time, timedelta
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Prefetch, Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from core import retention, wall_time
from core.folding import Searchable, SearchField
from core.histories import HistoricalRecords
from core.models import Sourced
from programme.signals import edition_saved, session_checked, session_moved, session_saved
from venues.domain import places
from venues.models import Room, Venue, validate_country, validate_timezone

validate_colour = RegexValidator(
    r"\A#[0-9A-Fa-f]{6}\Z", _("Write the colour as # and six hexadecimal digits, for example #1F6FB2.")
)
validate_languages = RegexValidator(
    r"\A[a-z]{2}(\|[a-z]{2})*\Z", _("Write languages as two-letter codes separated by “|”, for example fr|en.")
)


OWN_ACCENT = "#1F5B46"  # that of core/static/core/tokens.css

# What the pages that the law asks for say of an edition, in both languages; and the long ones of it, which no list of
# sessions reads.
LEGAL_TEXTS = (
    "publisher_form",
    "publication_director",
    "data_protection_officer",
    "complaint_authority",
    "data_transfers",
    "accessibility_tests",
    "accessibility_gaps",
    "accessibility_plan",
    "legal_text",
    "privacy_text",
    "cookies_text",
    "accessibility_text",
)
LONG_LEGAL_TEXTS = LEGAL_TEXTS[4:]
_OPENING = _("Instead of the page’s own opening; the facts stay. A blank line begins a paragraph.")


class LegalBasis(models.TextChoices):
    """What makes it lawful to keep data about people (GDPR, article 6)."""

    PUBLIC_TASK = "public_task", _("Public task (6.1.e)")
    LEGITIMATE_INTERESTS = "legitimate_interests", _("Legitimate interests (6.1.f)")
    CONTRACT = "contract", _("Contract (6.1.b)")
    CONSENT = "consent", _("Consent (6.1.a)")


class EditionQuerySet(models.QuerySet["Edition"]):
    def public(self) -> "EditionQuerySet":
        """Those that anybody may see: all but those in preparation."""
        return self.exclude(state=Edition.State.PREPARATION)

    def taking_seats(self) -> "EditionQuerySet":
        """The current edition while it is open; none other takes seats."""
        return self.filter(is_current=True, state=Edition.State.OPEN)


class Edition(Searchable):
    """One time that the summit takes place: the current one stands at `/`, the others under /editions/
    (docs/rules.md#editions)."""

    class State(models.TextChoices):
        PREPARATION = "preparation", _("In preparation")
        OPEN = "open", pgettext_lazy("state of an edition", "Open")  # elsewhere it is what one does
        ARCHIVED = "archived", _("Archived")

    class AccessibilityLevel(models.TextChoices):
        """What an audit by the RGAA has found. Without an audit a site does not comply."""

        NONE = "none", _("not compliant")
        PARTIAL = "partial", _("partially compliant")
        FULL = "full", _("fully compliant")

    slug = models.SlugField(_("slug"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=150, help_text=_("As it appears on pages and in emails."))
    tagline = models.CharField(_("tagline"), max_length=300, blank=True)
    city = models.CharField(_("city"), max_length=80, blank=True)
    timezone = models.CharField(
        _("time zone"),
        max_length=50,
        default="Europe/Paris",
        validators=[validate_timezone],
        help_text=_("For new days. Sessions always use the local time of their venue."),
    )
    starts_on = models.DateField(_("starts on"))
    ends_on = models.DateField(_("ends on"))
    state = models.CharField(_("state"), max_length=15, choices=State, default=State.PREPARATION, editable=False)
    is_current = models.BooleanField(_("current"), default=False, editable=False)
    accent = models.CharField(
        _("accent colour"),
        max_length=7,
        default=OWN_ACCENT,
        validators=[validate_colour],
        help_text=_("For buttons and links. It is darkened or lightened as needed to stay readable."),
    )
    link = models.URLField(
        _("website"), blank=True, help_text=_("If the programme of this edition is on another site.")
    )
    contact = models.EmailField(_("contact"), blank=True, help_text=_("The address attendees can write to."))
    data_controller = models.CharField(
        _("data controller"),
        max_length=200,
        blank=True,
        help_text=_("Who is responsible for people’s data (GDPR, article 4). If empty, the name of the edition."),
    )
    privacy_contact = models.EmailField(
        _("privacy contact"),
        blank=True,
        help_text=_(
            "The address people can write to about their data. If empty, the contact, or the sender of the emails."
        ),
    )
    legal_basis = models.CharField(
        _("legal basis"),
        max_length=20,
        choices=LegalBasis,
        default=LegalBasis.PUBLIC_TASK,
        help_text=_("What makes it lawful to keep people’s data (GDPR, Article 6). Pages and emails say it."),
    )

    # What the law asks of a public site: programme/domain/legal_facts.py says which are needed (docs/rules.md#law).
    publisher = models.CharField(
        _("publisher"), max_length=200, blank=True, help_text=_("The body that publishes this site, by its full name.")
    )
    publisher_form = models.CharField(
        _("legal form"), max_length=200, blank=True, help_text=_("For example: public administrative institution.")
    )
    publisher_address = models.CharField(
        _("address of the publisher"), max_length=300, blank=True, help_text=_("The registered office.")
    )
    publisher_phone = models.CharField(_("telephone of the publisher"), max_length=40, blank=True)
    publisher_registration = models.CharField(
        _("registration number"),
        max_length=200,
        blank=True,
        help_text=_("SIRET; of a company, its register and share capital. Empty if there is none."),
    )
    publication_director = models.CharField(
        _("publication director"), max_length=200, blank=True, help_text=_("Name and office of the person.")
    )
    host = models.CharField(
        _("host"), max_length=200, blank=True, help_text=_("The company or service on whose servers this site runs.")
    )
    host_address = models.CharField(_("address of the host"), max_length=300, blank=True)
    host_phone = models.CharField(_("telephone of the host"), max_length=40, blank=True)
    data_protection_officer = models.CharField(
        _("data protection officer"),
        max_length=300,
        blank=True,
        help_text=_("Name or service, and a postal address. The email address is the privacy contact."),
    )
    complaint_authority = models.CharField(
        _("complaint authority"), max_length=300, blank=True, help_text=_("If empty, the CNIL, with its address.")
    )
    data_transfers = models.TextField(
        _("transfers outside the EU"),
        max_length=4000,
        blank=True,
        help_text=_("What goes where, with what safeguards. If empty, the page says: none."),
    )
    security_contact = models.EmailField(
        _("security contact"),
        blank=True,
        help_text=_("For /.well-known/security.txt. If empty, that of the installation."),
    )
    accessibility_level = models.CharField(
        _("level of accessibility"),
        max_length=10,
        choices=AccessibilityLevel,
        blank=True,
        help_text=_("By an audit of the RGAA 4.1. Without a valid audit, the level is “not compliant”."),
    )
    accessibility_stated_on = models.DateField(_("date of the accessibility statement"), null=True, blank=True)
    accessibility_contact = models.EmailField(
        _("accessibility contact"), blank=True, help_text=_("If empty, the contact of the edition.")
    )
    accessibility_tests = models.TextField(
        _("audit"),
        max_length=4000,
        blank=True,
        help_text=_("Who audited the site, when, how many criteria are met. If empty: no audit."),
    )
    accessibility_gaps = models.TextField(
        _("content that is not accessible"),
        max_length=4000,
        blank=True,
        help_text=_("What doesn’t comply, is exempt, or would be too great a burden, and why."),
    )
    accessibility_plan = models.TextField(
        _("multi-year accessibility plan"),
        max_length=4000,
        blank=True,
        help_text=_("The address of the plan and of the action plan of the year, or their text."),
    )
    legal_text = models.TextField(_("opening of the legal notice"), max_length=10000, blank=True, help_text=_OPENING)
    privacy_text = models.TextField(
        _("opening of the page on personal data"), max_length=10000, blank=True, help_text=_OPENING
    )
    cookies_text = models.TextField(
        _("opening of the page on cookies"), max_length=10000, blank=True, help_text=_OPENING
    )
    accessibility_text = models.TextField(
        _("opening of the accessibility statement"), max_length=10000, blank=True, help_text=_OPENING
    )

    search = SearchField("name_fr", "name_en", "slug")
    objects = EditionQuerySet.as_manager()

    history: Any  # made by translation.py
    _history_user: User | None

    class Meta:
        verbose_name = _("edition")
        verbose_name_plural = _("editions")
        ordering = ["-starts_on", "search"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"], condition=Q(is_current=True), name="only_one_edition_is_current"
            ),
            models.CheckConstraint(
                condition=Q(is_current=False) | ~Q(state="preparation"), name="current_edition_is_public"
            ),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="edition_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("programme:home") if self.is_current else reverse("programme:home", args=[self.slug])

    def clean(self) -> None:
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValidationError({"ends_on": _("An edition can’t end before it starts.")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        edition_saved.send(sender=Edition, edition=self)

    @property
    def is_public(self) -> bool:
        return self.state != self.State.PREPARATION

    @property
    def is_archived(self) -> bool:
        return self.state == self.State.ARCHIVED

    @property
    def takes_seats(self) -> bool:
        return self.is_current and self.state == self.State.OPEN

    @property
    def controller(self) -> str:
        return self.data_controller or self.name

    @property
    def privacy_address(self) -> str:
        return self.privacy_contact or self.contact or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]

    @property
    def accessibility_address(self) -> str:
        return self.accessibility_contact or self.contact or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]

    @property
    def stylesheet(self) -> str:
        return "" if self.accent.upper() == OWN_ACCENT else reverse("accent", args=[self.accent[1:].lower()])


def edition_field(related_name: str) -> Any:
    """What belongs to one edition names it, and keeps it."""
    return models.ForeignKey(Edition, models.PROTECT, related_name=related_name, verbose_name=_("edition"))


class Day(Searchable):
    """One day of an edition and what it is about: the day strip of the programme."""

    edition = edition_field("days")
    date = models.DateField(_("date"))
    label = models.CharField(_("label"), max_length=150)
    timezone = models.CharField(_("time zone"), max_length=50, default="Europe/Paris")
    source = models.CharField(_("source"), max_length=500, blank=True)

    search = SearchField("label_fr", "label_en")

    class Meta:
        verbose_name = _("day")
        verbose_name_plural = _("days")
        ordering = ["date", "pk"]
        constraints = [models.UniqueConstraint(fields=["edition", "date"], name="edition_has_each_day_once")]

    def __str__(self) -> str:
        return f"{date_format(self.date)} – {self.label}"


class Track(Searchable, Sourced):
    """A theme that runs through the programme of an edition; not a room."""

    edition = edition_field("tracks")
    slug = models.SlugField(_("slug"), max_length=60)
    name = models.CharField(_("name"), max_length=150)
    colour = models.CharField(_("colour"), max_length=7, default="#1F5B46", validators=[validate_colour])

    search = SearchField("name_fr", "name_en", "slug")

    class Meta:
        verbose_name = _("track")
        verbose_name_plural = _("tracks")
        ordering = ["search", "pk"]
        constraints = [models.UniqueConstraint(fields=["edition", "slug"], name="edition_has_each_track_once")]

    def __str__(self) -> str:
        return self.name


class Event(Searchable, Sourced):
    """One part of an edition with its own dates, host and page; also the “Road to the Summit” that leads there."""

    class Kind(models.TextChoices):
        SCIENTIFIC_CONFERENCE = "scientific_conference", _("Scientific conference")
        ROUND_TABLES = "round_tables", _("Round tables")
        CULTURAL_WEEKEND = "cultural_weekend", _("Cultural weekend")
        FORUM = "forum", _("Forum")
        DINNER = "dinner", _("Dinner")
        LEADERS_SUMMIT = "leaders_summit", _("Leaders’ summit")
        BUSINESS_DAY = "business_day", _("Business Day")
        EXERCISE = "exercise", _("Exercise")
        SIDE_EVENT = "side_event", _("Side event")
        ROAD_TO_THE_SUMMIT = "road_to_the_summit", _("Road to the Summit")

    class DatePrecision(models.TextChoices):
        DAY = "day", _("Day")
        MONTH = "month", _("Month")
        YEAR = "year", _("Year")

    class LabelStatus(models.TextChoices):
        LABELLED = "labelled", _("Labelled “Road to the Summit”")
        AHEAD = "ahead", _("Ahead of the Summit")
        PARALLEL = "parallel", _("In parallel")
        NOT_STATED = "not_stated", _("Not stated")

    class ClashPolicy(models.TextChoices):
        """What happens when someone wants a seat here while being expected elsewhere (docs/rules.md#clashes)."""

        WARN = "warn", _("Warn the person, and let them decide")
        REFUSE = "refuse", _("Refuse the second seat")
        SWAP = "swap", _("Give one up for the other")

    edition = edition_field("events")
    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    title = models.CharField(_("title"), max_length=300)
    kind = models.CharField(_("kind"), max_length=30, choices=Kind)
    starts_on = models.DateField(_("starts on"))
    ends_on = models.DateField(_("ends on"))
    date_precision = models.CharField(
        _("date precision"), max_length=5, choices=DatePrecision, default=DatePrecision.DAY
    )
    venue = models.ForeignKey(
        Venue, models.PROTECT, null=True, blank=True, related_name="events", verbose_name=_("venue")
    )
    city = models.CharField(_("city"), max_length=80, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, validators=[validate_country])
    organiser = models.CharField(_("organiser"), max_length=300, blank=True)
    label_status = models.CharField(_("label"), max_length=20, choices=LabelStatus, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    clash_policy = models.CharField(
        _("when two sessions clash"),
        max_length=10,
        choices=ClashPolicy,
        default=ClashPolicy.WARN,
        help_text=_(
            "Sessions clash when they overlap, or are too close together for the travel time between their venues."
        ),
    )

    search = SearchField("title_fr", "title_en", "slug", "organiser", "city")
    history: Any  # made by translation.py

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["starts_on", "ends_on", "search"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="event_ends_after_it_starts")
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("programme:event", args=[self.slug])

    def clean(self) -> None:
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValidationError({"ends_on": _("An event must end on or after the day it starts.")})
        if self.pk and self.sessions.exclude(track__edition=self.edition_id).exists():
            raise ValidationError({"edition": _("This event already has sessions: it can’t move to another edition.")})


class SpeakerQuerySet(models.QuerySet["Speaker"]):
    def published(self, edition: Edition | None = None) -> "SpeakerQuerySet":
        """People in at least one published session (of `edition`): whoever is only in a draft is nobody's business
        yet."""
        sessions = Session.objects.published() if edition is None else Session.objects.published().of(edition)
        parts = Participation.objects.filter(speaker=OuterRef("pk"), session__in=sessions)
        return self.filter(Exists(parts))


class Speaker(Searchable, Sourced):
    """Someone who speaks, chairs, exhibits or is announced in sessions."""

    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=150, help_text=_("As the person writes it."))
    role = models.CharField(_("role"), max_length=300, blank=True)
    organisation = models.CharField(_("organisation"), max_length=200, blank=True)
    country = models.CharField(
        _("country"),
        max_length=3,
        blank=True,
        help_text=_("ISO 3166; INT for an international body, EU for the European Union."),
    )

    user = models.OneToOneField(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="speaker",
        verbose_name=_("account"),
        help_text=_("If the person has one: the sessions they speak in then count as theirs."),
    )

    search = SearchField("name", "slug", "organisation", "role_fr", "role_en")
    objects = SpeakerQuerySet.as_manager()

    class Meta:
        verbose_name = _("speaker")
        verbose_name_plural = _("speakers")
        ordering = ["search"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("programme:speaker", args=[self.slug])


MOST_DAYS = 100  # of a session on the strip of days: whoever means "without end" types a far year


def days_between(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> list[date]:
    """The days of which [starts_at, ends_at[ takes a moment by the clocks of `zone`. Of what goes on for ever, the
    first MOST_DAYS."""
    first, last = starts_at.astimezone(zone).date(), wall_time.last_day(ends_at.astimezone(zone))
    return [first + timedelta(days=n) for n in range(min((last - first).days + 1, MOST_DAYS))]


class SessionQuerySet(models.QuerySet["Session"]):
    def published(self) -> "SessionQuerySet":
        """What the public may see: published sessions, and cancelled ones, which say so, of editions that are not in
        preparation."""
        return self.filter(status__in=[Session.Status.PUBLISHED, Session.Status.CANCELLED]).exclude(
            event__edition__state=Edition.State.PREPARATION
        )

    def of(self, edition: Edition | None) -> "SessionQuerySet":
        """Those of that edition; none of none."""
        return self.filter(event__edition=edition) if edition else self.none()

    def not_archived(self) -> "SessionQuerySet":
        """Those of editions on which somebody still works."""
        return self.exclude(event__edition__state=Edition.State.ARCHIVED)

    def taking_seats(self) -> "SessionQuerySet":
        """Those of the current edition, while it is open."""
        return self.filter(event__edition__is_current=True, event__edition__state=Edition.State.OPEN)

    def in_room_during(self, room: Room, starts_at: datetime, ends_at: datetime) -> "SessionQuerySet":
        """Sessions that occupy `room` at some moment of [starts_at, ends_at[; cancelled ones occupy nothing."""
        return self.filter(room=room, starts_at__lt=ends_at, ends_at__gt=starts_at).exclude(
            status=Session.Status.CANCELLED
        )

    def on(self, day: date) -> "SessionQuerySet":
        """Sessions that take place at some moment of `day` by the clock of their venue, those of several days too."""
        # The midnights of other zones lie beyond what a datetime can say.
        if day.year in (date.min.year, date.max.year):
            return self.none()
        there = Q(pk__in=[])
        for zone in Venue.objects.order_by().values_list("timezone", flat=True).distinct():
            midnight, next_midnight = (
                datetime.combine(d, time.min, ZoneInfo(zone)) for d in (day, day + timedelta(days=1))
            )
            there |= Q(room__venue__timezone=zone, starts_at__lt=next_midnight, ends_at__gt=midnight)
        return self.filter(there)

    def matching(
        self, *, event: str = "", track: str = "", venue: str = "", access: str = "", speaker: str = ""
    ) -> "SessionQuerySet":
        """Sessions of that event, track, venue and speaker (by slug) with that access; an empty value means any."""
        asked = {"event__slug": event, "track__slug": track, "room__venue__slug": venue, "access": access}
        found = self.filter(**{column: value for column, value in asked.items() if value})
        if speaker:
            parts = Participation.objects.filter(session=OuterRef("pk"), speaker__slug=speaker)
            found = found.filter(Exists(parts))
        return found

    def with_place(self) -> "SessionQuerySet":
        """With what every list shows: event, track, room and venue, in one query."""
        return self.select_related("event__edition", "track", "room__venue").without_legal_texts()

    def without_legal_texts(self) -> "SessionQuerySet":
        """With an edition that has been selected, but for its long texts: each row would repeat them."""
        return self.defer(*(f"event__edition__{name}" for name in LONG_LEGAL_TEXTS))

    def with_speakers(self) -> "SessionQuerySet":
        """With `speaking`: the participations of those whose part is certain, in their order; one query for all."""
        certain = Participation.objects.exclude(role=Participation.Role.ANNOUNCED).select_related("speaker")
        return self.prefetch_related(Prefetch("participations", certain, to_attr="speaking"))


class Session(Searchable, Sourced):
    """A programme item that people attend, in one room, from `starts_at` (included) to `ends_at` (excluded)."""

    class Kind(models.TextChoices):
        KEYNOTE = "keynote", _("Keynote")
        PANEL = "panel", _("Panel")
        WORKSHOP = "workshop", _("Workshop")
        PLENARY = "plenary", _("Plenary")
        CEREMONY = "ceremony", _("Ceremony")
        EXERCISE = "exercise", _("Exercise")
        EXHIBITION = "exhibition", _("Exhibition")
        DINNER = "dinner", _("Dinner")
        SIDE_EVENT = "side_event", _("Side event")
        SYMPOSIUM = "symposium", _("Symposium")
        RECEPTION = "reception", _("Reception")

    class Access(models.TextChoices):
        """How one gets in (docs/rules.md#access)."""

        PUBLIC = "public", _("Open to all")
        REGISTRATION = "registration", _("By registration")
        APPROVAL = "approval", _("On request")
        INVITATION = "invitation", _("By invitation")
        COHORT = "cohort", _("Reserved for cohorts")

    class WaitingList(models.TextChoices):
        """What happens to a seat that becomes free while people wait for it (docs/rules.md#waiting-list)."""

        NONE = "none", _("No waiting list")
        AUTOMATIC = "automatic", _("The first person on the waiting list gets the seat")
        OFFER = "offer", _("The seat is offered to the first person on the waiting list, for a limited time")
        DRAW = "draw", _("A draw is held at a set time")
        BY_HAND = "by_hand", _("The organisers choose")

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        CANCELLED = "cancelled", _("Cancelled")

    event = models.ForeignKey(Event, models.PROTECT, related_name="sessions", verbose_name=_("event"))
    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    title = models.CharField(_("title"), max_length=300)
    description = models.TextField(_("description"), blank=True)
    kind = models.CharField(_("format"), max_length=20, choices=Kind)
    track = models.ForeignKey(Track, models.PROTECT, related_name="sessions", verbose_name=_("track"))
    room = models.ForeignKey(Room, models.PROTECT, related_name="sessions", verbose_name=_("room"))
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    languages = models.CharField(
        _("languages"), max_length=30, blank=True, validators=[validate_languages], help_text=_("For example fr|en.")
    )
    access = models.CharField(_("access"), max_length=20, choices=Access, default=Access.REGISTRATION)
    capacity = models.PositiveIntegerField(_("capacity"), help_text=_("Seats planned; never more than the room holds."))
    over_capacity_reason = models.CharField(
        _("reason for exceeding the room’s capacity"),
        max_length=300,
        blank=True,
        help_text=_(
            "Only if more people are planned than the room holds: why that is safe. This is kept in the history."
        ),
    )
    registration_opens_at = models.DateTimeField(
        _("registration opens at"), null=True, blank=True, help_text=_("Leave empty to open straight away.")
    )
    registration_closes_at = models.DateTimeField(
        _("registration closes at"), null=True, blank=True, help_text=_("Leave empty to close when the session starts.")
    )
    waiting_list = models.CharField(
        _("waiting list"), max_length=10, choices=WaitingList, default=WaitingList.AUTOMATIC
    )
    offer_hours = models.PositiveSmallIntegerField(
        _("hours to answer an offer"),
        default=24,
        help_text=_("Fewer as the start gets closer: never more than a quarter of the time left."),
    )
    draw_at = models.DateTimeField(_("draw held at"), null=True, blank=True)
    holds_requests = models.BooleanField(
        _("a request holds a seat"),
        default=True,
        help_text=_(
            "For access on request: the seat is held as soon as it is requested. Otherwise, it is taken when the "
            "request is granted."
        ),
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.DRAFT)
    # A copy of room.allows_several_sessions, see Room.save.
    shares_room = models.BooleanField(editable=False, default=False)
    # Where the room is, as people were told: the sessions are saved anew when it changes, so that the history knows.
    place = models.JSONField(editable=False, default=dict)
    speakers = models.ManyToManyField(
        Speaker, through="Participation", related_name="sessions", verbose_name=_("speakers")
    )

    search = SearchField("title_fr", "title_en", "slug")
    objects = SessionQuerySet.as_manager()

    history: Any  # made by translation.py
    _history_user: User | None

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ["starts_at", "room__search", "slug"]
        indexes = [
            models.Index(fields=["starts_at"], name="session_by_time"),
            models.Index(fields=["room", "starts_at"], name="session_by_room"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="session_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(capacity__gt=0), name="session_holds_someone"),
            models.CheckConstraint(
                condition=Q(registration_opens_at=None)
                | Q(registration_closes_at=None)
                | Q(registration_closes_at__gt=F("registration_opens_at")),
                name="registration_closes_after_it_opens",
            ),
            models.CheckConstraint(condition=Q(offer_hours__gt=0), name="offer_leaves_time_to_answer"),
            models.CheckConstraint(
                condition=~Q(waiting_list="draw") | Q(draw_at__isnull=False), name="draw_has_its_moment"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("programme:session", args=[self.slug])

    @property
    def zone(self) -> ZoneInfo:
        """The venue's time zone, in which the session's times are always shown."""
        return self.room.venue.zone

    @property
    def local_starts_at(self) -> datetime:
        return self.starts_at.astimezone(self.zone)

    @property
    def local_ends_at(self) -> datetime:
        return self.ends_at.astimezone(self.zone)

    @property
    def day(self) -> date:
        """The day on which the session begins, at its venue."""
        return self.local_starts_at.date()

    @property
    def days(self) -> list[date]:
        """The days of which it takes a moment, at its venue: nearly always one."""
        return days_between(self.starts_at, self.ends_at, self.zone)

    # A sheet looks for others in the room when all its rows are in their places.
    looks_for_others = True

    @property
    def duration(self) -> timedelta:
        return self.ends_at - self.starts_at

    @property
    def language_codes(self) -> list[str]:
        return self.languages.split("|") if self.languages else []

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        room: Room | None = getattr(self, "room", None)
        for name in self.MOMENTS:
            try:
                if moment := getattr(self, name):
                    wall_time.check_year(moment)
            except ValueError as error:
                errors[name] = str(error)
        if errors:  # nothing else can be counted with them
            raise ValidationError(errors)
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            errors["ends_at"] = _("A session must end after it starts.")
        elif (
            self.looks_for_others
            and self.starts_at
            and self.ends_at
            and room
            and not room.allows_several_sessions
            and self.status != self.Status.CANCELLED
        ):
            other = Session.objects.in_room_during(room, self.starts_at, self.ends_at).exclude(pk=self.pk).first()
            if other:
                errors["room"] = _("“%(other)s” is already in this room at that time.") % {"other": other.title}
        event: Event | None = getattr(self, "event", None)
        track: Track | None = getattr(self, "track", None)
        if event and track and event.edition_id != track.edition_id:
            errors["track"] = _("“%(track)s” belongs to another edition.") % {"track": track}
        if self.pk and event and Event.objects.filter(sessions=self.pk).exclude(edition=event.edition_id).exists():
            errors["event"] = _("A session can’t change edition, and “%(event)s” belongs to another one.") % {
                "event": event
            }
        if self.capacity == 0:
            errors["capacity"] = _("Plan for at least one person.")
        elif room and self.capacity and self.capacity > room.capacity and not self.over_capacity_reason.strip():
            errors["capacity"] = _(
                "The room holds %(capacity)d people. To plan for more, say below why that is safe."
            ) % {"capacity": room.capacity}
        opens_at, closes_at = self.registration_opens_at, self.registration_closes_at
        if opens_at and closes_at and closes_at <= opens_at:
            errors["registration_closes_at"] = _("Registration must close after it opens.")
        if opens_at and self.starts_at and opens_at >= self.starts_at:
            errors["registration_opens_at"] = _("Registration must open before the session starts.")
        if self.waiting_list == self.WaitingList.DRAW and (
            not self.draw_at or (self.starts_at and self.draw_at >= self.starts_at)
        ):
            errors["draw_at"] = _("Say when the draw is held: it must be before the session starts.")
        if not self.offer_hours:
            errors["offer_hours"] = _("Leave at least one hour to answer.")
        if errors:
            raise ValidationError(errors)
        session_checked.send(sender=Session, session=self)

    MOMENTS = ("starts_at", "ends_at", "registration_opens_at", "registration_closes_at", "draw_at")
    PLACE_AND_TIME = ("starts_at", "ends_at", "room_id")
    # What is told to those who hear that a session was saved.
    WATCHED = ("status", "access", "waiting_list", *PLACE_AND_TIME, "place")

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            before = (
                {} if self._state.adding else Session.objects.filter(pk=self.pk).values(*self.WATCHED).first() or {}
            )
            self.shares_room = self.room.allows_several_sessions
            self.place = places.place_of(self.room)
            super().save(*args, **kwargs)
            session_saved.send(sender=Session, session=self, before=before)
            moved = before and (
                any(getattr(self, name) != before[name] for name in self.PLACE_AND_TIME)
                or places.is_elsewhere(before["place"], self.place)
            )
            if moved and self.status != self.Status.CANCELLED:
                session_moved.send(sender=Session, session=self, before=before)


class Participation(Sourced):
    """A speaker's part in a session."""

    class Role(models.TextChoices):
        SPEAKER = "speaker", _("Speaker")
        KEYNOTE = "keynote", _("Keynote speaker")
        PANELLIST = "panellist", _("Panellist")
        MODERATOR = "moderator", _("Moderator")
        CHAIR = "chair", _("Chair")
        CO_CHAIR = "co_chair", _("Co-chair")
        OPENING = "opening", _("Opening")
        HOST = "host", _("Host")
        ARTIST = "artist", _("Artist")
        EXHIBITOR = "exhibitor", _("Exhibitor")
        GUEST = "guest", _("Guest")
        ANNOUNCED = "announced", _("Announced, attendance to be confirmed")

    session = models.ForeignKey(Session, models.CASCADE, related_name="participations", verbose_name=_("session"))
    speaker = models.ForeignKey(Speaker, models.CASCADE, related_name="participations", verbose_name=_("speaker"))
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.SPEAKER)
    position = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("Order on the session’s page."))
    note = models.CharField(_("note"), max_length=500, blank=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("participation")
        verbose_name_plural = _("participations")
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["session", "speaker"], name="speaker_is_once_in_a_session")]

    def __str__(self) -> str:
        return f"{self.speaker} – {self.get_role_display()}"


class Duty(models.Model):
    """An organiser's or a helper's part in a session: they cannot sit elsewhere meanwhile."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="duties", verbose_name=_("session"))
    user = models.ForeignKey(User, models.CASCADE, related_name="duties", verbose_name=_("account"))
    role = models.CharField(
        _("role"), max_length=100, blank=True, help_text=_("For example: welcome, stage, interpretation.")
    )

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("duty")
        verbose_name_plural = _("duties")
        ordering = ["session__starts_at", "id"]
        constraints = [models.UniqueConstraint(fields=["session", "user"], name="person_has_one_duty_in_a_session")]

    def __str__(self) -> str:
        return f"{self.user} – {self.session}"


class RetentionRule(models.Model):
    """How long organisers have a kind of data kept, where it is not the proposed time (core/retention.py)."""

    edition = models.ForeignKey(Edition, models.CASCADE, related_name="retention_rules", verbose_name=_("edition"))
    kind = models.CharField(_("kind of data"), max_length=30)
    days = models.PositiveSmallIntegerField(_("days kept"))

    history = HistoricalRecords()
    _history_user: User | None

    class Meta:
        verbose_name = _("retention period")
        verbose_name_plural = _("retention periods")
        ordering = ["edition_id", "kind"]
        constraints = [models.UniqueConstraint(fields=["edition", "kind"], name="edition_keeps_a_kind_for_one_time")]

    def __str__(self) -> str:
        return retention.label_of(self.kind)


class RetentionRun(models.Model):
    """When the data of a kind were last looked through, and how many went, then and in all. Written by
    domain/retention.py; what belongs to no edition has a row of its own."""

    edition = models.ForeignKey(
        Edition, models.CASCADE, null=True, related_name="retention_runs", verbose_name=_("edition")
    )
    kind = models.CharField(_("kind of data"), max_length=30)
    ran_at = models.DateTimeField(_("last run at"))
    deleted = models.PositiveIntegerField(_("deleted then"), default=0)
    deleted_in_all = models.PositiveIntegerField(_("deleted in all"), default=0)

    class Meta:
        verbose_name = _("retention run")
        verbose_name_plural = _("retention runs")
        constraints = [
            models.UniqueConstraint(fields=["edition", "kind"], name="edition_notes_the_last_run_of_a_kind"),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(edition=None), name="installation_notes_the_last_run_of_a_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ran_at:%Y-%m-%d %H:%M}"
