"""The calendar address of a person: secret, made on request, revoked at once (docs/rules.md#calendars)."""

from datetime import datetime, timedelta

from django.db import transaction
from icalendar import Alarm, vText

from accounts.models import Attendee, User
from core.hashes import keyed_hash
from core.identity import current_identity
from notices.models import CalendarFeed
from outbox.domain.mail_kinds import one_line
from programme.models import Edition
from registrations.domain.calendars import empty_calendar, entry, finished, versions
from registrations.models import Registration


def feed_of(attendee: Attendee) -> CalendarFeed | None:
    return CalendarFeed.objects.filter(attendee=attendee).first()


def old_key_hash_of(key: str) -> str:
    """A hash of an address that was given out before keys were derived."""
    return keyed_hash(f"notices.calendar:{key}")


def open_feed(attendee: Attendee, *, actor: User) -> CalendarFeed:
    """The address of that person, made if there is none. Doing it twice makes one."""
    with transaction.atomic():
        feed = _locked(attendee)
        if feed is None:
            feed = CalendarFeed(attendee=attendee)
            feed._history_user = actor
            feed.save()
        return feed


def renew(attendee: Attendee, *, actor: User) -> None:
    """Give the person another address; the one before answers no longer."""
    with transaction.atomic():
        if feed := _locked(attendee):
            feed.key_version, feed.old_key_hash = feed.key_version + 1, ""
            feed._history_user = actor
            feed.save()


def close(attendee: Attendee, *, actor: User) -> None:
    """Switch the address off; the calendars that have it find nothing there any more. Doing it twice changes
    nothing."""
    with transaction.atomic():
        if feed := _locked(attendee):
            feed._history_user = actor
            feed.delete()


def set_alarm(attendee: Attendee, minutes: int | None, *, actor: User) -> None:
    """Have the calendar ring so many minutes before each session, or not at all."""
    with transaction.atomic():
        feed = _locked(attendee)
        if feed and feed.alarm_minutes != minutes:
            feed.alarm_minutes = minutes
            feed._history_user = actor
            feed.save()


def _locked(attendee: Attendee) -> CalendarFeed | None:
    # Two clicks at once take turns at the person's row, also when there is no address yet.
    list(Attendee.objects.select_for_update(no_key=True).filter(pk=attendee.pk).values_list("pk"))
    return feed_of(attendee)


REFRESH = timedelta(hours=1)  # how often clients are asked to come back


PAST = timedelta(days=60)  # how long the feed keeps what is over


def subscription(feed: CalendarFeed, at: datetime) -> str:
    """All seats of one person, for the calendar that asks for them by their address: those that they have, and as
    tentative those that are offered to them. A constant number of queries; no name of anybody."""
    live = Registration.objects.filter(attendee=feed.attendee_id, session__ends_at__gt=at - PAST)
    seats = live.filter(
        status__in=[Registration.Status.CONFIRMED, Registration.Status.OFFERED],
        session__event__edition__in=Edition.objects.taking_seats(),
    )
    registrations = list(
        seats.select_related("session__event__edition", "session__room__venue").order_by("session__starts_at", "pk")
    )
    calendar = empty_calendar("PUBLISH")
    called = current_identity().name
    for name in ("name", "x-wr-calname"):
        calendar.add(name, vText(called))  # which icalendar would not escape by itself
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    version = versions(registrations)
    for registration in registrations:
        offered = registration.status == Registration.Status.OFFERED
        event = entry(registration, version[registration.pk], "TENTATIVE" if offered else "CONFIRMED")
        if feed.alarm_minutes is not None:
            event.add_component(_alarm(registration, feed.alarm_minutes))
        calendar.add_component(event)
    return finished(calendar)


def _alarm(registration: Registration, minutes: int) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", one_line(registration.session.title))
    alarm.add("trigger", timedelta(minutes=-minutes))
    return alarm
