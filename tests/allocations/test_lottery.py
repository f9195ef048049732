"""Who gets which seats by rank and lot: the pure part of an allocation (docs/rules.md#allocation)."""

import json
import math
import os
import random
import subprocess
import sys
from collections import Counter
from copy import deepcopy
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.domain import lottery

pytestmark = pytest.mark.runs_once("the lottery is pure: no database is asked")

HOUR = 3600
MORNING = 1_801_000_000


def session(begins: float = 0, hours: float = 1, **fields: Any) -> dict[str, Any]:
    """A session that begins so many hours after the morning, with ten seats for everybody."""
    starts = int(MORNING + begins * HOUR)
    defaults = {
        "slug": "x",
        "event": "e1",
        "kind": "workshop",
        "venue": "v1",
        "starts": starts,
        "ends": starts + int(hours * HOUR),
    }
    return defaults | {"closed": "", "pools": [["p1", "", 10]], "open_to": None} | fields


def person(*wishes: str, **fields: Any) -> dict[str, Any]:
    return {"weight": 1, "cohorts": [], "wishes": list(wishes), "held": []} | fields


def inputs(sessions: dict[str, Any], people: dict[str, Any], **fields: Any) -> lottery.Inputs:
    """What a run is told. Pools are named after their session; a way between venues takes half an hour."""
    for key, found in sessions.items():
        for number, pool in enumerate(found.get("pools", ())):
            pool[0] = f"p{key[1:]}{number}"
    venues = sorted({found["venue"] for found in sessions.values()})
    travel = {one: {other: 30 for other in venues if other != one} for one in venues}
    return {"seats_at_most": 3, "limits": [], "travel": travel, "sessions": sessions, "people": people} | fields


def answers(told: lottery.Inputs, seed: str = "seed") -> dict[str, list[dict[str, Any]]]:
    return lottery.run(told, seed)["answers"]


def codes(told: lottery.Inputs, who: str = "a1", seed: str = "seed") -> list[str]:
    return [answer["code"] for answer in answers(told, seed)[who]]


def alone(*wishes: str, sessions: dict[str, Any], held: Any = (), cohorts: Any = (), **fields: Any) -> list[str]:
    """What becomes of the wishes of somebody who has no rival."""
    return codes(inputs(sessions, {"a1": person(*wishes, held=list(held), cohorts=list(cohorts))}, **fields))


# --- Rounds and lots --------------------------------------------------------------------------------------------------


@pytest.mark.proves("rank-rounds")
def test_everybodys_first_wish_comes_before_anybodys_second_one():
    sessions = {"s1": session(pools=[["", "", 1]]), "s2": session(2, pools=[["", "", 1]])}
    people = {"a1": person("s1", "s2"), "a2": person("s1", "s2"), "a3": person("s2")}

    for seed in "abcdefgh":
        found = answers(inputs(sessions, people), seed)
        assert [answer["code"] for answer in found["a3"]] == ["given"]
        assert sorted(found[who][0]["code"] for who in ("a1", "a2")) == ["full", "given"]
        assert found["a1"][1]["code"] == found["a2"][1]["code"] == "full"


@pytest.mark.proves("rank-rounds")
def test_in_a_later_round_those_with_fewer_seats_come_first():
    sessions = {"s1": session(pools=[["", "", 1]]), "s2": session(2, pools=[["", "", 1]])}
    people = {"a1": person("s1", "s2"), "a2": person("s1", "s2")}

    for seed in "abcdefgh":
        found = answers(inputs(sessions, people), seed)
        assert sorted([a["code"] for a in found[who]] for who in found) == [["full", "given"], ["given", "full"]]


def test_each_round_is_drawn_anew():
    orders = {tuple(sorted("abcdefgh", key=lambda who: lottery.lot("seed", rank, who, 1))) for rank in range(1, 9)}

    assert len(orders) == 8


@pytest.mark.proves("rank-rounds")
def test_twice_the_weight_comes_first_twice_as_often():
    """Exact numbers: the same seeds give the same lots for ever. Expected: 1500, 2000 and 2250 of 3000."""

    def wins(weight: int) -> int:
        told = inputs({"s1": session(pools=[["", "", 1]])}, {"a1": person("s1", weight=weight), "a2": person("s1")})
        return sum(codes(told, seed=str(seed)) == ["given"] for seed in range(3000))

    assert (wins(1), wins(2), wins(3)) == (1514, 1995, 2243)


