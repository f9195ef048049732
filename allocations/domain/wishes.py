"""What a person sees of an allocation: the sessions, their own ranking, and afterwards what they got and why
(docs/rules.md#allocation)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, Value
from django.db.models.fields.json import KeyTransform
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Attendee
from allocations.domain import allocation as allocating
from allocations.domain.allocation import number, person_key
from allocations.domain.holding import has_given
from allocations.domain.lottery import EXPECTED, Answer, usable
from allocations.models import Allocation, AllocationRun, Wish
from programme.models import Session
from registrations.domain import clashes
from registrations.domain.clashes import Commitment
from registrations.models import Registration
from venues.domain.travel import Travel


@dataclass(frozen=True)
class Listed:
    """An allocation in the list: how many wishes the person has, whether it takes wishes, whether a run is in force,
    and the zone in which its times are told."""

    allocation: Allocation
    mine: int
    is_open: bool
    is_done: bool
    zone: ZoneInfo


@dataclass(frozen=True)
class Choice:
    """One session on the page of wishes. `rank`: which wish it is, if any; `left`: seats that the person could get.

    `refused`: why they cannot get one, whatever they wish; `kept_from`: what else they do that keeps them from it;
    `beside`: the wishes of theirs that cannot be had with it.
    """

    session: Session
    rank: int | None
    left: int
    refused: str
    kept_from: tuple[str, ...]
    beside: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """The page of wishes of one person: every session in order of time, and their own ranking."""

    allocation: Allocation
    choices: list[Choice]
    wishes: list[Choice]
    zone: ZoneInfo
    is_open: bool

    @property
    def may_add(self) -> bool:
        return self.is_open and len(self.wishes) < self.allocation.wishes_at_most

    @property
    def empty_places(self) -> int:
        return max(self.allocation.wishes_at_most - len(self.wishes), 0)


@dataclass(frozen=True)
class Outcome:
    """What became of one wish. `code` and `turn`: see lottery; `sentence`: why it was not given; `is_live`: whether
    what was given is still held."""

    rank: int
    session: Session
    code: str
    turn: int
    sentence: str = ""
    is_live: bool = False

    @property
    def is_given(self) -> bool:
        return self.code == "given"


@dataclass(frozen=True)
class Result:
    """The run that is in force, as far as one person goes; `number` is what they are called in it."""

    run: AllocationRun
    number: str
    outcomes: list[Outcome]
    simulations: int  # how many runs there were, this one included

    @property
    def given(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.is_given]


def _takes_seats(session: Session | None) -> bool:
    return session is None or session.event.edition.takes_seats


def listed(attendee: Attendee | None, at: datetime) -> list[Listed]:
    """The allocations that `attendee` (None: a stranger) may see at `at`, those whose wishes end first before the
    others; two queries, or one where there is none."""
    mine = Count("wishes", filter=Q(wishes__attendee=attendee)) if attendee else Value(0)
    allocations = allocating.visible(at).annotate(mine=mine, is_done=has_given()).order_by("closes_at", "slug")
    if not allocations:
        return []
    first: dict[int, Session] = {}
    of_allocation = Allocation.sessions.through.objects.filter(
        allocation__in=allocations, session__status=Session.Status.PUBLISHED
    )
    of_allocation = of_allocation.select_related("session__room__venue", "session__event__edition")
    for row in of_allocation.order_by("session__starts_at", "session__slug"):
        first.setdefault(row.allocation_id, row.session)
    return [
        Listed(
            allocation,
            allocation.mine,
            allocation.closes_at > at and not allocation.is_done and _takes_seats(first.get(allocation.pk)),
            allocation.is_done,
            allocating.zone([first[allocation.pk]] if allocation.pk in first else []),
        )
        for allocation in allocations
    ]


def nameable(allocation: Allocation, attendee: Attendee) -> dict[str, Session]:
    """The sessions, by their slug, that a form of wishes may name: what is given out, and what was when it was wished
    for."""
    mine = Wish.objects.filter(allocation=allocation, attendee=attendee)
    return {session.slug: session for session in allocating.sessions_concerned(allocation, mine)}


def sheet(allocation: Allocation, attendee: Attendee, at: datetime) -> Sheet:
    """The page of wishes of `attendee`: a constant number of queries, however many sessions."""
    mine = Wish.objects.filter(allocation=allocation, attendee=attendee)
    ranks = dict(mine.values_list("session_id", "rank"))
    sessions: list[Session] = list(allocating.sessions_concerned(allocation, mine))
    person, cohorts = person_key(attendee.pk), allocating.cohorts_of([attendee.pk])[attendee.pk]
    entries = allocating.entries_of(sessions, at, allocating.invited_to(sessions, [attendee]))
    commitments = clashes.commitments_of([attendee])[attendee.pk]
    live = {commitment.session.pk for commitment in commitments}
    held = [commitment for commitment in commitments if commitment.kind in EXPECTED]
    wished = {session.pk: session for session in sessions if session.pk in ranks}
    travel = Travel()
    choices = []
    for session in sessions:
        entry = entries[session.pk]
        pools = usable(person, cohorts, entry)
        code = allocating.why_not(entry, person, cohorts)
        choices.append(
            Choice(
                session,
                ranks.get(session.pk),
                sum(left for pool, _cohort, left in entry["pools"] if pool in pools),
                allocating.why(code)
                if code
                else _("You already have a seat in this session, or are waiting for one.")
                if session.pk in live
                else "",
                tuple(clash.marked_sentence for clash in clashes.clashes_with(session, held, travel)),
                tuple(_beside(session, wished.values(), ranks, travel)),
            )
        )
    return Sheet(
        allocation,
        [choice for choice in choices if entries[choice.session.pk]["closed"] != "removed"],
        sorted((choice for choice in choices if choice.rank), key=lambda choice: choice.rank or 0),
        allocating.zone(sessions),
        allocation.opens_at <= at < allocation.closes_at and not allocating.in_force(allocation),
    )


def _beside(session: Session, wished: Iterable[Session], ranks: dict[int, int], travel: Travel) -> Iterator[str]:
    """In a sentence each: the wishes at the same time as `session`, and those from which one would come too late."""
    clashing = clashes.clashes_with(session, [Commitment(other, "wish") for other in wished], travel)
    for overlaps in (True, False):
        others = sorted(ranks[clash.commitment.session.pk] for clash in clashing if clash.overlaps is overlaps)
        if not others:
            continue
        if overlaps:
            words = ngettext(
                "At the same time as your wish %(ranks)s.", "At the same time as your wishes %(ranks)s.", len(others)
            )
        else:
            words = ngettext(
                "Too close to your wish %(ranks)s, given the travel time.",
                "Too close to your wishes %(ranks)s, given the travel time.",
                len(others),
            )
        yield words % {"ranks": get_text_list([str(rank) for rank in others], _("and"))}


def result(allocation: Allocation, attendee: Attendee) -> Result | None:
    """What the run in force says about `attendee`, or None while there is none. Of a run of thousands only their part
    is read."""
    key = person_key(attendee.pk)
    runs = AllocationRun.objects.filter(allocation=allocation)
    run = (
        runs.filter(committed_at__isnull=False)
        .defer("inputs", "results")
        .annotate(
            of_wishes=KeyTransform("wishes", KeyTransform(key, KeyTransform("people", "inputs"))),
            of_answers=KeyTransform(key, KeyTransform("answers", "results")),
        )
        .first()
    )
    if run is None:
        return None
    wishes, answers = run.of_wishes or [], run.of_answers or []
    return Result(run, key, outcomes(wishes, answers, attendee), runs.count())


def outcomes(wishes: Sequence[str], answers: Sequence[Answer], attendee: Attendee) -> list[Outcome]:
    """The answers of a run to the `wishes` of `attendee`, in words."""
    return outcomes_of({attendee.pk: (wishes, answers)})[attendee.pk]


def outcomes_of(parts: Mapping[int, tuple[Sequence[str], Sequence[Answer]]]) -> dict[int, list[Outcome]]:
    """The same for several people, by their ids: two queries for all."""
    named = {
        number(key)
        for wishes, answers in parts.values()
        for key in [*wishes, *(one["with"] for one in answers if "with" in one)]
    }
    sessions = Session.objects.with_place().in_bulk(named)
    held = Registration.objects.confirmed().filter(attendee__in=parts, session__in=named)
    live = set(held.values_list("attendee_id", "session_id")) if named else set()
    return {
        pk: [
            Outcome(
                rank,
                sessions[number(wish)],
                answer["code"],
                answer["turn"],
                sentence(answer, sessions[number(wish)], sessions),
                (pk, number(wish)) in live,
            )
            for rank, (wish, answer) in enumerate(zip(wishes, answers, strict=True), 1)
            if number(wish) in sessions
        ]
        for pk, (wishes, answers) in parts.items()
    }


def sentence(answer: Answer, session: Session, sessions: dict[int, Session]) -> str:
    """Why a wish was not given, in the language of the moment; "" for one that was. `sessions`: those that answers
    name."""
    match answer["code"]:
        case "given":
            return ""
        case "closed":
            return allocating.why(answer["why"])
        case "live":
            return (
                _("You were already on its waiting list.")
                if answer["as"] == Registration.Status.WAITING
                else _("You already have a seat in this session.")
            )
        case "enough":
            words = ngettext(
                "You have already been given %(number)d seat, the most one person can get.",
                "You have already been given %(number)d seats, the most one person can get.",
                answer["at_most"],
            )
            return words % {"number": answer["at_most"]}
        case "not_entitled":
            return allocating.why("not_entitled")
        case "clash":
            other = sessions.get(number(answer["with"]))
            return _("It clashes with “%(other)s”, which you are due to attend.") % {"other": other or answer["with"]}
        case "limit":
            words = ngettext(
                "“%(event)s” allows %(number)d seat per person.",
                "“%(event)s” allows %(number)d seats per person.",
                answer["at_most"],
            )
            if answer["kind"]:
                words = ngettext(
                    "“%(event)s” allows %(number)d seat per person in this format (%(kind)s).",
                    "“%(event)s” allows %(number)d seats per person in this format (%(kind)s).",
                    answer["at_most"],
                )
            return words % {"event": session.event, "number": answer["at_most"], "kind": session.get_kind_display()}
        case "full" if not answer["seats"]:
            return _("Full: it had no seats left to give out.")
        case _:
            return _("Full: its seats went to people who ranked it higher, or whose turn came before yours.")
