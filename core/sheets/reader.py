"""Reads sheets (CSV, XLSX, ODS), in a process of its own and without Django: files on its standard input, one after the
other, and a JSON list on its output with an answer for each.

Whatever a file does to this process, memory, time or a crash, the caller (confined.py) makes one clean answer of it
(docs/rules.md#lists). `python reader.py '{"sizes": [1234], "encoding": "", "sheet": ""}' < file`
"""

import codecs
import csv
import io
import itertools
import json
import re
import resource
import sys
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
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
MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 10
HALF_A_SECOND = timedelta(milliseconds=500)

ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the name of a stream, in what Microsoft wraps a workbook into
ENCODINGS = ["utf-8", "utf-16", "cp1252", "mac_roman", "iso8859-15", "utf-8-twice"]
DELIMITERS = ";,\t|"
TWICE = re.compile("[ÃÂÅâ][\x80-\xbf\u0152-\u2122]")


class Refused(Exception):
    """The file cannot be read as a whole; the code and what belongs into its sentence."""

    def __init__(self, code: str, **said: Any) -> None:
        super().__init__(code)
        self.code, self.said = code, said


def plain(header: str) -> str:
    """A header as it is looked up: without accents, case, punctuation and doubled spaces."""
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", header.replace("°", " "))
        if not unicodedata.combining(letter)
    )
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare.lower()).split())


@dataclass(frozen=True)
class Options:
    """What the caller knows of a file, and how much of it is kept.

    `encoding` and `sheet` are what a person chose instead of our guess. `known` are headers (as `plain` writes them) by
    which the sign between the cells of a CSV file is found. Longer cells are cut one letter after `max_cell`, so that
    whoever checks them sees that they are too long. `whole_moments`: midnight is written out, where a cell is a moment
    and not a day.
    """

    encoding: str = ""
    sheet: str = ""
    known: frozenset[str] = frozenset()
    max_rows: int = MAX_ROWS
    max_columns: int = MAX_COLUMNS
    max_cell: int = MAX_CELL
    whole_moments: bool = False


def read(data: bytes, options: Options) -> dict[str, Any]:
    """The rows of `data` as texts, each with its line in the file, and how they were read. Raises Refused."""
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise Refused("empty")
    kind = _kind(data)
    if kind == "text":
        return _read_text(data, options)
    return _read_workbook(data, kind, options)


# --- What it is, by its content ---------------------------------------------------------------------------------------


def _kind(data: bytes) -> str:
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        encrypted = ENCRYPTED in data
        raise Refused("encrypted") if encrypted else Refused("other_type", type="XLS")
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _kind_of_archive(data)
    for sign, name in (
        (b"%pdf", "PDF"),
        (b"\x89png", "PNG"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"gif8", "GIF"),
        (b"{\\rtf", "RTF"),
        (b"\x1f\x8b", "GZIP"),
        (b"rar!", "RAR"),
        (b"7z\xbc\xaf", "7Z"),
        (b"<!doctype", "HTML"),
        (b"<html", "HTML"),
        (b"<?xml", "XML"),
        (b"begin:vcard", "VCF"),
    ):
        if head.startswith(sign):
            raise Refused("other_type", type=name)
    return "text"


def _kind_of_archive(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            names = {info.filename for info in infos}
            mimetype = (
                archive.read("mimetype")[:100]
                if "mimetype" in names and archive.getinfo("mimetype").file_size < 200
                else b""
            )
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError) as error:
        raise Refused("damaged") from error
    if len(infos) > MAX_ENTRIES:
        raise Refused("bomb")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * max(len(data), 20_000):
        raise Refused("bomb")
    if "xl/vbaProject.bin" in names:
        raise Refused("other_type", type="XLSM")
    if "xl/workbook.bin" in names:
        raise Refused("other_type", type="XLSB")
    if any(name.startswith("word/") for name in names):
        raise Refused("other_type", type="DOCX")
    if any(name.startswith("ppt/") for name in names):
        raise Refused("other_type", type="PPTX")
    if mimetype.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        if b"encryption-data" in _part(data, "META-INF/manifest.xml"):
            raise Refused("encrypted")
        return "ods"
    if mimetype.startswith(b"application/vnd.oasis.opendocument.text"):
        raise Refused("other_type", type="ODT")
    if "[Content_Types].xml" in names and "xl/workbook.xml" in names:
        return "xlsx"
    raise Refused("other_type", type="ZIP")


