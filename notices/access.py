"""The questions and calendars that a secret address opens."""

from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404

from core import keys
from notices.domain import calendar_feeds
from notices.models import CalendarFeed, Reconfirmation


def question(key: str) -> Reconfirmation:
    """The question whether somebody still comes, by the key of its mail, which is all that one needs to answer it.
    Raises Http404."""
    reconfirmations = Reconfirmation.objects.select_related(
        "registration__attendee__user",
        "reminder__rule",
        "reminder__session__event__edition",
        "reminder__session__room__venue",
    )
    if row := keys.row_of(key):
        asked = get_object_or_404(reconfirmations, uuid=row, key_version__gt=0)
        if keys.is_right(key, Reconfirmation.PURPOSE, row, asked.key_version):
            return asked
        raise Http404
    try:
        return get_object_or_404(reconfirmations, uuid=UUID(key), key_version=0)
    except ValueError as error:
        raise Http404 from error


def calendar_feed(key: str) -> CalendarFeed:
    """The calendar that has that key; raises Http404 for a key that was revoked, or whose owner may not sign in, as for
    a made-up one."""
    feeds = CalendarFeed.objects.select_related("attendee__user").filter(attendee__user__is_active=True)
    if row := keys.row_of(key):
        feed = get_object_or_404(feeds, uuid=row)
        if keys.is_right(key, CalendarFeed.PURPOSE, row, feed.key_version):
            return feed
        raise Http404
    return get_object_or_404(feeds, old_key_hash=calendar_feeds.old_key_hash_of(key))
