"""The waiting list of a session: one engine, whatever the mode that the organisers chose
(docs/rules.md#waiting-list)."""

import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from accounts.models import User
from core.deadlocks import again_after_deadlock
from programme.models import Event, Session
from registrations.domain import clashes, ledger, ways_in
from registrations.domain.clashes import Clash
from registrations.domain.ways_in import SeatRefused
from registrations.models import (
    Draw,
    Invitation,
    Limit,
    Membership,
    Party,
    Registration,
    RegistrationQuerySet,
    SeatPool,
)
from venues.domain.travel import Travel

T = TypeVar("T")
Status = Registration.Status
Mode = Session.WaitingList

SHORTEST_OFFER = timedelta(minutes=15)
LARGEST_PARTY = 6
TRIES = 100
NO_LOT = 2**31 - 1
Seated = list[tuple[Registration, SeatPool]]


class LineMoved(Exception):
    """Somebody must get a seat who was not locked in time: the transaction starts over with them."""

    def __init__(self, people: set[int]) -> None:
        super().__init__(people)
        self.people = people


@dataclass(frozen=True)
class KeptOut:
    """Why somebody on the waiting list is passed over: where they are expected meanwhile, and the limit that one more
    seat would break."""

    clashes: list[Clash]
    limit: ways_in.OverLimit | None


# --- Taking turns -----------------------------------------------------------------------------------------------------


@again_after_deadlock
def in_turn(sessions: Collection[Session], people: Iterable[int], act: Callable[[], T], at: datetime) -> T:
    """Run `act`, which may free seats of `sessions`, and hand what it frees to those on the waiting list, all in one
    transaction.

    `people` are the ids of the attendees whom `act` changes: they are locked before it runs, with all pools of
    `sessions`, so it must read what it decides on, and raise LineMoved when it finds somebody else to change. What they
    give up may let them in where they wait: those lines are served too. Whoever is next on the waiting list is guessed
    and locked; a wrong guess starts over.
    """
    changed = set(people)
    locked = set(changed)
    for session in sessions:
        locked.update(Registration.objects.waiting().filter(session=session).values_list("attendee_id", flat=True)[:5])
    for _try in range(TRIES):
        try:
            with transaction.atomic():
                ledger.lock_people(locked)
                concerned = sorted({*sessions, *_kept_out_of(changed)}, key=lambda session: session.pk)
                ledger.lock_pools(SeatPool.objects.filter(session__in=concerned))
                result = act()
                for session in concerned:
                    settle(session, locked, at)
            return result
        except LineMoved as moved:
            changed |= moved.people
            locked |= moved.people
    raise SeatRefused("busy", _("Too many people are doing this at once: try again in a moment."))


def _kept_out_of(people: Collection[int]) -> Iterable[Session]:
    """The sessions in whose line one of `people` may have been passed over, for a clash or a limit."""
    if not people:
        return []
    waits = Registration.objects.filter(session=OuterRef("pk"), attendee__in=people, status=Status.WAITING)
    strict = ~Q(event__clash_policy=Event.ClashPolicy.WARN) | Exists(Limit.objects.filter(event=OuterRef("event")))
    return Session.objects.filter(strict, Exists(waits)).select_related("event__edition", "room__venue")


def settle(session: Session, locked: Collection[int], at: datetime) -> None:
    """Give the free seats of `session` to those on the waiting list, and release what is due. Its pools and the people
    `locked` must be locked."""
    if ways_in.closed(session, at, to_all=False):
        return
    pools = list(SeatPool.objects.filter(session=session).select_related("cohort").order_by("pk"))
    _hand_on(session, pools, locked, at)
    if ledger.release(pools, at):
        _hand_on(session, pools, locked, at)


def _hand_on(session: Session, pools: list[SeatPool], locked: Collection[int], at: datetime) -> None:
    if not hands_on(session) or ways_in.given_out_by_wishes(pools):
        return
    for group in fitting(session, pools, at):
        if missing := {registration.attendee_id for registration, _pool in group} - set(locked):
            raise LineMoved(missing)
        for registration, pool in group:
            ledger.take(pool)
            _give(registration, pool, at)


def _give(registration: Registration, pool: SeatPool, at: datetime, *, actor: User | None = None) -> None:
    session = registration.session
    if session.access == Session.Access.APPROVAL:
        ledger.seat(registration, pool, actor=actor, status=Status.PENDING)
    elif session.waiting_list == Mode.OFFER:
        ledger.seat(registration, pool, actor=actor, status=Status.OFFERED, offer_expires_at=offer_end(session, at))
    else:
        ledger.seat(registration, pool, actor=actor, status=Status.CONFIRMED)


