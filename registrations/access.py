"""Which sessions a person may ask a seat of, and which registrations are theirs."""

from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.models import Attendee
from programme.models import Session
from registrations.domain import ways_in
from registrations.models import Registration, SeatPool


def visible_session(slug: str) -> Session:
    """The published session of that slug; raises Http404 for a draft as for an unknown one."""
    return get_object_or_404(Session.objects.published().select_related("event", "room__venue"), slug=slug)


def session_with_pools(slug: str, attendee: Attendee) -> tuple[Session, list[SeatPool]]:
    """The same with its seat pools as `attendee` may use them, nearly always in one query."""
    pools = list(
        ways_in.pools_for(attendee)
        .filter(session__slug=slug, session__in=Session.objects.published())
        .select_related("cohort", "session__event", "session__room__venue")
    )
    return (pools[0].session, pools) if pools else (visible_session(slug), [])


def waiting_registration(slug: str, attendee: Attendee) -> Registration:
    """The place of `attendee` in the line of that session; raises Http404 when they do not wait."""
    waiting = Registration.objects.waiting().select_related("session__event", "session__room__venue", "party")
    registration = waiting.filter(session=visible_session(slug), attendee=attendee).first()
    if registration is None:
        raise Http404
    return registration
