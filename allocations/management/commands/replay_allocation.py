import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from allocations.domain import allocation, lottery
from allocations.models import AllocationRun


class Command(BaseCommand):
    help = (
        "Repeat a run of an allocation from what went in and its seed, and compare: prints JSON, exits 1 with the "
        "first differences when the answer is another one. Changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "run", metavar="RUN", help="the code of a run, or the path of the file that the administration gives of it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        kept = _kept(options["run"])
        if kept["algorithm"] != lottery.ALGORITHM:
            raise CommandError(
                f"This version of Summit repeats runs of {lottery.ALGORITHM}, not of {kept['algorithm']}."
            )
        began = time.perf_counter()
        found = lottery.fingerprint(kept["inputs"])
        differences = [] if found == kept["inputs_hash"] else [f"inputs: {kept['inputs_hash']}, now {found}"]
        try:
            differences += lottery.replay(kept["inputs"], kept["seed"], kept["results"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CommandError(f"What went into this run cannot be read: {type(error).__name__}: {error}") from error
        report = {
            "run": kept["run"],
            "algorithm": kept["algorithm"],
            "seed": kept["seed"],
            "inputs_hash": kept["inputs_hash"],
            "same": not differences,
            "differences": differences,
            "seconds": round(time.perf_counter() - began, 2),
        }
        self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        if differences:
            sys.exit(1)


def _kept(name: str) -> dict[str, Any]:
    try:
        code = UUID(name)
    except ValueError:
        return _from_file(Path(name))
    run = AllocationRun.objects.filter(uuid=code).first()
    if run is None:
        raise CommandError(f"There is no run {code}.")
    return allocation.exported(run)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text())
    except OSError as error:
        raise CommandError(
            f"{path} is neither the code of a run nor a file that can be read: {error.strerror}."
        ) from error
    except ValueError as error:
        raise CommandError(f"{path} is not the file of a run: {error}") from error
    if not isinstance(kept, dict) or (
        missing := {"run", "algorithm", "seed", "inputs_hash", "inputs", "results"} - set(kept)
    ):
        raise CommandError(
            f"{path} is not the file of a run: it lacks "
            f"{', '.join(sorted(missing)) if isinstance(kept, dict) else 'everything'}."
        )
    return kept
