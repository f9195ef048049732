"""A rush for one session: many signed-in people, each with cookies of their own, post the seat form at once.

Each person first opens the seat box (not timed) and then posts the form of that box with its CSRF token, as htmx does (timed).
Prints one JSON object last; docs/benchmarks.md tells what each figure means.
"""

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


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=1000, help="how many ask for a seat")
    parser.add_argument("--seats", type=int, default=300, help="how many seats there are")
    parser.add_argument("--concurrency", type=int, default=32, help="requests under way at once")
    parser.add_argument("--rounds", type=int, default=3, help="rushes, each for another session; medians are printed")
    parser.add_argument("--floor-seconds", type=float, default=3, help="how long to ask the view that only answers ok")
    given = parser.parse_args()
    if not (
        1 <= given.people <= 20_000
        and 1 <= given.seats <= 20_000
        and 1 <= given.concurrency <= 256
        and 1 <= given.rounds <= 20
        and 0 < given.floor_seconds <= 60
    ):
        parser.error("people and seats: 1 to 20000; concurrency: 1 to 256; rounds: 1 to 20; floor-seconds: at most 60")
    with workplace(given) as folder:
        print(json.dumps(measure(folder, given.people, given.seats, given.concurrency, given.rounds, given.floor_seconds)))


def measure(folder: Path, people: int, seats: int, concurrency: int, rounds: int, floor_seconds: float) -> dict[str, Any]:
    from django.core.management import call_command  # noqa: PLC0415 - Django starts in workplace()
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from tests import make  # noqa: PLC0415

    progress(f"Making {people} signed-in people…")
    call_command("bench_people", people + 1, out=folder / "people.jsonl", verbosity=0)
    lines = (folder / "people.jsonl").read_text(encoding="utf-8").splitlines()
    rehearsal, *crowd = [json.loads(line) for line in lines]
    room, event, track = make.room(capacity=20_000), make.event(), make.track()
    first = timezone.now() + timedelta(days=30)
    rehearsed, bare, *sessions = [
        make.session(seats=n, starts_at=first + timedelta(days=days), room=room, event=event, track=track)
        for days, n in enumerate([1, people, *[seats] * rounds])
    ]
    queries = count_queries(rehearsed.slug, rehearsal["cookies"])
    connection.close()

    progress("Measuring the floor of this machine…")
    with gunicorn(folder, "bench.floor_wsgi", "/ok/") as server:
        ok = floor_ok(server, concurrency, floor_seconds)
        taken = floor_take(server, bare, concurrency)
    results = []
    with gunicorn(folder) as server:
        for number, session in enumerate(sessions, 1):
            progress(f"Rush {number} of {rounds}…")
            results.append(one_rush(server, session, crowd, concurrency))
        max_rss_mb = server.max_rss_mb()
    middle: dict[str, Any] = {
        name: round(statistics.median(result[name] for result in results), 1)
        for name in ("registrations_per_s", "answers_per_s", "p50_ms", "p95_ms", "p99_ms", "max_ms", "box_p95_ms", "client_cpu")
    }
    total = {name: sum(result[name] for result in results) for name in ("errors", "oversold")}
    same = {name: results[-1][name] for name in ("sold", "waiting", "refused")}
    return (
        middle
        | total
        | same
        | {
            "queries_per_registration": queries,
            "database": connection.vendor,
            "floor_per_s": taken.per_s(),
            "ratio_to_floor": round(middle["registrations_per_s"] / taken.per_s(), 3),
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

    client = Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1", headers={"HX-Request": "true", "HX-Target": "seat-box"})
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


def one_rush(server: Server, session: Any, crowd: list[dict[str, Any]], concurrency: int) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415
    from django.urls import reverse  # noqa: PLC0415

    from registrations.models import Registration, SeatPool  # noqa: PLC0415

    htmx = {"HX-Request": "true", "HX-Target": "seat-box", "Accept-Encoding": "gzip, br"}
    box_path, post_path = (reverse(f"registrations:{name}", args=[session.slug]) for name in ("seat", "register"))
    # Identity only here: the box must be read.
    look = [
        (n, request_bytes(box_path, port=server.port, cookies=person["cookies"], headers=htmx | {"Accept-Encoding": "identity"}))
        for n, person in enumerate(crowd)
    ]
    boxes = rush(server.port, look, concurrency=concurrency, limit=120, keep=True)
    forms = {box.key: SeatForm(box.body).fields for box in boxes.answers if box.status == 200}
    if len(forms) < len(crowd):
        statuses = sorted({box.status for box in boxes.answers})
        sys.exit(f"Only {len(forms)} of {len(crowd)} people saw the seat box (statuses {statuses}).")
    posts = [
        (n, request_bytes(post_path, port=server.port, cookies=crowd[n]["cookies"], headers=htmx, body=urlencode(form).encode()))
        for n, form in forms.items()
    ]
    result = rush(server.port, posts, concurrency=concurrency, limit=120)

    pool = SeatPool.objects.get(session=session, cohort=None)
    holders = set(Registration.objects.filter(session=session, pool=pool).values_list("attendee__user__email", flat=True))
    waiting = Registration.objects.filter(session=session, status=Registration.Status.WAITING).count()
    connection.close()
    # Only the first people get a seat: the rate counts the time until the last of them had the answer.
    ends = [answer.ended_at for answer in result.answers if crowd[answer.key]["email"] in holders]
    ok = [answer for answer in result.answers if answer.status == 200]
    return {
        "registrations_per_s": len(holders) / (max(ends) - result.started_at) if ends else 0.0,
        "answers_per_s": result.per_s(),
        "p50_ms": result.ms(50),
        "p95_ms": result.ms(95),
        "p99_ms": result.ms(99),
        "max_ms": result.ms(100),
        "box_p95_ms": boxes.ms(95),
        "client_cpu": result.client_cpu,
        "errors": len(crowd) - len(ok),
        "sold": len(holders),
        "waiting": waiting,
        "refused": len(ok) - len(holders) - waiting,
        "oversold": max(len(holders) - session.capacity, 0) + abs(pool.taken - len(holders)),
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
