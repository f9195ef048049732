"""The books: sums that must hold at every moment (docs/rules.md#books). They alarm, they never repair."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from outbox.models import Message
from programme.models import Session
from registrations.domain import waitlist, ways_in
from registrations.models import Registration, SeatPool


@dataclass(frozen=True)
class Breach:
    """One wrong sum: which rule, which row, and what was found."""

    rule: str
    row: str
    found: str


def check(at: datetime) -> dict[str, object]:
    """Audit all books as they are at `at`: counts of what was read, and every breach found. Reads only."""
    breaches = [*_pools(), *_sessions(), *_registrations(), *_line(at), *_messages(at)]
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
        yield Breach("a pool counts the seats that are held", f"pool {pool.pk}", f"taken {pool.taken}, held {pool.holding}")
    for oversold in SeatPool.objects.filter(Q(taken__gt=F("seats")) | Q(taken__lt=0)):
        yield Breach("a pool is never oversold", f"pool {oversold.pk}", f"taken {oversold.taken} of {oversold.seats}")
    for registration in Registration.objects.filter(pool__isnull=False).exclude(pool__session=F("session")):
        yield Breach("a seat is in its own session’s pool", f"registration {registration.uuid}", f"pool {registration.pool_id}")


def _sessions() -> Iterator[Breach]:
    for session in Session.objects.annotate(n=Coalesce(Sum("pools__seats"), 0)).filter(n__gt=F("capacity")):
        yield Breach("pools never exceed the capacity", f"session {session.slug}", f"pools {session.n}, capacity {session.capacity}")
    clashes = Session.objects.exclude(status=Session.Status.CANCELLED).filter(room__allows_several_sessions=False)
    others = clashes.filter(room=OuterRef("room"), starts_at__lt=OuterRef("ends_at"), ends_at__gt=OuterRef("starts_at")).exclude(
        pk=OuterRef("pk")
    )
    for clash in clashes.filter(Exists(others)):
        yield Breach("a session has its room to itself", f"session {clash.slug}", f"room {clash.room_id}")


def _registrations() -> Iterator[Breach]:
    twice = Registration.objects.live().values("session", "attendee").annotate(n=Count("pk")).order_by().filter(n__gt=1)
    for row in twice:
        yield Breach(
            "a person is once in a session", f"session {row['session']}, attendee {row['attendee']}", f"{row['n']} live registrations"
        )
    told = {kind: _told(kind) for kind in ("registrations.confirmed", "registrations.cancelled")}
    for uuid, status, ending in Registration.objects.values_list("uuid", "status", "ending"):
        if status == Registration.Status.CONFIRMED and str(uuid) not in told["registrations.confirmed"]:
            yield Breach("a confirmed seat has its mail", f"registration {uuid}", "no confirmation in the outbox")
        if (
            status == Registration.Status.CANCELLED
            and ending != Registration.Ending.LEFT_LINE
            and str(uuid) not in told["registrations.cancelled"]
        ):
            yield Breach("a cancelled seat has its mail", f"registration {uuid}", "no cancellation in the outbox")
    changed = Registration.history.model.objects.filter(uuid=OuterRef("uuid"), status=OuterRef("status"))
    for registration in Registration.objects.exclude(Exists(changed)):
        yield Breach("a change of a seat leaves a trace", f"registration {registration.uuid}", f"no history of {registration.status}")


def _line(at: datetime) -> Iterator[Breach]:
    free = SeatPool.objects.filter(session=OuterRef("pk"), closed=False, taken__lt=F("seats"))
    waiting = Registration.objects.filter(session=OuterRef("pk"), status=Registration.Status.WAITING)
    for session in Session.objects.filter(Exists(free), Exists(waiting)).select_related("event", "room__venue"):
        if ways_in.closed(session, at, to_all=False) or not waitlist.hands_on(session):
            continue
        pools = list(SeatPool.objects.filter(session=session).select_related("cohort").order_by("pk"))
        if group := next(waitlist.fitting(session, pools, at), None):
            waits = ", ".join(str(registration.uuid) for registration, _pool in group)
            yield Breach("no seat is idle while someone eligible waits", f"session {session.slug}", f"waiting: {waits}")
    for party in Registration.objects.filter(party__isnull=False).exclude(party__session=F("session")):
        yield Breach("people wait together for one session", f"registration {party.uuid}", f"party {party.party_id}")


def _told(kind: str) -> set[str]:
    """The registrations that a mail of `kind` was queued for; what follows in the key tells apart several to one (ledger.tell)."""
    return {key.removeprefix(f"{kind}:")[:36] for key in Message.objects.filter(kind=kind).values_list("dedupe_key", flat=True)}


def _messages(at: datetime) -> Iterator[Breach]:
    # The lease of a dead worker is taken over by the next sweep: one that is long over means that nobody sweeps.
    for message in Message.objects.filter(status=Message.Status.SENDING, lease_until__lt=at - timedelta(minutes=5)):
        yield Breach("no message outlives its lease", f"message {message.uuid}", f"lease until {message.lease_until:%Y-%m-%d %H:%M:%S}")
    for message in Message.objects.filter(status__in=[Message.Status.FAILED, Message.Status.DROPPED], last_error=""):
        yield Breach("a message given up has a reason", f"message {message.uuid}", message.status)
