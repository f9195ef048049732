"""What people are told at its moment (docs/rules.md#reminders)."""

import secrets
import uuid
from datetime import UTC, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.formats import time_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Attendee, User
from core import clock, keys
from core.emails import EmailField, readable_email
from core.folding import Searchable, SearchField
from core.histories import HistoricalRecords
from core.templatetags.when import duration
from core.text import validate_line, validate_lines
from programme.models import Event, Session
from registrations.models import Cohort, Registration
from venues.models import Room


class ReminderRule(models.Model):
    """Who is reminded of a session, or of every session of an event, and when; or asked whether they still come."""

    class Audience(models.TextChoices):
        CONFIRMED = "confirmed", _("People with a seat")
        WAITING = "waiting", _("People on the waiting list")
        INVITED = "invited", _("Invited people who have not answered")
        ABSENT = "absent", _("People marked as absent")

    class Timing(models.TextChoices):
        """Wall time follows the clocks of the venue, elapsed time does not: they differ in the nights when the clocks
        change."""

        DAY = "day", _("A number of days before, at a set time")
        BEFORE = "before", _("A set time before the start")
        AFTER = "after", _("A set time after the end")

    LONGEST_MINUTES = 60 * 24 * 60

    event = models.ForeignKey(
        Event, models.CASCADE, null=True, blank=True, related_name="reminder_rules", verbose_name=_("event")
    )
    session = models.ForeignKey(
        Session, models.CASCADE, null=True, blank=True, related_name="reminder_rules", verbose_name=_("session")
    )
    audience = models.CharField(_("who"), max_length=10, choices=Audience, default=Audience.CONFIRMED)
    timing = models.CharField(_("when"), max_length=10, choices=Timing, default=Timing.DAY)
    days = models.PositiveSmallIntegerField(_("days before"), default=1, validators=[MaxValueValidator(60)])
    at_time = models.TimeField(_("at"), default=time(18), help_text=_("In the venue’s local time."))
    minutes = models.PositiveIntegerField(
        _("minutes"),
        default=120,
        validators=[MaxValueValidator(LONGEST_MINUTES)],
        help_text=_("Before the start, or after the end: 120 is two hours, 2880 is two days."),
    )
    late_minutes = models.PositiveIntegerField(
        _("maximum delay"),
        default=720,
        validators=[MaxValueValidator(LONGEST_MINUTES)],
        help_text=_(
            "In minutes. Anything that could not be sent by then is dropped; once the session has started, nothing is "
            "sent at all."
        ),
    )
    answer_hours = models.PositiveSmallIntegerField(
        _("hours to answer"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Leave empty for a plain reminder. With a number, people are asked if they are still coming, and the seats "
            "of those who do not answer go to the waiting list."
        ),
    )
    note = models.CharField(
        _("extra text"),
        max_length=500,
        blank=True,
        validators=[validate_line],
        help_text=_("For example: bring your passport."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    _history_user: User | None

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ["event_id", "session_id", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(event__isnull=False, session=None) | Q(event=None, session__isnull=False),
                name="reminder_is_of_an_event_or_a_session",
            ),
            models.CheckConstraint(
                condition=Q(answer_hours=None) | (Q(answer_hours__gt=0, audience="confirmed") & ~Q(timing="after")),
                name="only_who_has_a_seat_is_asked_before",
            ),
            models.CheckConstraint(
                condition=Q(audience="absent", timing="after") | (~Q(audience="absent") & ~Q(timing="after")),
                name="only_the_absent_are_written_to_afterwards",
            ),
        ]

    def __str__(self) -> str:
        match self.timing:
            case self.Timing.DAY:
                words = ngettext("%(days)d day before at %(time)s", "%(days)d days before at %(time)s", self.days)
                when = (
                    words % {"days": self.days, "time": time_format(self.at_time)}
                    if self.days
                    else _("the same day at %(time)s") % {"time": time_format(self.at_time)}
                )
            case self.Timing.BEFORE:
                when = _("%(duration)s before") % {"duration": duration(timedelta(minutes=self.minutes))}
            case _:
                when = _("%(duration)s after") % {"duration": duration(timedelta(minutes=self.minutes))}
        return f"{self.session or self.event} – {when}"

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        if (self.event_id is None) == (self.session_id is None):
            errors["session"] = _("Choose an event, to include all its sessions, or one session.")
        if (self.audience == self.Audience.ABSENT) != (self.timing == self.Timing.AFTER):
            errors["timing"] = _("People who were absent are emailed after the end, everybody else before the start.")
        elif self.answer_hours and self.audience != self.Audience.CONFIRMED:
            errors["answer_hours"] = _("Only people who have a seat are asked if they are still coming.")
        elif self.answer_hours and self.timing == self.Timing.BEFORE and self.answer_hours * 60 >= (self.minutes or 0):
            errors["answer_hours"] = _("The time to answer must end before the session starts.")
        if errors:
            raise ValidationError(errors)


class Reminder(models.Model):
    """A moment at which a rule reminds the people of one session. A session that moves has other moments: those to come
    are planned anew, those that were queued stay as they were."""

    class Outcome(models.TextChoices):
        QUEUED = "queued", _("Queued")
        MISSED = "missed", _("Too late, dropped")

    rule = models.ForeignKey(ReminderRule, models.CASCADE, related_name="reminders", verbose_name=_("reminder"))
    session = models.ForeignKey(Session, models.CASCADE, related_name="reminders", verbose_name=_("session"))
    due_at = models.DateTimeField(_("due at"))
    queued_at = models.DateTimeField(_("queued at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    people = models.PositiveIntegerField(_("people"), default=0)

    class Meta:
        verbose_name = _("planned reminder")
        verbose_name_plural = _("planned reminders")
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "session", "due_at"], name="people_are_reminded_once_at_a_moment")
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(queued_at=None), name="reminders_to_come")]

    def __str__(self) -> str:
        return f"{self.rule} – {self.due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