# --- Workbooks --------------------------------------------------------------------------------------------------------


def _part(data: bytes, name: str) -> bytes:
    """One part of an archive; its checksum is compared, and its size counted, since what the archive declares can be a
    lie."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(name) as part:
            content = part.read(MAX_UNPACKED + 1)
    except KeyError:
        return b""
    except Exception as error:
        raise Refused("damaged") from error
    if len(content) > MAX_UNPACKED:
        raise Refused("bomb")
    return content


def _read_workbook(data: bytes, kind: str, options: Options) -> dict[str, Any]:
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum  # noqa: PLC0415 - only here

    parts = _parts(data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    except PasswordError as error:
        raise Refused("encrypted") from error
    except Exception as error:
        raise Refused("damaged") from error
    sheets = [meta for meta in book.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
    if not sheets:
        raise Refused("empty")
    visible = [meta.name for meta in sheets if meta.visible == SheetVisibleEnum.Visible]
    hidden = [meta.name for meta in sheets if meta.visible != SheetVisibleEnum.Visible]
    name = _chosen(options.sheet, [meta.name for meta in sheets]) if options.sheet else (visible or hidden)[0]
    if kind == "xlsx":
        _look_at_cells(parts, options)
    try:
        sheet = book.get_sheet_by_name(name)
        if sheet.total_width > options.max_columns * 4:
            raise Refused("too_many_columns", columns=options.max_columns)
        grid = sheet.to_python(skip_empty_area=False, nrows=options.max_rows + MAX_TITLES + 2)
    except Refused:
        raise
    except Exception as error:
        raise Refused("damaged") from error
    rows = [(line, [_cell_text(cell, options) for cell in cells]) for line, cells in enumerate(grid, 1)]
    formulas = _formulas(parts, [meta.name for meta in book.sheets_metadata].index(name), kind)
    read_as = {"kind": kind, "sheet": name, "sheets": visible, "hidden_sheets": hidden}
    return _result(rows, options, **read_as, numbers=_numbers(grid), formulas=formulas)


def _chosen(wanted: str, names: list[str]) -> str:
    """The sheet of that name, or of that number from 1."""
    if wanted in names:
        return wanted
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    raise Refused("no_such_sheet", sheet=wanted[:60], sheets=", ".join(names[:10]))


def _parts(data: bytes) -> dict[str, bytes]:
    """The XML parts that a list is read from. No entity is ever declared in them by an honest program."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [
            name
            for name in archive.namelist()
            if re.fullmatch(r"content\.xml|xl/(workbook|sharedStrings|worksheets/[^/]+)\.xml", name)
        ]
        names += [name for name in archive.namelist() if name == "xl/_rels/workbook.xml.rels"]
    parts = {}
    total = 0
    for name in names:
        parts[name] = _part(data, name)
        total += len(parts[name])
        if total > MAX_UNPACKED:
            raise Refused("bomb")
        if re.search(rb"<!(DOCTYPE|ENTITY)", parts[name], re.IGNORECASE):
            raise Refused("damaged")
    return parts


def _look_at_cells(parts: dict[str, bytes], options: Options) -> None:
    """Refuse a cell far out before anything makes room for a table of that size."""
    for name, content in parts.items():
        if not name.startswith("xl/worksheets/"):
            continue
        for match in re.finditer(rb'<c [^>]*?\br="([A-Z]{2,})\d+"[^>]*[^/]>', content):
            if _column(match[1]) > options.max_columns * 4:
                raise Refused("too_many_columns", columns=options.max_columns)
        for match in re.finditer(rb'<c [^>]*?\br="[A-Z]+(\d{5,})"[^>]*[^/]>', content):
            if int(match[1]) > options.max_rows + MAX_TITLES:
                raise Refused("too_many_rows", rows=options.max_rows)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _formulas(parts: dict[str, bytes], index: int, kind: str) -> list[list[int]]:
    """Line and column, from 1 and 0, of the cells that hold a formula: what it came to when the file was saved is not
    trusted."""
    if kind == "ods":
        return _not_too_many(_formulas_of_ods(parts.get("content.xml", b""), index))
    names = re.findall(rb'<sheet\b[^>]*?\br:id="([^"]+)"', parts.get("xl/workbook.xml", b""))
    if index >= len(names):
        return []
    target = None
    for relation in re.findall(rb"<Relationship\b[^>]*>", parts.get("xl/_rels/workbook.xml.rels", b"")):
        if re.search(rb'\bId="' + re.escape(names[index]) + rb'"', relation):
            target = re.search(rb'\bTarget="([^"]+)"', relation)
    path = target[1].decode("utf-8", "replace").lstrip("/") if target else ""
    content = parts.get(path if path.startswith("xl/") else f"xl/{path}", b"")
    matches = re.finditer(rb'<c [^>]*?\br="([A-Z]+)(\d+)"[^>]*>\s*<f\b', content)
    return _not_too_many([int(match[2]), _column(match[1]) - 1] for match in matches)


