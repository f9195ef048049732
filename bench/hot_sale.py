"""A rush for one session: many signed-in people, each with cookies of their own, post the seat form at once.

Each person first opens the seat box (not timed) and then posts the form of that box with its CSRF token, as htmx does
(timed). Prints one JSON object last; docs/benchmarks.md tells what each figure means.
"""

import argparse
import json
import statistics
import sys
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import Rush, request_bytes, rush
from bench.workplace import Server, arguments, gunicorn, progress, workplace

HTMX = {"HX-Request": "true", "HX-Target": "seat-box", "Accept-Encoding": "gzip, br"}
ALONE = 60  # how many ask one after the other: for a seat, for none, and for a place on the waiting list
GIVES_BACK = 1_000_000  # added to the number of somebody who cancels


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=1000, help="how many ask for a seat")
    parser.add_argument("--seats", type=int, default=300, help="how many seats there are")
    parser.add_argument("--concurrency", type=int, default=32, help="requests under way at once")
    parser.add_argument("--rounds", type=int, default=3, help="rushes, each for another session; medians are printed")
    parser.add_argument(
        "--cancel", type=float, default=0.0, help="share of the people who give back, in mid-rush, what they got"
    )
    parser.add_argument(
        "--swap",
        action="store_true",
        help="people who hold seats in two full sessions change places, instead of the rush",
    )
    parser.add_argument("--floor-seconds", type=float, default=3, help="how long to ask the view that only answers ok")
    given = parser.parse_args()
    if not (
        1 <= given.people <= 20_000
        and 1 <= given.seats <= 200_000
        and 0 <= given.cancel <= 1
        and 1 <= given.concurrency <= 256
        and 1 <= given.rounds <= 20
        and 0 < given.floor_seconds <= 60
    ):
        parser.error(
            "people: 1 to 20000; seats: 1 to 200000; concurrency: 1 to 256; rounds: 1 to 20; cancel: 0 to 1; "
            "floor-seconds: at most 60"
        )
    with workplace(given) as folder:
        print(json.dumps(measure_swaps(folder, given) if given.swap else measure(folder, given)))


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from tests import make  # noqa: PLC0415

    people, seats, concurrency, rounds = given.people, given.seats, given.concurrency, given.rounds
    rehearsal, *crowd = make_crowd(folder, people + 1 + 3 * ALONE)
    alone, crowd = crowd[people:], crowd[:people]
    room, event, track = make.room(capacity=200_000), make.event(), make.track()
    first = timezone.now() + timedelta(days=30)
    rehearsed, bare, quiet, *sessions = [
        make.session(seats=n, starts_at=first + timedelta(days=days), room=room, event=event, track=track)
        for days, n in enumerate([1, people, ALONE, *[seats] * rounds])
    ]
    queries = count_queries(rehearsed.slug, rehearsal["cookies"])
    connection.close()

    progress("Measuring the floor of this machine…")
    with gunicorn(folder, "bench.floor_wsgi", "/ok/") as server:
        ok = floor_ok(server, concurrency, given.floor_seconds)
        taken = floor_take(server, bare, concurrency)
    results = []
    with gunicorn(folder) as server:
        for number, session in enumerate(sessions, 1):
            progress(f"Rush {number} of {rounds}…")
            results.append(one_rush(server, session, crowd, concurrency, given.cancel))
        progress("One after the other…")
        winner_ms, loser_ms, waiter_ms = one_by_one(server, quiet, alone)
        max_rss_mb = server.max_rss_mb()
    middle: dict[str, Any] = {
        name: round(statistics.median(result[name] for result in results), 1)
        for name in (
            "decisions_per_s",
            "registrations_per_s",
            "p50_ms",
            "p95_ms",
            "p99_ms",
            "max_ms",
            "box_p95_ms",
            "client_cpu",
        )
    }
    total = {name: sum(result[name] for result in results) for name in ("errors", "oversold", "breaches")}
    same = {name: results[-1][name] for name in ("sold", "waiting", "refused", "cancelled")}
    return (
        middle
        | total
        | same
        | {
            "queries_per_registration": queries,
            "database": connection.vendor,
            "floor_per_s": taken.per_s(),
            "ratio_to_floor": round(middle["decisions_per_s"] / taken.per_s(), 3),
            "winner_ms": winner_ms,
            "loser_ms": loser_ms,
            "waiter_ms": waiter_ms,
            "loser_to_winner": round(loser_ms / winner_ms, 2),
            "floor_ok_per_s": ok.per_s(),
            "floor_client_cpu": ok.client_cpu,
            "max_rss_mb": max_rss_mb,
            "people": people,
            "seats": seats,
            "concurrency": concurrency,
            "rounds": rounds,
            "timed": "POST",
        }
    )


