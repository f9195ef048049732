"""Objections to the use of one's data (GDPR, article 21): to a list, by its own page; to the whole, by a request to the
organisers."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import get_language

from accounts.models import User
from attendees.models import PrivacyRequest
from core.identity import current_identity
from core.limits import Limit
from outbox.domain.posting import post
from partners.models import Invitee

KIND = "attendees.objection"
OBJECTIONS = Limit("privacy-requests", amount=3, per=timedelta(days=1))


def lists_with(user: User) -> QuerySet[Invitee]:
    """The lists of institutions that `user` stands on."""
    named = Invitee.objects.filter(email=user.email) | Invitee.objects.filter(attendee__user=user)
    return named.select_related("institution", "cohort").order_by("pk")


@transaction.atomic
def object_to_everything(user: User, text: str, *, at: datetime) -> PrivacyRequest:
    """Keep what `user` objects to, and tell whoever answers for people's data that there is something to answer: the
    mail leads to it, and names nobody. The same words once more, while they wait for an answer, are the same request.
    Raises TooMany."""
    User.objects.select_for_update(no_key=True, of=["self"]).get(pk=user.pk)  # pressed twice is one
    waiting = PrivacyRequest.objects.filter(user=user, text=text, answered_at=None).first()
    if waiting:
        return waiting
    OBJECTIONS.take(str(user.pk), at=at)
    made = PrivacyRequest(user=user, text=text, created_at=at)
    made._history_user = user
    made.save(force_insert=True)
    post(
        KIND,
        current_identity().privacy_address,
        dedupe_key=f"{KIND}:{made.pk}",
        language="en" if get_language() == "en" else "fr",
        context={"request": made.pk},
    )
    return made