def _formulas_of_ods(content: bytes, index: int) -> Iterator[list[int]]:
    """The same, in a format that writes rows and cells that repeat once."""
    table, line, following, column = -1, 0, 1, 0
    for match in re.finditer(rb"<table:(table|table-row|table-cell|covered-table-cell)(?=[\s/>])([^>]*)", content):
        tag, attributes = match.groups()
        number = _repeated(attributes)
        if tag == b"table":
            table, line, following = table + 1, 0, 1
        elif table == index and tag == b"table-row":
            line, following, column = following, following + number, 0
        elif table == index:
            if b"table:formula=" in attributes:
                for row in range(line, min(following, MAX_ROWS + MAX_TITLES)):
                    yield from ([row, place] for place in range(column, min(column + number, MAX_COLUMNS)))
            column += number


def _not_too_many(places: Iterable[list[int]]) -> list[list[int]]:
    found = list(itertools.islice(places, MAX_FORMULAS + 1))
    if len(found) > MAX_FORMULAS:
        raise Refused("formulas", number=MAX_FORMULAS)
    return found


def _repeated(attributes: bytes) -> int:
    match = re.search(rb'table:number-(?:rows|columns)-repeated="(\d{1,7})"', attributes)
    return int(match[1]) if match else 1


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


def _cell_text(cell: Any, options: Options) -> str:
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


# --- Text -------------------------------------------------------------------------------------------------------------


def _read_text(data: bytes, options: Options) -> dict[str, Any]:
    text, encoding, doubtful = _decode(data, options.encoding)
    before = 0
    declared = ""
    first, newline, rest = text.partition("\n")
    if match := re.fullmatch(r"(?i)sep=(.)\r?", first):  # Excel's own first line
        text, before, declared = rest, 1, match[1]
    elif not newline and (match := re.match(r"(?i)sep=(.)\r", text)):
        text, before, declared = text[match.end() :], 1, match[1]
    delimiter = declared or _delimiter(text, options.known)
    rows = list(_records(text, delimiter, before, options))
    twice = encoding != "utf-8-twice" and sum(bool(TWICE.search(cell)) for _line, cells in rows for cell in cells)
    return _result(
        rows,
        options,
        kind="csv",
        encoding=encoding,
        delimiter=delimiter,
        encoding_is_doubtful=doubtful,
        looks_encoded_twice=bool(twice),
    )


def _decode(data: bytes, wanted: str) -> tuple[str, str, bool]:
    """The text, what it was written in, and whether that is a guess (docs/rules.md#lists)."""
    if data[:3] == b"\xef\xbb\xbf":
        return _strictly(data[3:], "utf-8", twice=wanted == "utf-8-twice")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _strictly(data, "utf-16")
    nul = data[:2000].count(0)
    if nul > len(data[:2000]) // 4:
        raise Refused("utf16_without_mark")
    if wanted and wanted not in ("utf-8", "utf-16", "utf-8-twice"):
        return _strictly(data, wanted)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        _refuse_two_encodings(data)
    else:
        return (_once_more(text), "utf-8-twice", False) if wanted == "utf-8-twice" else (text, "utf-8", False)
    for encoding in ("cp1252", "mac_roman"):  # never Latin-1: it turns œ, € and ’ into control characters
        try:
            return data.decode(encoding), encoding, True
        except UnicodeDecodeError:
            continue
    raise Refused("unreadable_letters")


