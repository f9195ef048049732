"""Spoiling the files of a summit."""

import csv
from pathlib import Path


def write_cell(folder: Path, file: str, line: int, column: str, value: str) -> None:
    """Write one cell; no row of our files spans two lines."""
    with (folder / file).open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    rows[line - 2][column] = value
    with (folder / file).open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
