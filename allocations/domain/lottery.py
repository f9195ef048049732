"""The lottery of an allocation: who gets which seats, and why the others do not (docs/rules.md#allocation).

Pure: it knows no database, no clock and no request. The same inputs and seed give the same results on every machine and
in every version of Python: SHA-256, whole numbers, and decimal logarithms, which the decimal specification rounds
exactly.

`inputs` is plain JSON, written by allocation.snapshot; people, sessions and pools go by a letter and their number:

    {"seats_at_most": 3,                         how many seats one person gets at most
     "limits": [["e1", "workshop", 2], …],       at most 2 seats of that format in that event; format "": of them all
     "travel": {"v1": {"v2": 25}},               minutes from one venue into another
     "sessions": {"s1": {"slug", "event", "kind", "venue", "starts", "ends" (seconds since 1970),
                         "closed": "" or why nobody gets a seat,
                         "pools": [["p1", "c1", 20], ["p2", "", 30]],       pool, its cohort ("": general), seats left
                         "open_to": null or {"people": [], "cohorts": []}}  who may use the general pool (null: all)
                  sessions that are not given out, but in which somebody is expected, have neither of the last three},
     "people": {"a1": {"weight": 1, "cohorts": ["c1"], "wishes": ["s1", …] by rank,
                       "held": [["s9", "confirmed"], …]}}}                  where the person is expected, or hopes to be

`results`: {"answers": {"a1": [one for each wish, by rank]}, "figures": {…}}. An answer has a `code`: "given" (from
which "pool"), or why not: "closed" ("why"), "live" (the person has a place there already, "as" what), "enough",
"not_entitled", "clash" ("with" which session), "limit" ("event", "kind", "at_most"), "full" ("seats": how many there
were for the person at first); and `turn`, the person's place in the order of that round.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from itertools import islice
from typing import Any

Inputs = dict[str, Any]
Results = dict[str, Any]
Answer = dict[str, Any]

ALGORITHM = "rank-rounds-1"

TAKES_A_SEAT = ("confirmed", "offered", "pending")
# A place on the waiting list is only a hope: it keeps nobody from anything.
EXPECTED = (*TAKES_A_SEAT, "speaking", "duty")
MINUTE = 60
DAY = 24 * 60 * MINUTE

# Whatever context the process has set, this one counts: `ln` and division are rounded exactly, to so many digits.
_EXACT = Context(prec=34, rounding=ROUND_HALF_EVEN, Emin=-999999, Emax=999999, capitals=1, clamp=0, flags=[], traps=[])
_TWO_TO_64 = Decimal(2**64)


def fingerprint(inputs: Inputs) -> str:
    """The SHA-256 of `inputs`, however they are laid out."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def lot(seed: str, rank: int, person: str, weight: int) -> Decimal:
    """What `person` draws in the round of `rank`: the smallest lot comes first.

    It is exponentially distributed with the rate `weight`, so that of any two people the one with twice the weight
    comes first twice as often: like two tickets in a hat, of which the better one counts.
    """
    drawn = int.from_bytes(hashlib.sha256(f"{seed}:{rank}:{person}".encode()).digest()[:8])
    evenly = _EXACT.divide(Decimal(drawn + 1), _TWO_TO_64)
    return _EXACT.divide(_EXACT.minus(_EXACT.ln(evenly)), Decimal(weight))


def usable(person: str, cohorts: list[str], session: dict[str, Any]) -> list[str]:
    """The pools of `session` from which `person` may get a seat: those of their own `cohorts` first, then the general
    one."""
    own = [pool for pool, cohort, _left in session["pools"] if cohort and cohort in cohorts]
    general = [pool for pool, cohort, _left in session["pools"] if not cohort]
    open_to = session["open_to"]
    if open_to is None or person in open_to["people"] or any(cohort in open_to["cohorts"] for cohort in cohorts):
        return own + general
    return own


def clash(one: dict[str, Any], other: dict[str, Any], travel: dict[str, dict[str, int]]) -> bool:
    """Whether nobody can attend both sessions: they overlap, or leave less time than the way takes. The rule of
    domain/clashes.py."""
    first, second = sorted((one, other), key=lambda session: (session["starts"], session["ends"]))
    gap = second["starts"] - first["ends"]
    if gap >= DAY:
        return False
    return gap < MINUTE * (0 if first["venue"] == second["venue"] else travel[first["venue"]][second["venue"]])


def run(inputs: Inputs, seed: str) -> Results:
    """Give out the seats, by rounds: first everybody's first wish, then everybody's second one, and so on.

    In a round, those who have got fewer seats so far come first; among equals, lots are drawn (see `lot`), and should
    two lots be equal, the person's key decides. Each gets the wish of that rank unless something speaks against it
    (`_Books.judge`).
    """
    people = inputs["people"]
    books = _Books(inputs)
    answers: dict[str, list[Answer]] = {person: [] for person in sorted(people)}
    for rank in range(1, max((len(person["wishes"]) for person in people.values()), default=0) + 1):
        asking = [person for person in answers if len(people[person]["wishes"]) >= rank]
        lots = {person: lot(seed, rank, person, people[person]["weight"]) for person in asking}
        asking.sort(key=lambda person: (len(books.given[person]), lots[person], person))
        for turn, person in enumerate(asking, 1):
            answers[person].append(books.judge(person, people[person]["wishes"][rank - 1]) | {"turn": turn})
    return {"answers": answers, "figures": figures(inputs, answers)}


