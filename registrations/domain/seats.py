"""What a person sees of a session's seats: one state, one sentence, the seats left (docs/rules.md#seats)."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from accounts.models import Attendee
from core.templatetags.when import moment
from programme.models import Event, Session
from registrations.domain import booking, clashes, waitlist, ways_in
from registrations.domain.clashes import Clash
from registrations.domain.ways_in import SeatRefused
from registrations.models import Draw, Invitation, Limit, Registration, SeatPool
from registrations.signals import wishes_asked
from venues.domain.travel import Travel

Status = Registration.Status
STATES = {Status.CONFIRMED: "mine", Status.PENDING: "pending", Status.WAITING: "waiting", Status.OFFERED: "offered"}


# How firmly somebody is expected somewhere: of two sessions that clash, the less firm one tells of it.
FIRMNESS = {
    Status.WAITING: 0,
    Status.PENDING: 0,
    Status.OFFERED: 1,
    Status.CONFIRMED: 2,
    clashes.SPEAKING: 3,
    clashes.DUTY: 3,
}


def _is(*states: str) -> property:
    """Whether the state of a seat is one of `states`: what templates ask."""
    return property(lambda seat: seat.state in states)


@dataclass(frozen=True)
class GivenOut:
    """The allocation that gives out the seats of a session: the address of its page, and between which moments it takes
    wishes."""

    url: str
    opens_at: datetime
    closes_at: datetime

    def sentence(self, session: Session, at: datetime) -> str:
        """What it means to somebody who wants to come."""
        if at < self.opens_at:
            words = _("Seats are given out by wishes. You can add yours from %(moment)s.")
            return words % {"moment": moment(self.opens_at, session.zone)}
        if at < self.closes_at:
            words = _("Seats are given out by wishes. You can add yours until %(moment)s.")
            return words % {"moment": moment(self.closes_at, session.zone)}
        return _("Wishes are closed: the seats are about to be given out.")


@dataclass(frozen=True)
class Seat:
    """The state of one session for one person (or for a stranger) at a moment, `at`.

    `state` is "mine", "pending", "waiting" or "offered" where the person has a registration; else "open", "full",
    "limit" (they have as many seats as the event allows), "wishes" (an allocation gives the seats out), or the code of
    the refusal (see ways_in.refusal), which `sentence` says in words. `seats` and `left` count what the person may use,
    None where the session keeps no count or they have a seat. `place` is their place on the waiting list, `line` the
    number of people in it. `clashes`: where they are expected meanwhile. `ended`: their last registration, if it is
    over. `own`: the pools that are kept for cohorts of theirs, and have seats left. `given_out`: the allocation that
    takes wishes for it, `by_wishes`: whether nobody takes a seat before that. `is_drawn`: the lots of the waiting list
    have been drawn, `lots` of them. `stamp` and `key` go into the forms.
    """

    session: Session
    state: str
    sentence: str = ""
    seats: int | None = None
    left: int | None = None
    registration: Registration | None = None
    ended: Registration | None = None
    place: int | None = None
    waiting_count: int = 0
    is_drawn: bool = False
    lots: int = 0
    own: tuple[SeatPool, ...] = ()
    is_invited: bool = False
    given_out: GivenOut | None = None
    by_wishes: bool = False
    clashes: tuple[Clash, ...] = ()
    limit: str = ""
    stamp: str = ""
    may_cancel: bool = False
    at: datetime | None = None
    key: str = field(default_factory=lambda: str(uuid.uuid4()))

    is_mine = _is("mine")
    is_pending = _is("pending")
    is_waiting = _is("waiting")
    is_offered = _is("offered")
    is_open = _is("open")
    is_full = _is("full")
    takes_people = _is("open", "full")  # whether there is a way in: a seat, a request, or a line
    is_limited = _is("limit")
    is_public = _is("public")
    is_cancelled = _is("cancelled")
    is_too_early = _is("not_yet")
    is_closed = _is("closed")
    has_started = _is("started")
    is_over = _is("over")
    needs_invitation = _is("invitation")
    needs_cohort = _is("cohort")
    awaits_wishes = _is("wishes")

    @property
    def is_live(self) -> bool:
        """Whether the row of the programme, which is the same for everybody, must be told more than it says."""
        known = self.registration is not None or self.seats is not None
        return known or self.state in ("not_yet", "closed", "started", "wishes")

    @property
    def is_kept(self) -> bool:
        """Whether a seat waits for the person to take it: kept for a cohort of theirs, or for invited people."""
        return bool(self.own or self.is_invited) and self.state in ("open", "not_yet", "wishes")

    @property
    def wishes_url(self) -> str:
        """The page on which to wish for it, while wishes are taken."""
        given_out = self.given_out
        return given_out.url if given_out and self.at and given_out.opens_at <= self.at < given_out.closes_at else ""

    @property
    def taken(self) -> int:
        return (self.seats or 0) - (self.left or 0)

    @property
    def asks(self) -> bool:
        """Whether one asks the organisers, who decide."""
        return self.session.access == Session.Access.APPROVAL

    @property
    def firmest_clash(self) -> Clash | None:
        """The one to name where there is room for one: a seat or a speech before a hope of one."""
        return max(self.clashes, key=lambda clash: FIRMNESS[clash.commitment.kind], default=None)

    @property
    def may_wait(self) -> bool:
        return self.state == "full" and self.session.waiting_list != Session.WaitingList.NONE

    @property
    def awaits_draw(self) -> bool:
        """Whether lots are still to be drawn: until then, a place on the waiting list says nothing."""
        return self.session.waiting_list == Session.WaitingList.DRAW and not self.is_drawn

    @property
    def may_take_both(self) -> bool:
        """Whether the event lets the person have this seat in spite of the clashes."""
        return self.session.event.clash_policy == Event.ClashPolicy.WARN and not self.limit

    @property
    def may_swap(self) -> bool:
        """Whether the person may give up what clashes for this seat, in one step: nobody gives a seat up for a place on
        the waiting list, nor for a request where they can have both."""
        return _may_swap(self.session, self.clashes, is_full=self.state == "full") and not (
            self.asks and self.may_take_both
        )

    @property
    def to_leave(self) -> list[str]:
        """The registrations that a swap gives up, by their codes."""
        return [str(clash.commitment.registration.uuid) for clash in self.clashes if clash.commitment.registration]

    @property
    def is_passed_over(self) -> bool:
        """Whether a seat that becomes free goes past the person on the waiting list, for what they hold elsewhere (see
        waitlist.fitting)."""
        strict = self.session.event.clash_policy != Event.ClashPolicy.WARN
        kept_out = strict and any(clash.commitment.kind != Status.WAITING for clash in self.clashes)
        return self.state == "waiting" and (kept_out or bool(self.limit))

    @property
    def warnings(self) -> list[Clash]:
        """The clashes to tell beside this seat in one's own programme, so that each is told once: beside the less firm
        of the two, or else beside the later one."""
        own = FIRMNESS[self.registration.status] if self.registration else 0
        return [
            clash
            for clash in self.clashes
            if (firmness := FIRMNESS[clash.commitment.kind]) > own or (firmness == own and clash.comes_first)
        ]

    @property
    def time_left(self) -> timedelta | None:
        """How long the offer lasts."""
        until = self.registration.offer_expires_at if self.registration else None
        return until - self.at if until and self.at else None


def _may_swap(session: Session, clashing: Iterable[Clash], *, is_full: bool) -> bool:
    clashing = list(clashing)
    return (
        bool(clashing)
        and session.event.clash_policy != Event.ClashPolicy.REFUSE
        and all(clash.can_be_left and (not is_full or clash.commitment.kind == Status.WAITING) for clash in clashing)
    )


def seat(session: Session, attendee: Attendee | None, at: datetime) -> Seat:
    """The seat of one session, as `attendee` (None: a stranger) sees it at `at`."""
    return seats([session], attendee, at)[0]


def seats(sessions: Iterable[Session], attendee: Attendee | None, at: datetime) -> list[Seat]:
    """The seats of `sessions`, in their order, as `attendee` sees them at `at`: a constant number of queries, however
    many sessions."""
    sessions = list(sessions)
    pools: dict[int, list[SeatPool]] = {session.pk: [] for session in sessions}
    for pool in ways_in.pools_for(attendee).filter(session__in=sessions):
        pools[pool.session_id].append(pool)
    waiting = Registration.objects.filter(session__in=sessions, status=Status.WAITING).order_by()
    waiting_counts = dict(waiting.values_list("session").annotate(n=Count("pk")))
    draws = _draws(sessions)
    given_out: dict[int, GivenOut] = {}
    answers: list[tuple[Any, Any]] = wishes_asked.send(sender=None, sessions=sessions)
    for _receiver, found in answers:
        given_out |= found
    if attendee is None:
        return [
            _seat(
                _Known(
                    session,
                    pools[session.pk],
                    waiting_count=waiting_counts.get(session.pk, 0),
                    draws=draws,
                    given_out=given_out.get(session.pk),
                ),
                at,
            )
            for session in sessions
        ]
    person = (
        Attendee.objects.annotate(on_duty=clashes.has_duties(), is_live=clashes.is_live())
        .only("pk", "user")
        .get(pk=attendee.pk)
    )
    known = (
        Registration.objects.filter(attendee=attendee)
        .select_related("party")
        .annotate(together=_together())
        .order_by("pk")
    )
    if person.is_live:
        known = known.filter(Q(session__in=sessions) | ~Q(status__in=Registration.ENDED)).select_related(
            "session__event__edition", "session__room__venue"
        )
    else:  # nearly everybody, before a rush
        known = known.filter(session__in=sessions)
    last = {mine.session_id: mine for mine in known}
    live: list[Registration] = [mine for mine in known if mine.status not in Registration.ENDED]
    held = [mine.session for mine in live if mine.status in ways_in.HOLDS]
    places = waitlist.places(mine for mine in live if mine.session_id in pools)
    limits = list(Limit.objects.filter(event__in={session.event_id for session in held}).order_by("pk")) if held else []
    by_invitation = [session for session in sessions if session.access == Session.Access.INVITATION]
    invited: set[int] = set()
    if by_invitation:
        invitations = Invitation.objects.filter(session__in=by_invitation, email=attendee.user.email)
        invited = set(invitations.values_list("session", flat=True))
    expected = clashes.commitments_of([person], registrations={attendee.pk: live})[attendee.pk]
    travel = Travel()
    shown = []
    for session in sessions:
        mine = last.get(session.pk)
        clashing = clashes.clashes_with(session, expected, travel) if session.ends_at > at else []
        limited = ways_in.over_limit(session, held, limits)
        # Whoever gives up what clashes may have one seat less.
        left = {clash.commitment.session.pk for clash in clashing}
        kept = [other for other in held if other.pk not in left]
        shown.append(
            _seat(
                _Known(
                    session,
                    pools[session.pk],
                    mine,
                    waiting_count=waiting_counts.get(session.pk, 0),
                    place=places.get(mine.pk) if mine else None,
                    draws=draws,
                    is_invited=session.pk in invited,
                    given_out=given_out.get(session.pk),
                    clashes=clashing,
                    limited=limited,
                    limited_after_swap=limited and ways_in.over_limit(session, kept, limits),
                ),
                at,
            )
        )
    return shown


def seat_after(registration: Registration, at: datetime) -> Seat:
    """The seat of somebody right after their own act on it: what they know already is not read again."""
    session = registration.session
    if registration.status != Status.WAITING:
        return _seat(_Known(session, last=registration), at)
    place = waitlist.places([registration]).get(registration.pk)
    return _seat(_Known(session, last=registration, place=place, draws=_draws([session])), at)


def seat_refused(session: Session, full: booking.Full, at: datetime) -> Seat:
    """The seat of somebody who has just learned that none is left: in a rush that is most people, for whom nothing is
    read again."""
    return _seat(_Known(session, full.pools, full.last), at)


def _draws(sessions: Iterable[Session]) -> dict[int, int]:
    """How many lots were drawn, by session; those without a drawing are not named."""
    by_lot = [session for session in sessions if session.waiting_list == Session.WaitingList.DRAW]
    if not by_lot:
        return {}
    drawn = Draw.objects.filter(session__in=by_lot).order_by()
    return {
        pk: lots or 0 for pk, lots in drawn.values_list("session").annotate(lots=Max("session__registrations__lot"))
    }


def _together() -> Subquery:
    """How many people the party of a registration has."""
    members = Registration.objects.filter(party=OuterRef("party"), status=Status.WAITING).order_by()
    return Subquery(members.values("party").annotate(number=Count("pk")).values("number"))


@dataclass(frozen=True)
class _Known:
    """What decides how a person sees the seat of a session: what was read of the session, and of them.

    `last` is their last registration, `place` their place on the waiting list, `draws` how many lots were drawn by
    session, `given_out` the allocation that takes wishes for it, `clashes` what clashes; `limited` why a limit keeps
    them out, and whether it would after a swap as well.
    """

    session: Session
    pools: Sequence[SeatPool] = ()
    last: Registration | None = None
    waiting_count: int = 0
    place: int | None = None
    draws: Mapping[int, int] = field(default_factory=dict)
    is_invited: bool = False
    given_out: GivenOut | None = None
    clashes: Sequence[Clash] = ()
    limited: SeatRefused | None = None
    limited_after_swap: SeatRefused | None = None


def _seat(known: _Known, at: datetime) -> Seat:
    session, last, draws = known.session, known.last, known.draws
    mine = last if last and last.status not in Registration.ENDED else None
    if mine and mine.status == Status.OFFERED and mine.offer_expires_at and mine.offer_expires_at <= at:
        mine = None  # the seat is about to go to the next on the waiting list
    cohorts = {pool.cohort_id for pool in known.pools if pool.cohort_id and pool.mine}  # type: ignore[attr-defined]
    usable = ways_in.usable(session, known.pools, cohorts, at, let_in=known.is_invited)
    own = [pool for pool in usable if pool.cohort_id]
    refused = ways_in.closed(session, at) if known.is_invited or own else ways_in.refusal(session, at)
    by_wishes = ways_in.given_out_by_wishes(known.pools)
    # Once a session has begun, nobody is given a seat any more, whatever they wait for.
    if mine and mine.status != Status.CONFIRMED and session.starts_at <= at:
        mine = None
    state, sentence = STATES[Status(mine.status)] if mine else "", ""
    shows_seats = session.access != Session.Access.PUBLIC and not refused and state != "mine" and not by_wishes
    counted = usable if shows_seats else []
    left = sum(pool.left for pool in usable)
    if refused and (not mine or session.status == Session.Status.CANCELLED):
        state, sentence = refused.code, str(refused)
    elif not mine and by_wishes:
        state = "wishes"
        sentence = (
            known.given_out.sentence(session, at)
            if known.given_out
            else _("Seats in this session are given out by wishes.")
        )
    elif not mine:
        asks_freely = session.access == Session.Access.APPROVAL and not session.holds_requests
        state = (
            "open"
            if asks_freely
            or (
                left > 0
                and not waitlist.comes_first(session, waiting=known.waiting_count, is_drawn=session.pk in draws)
            )
            else "full"
        )
        if known.limited and (
            known.limited_after_swap or not _may_swap(session, known.clashes, is_full=state == "full")
        ):
            state, sentence = "limit", str(known.limited)
    return Seat(
        session,
        state,
        sentence,
        seats=sum(pool.seats for pool in counted) if counted else None,
        left=max(left, 0) if counted else None,
        registration=mine,
        ended=last if last and last.status in Registration.ENDED else None,
        place=known.place,
        waiting_count=known.waiting_count,
        is_drawn=session.pk in draws,
        lots=draws.get(session.pk, 0),
        own=tuple(pool for pool in own if pool.left > 0),
        is_invited=known.is_invited,
        given_out=known.given_out,
        by_wishes=by_wishes,
        clashes=tuple(known.clashes) if mine or not refused else (),
        limit=str(known.limited) if known.limited else "",
        stamp=booking.stamp(last),
        may_cancel=mine is not None and session.ends_at > at and session.status != Session.Status.CANCELLED,
        at=at,
    )
