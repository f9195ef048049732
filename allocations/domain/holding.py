"""Seats that wait for an allocation: nobody takes one by themselves until a run gives them out
(docs/rules.md#allocation)."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from simple_history.utils import bulk_update_with_history

from accounts.models import User
from allocations.models import Allocation, AllocationRun
from core import clock
from programme.models import Session
from registrations.domain import waitlist
from registrations.models import SeatPool


def has_given() -> Exists:
    """For allocations: whether one of their runs is in force."""
    return Exists(AllocationRun.objects.filter(allocation=OuterRef("pk"), committed_at__isnull=False))


def to_come() -> QuerySet[Allocation]:
    """The allocations that have given nothing out yet."""
    return Allocation.objects.filter(~has_given())


def hold_seats(sessions: Iterable[int], *, actor: User | None = None) -> None:
    """Bring the pools of `sessions` (their ids) in step with the allocations that they belong to: held while one of
    them that holds its seats is to come. Those that are free again go to their waiting lists."""
    sessions = set(sessions)
    members = Allocation.sessions.through.objects.filter(
        session__in=sessions, allocation__in=to_come().filter(holds_seats=True)
    )
    with transaction.atomic():
        held = set(members.values_list("session", flat=True))
        pools = SeatPool.objects.select_for_update(no_key=True).filter(session__in=sessions, cohort=None).order_by("pk")
        changed = [pool for pool in pools if pool.by_wishes != (pool.session_id in held)]
        for pool in changed:
            pool.by_wishes = not pool.by_wishes
        bulk_update_with_history(changed, SeatPool, ["by_wishes"], default_user=actor)
        if freed := [pool.session_id for pool in changed if not pool.by_wishes]:
            transaction.on_commit(partial(_serve_the_waiting_lists, freed), robust=True)


def _serve_the_waiting_lists(sessions: list[int]) -> None:
    waitlist.settle_all(clock.now(), Session.objects.filter(pk__in=sessions))