def settle_all(at: datetime, sessions: Iterable[Session] | None = None) -> int:
    """Look at every session where a seat is free while somebody waits, or where a release is due; return how many were
    looked at."""
    free = SeatPool.objects.filter(session=OuterRef("pk"), closed=False, taken__lt=F("seats"))
    waiting = Registration.objects.filter(session=OuterRef("pk"), status=Status.WAITING)
    found = Session.objects.filter(status=Session.Status.PUBLISHED, starts_at__gt=at).select_related(
        "event__edition", "room__venue"
    )
    if sessions is not None:
        found = found.filter(pk__in=[session.pk for session in sessions])
    held = SeatPool.objects.filter(session=OuterRef("pk"), by_wishes=True)
    served = Exists(free) & Exists(waiting) & ~Exists(held)
    due = found.filter(Exists(free.filter(release_at__lte=at))) | found.filter(served)
    number = 0
    for session in due.distinct().order_by("pk"):
        in_turn([session], [], lambda: None, at)
        number += 1
    return number


def is_due(session: Session, pools: Iterable[SeatPool], at: datetime) -> bool:
    """Whether the clock has something to do in `session` that whoever comes first must not wait for: a release, or a
    draw."""
    if ways_in.closed(session, at, to_all=False):
        return False
    if any(pool.release_at and pool.release_at <= at and pool.left > 0 for pool in pools):
        return True
    return (
        session.waiting_list == Mode.DRAW
        and session.draw_at is not None
        and session.draw_at <= at
        and not hands_on(session)
    )


def do_what_is_due(session: Session, people: Iterable[int], at: datetime) -> None:
    """Do it; `people` (the ids of attendees) are locked first, for what the caller does next."""
    draw(session, at)
    in_turn([session], people, lambda: None, at)


# --- Who is next ------------------------------------------------------------------------------------------------------


def hands_on(session: Session) -> bool:
    """Whether a free seat of `session` goes to its line by itself: not where the organisers choose, nor before lots are
    drawn.

    Where nobody may join a waiting list any more, those who stand in one are still served.
    """
    if session.waiting_list == Mode.DRAW:
        return Draw.objects.filter(session=session).exists()
    return session.waiting_list != Mode.BY_HAND


def may_come_first(session: Session) -> bool:
    """Whether a free seat may be kept for those who wait: the organisers, or lots, will give it. In any other waiting
    list it went to them in the step that freed it."""
    return session.waiting_list in (Mode.BY_HAND, Mode.DRAW)


def comes_first(session: Session, *, waiting: int | None = None, is_drawn: bool | None = None) -> bool:
    """Whether a seat that is free is not for newcomers. `waiting`, how many wait, and `is_drawn` are read where they
    are not known."""
    if not may_come_first(session):
        return False
    if session.waiting_list == Mode.DRAW and (hands_on(session) if is_drawn is None else is_drawn):
        return False
    return Registration.objects.waiting().filter(session=session).exists() if waiting is None else waiting > 0


def fitting(
    session: Session, pools: Iterable[SeatPool], at: datetime, *, without: Collection[int] = ()
) -> Iterator[Seated]:
    """Those on the waiting list to whom the free seats of `pools` can be given, in their order; each alone or with the
    party they wait with.

    A party stands where its last member stands, and fits when there is a seat for each. Somebody whom a clash or a
    limit keeps out (see `passed_over`) is passed over, and stays on the waiting list; the attendees `without` (their
    ids) are thought away. Reads only; the seats given are counted as it goes.
    """
    free = {pool.pk: pool.left for pool in pools if pool.left > 0 and not pool.closed}
    waiting_list = _reached_by(session, [pool for pool in pools if pool.pk in free])
    met: dict[int, list[Registration]] = defaultdict(list)
    cohorts: dict[int, set[int]] = {}  # of everybody met so far: a party may stand far apart
    kept_out: set[int] = set()
    invited: set[int] = set()
    seen: list[int] = []
    size = 20  # nearly always the first one fits
    while any(free.values()):
        chunk = list(waiting_list.exclude(pk__in=seen)[:size])
        if not chunk:
            return
        seen += [registration.pk for registration in chunk]
        size = 500
        chunk = [registration for registration in chunk if registration.attendee_id not in without]
        cohorts |= _cohorts_of(chunk, pools)
        kept_out |= passed_over(session, chunk).keys()
        invited |= invited_of(session, chunk)
        parties = {registration.party_id for registration in chunk if registration.party_id}
        together = (
            Registration.objects.filter(status=Status.WAITING, session=session, party__in=parties)
            if parties
            else Registration.objects.none()
        )
        sizes = Counter(
            party for party, member in together.values_list("party_id", "attendee_id") if member not in without
        )
        for registration in chunk:
            group = [registration]
            if registration.party_id:
                met[registration.party_id].append(registration)
                group = met[registration.party_id]
                if len(group) < sizes[registration.party_id]:
                    continue
            if any(member.pk in kept_out for member in group):
                continue
            left = dict(free)
            seats = []
            for member in group:
                own = cohorts.get(member.attendee_id, ())
                for pool in ways_in.usable(session, pools, own, at, let_in=member.pk in invited):
                    if left.get(pool.pk):
                        left[pool.pk] -= 1
                        seats.append((member, pool))
                        break
            if len(seats) == len(group):
                free = left
                yield seats
                if not any(free.values()):
                    return


