"""The books: sums that must hold at every moment (docs/rules.md#books). They alarm, they never repair."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from core import folding
from outbox.models import Message
from programme.models import Event, Session
from registrations.domain import waitlist, ways_in
from registrations.models import Draw, Figure, Registration, SeatPool

GRACE = timedelta(minutes=5)  # what the clock does is late by then: nobody tends the lines, or sweeps the outbox


@dataclass(frozen=True)
class Breach:
    """One wrong sum: which rule, which row, and what was found."""

    rule: str
    row: str
    found: str


def check(at: datetime) -> dict[str, object]:
    """Audit all books as they are at `at`: counts of what was read, and every breach found. Reads only."""
    breaches = [
        *_pools(),
        *_sessions(),
        *_registrations(),
        *_clashes(),
        *_waiting_lists(at),
        *_offers(at),
        *_lots(),
        *_messages(at),
        *_search(),
    ]
    return {
        "pools": SeatPool.objects.count(),
        "registrations": Registration.objects.count(),
        "confirmed": Registration.objects.confirmed().count(),
        "messages": Message.objects.count(),
        "breaches": [asdict(breach) for breach in breaches],
        "ok": not breaches,
    }


def _pools() -> Iterator[Breach]:
    holding = Count("registrations")
    for pool in SeatPool.objects.annotate(holding=holding).exclude(taken=F("holding")):
        yield Breach(
            "a pool counts the seats that are held", f"pool {pool.pk}", f"taken {pool.taken}, held {pool.holding}"
        )
    for oversold in SeatPool.objects.filter(Q(taken__gt=F("seats")) | Q(taken__lt=0)):
        yield Breach("a pool is never oversold", f"pool {oversold.pk}", f"taken {oversold.taken} of {oversold.seats}")
    for registration in Registration.objects.filter(pool__isnull=False).exclude(pool__session=F("session")):
        yield Breach(
            "a seat is in its own session’s pool", f"registration {registration.uuid}", f"pool {registration.pool_id}"
        )


def _sessions() -> Iterator[Breach]:
    for session in Session.objects.annotate(n=Coalesce(Sum("pools__seats"), 0)).filter(n__gt=F("capacity")):
        yield Breach(
            "pools never exceed the capacity",
            f"session {session.slug}",
            f"pools {session.n}, capacity {session.capacity}",
        )
    general = Exists(SeatPool.objects.filter(session=OuterRef("pk"), cohort=None))
    for session in Session.objects.annotate(n=Sum("pools__seats")).filter(general, n__lt=F("capacity")):
        yield Breach(
            "every seat of the capacity is in a pool",
            f"session {session.slug}",
            f"pools {session.n}, capacity {session.capacity}",
        )
    open_ones = Session.objects.taking_seats()
    for pool in SeatPool.objects.filter(closed=True, session__status=Session.Status.PUBLISHED, session__in=open_ones):
        yield Breach("a session that takes place lets people in", f"pool {pool.pk}", "closed")
    for pool in SeatPool.objects.filter(closed=False, session__status=Session.Status.CANCELLED):
        yield Breach("a cancelled session lets nobody in", f"pool {pool.pk}", "open")
    for pool in SeatPool.objects.filter(closed=False).exclude(session__in=open_ones):
        yield Breach("an edition that is not open takes no seats", f"pool {pool.pk}", "open")
    for slug, track in Session.objects.exclude(track__edition=F("event__edition")).values_list("slug", "track"):
        yield Breach("a session and its track are of one edition", f"session {slug}", f"track {track}")
    for pool in SeatPool.objects.exclude(cohort=None).exclude(cohort__edition=F("session__event__edition")):
        yield Breach("seats are kept for cohorts of the same edition", f"pool {pool.pk}", f"cohort {pool.cohort_id}")
    for figure in Figure.objects.exclude(cohort=None).exclude(cohort__edition=F("session__event__edition")):
        yield Breach("figures count cohorts of the same edition", f"figure {figure.pk}", f"cohort {figure.cohort_id}")
    clashes = Session.objects.exclude(status=Session.Status.CANCELLED).filter(room__allows_several_sessions=False)
    others = clashes.filter(
        room=OuterRef("room"), starts_at__lt=OuterRef("ends_at"), ends_at__gt=OuterRef("starts_at")
    ).exclude(pk=OuterRef("pk"))
    for clash in clashes.filter(Exists(others)):
        yield Breach("a session has its room to itself", f"session {clash.slug}", f"room {clash.room_id}")


def _registrations() -> Iterator[Breach]:
    twice = Registration.objects.live().values("session", "attendee").annotate(n=Count("pk")).order_by().filter(n__gt=1)
    for row in twice:
        yield Breach(
            "a person is once in a session",
            f"session {row['session']}, attendee {row['attendee']}",
            f"{row['n']} live registrations",
        )
    for registration in (
        Registration.objects.live().exclude(session__status=Session.Status.PUBLISHED).select_related("session")
    ):
        yield Breach(
            "nobody is registered for what does not take place",
            f"registration {registration.uuid}",
            registration.session.status,
        )
    told = {kind: _told(kind) for kind in ("registrations.confirmed", "registrations.cancelled")}
    for uuid, status, ending in Registration.objects.values_list("uuid", "status", "ending"):
        if status == Registration.Status.CONFIRMED and str(uuid) not in told["registrations.confirmed"]:
            yield Breach("a confirmed seat has its mail", f"registration {uuid}", "no confirmation in the outbox")
        if (
            status == Registration.Status.CANCELLED
            and ending != Registration.Ending.LEFT_WAITLIST
            and str(uuid) not in told["registrations.cancelled"]
        ):
            yield Breach("a cancelled seat has its mail", f"registration {uuid}", "no cancellation in the outbox")
    changed = Registration.history.model.objects.filter(uuid=OuterRef("uuid"), status=OuterRef("status"))
    for registration in Registration.objects.exclude(Exists(changed)):
        yield Breach(
            "a change of a seat leaves a trace",
            f"registration {registration.uuid}",
            f"no history of {registration.status}",
        )


def _waiting_lists(at: datetime) -> Iterator[Breach]:
    free = SeatPool.objects.filter(session=OuterRef("pk"), closed=False, taken__lt=F("seats"))
    waiting = Registration.objects.filter(session=OuterRef("pk"), status=Registration.Status.WAITING)
    for session in Session.objects.filter(Exists(free), Exists(waiting)).select_related(
        "event__edition", "room__venue"
    ):
        if ways_in.closed(session, at, to_all=False) or not waitlist.hands_on(session):
            continue
        pools = list(SeatPool.objects.filter(session=session).select_related("cohort").order_by("pk"))
        if group := next(waitlist.fitting(session, pools, at), None):
            waits = ", ".join(str(registration.uuid) for registration, _pool in group)
            yield Breach("no seat is idle while someone eligible waits", f"session {session.slug}", f"waiting: {waits}")
    together = Registration.objects.filter(party__isnull=False)
    for astray in together.exclude(party__session=F("session")) | together.filter(status__in=Registration.ENDED):
        yield Breach(
            "people wait together for one session",
            f"registration {astray.uuid}",
            f"party {astray.party_id}, {astray.status}",
        )
    sizes = together.filter(status=Registration.Status.WAITING).order_by().values("party").annotate(n=Count("pk"))
    for row in sizes.filter(n__gt=waitlist.LARGEST_PARTY):
        yield Breach("a party has a largest size", f"party {row['party']}", f"{row['n']} wait together")


def _clashes() -> Iterator[Breach]:
    """Two seats at the same time, though both events refuse that. Sessions that moved since, or an event that was
    strict only later, take nobody's seat away: such pairs are no breach."""
    strict = ~Q(session__event__clash_policy=Event.ClashPolicy.WARN)
    seats = Registration.objects.filter(strict, status__in=ways_in.HOLDS).select_related("session")
    meanwhile = seats.filter(
        attendee=OuterRef("attendee"),
        pk__gt=OuterRef("pk"),
        session__starts_at__lt=OuterRef("session__ends_at"),
        session__ends_at__gt=OuterRef("session__starts_at"),
    )
    for seat in seats.annotate(other=Subquery(meanwhile.values("pk")[:1])).filter(other__isnull=False):
        other = seats.get(pk=seat.other)
        if all(_stood_still(session, seat.created_at) for session in (seat.session, other.session)):
            yield Breach(
                "nobody has two seats at once where it is refused",
                f"registration {seat.uuid}",
                f"registration {other.uuid}",
            )


