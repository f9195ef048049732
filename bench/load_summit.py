"""How long `manage.py load_summit` takes on an empty database, and how much memory: a process of its own, as an
organiser runs it.

Prints one JSON object last; docs/benchmarks.md tells what each figure means.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.workplace import ROOT, arguments, progress, workplace


def main() -> None:
    given = arguments(__doc__).parse_args()
    with workplace(given):
        print(json.dumps(measure()))


def measure() -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415

    from programme.models import Session  # noqa: PLC0415

    runs = []
    for words in ("Loading the summit…", "Loading it again, which changes nothing…"):
        progress(words)
        runs.append(run([sys.executable, "manage.py", "load_summit"]))
    (seconds, rss), (again, _) = runs
    return {
        "seconds": seconds,
        "max_rss_mb": rss,
        "again_seconds": again,
        "sessions": Session.objects.count(),
        "database": connection.vendor,
    }


def run(command: list[str]) -> tuple[float, float]:
    """Run `command` to its end; return its seconds and the most memory it held, in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed (code {process.returncode}).")
    # Linux counts in KiB, macOS in bytes.
    return round(time.perf_counter() - began, 2), round(
        used.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024), 1
    )


if __name__ == "__main__":
    main()
