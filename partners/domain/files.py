"""From the bytes of a file to a list that was looked through, or to one sentence that says why not
(docs/rules.md#lists)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.sheets import confined, reader
from core.sheets.confined import FileRefused
from partners.domain import checking, columns, sentences
from partners.domain.checking import Finding, Marks, Person
from partners.domain.columns import Columns, Row


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
    chosen: Mapping[str, str] | None = None,
    remembered: Mapping[str, str] | None = None,
) -> List:
    """Read an uploaded list and look through it. Nothing is written anywhere.

    `encoding` and `sheet` are what the person chose instead of our guess, `chosen` the columns that they named (their
    header, or their number from 1, by field), and `remembered` what their institution called them before (field by
    header). Raises ListRefused.
    """
    answer = open_file(data, encoding=encoding, sheet=sheet)
    rows = answer.pop("rows")
    mapping = columns_of(rows, answer, remembered)
    if chosen:
        mapping = columns.choose(mapping, _named(mapping, rows, chosen))
    listed = columns.people(rows, mapping)
    check_columns(mapping, len(listed))
    people = checking.check(listed, mapping, Marks.of(answer))
    if all(person.is_note for person in people):
        raise ListRefused("empty")
    return List(people, mapping, answer, checking.about_the_list(people, mapping, answer))


def columns_of(rows: Sequence[Row], read_as: Mapping[str, Any], remembered: Mapping[str, str] | None) -> Columns:
    """The columns of a file, by how it was read."""
    find = columns.of_recipients if read_as.get("recipients") else columns.find
    return find(rows, remembered)


def _named(mapping: Columns, rows: Sequence[Row], chosen: Mapping[str, str]) -> dict[str, int]:
    width = max(len(mapping.names), *(len(cells) for _line, cells in rows))
    places = {}
    for field, said in chosen.items():
        known = [index for index, name in enumerate(mapping.names) if reader.plain(name) == reader.plain(said) and name]
        number = int(said) - 1 if said.isdecimal() and len(said) < 4 else -1
        index = known[0] if known else number
        if field not in columns.ALL_FIELDS or not 0 <= index < width:
            raise ListRefused("no_such_column", {"column": checking.shown(f"{field}={said}")})
        places[field] = index
    return places


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


def open_file(data: bytes, *, encoding: str = "", sheet: str = "", hidden: bool = False) -> dict[str, Any]:
    """The rows of a file as texts, each with its line, and how it was read; what is hidden in a workbook only when it
    was asked for. Raises ListRefused."""
    options = {"encoding": encoding, "sheet": sheet, "visible_only": not hidden}
    try:
        answer = confined.read(data, **options, known=list(columns.USUAL_HEADERS))
    except FileRefused as refused:
        raise ListRefused(refused.code, refused.said) from refused
    answer["rows"] = [(line, cells) for line, cells, _width in answer["rows"]]
    return answer