@pytest.mark.proves("rank-rounds")
def test_a_weight_counts_as_so_many_tickets_in_a_hat():
    """Independently: the best of `weight` tickets drawn by another generator wins as often as the lot does."""
    dice = random.Random(1)
    hat = (
        sum(max(dice.random() for _ in range(5)) > max(dice.random() for _ in range(2)) for _ in range(20_000)) / 20_000
    )
    lots = (
        sum(lottery.lot(str(seed), 1, "a1", 5) < lottery.lot(str(seed), 1, "a2", 2) for seed in range(20_000)) / 20_000
    )

    assert lots == pytest.approx(5 / 7, abs=0.01)
    assert hat == pytest.approx(lots, abs=0.015)


# --- The same everywhere ----------------------------------------------------------------------------------------------


def a_town(dice: random.Random) -> lottery.Inputs:
    """Forty people, twelve sessions in three places, cohorts, weights, duties and limits."""
    sessions = {}
    for number in range(12):
        pools = [
            ["", "", dice.randrange(4)],
            *(["", f"c{cohort}", dice.randrange(3)] for cohort in range(dice.randrange(3))),
        ]
        closed = dice.choice(["", "", "", "", "", "cancelled"])
        open_to = dice.choice([None, None, None, {"people": ["a1", "a7"], "cohorts": ["c0"]}])
        sessions[f"s{number}"] = session(
            dice.randrange(20) / 2,
            dice.choice([0.5, 1, 2]),
            venue=f"v{dice.randrange(3)}",
            event=f"e{dice.randrange(2)}",
            kind=dice.choice(["workshop", "panel"]),
            pools=pools,
            closed=closed,
            open_to=open_to,
        )
    people = {}
    for number in range(40):
        held = [
            [f"s{dice.randrange(12)}", dice.choice(["confirmed", "waiting", "speaking", "duty"])]
            for _ in range(dice.randrange(3))
        ]
        wishes = dice.sample(sorted(sessions), dice.randrange(9))
        cohorts = [f"c{cohort}" for cohort in range(3) if dice.random() < 0.3]
        people[f"a{number}"] = person(*wishes, weight=dice.choice([1, 1, 2, 5]), cohorts=cohorts, held=sorted(held))
    limits = [["e0", "workshop", 1], ["e1", "", 2]] if dice.random() < 0.7 else []
    return inputs(sessions, people, limits=limits, seats_at_most=dice.choice([1, 2, 3]))


def the_pinned_town() -> lottery.Inputs:
    """Thirty people and eight sessions by arithmetic alone: no generator that another version of Python might
    change."""
    sessions = {
        f"s{n}": session(
            n % 4, 1, venue=f"v{n % 3}", kind=("workshop", "panel")[n % 2], pools=[["", "", n % 5], ["", "c1", n % 3]]
        )
        for n in range(8)
    }
    people = {
        f"a{n}": person(
            *(f"s{(n * 3 + 5 * rank) % 8}" for rank in range(5)),
            weight=1 + n % 3,
            cohorts=["c1"] if n % 4 == 0 else [],
            held=[[f"s{n % 8}", ("confirmed", "waiting", "duty")[n % 3]]] if n % 5 == 0 else [],
        )
        for n in range(30)
    }
    return inputs(sessions, people, limits=[["e1", "panel", 1]], seats_at_most=2)


@pytest.mark.proves("allocation-replay")
def test_a_run_is_the_same_on_every_machine_and_in_every_version():
    """These fingerprints may never change as long as the algorithm has this name: runs in force are replayed by it."""
    told = the_pinned_town()

    assert lottery.ALGORITHM == "rank-rounds-1"
    assert lottery.fingerprint(told) == "e36794d94815fc01c54a23f774e72f4a929cceaeabce3e75d049671a1dbd199c"
    assert (
        lottery.fingerprint(lottery.run(told, "20270210"))
        == "c64493607f8645bb6f931870e0dd3d205be7664d9da66b1af7b255558d1a9697"
    )


@pytest.mark.proves("allocation-replay")
def test_another_process_with_other_hashes_and_another_decimal_context_gives_the_same():
    told = a_town(random.Random(7))
    program = """
import decimal, json, sys
decimal.setcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP))
from allocations.domain import lottery
print(lottery.fingerprint(lottery.run(json.load(sys.stdin), "20270210")))
"""

    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(told),
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert found == {lottery.fingerprint(lottery.run(told, "20270210"))}