def _strictly(data: bytes, encoding: str, *, twice: bool = False) -> tuple[str, str, bool]:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Refused("bad_byte", line=_line_of(data, error.start), byte=f"0x{data[error.start]:02X}") from error
    return (_once_more(text), "utf-8-twice", False) if twice else (text, encoding, False)


def _refuse_two_encodings(data: bytes) -> None:
    """Some lines are UTF-8 and others are not: no reading is right for all of them."""
    is_utf8, bad = False, None
    for number, line in enumerate(data.splitlines(), 1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            is_utf8 = True
        except UnicodeDecodeError as error:
            bad = bad or (number, f"0x{line[error.start]:02X}")
    if is_utf8 and bad:
        raise Refused("two_encodings", line=bad[0], byte=bad[1])


def _once_more(text: str) -> str:
    """UTF-8 that a program took for Windows-1252 and wrote as UTF-8 again, undone wherever that makes sense."""

    def undo(match: re.Match[str]) -> str:
        try:
            return match[0].encode("cp1252").decode("utf-8")
        except UnicodeError:
            return match[0]

    return re.sub(r"[^\x00-\x7f]{2,}", undo, text)


def _line_of(data: bytes, position: int) -> int:
    return len(re.findall(rb"\r\n|\r|\n", data[:position])) + 1


def _delimiter(text: str, names: frozenset[str]) -> str:
    """The sign between cells: the one with which most names of columns are known ones, then the one that cuts rows most
    evenly."""
    lines = re.split(r"\r\n|\r|\n", text[:50_000])[: MAX_TITLES + 20]
    best, sign = (0, 0, 0), ","
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if any(cell.strip() for cell in row)]
        except csv.Error:
            continue
        known = max((sum(plain(cell) in names for cell in row) for row in rows), default=0)
        widths = [len(row) for row in rows]
        usual = max(set(widths), key=widths.count) if widths else 1
        score = (known, usual > 1 and widths.count(usual), usual)
        if score > best and usual + known > 1:
            best, sign = score, delimiter
    return sign


def _records(text: str, delimiter: str, before: int, options: Options) -> Iterator[tuple[int, list[str]]]:
    # A quote left open swallows the rest: we say where it was opened, the module would only say how long.
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line, count = before + 1, 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Refused("open_quote", line=line) from error
        if any(len(cell) > HOPELESS_CELL for cell in row):
            raise Refused("hopeless_cell", line=line)
        yield line, [cell[: options.max_cell + 1] for cell in row]
        count += bool(row)
        if count > options.max_rows + MAX_TITLES + 1:
            raise Refused("too_many_rows", rows=options.max_rows)
        line = before + reader.line_num + 1


# --- Both -------------------------------------------------------------------------------------------------------------


def _result(rows: list[tuple[int, list[str]]], options: Options, **read_as: Any) -> dict[str, Any]:
    kept: list[list[Any]] = []
    blank = 0
    for line, cells in rows:
        width = len(cells)
        while cells and not cells[-1].strip():
            cells.pop()
        if cells:
            kept.append([line, cells, width])
        elif kept:
            blank += 1
    if not kept:
        raise Refused("empty")
    if max(len(cells) for _line, cells, _width in kept) > options.max_columns:
        raise Refused("too_many_columns", columns=options.max_columns)
    return {"rows": kept, "blank": blank, **read_as}


def _confine() -> None:
    """No more memory and time than a list needs, and no file, socket or process from here on."""
    import python_calamine  # noqa: F401, PLC0415 - it could not be opened later

    for encoding in ("cp1252", "mac_roman", "iso8859-15", "utf-16", "utf-8", "cp437"):
        codecs.lookup(encoding)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def main() -> None:
    said = json.loads(sys.argv[1])
    sizes = said.pop("sizes")
    options = Options(**said | {"known": frozenset(said.get("known", ()))})
    _confine()
    answers = []
    for size in sizes:
        try:
            answers.append(read(sys.stdin.buffer.read(size), options))
        except Refused as refused:
            answers.append({"refused": {"code": refused.code, "said": refused.said}})
    # Lone surrogates of a bad file are kept as what they are, to be named where they stand.
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
