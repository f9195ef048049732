"""From the bytes of a file to a list that was looked through, or to one sentence that says why not
(docs/rules.md#lists)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.sheets import confined, reader
from core.sheets.confined import FileRefused
from partners.domain import checking, columns, sentences
from partners.domain.checking import Finding, Person
from partners.domain.columns import Columns


class ListRefused(FileRefused):
    """The same, in the words of those who hand in lists."""

    sentences = sentences.REFUSALS


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

    `encoding` and `sheet` are what the person chose instead of our guess, `chosen` how they named the columns, and
    `remembered` what their institution called them before (field by header). Raises ListRefused.
    """
    answer = open_file(data, encoding=encoding, sheet=sheet)
    rows = answer.pop("rows")
    mapping = chosen or columns.find(rows, remembered)
    listed = columns.people(rows, mapping)
    check_columns(mapping, len(listed))
    people = checking.check(listed, mapping, numbers=answer.get("numbers", ()), formulas=answer.get("formulas", ()))
    if all(person.is_note for person in people):
        raise ListRefused("empty")
    return List(people, mapping, answer, checking.about_the_list(people, mapping, answer))


def check_columns(mapping: Columns, number: int) -> None:
    """Raise ListRefused when a list with these columns and `number` rows under its header cannot be taken."""
    if mapping.twice:
        raise ListRefused("twice", {"names": ", ".join(map(checking.shown, mapping.twice))})
    if "email" not in mapping.meaning:
        raise ListRefused(
            "no_addresses", {"names": ", ".join(checking.shown(name) for name in mapping.names if name) or "–"}
        )
    if number > reader.MAX_ROWS:
        raise ListRefused("too_many_rows", {"rows": reader.MAX_ROWS})


def open_file(data: bytes, *, encoding: str = "", sheet: str = "") -> dict[str, Any]:
    """The rows of a file as texts, each with its line, and how it was read. Raises ListRefused."""
    try:
        answer = confined.read(data, encoding=encoding, sheet=sheet, known=list(columns.MEANING))
    except FileRefused as refused:
        raise ListRefused(refused.code, refused.said) from refused
    answer["rows"] = [(line, cells) for line, cells, _width in answer["rows"]]
    return answer