def test_the_order_in_which_people_and_sessions_are_written_down_plays_no_part():
    told = a_town(random.Random(3))
    turned = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value
        for key, value in reversed(told.items())
    }

    assert lottery.fingerprint(turned) == lottery.fingerprint(told)
    assert lottery.run(turned, "x") == lottery.run(told, "x")


def test_a_run_leaves_what_it_was_told_as_it_was():
    told = a_town(random.Random(3))
    before = deepcopy(told)

    lottery.run(told, "x")

    assert told == before


def test_another_seed_gives_other_lots():
    told = a_town(random.Random(3))

    assert lottery.run(told, "x") != lottery.run(told, "y")


# --- What speaks against a wish ---------------------------------------------------------------------------------------


@pytest.mark.proves("rank-rounds")
def test_a_cohorts_own_seats_go_first_and_then_the_general_ones():
    sessions = {"s1": session(pools=[["", "", 1], ["", "c1", 1], ["", "c2", 5]])}
    people = {f"a{n}": person("s1", cohorts=["c1"]) for n in range(3)}

    found = sorted(answers[0].get("pool", "") for answers in answers(inputs(sessions, people)).values())

    assert found == ["", "p10", "p11"]


def test_seats_of_a_cohort_are_not_given_to_others():
    assert alone("s1", sessions={"s1": session(pools=[["", "", 0], ["", "c1", 5]])}) == ["full"]


@pytest.mark.parametrize(
    ("open_to", "cohorts", "code"),
    [
        ({"people": [], "cohorts": []}, [], "not_entitled"),
        ({"people": ["a2"], "cohorts": []}, [], "not_entitled"),
        ({"people": ["a1"], "cohorts": []}, [], "given"),
        ({"people": [], "cohorts": ["c1"]}, ["c1"], "given"),
        ({"people": [], "cohorts": ["c1"]}, ["c2"], "not_entitled"),
    ],
)
def test_the_general_pool_is_for_those_whom_the_access_lets_in(open_to, cohorts, code):
    assert alone("s1", sessions={"s1": session(open_to=open_to)}, cohorts=cohorts) == [code]


@pytest.mark.proves("rank-rounds")
@pytest.mark.parametrize(
    ("begins", "venue", "code"), [(0.5, "v1", "clash"), (1, "v1", "given"), (1.4, "v2", "clash"), (1.5, "v2", "given")]
)
def test_no_two_seats_clash_the_way_between_them_included(begins, venue, code):
    sessions = {"s1": session(), "s2": session(begins, venue=venue)}

    assert alone("s1", "s2", sessions=sessions) == ["given", code]
    assert alone("s2", "s1", sessions=sessions) == ["given", code]


def test_a_way_takes_what_it_takes_in_its_direction():
    sessions = {"s1": session(), "s2": session(1.5, venue="v2"), "s3": session(3.0)}
    travel = {"v1": {"v2": 30}, "v2": {"v1": 31}}

    assert alone("s1", "s2", "s3", sessions=sessions, travel=travel) == ["given", "given", "clash"]


def test_sessions_a_day_apart_never_clash():
    sessions = {"s1": session(), "s2": session(25, venue="v2")}

    assert alone("s1", "s2", sessions=sessions, travel={"v1": {"v2": 9999}, "v2": {"v1": 9999}}) == ["given", "given"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("confirmed", "clash"),
        ("offered", "clash"),
        ("pending", "clash"),
        ("speaking", "clash"),
        ("duty", "clash"),
        ("waiting", "given"),
    ],
)
def test_what_somebody_is_expected_at_keeps_them_from_what_clashes(kind, code):
    sessions = {
        "s1": session(),
        "s2": {name: value for name, value in session(0.5).items() if name not in ("closed", "pools", "open_to")},
    }

    assert alone("s1", sessions=sessions, held=[["s2", kind]]) == [code]


def test_a_clash_says_with_what():
    sessions = {"s1": session(), "s2": session(-0.5), "s3": session(0.5)}

    found = answers(inputs(sessions, {"a1": person("s3", "s1", held=[["s2", "duty"]])}))["a1"]

    assert found[1] == {"code": "clash", "with": "s2", "turn": 1}, "the earlier one"


