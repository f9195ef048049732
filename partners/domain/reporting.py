"""What is said about a list that was read and compared, for people and for programs."""

from typing import Any

from partners.domain import sentences
from partners.domain.checking import Finding, Level, Person
from partners.domain.comparing import Comparison
from partners.domain.files import List, ListRefused

REJECTS = ("repeated", "same_reference")  # warnings, but the row is not taken


def report(read: List | None, comparison: Comparison | None, refused: ListRefused | None) -> dict[str, Any]:
    """Counts, and each finding with its row, the name of its column in the file, the value, its code and a sentence."""
    people = [person for person in read.people if not person.is_note] if read else []
    counts = comparison.counts() if comparison else {"new": 0, "changed": 0, "same": 0, "removed": 0}
    warnings = [_line(0, finding, read) for finding in read.findings] if read else []
    rejected: list[dict[str, Any]] = []
    for person in read.people if read else []:
        for finding in [*person.findings, *_compared(person, comparison)]:
            line = _line(person.line, finding, read)
            (rejected if finding.level == Level.ERROR or finding.code in REJECTS else warnings).append(line)
    said = {"code": refused.code, "message": str(refused)} if refused else None
    return {"rows": len(people), **counts, "rejected": rejected, "warnings": warnings, "refused": said}


def _compared(person: Person, comparison: Comparison | None) -> list[Finding]:
    return [comparison.findings[person.line]] if comparison and person.line in comparison.findings else []


def _line(row: int, finding: Finding, read: List | None) -> dict[str, Any]:
    meaning = read.columns.meaning if read else {}
    index = meaning.get(finding.column, meaning.get("name", -1) if finding.column.endswith("_name") else -1)
    names = read.columns.names if read else ()
    column = names[index] if 0 <= index < len(names) and names[index] else str(sentences.FIELDS.get(finding.column, ""))
    return {
        "row": row,
        "column": column,
        "value": finding.value,
        "code": finding.code,
        "message": sentences.about(finding),
    }
