"""What is wrong, or odd, in each row of a list: everything at once, each with its place and how to fix it
(docs/rules.md#lists)."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.encoding import punycode

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
            self.is_note or self.is_skipped or self.repeats or any(one.level == Level.ERROR for one in self.findings)
        )

    def found(self, code: str, level: Level, column: str = "", value: str = "", *, fix: str = "", **said: Any) -> None:
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
    listed = [one for one in people if not one.is_note]
    _restore_zeros(listed, columns, set(numbers))
    _find_missing_references(listed)
    _find_twins(listed)
    _find_swapped_names(listed)
    return people


def check_row(line: int, cells: list[str], columns: Columns, computed: set[tuple[int, int]] = frozenset()) -> Person:  # type: ignore[assignment]
    """One row by itself."""
    one = Person(line, cells)
    filled = [cell for cell in cells if cell.strip(BLANKS)]
    if len(filled) == 1 and "@" not in filled[0] and len(columns.meaning) > 1:
        one.is_note = True  # a total, a signature: what people write under a table
        one.found("note", Level.NOTICE, value=filled[0])
        return one
    if columns.names and len(cells) > len(columns.names):
        one.found("ragged", Level.ERROR, value=cells[len(columns.names)], cells=len(cells), columns=len(columns.names))
    for name in FIELDS:
        index = columns.meaning.get(name, -1)
        raw = cells[index] if 0 <= index < len(cells) else ""
        if (line, index) in computed:
            one.found("formula", Level.ERROR, name, raw)
        setattr(one, name, _email(one, raw) if name == "email" else _text(one, name, raw))
    if not one.name:
        if not any(
            found.level == Level.ERROR and found.column in ("last_name", "first_name") for found in one.findings
        ):
            one.found("name_missing", Level.ERROR, "last_name")
    elif any(len(part) > 3 and part == part.upper() != part.lower() for part in (one.last_name, one.first_name)):
        one.found("capitals", Level.NOTICE, "last_name", one.name)
    return one


def _text(one: Person, name: str, raw: str) -> str:
    value = unicodedata.normalize("NFC", raw.strip(BLANKS)) if not _is_broken(raw) else raw
    value = re.sub("[\u00a0\u202f\u2007 ]+", " ", value)
    if bad := _bad_letter(value):
        one.found("control", Level.ERROR, name, raw, letter=bad)
        return ""
    if len(value) > min(LONGEST[name], MAX_CELL):
        one.found("too_long", Level.ERROR, name, value, longest=LONGEST[name], length=len(value))
        return ""
    if value != raw:
        one.found("trimmed", Level.NOTICE, name, value)
    if name == "reference":
        if BIG_NUMBER.fullmatch(value):
            one.found("excel_number", Level.WARNING, name, value)
        if " " in value and re.fullmatch(r"[\d ]+", value):
            value = value.replace(" ", "")
            one.found("reference_blanks", Level.NOTICE, name, raw, kept=value)
    return value


def _is_broken(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _bad_letter(value: str) -> str:
    """The code point of a letter that is not part of any name, or an empty text."""
    if found := NOT_IN_A_LIST.search(value):
        return "U+0000" if found[0] == NUL else f"U+{ord(found[0]):04X}"
    for found in JOINERS.finditer(value):
        # In Arabic, Persian and Indic names they shape letters, and in emoji they join signs; in Latin ones they only
        # hide.
        beside = value[max(0, found.start() - 1) : found.start()] + value[found.end() : found.end() + 1]
        if not beside or any(letter.isascii() or "LATIN" in unicodedata.name(letter, "") for letter in beside):
            return f"U+{ord(found[0]):04X}"
    return ""


def _email(one: Person, raw: str) -> str:
    value = raw.strip(BLANKS)
    if value.lower().startswith("mailto:"):
        value = value[7:].strip(BLANKS)
    value = value.rstrip(".")
    if not value:
        one.found("email_missing", Level.ERROR, "email")
        return ""
    if bad := _bad_letter(value) or _bad_letter(value.replace("\u200d", "\x00").replace("\u200c", "\x00")):
        one.found("control", Level.ERROR, "email", raw, letter=bad)
        return ""
    if sum("@" in part for part in re.split(r"[,;\s]+", value)) > 1:
        one.found("several_addresses", Level.ERROR, "email", value)
        return ""
    if "@" not in value and AT.search(value):
        one.found("email_at", Level.ERROR, "email", value, fix=AT.sub("@", value).replace(" ", "").lower())
        return ""
    local, _at, domain = value.rpartition("@")
    if letter := next((letter for letter in local if not letter.isascii()), ""):
        one.found("email_letter", Level.ERROR, "email", value, letter=f"U+{ord(letter):04X}")
        return ""
    try:
        domain = unicodedata.normalize("NFC", domain).lower()
        if len(local) > 64 or domain.startswith("[") or len(value) > LONGEST["email"]:
            raise ValidationError("")
        validate_email(f"{local}@{domain}")
        ascii_domain = domain if domain.isascii() else punycode(domain)
    except (ValidationError, UnicodeError):
        one.found("email_invalid", Level.ERROR, "email", value)
        return ""
    if not domain.isascii():
        scripts = {unicodedata.name(letter, "?").split()[0] for letter in domain if letter.isalpha()}
        if len(scripts) > 1 or unicodedata.normalize("NFKC", domain) != domain:
            one.found("domain_mixed", Level.WARNING, "email", value, domain=ascii_domain)
    kept = f"{local}@{ascii_domain}".lower()  # as every account of ours (docs/rules.md#names)
    if kept != raw:
        one.found("trimmed", Level.NOTICE, "email", kept)
    return kept


def _restore_zeros(people: list[Person], columns: Columns, numbers: set[int]) -> None:
    """A workbook that holds some references as numbers has lost their zeros; the others say how long they were."""
    if columns.meaning.get("reference", -1) not in numbers:
        return
    lengths = Counter(len(one.reference) for one in people if one.reference.isdigit() and one.reference.startswith("0"))
    if not lengths:
        return
    [(length, _times)] = lengths.most_common(1)
    for one in people:
        if one.reference.isdigit() and len(one.reference) < length:
            whole = one.reference.zfill(length)
            one.found("zeros_lost", Level.WARNING, "reference", one.reference, kept=whole)
            one.reference = whole


def _find_missing_references(people: list[Person]) -> None:
    without = [one for one in people if not one.reference]
    if len(without) * 2 < len(people):
        for one in without:
            one.found("reference_missing", Level.NOTICE, "reference")


def _find_twins(people: list[Person]) -> None:
    by_email: dict[str, Person] = {}
    by_reference: dict[str, Person] = {}
    by_box: dict[str, Person] = {}
    by_name: dict[str, Person] = {}
    for one in people:
        if one.email and (first := by_email.setdefault(one.email, one)) is not one:
            one.repeats = first.line
            one.found("repeated", Level.WARNING, "email", one.email, line=first.line, name=first.name)
            continue
        if one.reference and (first := by_reference.setdefault(one.reference, one)) is not one:
            one.repeats = first.line
            one.found(
                "same_reference",
                Level.WARNING,
                "reference",
                one.reference,
                line=first.line,
                name=first.name,
                email=first.email,
            )
            continue
        if one.email and (first := by_box.setdefault(_box(one.email), one)) is not one:
            one.found("similar_address", Level.WARNING, "email", one.email, line=first.line)
        elif one.name and (first := by_name.setdefault(plain(one.name) or one.name.casefold(), one)) is not one:
            one.found("same_name", Level.WARNING, "last_name", one.name, line=first.line)


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
    for one in people:
        first, last = (plain(part).replace(" ", "") for part in (one.first_name, one.last_name))
        local = plain(one.email.partition("@")[0]).replace(" ", "")
        if not (first and last and local):
            continue
        if local == first + last:
            straight += 1
        elif local == last + first:
            turned.append(one)
    if straight >= 5 and straight >= 4 * len(turned):
        for one in turned:
            one.found("swapped", Level.WARNING, "last_name", one.name)


def about_the_list(people: list[Person], columns: Columns, read_as: dict[str, Any]) -> list[Finding]:
    """What is to be said about the list as a whole."""
    findings = []
    if read_as.get("encoding_is_doubtful"):
        names = [one.name for one in people if not one.name.isascii()][:3]
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
    for one in people:
        if one.programme:
            spellings[one.programme] += 1
    if 1 < len(spellings) <= 6 and max(spellings.values()) * 10 >= sum(spellings.values()) * 8:
        names = sorted(spellings, key=lambda name: -spellings[name])
        findings.append(Finding("spellings", Level.NOTICE, "programme", said={"names": " / ".join(names)}))
    return findings
