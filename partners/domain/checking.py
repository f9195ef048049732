"""What is wrong, or odd, in each row of a list: everything at once, each with its place and how to fix it
(docs/rules.md#lists)."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from core.emails import normalise_email, readable_email
from core.folding import fold
from core.sheets.reader import MAX_CELL, plain
from core.text import NOT_IN_A_LIST, has_web_address
from partners.domain import cleaning, names
from partners.domain.cleaning import BLANKS, DAMAGED, NUL
from partners.domain.columns import FIELDS, NO_USAGE, Columns, Row, classify

LONGEST = {"last_name": 75, "first_name": 74, "email": 254, "reference": 60, "programme": 150}
SHOWN = 60  # letters of a value in a report
# What people write under a table, or between its parts.
_UNDER_A_TABLE = (
    r"(?:sous[- ]?|grand )?tota(?:l|ux)\b, subtotal\b, effectifs?\b, nb\.?\s, nb\s?:, n\.b\., fait "
    r"(?:à|a|le)\b, signatures?\b, signé\b, date\s*:, cachet\b, page \d, imprimé\b, édité\b, liste "
    r"(?:des?|établie|arrêtée)\b, arrêtée?\b, remarques?\s*:, légende\b, source\s*:, mise? à jour\b, end "
    r"of\b, fin de\b"
)
NOT_A_PERSON = re.compile(rf"\s*(?:{_UNDER_A_TABLE.replace(', ', '|')})", re.IGNORECASE)
# The same where no first and family name stand beside: somebody may be called Count.
NO_PERSON_ALONE = re.compile(
    r"\s*(?:count|sum|somme|export|extrait|moyenne|nombre|(?:le|la) (?:direct|doyen|président|responsable|secrétaire))",
    re.IGNORECASE,
)
OFFICE = re.compile(r"(?:secretariat|scolarite|contact|info|accueil|direction|admin|noreply|no-reply|inscriptions?)")
OFFICE_NAME = re.compile(r"(?:contact|responsable|secr[ée]tariat|scolarit[ée]|service|direction)\b", re.IGNORECASE)


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
    about nobody; `same_as` somebody on the list (their id) of whom a person said that they are meant."""

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
    same_as: int = 0

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


@dataclass(frozen=True)
class Marks:
    """What a workbook says about its cells besides their values, and what people have said about rows: the columns that
    hold numbers, the line and column of cells whose value was computed, the lines that are struck through, those of
    which somebody has said that they are right, the addresses to which cells lead, and by line the values that were
    typed instead of those in the file."""

    numbers: Set[int] = frozenset()
    formulas: Set[tuple[int, int]] = frozenset()
    struck: Set[int] = frozenset()
    accepted: Set[int] = frozenset()
    links: Mapping[tuple[int, int], str] = field(default_factory=dict)
    fixes: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, read_as: Mapping[str, Any], fixes: Mapping[int, Mapping[str, str]] | None = None) -> "Marks":
        """Those of a file, from how it was read."""
        return cls(
            numbers=set(read_as.get("numbers", ())),
            formulas={(line, column) for line, column in read_as.get("formulas", ())},
            struck=set(read_as.get("struck", ())),
            accepted=set(read_as.get("accepted", ())),
            links={(line, column): address for line, column, address in read_as.get("links", ())},
            fixes=fixes or {},
        )


NO_MARKS = Marks()


def check(rows: Iterable[Row], columns: Columns, marks: Marks = NO_MARKS) -> list[Person]:
    """Read each row as a person, with all that is to be said about it."""
    people = [check_row(line, cells, columns, marks) for line, cells in rows]
    listed = [person for person in people if not person.is_note]
    _propose_addresses(listed)
    _restore_zeros(listed, columns, set(marks.numbers))
    _find_missing_references(listed)
    _find_twins(listed)
    _find_swapped_names(listed)
    return people