@pytest.mark.proves("rank-rounds")
@pytest.mark.parametrize(
    ("limits", "codes"),
    [
        ([], ["given"] * 3),
        ([["e1", "", 2]], ["given", "given", "limit"]),
        ([["e1", "workshop", 1]], ["given", "given", "limit"]),
        ([["e1", "panel", 1]], ["given"] * 3),
        ([["e2", "", 1]], ["given"] * 3),
    ],
)
def test_the_limits_of_the_event_hold(limits, codes):
    sessions = {"s1": session(), "s2": session(2, kind="panel"), "s3": session(4)}

    assert alone("s1", "s2", "s3", sessions=sessions, limits=limits) == codes


@pytest.mark.parametrize(
    ("kind", "code"), [("confirmed", "limit"), ("pending", "limit"), ("waiting", "given"), ("duty", "given")]
)
def test_seats_that_somebody_has_already_count_towards_a_limit(kind, code):
    sessions = {"s1": session(), "s2": session(5)}

    assert alone("s1", sessions=sessions, held=[["s2", kind]], limits=[["e1", "", 1]]) == [code]


@pytest.mark.proves("rank-rounds")
def test_nobody_gets_more_seats_than_the_allocation_gives():
    sessions = {f"s{n}": session(2 * n) for n in range(4)}

    assert alone(*sessions, sessions=sessions, seats_at_most=2) == ["given", "given", "enough", "enough"]


def test_a_closed_session_gives_nothing_and_says_why():
    found = answers(inputs({"s1": session(closed="cancelled")}, {"a1": person("s1")}))["a1"]

    assert found == [{"code": "closed", "why": "cancelled", "turn": 1}]


@pytest.mark.parametrize("kind", ["confirmed", "waiting", "pending", "offered", "speaking"])
def test_who_has_a_place_in_a_session_gets_nothing_there_twice(kind):
    found = answers(inputs({"s1": session()}, {"a1": person("s1", held=[["s1", kind]])}))["a1"]

    assert found == [{"code": "live", "as": kind, "turn": 1}]


def test_an_allocation_without_anybody_comes_to_nothing():
    found = lottery.run(inputs({"s1": session()}, {}), "x")

    assert found["answers"] == {}
    assert found["figures"]["nothing"] == found["figures"]["seats"] == 0


# --- What always holds ------------------------------------------------------------------------------------------------


@pytest.mark.proves("allocation-guarantee")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(town=st.integers(0, 2**32), seed=st.text(max_size=8))
def test_whatever_the_wishes_no_rule_is_broken_and_every_reason_is_true(town, seed):
    """Judged by hand, in the order of the turns that the answers tell: capacity, clashes, limits, and no justified
    envy: whoever reads "full" sees each of those seats with somebody who had ranked the session higher, or whose turn
    came before."""
    told = a_town(random.Random(town))
    sessions, people = told["sessions"], told["people"]
    found = answers(told, seed)
    left = {pool: seats for one in sessions.values() for pool, _cohort, seats in one["pools"]}
    at_first = dict(left)
    given_to: dict[str, list[tuple[int, int]]] = {pool: [] for pool in left}
    got: dict[str, list[str]] = {who: [] for who in people}

    assert {who: len(of_person) for who, of_person in found.items()} == {
        who: len(one["wishes"]) for who, one in people.items()
    }
    for rank in range(1, 10):
        asking = {who: of_person[rank - 1] for who, of_person in found.items() if len(of_person) >= rank}
        turns = sorted(asking, key=lambda who: asking[who]["turn"])
        assert [asking[who]["turn"] for who in turns] == list(range(1, len(turns) + 1))
        assert turns == sorted(turns, key=lambda who: (len(got[who]), drawn(seed, rank, who) / people[who]["weight"]))
        for who in turns:
            answer, wish = asking[who], people[who]["wishes"][rank - 1]
            one = sessions[wish]
            own = [pool for pool, cohort, _ in one["pools"] if cohort in people[who]["cohorts"] and cohort]
            let_in = (
                one["open_to"] is None
                or who in one["open_to"]["people"]
                or {*one["open_to"]["cohorts"]} & {*people[who]["cohorts"]}
            )
            usable = own + [pool for pool, cohort, _ in one["pools"] if not cohort and let_in]
            expected = [held for held, kind in people[who]["held"] if kind != "waiting"] + got[who]
            clashing = [other for other in expected if other != wish and apart(one, sessions[other]) is False]
            seats = {held for held, kind in people[who]["held"] if kind in lottery.TAKES_A_SEAT} | {*got[who]}
            limited = [
                limit
                for limit in told["limits"]
                if counts(one, limit) and sum(counts(sessions[s], limit) for s in seats) >= limit[2]
            ]
            truths = {
                "closed": bool(one["closed"]),
                "live": wish in [held for held, _ in people[who]["held"]],
                "enough": len(got[who]) >= told["seats_at_most"],
                "not_entitled": not usable,
                "clash": bool(clashing),
                "limit": bool(limited),
                "full": not any(left[pool] for pool in usable),
            }
            assert answer["code"] == next((code for code, holds in truths.items() if holds), "given")
            if answer["code"] == "given":
                assert answer["pool"] == next(pool for pool in usable if left[pool])
                left[answer["pool"]] -= 1
                given_to[answer["pool"]].append((rank, answer["turn"]))
                got[who].append(wish)
            elif answer["code"] == "full":
                assert answer["seats"] == sum(at_first[pool] for pool in usable)
                assert all(before < (rank, answer["turn"]) for pool in usable for before in given_to[pool])
            elif answer["code"] == "clash":
                assert answer["with"] in clashing
    assert min(left.values()) >= 0


