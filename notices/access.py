"""The questions and calendars that a secret address opens."""

from uuid import UUID

from django.shortcuts import get_object_or_404

from notices.models import CalendarFeed, Reconfirmation


def question(code: UUID) -> Reconfirmation:
    """The question whether somebody still comes, by the code of its mail, which is all that one needs to answer it."""
    reconfirmations = Reconfirmation.objects.select_related(
        "registration__attendee__user",
        "reminder__rule",
        "reminder__session__event__edition",
        "reminder__session__room__venue",
    )
    return get_object_or_404(reconfirmations, uuid=code)


def calendar_feed(token: str) -> CalendarFeed:
    """The calendar that has that secret; raises Http404 for a secret that was revoked, or whose owner may not sign in,
    as for a made-up one."""
    return get_object_or_404(
        CalendarFeed.objects.select_related("attendee__user"), token=token, attendee__user__is_active=True
    )
