"""The books of seats: the only place that moves a pool's `taken`, and that writes a registration (docs/rules.md#seats).

Locks are always taken in one order, so that nobody waits in a circle: the session's row (organisers alone take it),
people by ascending id, pools by ascending id. SQLite ignores the locks: there, IMMEDIATE already runs one writer at a
time.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from simple_history.utils import bulk_create_with_history

from accounts.models import Attendee, User
from core import clock
from core.erasure import Report, remove, remove_history
from outbox.domain.posting import post, post_many
from programme.models import Session
from registrations.models import Figure, Institution, Registration, SeatPool

Status = Registration.Status
Ending = Registration.Ending
SHORTEST_TO_REMIND = timedelta(hours=1)


def lock_people(ids: Iterable[int]) -> None:
    # NO KEY UPDATE lets the foreign keys of inserts pass.
    list(
        Attendee.objects.select_for_update(no_key=True)
        .filter(pk__in=list(ids))
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def lock_pools(pools: QuerySet[SeatPool]) -> None:
    list(pools.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))


def lock_and_refresh(pools: Iterable[SeatPool]) -> bool:
    """Lock `pools`, all those of a session as they were read without a lock, and bring what they count up to date.

    False when organisers have moved seats meanwhile: then there may be another pool, which only a new reading shows.
    """
    known = {pool.pk: pool for pool in pools}
    unmoved = True
    fresh = SeatPool.objects.select_for_update(no_key=True).filter(pk__in=known).order_by("pk")
    for pk, seats, taken, closed in fresh.values_list("pk", "seats", "taken", "closed"):
        unmoved &= seats == known[pk].seats
        known[pk].seats, known[pk].taken, known[pk].closed = seats, taken, closed
    return unmoved


def take(pool: SeatPool, number: int = 1) -> bool:
    """Take `number` seats of `pool` if it has them; one conditional UPDATE, whose WHERE is judged again on the fresh
    row after a wait."""
    free = SeatPool.objects.filter(pk=pool.pk, closed=False, taken__lte=F("seats") - number)
    if not free.update(taken=F("taken") + number):
        return False
    pool.taken += number
    return True


def open_registration(
    session: Session, attendee: Attendee, status: str, pool: SeatPool | None, *, actor: User, **fields: Any
) -> Registration:
    """Write a new registration, whose seat of `pool` was taken already, and queue its mail."""
    registration = Registration(session=session, attendee=attendee, status=status, pool=pool, **fields)
    registration._history_user = actor
    registration.save(force_insert=True)
    if status in (Status.CONFIRMED, Status.PENDING):
        tell(registration, "confirmed" if status == Status.CONFIRMED else "requested")
    return registration


def change(registration: Registration, *, actor: User | None, **fields: Any) -> None:
    """Write `fields` of a live registration, with their trace."""
    for name, value in fields.items():
        setattr(registration, name, value)
    registration._history_user = actor
    registration.save(update_fields=list(fields))


def seat(registration: Registration, pool: SeatPool | None, *, actor: User | None, status: str, **fields: Any) -> None:
    """Give a live registration the seat of `pool` that was taken for it: confirmed, offered or pending."""
    change(registration, actor=actor, status=status, pool=pool, **fields)
    if status == Status.CONFIRMED:
        # Somebody who was moved to the waiting list and comes back is told again, each time.
        tell(registration, "confirmed", _this_time() if registration.waiting_at else "")
    elif status == Status.OFFERED:
        _tell_of_offer(registration)
    elif status == Status.PENDING:
        tell(registration, "requested")


def move_to_waitlist(registration: Registration, *, actor: User, priority: int) -> None:
    """Take the seat of somebody who has one, and put them on the waiting list where they would stand had they waited
    from the beginning."""
    held = registration.pool
    cleared = {"pool": None, "offer_expires_at": None, "waiting_at": registration.created_at, "priority": priority}
    change(registration, actor=actor, status=Status.WAITING, **cleared)
    if held:
        SeatPool.objects.filter(pk=held.pk).update(taken=F("taken") - 1)
    tell(registration, "moved_to_waitlist", _this_time())


def end(registration: Registration, ending: str, *, actor: User | None, at: datetime, **fields: Any) -> None:
    """End a live registration and give its seat back; who waits is not looked at here (see waitlist.in_turn)."""
    pool_id = registration.pool_id
    status = Status.DECLINED if ending == Ending.REFUSED else Status.CANCELLED
    cleared = {"pool": None, "offer_expires_at": None, "party": None, "ended_at": at}
    change(registration, actor=actor, status=status, ending=ending, **cleared, **fields)
    if pool_id:
        SeatPool.objects.filter(pk=pool_id).update(taken=F("taken") - 1)
    if ending == Ending.REFUSED:
        tell(registration, "declined")
    elif ending == Ending.LEFT_COHORT:
        whose = Institution.objects.filter(cohorts__allotments=pool_id).values_list("name", flat=True).first()
        tell(registration, "cancelled", institution=whose or "")
    elif ending != Ending.LEFT_WAITLIST:  # whoever leaves a waiting list sees it on the page
        tell(registration, "cancelled")


def _this_time() -> str:
    return f"{clock.now():%Y%m%dT%H%M%S%f}"


def _tell_of_offer(registration: Registration) -> None:
    """Queue the mail that tells of the offer, and the one that leaves in its last quarter; an offer of less than an
    hour has the first alone."""
    ends, now = registration.offer_expires_at, clock.now()
    if ends is None:
        return
    version = f"{ends:%Y%m%dT%H%M%S}"
    tell(registration, "offered", version)
    if ends - now >= SHORTEST_TO_REMIND:
        tell(registration, "offer_ends", version, not_before=ends - (ends - now) / 4, until=ends.isoformat())


def tell(
    registration: Registration, what: str, version: str = "", *, not_before: datetime | None = None, **said: Any
) -> None:
    """Queue the mail `what` about `registration`, once; `version` tells apart what may happen to it several times."""
    user = registration.attendee.user
    post(
        f"registrations.{what}",
        user.email,
        dedupe_key=":".join(filter(None, [f"registrations.{what}", str(registration.uuid), version])),
        language=user.language,
        context={"registration": str(registration.uuid)} | said,
        not_before=not_before,
    )


def release(pools: Iterable[SeatPool], at: datetime) -> int:
    """Move the unsold seats of allotments whose moment has come to the general pool; return how many. `pools`: locked,
    of one session."""
    pools = list(pools)
    general = next((pool for pool in pools if pool.cohort_id is None), None)
    due = [pool for pool in pools if pool.cohort_id and pool.release_at and pool.release_at <= at and pool.left > 0]
    if general is None or not due:
        return 0
    moved = sum(pool.left for pool in due)
    for pool in due:
        pool.seats = pool.taken
    general.seats += moved
    for pool in [*due, general]:  # the kept ones first: the sum never exceeds the capacity
        pool._change_reason = "released"
        pool._history_user = None
        pool.save(update_fields=["seats"])
    return moved


def open_many(seats: Sequence[tuple[Session, Attendee, SeatPool]], *, actor: User, at: datetime) -> list[Registration]:
    """Write a confirmed registration for each of `seats`, which were taken already, and queue its mail: a few
    statements for all."""
    registrations = [
        Registration(session=session, attendee=attendee, status=Status.CONFIRMED, pool=pool)
        for session, attendee, pool in seats
    ]
    written = bulk_create_with_history(
        registrations, Registration, batch_size=1000, default_user=actor, default_date=at
    )
    post_many(
        "registrations.confirmed",
        (
            (
                registration.attendee.user.email,
                f"registrations.confirmed:{registration.uuid}",
                registration.attendee.user.language,
                {"registration": str(registration.uuid)},
            )
            for registration in written
        ),
    )
    return written


def settle(registrations: Iterable[int], *, at: datetime, report: Report | None = None) -> int:
    """Let registrations (their ids) of people of whom nothing is kept leave the books: a figure for each session,
    cohort and outcome stays, the row goes with its history, and pools count the seats that are left. Returns how many
    left; those that are gone already count nothing.

    For rows that are over: raises ValueError for one that is live in a session to come, which is cancelled first. The
    people, if they are still there, must be locked.
    """
    ids = sorted(registrations)
    left = 0
    with transaction.atomic():
        for first in range(0, len(ids), 5000):
            left += _settle(ids[first : first + 5000], at, report or Report())
    return left


def _settle(ids: Sequence[int], at: datetime, report: Report) -> int:
    # Of two who settle rows of one session, the second finds the figures of the first; a session without pools has
    # nobody.
    lock_pools(SeatPool.objects.filter(session__in=Registration.objects.filter(pk__in=ids).values("session")))
    rows = list(
        Registration.objects.filter(pk__in=ids)
        .order_by()
        .values_list("pk", "session", "status", "ending", "is_absent", "pool", "pool__cohort", "session__ends_at")
    )
    cohorts = _cohorts_of_the_past([pk for pk, *_rest, pool, _cohort, _ends_at in rows if pool is None])
    figures: Counter[tuple[int, int | None, str]] = Counter()
    held: Counter[int] = Counter()
    for pk, session, status, ending, is_absent, pool, cohort, ends_at in rows:
        if status not in Registration.ENDED and ends_at > at:
            raise ValueError(f"registration {pk} is live: it is cancelled first")
        figures[session, cohorts.get(pk, cohort), _outcome(status, ending, is_absent=is_absent)] += 1
        if pool:
            held[pool] += 1
    _write_figures(figures)
    by_number = defaultdict(list)
    for pool, number in held.items():
        by_number[number].append(pool)
    for number, pools in sorted(by_number.items()):
        SeatPool.objects.filter(pk__in=pools).update(taken=F("taken") - number)
    keys = [row[0] for row in rows]
    remove(Registration, keys, report)
    remove_history(Registration, keys, report)
    return len(rows)


def _cohorts_of_the_past(ids: Collection[int]) -> dict[int, int]:
    """The cohort whose seats somebody had last, for rows that hold none any more."""
    had = Registration.history.filter(id__in=ids, pool__isnull=False).order_by("history_id").values_list("id", "pool")
    pools = dict(had)
    cohorts = dict(SeatPool.objects.filter(pk__in=set(pools.values())).values_list("pk", "cohort"))
    return {pk: cohort for pk, pool in pools.items() if (cohort := cohorts.get(pool))}


def _outcome(status: str, ending: str, *, is_absent: bool) -> str:
    if status == Status.CONFIRMED:
        return Figure.Outcome.ABSENT if is_absent else Figure.Outcome.CAME
    if status in Registration.ENDED:
        return ending or Figure.Outcome.ENDED
    outcomes = {
        Status.WAITING: Figure.Outcome.WAITED,
        Status.PENDING: Figure.Outcome.ASKED,
        Status.OFFERED: Figure.Outcome.OFFERED,
    }
    return outcomes[Status(status)]


def _write_figures(figures: Counter[tuple[int, int | None, str]]) -> None:
    known = {
        (figure.session_id, figure.cohort_id, figure.outcome): figure
        for figure in Figure.objects.filter(session__in={session for session, _cohort, _outcome in figures})
    }
    more, new = [], []
    for (session, cohort, outcome), number in figures.items():
        if figure := known.get((session, cohort, outcome)):
            figure.people += number
            more.append(figure)
        else:
            new.append(Figure(session_id=session, cohort_id=cohort, outcome=outcome, people=number))
    Figure.objects.bulk_update(more, ["people"], batch_size=500)
    Figure.objects.bulk_create(new, batch_size=500)