class Reconfirmation(models.Model):
    """Somebody was asked whether they still come: the address of the question is their answer's only key."""

    PURPOSE = "notices.reconfirm"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    registration = models.ForeignKey(
        Registration, models.CASCADE, related_name="reconfirmations", verbose_name=_("registration")
    )
    reminder = models.ForeignKey(
        Reminder, models.CASCADE, related_name="reconfirmations", verbose_name=_("planned reminder")
    )
    answer_until = models.DateTimeField(_("answer by"))
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    released_at = models.DateTimeField(_("seat released at"), null=True, blank=True)
    # 0: asked before keys were derived, by an address that holds the UUID alone.
    key_version = models.PositiveIntegerField(_("version of the address"), default=1, editable=False)

    class Meta:
        verbose_name = _("reconfirmation")
        verbose_name_plural = _("reconfirmations")
        constraints = [
            models.UniqueConstraint(fields=["registration", "reminder"], name="person_is_asked_once_at_a_moment"),
            models.CheckConstraint(
                condition=Q(answered_at=None) | Q(released_at=None), name="seat_of_whoever_answers_is_not_released"
            ),
        ]
        indexes = [
            models.Index(
                fields=["answer_until"],
                condition=Q(answered_at=None, released_at=None),
                name="questions_without_an_answer",
            )
        ]

    def __str__(self) -> str:
        return str(self.registration)

    @property
    def key(self) -> str:
        return keys.key(self.PURPOSE, self.uuid, self.key_version) if self.key_version else str(self.uuid)


class QuietWindow(models.Model):
    """While it is open, changes of the programme are told to nobody: they are published together, one mail for each
    person."""

    event = models.ForeignKey(
        Event,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="quiet_windows",
        verbose_name=_("event"),
        help_text=_("Leave empty for the whole summit."),
    )
    opened_at = models.DateTimeField(_("opened at"), default=clock.now, editable=False)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True, editable=False)
    people = models.PositiveIntegerField(_("people told"), default=0, editable=False)

    history = HistoricalRecords()
    _history_user: User | None

    class Meta:
        verbose_name = _("quiet window")
        verbose_name_plural = _("quiet windows")
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                Coalesce("event", 0), condition=Q(published_at=None), name="event_has_one_quiet_window_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return str(self.event or _("the whole summit"))


