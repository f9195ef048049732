"""How many pages a second strangers get, and what a first view of one costs: queries, requests, kilobytes.

Prints one JSON object last; docs/benchmarks.md tells what each figure means.
"""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

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
    with workplace(given):
        print(json.dumps(measure(given.path, given.concurrency, given.seconds)))


def measure(path: str, concurrency: int, seconds: float) -> dict[str, Any]:
    from django.core.management import call_command  # noqa: PLC0415 - Django starts in workplace()
    from django.db import connection  # noqa: PLC0415

    collect_static()
    progress("Loading the summit…")
    call_command("load_summit", verbosity=0)
    queries = count_queries(path)
    connection.close()

    progress("Measuring the floor of this machine…")
    with gunicorn("bench.floor_settings", "/ok/") as server:
        floor = steady(server, "/ok/", concurrency, min(seconds, 3))
    with gunicorn() as server:
        compressed, kinds = first_view(server, path, COMPRESSED)
        plain, _ = first_view(server, path, "identity")
        progress(f"Asking for {path} during {seconds:g} s…")
        result = steady(server, path, concurrency, seconds)
        max_rss_mb = server.max_rss_mb()
    errors = sum(answer.status != 200 for answer in result.answers)
    return {
        "requests_per_s": round((len(result.answers) - errors) / result.seconds, 1),
        "p50_ms": result.ms(50),
        "p95_ms": result.ms(95),
        "p99_ms": result.ms(99),
        "errors": errors,
        "queries": queries,
        "kb_compressed": _kb(compressed),
        "kb_plain": _kb(plain),
        "requests_per_view": len(compressed),
        "kb_by_kind": kinds,
        "floor_per_s": floor.per_s(),
        "ratio_to_floor": round((len(result.answers) - errors) / result.seconds / floor.per_s(), 3),
        "max_rss_mb": max_rss_mb,
        "client_cpu": result.client_cpu,
        "database": connection.vendor,
        "path": path,
        "concurrency": concurrency,
    }


def count_queries(path: str) -> int:
    """The statements of one view by a stranger, with nothing kept from an earlier one."""
    from django.core.cache import caches  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    caches["pages"].clear()
    with CaptureQueriesContext(connection) as captured:
        answer = Client(SERVER_NAME="127.0.0.1").get(path)
    if answer.status_code != 200:
        sys.exit(f"{path} answers {answer.status_code}.")
    return len(captured)


def steady(server: Server, path: str, concurrency: int, seconds: float) -> Rush:
    ask = request_bytes(path, port=server.port, headers={"Accept-Encoding": COMPRESSED})
    rush(server.port, ((0, ask) for _ in range(concurrency * 4)), concurrency=concurrency)  # each worker has answered before
    return rush(server.port, ((0, ask) for _ in iter(int, 1)), concurrency=concurrency, seconds=seconds, limit=seconds + 30)


def first_view(server: Server, path: str, encoding: str) -> tuple[dict[str, int], dict[str, float]]:
    """What a browser with an empty cache fetches to show `path`: bytes of each body by address, and kilobytes by kind."""
    sizes: dict[str, int] = {}
    kinds: dict[str, float] = {}
    todo = [(path, False)]
    while todo:
        address, by_htmx = todo.pop(0)
        if address in sizes:
            continue
        headers = {"Accept-Encoding": encoding} | (HTMX if by_htmx else {})
        [answer] = rush(server.port, [(0, request_bytes(address, port=server.port, headers=headers))], concurrency=1, keep=True).answers
        if answer.status != 200:
            sys.exit(f"{address}, which {path} needs, answers {answer.status}.")
        sizes[address] = len(answer.body)
        kind = answer.header("Content-Type").split(";")[0]
        kinds[kind] = round(kinds.get(kind, 0) + len(answer.body) / 1000, 1)
        todo += [
            (urljoin(address, urlsplit(link)._replace(fragment="").geturl()), htmx)
            for link, htmx in needs(server, address, answer, headers)
        ]
    return sizes, kinds


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
        links = re.findall(r"""url\(\s*["']?([^"')]+)["']?\s*\)""", text) + re.findall(r"""@import\s+["']([^"']+)["']""", text)
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
            tag in ("script", "img", "source", "iframe", "audio", "video", "embed") and given.get("src") and given.get("loading") != "lazy"
        ):
            self._add(given["src"])
        if given.get("hx-get") and {"load", "revealed"} & set(re.split(r"[\s,]+", given.get("hx-trigger", ""))):
            self._add(given["hx-get"], by_htmx=True)

    def _add(self, link: str, *, by_htmx: bool = False) -> None:
        if not link.startswith("data:"):
            self.found.append((link, by_htmx))


def _kb(sizes: dict[str, int]) -> float:
    return round(sum(sizes.values()) / 1000, 1)


if __name__ == "__main__":
    main()
