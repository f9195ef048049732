"""A mail to everybody who has a seat: how fast it is queued and leaves, while sign-in codes and web pages are asked
for.

The worker, the broker, the mail server and the web are processes of their own. Prints one JSON object last;
docs/benchmarks.md tells what each figure means.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import Pages, web_figures
from bench.workplace import ROOT, arguments, gunicorn, most_memory_mb, progress, wait_until, worker, workplace

SECONDS_BETWEEN_CODES = 0.5
GIVE_UP_AFTER = 600

# A process of its own, as a task would be: it reads who has a seat and queues a mail to each, in one transaction.
QUEUE = """
import json, resource, sys, time, django
django.setup()
from django.db import transaction
from outbox.domain.posting import post_many
from registrations.models import Registration
began = time.perf_counter()
with transaction.atomic():
    seats = Registration.objects.filter(status="confirmed").values_list(\
"uuid", "attendee__user__email", "attendee__user__language")
    post_many(
        "registrations.confirmed",
        ((to, f"{sys.argv[1]}:{uuid}", language, {"registration": str(uuid)}) \
for uuid, to, language in seats.iterator()),
    )
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
print(json.dumps([time.perf_counter() - began, rss]))
"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="how many mails")
    parser.add_argument(
        "--workers", type=int, default=4, help="processes of the worker; one of them is kept for sign-in codes"
    )
    given = parser.parse_args()
    if not (1 <= given.messages <= 100_000 and 1 <= given.workers <= 32):
        parser.error("messages: 1 to 100000; workers: 1 to 32")
    with workplace(given) as folder, sink(folder) as port:
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
        print(json.dumps(measure(folder, given)))


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415

    from outbox.models import Heartbeat, Message  # noqa: PLC0415

    progress(f"Making {given.messages} people with a seat…")
    page = make_seats(given.messages)
    connection.close()
    notes, seconds = folder / "mails", max(2, min(8, given.messages / 500))
    with gunicorn(folder) as web, worker(folder, given.workers) as process:
        wait_until(Heartbeat.objects.exists, 60, "The worker did not start")
        pages = Pages(web.port, page)
        progress("Asking for pages at rest…")
        at_rest = pages.p95_ms_while(lambda: time.sleep(seconds))
        busy_at_rest = pages.busy_p95_ms(seconds)
        progress("Queueing…")
        queued_s, queue_rss = queue("mail")
        began = time.time()
        progress("Delivering, with a sign-in code asked for every half second…")
        codes: dict[str, float] = {}

        def deliver() -> None:
            is_done = False
            while not is_done:  # a few mails are delivered before we look: one code is asked for in any case
                ask_for_a_code(codes)
                time.sleep(SECONDS_BETWEEN_CODES)
                is_done = (
                    not Message.objects.filter(status__in=["queued", "sending"]).exists()
                    or time.time() - began > GIVE_UP_AFTER
                )

        meanwhile = pages.p95_ms_while(deliver)
        ended = time.time()
        progress("Delivering again, to a web that is busy…")
        queue("again")
        busy_meanwhile = pages.busy_p95_ms(seconds)
        worker_rss = most_memory_mb(process.pid)
    arrived = [line.split() for line in notes.read_text().splitlines()]
    arrived = [(at, to, message_id) for at, to, message_id in arrived if float(at) < ended]
    times = {to: float(at) for at, to, _ in arrived}
    ids = Counter(message_id for _, _, message_id in arrived)
    mails = [at for to, at in times.items() if to not in codes]
    waited = sorted(times.get(to, began + GIVE_UP_AFTER) - asked for to, asked in codes.items())
    return {
        "queued_s": round(queued_s, 2),
        "delivered_per_s": round(len(mails) / max(max(mails) - began, 0.1), 1) if mails else 0,
        "urgent_p95_s": round(waited[min(int(len(waited) * 0.95), len(waited) - 1)], 2),
        "lost": given.messages - len(mails),
        "duplicates": sum(ids.values()) - len(ids),
        "max_rss_mb": round(max(queue_rss, worker_rss or 0), 1),
        "queue_rss_mb": round(queue_rss, 1),
        "worker_rss_mb": worker_rss,
        "codes": len(codes),
        **web_figures(at_rest, meanwhile, busy_at_rest, busy_meanwhile),
        "messages": given.messages,
        "workers": given.workers,
        "database": connection.vendor,
    }


def queue(name: str) -> list[float]:
    """Queue a mail to everybody; the seconds that it took, and the memory in MB."""
    done = subprocess.run([sys.executable, "-c", QUEUE, name], cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def make_seats(number: int) -> str:
    """Give `number` people a seat in one session, without any mail yet; return the address of the page to measure: its
    seats, for a stranger."""
    from django.urls import reverse  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from registrations.models import Registration, SeatPool  # noqa: PLC0415
    from tests import make  # noqa: PLC0415

    room = make.room(capacity=200_000)
    session = make.session(seats=number, room=room, starts_at=timezone.now() + timedelta(days=30))
    pool = SeatPool.objects.get(session=session, cohort=None)
    for first in range(0, number, 5000):
        people = make.attendees(min(5000, number - first))
        Registration.objects.bulk_create(
            (
                Registration(session=session, attendee=who, status=Registration.Status.CONFIRMED, pool=pool)
                for who in people
            ),
            batch_size=1000,
        )
    SeatPool.objects.filter(pk=pool.pk).update(taken=number)
    return reverse("registrations:seat", args=[session.slug])


def ask_for_a_code(codes: dict[str, float]) -> None:
    """Post the mail of a sign-in code, as the sign-in page does, and note when."""
    from django.db import transaction  # noqa: PLC0415

    from outbox.domain.posting import post  # noqa: PLC0415
    from outbox.models import Message  # noqa: PLC0415

    to = f"code{len(codes)}@example.org"
    codes[to] = time.time()
    with transaction.atomic():
        post(
            "accounts.code",
            to,
            dedupe_key=f"code:{to}",
            language="fr",
            context={"code": "12345678"},
            lane=Message.Lane.URGENT,
        )


@contextmanager
def sink(folder: Path) -> Iterator[int]:
    """The mail server, on a port of its own; what arrives is noted in the file `mails`."""
    (folder / "mails").touch()
    process = subprocess.Popen(
        [sys.executable, "bench/sink.py", str(folder / "mails")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