def count_queries(slug: str, cookies: dict[str, str]) -> int:
    """The statements of one POST that takes a seat, BEGIN and COMMIT included."""
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415
    from django.urls import reverse  # noqa: PLC0415

    client = Client(
        enforce_csrf_checks=True, SERVER_NAME="127.0.0.1", headers={"HX-Request": "true", "HX-Target": "seat-box"}
    )
    client.cookies.load(cookies)
    box = client.get(reverse("registrations:seat", args=[slug]))
    form = SeatForm(box.content).fields
    with CaptureQueriesContext(connection) as captured:
        answer = client.post(reverse("registrations:register", args=[slug]), form)
    if answer.status_code != 200:
        sys.exit(f"The rehearsal of a registration got {answer.status_code}.")
    return len(captured)


def floor_ok(server: Server, concurrency: int, seconds: float) -> Rush:
    ask = request_bytes("/ok/", port=server.port)
    rush(server.port, ((0, ask) for _ in range(concurrency * 4)), concurrency=concurrency)  # warm
    return rush(server.port, ((0, ask) for _ in iter(int, 1)), concurrency=concurrency, seconds=seconds)


def floor_take(server: Server, session: Any, concurrency: int) -> Rush:
    """As many bare UPDATEs and INSERTs as there are people, on one counter."""
    from accounts.models import Attendee  # noqa: PLC0415
    from registrations.models import SeatPool  # noqa: PLC0415

    pool = SeatPool.objects.get(session=session, cohort=None)
    attendees = Attendee.objects.order_by("-pk").values_list("pk", flat=True)[: pool.seats]
    asks = [(pk, request_bytes(f"/take/{session.pk}/{pool.pk}/{pk}/", port=server.port, body=b"")) for pk in attendees]
    result = rush(server.port, asks, concurrency=concurrency)
    pool.refresh_from_db()
    if pool.taken != len(asks):
        sys.exit(f"The bare view took {pool.taken} seats for {len(asks)} people.")
    return result


def make_crowd(folder: Path, number: int) -> list[dict[str, Any]]:
    """Signed-in people, each with an e-mail address and cookies."""
    from django.core.management import call_command  # noqa: PLC0415 - after the environment

    progress(f"Making {number} signed-in people…")
    call_command("bench_people", number, out=folder / "people.jsonl", verbosity=0)
    return [json.loads(line) for line in (folder / "people.jsonl").read_text(encoding="utf-8").splitlines()]


def look(
    server: Server, session: Any, crowd: list[dict[str, Any]], concurrency: int
) -> tuple[Rush, dict[int, dict[str, str]]]:
    """Let each of `crowd` open the seat box of `session`: how that went, and the fields of the form that each then
    sees."""
    from django.urls import reverse  # noqa: PLC0415

    path = reverse("registrations:seat", args=[session.slug])
    # Identity only here: the box must be read.
    headers = HTMX | {"Accept-Encoding": "identity"}
    asks = [
        (n, request_bytes(path, port=server.port, cookies=person["cookies"], headers=headers))
        for n, person in enumerate(crowd)
    ]
    boxes = rush(server.port, asks, concurrency=concurrency, limit=300, keep=True)
    forms = {box.key: SeatForm(box.body).fields for box in boxes.answers if box.status == 200}
    if len(forms) < len(crowd):
        statuses = sorted({box.status for box in boxes.answers})
        sys.exit(f"Only {len(forms)} of {len(crowd)} people saw the seat box (statuses {statuses}).")
    return boxes, forms


def press(server: Server, name: str, session: Any, person: dict[str, Any], form: dict[str, str]) -> bytes:
    """The POST of a form of the seat box."""
    from django.urls import reverse  # noqa: PLC0415

    path = reverse(f"registrations:{name}", args=[session.slug])
    return request_bytes(path, port=server.port, cookies=person["cookies"], headers=HTMX, body=urlencode(form).encode())


def token(person: dict[str, Any]) -> dict[str, str]:
    """The field that every form of somebody holds: their CSRF cookie will do for its value."""
    from django.conf import settings  # noqa: PLC0415

    return {"csrfmiddlewaretoken": person["cookies"][settings.CSRF_COOKIE_NAME]}


def breaches() -> int:
    """What is wrong in the books."""
    from django.utils import timezone  # noqa: PLC0415

    from registrations.domain import invariants  # noqa: PLC0415

    return len(invariants.check(timezone.now())["breaches"])  # type: ignore[arg-type]


