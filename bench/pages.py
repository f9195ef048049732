"""How many pages a second strangers get, and what a first view of one costs: queries, requests, kilobytes.

Prints one JSON object last; docs/benchmarks.md tells what each figure means.
"""

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.client import Answer, Rush, request_bytes, rush
from bench.workplace import Server, arguments, collect_static, gunicorn, progress, workplace

COMPRESSED = "br, gzip"
HTMX = {"HX-Request": "true"}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--path", default="/programme/", help="the page to measure")
    parser.add_argument("--concurrency", type=int, default=16, help="requests under way at once")
    parser.add_argument("--seconds", type=float, default=10, help="how long to ask for the page")
    given = parser.parse_args()
    if not (given.path.startswith("/") and 1 <= given.concurrency <= 256 and 0 < given.seconds <= 120):
        parser.error("path: starts with /; concurrency: 1 to 256; seconds: at most 120")
    with workplace(given) as folder:
        print(json.dumps(measure(folder, given.path, given.concurrency, given.seconds)))


def measure(folder: Path, path: str, concurrency: int, seconds: float) -> dict[str, Any]:
    from django.core.management import call_command  # noqa: PLC0415 - after the environment
    from django.db import connection  # noqa: PLC0415

    collect_static()
    progress("Loading the summit…")
    call_command("load_summit", verbosity=0, stdout=sys.stderr)

    progress("Measuring the floor of this machine…")
    with gunicorn(folder, "bench.floor_wsgi", "/ok/") as server:
        floor = steady(server, "/ok/", concurrency, min(seconds, 3))
    with gunicorn(folder) as server:
        compressed = first_view(server, path, COMPRESSED)
        plain = first_view(server, path, "identity")
        progress(f"Asking for {path} during {seconds:g} s…")
        result = steady(server, path, concurrency, seconds)
        live = [address for address, part in compressed.items() if part.by_htmx]
        live_rates = [steady(server, address, concurrency, min(seconds, 3), HTMX).per_s() for address in live]
        max_rss_mb = server.max_rss_mb()
    queries = [
        count_queries(address, headers) for address, headers in [(path, {}), *[(address, HTMX) for address in live]]
    ]
    errors = sum(answer.status != 200 for answer in result.answers)
    return {
        "requests_per_s": round((len(result.answers) - errors) / result.seconds, 1),
        "p50_ms": result.ms(50),
        "p95_ms": result.ms(95),
        "p99_ms": result.ms(99),
        "errors": errors,
        "queries": sum(queries),
        "kb_compressed": kilobytes(compressed.values()),
        "kb_plain": kilobytes(plain.values()),
        "requests_per_view": len(compressed),
        "kb_by_kind": {
            kind: kilobytes(part for part in compressed.values() if part.kind == kind)
            for kind in sorted({part.kind for part in compressed.values()})
        },
        "live_per_s": min(live_rates, default=None),
        "floor_per_s": floor.per_s(),
        "ratio_to_floor": round((len(result.answers) - errors) / result.seconds / floor.per_s(), 3),
        "max_rss_mb": max_rss_mb,
        "client_cpu": result.client_cpu,
        "database": connection.vendor,
        "path": path,
        "concurrency": concurrency,
    }


def count_queries(path: str, headers: dict[str, str]) -> int:
    """The statements of one request by a stranger, with nothing kept from an earlier one."""
    from django.core.cache import caches  # noqa: PLC0415 - Django starts in workplace()
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    caches["pages"].clear()
    with CaptureQueriesContext(connection) as captured:
        answer = Client(SERVER_NAME="127.0.0.1").get(path, headers=headers)
    if answer.status_code != 200:
        sys.exit(f"{path} answers {answer.status_code}.")
    return len(captured)


def steady(server: Server, path: str, concurrency: int, seconds: float, headers: dict[str, str] | None = None) -> Rush:
    ask = request_bytes(path, port=server.port, headers={"Accept-Encoding": COMPRESSED} | (headers or {}))
    # Each worker has answered before.
    rush(server.port, ((0, ask) for _ in range(concurrency * 4)), concurrency=concurrency)
    return rush(
        server.port, ((0, ask) for _ in iter(int, 1)), concurrency=concurrency, seconds=seconds, limit=seconds + 30
    )


@dataclass
class Part:
    """One of the answers that a page is made of: the bytes of its body as they travel, its kind, and whether htmx asked
    for it."""

    size: int
    kind: str
    by_htmx: bool


def first_view(server: Server, path: str, encoding: str) -> dict[str, Part]:
    """What a browser with an empty cache fetches to show `path`, by address."""
    parts: dict[str, Part] = {}
    todo = [(path, False)]
    while todo:
        address, by_htmx = todo.pop(0)
        if address in parts:
            continue
        headers = {"Accept-Encoding": encoding} | (HTMX if by_htmx else {})
        [answer] = rush(
            server.port, [(0, request_bytes(address, port=server.port, headers=headers))], concurrency=1, keep=True
        ).answers
        if answer.status != 200:
            sys.exit(f"{address}, which {path} needs, answers {answer.status}.")
        parts[address] = Part(len(answer.body), answer.header("Content-Type").split(";")[0], by_htmx)
        todo += [
            (urldefrag(urljoin(address, link)).url, htmx) for link, htmx in needs(server, address, answer, headers)
        ]
    return parts


def needs(server: Server, address: str, answer: Answer, headers: dict[str, str]) -> list[tuple[str, bool]]:
    """The addresses that a browser fetches by itself because of `answer`, and whether it is htmx that does."""
    kind = answer.header("Content-Type")
    if not kind.startswith(("text/html", "text/css")):
        return []
    if answer.header("Content-Encoding"):  # read the same thing again in clear
        ask = request_bytes(address, port=server.port, headers=headers | {"Accept-Encoding": "identity"})
        [answer] = rush(server.port, [(0, ask)], concurrency=1, keep=True).answers
    text = answer.body.decode()
    if kind.startswith("text/css"):
        links = re.findall(r"""url\(\s*["']?([^"')]+)["']?\s*\)""", text) + re.findall(
            r"""@import\s+["']([^"']+)["']""", text
        )
        return [(link, False) for link in links if not link.startswith(("data:", "#"))]
    return Links(text).found


class Links(HTMLParser):
    """What a page makes a browser fetch: styles, scripts, pictures, icons, and what htmx loads by itself."""

    FETCHED = {"stylesheet", "preload", "modulepreload", "icon", "manifest"}

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, bool]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name.removeprefix("data-"): value or "" for name, value in attrs}
        if tag == "link" and self.FETCHED & set(given.get("rel", "").split()) and given.get("href"):
            self._add(given["href"])
        elif (
            tag in ("script", "img", "source", "iframe", "audio", "video", "embed")
            and given.get("src")
            and given.get("loading") != "lazy"
        ):
            self._add(given["src"])
        if given.get("hx-get") and {"load", "revealed"} & set(re.split(r"[\s,]+", given.get("hx-trigger", ""))):
            self._add(given["hx-get"], by_htmx=True)

    def _add(self, link: str, *, by_htmx: bool = False) -> None:
        if not link.startswith("data:"):
            self.found.append((link, by_htmx))


def kilobytes(parts: Iterable[Part]) -> float:
    return round(sum(part.size for part in parts) / 1000, 1)


if __name__ == "__main__":
    main()
