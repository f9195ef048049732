"""Invitations by mail: to the members of a cohort, and to those who are invited to a session by name
(docs/rules.md#invitations)."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Subquery

from accounts.models import User
from outbox.domain.posting import post_many
from outbox.models import Message
from programme.models import Session
from registrations.models import Cohort, Invitation, Membership, Registration

COHORT = "notices.cohort"
BY_NAME = "notices.invited"


def uninvited(cohort: Cohort) -> list[tuple[int, str, str]]:
    """The members of `cohort` who were not written to yet, while its edition takes seats: number of the membership,
    address and language of each."""
    if not cohort.edition.takes_seats:  # a mail that is dropped today would not be sent tomorrow
        return []
    members = Membership.objects.filter(cohort=cohort, attendee__user__is_active=True)
    rows = members.values_list("pk", "attendee__user__email", "attendee__user__language").order_by("pk")
    sent = _sent(COHORT, [f"{COHORT}:{pk}" for pk, _email, _language in rows])
    return [row for row in rows if f"{COHORT}:{row[0]}" not in sent]


def invite_members(cohort: Cohort) -> int:
    """Write to each member of `cohort` who was not written to yet; return how many. Doing it twice writes to nobody
    twice."""
    return _post(
        COHORT, [(email, f"{COHORT}:{pk}", language, {"membership": pk}) for pk, email, language in uninvited(cohort)]
    )


def invite_by_name(invitations: Sequence[Invitation]) -> int:
    """Write to each of those `invitations` that was not sent yet, to sessions of the current edition; return how many.
    Doing it twice writes to nobody twice."""
    account = User.objects.filter(email=OuterRef("email"))
    chosen = Invitation.objects.filter(
        pk__in=[invitation.pk for invitation in invitations], session__in=Session.objects.taking_seats()
    ).exclude(Exists(account.filter(is_active=False)))
    rows = (
        chosen.annotate(language=Subquery(account.values("language")[:1]))
        .values_list("pk", "email", "language")
        .order_by("pk")
    )
    return _post(
        BY_NAME, [(email, f"{BY_NAME}:{pk}", language or "fr", {"invitation": pk}) for pk, email, language in rows]
    )


def _sent(kind: str, keys: list[str]) -> set[str]:
    return set(Message.objects.filter(kind=kind, dedupe_key__in=keys).values_list("dedupe_key", flat=True))


def _post(kind: str, mails: list[tuple[str, str, str, dict[str, int]]]) -> int:
    with transaction.atomic():
        sent = _sent(kind, [key for _to, key, _language, _said in mails])
        new = [one for one in mails if one[1] not in sent]
        post_many(kind, new)  # of two organisers at once, the second meets the keys of the first
        return len(new)


def sessions_for(cohort: Cohort, at: datetime) -> list[Session]:
    """The sessions to come in which `cohort` has seats left, by their start."""
    kept = cohort.allotments.filter(seats__gt=F("taken"), closed=False).values("session")
    sessions = Session.objects.filter(pk__in=kept, status=Session.Status.PUBLISHED, starts_at__gt=at)
    return list(sessions.select_related("event__edition", "room__venue").order_by("starts_at", "pk"))


def is_open(invitation: Invitation, at: datetime) -> bool:
    """Whether the person can still answer: the session is to come, and they have no seat in it, nor asked for one, nor
    given one back."""
    session = invitation.session
    answered = Registration.objects.filter(session=session, attendee__user__email=invitation.email)
    takes_place = session.status == Session.Status.PUBLISHED and session.event.edition.takes_seats
    return takes_place and session.starts_at > at and not answered.exists()
