"""Reads workbooks, XLSX and ODS, whatever program wrote them: cells by python-calamine, and what it does not tell
(formulas, what is hidden or struck through, links) from the tree of their XML."""

import io
import posixpath
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.parsers import expat

from core.sheets.options import (
    MAX_ENTRIES,
    MAX_FORMULAS,
    MAX_RATIO,
    MAX_TITLES,
    MAX_UNPACKED,
    Options,
    Refused,
    plain,
)

HALF_A_SECOND = timedelta(milliseconds=500)
DAMAGED = (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError, KeyError)
SHEETS_LOOKED_AT = 10
ADDRESS = re.compile(r"[^\s@]@[^\s@]")
MANY = 1_000_000  # times that a cell or a row of an ODS file repeats

Attributes = dict[str, str]


# --- The package ------------------------------------------------------------------------------------------------------


class Package:
    """The parts of an archive by their names as the standard writes them: with slashes, without a leading one."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        try:
            self.archive = zipfile.ZipFile(io.BytesIO(data))
            self.names: dict[str, str] = {}
            for info in self.archive.infolist():
                if info.flag_bits & 1:
                    raise Refused("encrypted")
                self.names.setdefault(_normal(info.filename), info.filename)
            self.infos = self.archive.infolist()
        except DAMAGED as error:
            raise Refused("damaged") from error
        if len(self.infos) > MAX_ENTRIES:
            raise Refused("bomb")
        unpacked = sum(info.file_size for info in self.infos)
        if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * max(self.size, 20_000):
            raise Refused("bomb")
        self.sizes: dict[str, int] = {}

    @property
    def is_canonical(self) -> bool:
        """Whether every name is written as the standard says."""
        return all(name == kept for name, kept in self.names.items())

    def has(self, *endings: str) -> bool:
        return any(name.lower().endswith(endings) for name in self.names)

    def find(self, name: str) -> str | None:
        """The name of a part, which counts whatever its case."""
        if name in self.names:
            return name
        return next((known for known in self.names if known.lower() == name.lower()), None)

    def part(self, name: str) -> bytes:
        """What a part holds, empty when there is none; its checksum is compared, and its size counted, since what the
        archive declares can be a lie."""
        known = self.find(name)
        if known is None:
            return b""
        try:
            with self.archive.open(self.names[known]) as part:
                content = part.read(MAX_UNPACKED + 1)
        except DAMAGED as error:
            raise Refused("damaged") from error
        except Exception as error:  # zlib's own, lzma's own
            raise Refused("damaged") from error
        self.sizes[known] = len(content)
        if sum(self.sizes.values()) > MAX_UNPACKED:
            raise Refused("bomb")
        return content


def _normal(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/")


def kind_of(data: bytes) -> str:
    """ "xlsx" or "ods"; raises Refused, by the real name of what the archive is."""
    package = Package(data)
    mimetype = package.part("mimetype")[:100]
    if package.has("vbaproject.bin"):
        raise Refused("other_type", type="XLSM")
    if package.has("/workbook.bin"):
        raise Refused("other_type", type="XLSB")
    for beginning, name in (("word/", "DOCX"), ("ppt/", "PPTX")):
        if any(part.lower().startswith(beginning) for part in package.names):
            raise Refused("other_type", type=name)
    if package.has("index.zip", ".iwa"):
        raise Refused("other_type", type="NUMBERS")
    manifest = package.part("META-INF/manifest.xml")
    of_document = re.search(rb"application/vnd\.oasis\.opendocument\.(\w+)", mimetype or manifest)
    if of_document and package.find("content.xml"):
        if of_document[1] != b"spreadsheet":
            raise Refused("other_type", type={b"text": "ODT", b"presentation": "ODP"}.get(of_document[1], "ODF"))
        if b"encryption-data" in manifest:
            raise Refused("encrypted")
        return "ods"
    if _workbook_of(package):
        return "xlsx"
    if mimetype.startswith(b"application/epub"):
        raise Refused("other_type", type="EPUB")
    raise Refused("other_type", type="ZIP")


def _workbook_of(package: Package) -> str | None:
    """The part that lists the sheets: what the package says it is about, else where all programs put it."""
    for relation in _relations(package.part("_rels/.rels")):
        if relation.get("Type", "").endswith("/officeDocument"):
            name = package.find(_normal(relation.get("Target", "")))
            if name and b"workbook" in package.part(name)[:4000]:
                return name
    return package.find("xl/workbook.xml")


# --- XML --------------------------------------------------------------------------------------------------------------


def walk(
    content: bytes,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Read a tree, element by element, by their local names: prefixes differ from program to program. No entity is ever
    declared by an honest one."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def refuse(*_args: Any) -> None:
        raise Refused("damaged")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(" ")[2], attributes)
    if end:
        parser.EndElementHandler = lambda name: end(name.rpartition(" ")[2])
    if text:
        parser.CharacterDataHandler = text
    if not content.strip():
        return
    try:
        parser.Parse(content, True)  # noqa: FBT003
    except expat.ExpatError as error:
        raise Refused("damaged") from error


def _attribute(attributes: Attributes, name: str) -> str:
    """An attribute by its local name."""
    return next((value for key, value in attributes.items() if key.rpartition(" ")[2] == name), "")


def _is_on(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true", "on")


def _relations(content: bytes) -> list[Attributes]:
    found: list[Attributes] = []
    walk(content, lambda tag, attributes: found.append(dict(attributes)) if tag == "Relationship" else None)
    return found


def _rels_of(name: str) -> str:
    folder, base = posixpath.split(name)
    return posixpath.join(folder, "_rels", f"{base}.rels")


def _target(name: str, relation: Attributes) -> str:
    """The part to which `relation` of the part `name` leads."""
    target = relation.get("Target", "").replace("\\", "/")
    return _normal(target if target.startswith("/") else posixpath.join(posixpath.dirname(name), target))


# --- What a sheet says about its cells --------------------------------------------------------------------------------


@dataclass
class Look:
    """Lines from 1, columns from 0: cells whose value was computed, those of them that hold no value yet, those that
    hold an error, what is hidden, the lines that are struck through, and where cells lead by mail."""

    formulas: list[list[int]] = field(default_factory=list)
    not_computed: list[list[int]] = field(default_factory=list)
    errors: list[list[int]] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    struck: set[int] = field(default_factory=set)
    links: list[list[Any]] = field(default_factory=list)

    def add_formula(self, line: int, column: int, *, is_text: bool) -> None:
        self.formulas.append([line, column])
        if not is_text:  # a text may be empty, once computed
            self.not_computed.append([line, column])
        if len(self.formulas) > MAX_FORMULAS:
            raise Refused("formulas", number=MAX_FORMULAS)


def _look_at_xlsx(package: Package, name: str, styles: bytes, strings: bytes, options: Options) -> Look:
    """Also refuses a cell far out, before anything makes room for a table of that size."""
    struck_styles, struck_strings = _struck_styles(styles), _struck_strings(strings)
    relations = {relation.get("Id", ""): relation for relation in _relations(package.part(_rels_of(name)))}
    look = Look()
    line, column, kind, is_struck, is_shared, held = 0, -1, "", False, False, ""

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal line, column, kind, is_struck, is_shared, held
        if tag == "c":
            place = re.fullmatch(r"([A-Z]{1,3})(\d{1,7})", attributes.get("r", ""))
            column = _column(place[1]) - 1 if place else column + 1
            kind = attributes.get("t", "")
            is_struck, is_shared, held = attributes.get("s") in struck_styles, kind == "s", ""
            if kind == "e":
                look.errors.append([line, column])
        elif tag == "row":
            said = attributes.get("r", "")
            line, column = int(said) if said.isdecimal() and len(said) < 8 else line + 1, -1
            if _is_on(attributes.get("hidden")):
                look.hidden_rows.add(line)
        elif tag == "f":
            look.add_formula(line, column, is_text=kind == "str")
        elif tag in ("v", "t"):
            if column >= options.max_columns * 4:
                raise Refused("too_many_columns", columns=options.max_columns)
            if line > options.max_rows + MAX_TITLES:
                raise Refused("too_many_rows", rows=options.max_rows)
            if is_struck:
                look.struck.add(line)
        elif tag == "strike":
            is_struck = is_struck or attributes.get("val", "1") not in ("0", "false")
        elif tag == "col" and _is_on(attributes.get("hidden")):
            first, last = (int(attributes.get(key, "0") or 0) for key in ("min", "max"))
            look.hidden_columns.update(range(first - 1, min(last, options.max_columns * 4)))
        elif tag == "hyperlink":
            target = relations.get(_attribute(attributes, "id"), {}).get("Target", "")
            place = re.match(r"([A-Z]{1,3})(\d{1,7})", attributes.get("ref", ""))
            if place and target.lower().startswith("mailto:"):
                look.links.append([int(place[2]), _column(place[1]) - 1, target[7:].partition("?")[0]])

    def text(value: str) -> None:
        nonlocal held
        if is_shared and len(held) < 20:
            held += value

    def end(tag: str) -> None:
        if tag == "v" and is_shared and held.strip() in struck_strings:
            look.struck.add(line)

    if struck_strings:
        walk(package.part(name), start, end, text)
    else:
        walk(package.part(name), start)
    return look


def _struck_styles(styles: bytes) -> set[str]:
    """The numbers of the cell formats whose font is struck through."""
    fonts: list[bool] = []
    formats: list[str] = []
    inside = ""

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal inside
        if tag in ("fonts", "cellXfs", "cellStyleXfs", "dxfs"):
            inside = tag
        elif tag == "font" and inside == "fonts":
            fonts.append(False)
        elif tag == "strike" and inside == "fonts" and fonts:
            fonts[-1] = attributes.get("val", "1") not in ("0", "false")
        elif tag == "xf" and inside == "cellXfs":
            formats.append(attributes.get("fontId", "0"))

    walk(styles, start)
    struck = {str(number) for number, is_struck in enumerate(fonts) if is_struck}
    return {str(number) for number, font in enumerate(formats) if font in struck}


def _struck_strings(strings: bytes) -> set[str]:
    """The numbers of the shared texts that hold a part that is struck through."""
    if b"strike" not in strings:
        return set()
    number = -1
    struck: set[str] = set()

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal number
        if tag == "si":
            number += 1
        elif tag == "strike" and attributes.get("val", "1") not in ("0", "false"):
            struck.add(str(number))

    walk(strings, start)
    return struck


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _look_at_ods(content: bytes, index: int, options: Options) -> Look:
    """The same, in a format that writes rows and cells that repeat once."""
    look = Look()
    struck: set[str] = set()
    style, table, line, following, column, columns = "", -1, 0, 1, 0, 0
    last = options.max_rows + MAX_TITLES
    place: tuple[int, int] = (0, 0)

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal style, table, line, following, column, columns, place
        if tag == "style":
            style = _attribute(attributes, "name")
        elif tag == "text-properties":
            kinds = (
                _attribute(attributes, "text-line-through-style"),
                _attribute(attributes, "text-line-through-type"),
            )
            if any(kind not in ("", "none") for kind in kinds):
                struck.add(style)
        elif tag == "table":
            table, line, following, columns = table + 1, 0, 1, 0
        elif table != index:
            return
        elif tag == "table-column":
            number = _repeated(attributes, "number-columns-repeated")
            if _attribute(attributes, "visibility") in ("collapse", "filter"):
                look.hidden_columns.update(range(columns, min(columns + number, options.max_columns * 4)))
            columns += number
        elif tag == "table-row":
            number = _repeated(attributes, "number-rows-repeated")
            line, following, column = following, following + number, 0
            if _attribute(attributes, "visibility") in ("collapse", "filter"):
                look.hidden_rows.update(range(line, min(following, last + 1)))
        elif tag in ("table-cell", "covered-table-cell"):
            number = _repeated(attributes, "number-columns-repeated")
            place = (line, column)
            is_filled = bool(_attribute(attributes, "value-type"))
            is_error = any(name.endswith("value-type") and value == "error" for name, value in attributes.items())
            is_formula = bool(_attribute(attributes, "formula"))
            if is_error or is_formula:
                for row in range(line, min(following, last)):
                    for cell in range(column, min(column + number, options.max_columns)):
                        if is_formula:
                            look.add_formula(row, cell, is_text=is_filled)
                        if is_error:
                            look.errors.append([row, cell])
            if is_filled and _attribute(attributes, "style-name") in struck:
                look.struck.update(range(line, min(following, last)))
            column += number
        elif tag == "span" and _attribute(attributes, "style-name") in struck:
            look.struck.add(line)
        elif tag == "a":
            target = _attribute(attributes, "href")
            if target.lower().startswith("mailto:"):
                look.links.append([*place, target[7:].partition("?")[0]])

    walk(content, start)
    return look


def _repeated(attributes: Attributes, name: str) -> int:
    said = _attribute(attributes, name)
    return min(int(said), MANY) if said.isdecimal() and len(said) < 8 else 1


# --- Reading ----------------------------------------------------------------------------------------------------------


def read(data: bytes, kind: str, options: Options) -> tuple[list[tuple[int, list[str]]], dict[str, Any]]:
    """The rows of the sheet that was chosen, else of the first that holds a table, and how they were read."""
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum  # noqa: PLC0415 - here

    package = Package(data)
    if kind == "xlsx":
        parts = _Xlsx(package)
        data = parts.canonical(data)
    content = package.part("content.xml") if kind == "ods" else b""
    walk(content, lambda _tag, _attributes: None)  # no entity, before another reader meets it
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    except PasswordError as error:
        raise Refused("encrypted") from error
    except Exception as error:
        raise Refused("damaged") from error
    every = [meta.name for meta in book.sheets_metadata]
    sheets = [meta for meta in book.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
    if not sheets:
        raise Refused("empty")
    visible = [meta.name for meta in sheets if meta.visible == SheetVisibleEnum.Visible]
    hidden = [meta.name for meta in sheets if meta.visible != SheetVisibleEnum.Visible]

    def look_at(name: str) -> Look:
        if kind == "ods":
            return _look_at_ods(content, every.index(name), options)
        return parts.look_at(name, options)

    def grid_of(name: str) -> tuple[list[list[Any]], Look]:
        look = look_at(name)
        try:
            sheet = book.get_sheet_by_name(name)
            if sheet.total_width > options.max_columns * 4:
                raise Refused("too_many_columns", columns=options.max_columns)
            return sheet.to_python(skip_empty_area=False, nrows=options.max_rows + MAX_TITLES + 2), look
        except Refused:
            raise
        except Exception as error:
            raise Refused("damaged") from error

    if options.sheet:
        name = _chosen(options.sheet, [meta.name for meta in sheets])
        grid, look = grid_of(name)
    else:
        name, grid, look = _with_a_table(visible or hidden, grid_of, options)
    read_as = {"kind": kind, "sheet": name, "sheets": visible, "hidden_sheets": hidden}
    return _visible(grid, look, options, read_as)


class _Xlsx:
    """Where the parts of an XLSX package lie."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.workbook = _workbook_of(package) or ""
        self.relations = {
            relation.get("Id", ""): relation for relation in _relations(package.part(_rels_of(self.workbook)))
        }
        self.sheets: dict[str, str] = {}
        walk(package.part(self.workbook), self._note)
        self.styles = self._of_type("styles")
        self.strings = self._of_type("sharedStrings")

    def _note(self, tag: str, attributes: Attributes) -> None:
        if tag == "sheet":
            relation = self.relations.get(_attribute(attributes, "id"), {})
            self.sheets[attributes.get("name", "")] = _target(self.workbook, relation)

    def _of_type(self, kind: str) -> bytes:
        for relation in self.relations.values():
            if relation.get("Type", "").endswith(f"/{kind}"):
                return self.package.part(_target(self.workbook, relation))
        return b""

    def look_at(self, name: str, options: Options) -> Look:
        part = self.package.find(self.sheets.get(name, ""))
        if part is None:
            raise Refused("damaged")
        return _look_at_xlsx(self.package, part, self.styles, self.strings, options)

    def canonical(self, data: bytes) -> bytes:
        """The file with the names of parts that every reader knows; `data` itself where they are so already."""
        folder, base = posixpath.split(self.workbook)
        if self.package.is_canonical and base == "workbook.xml":
            return data
        renamed = {self.workbook: posixpath.join(folder, "workbook.xml")}
        renamed[_rels_of(self.workbook)] = _rels_of(renamed[self.workbook])
        fresh = Package(data)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name in fresh.names:
                if name.endswith((".xml", ".rels")):
                    archive.writestr(renamed.get(name, name), fresh.part(name))
        return out.getvalue()