def _stood_still(session: Session, since: datetime) -> bool:
    """Whether neither the time of `session` nor the strictness of its event has changed from `since` on."""
    for history, fields in (
        (Session.history.filter(id=session.pk), ("starts_at", "ends_at", "event")),
        (Event.history.filter(id=session.event_id), ("clash_policy",)),
    ):
        states = list(history.order_by("history_date").values_list("history_date", *fields))
        then = [state[1:] for state in states if state[0] < since][-1:]
        from_then_on = then + [state[1:] for state in states if state[0] >= since]
        if len(set(from_then_on)) != 1:
            return False
    return True


def _offers(at: datetime) -> Iterator[Breach]:
    late = Q(offer_expires_at__lt=at - GRACE) | Q(session__starts_at__lt=at - GRACE)
    for offer in Registration.objects.filter(late, status=Registration.Status.OFFERED):
        yield Breach(
            "an offer ends at its moment",
            f"registration {offer.uuid}",
            f"offered until {offer.offer_expires_at:%Y-%m-%d %H:%M:%S}",
        )


def _lots() -> Iterator[Breach]:
    lots = {code: lot for draw in Draw.objects.all() for lot, code in enumerate(draw.order, 1)}
    for draw in Draw.objects.all():
        if waitlist.draw_order(draw.entries, draw.seed) != draw.order:
            yield Breach("lots can be drawn again", f"session {draw.session_id}", "another order")
    for registration in Registration.objects.filter(Q(lot__isnull=False) | Q(uuid__in=lots)):
        if registration.lot != lots.get(str(registration.uuid)):
            yield Breach(
                "a lot is the one that was drawn", f"registration {registration.uuid}", f"lot {registration.lot}"
            )


def _told(kind: str) -> set[str]:
    """The registrations that a mail of `kind` was queued for; what follows in the key tells apart several to one
    (ledger.tell)."""
    return {
        key.removeprefix(f"{kind}:")[:36]
        for key in Message.objects.filter(kind=kind).values_list("dedupe_key", flat=True)
    }


def _messages(at: datetime) -> Iterator[Breach]:
    # The lease of a dead worker is taken over by the next sweep: one that is long over means that nobody sweeps.
    for message in Message.objects.filter(status=Message.Status.SENDING, lease_until__lt=at - GRACE):
        yield Breach(
            "no message outlives its lease",
            f"message {message.uuid}",
            f"lease until {message.lease_until:%Y-%m-%d %H:%M:%S}",
        )
    for message in Message.objects.filter(status__in=[Message.Status.FAILED, Message.Status.DROPPED], last_error=""):
        yield Breach("a message given up has a reason", f"message {message.uuid}", message.status)


def _search() -> Iterator[Breach]:
    for row in folding.stale():
        yield Breach("a row is found by what it says", f"{row._meta.label_lower} {row.pk}", "its search column is old")