def one_rush(
    server: Server, session: Any, crowd: list[dict[str, Any]], concurrency: int, cancel: float
) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415

    from registrations.models import Registration, SeatPool  # noqa: PLC0415

    wrong_before = breaches()  # the bare view of the floor keeps no books
    boxes, forms = look(server, session, crowd, concurrency)
    posts = [(n, press(server, "register", session, crowd[n], form)) for n, form in forms.items()]
    # Those who change their mind do so a while after they asked, while others still come.
    step = round(1 / cancel) if cancel else 0
    asks = []
    for position, ask in enumerate(posts):
        asks.append(ask)
        if step and position % step == 0 and position >= 2 * concurrency:
            n = posts[position - 2 * concurrency][0]
            asks.append((GIVES_BACK + n, press(server, "cancel", session, crowd[n], token(crowd[n]))))
    result = rush(server.port, asks, concurrency=concurrency, limit=300)

    pool = SeatPool.objects.get(session=session, cohort=None)
    seats = Registration.objects.filter(session=session)
    holders = set(seats.filter(pool=pool).values_list("attendee__user__email", flat=True))
    waiting = seats.filter(status=Registration.Status.WAITING).count()
    cancelled = seats.filter(status=Registration.Status.CANCELLED).count()
    wrong = breaches() - wrong_before
    connection.close()
    # Only the first people get a seat: the rate counts the time until the last of them had the answer.
    ends = [
        answer.ended_at
        for answer in result.answers
        if answer.key < GIVES_BACK and crowd[answer.key]["email"] in holders
    ]
    ok = [answer for answer in result.answers if answer.status == 200]
    return {
        "decisions_per_s": result.per_s(),
        "registrations_per_s": len(holders) / (max(ends) - result.started_at) if ends else 0.0,
        "p50_ms": result.ms(50),
        "p95_ms": result.ms(95),
        "p99_ms": result.ms(99),
        "max_ms": result.ms(100),
        "box_p95_ms": boxes.ms(95),
        "client_cpu": result.client_cpu,
        "errors": len(asks) - len(ok),
        "sold": len(holders),
        "waiting": waiting,
        "cancelled": cancelled,
        "refused": len(crowd) - len(holders) - waiting - cancelled,
        "oversold": max(len(holders) - session.capacity, 0) + abs(pool.taken - len(holders)),
        "breaches": wrong,
    }


def one_by_one(server: Server, session: Any, crowd: list[dict[str, Any]]) -> list[float]:
    """Milliseconds, in the middle, of a POST that takes a seat, of one that is told that none is left, and of one that
    gets a place on the waiting list, while nobody else is there. All have opened the box before."""
    from django.db import connection  # noqa: PLC0415

    from programme.models import Session  # noqa: PLC0415

    _boxes, forms = look(server, session, crowd, 1)
    posts = [(n, press(server, "register", session, crowd[n], form)) for n, form in forms.items()]
    middles = []
    for number, line in enumerate(
        [Session.WaitingList.AUTOMATIC, Session.WaitingList.NONE, Session.WaitingList.AUTOMATIC]
    ):
        Session.objects.filter(pk=session.pk).update(waiting_list=line)
        connection.close()
        middles.append(rush(server.port, posts[number * ALONE : (number + 1) * ALONE], concurrency=1).ms(50))
    return middles


def measure_swaps(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Half of the people hold seats in one session, half in another at the same time, with a tenth of the seats free:
    all change."""
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from accounts.models import Attendee  # noqa: PLC0415
    from registrations.models import Registration  # noqa: PLC0415
    from tests import make  # noqa: PLC0415

    crowd = make_crowd(folder, given.people)
    starts_at = timezone.now() + timedelta(days=30)
    half = given.people // 2
    pair = [
        make.session(seats=half + max(half // 10, 1), starts_at=starts_at, room=make.room(capacity=200_000))
        for _ in range(2)
    ]
    people = {attendee.user.email: attendee for attendee in Attendee.objects.select_related("user")}
    here = [pair[n % 2] for n in range(len(crowd))]
    progress("Seating them…")
    held = [make.registration(session, people[person["email"]]) for session, person in zip(here, crowd, strict=True)]
    connection.close()
    with gunicorn(folder) as server:
        asks = []
        for n, person in enumerate(crowd):
            form = token(person) | {"leave": str(held[n].uuid), "seen": ""}
            asks.append((n, press(server, "register", pair[1 - n % 2], person, form)))
        progress("All change…")
        result = rush(server.port, asks, concurrency=given.concurrency, limit=300)
        max_rss_mb = server.max_rss_mb()
    ok = [answer for answer in result.answers if answer.status == 200]
    swapped = Registration.objects.filter(
        status=Registration.Status.CANCELLED, ending=Registration.Ending.SWAPPED
    ).count()
    return {
        "swaps_per_s": round(swapped / result.seconds, 1),
        "decisions_per_s": result.per_s(),
        "p50_ms": result.ms(50),
        "p95_ms": result.ms(95),
        "max_ms": result.ms(100),
        "errors": len(asks) - len(ok),
        "swapped": swapped,
        "kept": len(crowd) - swapped,
        "breaches": breaches(),
        "client_cpu": result.client_cpu,
        "max_rss_mb": max_rss_mb,
        "people": given.people,
        "concurrency": given.concurrency,
        "database": connection.vendor,
    }


class SeatForm(HTMLParser):
    """The fields of the form of a seat box, as a browser would send them."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""


if __name__ == "__main__":
    main()
