"""A long list of people: how fast it is looked through, put into force, and found unchanged.

Then others ask for a page of the web while a worker does the same again. Prints one JSON object last;
docs/benchmarks.md tells what each figure means.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import Pages, web_figures
from bench.workplace import arguments, gunicorn, progress, wait_until, worker, workplace

GIVE_UP_AFTER = 600


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=50_000, help="how many people")
    given = parser.parse_args()
    if not 1 <= given.rows <= 50_000:
        parser.error("rows: 1 to 50000")
    with workplace(given) as folder:
        print(json.dumps(measure(given) | beside_the_web(folder, given.rows)))


def measure(given: argparse.Namespace) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from partners.domain import processing, reviewing  # noqa: PLC0415
    from partners.models import (  # noqa: PLC0415
        Invitee,
        PartnerRole,
        Upload,
    )
    from tests import make  # noqa: PLC0415

    cohort = make.cohort(size=given.rows)
    coordinator = make.user()
    PartnerRole.objects.create(institution=cohort.institution, user=coordinator)
    data = a_list(given.rows)

    def review() -> Upload:
        upload = reviewing.receive(
            cohort, data, "list.csv", actor=coordinator, mode=Upload.Mode.REPLACE, at=timezone.now()
        )
        processing.work(upload, at=timezone.now())
        return Upload.objects.get(pk=upload.pk)

    def apply(upload: Upload) -> None:
        shown = {name: upload.counts[name] for name in ("new", "changed", "removed")}
        reviewing.confirm(upload, as_shown=shown, actor=coordinator)
        processing.work(upload, at=timezone.now())

    progress(f"Looking through {given.rows} rows…")
    upload, review_s = timed(review)
    progress("Putting them into force…")
    connection.queries_limit = 1_000_000
    with CaptureQueriesContext(connection) as queries:
        _applied, apply_s = timed(lambda: apply(upload))
    traces = Invitee.history.count()
    progress("The same list again…")
    _nothing, again_s = timed(lambda: apply(review()))
    rss = {
        name: resource.getrusage(who).ru_maxrss / 1024
        for name, who in (("own", resource.RUSAGE_SELF), ("child", resource.RUSAGE_CHILDREN))
    }
    return {
        "review_s": round(review_s, 2),
        "apply_s": round(apply_s, 2),
        "again_s": round(again_s, 2),
        "again_writes": Invitee.history.count() - traces,
        "max_rss_mb": round(max(rss.values()), 1),
        "own_rss_mb": round(rss["own"], 1),
        "queries_per_1000_rows": round(len(queries) / given.rows * 1000, 1),
        "rows": given.rows,
        "database": connection.vendor,
    }


def beside_the_web(folder: Path, rows: int) -> dict[str, float]:
    """How long an answer of the web takes while a worker reads and applies a list of another cohort, and then
    another."""
    from django.db import connection  # noqa: PLC0415
    from django.urls import reverse  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from outbox.domain import lanes  # noqa: PLC0415
    from outbox.models import Heartbeat, Message  # noqa: PLC0415
    from partners.domain import reviewing  # noqa: PLC0415
    from partners.models import PartnerRole, Upload  # noqa: PLC0415
    from tests import make  # noqa: PLC0415

    data, seconds = a_list(rows), max(1.0, min(8.0, rows / 500))

    def hand_in() -> None:
        cohort, coordinator = make.cohort(size=rows), make.user()
        PartnerRole.objects.create(institution=cohort.institution, user=coordinator)
        upload = reviewing.receive(cohort, data, "list.csv", actor=coordinator, at=timezone.now())
        of = Upload.objects.filter(pk=upload.pk)
        wait_until(of.filter(status="review").exists, GIVE_UP_AFTER, "The list was not read")
        upload = of.get()
        reviewing.confirm(
            upload, as_shown={name: upload.counts[name] for name in ("new", "changed", "removed")}, actor=coordinator
        )
        wait_until(of.filter(status="applied").exists, GIVE_UP_AFTER, "The list was not applied")

    def hand_in_beside() -> None:
        try:
            hand_in()
        finally:
            connection.close()

    for lane in (Message.Lane.NORMAL, Message.Lane.BULK):
        lanes.pause(lane, actor=None)  # how fast mails leave is what bench/mail.py measures
    page = reverse("registrations:seat", args=[make.session().slug])
    with gunicorn(folder) as web, worker(folder, 2):
        wait_until(Heartbeat.objects.exists, 60, "The worker did not start")
        pages = Pages(web.port, page)
        pages.busy_p95_ms(2)  # what each process does once
        progress("Asking for pages at rest…")
        at_rest, busy_at_rest = pages.p95_ms_while(lambda: time.sleep(seconds)), pages.busy_p95_ms(seconds)
        progress("Handing a list in to a worker meanwhile…")
        meanwhile = pages.p95_ms_while(hand_in)
        progress("And another, to a web that is busy…")
        with ThreadPoolExecutor(1) as thread:
            beside = thread.submit(hand_in_beside)
            busy_meanwhile = pages.busy_p95_ms(GIVE_UP_AFTER, lambda: not beside.done())
            beside.result()
    return web_figures(at_rest, meanwhile, busy_at_rest, busy_meanwhile)


def a_list(rows: int) -> bytes:
    lines = ["Nom;Prénom;Courriel;N° étudiant;Formation"]
    lines += [f"Nom{n};Prénom{n};prenom{n}.nom{n}@etu.example.org;{n:08};Master Mégadonnées" for n in range(rows)]
    return "\r\n".join(lines).encode("cp1252")


def timed(act: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return act(), time.perf_counter() - began


if __name__ == "__main__":
    main()
