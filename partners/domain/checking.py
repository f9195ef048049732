"""What is wrong, or odd, in each row of a list: everything at once, each with its place and how to fix it
(docs/rules.md#lists)."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from core.emails import normalise_email, readable_email
from core.sheets.reader import MAX_CELL, plain
from core.text import NOT_IN_A_LIST
from partners.domain.columns import FIELDS, Columns, Row

LONGEST = {"last_name": 75, "first_name": 74, "email": 254, "reference": 60, "programme": 150}
SHOWN = 60  # letters of a value in a report
NUL = "\u2400"  # how a row of an upload keeps a NUL, which PostgreSQL takes in no text
BLANKS = " \u00a0\u202f\u2007\u3000"
JOINERS = re.compile("[\u200c\u200d]")
AT = re.compile(r"\s*[(\[{]\s*(?:at|arobase|à|a)\s*[)\]}]\s*|\s+(?:at|arobase)\s+", re.IGNORECASE)
BIG_NUMBER = re.compile(r"\d+(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)


class Level(StrEnum):
    """An error keeps the row out until it is corrected; a warning asks for a look; a notice says what was made of
    it."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True)
class Finding:
    """`column` is a field's name, empty when the whole row is meant; `said` fills in its sentence; `fix` is a value
    that would fix the cell."""

    code: str
    level: Level
    column: str = ""
    value: str = ""
    said: dict[str, Any] = field(default_factory=dict)
    fix: str = ""


@dataclass
class Person:
    """One row as it would be kept. `repeats` is the line on which the same person stands first; `is_note` a row that is
    about nobody."""

    line: int
    cells: list[str]
    last_name: str = ""
    first_name: str = ""
    email: str = ""
    reference: str = ""
    programme: str = ""
    findings: list[Finding] = field(default_factory=list)
    repeats: int = 0
    is_note: bool = False
    is_skipped: bool = False

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_good(self) -> bool:
        return not (
            self.is_note
            or self.is_skipped
            or self.repeats
            or any(finding.level == Level.ERROR for finding in self.findings)
        )

    def add_finding(
        self, code: str, level: Level, column: str = "", value: str = "", *, fix: str = "", **said: Any
    ) -> None:
        self.findings.append(Finding(code, level, column, shown(value), said, fix))


def shown(value: str) -> str:
    """`value` as a report shows it: cut, and what no database takes made visible."""
    value = NOT_IN_A_LIST.sub("\N{SYMBOL FOR SUBSTITUTE FORM TWO}", value)
    return value if len(value) <= SHOWN else f"{value[: SHOWN - 1]}…"


def check(
    rows: Iterable[Row], columns: Columns, *, numbers: Iterable[int] = (), formulas: Iterable[Sequence[int]] = ()
) -> list[Person]:
    """Read each row as a person, with all that is to be said about it. `numbers`: columns with cells that a workbook
    holds as numbers; `formulas`: line and column of cells whose value was computed."""
    computed = {(line, column) for line, column in formulas}
    people = [check_row(line, cells, columns, computed) for line, cells in rows]
    listed = [person for person in people if not person.is_note]
    _restore_zeros(listed, columns, set(numbers))
    _find_missing_references(listed)
    _find_twins(listed)
    _find_swapped_names(listed)
    return people


def check_row(line: int, cells: list[str], columns: Columns, computed: Set[tuple[int, int]] = frozenset()) -> Person:
    """One row by itself."""
    person = Person(line, cells)
    filled = [cell for cell in cells if cell.strip(BLANKS)]
    if len(filled) == 1 and "@" not in filled[0] and len(columns.meaning) > 1:
        person.is_note = True  # a total, a signature: what people write under a table
        person.add_finding("note", Level.NOTICE, value=filled[0])
        return person
    if columns.names and len(cells) > len(columns.names):
        person.add_finding(
            "ragged", Level.ERROR, value=cells[len(columns.names)], cells=len(cells), columns=len(columns.names)
        )
    for name in FIELDS:
        index = columns.meaning.get(name, -1)
        raw = cells[index] if 0 <= index < len(cells) else ""
        if (line, index) in computed:
            person.add_finding("formula", Level.ERROR, name, raw)
        setattr(person, name, _email(person, raw) if name == "email" else _text(person, name, raw))
    if not person.name:
        if not any(
            finding.level == Level.ERROR and finding.column in ("last_name", "first_name")
            for finding in person.findings
        ):
            person.add_finding("name_missing", Level.ERROR, "last_name")
    elif any(len(part) > 3 and part == part.upper() != part.lower() for part in (person.last_name, person.first_name)):
        person.add_finding("capitals", Level.NOTICE, "last_name", person.name)
    return person


