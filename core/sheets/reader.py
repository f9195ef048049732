"""Reads sheets (CSV, XLSX, ODS), in a process of its own and without Django: files on its standard input, one after the
other, and a JSON list on its output with an answer for each.

Whatever a file does to this process, memory, time or a crash, the caller (confined.py) makes one clean answer of it
(docs/rules.md#lists).
"""

import codecs
import json
import resource
import sys
from typing import Any

from core.sheets import delimited, workbooks
from core.sheets.options import MAX_CELL, MAX_ROWS, MAX_TITLES, Options, Refused, plain

__all__ = ["ENCODINGS", "MAX_CELL", "MAX_ROWS", "MAX_TITLES", "Options", "Refused", "main", "plain", "read"]

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 3  # the largest list takes two on a slow machine (docs/rules.md#hostile-file)
ENCODINGS = delimited.ENCODINGS

# The names of streams in what Microsoft wraps its older files, and encrypted new ones, into. Encoded here: no codec can
# be loaded later.
OLD_FILES = {
    name.encode("utf-16-le"): kind
    for name, kind in (
        ("EncryptedPackage", ""),
        ("Workbook", "XLS"),
        ("Book", "XLS"),
        ("WordDocument", "DOC"),
        ("PowerPoint Document", "PPT"),
        ("__substg1.0_", "MSG"),
    )
}
EARLY_EXCEL = (b"\t\x08\x10\0", b"\t\x08\x08\0", b"\t\x04\x06\0", b"\t\x02\x06\0", b"\t\0\x04\0")  # before 1995, bare
SIGNS = (
    (b"%pdf", "PDF"),
    (b"\x89png", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"gif8", "GIF"),
    (b"{\\rtf", "RTF"),
    (b"\x1f\x8b", "GZIP"),
    (b"rar!", "RAR"),
    (b"7z\xbc\xaf", "7Z"),
    (b"begin:vcard", "VCF"),
    (b"begin:vcalendar", "ICS"),
    (b"sqlite format 3", "SQLITE"),
    (b'{"', "JSON"),
    (b"[{", "JSON"),
)


def read(data: bytes, options: Options) -> dict[str, Any]:
    """The rows of `data` as texts, each with its line in the file, and how they were read. Raises Refused."""
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise Refused("empty")
    kind = _kind(data)
    rows, read_as = delimited.read(data, options) if kind == "text" else workbooks.read(data, kind, options)
    return _result(rows, options, **read_as)


def _kind(data: bytes) -> str:
    """What a file is, by its content."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        kind = next((kind for name, kind in OLD_FILES.items() if name in data), "XLS")
        raise Refused("other_type", type=kind) if kind else Refused("encrypted")
    if data[:4] in EARLY_EXCEL:
        raise Refused("other_type", type="XLS")
    if b"PK\x03\x04" in data[:64] or data[:4] == b"PK\x05\x06":
        return workbooks.kind_of(data)
    for sign, name in SIGNS:
        if head.startswith(sign):
            raise Refused("other_type", type=name)
    if head.startswith((b"<?xml", b"<!doctype", b"<html", b"<workbook", b"<table", b"<meta", b"<office:document")):
        raise Refused("other_type", type=_kind_of_markup(data[:20_000].lower()))
    if head.startswith((b"mime-version", b"received:", b"return-path:")):
        raise Refused("other_type", type="MHTML" if b"multipart/related" in data[:4000].lower() else "EML")
    return "text"


def _kind_of_markup(head: bytes) -> str:
    for sign, name in (
        (b"urn:schemas-microsoft-com:office:spreadsheet", "XML2003"),
        (b"opendocument.spreadsheet", "FODS"),
        (b"opendocument", "ODF"),
        (b"<html", "HTML"),
        (b"<!doctype html", "HTML"),
        (b"<table", "HTML"),
        (b"<svg", "SVG"),
    ):
        if sign in head:
            return name
    return "XML"


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
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))  # SIGXCPU, then SIGKILL
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
