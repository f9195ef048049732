"""The benches run and print the figures that docs/benchmarks.md names. How fast is never asserted: the machine is
shared."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

pytestmark = pytest.mark.runs_once("each bench makes a SQLite file of its own")
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def run(copy_of_the_product: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict]:
    """Runs one bench on a copy of a SQLite file that was migrated once."""
    file = tmp_path_factory.mktemp("benches") / "migrated.sqlite3"
    copy_of_the_product(file)
    return partial(figures_of, sqlite=str(file))


def figures_of(*command: str, sqlite: str = "") -> dict:
    """Run one bench on a SQLite file of its own; return the JSON object that it prints, alone, on its standard
    output."""
    # Nothing of the tests' environment may reach it: it makes its own, like for a developer who types the command.
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, *command, "--sqlite", *([sqlite] if sqlite else [])],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(done.stdout.splitlines()) == 1
    return json.loads(done.stdout)


@pytest.mark.slow(12)
def test_a_hot_sale_sells_every_seat_once_and_tells_how_fast(run):
    few = [
        "--people",
        "12",
        "--seats",
        "5",
        "--concurrency",
        "4",
        "--rounds",
        "1",
        "--floor-seconds",
        "0.2",
        "--cancel",
        "0.5",
    ]
    figures = run("bench/hot_sale.py", *few)

    assert figures["sold"] == 5
    assert figures["waiting"] + figures["cancelled"] == 7
    assert figures["cancelled"] == 2
    assert figures["errors"] == figures["oversold"] == figures["refused"] == figures["breaches"] == 0
    assert figures["database"] == "sqlite"
    for name in (
        "registrations_per_s",
        "queries_per_registration",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "floor_per_s",
        "ratio_to_floor",
    ):
        assert figures[name] > 0, name
    assert "max_rss_mb" in figures


@pytest.mark.slow(8)
def test_people_who_change_places_all_do_and_the_books_hold(run):
    figures = run("bench/hot_sale.py", "--people", "20", "--concurrency", "4", "--swap")

    assert figures["errors"] == figures["breaches"] == 0
    assert figures["swapped"] + figures["kept"] == 20
    assert figures["swaps_per_s"] > 0


@pytest.mark.slow(12)
def test_a_page_is_weighed_whole_with_its_styles_scripts_and_fragments(run):
    figures = run("bench/pages.py", "--path", "/programme/", "--concurrency", "2", "--seconds", "0.3")

    assert figures["errors"] == 0
    assert {"text/html", "text/css", "text/javascript", "font/woff2"} <= figures["kb_by_kind"].keys()
    assert figures["kb_compressed"] < figures["kb_plain"]
    assert figures["requests_per_view"] >= 5
    assert figures["live_per_s"] > 0, "the fragment of the seats was not found"
    for name in ("requests_per_s", "p50_ms", "p95_ms", "queries", "floor_per_s", "ratio_to_floor"):
        assert figures[name] > 0, name


@pytest.mark.slow(8)
def test_loading_the_summit_is_timed_from_an_empty_database():
    figures = figures_of("bench/load_summit.py")  # it makes its tables itself

    assert figures["sessions"] > 100
    assert figures["seconds"] > 0
    assert figures["max_rss_mb"] > 0


@pytest.mark.slow(8)
def test_an_allocation_is_timed_and_gives_the_same_answer_again(run):
    figures = run("bench/allocation.py", "--people", "30", "--sessions", "6", "--wishes", "4")

    assert figures["same"] is True
    assert figures["errors"] == 0
    assert figures["seats"] > figures["first_wish"] > 0
    for name in ("seconds", "simulate_seconds", "commit_seconds", "max_rss_mb", "snapshot_queries"):
        assert figures[name] > 0, name


@pytest.mark.slow(8)
def test_erasures_are_timed_and_the_books_stay_right(run):
    figures = run("bench/erasure.py", "--people", "60", "--erased", "40", "--batch", "20")

    assert figures["errors"] == 0
    assert (figures["people"], figures["registrations"]) == (40, 120)
    for name in ("one_seconds", "one_statements", "seconds", "batch_longest_seconds", "batch_statements", "figures"):
        assert figures[name] > 0, name


@pytest.mark.slow(30)
def test_mails_to_many_are_timed_and_each_arrives_once(run):
    figures = run("bench/mail.py", "--messages", "30", "--workers", "2")

    assert figures["lost"] == figures["duplicates"] == 0
    assert figures["codes"] >= 1
    for name in (
        "queued_s",
        "delivered_per_s",
        "urgent_p95_s",
        "max_rss_mb",
        "web_p95_ms",
        "web_p95_ratio",
        "busy_web_p95_ratio",
    ):
        assert figures[name] > 0, name


@pytest.mark.slow(12)
def test_a_long_list_is_timed_and_the_web_beside_it(run):
    figures = run("bench/lists.py", "--rows", "30")

    assert (figures["rows"], figures["again_writes"]) == (30, 0)
    names = (
        "review_s",
        "apply_s",
        "again_s",
        "max_rss_mb",
        "queries_per_1000_rows",
        "web_p95_ms",
        "web_p95_ratio",
        "busy_web_p95_ratio",
    )
    for name in names:
        assert figures[name] > 0, name


@pytest.mark.parametrize("wrong", [["--people", "0"], ["--concurrency", "1000"], ["--seats", "x"]])
def test_an_odd_size_is_refused_before_anything_starts(wrong):
    done = subprocess.run(
        [sys.executable, "bench/hot_sale.py", *wrong], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 2
    assert "usage" in done.stderr
