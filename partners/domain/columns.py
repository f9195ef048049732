"""Which row holds the headers of a list, and what each column means (docs/rules.md#lists)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.sheets.reader import MAX_TITLES, plain

# What columns are called, without accents, case and punctuation. Sentences are longer; titles of tables hold none of
# these alone.
KNOWN: dict[str, tuple[str, ...]] = {
    "email": (
        *(
            "courriel",
            "email",
            "e mail",
            "mail",
            "mel",
            "adresse mail",
            "adresse email",
            "adresse e mail",
            "adresse courriel",
        ),
        *(
            "adresse electronique",
            "email address",
            "e mail address",
            "mail address",
            "courrier electronique",
            "adresse de courriel",
        ),
    ),
    "last_name": (
        "nom",
        "nom de famille",
        "nom usuel",
        "nom d usage",
        "last name",
        "surname",
        "family name",
        "lastname",
        "familyname",
    ),
    "first_name": (
        "prenom",
        "prenoms",
        "prenom usuel",
        "first name",
        "given name",
        "firstname",
        "forename",
        "givenname",
    ),
    "name": (
        "nom complet",
        "nom et prenom",
        "nom prenom",
        "prenom nom",
        "prenom et nom",
        "name",
        "full name",
        "participant",
        "etudiant",
    ),
    "reference": (
        *(
            "n etudiant",
            "no etudiant",
            "num etudiant",
            "numero etudiant",
            "numero d etudiant",
            "n d etudiant",
            "matricule",
            "identifiant",
        ),
        *(
            "student number",
            "student no",
            "student id",
            "id",
            "number",
            "reference",
            "ine",
            "n ine",
            "numero",
            "n",
            "ref",
            "employee id",
        ),
    ),
    "programme": (
        "formation",
        "programme",
        "program",
        "diplome",
        "cursus",
        "filiere",
        "parcours",
        "course",
        "degree",
        "master",
        "groupe",
    ),
}
MEANING = {name: field for field, names in KNOWN.items() for name in names}

FIELDS = ("last_name", "first_name", "email", "reference", "programme")

Row = tuple[int, list[str]]  # the line in the file, from 1, and the cells


@dataclass(frozen=True)
class Columns:
    """`header_line` is 0 when there is none. `names` are the headers as written, `meaning` gives the column of each
    field, from 0."""

    header_line: int
    names: tuple[str, ...]
    meaning: Mapping[str, int]
    guessed: bool = False
    twice: tuple[str, ...] = field(default=())

    @property
    def not_kept(self) -> list[str]:
        """The headers of columns that are read by nobody: what is not needed is not kept."""
        return [name for index, name in enumerate(self.names) if name.strip() and index not in self.meaning.values()]


def find(rows: Sequence[Row], remembered: Mapping[str, str] | None = None) -> Columns:
    """The columns of a list: the header is the first row in which an address and a name, or two other columns, are
    called as usual.

    `remembered` says what the institution called its columns before: field by header.
    """
    remembered = {plain(name): field for name, field in (remembered or {}).items()}
    best: tuple[int, Row] | None = None
    for row in rows[:MAX_TITLES]:
        known = [field for cell in row[1] if (field := remembered.get(plain(cell)) or MEANING.get(plain(cell)))]
        score = len(set(known)) + ("email" in known)
        if any("@" in cell for cell in row[1]):
            break  # people begin here
        if score > (best[0] if best else 0) and (score > 1 or len(row[1]) == 1):
            best = (score, row)
    if best is None:
        return _guess(rows)
    line, cells = best[1]
    meaning: dict[str, int] = {}
    twice = []
    for index, cell in enumerate(cells):
        name = plain(cell)
        if name and any(plain(other) == name for other in cells[:index]):
            twice.append(cell.strip())
        field = remembered.get(name) or MEANING.get(name, "")
        if field and field not in meaning:
            meaning[field] = index
    if "name" in meaning:
        index = meaning.pop("name")
        meaning.setdefault("last_name", index)
    return Columns(line, tuple(cell.strip() for cell in cells), meaning, twice=tuple(twice))


def _guess(rows: Sequence[Row]) -> Columns:
    """Without a header that says anything: the column of addresses tells itself, and the texts before it are taken for
    the family and the first name. Somebody has to say whether that is right."""
    header, sample = _unknown_header(rows), rows[:200]
    if header:
        sample = [row for row in sample if row[0] > header[0]]
    width = max((len(cells) for _line, cells in sample), default=0)
    columns = [
        [cells[index].strip() if index < len(cells) else "" for _line, cells in sample] for index in range(width)
    ]
    meaning: dict[str, int] = {}
    names = iter(("last_name", "first_name"))
    for index, column in enumerate(columns):
        filled = [cell for cell in column if cell]
        if not filled:
            continue
        if "email" not in meaning and sum("@" in cell for cell in filled) * 2 > len(filled):
            meaning["email"] = index
        elif "reference" not in meaning and sum(any(letter.isdigit() for letter in cell) for cell in filled) * 2 > len(
            filled
        ):
            meaning["reference"] = index
        elif field := next(names, None):
            meaning[field] = index
    names_written = tuple(cell.strip() for cell in header[1]) if header else tuple("" for _ in columns)
    return Columns(header[0] if header else 0, names_written, meaning, guessed=True)


def _unknown_header(rows: Sequence[Row]) -> Row | None:
    """The first row, when addresses stand under it and none in it."""
    if len(rows) < 2 or len(rows[0][1]) < 2 or any("@" in cell for cell in rows[0][1]):
        return None
    return rows[0] if any("@" in cell for cell in rows[1][1]) else None


def people(rows: Sequence[Row], columns: Columns) -> list[Row]:
    """The rows under the header."""
    return [row for row in rows if row[0] > columns.header_line]
