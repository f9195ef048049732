"""The seat pools of a session: how many seats, and for whom (docs/rules.md#seats)."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from programme.models import Session
from registrations.models import Cohort, SeatPool


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


def allot(session: Session, cohort: Cohort, seats: int, **fields: str) -> SeatPool:
    """Keep `seats` of `session` for `cohort` (the same call again changes the number). Raises ValidationError when too many."""
    with transaction.atomic():
        others = SeatPool.objects.filter(session=session).exclude(cohort=None).exclude(cohort=cohort).aggregate(n=Sum("seats"))["n"] or 0
        general = SeatPool.objects.select_for_update().filter(session=session, cohort=None).first()
        if others + seats + (general.taken if general else 0) > session.capacity:
            raise ValidationError(_("“%(session)s” does not have that many seats left to keep.") % {"session": session})
        pool, created = SeatPool.objects.get_or_create(session=session, cohort=cohort, defaults={"seats": seats, **fields})
        if not created and (pool.seats != seats or any(getattr(pool, name) != value for name, value in fields.items())):
            pool.seats = seats
            for name, value in fields.items():
                setattr(pool, name, value)
            pool.save()
        fit_general_pool(session)
    return pool
