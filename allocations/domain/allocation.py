"""Sessions that are given out by wishes: people rank, organisers simulate, one run is put into force
(docs/rules.md#allocation)."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Attendee, User
from allocations.domain import holding, lottery
from allocations.models import Allocation, AllocationRun, Wish
from core import clock
from core.deadlocks import again_after_deadlock
from core.templatetags.when import moment
from outbox.domain.posting import post_many
from programme.models import Edition, Session
from registrations.domain import booking, clashes, ledger, waitlist, ways_in
from registrations.domain.clashes import Commitment
from registrations.domain.ways_in import SeatRefused
from registrations.models import Invitation, Limit, Membership, Registration, SeatPool
from venues.domain.travel import Travel


def person_key(attendee_id: int) -> str:
    """How somebody is called in a run: by a number, not by name."""
    return f"a{attendee_id}"


def session_key(session_id: int) -> str:
    return f"s{session_id}"


def number(key: str) -> int:
    """The primary key behind a key of the lottery."""
    return int(key[1:])


# --- Wishes -----------------------------------------------------------------------------------------------------------


def visible(at: datetime) -> QuerySet[Allocation]:
    """What people may see at `at`: allocations whose wishes have begun, and that give out a session which is public."""
    public = Session.objects.published().filter(allocations=OuterRef("pk"))
    return Allocation.objects.filter(Exists(public), opens_at__lte=at)


def check_nobody_wishes_in(edition: Edition, at: datetime) -> None:
    """Raise ValidationError while somebody wishes for a session to come of `edition` that is not given out yet."""
    given = AllocationRun.objects.filter(allocation=OuterRef("allocation"), committed_at__isnull=False)
    wishes = Wish.objects.filter(session__event__edition=edition, session__ends_at__gt=at).exclude(Exists(given))
    number = wishes.values("attendee").distinct().count()
    first = wishes.select_related("allocation").order_by("pk").first()
    if first:
        sentence = ngettext(
            "“%(edition)s” can’t be closed: %(number)d person has wishes in “%(allocation)s”.",
            "“%(edition)s” can’t be closed: %(number)d people have wishes in “%(allocation)s”.",
            number,
        )
        raise ValidationError(sentence % {"edition": edition, "number": number, "allocation": first.allocation})


def in_force(allocation: Allocation) -> bool:
    return AllocationRun.objects.filter(allocation=allocation, committed_at__isnull=False).exists()


def express(
    allocation: Allocation,
    attendee: Attendee,
    sessions: Sequence[Session],
    *,
    seen: Sequence[Session] | None = None,
    at: datetime | None = None,
) -> list[Wish]:
    """Keep `sessions`, in this order, as the wishes of `attendee`, instead of those before; the same again changes
    nothing, and none at all takes the wishes back.

    `seen`: the order that the form showed; if another one is kept meanwhile, nothing is changed. Raises SeatRefused,
    with the sentence to show: outside the time for wishes, too many, one twice, or one that is not given out here or
    not to the person.
    """
    at = at or clock.now()
    if refused := _not_now(allocation, at):
        raise refused
    with transaction.atomic():
        ledger.lock_people([attendee.pk])
        former = list(Wish.objects.filter(allocation=allocation, attendee=attendee).order_by("rank"))
        kept = [wish.session_id for wish in former]
        asked = [session.pk for session in sessions]
        if asked == kept:
            return former
        if seen is not None and [session.pk for session in seen] != kept:
            raise SeatRefused(
                "stale",
                _(
                    "Your wishes have changed in the meantime, perhaps in another window. Here is the latest list; "
                    "your last change was not saved."
                ),
            )
        _check(allocation, attendee, sessions, kept, at)
        Wish.objects.filter(allocation=allocation, attendee=attendee).delete()
        wishes = Wish.objects.bulk_create(
            Wish(allocation=allocation, attendee=attendee, session=session, rank=rank)
            for rank, session in enumerate(sessions, 1)
        )
        # The insert waits for a run that is being put into force, which locks the allocation: only now is it known
        # whether it was.
        if in_force(allocation):
            raise SeatRefused("done", _("The seats have been given out, so wishes can no longer be changed."))
    return wishes


def _not_now(allocation: Allocation, at: datetime) -> SeatRefused | None:
    if at < allocation.opens_at:
        return SeatRefused(
            "not_yet",
            _("You can add wishes from %(moment)s.") % {"moment": _moment(allocation, allocation.opens_at)},
        )
    if at >= allocation.closes_at:
        return SeatRefused(
            "over",
            _("You could add wishes until %(moment)s.") % {"moment": _moment(allocation, allocation.closes_at)},
        )
    return None


def _check(
    allocation: Allocation, attendee: Attendee, sessions: Sequence[Session], kept: Collection[int], at: datetime
) -> None:
    if len(sessions) > allocation.wishes_at_most:
        sentence = ngettext(
            "You can add %(number)d wish at most.",
            "You can add %(number)d wishes at most.",
            allocation.wishes_at_most,
        )
        raise SeatRefused("too_many", sentence % {"number": allocation.wishes_at_most})
    asked = [session.pk for session in sessions]
    for session in sessions:
        if asked.count(session.pk) > 1:
            raise SeatRefused(
                "twice", _("“%(session)s” can appear only once among your wishes.") % {"session": session}
            )
    # What has closed since it was wished for may stay.
    new = [session for session in sessions if session.pk not in kept]
    given_out = sessions_given_out(allocation).in_bulk()
    entries = entries_of(given_out.values(), at, invited_to(given_out.values(), [attendee])) if new else {}
    person, cohorts = person_key(attendee.pk), cohorts_of([attendee.pk])[attendee.pk]
    for session in new:
        if session.pk not in given_out:
            raise SeatRefused("unknown", _("This session is not part of this allocation."))
        if code := why_not(entries[session.pk], person, cohorts):
            raise SeatRefused(code, _("You cannot wish for “%(session)s”.") % {"session": session} + f" {why(code)}")


def sessions_given_out(allocation: Allocation) -> QuerySet[Session]:
    """The public sessions of `allocation`, those that its runs give seats in and people may wish for, in order of
    time."""
    return Session.objects.published().filter(allocations=allocation).with_place().order_by("starts_at", "slug")


def sessions_concerned(allocation: Allocation, wishes: QuerySet[Wish]) -> QuerySet[Session]:
    """The same, and those of `wishes` that are no longer given out, or no longer public; `is_given_out` tells them
    apart."""
    members = Exists(Allocation.sessions.through.objects.filter(allocation=allocation, session=OuterRef("pk")))
    wished = Exists(wishes.order_by().filter(session=OuterRef("pk")))
    public = Q(status__in=[Session.Status.PUBLISHED, Session.Status.CANCELLED])
    sessions = Session.objects.annotate(is_given_out=members).filter(Q(is_given_out=True) & public | wished)
    return sessions.with_place().order_by("starts_at", "slug")


# --- What a run is told -----------------------------------------------------------------------------------------------


def snapshot(allocation: Allocation, at: datetime) -> lottery.Inputs:
    """Everything that decides a run of `allocation`, as it is at `at` (see lottery): the same books give the same
    snapshot.

    A dozen queries, however many people. Accounts that were closed take no part.
    """
    wishes: dict[int, list[int]] = defaultdict(list)
    ranked = Wish.objects.filter(allocation=allocation, attendee__user__is_active=True).order_by("attendee_id", "rank")
    for attendee_id, session_id in ranked.values_list("attendee_id", "session_id"):
        wishes[attendee_id].append(session_id)
    wishing = ranked.order_by().values("attendee")
    sessions: dict[int, Session] = {session.pk: session for session in sessions_concerned(allocation, ranked)}
    people: list[Attendee] = list(
        Attendee.objects.filter(pk__in=wishing)
        .annotate(on_duty=clashes.has_duties())
        .select_related("user")
        .only("user__email")
        .order_by("pk")
    )
    entries = entries_of(sessions.values(), at, invited_to(sessions.values(), people))
    live = Registration.objects.live().filter(attendee__in=wishing)
    commitments = _commitments(people, list(live.only("attendee_id", "session_id", "status").order_by("pk")), sessions)
    elsewhere = {
        commitment.session.pk: commitment.session
        for of_person in commitments.values()
        for commitment in of_person
        if commitment.session.pk not in sessions
    }
    entries |= {pk: _place(session) for pk, session in elsewhere.items()}
    weights, cohorts = _weights_and_cohorts(Membership.objects.filter(attendee__in=wishing), entries)
    return {
        "seats_at_most": allocation.seats_at_most,
        "limits": [
            [f"e{event}", kind, at_most]
            for event, kind, at_most in Limit.objects.filter(
                event__in={session.event_id for session in sessions.values()}
            )
            .order_by("event_id", "kind")
            .values_list("event_id", "kind", "at_most")
        ],
        "travel": _travel({session.room.venue_id for session in [*sessions.values(), *elsewhere.values()]}),
        "sessions": {session_key(pk): entry for pk, entry in sorted(entries.items())},
        "people": {
            person_key(pk): {
                "weight": weights.get(pk, 1),
                "cohorts": cohorts[pk],
                "wishes": [session_key(session_id) for session_id in wishes[pk]],
                "held": sorted([session_key(held.session.pk), str(held.kind)] for held in commitments[pk]),
            }
            for pk in wishes
        },
    }


def entries_of(sessions: Iterable[Session], at: datetime, invited: dict[int, list[str]]) -> dict[int, dict[str, Any]]:
    """What the lottery must know of each session: place, time, why nobody gets in, seats left by pool, who may use the
    general pool.

    `invited`: the people (their keys) who may enter, for sessions by invitation. A session whose `is_given_out` is
    false gives no seat.
    """
    pools: dict[int, list[SeatPool]] = {session.pk: [] for session in sessions}
    for pool in SeatPool.objects.filter(session__in=pools, closed=False).select_related("cohort").order_by("pk"):
        pools[pool.session_id].append(pool)
    return {session.pk: _entry(session, pools[session.pk], at, invited.get(session.pk, [])) for session in sessions}


def _entry(session: Session, pools: Iterable[SeatPool], at: datetime, invited: list[str]) -> dict[str, Any]:
    present = [pool for pool in pools if pool.cohort is None or pool.cohort.is_present_for(session)]
    refused = ways_in.closed(session, at, to_all=False)
    closed = refused.code if refused else ""
    open_to: dict[str, list[str]] | None = None
    # The rule of ways_in.usable and ways_in.enter; a session on request is decided on by this very allocation.
    match session.access:
        case Session.Access.PUBLIC:
            closed = closed or "public"
        case Session.Access.INVITATION:
            open_to = {"people": invited, "cohorts": []}
        case Session.Access.COHORT:
            released = [pool for pool in present if pool.cohort_id and pool.release_at and pool.release_at <= at]
            open_to = {"people": [], "cohorts": [f"c{pool.cohort_id}" for pool in released]}
    return _place(session) | {
        "closed": closed if getattr(session, "is_given_out", True) else "removed",
        "pools": [
            [f"p{pool.pk}", f"c{pool.cohort_id}" if pool.cohort_id else "", max(pool.left, 0)] for pool in present
        ],
        "open_to": open_to,
    }


def _place(session: Session) -> dict[str, Any]:
    return {
        "slug": session.slug,
        "event": f"e{session.event_id}",
        "kind": session.kind,
        "venue": f"v{session.room.venue_id}",
        "starts": int(session.starts_at.timestamp()),
        "ends": int(session.ends_at.timestamp()),
    }


def invited_to(sessions: Iterable[Session], people: Iterable[Attendee]) -> dict[int, list[str]]:
    """Which of `people` (their keys) are invited to which of those `sessions` that are by invitation."""
    by_invitation = [session.pk for session in sessions if session.access == Session.Access.INVITATION]
    if not by_invitation:
        return {}
    known = {person.user.email: person_key(person.pk) for person in people}
    invited: dict[int, list[str]] = defaultdict(list)
    for session_id, email in (
        Invitation.objects.filter(session__in=by_invitation).order_by("pk").values_list("session_id", "email")
    ):
        if email in known:
            invited[session_id].append(known[email])
    return invited


def cohorts_of(people: Iterable[int]) -> dict[int, list[str]]:
    """The cohorts of each of `people` (by their ids), as the lottery calls them."""
    cohorts: dict[int, list[str]] = defaultdict(list)
    members = Membership.objects.filter(attendee__in=people).order_by("cohort_id")
    for attendee_id, cohort_id in members.values_list("attendee_id", "cohort_id"):
        cohorts[attendee_id].append(f"c{cohort_id}")
    return cohorts


def _weights_and_cohorts(
    members: QuerySet[Membership], entries: dict[int, dict[str, Any]]
) -> tuple[dict[int, int], dict[int, list[str]]]:
    """The weight of each member, the highest of their cohorts', and those of their cohorts for which seats are kept
    here."""
    kept = {cohort for entry in entries.values() for _pool, cohort, _left in entry.get("pools", ()) if cohort}
    weights: dict[int, int] = {}
    cohorts: dict[int, list[str]] = defaultdict(list)
    for attendee_id, cohort_id, weight in members.order_by("cohort_id").values_list(
        "attendee_id", "cohort_id", "cohort__weight"
    ):
        weights[attendee_id] = max(weight, weights.get(attendee_id, 1))
        if f"c{cohort_id}" in kept:
            cohorts[attendee_id].append(f"c{cohort_id}")
    return weights, cohorts


def _commitments(
    people: list[Attendee], live: list[Registration], sessions: dict[int, Session]
) -> dict[int, list[Commitment]]:
    """Where `people` are expected. Of a session that thousands have a seat in there is one object, not thousands."""
    others = Session.objects.select_related("room").in_bulk(
        {registration.session_id for registration in live} - set(sessions)
    )
    registrations: dict[int, list[Registration]] = defaultdict(list)
    for registration in live:
        registration.session = sessions.get(registration.session_id) or others[registration.session_id]
        registrations[registration.attendee_id].append(registration)
    return clashes.commitments_of(people, registrations=registrations)


def _travel(venues: Collection[int]) -> dict[str, dict[str, int]]:
    travel = Travel()
    return {
        f"v{one}": {f"v{other}": travel.minutes(one, other) for other in sorted(venues) if other != one}
        for one in sorted(venues)
    }


# --- Runs -------------------------------------------------------------------------------------------------------------


def simulate(allocation: Allocation, *, actor: User, seed: str = "", at: datetime | None = None) -> AllocationRun:
    """Let the lottery decide with `seed`, or one that is drawn, and keep what went in and what came out. Nobody gets a
    seat yet.

    Raises SeatRefused when a run is in force already.
    """
    at = at or clock.now()
    if in_force(allocation):
        raise SeatRefused("done", _("This allocation has already been applied."))
    waitlist.settle_all(at, sessions_given_out(allocation))  # releases that are due are no longer the cohorts'
    inputs = snapshot(allocation, at)
    chosen = seed.strip() or secrets.token_hex(16)
    run = AllocationRun(
        allocation=allocation,
        algorithm=lottery.ALGORITHM,
        seed=chosen,
        inputs=inputs,
        inputs_hash=lottery.fingerprint(inputs),
        results=lottery.run(inputs, chosen),
        created_by=actor,
    )
    run._history_user = actor
    run.save(force_insert=True)
    return run


@again_after_deadlock
def commit(run: AllocationRun, *, actor: User, at: datetime | None = None) -> AllocationRun:
    """Put `run` into force: give everybody the seats that it says, and write to them, in one transaction. Twice changes
    nothing.

    Raises SeatRefused: another run is in force, wishes can still be given, or what went in or came out is no longer
    what it was.
    """
    at = at or clock.now()
    if run.algorithm != lottery.ALGORITHM or lottery.replay(run.inputs, run.seed, run.results):
        raise SeatRefused(
            "altered", _("The stored results do not match the inputs and the seed: run the simulation again.")
        )
    fingerprint = lottery.fingerprint(run.inputs)
    people = Attendee.objects.select_related("user").in_bulk([number(person) for person in run.inputs["people"]])
    with transaction.atomic():
        # People, then the allocation, then the pools: `express` takes them in this order too.
        ledger.lock_people(people)
        allocation = Allocation.objects.select_for_update().get(pk=run.allocation_id)
        found = AllocationRun.objects.defer("inputs", "results").get(pk=run.pk)
        if found.committed_at:
            return found
        if in_force(allocation):
            raise SeatRefused("done", _("Another run of this allocation has already been applied."))
        if at < allocation.closes_at:
            closes_at = _moment(allocation, allocation.closes_at)
            raise SeatRefused(
                "too_early", _("People can still change their wishes, until %(moment)s.") % {"moment": closes_at}
            )
        ledger.lock_pools(SeatPool.objects.filter(session__allocations=allocation))
        if not fingerprint == found.inputs_hash == lottery.fingerprint(snapshot(allocation, at)):
            sentence = _("Wishes, seats or people’s commitments have changed since this simulation: run it again.")
            raise SeatRefused("stale", sentence)
        _give(run, people, actor, at)
        found.committed_at = at
        found._history_user = actor
        found.save(update_fields=["committed_at"])
        holding.hold_seats(allocation.sessions.values_list("pk", flat=True), actor=actor)
    return found


def _give(run: AllocationRun, people: dict[int, Attendee], actor: User, at: datetime) -> None:
    wishes = {person: of_person["wishes"] for person, of_person in run.inputs["people"].items()}
    answers = run.results["answers"]
    sessions = Session.objects.in_bulk({number(wish) for of_person in wishes.values() for wish in of_person})
    pools = SeatPool.objects.in_bulk(
        {number(a["pool"]) for found in answers.values() for a in found if a["code"] == "given"}
    )
    booking.seat_many(
        [
            (sessions[number(wish)], people[number(person)], pools[number(answer["pool"])])
            for person in sorted(answers)
            for wish, answer in zip(wishes[person], answers[person], strict=True)
            if answer["code"] == "given"
        ],
        actor=actor,
        at=at,
    )
    post_many(
        "allocations.allocated",
        (
            (
                people[number(person)].user.email,
                f"allocations.allocated:{run.uuid}:{person}",
                people[number(person)].user.language,
                {
                    "run": str(run.uuid),
                    "attendee": number(person),
                    "wishes": wishes[person],
                    "answers": answers[person],
                },
            )
            for person in sorted(answers)
        ),
    )


def exported(run: AllocationRun) -> dict[str, Any]:
    """A run as a file from which anybody can repeat it (manage.py replay_allocation): people are in it under a
    number."""
    return {
        "run": str(run.uuid),
        "allocation": run.allocation.slug,
        "algorithm": run.algorithm,
        "seed": run.seed,
        "run_at": run.created_at.isoformat(),
        "in_force_since": run.committed_at.isoformat() if run.committed_at else None,
        "inputs_hash": run.inputs_hash,
        "inputs": run.inputs,
        "results": run.results,
    }


# --- In words ---------------------------------------------------------------------------------------------------------


def why_not(entry: dict[str, Any], person: str, cohorts: list[str]) -> str:
    """The code of what keeps `person` from ever getting a seat of the session behind `entry`, or ""."""
    return entry["closed"] or ("" if lottery.usable(person, cohorts, entry) else "not_entitled")


def why(code: str) -> str:
    """The sentence for a code of `why_not`."""
    match code:
        case "not_entitled":
            return _("Its seats are reserved for cohorts or invited people.")
        case "public":
            return _("Open to all: you don’t need to register.")
        case "cancelled":
            return _("This session is cancelled.")
        case "over":
            return _("This session is over.")
        case "started":
            return _("This session has started: registration is closed.")
        case "removed":
            return _("It is no longer part of this allocation.")
        case _:
            return _("Registration is not open.")


def _moment(allocation: Allocation, at: datetime) -> str:
    return moment(at, zone(sessions_given_out(allocation)[:1]))


def zone(sessions: Iterable[Session]) -> ZoneInfo:
    """The zone in which the times of an allocation of `sessions` are told: that of the first venue."""
    return next((session.zone for session in sessions), ZoneInfo("Europe/Paris"))
