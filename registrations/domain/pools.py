"""The seat pools of a session: how many seats, and for whom (docs/rules.md#seats)."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from programme.models import Session
from registrations.models import Cohort, Registration, SeatPool


def check_capacity(session: Session) -> None:
    """Raise ValidationError when `session.capacity` is below what is allotted or taken (before it is saved)."""
    if session.pk is None:
        return
    pools = SeatPool.objects.filter(session=session)
    allotted = pools.exclude(cohort=None).aggregate(n=Sum("seats"))["n"] or 0
    taken = pools.filter(cohort=None).aggregate(n=Sum("taken"))["n"] or 0
    if session.capacity < allotted + taken:
        raise ValidationError(
            {
                "capacity": _("%(taken)d seats are taken and %(allotted)d are kept for cohorts: the capacity cannot be lower.")
                % {"taken": taken, "allotted": allotted}
            }
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


def fit_general_pool(session: Session) -> None:
    """Give the general pool the seats that the allotments leave; sessions open to all have none.

    The database refuses to go below what is taken.
    """
    with transaction.atomic():
        if session.access == Session.Access.PUBLIC and not SeatPool.objects.filter(session=session, cohort=None).exists():
            return
        allotted = SeatPool.objects.filter(session=session).exclude(cohort=None).aggregate(n=Sum("seats"))["n"] or 0
        seats = max(session.capacity - allotted, 0)
        pool, created = SeatPool.objects.get_or_create(session=session, cohort=None, defaults={"seats": seats})
        if not created and pool.seats != seats:
            pool.seats = seats
            pool.save()


def allot(session: Session, cohort: Cohort, seats: int, **fields: Any) -> SeatPool:
    """Keep `seats` of `session` for `cohort` (the same call again changes the number, 0 gives them back).

    Raises ValidationError when the session has not that many left, or when more are taken already.
    """
    with transaction.atomic():
        # All pools of the session, by ascending id: nobody takes a seat while they are counted.
        pools = list(SeatPool.objects.select_for_update().filter(session=session).order_by("pk"))
        check_allotment(session, cohort, seats, pools)
        pool, created = SeatPool.objects.get_or_create(session=session, cohort=cohort, defaults={"seats": seats, **fields})
        if not created and (pool.seats != seats or any(getattr(pool, name) != value for name, value in fields.items())):
            pool.seats = seats
            for name, value in fields.items():
                setattr(pool, name, value)
            pool.save()
        fit_general_pool(session)
    return pool


def check_allotment(session: Session, cohort: Cohort, seats: int, pools: list[SeatPool]) -> None:
    """Raise ValidationError when `seats` cannot be kept for `cohort`, given all the `pools` of `session`."""
    own = next((pool for pool in pools if pool.cohort_id == cohort.pk), None)
    general = next((pool for pool in pools if pool.cohort_id is None), None)
    others = sum(pool.seats for pool in pools if pool.cohort_id not in (None, cohort.pk))
    if own and seats < own.taken:
        raise ValidationError(_("%(taken)d of these seats are taken: the number cannot be lower.") % {"taken": own.taken})
    if others + seats + (general.taken if general else 0) > session.capacity:
        raise ValidationError(_("“%(session)s” does not have that many seats left to keep.") % {"session": session})
