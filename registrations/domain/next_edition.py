"""What the next edition has of limits, cohorts and seats; nobody has one yet (docs/rules.md#edition-next)."""

from collections import Counter

from django.db.models import QuerySet
from django.utils.translation import ngettext

from programme.domain.next_edition import Copy, Counted, again
from programme.models import Edition, Event, Session
from registrations.models import Cohort, Limit, SeatPool


def counted(edition: Edition) -> list[Counted]:
    """How many limits, cohorts and allotments a copy of `edition` begins with."""
    limits, cohorts, kept = (found.count() for found in (_limits(edition), _cohorts(edition), _allotments(edition)))
    return [
        Counted(limits, ngettext("limit per person", "limits per person", limits)),
        Counted(cohorts, ngettext("cohort without members", "cohorts without members", cohorts)),
        Counted(kept, ngettext("allotment of seats", "allotments of seats", kept), with_sessions=True),
    ]


def copy_seats(copy: Copy) -> None:
    """Give the new events their limits, the edition its cohorts, and the new sessions their pools, which take nobody
    in before the edition does."""
    limits = _limits(copy.source).filter(event__in=copy.events)
    copy.add([again(limit, event=copy.events[limit.event_id]) for limit in limits])
    cohorts = _copy_cohorts(copy)
    if copy.sessions:
        _copy_pools(copy, cohorts)


def _limits(edition: Edition) -> QuerySet[Limit]:
    return Limit.objects.filter(event__edition=edition).exclude(event__kind=Event.Kind.ROAD_TO_THE_SUMMIT)


def _cohorts(edition: Edition) -> QuerySet[Cohort]:
    return edition.cohorts.order_by("pk")


def _allotments(edition: Edition) -> QuerySet[SeatPool]:
    found = SeatPool.objects.filter(session__event__edition=edition, cohort__isnull=False, seats__gt=0)
    return found.exclude(session__status=Session.Status.CANCELLED).exclude(
        session__event__kind=Event.Kind.ROAD_TO_THE_SUMMIT
    )


def _copy_cohorts(copy: Copy) -> dict[int, Cohort]:
    old = list(_cohorts(copy.source))
    new = []
    for cohort in old:
        made = again(cohort, edition=copy.edition, slug=copy.slug(cohort), source=copy.source.slug)
        if cohort.starts_at and cohort.ends_at:
            made.starts_at, made.ends_at = copy.moved_span(cohort.starts_at, cohort.ends_at, copy.zone)
        new.append(made)
    return {before.pk: after for before, after in zip(old, copy.add(new), strict=True)}


def _copy_pools(copy: Copy, cohorts: dict[int, Cohort]) -> None:
    kept: Counter[int] = Counter()
    new = []
    for pool in _allotments(copy.source).filter(session__in=copy.sessions).order_by("pk"):
        session, cohort = copy.sessions[pool.session_id], cohorts.get(pool.cohort_id or 0)
        made = again(pool, session=session, cohort=cohort, taken=0, closed=True, source=copy.source.slug)
        made.release_at = copy.moved(pool.release_at, session.zone) if pool.release_at else None
        kept[session.pk] += pool.seats
        new.append(made)
    new += [
        SeatPool(session=session, seats=max(session.capacity - kept[session.pk], 0), closed=True)
        for session in copy.sessions.values()
        if session.access != Session.Access.PUBLIC
    ]
    copy.add(new)
