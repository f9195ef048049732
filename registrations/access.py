"""Which sessions a person may ask a seat of, which registrations are theirs, and which allocations take their
wishes."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.models import Attendee
from programme.models import Edition, Session
from registrations.domain import ways_in
from registrations.models import Draw, Invitation, Registration, SeatPool

# What a seat's pages read of its session. Django spends more time on writing a SELECT of a hundred columns than the
# database on answering it.
OF_SESSION = [
    *(
        "slug",
        "title_fr",
        "title_en",
        "kind",
        "status",
        "access",
        "starts_at",
        "ends_at",
        "capacity",
        "waiting_list",
        "offer_hours",
        "draw_at",
    ),
    *(
        "registration_opens_at",
        "registration_closes_at",
        "holds_requests",
        "event__clash_policy",
        "event__title_fr",
        "event__title_en",
        "event__edition__is_current",
        "event__edition__state",
    ),
    *("room__name_fr", "room__name_en", "room__venue__name_fr", "room__venue__name_en", "room__venue__timezone"),
]


def visible_session(slug: str) -> Session:
    """The published session of that slug; raises Http404 for a draft as for an unknown one."""
    return get_object_or_404(
        Session.objects.published().select_related("event__edition", "room__venue").only(*OF_SESSION), slug=slug
    )


def session_with_pools(slug: str, attendee: Attendee) -> tuple[Session, list[SeatPool]]:
    """The same with its seat pools as `attendee` may use them, nearly always in one query."""
    shown = [Session.Status.PUBLISHED, Session.Status.CANCELLED]
    found = ways_in.pools_for(attendee).filter(session__slug=slug, session__status__in=shown)
    found = found.exclude(session__event__edition__state=Edition.State.PREPARATION)
    needed = [*ways_in.OF_POOL, *(f"session__{name}" for name in OF_SESSION)]
    pools = list(found.select_related("cohort", "session__event__edition", "session__room__venue").only(*needed))
    return (pools[0].session, pools) if pools else (visible_session(slug), [])


def waiting_registration(slug: str, attendee: Attendee) -> Registration:
    """The place of `attendee` on the waiting list of that session; raises Http404 when they do not wait."""
    waiting = Registration.objects.waiting().select_related("session__event__edition", "session__room__venue", "party")
    registration = waiting.filter(session=visible_session(slug), attendee=attendee).first()
    if registration is None:
        raise Http404
    return registration


def sessions_of(attendee: Attendee, at: datetime) -> QuerySet[Session]:
    """The sessions that `attendee` has a seat in, waits for or asks for, in order of time; with those to come that were
    refused, or that keep a seat for them."""
    own = Registration.objects.filter(session=OuterRef("pk"), attendee=attendee)
    refused = Q(Exists(own.filter(status=Registration.Status.DECLINED)), starts_at__gt=at)
    kept = Q(pk__in=_kept_for(attendee, at))
    found = Session.objects.filter(Q(Exists(own.live())) | refused | kept)
    return found.with_place().order_by("starts_at", "ends_at", "pk")


def _kept_for(attendee: Attendee, at: datetime) -> QuerySet[Session]:
    """The sessions to come that seats are kept for `attendee` in: for a cohort of theirs, or by invitation."""
    pools = SeatPool.objects.filter(session=OuterRef("pk"), closed=False, cohort__memberships__attendee=attendee)
    invited = Invitation.objects.filter(session=OuterRef("pk"), email=attendee.user.email)
    kept = Q(Exists(pools)) | Q(Exists(invited), access=Session.Access.INVITATION)
    return Session.objects.filter(kept, status=Session.Status.PUBLISHED, starts_at__gt=at)


def drawing(slug: str) -> Draw:
    """The drawing of lots of that session; raises Http404 where none has taken place."""
    return get_object_or_404(
        Draw.objects.select_related("session__event__edition", "session__room__venue"),
        session__in=Session.objects.published(),
        session__slug=slug,
    )
