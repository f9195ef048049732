"""Announcements by organisers: one mail to each of many people, in their language (docs/rules.md#announcements)."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_noop

from accounts.models import Attendee, User
from notices.domain import mail_preferences
from notices.models import Announcement, Topic
from outbox.domain import mail_templates
from outbox.domain.mail_kinds import link
from outbox.domain.posting import post, post_many
from outbox.models import Message
from programme.models import Edition
from registrations.domain.facts import facts_of
from registrations.models import Membership, Registration

KIND = "notices.announcement"
Status = Announcement.Status
PLACEHOLDERS = ("name", "event", "session", "when", "where", "programme")
OF_SESSION = ("session", "when", "where")


def check_text(text: str, *, has_session: bool, has_event: bool) -> None:
    """Raise ValidationError for a brace that is not one of the placeholders, or for one that this announcement has no
    value for."""
    usable = [
        name
        for name in PLACEHOLDERS
        if (has_session or name not in OF_SESSION) and (has_event or has_session or name != "event")
    ]
    mail_templates.check(text, usable)


def values(announcement: Announcement, name: str) -> dict[str, str]:
    """What the placeholders of an announcement stand for, for somebody called `name`, in the language of the moment."""
    session, event = announcement.session, announcement.event or (announcement.session and announcement.session.event)
    found = {"name": name, "programme": link("registrations:me")}
    if event:
        found["event"] = event.title
    if session:
        facts = facts_of(session)
        found |= facts | {"session": facts["title"]}
    return found


def edition_of(announcement: Announcement) -> Edition | None:
    """The edition that it is about."""
    event = announcement.event or (announcement.session and announcement.session.event)
    if event:
        return event.edition
    return announcement.cohort.edition if announcement.cohort else None


def audience(announcement: Announcement) -> QuerySet[Attendee]:
    """Whom an announcement goes to now: people with a registration of the chosen statuses in the session or event, the
    members of the cohort, or those who are both; without those who want no announcements, unless it must reach
    everybody."""
    people = Attendee.objects.filter(user__is_active=True)
    if announcement.session_id or announcement.event_id:
        registered = Registration.objects.filter(attendee=OuterRef("pk"), status__in=announcement.statuses)
        if announcement.session_id:
            registered = registered.filter(session=announcement.session_id)
        else:
            registered = registered.filter(session__event=announcement.event_id)
        people = people.filter(Exists(registered))
    elif not announcement.cohort_id:
        return people.none()
    if announcement.cohort_id:
        people = people.filter(
            Exists(Membership.objects.filter(attendee=OuterRef("pk"), cohort=announcement.cohort_id))
        )
    if not announcement.must_reach:
        people = mail_preferences.wanting(people, Topic.ANNOUNCEMENTS, "user")
    return people.order_by("pk")


def languages_read(announcement: Announcement) -> set[str]:
    """The languages of those whom it goes to now."""
    return set(audience(announcement).order_by().values_list("user__language", flat=True).distinct())


def languages_written(announcement: Announcement) -> list[str]:
    """The languages in which it has both a subject and a text."""
    return [
        language
        for language in ("fr", "en")
        if getattr(announcement, f"subject_{language}") and getattr(announcement, f"body_{language}")
    ]


def schedule(announcement: Announcement, send_at: datetime, *, actor: User) -> bool:
    """Have the draft sent at `send_at`, to those whom it then concerns; False when it is no draft any more. It leaves
    within seconds of that moment."""
    with transaction.atomic():
        current = (
            Announcement.objects.select_for_update(of=("self",), no_key=True)
            .filter(pk=announcement.pk, status=Status.DRAFT)
            .first()
        )
        if current is None:
            return False
        current.status, current.send_at = Status.SCHEDULED, send_at
        current._history_user = actor
        current.save()
        return True


def send_due(at: datetime) -> int:
    """Queue the mails of the announcements whose moment has come; return how many mails."""
    due = Announcement.objects.filter(status=Status.SCHEDULED, send_at__lte=at).order_by("send_at", "pk")
    return sum(_queue(announcement, at) for announcement in due)


def _queue(announcement: Announcement, at: datetime) -> int:
    with transaction.atomic():
        locked = Announcement.objects.select_for_update(of=("self",), no_key=True)
        current = locked.filter(pk=announcement.pk, status=Status.SCHEDULED).first()
        if current is None:  # another clock was faster, or it was stopped
            return 0
        rows = audience(current).values_list("pk", "user__email", "user__language")
        mails = [
            (email, f"{_key(current)}{pk}", language, {"announcement": current.pk, "attendee": pk})
            for pk, email, language in rows
        ]
        post_many(KIND, mails)
        current.status, current.queued_at, current.people = Status.QUEUED, at, len(mails)
        current._history_user = None
        current.save()
        return len(mails)


def stop(announcement: Announcement, *, actor: User) -> int:
    """Send no more of it: what is queued is dropped, what has left has left. Return how many mails were dropped. Twice
    changes nothing."""
    with transaction.atomic():
        locked = Announcement.objects.select_for_update(of=("self",), no_key=True)
        current = locked.filter(pk=announcement.pk, status__in=[Status.SCHEDULED, Status.QUEUED]).first()
        if current is None:
            return 0
        current.status = Status.STOPPED
        current._history_user = actor
        current.save()
        waiting = mails_of(current).filter(status=Message.Status.QUEUED)
        return waiting.update(status=Message.Status.DROPPED, last_error=STOPPED)


STOPPED = gettext_noop("The organisers have stopped this announcement.")


def mails_of(announcement: Announcement) -> QuerySet[Message]:
    return Message.objects.filter(kind=KIND, dedupe_key__startswith=_key(announcement)).order_by()


def _key(announcement: Announcement) -> str:
    return f"{KIND}:{announcement.uuid}:"


def send_test(announcement: Announcement, to: User, language: str, at: datetime) -> None:
    """Send it to one organiser alone, in `language`, as it is now."""
    key = f"{KIND}.test:{announcement.uuid}:{to.pk}:{language}:{at:%Y%m%dT%H%M%S}"
    post(
        f"{KIND}_test",
        to.email,
        dedupe_key=key,
        language=language,
        context={"announcement": announcement.pk, "user": to.pk},
    )
