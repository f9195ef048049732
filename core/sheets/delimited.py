"""Reads rows of text: CSV, TSV and what was copied out of a mail program."""

import csv
import io
import re
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from core.sheets.options import HOPELESS_CELL, MAX_ROWS, MAX_TITLES, Options, Refused, plain

DELIMITERS = ";,\t|"
LINES_A_ROW = 20  # of a file, at most, blank ones too: what has more costs seconds and is no list
TWICE = re.compile("[ÃÂÅâ][\x80-\xbf\u0152-\u2122]")
ENCODINGS = ["utf-8", "utf-16", "cp1252", "mac_roman", "iso8859-15", "utf-8-twice"]


def read(data: bytes, options: Options) -> tuple[list[tuple[int, list[str]]], dict[str, Any]]:
    """The rows of a text, and how they were read; each recipient of a mail is a row of a name and an address."""
    text, encoding, doubtful = _decode(data, options.encoding)
    read_as = {"kind": "csv", "encoding": encoding, "encoding_is_doubtful": doubtful}
    if people := recipients(text):
        rows = [(line, list(person)) for line, person in enumerate(people, 1)]
        return rows, read_as | {"delimiter": "", "recipients": True, "looks_encoded_twice": bool(TWICE.search(text))}
    before = 0
    declared = ""
    first, newline, rest = text.partition("\n")
    if match := re.fullmatch(r"(?i)sep=(.)\r?", first):  # Excel's own first line
        text, before, declared = rest, 1, match[1]
    elif not newline and (match := re.match(r"(?i)sep=(.)\r", text)):
        text, before, declared = text[match.end() :], 1, match[1]
    if max(text.count("\n"), text.count("\r")) > LINES_A_ROW * MAX_ROWS:
        raise Refused("too_many_rows", rows=options.max_rows)
    delimiter = declared or _delimiter(text, options.known)
    if text.count(delimiter) > 2 * options.max_rows * options.max_columns:
        raise Refused("too_many_columns", columns=options.max_columns)
    rows = list(_records(text, delimiter, before, options))
    twice = encoding != "utf-8-twice" and sum(bool(TWICE.search(cell)) for _line, cells in rows for cell in cells)
    return rows, read_as | {"delimiter": delimiter, "looks_encoded_twice": bool(twice)}


# How mail programs write people: `Jeanne Durand <jd@example.org>`, `"Durand, Jeanne" <jd@example.org>`, or bare.
_RECIPIENT = re.compile(
    r"""\s*(?:"(?P<quoted>[^"\n]{1,200})"|(?P<name>[^"<>;,@\n]{1,200}(?:,[^"<>;,@\n]{1,100})?))?\s*"""
    r"""<\s*(?:mailto:)?(?P<email>[^<>\s@]+@[^<>\s@]+)\s*>\s*(?:[;,]|$)|\s*(?P<bare>[^<>\s@;,"]+@[^<>\s@;,"]+)\s*(?:[;,]|$)""",
)


def recipients(text: str) -> list[tuple[str, str]]:
    """Each name and address, when the whole text is nothing but recipients as a mail program writes them; else none. A
    column of bare addresses is a list of one column."""
    if "@" not in text or len(text) > 200_000:
        return []
    people: list[tuple[str, str]] = []
    has_brackets = several = False
    for line in text.strip("\ufeff \t\r\n").splitlines():
        line = re.sub(r"(?i)^\s*(?:to|cc|bcc|à|cci|destinataires)\s*:\s*", "", line)  # noqa: PLW2901
        at, here = 0, 0
        while at < len(line.rstrip(" \t;,")):
            match = _RECIPIENT.match(line, at)
            if not match or match.end() == at:
                return []
            name = match["quoted"] or match["name"] or ""
            people.append(("" if "@" in name else name.strip(" '\t"), match["email"] or match["bare"]))
            has_brackets, here, at = has_brackets or bool(match["email"]), here + 1, match.end()
        several = several or here > 1
    return people if has_brackets or several else []


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
    """The sign between cells: the one with which most names of columns are known ones, then the one that leaves no
    quotes in the midst of cells, then the one that cuts rows most evenly."""
    text = text[:50_000]
    best, sign = (0, -len(text), 0, 0), ","
    for delimiter in DELIMITERS:
        try:  # rows and not lines: a cell may hold several, with any signs in them
            records = islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), MAX_TITLES + 20)
            rows = [row for row in records if any(cell.strip() for cell in row)]
        except csv.Error:
            continue
        known = max((sum(plain(cell) in names for cell in row) for row in rows), default=0)
        widths = [len(row) for row in rows]
        usual = max(set(widths), key=widths.count) if widths else 1
        score = (known, -_quotes_in_cells(text, delimiter), usual > 1 and widths.count(usual), usual)
        if score > best and usual + known > 1:
            best, sign = score, delimiter
    return sign


def _quotes_in_cells(text: str, delimiter: str) -> int:
    """How many quotes stand elsewhere than around a cell, or doubled in one."""
    sign = re.escape(delimiter)
    return re.sub(rf'(?<![^{sign}\r\n])"[^"]*(?:""[^"]*)*"(?=[{sign}\r\n]|\Z)', "", text).count('"')


def _records(text: str, delimiter: str, before: int, options: Options) -> Iterator[tuple[int, list[str]]]:
    """Each row with its number, as a spreadsheet numbers them: a cell may hold several lines of the file."""
    # A quote left open swallows the rest: we say where it was opened, the module would only say how long.
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line, number, count = before + 1, 0, 0
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Refused("open_quote", line=line) from error
        if any(len(cell) > HOPELESS_CELL for cell in row):
            raise Refused("hopeless_cell", line=line)
        yield number, [cell[: options.max_cell + 1] for cell in row]
        count += bool(row)
        if count > options.max_rows + MAX_TITLES + 1:
            raise Refused("too_many_rows", rows=options.max_rows)
        line = before + reader.line_num + 1