def check_row(line: int, cells: list[str], columns: Columns, marks: Marks = NO_MARKS) -> Person:
    """One row by itself."""
    person = Person(line, cells)
    fixes = marks.fixes.get(line, {})
    if not fixes and (note := _about_nobody(cells, columns)):
        person.is_note = True
        person.add_finding("note", Level.NOTICE, value=note)
        return person
    width = max(len(columns.names), *(index + 1 for index in columns.meaning.values()))
    if columns.names and len(cells) > width and not set(columns.fields) <= set(fixes):
        person.add_finding("ragged", Level.ERROR, value=cells[width], cells=len(cells), columns=len(columns.names))
    if line in marks.struck - marks.accepted:
        person.add_finding("struck", Level.ERROR)
    for name in FIELDS:
        raw, index = raw_of(cells, columns, name)
        if name in fixes:
            raw = fixes[name]
        elif (line, index) in marks.formulas:
            person.add_finding("formula", Level.ERROR, name, raw)
        if name == "email":
            elsewhere = [cells[other] for other in columns.others if other < len(cells)]
            person.email = _email(person, raw, [marks.links.get((line, index), ""), *elsewhere])
        else:
            setattr(person, name, _text(person, name, raw))
    if line not in marks.accepted and _is_office(person):
        person.add_finding("office", Level.ERROR, value=person.name)
    if not person.name:
        if not any(
            finding.level == Level.ERROR and finding.column in ("last_name", "first_name")
            for finding in person.findings
        ):
            person.add_finding("name_missing", Level.ERROR, "last_name")
    elif any(len(part) > 3 and part == part.upper() != part.lower() for part in (person.last_name, person.first_name)):
        person.add_finding("capitals", Level.NOTICE, "last_name", person.name)
    return person


def raw_of(cells: Sequence[str], columns: Columns, name: str) -> tuple[str, int]:
    """What a row says of a field, and in which column, -1 for none. The name in use comes before the one of birth; a
    whole name is taken apart."""
    meaning = columns.meaning
    if "name" in meaning and name in ("last_name", "first_name"):
        index = meaning["name"]
        whole, _had_unseen = cleaning.text(cells[index] if index < len(cells) else "")
        halves = names.split(whole, columns.order) or (whole, "")
        return halves[name == "first_name"], index
    for key in (f"usage_{name}", name):
        index = meaning.get(key, -1)
        if 0 <= index < len(cells) and (key == name or _says_a_name(cells[index])):
            return cells[index], index
    return "", meaning.get(name, -1)


def _says_a_name(cell: str) -> bool:
    """Whether a column of names in use gives one: a dash, “none” or “yes” is none."""
    return any(letter.isalpha() for letter in cell) and plain(cell).replace(" ", "") not in NO_USAGE


def _about_nobody(cells: list[str], columns: Columns) -> str:
    """What a row says that is about nobody: a total, a signature, the headers once more, the title of a group."""
    filled = [cell.strip(BLANKS) for cell in cells if cell.strip(BLANKS)]
    if not filled or any("@" in cell for cell in filled):
        return ""
    whole = _cell(cells, columns, "name")
    is_whole_name = (
        bool(whole) and bool((names.split(whole) or (whole, whole))[1]) and not re.search(r"\d|[-–:]", whole)
    )
    alone = len(filled) == 1 and len(columns.names or columns.meaning) > 1 and not is_whole_name
    repeated = [
        cell
        for cell, name in zip(cells, columns.names, strict=False)
        if name and plain(cell) and plain(cell) == plain(name)
    ]
    said = [(classify(cell) or ("",))[0] for cell in filled]
    headers = len(set(said)) > 1 and all(said)
    if alone or len(repeated) > 1 or headers or any(map(NOT_A_PERSON.match, filled)):
        return filled[0]
    halves = [_cell(cells, columns, name) for name in ("last_name", "first_name")]
    is_named = all(any(letter.isalpha() for letter in half) for half in halves)
    if not is_named and any(map(NO_PERSON_ALONE.match, filled)):
        return filled[0]
    return filled[0] if not any(letter.isalpha() for cell in filled for letter in cell) else ""


def _cell(cells: list[str], columns: Columns, name: str) -> str:
    index = columns.meaning.get(name, -1)
    return cells[index].strip(BLANKS) if 0 <= index < len(cells) else ""


