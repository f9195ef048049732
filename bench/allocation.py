"""How long a fair allocation takes: 5,000 people rank 8 of 60 sessions, one run is simulated and put into force.

Prints one JSON object last; docs/benchmarks.md tells what each figure means.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.workplace import ROOT, arguments, progress, workplace

SEED = "20270210"
VENUES = 6
HOURS = 10  # moments at which sessions begin, over five days
EVERY = 1000


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--people", type=_from_one, default=5000)
    parser.add_argument("--sessions", type=_from_one, default=60)
    parser.add_argument("--wishes", type=_from_one, default=8)
    parser.add_argument(
        "--of-run", action="store_true", help="measure in a database that is ready: what the bench starts by itself"
    )
    given = parser.parse_args()
    given.wishes = min(given.wishes, given.sessions)
    if given.of_run:
        import django  # noqa: PLC0415 - after the environment

        django.setup()
        print(json.dumps(measure()))
        return
    with workplace(given):
        progress(f"Writing {given.people} people with {given.wishes} wishes each for {given.sessions} sessions…")
        make(given)
        progress("Simulating a run and putting it into force…")
        # A process of its own: the memory of the one that wrote the people would be counted too.
        done = subprocess.run(
            [sys.executable, __file__, "--of-run"],
            cwd=ROOT,
            env=os.environ,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"The run failed (code {done.returncode}).")
        print(
            json.dumps(
                {"people": given.people, "sessions": given.sessions, "wishes": given.wishes} | json.loads(done.stdout)
            )
        )


def make(given: Any) -> None:
    """People, half of them in two cohorts, one in three with a seat elsewhere, and wishes that favour some sessions
    over others."""
    from django.utils import timezone  # noqa: PLC0415

    from accounts.models import User  # noqa: PLC0415
    from allocations.models import Allocation, Wish  # noqa: PLC0415
    from registrations.domain import booking, pools  # noqa: PLC0415
    from registrations.models import Limit, Membership  # noqa: PLC0415
    from tests import make  # noqa: PLC0415

    dice = random.Random(SEED)
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    event, track = make.event(), make.track()
    venues = [make.venue(latitude=48.85 + n / 50, longitude=2.3 + n / 50) for n in range(VENUES)]

    def session(n: int, seats: int) -> Any:
        starts_at = now + timedelta(days=14 + n % HOURS // 2, hours=9 + n % 2 * 5)
        room = make.room(venue=venues[n % VENUES])
        return make.session(seats=seats, starts_at=starts_at, minutes=120, event=event, track=track, room=room)

    sessions = [session(n, max(given.people * 2 // given.sessions, 4)) for n in range(given.sessions)]
    elsewhere = [session(n, given.people) for n in range(HOURS)]
    people = make.attendees(given.people)
    cohorts = [make.cohort(size=given.people, weight=weight) for weight in (1, 2)]
    Membership.objects.bulk_create(
        [Membership(cohort=cohorts[n % 2], attendee=person) for n, person in enumerate(people) if n % 4 < 2],
        batch_size=EVERY,
    )
    for cohort in cohorts:
        for of_cohort in sessions:
            pools.allot(of_cohort, cohort, of_cohort.capacity // 4)
    Limit.objects.create(event=event, at_most=4)
    organiser = User.objects.create_superuser("organiser@example.org")
    taken = [
        (elsewhere[n % HOURS], person, make.pool(elsewhere[n % HOURS])) for n, person in enumerate(people) if n % 3 == 0
    ]
    booking.seat_many(taken, actor=organiser, at=now)
    allocation = Allocation.objects.create(
        slug="bench",
        title_fr="Ateliers",
        title_en="Workshops",
        opens_at=now - timedelta(days=2),
        closes_at=now - timedelta(days=1),
        wishes_at_most=given.wishes,
    )
    allocation.sessions.set(sessions)
    favour = [1 / (n + 1) for n in range(given.sessions)]
    wishes = []
    for person in people:
        order = sorted(range(given.sessions), key=lambda n: dice.random() ** (1 / favour[n]), reverse=True)[
            : given.wishes
        ]
        wishes += [
            Wish(allocation=allocation, attendee=person, session=sessions[n], rank=rank)
            for rank, n in enumerate(order, 1)
        ]
    Wish.objects.bulk_create(wishes, batch_size=EVERY)


def measure() -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from accounts.models import User  # noqa: PLC0415
    from allocations.domain import allocation as allocating  # noqa: PLC0415
    from allocations.domain import lottery  # noqa: PLC0415
    from allocations.models import Allocation, AllocationRun  # noqa: PLC0415
    from registrations.domain import invariants  # noqa: PLC0415

    allocation, organiser = Allocation.objects.get(), User.objects.get(email="organiser@example.org")
    with CaptureQueriesContext(connection) as queries:
        allocating.snapshot(allocation, timezone.now())
    began = time.perf_counter()
    run = allocating.simulate(allocation, actor=organiser, seed=SEED)
    simulated = time.perf_counter()
    allocating.commit(run, actor=organiser)
    committed = time.perf_counter()
    run = AllocationRun.objects.get()
    read = time.perf_counter()
    same = not lottery.replay(run.inputs, run.seed, run.results)
    replayed = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
    figures = run.results["figures"]
    return {
        "seconds": round(committed - began, 2),
        "simulate_seconds": round(simulated - began, 2),
        "commit_seconds": round(committed - simulated, 2),
        "replay_seconds": round(replayed - read, 2),
        "max_rss_mb": round(peak, 1),
        "snapshot_queries": len(queries),
        "seats": figures["seats"],
        "first_wish": figures["best"][0],
        "nothing": figures["nothing"],
        "same": same,
        "errors": len(invariants.check(timezone.now())["breaches"]),
        "database": connection.vendor,
    }


def _from_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    main()