def _with_a_table(
    names: list[str], grid_of: Callable[[str], tuple[list[list[Any]], Look]], options: Options
) -> tuple[str, list[list[Any]], Look]:
    """The first sheet that has headers as lists have and addresses under them, else the one with most addresses, else
    the first: a cover or a page of notes comes before the table in many."""
    best: tuple[tuple[int, int], str, list[list[Any]], Look] | None = None
    for name in names[:SHEETS_LOOKED_AT] if options.known else names[:1]:
        grid, look = grid_of(name)
        texts = [[cell for cell in row if isinstance(cell, str)] for row in grid[:200]]
        headers = max((sum(plain(cell) in options.known for cell in row) for row in texts[: MAX_TITLES + 1]), default=0)
        addresses = sum(any(ADDRESS.search(cell) for cell in row) for row in texts)
        score = (int(headers > 1 and addresses > 0), addresses)
        if best is None or score > best[0]:
            best = (score, name, grid, look)
        if score[0]:
            break
    assert best is not None  # noqa: S101 - there is a sheet
    return best[1:]


def _visible(
    grid: list[list[Any]], look: Look, options: Options, read_as: dict[str, Any]
) -> tuple[list[tuple[int, list[str]]], dict[str, Any]]:
    """The rows as texts; without what is hidden, where only what is seen is to be read."""
    filled = {line for line, cells in enumerate(grid, 1) if any(cell not in ("", None) for cell in cells)}
    hidden_rows = look.hidden_rows & filled
    hidden_columns = {
        column: next((str(row[column]) for row in grid if column < len(row) and row[column] not in ("", None)), "")
        for column in sorted(look.hidden_columns)
    }
    hidden_columns = {column: name for column, name in hidden_columns.items() if name}
    if not options.visible_only:
        hidden_rows, hidden_columns = set(), {}
    rows = [
        (line, ["" if column in hidden_columns else _text_of(cell, options) for column, cell in enumerate(cells)])
        for line, cells in enumerate(grid, 1)
        if line not in hidden_rows
    ]
    return rows, read_as | {
        "hidden_rows": len(hidden_rows),
        "hidden_columns": [name[: options.max_cell] for name in hidden_columns.values()],
        "has_hidden": bool(look.hidden_rows & filled or look.hidden_columns),
        "struck": sorted(look.struck - hidden_rows),
        "links": [link for link in look.links if link[0] not in hidden_rows][:MAX_FORMULAS],
        "numbers": _numbers(grid),
        "rows_out_of_sight": len(look.hidden_rows & filled),
        "not_computed": look.not_computed,
        "errors": look.errors[:MAX_FORMULAS],
        "formulas": [
            place for place in look.formulas if place[0] not in hidden_rows and place[1] not in hidden_columns
        ],
    }


def _chosen(wanted: str, names: list[str]) -> str:
    """The sheet of that name, or of that number from 1."""
    if wanted in names:
        return wanted
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    raise Refused("no_such_sheet", sheet=wanted[:60], sheets=", ".join(names[:10]))


def _numbers(grid: list[list[Any]]) -> list[int]:
    """The columns in which some cells are numbers: Excel drops their leading zeros."""
    return sorted(
        {
            column
            for row in grid
            for column, cell in enumerate(row)
            if isinstance(cell, int | float) and not isinstance(cell, bool)
        }
    )


def _text_of(cell: Any, options: Options) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        moment = cell + HALF_A_SECOND  # workbooks keep moments as fractions of days, and round them
        is_day = moment.time() < time(0, 0, 1) and not options.whole_moments
        return moment.date().isoformat() if is_day else moment.isoformat(" ", "minutes")
    if isinstance(cell, date) and options.whole_moments:  # how the library gives a moment at midnight
        return f"{cell.isoformat()} 00:00"
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    return str(cell)[: options.max_cell + 1]
