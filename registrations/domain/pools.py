"""The seat pools of a session: how many seats, and for whom (docs/rules.md#seats)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from core import clock
from core.deadlocks import again_after_deadlock
from programme.domain import warnings
from programme.models import Edition, Session
from registrations.domain import ledger, waitlist
from registrations.models import Cohort, Registration, SeatPool

NAMED = 3  # of those who stand in the way of closing an edition
BELOW_TAKEN = "below_taken"  # the code of a capacity that people stand in the way of: `lower_capacity` knows ways out


def check_capacity(session: Session) -> None:
    """Raise ValidationError when `session.capacity` is below what is allotted or taken (before it is saved)."""
    if session.pk is None or session.capacity is None:
        return
    pools = SeatPool.objects.filter(session=session)
    allotted = pools.exclude(cohort=None).aggregate(n=Sum("seats"))["n"] or 0
    taken = pools.filter(cohort=None).aggregate(n=Sum("taken"))["n"] or 0
    if session.capacity < allotted + taken:
        sentence = _(
            "%(taken)d seats are taken and %(allotted)d are reserved for cohorts: the capacity cannot be lower."
        )
        raise ValidationError(
            {"capacity": ValidationError(sentence % {"taken": taken, "allotted": allotted}, code=BELOW_TAKEN)}
        )


def check_nobody_comes(session: Session) -> None:
    """Raise ValidationError when somebody has a seat in `session`, or asks for one."""
    number = Registration.objects.live().filter(session=session).count()
    if number:
        raise ValidationError(
            ngettext(
                "“%(session)s” cannot be hidden: %(number)d person is registered.",
                "“%(session)s” cannot be hidden: %(number)d people are registered.",
                number,
            )
            % {"session": session, "number": number}
        )


def check_nobody_comes_to(edition: Edition, at: datetime) -> None:
    """Raise ValidationError when somebody has, or asks for, a seat of `edition` in a session that is not over; it says
    who. Until the end of the transaction nobody takes one."""
    ledger.lock_pools(SeatPool.objects.filter(session__event__edition=edition))
    live = Registration.objects.live().filter(session__event__edition=edition, session__ends_at__gt=at)
    number = live.count()
    if not number:
        return
    first = live.select_related("attendee__user", "session").order_by("session__starts_at", "pk")[:NAMED]
    names = "; ".join(_("%(name)s in “%(session)s”") % {"name": one.attendee, "session": one.session} for one in first)
    sentence = ngettext(
        "“%(edition)s” can’t be closed: %(number)d registration is still to come (%(names)s).",
        "“%(edition)s” can’t be closed: %(number)d registrations are still to come (%(names)s).",
        number,
    )
    more = ngettext("and %(number)d other", "and %(number)d others", number - NAMED) % {"number": number - NAMED}
    said = f"{names}; {more}" if number > NAMED else names
    raise ValidationError(sentence % {"edition": edition, "number": number, "names": said})


def follow(edition: Edition) -> None:
    """Close the pools of an edition that has ceased to take seats, or open those of one that begins to; a session that
    is cancelled, or a draft, stays as it is."""
    pools = SeatPool.objects.filter(session__event__edition=edition)
    ledger.lock_pools(pools)
    if edition.takes_seats:
        pools.filter(closed=True, session__status=Session.Status.PUBLISHED).update(closed=False)
    else:
        pools.filter(closed=False).update(closed=True)


def fit_general_pool(session: Session, at: datetime, *, serves_waitlist: bool = False) -> None:
    """Give the general pool the seats that the allotments leave, and the waiting list what this adds; sessions open to
    all have none.

    `serves_line`: the way in has changed, so that somebody may get a seat who could not before. The database refuses to
    go below what is taken.
    """
    pool = SeatPool.objects.filter(session=session, cohort=None).first()
    if pool is None:
        if session.access != Session.Access.PUBLIC:
            SeatPool.objects.create(
                session=session, seats=max(session.capacity - _allotted(session), 0), closed=_is_closed(session)
            )
    elif pool.seats < session.capacity - _allotted(session) or serves_waitlist:
        waitlist.in_turn([session], [], lambda: _fit(session), at)
    elif pool.seats != max(session.capacity - _allotted(session), 0):
        ledger.lock_pools(SeatPool.objects.filter(session=session))
        _fit(session)


def _fit(session: Session) -> None:
    pool = SeatPool.objects.get(session=session, cohort=None)
    seats = max(session.capacity - _allotted(session), 0)
    if seats < pool.taken:
        check_capacity(session)
    if pool.seats != seats:
        pool.seats = seats
        pool.save()


def _allotted(session: Session) -> int:
    return SeatPool.objects.filter(session=session).exclude(cohort=None).aggregate(n=Sum("seats"))["n"] or 0


@again_after_deadlock
def allot(session: Session, cohort: Cohort, seats: int, *, at: datetime | None = None, **fields: Any) -> SeatPool:
    """Keep `seats` of `session` for `cohort` (the same call again changes the number, 0 gives them back to the general
    pool and its line).

    Raises ValidationError when the session has not that many left, when more are taken already, or when the cohort is
    absent then.
    """
    at = at or clock.now()

    def act(session: Session) -> SeatPool:
        pools = list(SeatPool.objects.filter(session=session).order_by("pk"))
        check_allotment(session, cohort, seats, pools)
        pool = next((pool for pool in pools if pool.cohort_id == cohort.pk), None)
        before = pool.seats if pool else 0
        if before < seats:  # the general pool shrinks before the allotment grows: the sum never exceeds the capacity
            _move_general(session, pools, before - seats)
        if pool is None:
            pool = SeatPool.objects.create(
                session=session, cohort=cohort, seats=seats, closed=_is_closed(session), **fields
            )
        elif pool.seats != seats or any(getattr(pool, name) != value for name, value in fields.items()):
            pool.seats = seats
            for name, value in fields.items():
                setattr(pool, name, value)
            pool.save()
        if before > seats:
            _move_general(session, pools, before - seats)
        return pool

    with transaction.atomic():
        current = _locked(session)  # its capacity may not be what the caller read
        return waitlist.in_turn([current], [], lambda: act(current), at)


def _locked(session: Session) -> Session:
    """`session` as it is now, its row locked: before people and pools, as whoever saves its form does."""
    return (
        Session.objects.select_for_update(of=("self",), no_key=True)
        .select_related("event__edition", "room__venue")
        .get(pk=session.pk)
    )


def _move_general(session: Session, pools: list[SeatPool], by: int) -> None:
    general = next((pool for pool in pools if pool.cohort_id is None), None)
    if general:
        general.seats += by
        general.save(update_fields=["seats"])
    elif session.access != Session.Access.PUBLIC:
        SeatPool.objects.create(session=session, seats=session.capacity + by, closed=_is_closed(session))


def _is_closed(session: Session) -> bool:
    """Whether a new pool of `session` lets nobody in. Its edition stays as it is until the end of the transaction."""
    return session.status == Session.Status.CANCELLED or not _takes_seats(session)


def _takes_seats(session: Session) -> bool:
    editions = Edition.objects.select_for_update(of=("self",), no_key=True)
    return editions.get(events=session.event_id).takes_seats


def check_allotment(session: Session, cohort: Cohort, seats: int, pools: list[SeatPool]) -> None:
    """Raise ValidationError when `seats` cannot be kept for `cohort`, given all the `pools` of `session`."""
    if seats and cohort.edition_id != session.event.edition_id:
        raise ValidationError(_("“%(cohort)s” belongs to another edition.") % {"cohort": cohort})
    own = next((pool for pool in pools if pool.cohort_id == cohort.pk), None)
    general = next((pool for pool in pools if pool.cohort_id is None), None)
    others = sum(pool.seats for pool in pools if pool.cohort_id not in (None, cohort.pk))
    if own and seats < own.taken:
        raise ValidationError(
            _("%(taken)d of these seats are taken: the number cannot be lower.") % {"taken": own.taken}
        )
    left = session.capacity - others - (general.taken if general else 0)
    if seats > left:
        raise ValidationError(
            ngettext(
                "“%(session)s” has %(left)d seat left that can be reserved.",
                "“%(session)s” has %(left)d seats left that can be reserved.",
                max(left, 0),
            )
            % {"session": session, "left": max(left, 0)}
        )
    if seats and not cohort.is_present_for(session):
        raise ValidationError(_("The cohort is not present during “%(session)s”.") % {"session": session})


# --- Fewer seats than people, and sessions that do not take place -----------------------------------------------------


class Lowering(models.TextChoices):
    """What becomes of the people above a lower capacity (docs/rules.md#capacity)."""

    KEEP = "keep", gettext_lazy("Let everybody keep their seat: the capacity drops to the number of seats taken")
    CLOSE = (
        "close",
        gettext_lazy("Let everybody keep their seat, close registration and stop passing on seats that become free"),
    )
    MOVE = "move", gettext_lazy("Move the last people to register to the top of the waiting list")


def above(session: Session, capacity: int) -> int:
    """How many people hold a seat above `capacity`, once the seats kept for cohorts are set aside."""
    general = SeatPool.objects.filter(session=session, cohort=None).first()
    return max((general.taken if general else 0) + _allotted(session) - capacity, 0)


def last_come(session: Session, number: int) -> list[Registration]:
    """The `number` people of the general pool who got their seats last: those whom a lower capacity moves, unless
    others are named."""
    holding = Registration.objects.filter(session=session, pool__session=session, pool__cohort=None)
    return list(holding.select_related("attendee__user", "session").order_by("-created_at", "-id")[:number])


@again_after_deadlock
def lower_capacity(
    session: Session,
    capacity: int,
    how: str,
    *,
    actor: User,
    at: datetime | None = None,
    moved: Collection[Registration] | None = None,
) -> Session:
    """Lower the capacity of `session` though more seats are taken, in the way that the organisers chose, in one step.

    `moved` names the people who go to the waiting list (their number must be that of `above`); by default those who
    came last. Each of them is told by mail. Returns the session as it is then. Doing it twice changes nothing. Raises
    ValidationError when the numbers do not fit.
    """
    at = at or clock.now()

    def act(session: Session) -> Session:
        number = above(session, capacity)
        session._history_user = actor
        if how == Lowering.MOVE and number:
            chosen = last_come(session, number) if moved is None else list(moved)
            fresh = Registration.objects.filter(
                pk__in=[registration.pk for registration in chosen],
                session=session,
                pool__cohort=None,
                pool__isnull=False,
            )
            leaving = list(fresh.select_related("attendee__user", "session").order_by("pk"))
            if len(leaving) != number:
                raise ValidationError(_("Choose %(number)d people to lose their seats.") % {"number": number})
            if missing := {registration.attendee_id for registration in leaving} - people:
                people.update(missing)
                raise waitlist.LineMoved(missing)
            head = Registration.objects.waiting().filter(session=session).values_list("priority", flat=True).first()
            for registration in leaving:
                registration.session = session
                ledger.move_to_waitlist(registration, actor=actor, priority=(head or 0) + 1)
            if session.waiting_list == Session.WaitingList.NONE:
                session.waiting_list = Session.WaitingList.AUTOMATIC
            session.capacity = capacity
        else:
            session.capacity = capacity + number
            if how == Lowering.CLOSE:
                if session.registration_opens_at and session.registration_opens_at >= at:
                    session.registration_opens_at = None  # it closes before it has opened
                session.registration_closes_at = at
                session.waiting_list = Session.WaitingList.BY_HAND
        session.save()
        return session

    with transaction.atomic():
        current = _locked(session)
        if not 0 < capacity <= current.capacity:
            raise ValidationError(
                _("The capacity is now %(capacity)d: choose a lower number, but no lower than 1.")
                % {"capacity": current.capacity}
            )
        going = (
            last_come(current, above(current, capacity))
            if how == Lowering.MOVE and moved is None
            else list(moved or [])
        )
        people = {registration.attendee_id for registration in going}
        return waitlist.in_turn([current], people, lambda: act(current), at)


def empty(session: Session, actor: User | None, at: datetime) -> int:
    """End every live registration of a session that is cancelled, and let nobody in any more; return how many. Each is
    told by mail."""
    live = Registration.objects.live().filter(session=session)
    people = set(live.values_list("attendee_id", flat=True))

    def act() -> int:
        SeatPool.objects.filter(session=session).update(closed=True)
        registrations = list(live.select_related("attendee__user", "session").order_by("pk"))
        if missing := {registration.attendee_id for registration in registrations} - people:
            people.update(missing)
            raise waitlist.LineMoved(missing)
        for registration in registrations:
            ledger.end(registration, ledger.Ending.SESSION_CANCELLED, actor=actor, at=at)
        return len(registrations)

    return waitlist.in_turn([session], people, act, at)


def withdraw(session: Session) -> None:
    """Let nobody into a session any more that goes back to draft. Raises ValidationError when somebody came in
    meanwhile."""
    pools = SeatPool.objects.filter(session=session)
    ledger.lock_pools(pools)
    check_nobody_comes(session)
    pools.update(closed=True)


def reopen(session: Session) -> None:
    """Let people into a session (again) that had been cancelled, or a draft; not where its edition takes no seats."""
    if _takes_seats(session):
        SeatPool.objects.filter(session=session, closed=True).update(closed=False)


@warnings.check("sold", gettext_lazy("More people than the room holds"))
def more_people_than_the_room(sessions: Sequence[Session]) -> Iterator[tuple[Session, str]]:
    """At the start of a session, more people have seats in its room than it holds: in that session, and in those that
    share the room."""
    rooms = {session.room_id for session in sessions}
    there = Session.objects.filter(room__in=rooms).exclude(status=Session.Status.CANCELLED)
    sold = there.order_by().annotate(sold=Coalesce(Sum("pools__taken"), 0)).exclude(sold=0)
    seats: dict[int, list[tuple[datetime, datetime, int]]] = defaultdict(list)
    for room, starts_at, ends_at, taken in sold.values_list("room", "starts_at", "ends_at", "sold"):
        seats[room].append((starts_at, ends_at, taken))
    for session in sessions:
        here = seats[session.room_id]
        people = sum(taken for starts_at, ends_at, taken in here if starts_at <= session.starts_at < ends_at)
        if people > session.room.capacity:
            words = ngettext(
                "%(people)d person has a seat in this room at that time, but it holds %(room)d.",
                "%(people)d people have seats in this room at that time, but it holds %(room)d.",
                people,
            )
            yield session, words % {"people": people, "room": session.room.capacity}
