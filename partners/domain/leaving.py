"""What follows when people leave a list: the seats that they free, and to whom those go (docs/rules.md#lists)."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from partners.domain.applying import batches
from partners.models import Invitee
from programme.models import Session
from registrations.domain import waitlist, ways_in
from registrations.models import Registration, SeatPool

NAMED = 10


@dataclass(frozen=True)
class Freed:
    """`seats` are freed, in sessions that are not over: `heirs` (at most NAMED) and `more` people of the same list get one each from
    the line, `others` go to people of no or another list, and the rest stays free."""

    seats: int = 0
    heirs: tuple[str, ...] = ()
    more: int = 0
    others: int = 0


def freed_by(invitees: Iterable[Invitee], at: datetime) -> Freed:
    """What would follow if these people, all of one list, were taken off it now. Reads only: lines may have moved before it is done."""
    leaving = {one.attendee_id: one.cohort_id for one in invitees if one.attendee_id}
    freed: dict[int, Counter[int]] = defaultdict(Counter)
    for some in batches(list(leaving)):
        held = Registration.objects.holding().filter(attendee__in=some, pool__cohort__in=set(leaving.values()), session__ends_at__gt=at)
        for of, given in held.values_list("session", "pool"):
            freed[of][given] += 1
    served: list[int] = []
    for session in Session.objects.filter(pk__in=freed).select_related("event", "room__venue").order_by("starts_at", "pk"):
        if ways_in.closed(session, at, to_all=False) or not waitlist.hands_on(session):
            continue
        pools = list(SeatPool.objects.filter(session=session).select_related("cohort").order_by("pk"))
        for pool in pools:
            pool.taken -= freed[session.pk][pool.pk]
        for group in waitlist.fitting(session, pools, at, without=leaving.keys()):
            served += [registration.attendee_id for registration, _pool in group]
    listed = Invitee.objects.filter(cohort__in=set(leaving.values()))
    names = {one.attendee_id: str(one) for some in batches(sorted(set(served))) for one in listed.filter(attendee__in=some)}
    heirs = [names[one] for one in served if one in names]
    seats = sum(number for counted in freed.values() for number in counted.values())
    return Freed(seats, tuple(heirs[:NAMED]), max(0, len(heirs) - NAMED), len(served) - len(heirs))
