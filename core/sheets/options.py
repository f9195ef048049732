"""What the readers of sheets have in common: limits, what their caller says, how they refuse. Known to the confined
process, so without Django."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

# What is kept of a sheet where the caller says nothing else.
MAX_ROWS = 50_000
MAX_COLUMNS = 40
MAX_CELL = 500
MAX_TITLES = 30  # rows above the header
HOPELESS_CELL = 131_072
MAX_UNPACKED = 50 * 1024 * 1024
MAX_RATIO = 50
MAX_ENTRIES = 200
MAX_FORMULAS = 100_000


class Refused(Exception):
    """The file cannot be read as a whole; the code and what belongs into its sentence."""

    def __init__(self, code: str, **said: Any) -> None:
        super().__init__(code)
        self.code, self.said = code, said


def plain(header: str) -> str:
    """A header as it is looked up: without accents, case, punctuation and doubled spaces."""
    bare = header
    if not header.isascii():
        apart = unicodedata.normalize("NFKD", header.replace("°", " "))
        bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare.lower()).split())


@dataclass(frozen=True)
class Options:
    """What the caller knows of a file, and how much of it is kept.

    `encoding` and `sheet` are what a person chose instead of our guess. `known` are headers (as `plain` writes them) by
    which the sign between the cells of a CSV file is found. Longer cells are cut one letter after `max_cell`, so that
    whoever checks them sees that they are too long. `whole_moments`: midnight is written out, where a cell is a moment
    and not a day. `visible_only`: the hidden rows and columns of a workbook are left out, and counted.
    """

    encoding: str = ""
    sheet: str = ""
    known: frozenset[str] = frozenset()
    max_rows: int = MAX_ROWS
    max_columns: int = MAX_COLUMNS
    max_cell: int = MAX_CELL
    whole_moments: bool = False
    visible_only: bool = False