def _reached_by(session: Session, free: list[SeatPool]) -> RegistrationQuerySet:
    """The line, without those who could use none of the `free` pools for being in no cohort: a long line is then not
    read in vain."""
    waiting_list = Registration.objects.waiting().filter(session=session).select_related("attendee__user", "session")
    if session.access != Session.Access.COHORT and any(pool.cohort_id is None for pool in free):
        return waiting_list
    members = Membership.objects.filter(attendee=OuterRef("attendee"), cohort__allotments__session=session)
    return waiting_list.filter(Exists(members))


def _cohorts_of(registrations: list[Registration], pools: Iterable[SeatPool]) -> dict[int, set[int]]:
    cohorts: dict[int, set[int]] = defaultdict(set)
    if kept := [pool.cohort_id for pool in pools if pool.cohort_id]:
        people = [registration.attendee_id for registration in registrations]
        for attendee, cohort in Membership.objects.filter(cohort__in=kept, attendee__in=people).values_list(
            "attendee", "cohort"
        ):
            cohorts[attendee].add(cohort)
    return cohorts


def invited_of(session: Session, registrations: list[Registration]) -> set[int]:
    """Those of `registrations` (their ids) whose person is invited, where that is what opens the general pool."""
    if session.access != Session.Access.INVITATION:
        return set()
    addresses = set(Invitation.objects.filter(session=session).values_list("email", flat=True))
    return {registration.pk for registration in registrations if registration.attendee.user.email in addresses}


def passed_over(session: Session, registrations: Iterable[Registration]) -> dict[int, KeptOut]:
    """What keeps those of `registrations` (by their ids) out who cannot take a seat now: a clash where the event does
    not let people choose, a limit."""
    limits = list(Limit.objects.filter(event=session.event_id))
    strict = session.event.clash_policy != Event.ClashPolicy.WARN
    if not (limits or strict):
        return {}
    registrations = list(registrations)
    travel = Travel()
    expected = clashes.commitments_of([registration.attendee for registration in registrations])
    found = {}
    for registration in registrations:
        held = [c for c in expected.get(registration.attendee_id, []) if c.kind != Status.WAITING]
        clashing = clashes.clashes_with(session, held, travel) if strict else []
        limit = ways_in.over_limit(session, [c.session for c in held if c.registration], limits)
        if clashing or limit:
            found[registration.pk] = KeptOut(clashing, limit)
    return found


def refuse_kept_out(session: Session, registration: Registration) -> None:
    """Raise SeatRefused when a clash or a limit keeps somebody on the waiting list, whom organisers want to give a
    seat: they choose the order of the waiting list, the event has its rules."""
    if passed_over(session, [registration]):
        sentence = _("%(name)s is expected elsewhere at that time, or already has all the seats the event allows.")
        raise SeatRefused("kept_out", sentence % {"name": registration.attendee})


def places(registrations: Iterable[Registration]) -> dict[int, int]:
    """The place on the waiting list of each of `registrations` that waits, by its id: 1 is next. A party's place is
    that of its last member."""
    waiting = [registration for registration in registrations if registration.status == Status.WAITING]
    if not waiting:
        return {}
    waiting_list = Registration.objects.filter(status=Status.WAITING).annotate(drawn=Coalesce("lot", NO_LOT))
    own = waiting_list.filter(pk__in=[registration.pk for registration in waiting])
    if parties := [registration.party_id for registration in waiting if registration.party_id]:
        own |= waiting_list.filter(party__in=parties)
    # The order of RegistrationQuerySet.waiting, said backwards: who stands before whom.
    before = Q(priority__gt=OuterRef("priority"))
    alike = Q(priority=OuterRef("priority"))
    for name in ("drawn", "waiting_at", "id"):
        before |= alike & Q(**{f"{name}__lt": OuterRef(name)})
        alike &= Q(**{name: OuterRef(name)})
    ahead = (
        waiting_list.filter(before, session=OuterRef("session"))
        .order_by()
        .values("session")
        .annotate(n=Count("pk"))
        .values("n")
    )
    rows = list(own.values_list("pk", "party_id", Coalesce(Subquery(ahead), 0) + 1))
    last: dict[int, int] = {}
    for _pk, party, place in rows:
        if party:
            last[party] = max(place, last.get(party, 0))
    return {pk: last[party] if party else place for pk, party, place in rows}


