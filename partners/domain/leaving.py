"""What follows when people leave a list: the seats that they free, and who is next on the waiting list for those
(docs/rules.md#lists)."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from partners.models import Invitee
from programme.models import Session
from registrations.domain import waitlist, ways_in
from registrations.models import Cohort, Registration, SeatPool


@dataclass(frozen=True)
class Freed:
    """`seats` in sessions that are not over; `heirs` are the people of the same list to whom the lines would give them,
    each once, and `others` how many more people that are on no list or another."""

    seats: int = 0
    heirs: tuple[str, ...] = ()
    others: int = 0


def freed_by(cohort: Cohort, invitees: Collection[int], at: datetime) -> Freed:
    """What would follow if these people (their ids) were taken off the list of `cohort` now.

    Reads only, each session by itself: lines move, and who gets a seat in one session may for that be passed over in
    another.
    """
    accepted = Invitee.objects.filter(cohort=cohort, attendee__isnull=False)
    names = {
        attendee: (pk, f"{first} {last}".strip())
        for attendee, pk, first, last in accepted.values_list("attendee", "pk", "first_name", "last_name")
    }
    leaving = {attendee for attendee, (pk, _name) in names.items() if pk in invitees}
    if not leaving:
        return Freed()
    held = Registration.objects.holding().filter(pool__cohort=cohort, session__ends_at__gt=at)
    freed: dict[int, Counter[int]] = defaultdict(Counter)
    for attendee, session, pool in held.values_list("attendee", "session", "pool"):
        if attendee in leaving:
            freed[session][pool] += 1
    served = _served(freed, leaving, at)
    heirs = [names[one][1] for one in served if one in names]
    return Freed(sum(map(Counter.total, freed.values())), tuple(heirs), len(served) - len(heirs))


def _served(freed: dict[int, Counter[int]], leaving: set[int], at: datetime) -> list[int]:
    """The attendees in line, each once, to whom the lines would give seats if this many were freed in each pool of each
    session."""
    waiting = Registration.objects.filter(session=OuterRef("pk"), status=Registration.Status.WAITING)
    sessions = (
        Session.objects.filter(Exists(waiting), pk__in=freed)
        .select_related("event__edition", "room__venue")
        .order_by("starts_at", "pk")
    )
    pools: dict[int, list[SeatPool]] = defaultdict(list)
    for pool in SeatPool.objects.filter(session__in=freed).select_related("cohort").order_by("pk"):
        pool.taken -= freed[pool.session_id][pool.pk]
        pools[pool.session_id].append(pool)
    served: dict[int, None] = {}
    for session in sessions:
        if not ways_in.closed(session, at, to_all=False) and waitlist.hands_on(session):
            for group in waitlist.fitting(session, pools[session.pk], at, without=leaving):
                served |= {registration.attendee_id: None for registration, _pool in group}
    return list(served)
