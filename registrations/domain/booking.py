"""Taking and giving back a seat: every door (page, admin, import, …) comes through here (docs/rules.md#seats)."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Prefetch, Q, prefetch_related_objects
from django.utils.translation import gettext as _

from accounts.models import Attendee, User
from core import clock
from core.deadlocks import again_after_deadlock
from programme.models import Event, Session
from registrations.domain import clashes, idempotency, ledger, waitlist, ways_in
from registrations.domain.clashes import Clash
from registrations.domain.idempotency import Key
from registrations.domain.ways_in import SeatRefused
from registrations.models import Limit, Membership, Registration, SeatPool
from venues.domain.travel import Travel

Status = Registration.Status
Ending = Registration.Ending


class Clashing(SeatRefused):
    """The person is expected elsewhere: `clashes` says where."""

    def __init__(self, clashing: Sequence[Clash], sentence: str) -> None:
        super().__init__("clash", sentence)
        self.clashes = clashing


class Full(SeatRefused):
    """No seat of `pools` is left, as they were read without a lock, and nobody waits in line. `last`: what the person
    had here before."""

    def __init__(self, pools: Sequence[SeatPool], last: Registration | None) -> None:
        super().__init__("full", _("This session is full."))
        self.pools, self.last = pools, last


@dataclass(frozen=True)
class Ask:
    """What somebody asks for when they want a seat.

    `seen` is the stamp of the form that asks (see `stamp`): a form drawn before the person cancelled is refused with
    the code "stale", so that Back and a replayed post never take a seat again unasked; None for a door without a form.
    `reason`: what they tell the organisers where seats are given on request. `despite`: they know of the clash.
    `leave`: the registrations (their uuids) that they give up for this one. `waits`: a place on the waiting list will
    do when no seat is left. `let_in`: the organisers ask for them, whatever the access and the hours of registration.
    `at` is the moment that the rules are judged at.
    """

    session: Session
    attendee: Attendee
    actor: User
    at: datetime = field(default_factory=clock.now)
    seen: str | None = None
    reason: str = ""
    despite: bool = False
    leave: Collection[UUID] = ()
    waits: bool = False
    let_in: bool = False


@again_after_deadlock
def register(ask: Ask, *, once: Key | None = None, pools: Sequence[SeatPool] | None = None) -> Registration:
    """Give a person a seat, or a place on the waiting list, and queue the mail that says so; or raise SeatRefused.

    The registration that comes back is confirmed; pending, where seats are given on request; or waiting. Doing it twice
    changes nothing and returns the same one. `once` is the key of the form, and a second effect of it raises
    IntegrityError (see idempotency). `pools`: those of the session, as `ways_in.pools_for(attendee)` read them, if they
    are known.
    """
    session, attendee = ask.session, ask.attendee
    if pools is None:
        pools = list(ways_in.pools_for(attendee).filter(session=session))
    if waitlist.is_due(session, pools, ask.at):
        waitlist.do_what_is_due(session, [attendee.pk], ask.at)
        pools = list(ways_in.pools_for(attendee).filter(session=session))
    # Read without a lock: in a rush most people learn here that the session is full, and wait for nobody. Whoever took
    # the last seat and asks again finds their registration: both became visible in one commit.
    usable = ways_in.enter(session, attendee, pools, ask.at, let_in=ask.let_in)
    if ask.leave:
        return _swap(ask, once)
    free = [pool for pool in usable if pool.left > 0]
    if _asks(session, let_in=ask.let_in) and not session.holds_requests:
        free = []
    elif not free and not _may_wait(ask):
        if (last := _last(session, attendee)) and last.status not in Registration.ENDED:
            return last
        raise _closed_meanwhile(session, pools, ask.at) or Full(pools, last)
    # One pool, one statement: no lock is held on it before the seat is taken. If that fails, look again with all pools
    # locked.
    if free and not waitlist.may_come_first(session):
        with transaction.atomic():
            registration = _judge(ask)
            if registration is None and ledger.take(free[0]):
                registration = _open(ask, free[0])
            if registration is not None:
                idempotency.spend(once, _answer(registration))
                return registration
    with transaction.atomic():
        registration = _judge(ask) or _seat_or_waitlist(ask, pools)
        idempotency.spend(once, _answer(registration))
    return registration


def _judge(ask: Ask, *, leaving: Collection[Registration] = ()) -> Registration | None:
    """Lock the person, and judge what depends on what else they do: their live registration for this session, if they
    have one, else None; raises SeatRefused for an old form, a clash or a limit."""
    session, attendee = ask.session, ask.attendee
    # The person first, then the pool: one order for everybody, so that nobody waits in a circle.
    flags = Attendee.objects.select_for_update(no_key=True, of=("self",)).annotate(
        is_limited=Exists(Limit.objects.filter(event=session.event_id)), on_duty=clashes.has_duties()
    )
    try:
        person = flags.only("pk", "user").get(pk=attendee.pk)
    except Attendee.DoesNotExist:  # erased in another window
        raise SeatRefused("gone", _("Your programme has changed in the meantime: check it again.")) from None
    # A statement of its own: the one that waited for the lock saw what was there before it waited.
    known = Registration.objects.filter(
        Q(session=session) | ~Q(status__in=Registration.ENDED), attendee=attendee
    ).order_by("pk")
    here = [registration for registration in known if registration.session_id == session.pk]
    last = here[-1] if here else None
    if last and last.status not in Registration.ENDED:
        if last.offer_expires_at and last.offer_expires_at <= ask.at:
            raise SeatRefused(
                "offer_expired", _("This offer has expired: the seat has gone to the next person on the waiting list.")
            )
        last.attendee = attendee
        return last
    if ask.seen is not None and ask.seen != stamp(last):
        raise SeatRefused("stale", _("You’ve given up this seat in the meantime. Do you want to register again?"))
    others = [mine for mine in known if mine.session_id != session.pk and mine.pk not in {left.pk for left in leaving}]
    # Most people, in a rush, have nothing else: a hundred columns are read for those alone who do.
    prefetch_related_objects(
        others, Prefetch("session", Session.objects.select_related("event__edition", "room__venue"))
    )
    expected = clashes.commitments_of([person], registrations={attendee.pk: others})[attendee.pk]
    if clashing := clashes.clashes_with(session, expected, Travel()):
        refuse_clash(session, clashing, despite=ask.despite or ask.let_in)
    if person.is_limited:
        seats = [mine.session for mine in others if mine.status in ways_in.HOLDS]
        if refused := ways_in.over_limit(session, seats, Limit.objects.filter(event=session.event_id)):
            raise refused
    return None


def refuse_clash(session: Session, clashing: Sequence[Clash], *, despite: bool) -> None:
    """Raise Clashing where the event of `session` does not let a person be expected twice, or where they have not said
    that they know."""
    policy = session.event.clash_policy
    if policy == Event.ClashPolicy.WARN and despite:
        return
    words = " ".join(clash.sentence() for clash in clashing)
    if policy == Event.ClashPolicy.WARN:
        raise Clashing(clashing, words)
    if policy == Event.ClashPolicy.SWAP and all(clash.can_be_left for clash in clashing):
        raise Clashing(clashing, words + " " + _("You can give it up for this session."))
    raise Clashing(clashing, words + " " + _("You can’t register for both."))


def _seat_or_waitlist(ask: Ask, pools: Sequence[SeatPool]) -> Registration:
    """A seat, a request, or a place on the waiting list: with all `pools` of the session locked, so that no seat is
    freed meanwhile."""
    session, attendee = ask.session, ask.attendee
    if not ledger.lock_and_refresh(pools):
        pools = list(ways_in.pools_for(attendee).filter(session=session))
    if refused := _closed_meanwhile(session, pools, ask.at):
        raise refused
    if _asks(session, let_in=ask.let_in) and not session.holds_requests:
        return _open(ask, None)
    if ask.let_in or not waitlist.comes_first(session):
        for pool in ways_in.enter(session, attendee, pools, ask.at, let_in=ask.let_in):
            if pool.left > 0 and ledger.take(pool):
                return _open(ask, pool)
    if not _may_wait(ask):
        raise SeatRefused("full", _("This session is full."))
    registration = Registration(
        session=session, attendee=attendee, status=Status.WAITING, waiting_at=ask.at, reason=_reason(ask)
    )
    registration._history_user = ask.actor
    registration.save(force_insert=True)
    ledger.tell(registration, "waiting")
    return registration


def _closed_meanwhile(session: Session, pools: Iterable[SeatPool], at: datetime) -> SeatRefused | None:
    """Why nobody enters a session that was open when it was read, and whose pools have been closed since."""
    if not any(pool.closed for pool in pools):
        return None
    return ways_in.closed(Session.objects.select_related("room__venue").get(pk=session.pk), at)


def _open(ask: Ask, pool: SeatPool | None) -> Registration:
    # Asked again now that the person is locked, as cohorts.remove_member does: the pools were read before.
    if pool and pool.cohort_id and not Membership.objects.filter(cohort=pool.cohort_id, attendee=ask.attendee).exists():
        raise SeatRefused("stale", _("You’re no longer in the cohort these seats are reserved for."))
    status = Status.PENDING if _asks(ask.session, let_in=ask.let_in) else Status.CONFIRMED
    return ledger.open_registration(ask.session, ask.attendee, status, pool, actor=ask.actor, reason=_reason(ask))


def _reason(ask: Ask) -> str:
    if not _asks(ask.session, let_in=ask.let_in):
        return ""
    if not (reason := ask.reason.strip()):
        raise SeatRefused("reason", _("Tell the organisers in a sentence or two why you want to come."))
    return reason


def _asks(session: Session, *, let_in: bool) -> bool:
    return session.access == Session.Access.APPROVAL and not let_in


def _may_wait(ask: Ask) -> bool:
    return ask.waits and ask.session.waiting_list != Session.WaitingList.NONE


def _swap(ask: Ask, once: Key | None) -> Registration:
    """Give up what the person leaves and take the seat, in one transaction: both happen or neither."""
    session, attendee = ask.session, ask.attendee
    left = _to_leave(ask)
    sessions = sorted({session, *(registration.session for registration in left)}, key=lambda each: each.pk)

    def act() -> Registration:
        leaving = _to_leave(ask)
        if {registration.pk for registration in leaving} != {registration.pk for registration in left}:
            raise SeatRefused("stale", _("Your programme has changed in the meantime: check it again."))
        registration = _judge(ask, leaving=leaving)
        if registration is None:
            for given_up in leaving:
                end(given_up, actor=ask.actor, at=ask.at, ending=Ending.SWAPPED)
            pools = list(ways_in.pools_for(attendee).filter(session=session))
            registration = _seat_or_waitlist(ask, pools)
            if registration.status == Status.WAITING and any(given_up.status != Status.WAITING for given_up in left):
                raise SeatRefused("full", _("This session is full: you keep the seat you have."))
        idempotency.spend(once, _answer(registration))
        return registration

    return waitlist.in_turn(sessions, [attendee.pk], act, ask.at)


def end(registration: Registration, *, actor: User | None, at: datetime, ending: str = "") -> None:
    """End a live registration of somebody who gives it up, in turn (waitlist.in_turn): `ending` says why, but of a
    place on the waiting list only that it was left."""
    if registration.status == Status.WAITING and ending in ("", Ending.SWAPPED):
        ending = Ending.LEFT_WAITLIST
    elif not ending:
        ending = Ending.OFFER_DECLINED if registration.status == Status.OFFERED else Ending.BY_PERSON
    ledger.end(registration, ending, actor=actor, at=at)


def _to_leave(ask: Ask) -> list[Registration]:
    live = Registration.objects.live().filter(attendee=ask.attendee, uuid__in=ask.leave, session__ends_at__gt=ask.at)
    live = live.exclude(session=ask.session)
    return list(live.select_related("session__event__edition", "session__room__venue", "attendee__user").order_by("pk"))


def accept(
    session: Session,
    attendee: Attendee,
    *,
    actor: User,
    at: datetime | None = None,
    despite: bool = False,
    leave: Collection[UUID] = (),
    once: Key | None = None,
) -> Registration:
    """Take the seat that was offered to `attendee`. Doing it twice changes nothing. Raises SeatRefused: no offer, or no
    longer."""
    at = at or clock.now()
    ask = Ask(session, attendee, actor, at, despite=despite, leave=leave)
    left = _to_leave(ask)

    def act() -> Registration | None:
        registration = _live(session, attendee)
        if registration is None or registration.status not in (Status.OFFERED, Status.CONFIRMED):
            raise SeatRefused("no_offer", _("You haven’t been offered a seat in this session."))
        if registration.status == Status.OFFERED:
            if registration.offer_expires_at is not None and registration.offer_expires_at <= at:
                return None
            if refused := ways_in.closed(session, at, to_all=False):
                raise refused
            leaving = _to_leave(ask)
            others = (
                Registration.objects.live()
                .filter(attendee=attendee)
                .exclude(pk__in=[registration.pk, *(r.pk for r in leaving)])
            )
            others = others.select_related("session__event__edition", "session__room__venue")
            expected = clashes.commitments_of([attendee], registrations={attendee.pk: list(others)})[attendee.pk]
            if clashing := clashes.clashes_with(session, expected, Travel()):
                refuse_clash(session, clashing, despite=despite)
            for given_up in leaving:
                end(given_up, actor=actor, at=at, ending=Ending.SWAPPED)
            ledger.seat(registration, registration.pool, actor=actor, status=Status.CONFIRMED, offer_expires_at=None)
        idempotency.spend(once, _answer(registration))
        return registration

    sessions = sorted({session, *(registration.session for registration in left)}, key=lambda each: each.pk)
    accepted = waitlist.in_turn(sessions, [attendee.pk], act, at)
    if accepted is None:
        waitlist.expire_offers(at, session)
        raise SeatRefused(
            "offer_expired", _("This offer has expired: the seat has gone to the next person on the waiting list.")
        )
    return accepted


def cancel(
    session: Session,
    attendee: Attendee,
    *,
    actor: User | None,
    at: datetime | None = None,
    once: Key | None = None,
    ending: str = "",
    only: Registration | None = None,
) -> Registration | None:
    """Give back `attendee`'s seat in `session`, or their place in its line, and queue the mail that says so. Doing it
    twice changes nothing.

    A freed seat goes to the line in the same transaction. Returns the registration that ended, or None when there was
    none. `ending` says why, when it is not the person's ask; `only` the registration that is meant, as whoever asks saw
    it: another one, or one that has another status by now, stays as it is. Raises SeatRefused once the session is over.
    """
    at = at or clock.now()
    if session.ends_at <= at:
        raise SeatRefused("over", _("This session is over."))

    def act() -> Registration | None:
        registration = _live(session, attendee)
        if registration and only and (registration.pk, registration.status) != (only.pk, only.status):
            registration = None
        if registration is not None:
            end(registration, actor=actor, at=at, ending=ending)
        idempotency.spend(once, _answer(registration))
        return registration

    return waitlist.in_turn([session], [attendee.pk], act, at)


def leave_all(attendee: Attendee, *, actor: User, at: datetime | None = None) -> list[Registration]:
    """Give back every seat, offer, request and place on the waiting list of `attendee` in one step, each line being
    served; return what ended.

    Doing it twice changes nothing. What is over stays written down.
    """
    at = at or clock.now()
    live = Registration.objects.live().filter(attendee=attendee, session__ends_at__gt=at)
    live = live.select_related("session__event__edition", "session__room__venue", "attendee__user").order_by("pk")
    left: list[Registration] = []
    # Once, unless the person registers elsewhere at this very moment.
    while sessions := [registration.session for registration in live.all()]:

        def act(known: Collection[Session] = sessions) -> list[Registration]:
            registrations = list(live.filter(session__in=known))
            for registration in registrations:
                end(registration, actor=actor, at=at)
            return registrations

        left += waitlist.in_turn(sessions, [attendee.pk], act, at)
    return left


def decide(
    registration: Registration, *, grant: bool, answer: str, actor: User, at: datetime | None = None
) -> Registration:
    """Grant or refuse a request, with the organisers' `answer` to the person, and queue the mail. Deciding twice alike
    changes nothing.

    Raises SeatRefused when the request was withdrawn or decided otherwise, when no seat is left for it, or when it
    waits in line and a clash or a limit keeps the person out.
    """
    at = at or clock.now()
    session, attendee = registration.session, registration.attendee

    def act() -> Registration:
        current = Registration.objects.select_related("attendee__user", "session__room__venue", "pool").get(
            pk=registration.pk
        )
        if current.status == (Status.CONFIRMED if grant else Status.DECLINED):
            return current
        if current.status not in (Status.PENDING, Status.WAITING):
            raise SeatRefused(
                "decided", _("%(name)s: this request has already been withdrawn or decided.") % {"name": attendee}
            )
        if not grant:
            ledger.end(current, Ending.REFUSED, actor=actor, at=at, answer=answer)
            return current
        if refused := ways_in.closed(session, at, to_all=False):
            raise refused
        if current.status == Status.WAITING:
            waitlist.refuse_kept_out(session, current)
        pool = current.pool or _free_pool(session, attendee, at)
        if pool is None:
            raise SeatRefused("full", _("%(name)s: there are no seats left for this request.") % {"name": attendee})
        ledger.seat(current, pool, actor=actor, status=Status.CONFIRMED, answer=answer)
        return current

    return waitlist.in_turn([session], [attendee.pk], act, at)


def _free_pool(session: Session, attendee: Attendee, at: datetime) -> SeatPool | None:
    pools = list(ways_in.pools_for(attendee).filter(session=session))
    found = ways_in.enter(session, attendee, pools, at, let_in=True)
    return next((pool for pool in found if pool.left > 0 and ledger.take(pool)), None)


def stamp(last: Registration | None) -> str:
    """What a form carries to show what its reader knew: their last registration for the session, if any."""
    return str(last.uuid) if last else ""


def _last(session: Session, attendee: Attendee) -> Registration | None:
    return Registration.objects.filter(session=session, attendee=attendee).order_by("-id").first()


def _live(session: Session, attendee: Attendee) -> Registration | None:
    registrations = Registration.objects.live().filter(session=session, attendee=attendee)
    return registrations.select_related("session__room__venue", "attendee__user", "pool").first()


def _answer(registration: Registration | None) -> dict[str, str]:
    return {"registration": str(registration.uuid), "status": registration.status} if registration else {}


def seat_many(seats: Sequence[tuple[Session, Attendee, SeatPool]], *, actor: User, at: datetime) -> list[Registration]:
    """Give each of `seats` to its person, in the caller's transaction: all of them or, raising SeatRefused, none.

    For whoever decided about many at once, and has locked the people and judged clashes and limits. Nobody may have a
    live registration in the session that they get a seat in (the database refuses it).
    """
    wanted = Counter(pool.pk for _session, _attendee, pool in seats)
    pools = {pool.pk: pool for _session, _attendee, pool in seats}
    for pk in sorted(wanted):
        if not ledger.take(pools[pk], wanted[pk]):
            session = next(session for session, _attendee, pool in seats if pool.pk == pk)
            raise SeatRefused(
                "full", _("“%(session)s” no longer has the seats to be given out.") % {"session": session}
            )
    return ledger.open_many(seats, actor=actor, at=at)