# --- Offers -----------------------------------------------------------------------------------------------------------


def offer_end(session: Session, at: datetime) -> datetime:
    """Until when a seat offered at `at` is held: the session's hours, but at most a quarter of the time left, and 15
    minutes at least."""
    window = min(timedelta(hours=session.offer_hours), (session.starts_at - at) / 4)
    return min(at + max(window, SHORTEST_OFFER), session.starts_at)


def expire_offers(at: datetime, session: Session | None = None) -> int:
    """End the offers that nobody answered in time, each seat going to the next on the waiting list; return how many."""
    # The session may have been moved to an earlier hour.
    is_late = Q(offer_expires_at__lte=at) | Q(session__starts_at__lte=at)
    late = Registration.objects.filter(is_late, status=Status.OFFERED).select_related(
        "session__event__edition", "session__room__venue"
    )
    if session:
        late = late.filter(session=session)
    number = 0
    for registration in late.order_by("offer_expires_at", "pk"):

        def expire(pk: int = registration.pk) -> int:
            offered = Registration.objects.filter(is_late, pk=pk, status=Status.OFFERED)
            if (registration := offered.select_related("attendee__user", "session").first()) is None:
                return 0
            ledger.end(registration, ledger.Ending.OFFER_EXPIRED, actor=None, at=at)
            return 1

        number += in_turn([registration.session], [registration.attendee_id], expire, at)
    return number


def give(registration: Registration, *, actor: User, at: datetime) -> Registration:
    """Give a seat to somebody on the waiting list, whatever their place: the organisers' choice. Doing it twice changes
    nothing.

    Where seats are offered it is an offer. Raises SeatRefused when the person no longer waits, when no seat that they
    may use is free, or when a clash or a limit of the event keeps them out.
    """
    with transaction.atomic():
        ledger.lock_people([registration.attendee_id])
        current = Registration.objects.select_related(
            "attendee__user", "session__event__edition", "session__room__venue"
        ).get(pk=registration.pk)
        if current.status in ways_in.HOLDS:
            return current
        if current.status != Status.WAITING:
            raise SeatRefused("gone", _("%(name)s is no longer waiting for this session.") % {"name": current.attendee})
        session = current.session
        if refused := ways_in.closed(session, at, to_all=False):
            raise refused
        refuse_kept_out(session, current)
        pools = list(ways_in.pools_for(current.attendee).filter(session=session))
        mine = {pool.cohort_id for pool in pools if pool.cohort_id and pool.mine}  # type: ignore[attr-defined]
        for pool in ways_in.usable(session, pools, mine, at, let_in=True):
            if pool.left > 0 and ledger.take(pool):
                _give(current, pool, at, actor=actor)
                return current
    raise SeatRefused(
        "full",
        _("There is no free seat for %(name)s: raise the capacity, or wait until one becomes free.")
        % {"name": current.attendee},
    )


def set_priority(registration: Registration, priority: int, *, actor: User) -> None:
    """Move somebody on the waiting list: a higher `priority` stands further ahead. Ignored once they no longer wait."""
    with transaction.atomic():
        ledger.lock_people([registration.attendee_id])
        current = Registration.objects.filter(pk=registration.pk, status=Status.WAITING).first()
        if current and current.priority != priority:
            ledger.change(current, actor=actor, priority=priority)


# --- Lots -------------------------------------------------------------------------------------------------------------