def _text(person: Person, name: str, raw: str) -> str:
    value = unicodedata.normalize("NFC", raw.strip(BLANKS)) if not _is_broken(raw) else raw
    value = re.sub("[\u00a0\u202f\u2007 ]+", " ", value)
    if bad := _bad_letter(value):
        person.add_finding("control", Level.ERROR, name, raw, letter=bad)
        return ""
    if len(value) > min(LONGEST[name], MAX_CELL):
        person.add_finding("too_long", Level.ERROR, name, value, longest=LONGEST[name], length=len(value))
        return ""
    if value != raw:
        person.add_finding("trimmed", Level.NOTICE, name, value)
    if name == "reference":
        if BIG_NUMBER.fullmatch(value):
            person.add_finding("excel_number", Level.WARNING, name, value)
        if " " in value and re.fullmatch(r"[\d ]+", value):
            value = value.replace(" ", "")
            person.add_finding("reference_blanks", Level.NOTICE, name, raw, kept=value)
    return value


def _is_broken(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _bad_letter(value: str) -> str:
    """The code point of a letter that is not part of any name, or an empty text."""
    if match := NOT_IN_A_LIST.search(value):
        return "U+0000" if match[0] == NUL else f"U+{ord(match[0]):04X}"
    for match in JOINERS.finditer(value):
        # In Arabic, Persian and Indic names they shape letters, and in emoji they join signs; in Latin ones they only
        # hide.
        beside = value[max(0, match.start() - 1) : match.start()] + value[match.end() : match.end() + 1]
        if not beside or any(letter.isascii() or "LATIN" in unicodedata.name(letter, "") for letter in beside):
            return f"U+{ord(match[0]):04X}"
    return ""


def _email(person: Person, raw: str) -> str:
    value = raw.strip(BLANKS)
    if value.lower().startswith("mailto:"):
        value = value[7:].strip(BLANKS)
    value = value.rstrip(".")
    if not value:
        person.add_finding("email_missing", Level.ERROR, "email")
        return ""
    if bad := _bad_letter(value) or _bad_letter(value.replace("\u200d", "\x00").replace("\u200c", "\x00")):
        person.add_finding("control", Level.ERROR, "email", raw, letter=bad)
        return ""
    if sum("@" in part for part in re.split(r"[,;\s]+", value)) > 1:
        person.add_finding("several_addresses", Level.ERROR, "email", value)
        return ""
    if "@" not in value and AT.search(value):
        person.add_finding("email_at", Level.ERROR, "email", value, fix=AT.sub("@", value).replace(" ", "").lower())
        return ""
    local, _at, domain = value.rpartition("@")
    if letter := next((letter for letter in local if not letter.isascii()), ""):
        person.add_finding("email_letter", Level.ERROR, "email", value, letter=f"U+{ord(letter):04X}")
        return ""
    try:
        kept = normalise_email(value)
        if len(local) > 64 or domain.startswith("[") or len(kept) > LONGEST["email"]:
            raise ValidationError("")
        validate_email(kept)
    except ValidationError:
        person.add_finding("email_invalid", Level.ERROR, "email", value)
        return ""
    letters = unicodedata.normalize("NFC", domain).lower()
    if ("xn--" in kept and readable_email(kept) == kept) or unicodedata.normalize("NFKC", letters) != letters:
        person.add_finding("domain_mixed", Level.WARNING, "email", value, domain=kept.rpartition("@")[2])
    if kept != raw:
        person.add_finding("trimmed", Level.NOTICE, "email", kept)
    return kept


def _restore_zeros(people: list[Person], columns: Columns, numbers: set[int]) -> None:
    """A workbook that holds some references as numbers has lost their zeros; the others say how long they were."""
    if columns.meaning.get("reference", -1) not in numbers:
        return
    lengths = Counter(
        len(person.reference) for person in people if person.reference.isdigit() and person.reference.startswith("0")
    )
    if not lengths:
        return
    [(length, _times)] = lengths.most_common(1)
    for person in people:
        if person.reference.isdigit() and len(person.reference) < length:
            whole = person.reference.zfill(length)
            person.add_finding("zeros_lost", Level.WARNING, "reference", person.reference, kept=whole)
            person.reference = whole


def _find_missing_references(people: list[Person]) -> None:
    without = [person for person in people if not person.reference]
    if len(without) * 2 < len(people):
        for person in without:
            person.add_finding("reference_missing", Level.NOTICE, "reference")


def _find_twins(people: list[Person]) -> None:
    by_email: dict[str, Person] = {}
    by_reference: dict[str, Person] = {}
    by_box: dict[str, Person] = {}
    by_name: dict[str, Person] = {}
    for person in people:
        if person.email and (first := by_email.setdefault(person.email, person)) is not person:
            person.repeats = first.line
            person.add_finding("repeated", Level.WARNING, "email", person.email, line=first.line, name=first.name)
            continue
        if person.reference and (first := by_reference.setdefault(person.reference, person)) is not person:
            person.repeats = first.line
            person.add_finding(
                "same_reference",
                Level.WARNING,
                "reference",
                person.reference,
                line=first.line,
                name=first.name,
                email=first.email,
            )
            continue
        if person.email and (first := by_box.setdefault(_box(person.email), person)) is not person:
            person.add_finding("similar_address", Level.WARNING, "email", person.email, line=first.line)
        elif (
            person.name
            and (first := by_name.setdefault(plain(person.name) or person.name.casefold(), person)) is not person
        ):
            person.add_finding("same_name", Level.WARNING, "last_name", person.name, line=first.line)


def _box(email: str) -> str:
    """The mailbox behind an address, as most providers see it: without what follows a plus, and without dots where they
    do not count."""
    local, _at, domain = email.partition("@")
    local = local.partition("+")[0]
    return f"{local.replace('.', '') if domain in ('gmail.com', 'googlemail.com') else local}@{domain}"


def _find_swapped_names(people: list[Person]) -> None:
    """Where most addresses are written first.last, one that is written last.first tells that the two names changed
    places."""
    straight, turned = 0, []
    for person in people:
        first, last = (plain(part).replace(" ", "") for part in (person.first_name, person.last_name))
        local = plain(person.email.partition("@")[0]).replace(" ", "")
        if not (first and last and local):
            continue
        if local == first + last:
            straight += 1
        elif local == last + first:
            turned.append(person)
    if straight >= 5 and straight >= 4 * len(turned):
        for person in turned:
            person.add_finding("swapped", Level.WARNING, "last_name", person.name)


def about_the_list(people: list[Person], columns: Columns, read_as: dict[str, Any]) -> list[Finding]:
    """What is to be said about the list as a whole."""
    findings = []
    if read_as.get("encoding_is_doubtful"):
        names = [person.name for person in people if not person.name.isascii()][:3]
        if names:
            findings.append(
                Finding("encoding", Level.WARNING, said={"encoding": read_as["encoding"], "names": ", ".join(names)})
            )
    if read_as.get("looks_encoded_twice"):
        findings.append(Finding("encoded_twice", Level.WARNING))
    if others := [*read_as.get("sheets", []), *read_as.get("hidden_sheets", [])][1:]:
        findings.append(
            Finding("sheets", Level.WARNING, said={"sheet": read_as["sheet"], "others": ", ".join(others[:10])})
        )
    if columns.guessed:
        findings.append(Finding("no_header", Level.WARNING))
    if columns.not_kept:
        findings.append(Finding("not_kept", Level.NOTICE, said={"columns": ", ".join(map(shown, columns.not_kept))}))
    if read_as.get("blank"):
        findings.append(Finding("blank", Level.NOTICE, said={"rows": read_as["blank"]}))
    spellings: dict[str, int] = defaultdict(int)
    for person in people:
        if person.programme:
            spellings[person.programme] += 1
    if 1 < len(spellings) <= 6 and max(spellings.values()) * 10 >= sum(spellings.values()) * 8:
        names = sorted(spellings, key=lambda name: -spellings[name])
        findings.append(Finding("spellings", Level.NOTICE, "programme", said={"names": " / ".join(names)}))
    return findings