class Change(models.Model):
    """A session that has moved since its people were last told; with where and when it stood for them."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="changes", verbose_name=_("session"))
    was_starts_at = models.DateTimeField(_("previous start"))
    was_ends_at = models.DateTimeField(_("previous end"))
    was_room = models.ForeignKey(Room, models.PROTECT, related_name="+", verbose_name=_("previous room"))
    was_place = models.JSONField(_("previous place and time"), default=dict, editable=False)
    first_at = models.DateTimeField(_("first changed at"))
    changed_at = models.DateTimeField(_("last changed at"))
    told_at = models.DateTimeField(_("announced at"), null=True, blank=True)
    people = models.PositiveIntegerField(_("people told"), default=0)

    class Meta:
        verbose_name = _("change to a session")
        verbose_name_plural = _("changes to sessions")
        ordering = ["-changed_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session"], condition=Q(told_at=None), name="session_has_one_change_to_tell"
            ),
        ]

    def __str__(self) -> str:
        return str(self.session)


class Announcement(Searchable):
    """What organisers write to many people at once, to each in their language."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("To be sent")
        QUEUED = "queued", _("Sent out")
        STOPPED = "stopped", _("Stopped")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subject = models.CharField(_("subject"), max_length=150, validators=[validate_line])
    body = models.TextField(_("text"), max_length=10_000, validators=[validate_lines])
    event = models.ForeignKey(
        Event, models.PROTECT, null=True, blank=True, related_name="announcements", verbose_name=_("event")
    )
    session = models.ForeignKey(
        Session, models.PROTECT, null=True, blank=True, related_name="announcements", verbose_name=_("session")
    )
    cohort = models.ForeignKey(
        Cohort, models.PROTECT, null=True, blank=True, related_name="announcements", verbose_name=_("cohort")
    )
    statuses = models.JSONField(_("whose registration is"), default=list, blank=True)
    must_reach = models.BooleanField(
        _("must reach everybody"),
        default=False,
        help_text=_(
            "Only for things people need to know in order to come: it also goes to people who have opted out of "
            "announcements."
        ),
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    send_at = models.DateTimeField(_("to be sent at"), null=True, blank=True, editable=False)
    queued_at = models.DateTimeField(_("queued at"), null=True, blank=True, editable=False)
    people = models.PositiveIntegerField(_("people"), default=0, editable=False)
    created_at = models.DateTimeField(_("written at"), default=clock.now, editable=False)

    _history_user: User | None

    search = SearchField("subject_fr", "subject_en", "body_fr", "body_en")

    class Meta:
        verbose_name = _("announcement")
        verbose_name_plural = _("announcements")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status__in=["scheduled", "queued"]) | Q(send_at__isnull=False),
                name="announcement_leaves_at_a_moment",
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class Topic(models.TextChoices):
    """Mails that people may do without."""

    REMINDERS = "reminders", _("Reminders")
    INVITATIONS = "invitations", _("Invitation reminders")
    ANNOUNCEMENTS = "announcements", _("Announcements from the organisers")
    DIGESTS = "digests", _("Weekly update for partners")


class OptOut(models.Model):
    """A person, or an address without an account, wants no mails about a topic."""

    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="opt_outs", verbose_name=_("account")
    )
    email = EmailField(_("email address"), blank=True, db_index=True)
    topic = models.CharField(_("topic"), max_length=20, choices=Topic)
    created_at = models.DateTimeField(_("since"), default=clock.now, editable=False)

    history = HistoricalRecords()
    _history_user: User | None

    class Meta:
        verbose_name = _("email preference")
        verbose_name_plural = _("email preferences")
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, email="") | (Q(user=None) & ~Q(email="")),
                name="unwanted_by_an_account_or_an_address",
            ),
            models.UniqueConstraint(
                fields=["user", "topic"], condition=Q(user__isnull=False), name="account_says_so_once"
            ),
            models.UniqueConstraint(fields=["email", "topic"], condition=Q(user=None), name="address_says_so_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user or readable_email(self.email)} – {self.get_topic_display()}"


def new_token() -> str:
    """What keys were before they were derived; the migrations of that time call it."""
    return secrets.token_urlsafe(32)


class CalendarFeed(models.Model):
    """The address at which a calendar program finds the seats of one person."""

    ALARMS = (
        (15, _("15 minutes before")),
        (60, _("1 hour before")),
        (120, _("2 hours before")),
        (24 * 60, _("1 day before")),
    )

    PURPOSE = "notices.calendar"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    attendee = models.OneToOneField(Attendee, models.CASCADE, related_name="calendar_feed", verbose_name=_("attendee"))
    key_version = models.PositiveIntegerField(_("version of the address"), default=1, editable=False)
    # Of an address that was given out before keys were derived.
    old_key_hash = models.CharField(max_length=64, blank=True, db_index=True, editable=False)
    alarm_minutes = models.PositiveSmallIntegerField(_("alert"), null=True, blank=True, choices=ALARMS)
    created_at = models.DateTimeField(_("since"), default=clock.now, editable=False)

    history = HistoricalRecords(excluded_fields=["uuid", "old_key_hash"])
    _history_user: User | None

    class Meta:
        verbose_name = _("calendar address")
        verbose_name_plural = _("calendar addresses")

    def __str__(self) -> str:
        return str(self.attendee)

    @property
    def key(self) -> str:
        return keys.key(self.PURPOSE, self.uuid, self.key_version)