def _text(person: Person, name: str, raw: str) -> str:
    value, had_unseen = cleaning.text(raw)
    if bad := DAMAGED.search(value):
        letter = "U+0000" if bad[0] in ("\0", NUL) else f"U+{ord(bad[0]):04X}"
        person.add_finding("control", Level.ERROR, name, raw, letter=letter)
        return ""
    if len(value) > min(LONGEST[name], MAX_CELL):
        person.add_finding("too_long", Level.ERROR, name, value, longest=LONGEST[name], length=len(value))
        return ""
    if had_unseen:
        person.add_finding("unseen", Level.NOTICE, name, value)
    elif value != raw:
        person.add_finding("trimmed", Level.NOTICE, name, value)
    if name in ("last_name", "first_name"):
        return _name(person, name, value)
    if cleaning.is_nir(value):
        person.add_finding("nir", Level.WARNING, name)
        return ""
    if code := cleaning.damage(value):
        person.add_finding(code, Level.WARNING, name, value)
        return ""
    if name == "reference" and " " in value and re.fullmatch(r"[\d ]+", value):
        value = value.replace(" ", "")
        person.add_finding("reference_blanks", Level.NOTICE, name, raw, kept=value)
    return value


def _name(person: Person, name: str, value: str) -> str:
    if cleaning.is_error(value):
        person.add_finding("error_in_name", Level.ERROR, name, value)
        return ""
    if cleaning.is_nir(value):
        person.add_finding("nir_in_name", Level.ERROR, name)
        return ""
    if has_web_address(value):
        person.add_finding("web_address", Level.ERROR, name, value)
        return ""
    bare = names.without_civility(value)
    if bare != value:
        person.add_finding("civility", Level.NOTICE, name, bare)
    return bare


def _email(person: Person, raw: str, elsewhere: Sequence[str]) -> str:
    """The address of a row. `elsewhere`: what else in it may be meant, where the cell itself holds none."""
    value = cleaning.email(raw)
    if not value or "@" not in value:
        meant = cleaning.proposal(value)
        beside = next((found[0] for other in elsewhere if (found := cleaning.several(other))), "")
        code = "email_at" if meant else "email_beside" if beside else "email_invalid" if value else "email_missing"
        person.add_finding(code, Level.ERROR, "email", value, fix=meant or beside)
        return ""
    if bad := DAMAGED.search(value):
        letter = "U+0000" if bad[0] in ("\0", NUL) else f"U+{ord(bad[0]):04X}"
        person.add_finding("control", Level.ERROR, "email", raw, letter=letter)
        return ""
    if len(found := cleaning.several(raw)) > 1:
        person.add_finding("several_addresses", Level.ERROR, "email", value, fix=found[0], addresses=found)
        return ""
    local, _at, domain = value.rpartition("@")
    if letter := next((letter for letter in local if not letter.isascii()), ""):
        fix = cleaning.proposal(value)
        person.add_finding("email_letter", Level.ERROR, "email", value, fix=fix, letter=f"U+{ord(letter):04X}")
        return ""
    try:
        kept = normalise_email(value)
        if len(local) > 64 or domain.startswith("[") or len(kept) > LONGEST["email"] or "=" in local:
            raise ValidationError("")
        validate_email(kept)
    except ValidationError:
        person.add_finding("email_invalid", Level.ERROR, "email", value, fix=cleaning.proposal(value))
        return ""
    letters = unicodedata.normalize("NFC", domain).lower()
    if ("xn--" in kept and readable_email(kept) == kept) or unicodedata.normalize("NFKC", letters) != letters:
        person.add_finding("domain_mixed", Level.WARNING, "email", value, domain=kept.rpartition("@")[2])
    if kept != raw:
        person.add_finding("trimmed" if kept == normalise_email(raw) else "cleaned", Level.NOTICE, "email", kept)
    return kept


