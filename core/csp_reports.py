"""What browsers report that the content security policy blocked: few rows, without anything about people
(docs/rules.md#csp-reports).

Anybody may send such reports, and many at once: only so many a minute are looked at, only so many different ones kept.
"""

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import F
from django.urls import Resolver404, resolve
from django.utils import translation

from core import clock
from core.models import CspReport

PATH = "/csp-reports/"
TYPES = ("application/csp-report", "application/reports+json")
BYTES = 16 * 1024  # of one post
A_POST = 20  # reports of one post that are looked at
A_MINUTE = 60  # posts that each process looks at
ROWS = 200  # kept in all
NO_PAGE = "?"  # no address that there is
OLD = timedelta(days=30)  # rows that were not seen for so long make room
DIRECTIVES = {
    *("base-uri", "connect-src", "default-src", "font-src", "form-action", "frame-ancestors", "frame-src", "img-src"),
    *("manifest-src", "media-src", "object-src", "script-src", "script-src-attr", "script-src-elem", "style-src"),
    *("style-src-attr", "style-src-elem", "worker-src"),
}
# What browsers write where no address was blocked.
WORDS = ("inline", "eval", "wasm-eval", "self", "data", "blob")
_HOST = re.compile(r"[a-z0-9.-]{1,80}(:\d{1,5})?|\[[0-9a-f:.]{2,45}\](:\d{1,5})?")

_window = (0.0, 0)  # since when, and how many posts


def has_room() -> bool:
    """Whether this process looks at one more post now."""
    global _window  # noqa: PLW0603 - what this process has seen of the minute, and nothing else
    began, number = _window
    now = time.monotonic()
    if not number or now - began >= 60:
        began, number = now, 0
    _window = began, number + 1
    return number < A_MINUTE


def keep(body: bytes, host: str) -> int:
    """Keep what a browser reported of pages of `host`; return how many reports were. Raises ValueError for what is no
    report. What is about other sites, or about no directive that there is, is passed over."""
    try:
        said = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    kept = 0
    for directive, blocked, page in dict.fromkeys(_understood(said, host)):
        kept += _count(directive, blocked, page)
    return kept


def _understood(said: Any, host: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(said, dict) and isinstance(said.get("csp-report"), dict):  # report-uri
        reports = [said["csp-report"]]
    elif isinstance(said, list) and all(isinstance(one, dict) for one in said):  # report-to
        reports = [one.get("body") for one in said if one.get("type") == "csp-violation"]
    else:
        raise ValueError("no report")
    for report in reports[:A_POST]:
        if not isinstance(report, dict):
            raise ValueError("no report")
        directive = _first(report, "effective-directive", "effectiveDirective", "violated-directive").split(" ")[0]
        blocked = origin_of(_first(report, "blocked-uri", "blockedURL"))
        page = pattern_of(_first(report, "document-uri", "documentURL"), host)
        if directive in DIRECTIVES and blocked and page is not None:
            yield directive, blocked, page


def _first(report: dict[str, Any], *names: str) -> str:
    return next((value for name in names if isinstance(value := report.get(name), str)), "")


def origin_of(address: str) -> str:
    """What was blocked: the origin alone of an address, or the browser's word; empty for what is neither, as for what
    an extension of the browser brought along."""
    address = address.strip().lower()
    if address in WORDS:
        return address
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    if parts.scheme in ("data", "blob"):
        return parts.scheme
    return (
        f"{parts.scheme}://{host}" if parts.scheme in ("http", "https", "ws", "wss") and _HOST.fullmatch(host) else ""
    )


def pattern_of(address: str, host: str) -> str | None:
    """The page as the table of addresses calls it, without what stands in its place in an address (a name, a key); none
    for a page of another site."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.netloc.lower() != host.lower():
        return None
    language = "en" if parts.path.startswith("/en/") else "fr"
    try:
        with translation.override(language):
            route = resolve(parts.path).route
    except (Resolver404, ValueError):
        return NO_PAGE
    return re.sub(r"<[^>]*>", "…", route).removeprefix("en/")[:200]


def _count(directive: str, blocked: str, page: str) -> int:
    now = clock.now()
    rows = CspReport.objects.filter(directive=directive, blocked=blocked, page=page)
    if rows.update(number=F("number") + 1, last_seen_at=now):
        return 1
    if CspReport.objects.count() >= ROWS and not CspReport.objects.filter(last_seen_at__lt=now - OLD).delete()[0]:
        return 0
    row = CspReport(directive=directive, blocked=blocked, page=page, first_seen_at=now, last_seen_at=now)
    CspReport.objects.bulk_create([row], ignore_conflicts=True)  # two browsers at once
    return 1