def drawn(seed: str, rank: int, who: str) -> float:
    """The lot in ordinary numbers: near enough to tell an order, written another way."""
    return -math.log((int(sha256(f"{seed}:{rank}:{who}".encode()).hexdigest()[:16], 16) + 1) / 2**64)


def apart(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether there is time for the way from the earlier session to the later one."""
    way = 0 if one["venue"] == other["venue"] else 30 * 60
    return one["ends"] + way <= other["starts"] or other["ends"] + way <= one["starts"]


def counts(one: dict[str, Any], limit: list[Any]) -> bool:
    return one["event"] == limit[0] and limit[1] in ("", one["kind"])


def test_the_figures_are_those_of_the_answers():
    told = a_town(random.Random(11))
    found = lottery.run(told, "x")
    by_code = Counter(answer["code"] for of_person in found["answers"].values() for answer in of_person)
    figures = found["figures"]

    assert figures["people"] == len(told["people"])
    assert figures["wishes"] == sum(by_code.values())
    assert figures["codes"] == by_code
    assert figures["seats"] == by_code["given"] == sum(row["given"] for row in figures["sessions"].values())
    assert figures["nothing"] == sum(
        all(answer["code"] != "given" for answer in of_person) for of_person in found["answers"].values()
    )
    assert sum(figures["best"]) + figures["nothing"] == figures["people"]
    assert figures["best"][0] == sum(
        of_person[0]["code"] == "given" for of_person in found["answers"].values() if of_person
    )
    assert sum(row["wishes"] for row in figures["sessions"].values()) == figures["wishes"]
    assert sum(row["full"] for row in figures["sessions"].values()) == by_code["full"]


# --- Repeating a run --------------------------------------------------------------------------------------------------


def test_a_run_that_nobody_touched_is_repeated_without_a_difference():
    told = a_town(random.Random(5))

    assert lottery.replay(told, "x", json.loads(json.dumps(lottery.run(told, "x")))) == []


def test_a_seat_that_was_moved_by_hand_is_found():
    told = a_town(random.Random(5))
    results = lottery.run(told, "x")
    who, answer = next(
        (who, answer) for who, found in results["answers"].items() for answer in found if answer["code"] == "full"
    )
    place = results["answers"][who].index(answer)
    answer["code"] = "given"

    assert lottery.replay(told, "x", results) == [f'answers.{who}.{place}.code: "given", now "full"']


def test_who_finds_a_session_full_learns_how_many_seats_there_were_for_them():
    sessions = {"s1": session(pools=[["", "", 1], ["", "c1", 5]]), "s2": session(3, pools=[["", "", 0]])}

    found = answers(inputs(sessions, {"a1": person("s1", "s2"), "a2": person("s1", "s2")}))

    assert sorted(of_person[0].get("seats", -1) for of_person in found.values()) == [-1, 1]
    assert {of_person[1]["seats"] for of_person in found.values()} == {0}


@pytest.mark.parametrize(
    ("kept", "found", "said"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a: 1, now 2"]),
        ({"a": 1}, {"b": 1}, ["a: 1, now null", "b: null, now 1"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a.1: 2, now null"]),
        ({"a": [1]}, {"a": [1, 2, 3]}, ["a.1: null, now 2", "a.2: null, now 3"]),
        ({"a": 1}, {"a": True}, ["a: 1, now true"]),
        ([], {}, [": [], now {}"]),
    ],
)
def test_differences_are_told_by_their_place(kept, found, said):
    assert list(lottery.differences(kept, found)) == said
