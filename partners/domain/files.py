"""From the bytes of a file to a list that was looked through, or to one sentence that says why not (docs/rules.md#lists)."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.sheets import reader
from partners.domain import checking, columns, sentences
from partners.domain.checking import Finding, Person
from partners.domain.columns import Columns

MAX_BYTES = 10 * 1024 * 1024
SECONDS = 15  # of waiting; the child has 10 of the processor
READER = Path(reader.__file__)


class FileRefused(Exception):
    """The file as a whole cannot be read, and nothing was kept; the message is the sentence to show, `code` names the case for programs."""

    def __init__(self, code: str, said: Mapping[str, Any] | None = None) -> None:
        super().__init__(sentences.refusal(code, said or {}))
        self.code, self.said = code, dict(said or {})


@dataclass(frozen=True)
class List:
    """A file that was read: its people, how it was read, and what is to be said about it as a whole."""

    people: list[Person]
    columns: Columns
    read_as: dict[str, Any]
    findings: list[Finding]


def read(
    data: bytes,
    *,
    encoding: str = "",
    sheet: str = "",
    chosen: Columns | None = None,
    remembered: Mapping[str, str] | None = None,
) -> List:
    """Read an uploaded list and look through it. Nothing is written anywhere.

    `encoding` and `sheet` are what the person chose instead of our guess, `chosen` how they named the columns, and `remembered` what
    their institution called them before (field by header). Raises FileRefused.
    """
    answer = open_file(data, encoding=encoding, sheet=sheet)
    rows = [(line, cells) for line, cells in answer.pop("rows")]
    found = chosen or columns.find(rows, remembered)
    listed = columns.people(rows, found)
    check_columns(found, len(listed))
    people = checking.check(listed, found, numbers=answer.get("numbers", ()), formulas=answer.get("formulas", ()))
    if all(one.is_note for one in people):
        raise FileRefused("empty")
    return List(people, found, answer, checking.about_the_list(people, found, answer))


def check_columns(found: Columns, number: int) -> None:
    """Raise FileRefused when a list with these columns and `number` rows under its header cannot be taken."""
    if found.twice:
        raise FileRefused("twice", {"names": ", ".join(map(checking.shown, found.twice))})
    if "email" not in found.meaning:
        raise FileRefused("no_addresses", {"names": ", ".join(checking.shown(name) for name in found.names if name) or "–"})
    if number > reader.MAX_ROWS:
        raise FileRefused("too_many_rows", {"rows": reader.MAX_ROWS})


def open_file(data: bytes, *, encoding: str = "", sheet: str = "") -> dict[str, Any]:
    """The rows of a file as texts, each with its line, and how it was read. Raises FileRefused."""
    return _in_a_child(data, {"encoding": encoding, "sheet": sheet})


def _in_a_child(data: bytes, options: dict[str, str]) -> dict[str, Any]:
    """What the reader made of `data`, in a process of its own that has no settings, no secret and no connection (guarantees G21)."""
    if len(data) > MAX_BYTES:
        raise FileRefused("too_large", {"mb": MAX_BYTES // 1024 // 1024})
    command = [sys.executable, "-I", str(READER), json.dumps(options)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=False, env={"PATH": os.defpath})  # noqa: S603
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:  # killed, out of memory, or it fell over its input
        raise FileRefused("damaged") from error
    if refused := answer.get("refused"):
        raise FileRefused(refused["code"], refused["said"])
    return answer