class _Books:
    """The seats that are left, and what each person has, while a run goes on."""

    def __init__(self, inputs: Inputs) -> None:
        self.sessions = inputs["sessions"]
        self.people = inputs["people"]
        self.limits = inputs["limits"]
        self.seats_at_most = inputs["seats_at_most"]
        self.left = {
            pool: left for session in self.sessions.values() for pool, _cohort, left in session.get("pools", ())
        }
        self.given: dict[str, list[str]] = {person: [] for person in self.people}
        travel = inputs["travel"]
        self.clash: Callable[[str, str], bool] = cache(
            lambda one, other: clash(self.sessions[one], self.sessions[other], travel)
        )

    def judge(self, key: str, wish: str) -> Answer:
        """Give `wish` to the person, or say why not: the first reason that holds. "full" so means that nothing else was
        in the way."""
        person, session, given = self.people[key], self.sessions[wish], self.given[key]
        if session["closed"]:
            return {"code": "closed", "why": session["closed"]}
        if kinds := [kind for held, kind in person["held"] if held == wish]:
            return {"code": "live", "as": kinds[0]}
        if len(given) >= self.seats_at_most:
            return {"code": "enough", "at_most": self.seats_at_most}
        pools = usable(key, person["cohorts"], session)
        if not pools:
            return {"code": "not_entitled"}
        expected = {held for held, kind in person["held"] if kind in EXPECTED}.union(given)
        if others := [other for other in expected if self.clash(wish, other)]:
            return {"code": "clash", "with": min(others, key=lambda other: (self.sessions[other]["starts"], other))}
        seats = {held for held, kind in person["held"] if kind in TAKES_A_SEAT}.union(given)
        for event, kind, at_most in self.limits:
            if event == session["event"] and kind in ("", session["kind"]):
                counted = [other for other in seats if self._counts(other, event, kind)]
                if len(counted) >= at_most:
                    return {"code": "limit", "event": event, "kind": kind, "at_most": at_most}
        for pool in pools:
            if self.left[pool] > 0:
                self.left[pool] -= 1
                given.append(wish)
                return {"code": "given", "pool": pool}
        return {"code": "full", "seats": sum(left for pool, _cohort, left in session["pools"] if pool in pools)}

    def _counts(self, session: str, event: str, kind: str) -> bool:
        found = self.sessions[session]
        return found["event"] == event and kind in ("", found["kind"])


def figures(inputs: Inputs, answers: dict[str, list[Answer]]) -> dict[str, Any]:
    """What a run comes to: how many people got which of their wishes, how many got none, and how each session fills."""
    longest = max((len(person["wishes"]) for person in inputs["people"].values()), default=0)
    best = [0] * longest  # people by the best of the wishes that they got
    sessions = {
        key: {
            "seats": sum(left for _pool, _cohort, left in session["pools"]),
            "given": 0,
            "wishes": 0,
            "first": 0,
            "full": 0,
        }
        for key, session in inputs["sessions"].items()
        if "pools" in session
    }
    codes: Counter[str] = Counter()
    for person, found in answers.items():
        given = [rank for rank, answer in enumerate(found) if answer["code"] == "given"]
        if given:
            best[given[0]] += 1
        for rank, (wish, answer) in enumerate(zip(inputs["people"][person]["wishes"], found, strict=True)):
            codes[answer["code"]] += 1
            row = sessions[wish]
            row["wishes"] += 1
            row["first"] += rank == 0
            row["given"] += answer["code"] == "given"
            row["full"] += answer["code"] == "full"
    return {
        "people": len(answers),
        "wishes": sum(codes.values()),
        "seats": codes["given"],
        "best": best,
        "nothing": len(answers) - sum(best),
        "codes": dict(sorted(codes.items())),
        "sessions": sessions,
    }


def differences(kept: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where two JSON values differ, in the order of their keys: "answers.a1.0.code: "full", now "given""."""
    if isinstance(kept, dict) and isinstance(found, dict):
        for key in sorted({*kept, *found}):
            yield from differences(kept.get(key), found.get(key), f"{path}.{key}" if path else key)
    elif isinstance(kept, list) and isinstance(found, list):
        for number in range(max(len(kept), len(found))):
            one, other = ([*side, None][min(number, len(side))] for side in (kept, found))
            yield from differences(one, other, f"{path}.{number}")
    elif kept != found or isinstance(kept, bool) != isinstance(found, bool):
        yield f"{path}: {json.dumps(kept)}, now {json.dumps(found)}"


def replay(inputs: Inputs, seed: str, results: Results, *, told: int = 5) -> list[str]:
    """The first differences between `results` and what the inputs and the seed give: none, if nobody has touched
    them."""
    return list(islice(differences(results, run(inputs, seed)), told))