def _propose_addresses(people: list[Person]) -> None:
    """What the domain of most addresses says about those that are none, or are two."""
    domains = Counter(person.email.rpartition("@")[2] for person in people if person.email)
    if not domains:
        return
    [(usual, times)] = domains.most_common(1)
    for person in people:
        for number, finding in enumerate(person.findings):
            if finding.code == "several_addresses":
                fix = next((one for one in finding.said["addresses"] if one.endswith(f"@{usual}")), finding.fix)
                person.findings[number] = replace(finding, fix=fix)
            elif finding.code == "email_invalid" and not finding.fix:
                local, _at, domain = normalise_email(finding.value).rpartition("@")
                if local and domain and usual.startswith(f"{domain}."):
                    person.findings[number] = replace(finding, fix=f"{local}@{usual}")
        local, _at, domain = person.email.rpartition("@")
        is_near = domain != usual and SequenceMatcher(None, domain, usual).ratio() > 0.9
        if times >= 5 and domains[domain] == 1 and is_near:
            person.add_finding("email_near", Level.WARNING, "email", person.email, fix=f"{local}@{usual}", domain=usual)


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
            if _are_two(person, first):
                for who, other in ((person, first), (first, person)):
                    if not any(finding.code == "shared_address" for finding in who.findings):
                        who.add_finding(
                            "shared_address", Level.ERROR, "email", who.email, name=other.name, line=other.line
                        )
                continue
            person.repeats = first.line
            person.add_finding("repeated", Level.WARNING, "email", person.email, line=first.line, name=first.name)
            continue
        if person.reference and (first := by_reference.setdefault(person.reference, person)) is not person:
            if not same_name(person, first):  # a number is not a person
                person.add_finding("shared_number", Level.WARNING, "reference", person.reference, name=first.name)
                person.reference = ""
                continue
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


def _is_office(person: Person) -> bool:
    """Whether an address, or what stands for a name, is rather that of an office or of a list of people."""
    local, _at, domain = person.email.partition("@")
    halves = (person.last_name, person.first_name)
    return (
        bool(OFFICE.fullmatch(local))
        or domain.startswith(("listes.", "lists.", "list."))
        or any(OFFICE_NAME.match(half) or half.endswith(":") or "@" in half for half in halves)
    )


def _are_two(one: Person, other: Person) -> bool:
    """Whether two with one address are two people, brothers and sisters for example, and not one whom two rows name."""
    first, second = (fold(who.first_name)[:1] for who in (one, other))
    return not same_name(one, other) and bool(first and second) and first != second


def same_name(one: Any, other: Any) -> bool:
    """Whether two are called the same, as far as lists can tell: accents, order and further names aside. Each has a
    `first_name` and a `last_name`."""
    first, second = (set(fold(f"{who.first_name} {who.last_name}").split()) for who in (one, other))
    return bool(first) and (
        first == second or (min(len(first), len(second)) > 1 and (first <= second or second <= first))
    )


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
    if others := [
        name for key in ("sheets", "hidden_sheets") for name in read_as.get(key, []) if name != read_as["sheet"]
    ]:
        findings.append(
            Finding("sheets", Level.WARNING, said={"sheet": read_as["sheet"], "others": ", ".join(others[:10])})
        )
    if number := read_as.get("hidden_rows"):
        findings.append(Finding("hidden_rows", Level.WARNING, said={"rows": number}))
    if names_of_hidden := read_as.get("hidden_columns"):
        said = {"columns": ", ".join(map(shown, names_of_hidden))}
        findings.append(Finding("hidden_columns", Level.WARNING, said=said))
    if computed := sum(any(finding.code == "formula" for finding in person.findings) for person in people):
        findings.append(Finding("formulas", Level.WARNING, said={"rows": computed}))
    findings += [Finding(ask, Level.WARNING) for ask in columns.asks]
    if columns.others:
        said = {
            "column": columns.named([columns.meaning["email"]]) or "–",
            "others": columns.named(columns.others) or "–",
        }
        findings.append(Finding("two_addresses", Level.WARNING, said=said))
    for reason, code in (("counter", "counts"), ("nir", "nirs")):
        if over := [index for index, why in columns.passed_over.items() if why == reason]:
            numbers = ", ".join(f"#{index + 1}" for index in over)
            findings.append(Finding(code, Level.NOTICE, said={"columns": columns.named(over) or numbers}))
    if notes := [finding.value for person in people if person.is_note for finding in person.findings]:
        findings.append(Finding("notes", Level.NOTICE, said={"rows": len(notes), "texts": ", ".join(notes[:5])}))
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
