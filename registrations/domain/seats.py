"""What a person sees of a session's seats: one state, one sentence, the seats left (docs/rules.md#seats)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Attendee
from programme.models import Session
from registrations.domain import booking
from registrations.models import Registration, SeatPool


@dataclass(frozen=True)
class Seat:
    """The state of one session for one person (or for a stranger).

    `state` is "mine", "open", "full", or the code of the refusal (see booking.refusal); `sentence` says it where it needs
    words. `seats` and `left` count the general pool, None where the session keeps no count or the seat is one's own. `stamp` goes into the form.
    """

    session: Session
    state: str
    sentence: str = ""
    seats: int | None = None
    left: int | None = None
    stamp: str = ""
    may_cancel: bool = False

    @property
    def is_live(self) -> bool:
        """Whether the row of the programme, which is the same for everybody, must be told more than it says."""
        return self.state == "mine" or self.session.access == Session.Access.REGISTRATION

    @property
    def taken(self) -> int:
        return (self.seats or 0) - (self.left or 0)


def seat(session: Session, attendee: Attendee | None, at: datetime, *, last: Registration | None = None) -> Seat:
    """The seat of one session, as `attendee` (None: a stranger) sees it at `at`. Give their `last` registration if it is known."""
    if attendee and last is None:
        last = Registration.objects.filter(session=session, attendee=attendee).order_by("id").last()
    # Whoever has a seat is not told how many are left.
    pool = None if _holds_a_seat(last) else SeatPool.objects.filter(session=session, cohort=None).first()
    return _seat(session, pool, last, at)


def seats(sessions: Iterable[Session], attendee: Attendee | None, at: datetime) -> list[Seat]:
    """The seats of `sessions`, in their order, as `attendee` sees them at `at`: two queries, however many sessions."""
    sessions = list(sessions)
    pools = {pool.session_id: pool for pool in SeatPool.objects.filter(session__in=sessions, cohort=None)}
    last: dict[int, Registration] = {}
    if attendee:
        last = {mine.session_id: mine for mine in Registration.objects.filter(session__in=sessions, attendee=attendee).order_by("id")}
    return [_seat(session, pools.get(session.pk), last.get(session.pk), at) for session in sessions]


def _seat(session: Session, pool: SeatPool | None, last: Registration | None, at: datetime) -> Seat:
    refused = booking.refusal(session, at)
    mine = _holds_a_seat(last)
    counted = pool if session.access == Session.Access.REGISTRATION and not mine else None
    if mine and session.status != Session.Status.CANCELLED:
        state, sentence = "mine", ""
    elif refused:
        state, sentence = refused.code, str(refused)
    elif pool is None or pool.left <= 0:
        state, sentence = "full", ""
    else:
        state, sentence = "open", ""
    return Seat(
        session,
        state,
        sentence,
        seats=counted.seats if counted else None,
        left=max(counted.left, 0) if counted else None,
        stamp=booking.stamp(last),
        may_cancel=mine and session.ends_at > at,
    )


def _holds_a_seat(last: Registration | None) -> bool:
    return last is not None and last.status == Registration.Status.CONFIRMED
