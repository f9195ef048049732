"""The calendar address of a person: secret, made on request, revoked at once (docs/rules.md#calendars)."""

from django.db import transaction

from accounts.models import Attendee, User
from registrations.models import CalendarFeed, new_token


def feed_of(attendee: Attendee) -> CalendarFeed | None:
    return CalendarFeed.objects.filter(attendee=attendee).first()


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
            feed.token = new_token()
            feed._history_user = actor
            feed.save()


def close(attendee: Attendee, *, actor: User) -> None:
    """Switch the address off; the calendars that have it find nothing there any more. Doing it twice changes nothing."""
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