def draw(session: Session, at: datetime, *, seed: str = "", actor: User | None = None) -> Draw | None:
    """Draw lots among those who wait for `session`, once; free seats then go by lot. None while it is too early, or not
    done by lot.

    The seed is kept and published: `draw_order` gives the same order to anybody.
    """
    if session.waiting_list != Mode.DRAW or session.draw_at is None or session.draw_at > at:
        return None

    def act() -> Draw:
        drawn = Draw.objects.filter(session=session).first()
        if drawn:
            return drawn
        waiting_list = list(
            Registration.objects.waiting().filter(session=session).select_related("attendee__user", "party")
        )
        if missing := {registration.attendee_id for registration in waiting_list} - set(everybody):
            everybody.extend(missing)
            raise LineMoved(missing)
        entries = {
            str(registration.uuid): registration.party.code if registration.party else ""
            for registration in waiting_list
        }
        chosen = seed or secrets.token_hex(16)
        order = draw_order(entries, chosen)
        drawn = Draw.objects.create(session=session, seed=chosen, entries=entries, order=order, drawn_at=at)
        lots = {uuid: lot for lot, uuid in enumerate(order, 1)}
        for registration in waiting_list:
            ledger.change(registration, actor=actor, lot=lots[str(registration.uuid)])
        return drawn

    everybody = list(
        Registration.objects.filter(session=session, status=Status.WAITING).values_list("attendee_id", flat=True)
    )
    return in_turn([session], everybody, act, at)


def draw_order(entries: dict[str, str], seed: str) -> list[str]:
    """The order of `entries` (registration code: party code or "") under `seed`: by `fingerprint`. A party has one
    lot."""
    return sorted(entries, key=lambda entry: (fingerprint(seed, entries[entry] or entry), entry))


def fingerprint(seed: str, code: str) -> str:
    """What the lots are ordered by: SHA-256 of seed and code, as anybody can compute it."""
    return hashlib.sha256(f"{seed}:{code}".encode()).hexdigest()


def draw_due(at: datetime) -> int:
    """Draw the lots whose moment has come; return how many sessions were drawn."""
    due = Session.objects.taking_seats().filter(
        waiting_list=Mode.DRAW, draw_at__lte=at, draw=None, status=Session.Status.PUBLISHED, starts_at__gt=at
    )
    return sum(draw(session, at) is not None for session in due.select_related("event__edition", "room__venue"))


# --- Waiting together -------------------------------------------------------------------------------------------------


def start_party(registration: Registration, *, actor: User) -> Party:
    """The party in which the person waits, with the code that others join it by. Asking twice gives the same one.
    Raises SeatRefused."""
    with transaction.atomic():
        ledger.lock_people([registration.attendee_id])
        current = Registration.objects.select_related("party").get(pk=registration.pk)
        if current.status != Status.WAITING:
            raise SeatRefused("not_waiting", _("You’re not on the waiting list for this session."))
        if current.party:
            return current.party
        party = Party.objects.create(
            session_id=current.session_id, code=get_random_string(8, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        )
        ledger.change(current, actor=actor, party=party)
        return party


def join_party(registration: Registration, code: str, *, actor: User, at: datetime) -> Party:
    """Wait together with those who gave the person `code`: all or nothing from now on. Raises SeatRefused, saying
    why."""
    unknown = SeatRefused("unknown_code", _("This code doesn’t belong to a group waiting for this session."))
    party = Party.objects.filter(session=registration.session_id, code=code.strip().upper()).first()
    if party is None:
        raise unknown

    def act() -> Party:
        current = Registration.objects.get(pk=registration.pk)
        if current.status != Status.WAITING:
            raise SeatRefused("not_waiting", _("You’re not on the waiting list for this session."))
        if current.party_id == party.pk:
            return party
        drawn = Draw.objects.filter(session=registration.session_id).first()
        if drawn and party.code in drawn.entries.values():  # its code is published with the lots
            raise SeatRefused(
                "party_drawn", _("The draw has already been held for this group: nobody else can join it.")
            )
        waiting = party.registrations.filter(status=Status.WAITING).count()
        if not waiting:
            raise unknown
        if waiting >= LARGEST_PARTY:
            raise SeatRefused(
                "party_full", _("No more than %(number)d people can wait together.") % {"number": LARGEST_PARTY}
            )
        ledger.change(current, actor=actor, party=party)
        return party

    # In turn: those whom the person waited with before may fit without them.
    return in_turn([registration.session], [registration.attendee_id], act, at)


def leave_party(registration: Registration, *, actor: User, at: datetime) -> None:
    """Wait alone again, at one's own place. Doing it twice changes nothing."""

    def act() -> None:
        current = Registration.objects.filter(pk=registration.pk, status=Status.WAITING).first()
        if current and current.party_id:
            ledger.change(current, actor=actor, party=None)

    in_turn([registration.session], [registration.attendee_id], act, at)


def tend(at: datetime) -> dict[str, int]:
    """What time alone brings about: offers end, lots are drawn, allotments are released, free seats find their
    people."""
    return {"expired": expire_offers(at), "drawn": draw_due(at), "settled": settle_all(at)}
