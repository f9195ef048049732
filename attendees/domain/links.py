"""Ending every secret link that was mailed to somebody (docs/rules.md#revoked-links)."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from attendees.domain.objecting import lists_with
from core.deadlocks import again_after_deadlock
from notices.domain import calendar_feeds, reminders
from partners.domain import applying

REASON = "links revoked"


@again_after_deadlock
def revoke_all(user: User, *, at: datetime) -> None:
    """End the links of all invitations, calendar subscriptions and mails that `user` ever got; they are told the new
    ones when they ask. A question that is still open is mailed again: nobody loses a seat by this."""
    with transaction.atomic():
        for institution in sorted(set(lists_with(user).values_list("institution", flat=True))):
            applying.lock(institution)
        locked = User.objects.select_for_update(no_key=True, of=["self"]).get(pk=user.pk)
        for invitee in lists_with(locked):
            invitee.end_links()
            invitee._history_user, invitee._change_reason = user, REASON
            invitee.save(update_fields=invitee.LINK_FIELDS)
        if attendee := getattr(locked, "attendee", None):
            calendar_feeds.renew(attendee, actor=user)
            reminders.ask_again(attendee, at=at)
        locked.links_version += 1
        locked._history_user, locked._change_reason = user, REASON
        locked.save(update_fields=["links_version"])
