"""What a person sees of a session's seats: one state, one sentence, the seats left (docs/rules.md#seats)."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Q

from accounts.models import Attendee
from programme.models import Event, Session
from registrations.domain import booking, clashes, waitlist, ways_in
from registrations.domain.clashes import Clash
from registrations.models import Invitation, Registration, SeatPool
from venues.domain.travel import Travel

Status = Registration.Status
STATES = {Status.CONFIRMED: "mine", Status.PENDING: "pending", Status.WAITING: "waiting", Status.OFFERED: "offered"}


@dataclass(frozen=True)
class Seat:
    """The state of one session for one person (or for a stranger).

    `state` is "mine", "pending", "waiting" or "offered" where the person has a registration; else "open", "full", or the code
    of the refusal (see ways_in.refusal), which `sentence` says in words. `seats` and `left` count what the person may use,
    None where the session keeps no count or they have a seat. `place` is their place in line, `line` the number of people in
    it. `clashes`: where they are expected meanwhile. `stamp` and `key` go into the forms.
    """

    session: Session
    state: str
    sentence: str = ""
    seats: int | None = None
    left: int | None = None
    registration: Registration | None = None
    place: int | None = None
    line: int = 0
    clashes: tuple[Clash, ...] = ()
    stamp: str = ""
    may_cancel: bool = False
    key: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def is_live(self) -> bool:
        """Whether the row of the programme, which is the same for everybody, must be told more than it says."""
        return self.registration is not None or self.seats is not None

    @property
    def taken(self) -> int:
        return (self.seats or 0) - (self.left or 0)

    @property
    def asks(self) -> bool:
        """Whether one asks the organisers, who decide."""
        return self.session.access == Session.Access.APPROVAL

    @property
    def may_wait(self) -> bool:
        return self.state == "full" and self.session.waiting_list != Session.WaitingList.NONE

    @property
    def may_take_both(self) -> bool:
        """Whether the event lets the person have this seat in spite of the clashes."""
        return self.session.event.clash_policy == Event.ClashPolicy.WARN

    @property
    def may_swap(self) -> bool:
        """Whether the person may give up what clashes for this seat, in one step."""
        return (
            bool(self.clashes)
            and self.session.event.clash_policy != Event.ClashPolicy.REFUSE
            and all(clash.can_be_left for clash in self.clashes)
        )

    @property
    def to_leave(self) -> list[str]:
        """The registrations that a swap gives up, by their codes."""
        return [str(clash.commitment.registration.uuid) for clash in self.clashes if clash.commitment.registration]


def seat(session: Session, attendee: Attendee | None, at: datetime) -> Seat:
    """The seat of one session, as `attendee` (None: a stranger) sees it at `at`."""
    return seats([session], attendee, at)[0]


def seats(sessions: Iterable[Session], attendee: Attendee | None, at: datetime) -> list[Seat]:
    """The seats of `sessions`, in their order, as `attendee` sees them at `at`: a constant number of queries, however many sessions."""
    sessions = list(sessions)
    pools: dict[int, list[SeatPool]] = {session.pk: [] for session in sessions}
    for pool in ways_in.pools_for(attendee).filter(session__in=sessions):
        pools[pool.session_id].append(pool)
    waiting = Registration.objects.filter(session__in=sessions, status=Status.WAITING).order_by()
    lines = dict(waiting.values_list("session").annotate(n=Count("pk")))
    if attendee is None:
        return [_seat(session, pools[session.pk], None, at, line=lines.get(session.pk, 0)) for session in sessions]
    person = Attendee.objects.annotate(on_duty=clashes.has_duties(), is_live=clashes.is_live()).only("pk", "user").get(pk=attendee.pk)
    known = Registration.objects.filter(attendee=attendee).select_related("party").order_by("pk")
    if person.is_live:
        known = known.filter(Q(session__in=sessions) | ~Q(status__in=Registration.ENDED)).select_related(
            "session__event", "session__room__venue"
        )
    else:  # nearly everybody, before a rush
        known = known.filter(session__in=sessions)
    last = {mine.session_id: mine for mine in known}
    live = [mine for mine in known if mine.status not in Registration.ENDED]
    places = waitlist.places(mine for mine in live if mine.session_id in pools)
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
        found: list[Clash] = []
        # Whoever has a seat chose it; the page tells of a clash before the click.
        if (mine is None or mine.status in (*Registration.ENDED, Status.OFFERED)) and session.starts_at > at:
            found = clashes.clashes_with(session, expected, travel)
        shown.append(
            _seat(
                session,
                pools[session.pk],
                mine,
                at,
                line=lines.get(session.pk, 0),
                place=places.get(mine.pk) if mine else None,
                invited=session.pk in invited,
                found=found,
            )
        )
    return shown


def seat_after(registration: Registration, at: datetime) -> Seat:
    """The seat of somebody right after their own act on it: what they know already is not read again."""
    places = waitlist.places([registration])
    return _seat(registration.session, [], registration, at, place=places.get(registration.pk))


def _seat(
    session: Session,
    pools: list[SeatPool],
    last: Registration | None,
    at: datetime,
    *,
    line: int = 0,
    place: int | None = None,
    invited: bool = False,
    found: Iterable[Clash] = (),
) -> Seat:
    mine = last if last and last.status not in Registration.ENDED else None
    if mine and mine.status == Status.OFFERED and mine.offer_expires_at and mine.offer_expires_at <= at:
        mine = None  # the seat is about to go to the next in line
    own = {pool.cohort_id for pool in pools if pool.cohort_id and pool.mine}  # type: ignore[attr-defined]
    usable = ways_in.usable(session, pools, own, at, let_in=invited)
    enters = invited or any(pool.cohort_id for pool in usable)
    refused = ways_in.closed(session, at) if enters else ways_in.refusal(session, at)
    state, sentence = STATES.get(Status(mine.status), "") if mine else "", ""
    counted = usable if session.access != Session.Access.PUBLIC and not refused else []
    if session.status == Session.Status.CANCELLED or (refused and not mine):
        state, sentence = (refused.code, str(refused)) if refused else ("cancelled", "")
    elif not mine:
        left = sum(pool.left for pool in usable)
        asks_freely = session.access == Session.Access.APPROVAL and not session.holds_requests
        state = "open" if left > 0 or asks_freely else "full"
    if state == "mine":
        counted = []
    return Seat(
        session,
        state,
        sentence,
        seats=sum(pool.seats for pool in counted) if counted else None,
        left=max(sum(pool.left for pool in counted), 0) if counted else None,
        registration=mine,
        place=place,
        line=line,
        clashes=tuple(found) if not refused else (),
        stamp=booking.stamp(last),
        may_cancel=mine is not None and session.ends_at > at and session.status != Session.Status.CANCELLED,
    )
