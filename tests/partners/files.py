"""Lists as people send them, and as attackers do: each function returns the bytes of a file."""

import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import openpyxl

HEADER = ["Nom", "Prénom", "Courriel", "N° étudiant"]
ODS = "application/vnd.oasis.opendocument.spreadsheet"


def text(*rows: str | Sequence[str], encoding: str = "utf-8", end: str = "\r\n", delimiter: str = ";") -> bytes:
    lines = [row if isinstance(row, str) else delimiter.join(row) for row in rows]
    return end.join([*lines, ""]).encode(encoding)


def people(number: int, *, first: int = 0, header: Sequence[str] = HEADER) -> list[list[str]]:
    """A header and that many people."""
    return [
        list(header),
        *([f"Nom{n}", f"Prénom{n}", f"p{n}@example.org", f"{n:08}"] for n in range(first, first + number)),
    ]


def xlsx(rows: Iterable[Sequence[Any]], *, sheets: dict[str, str] | None = None) -> bytes:
    """A workbook with `rows` on its first sheet. `sheets`: more of them, by name, with "visible" or "hidden"."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    for name, state in (sheets or {}).items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = state
        sheet.append(["Autre"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ods(rows: Iterable[Sequence[str]], *, extra: str = "") -> bytes:
    """The same in the other format; `extra` rows, as they stand in the XML, come last."""
    body = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    body += extra
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.2">'
        f'<office:body><office:spreadsheet><table:table table:name="Liste">{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS}"/></manifest:manifest>'
    )
    return archive({"mimetype": ODS, "content.xml": content, "META-INF/manifest.xml": manifest})


def archive(parts: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in parts.items():
            written.writestr(name, content)
    return out.getvalue()


def padded(book: bytes, size: int = 10_000_000) -> bytes:
    """`book` with noise beside it, so that what unpacks is little for its size."""
    out = io.BytesIO(book)
    with zipfile.ZipFile(out, "a") as written:
        written.writestr("xl/media/picture.png", os.urandom(size - len(book)))
    return out.getvalue()


def changed(book: bytes, part: str, content: bytes | None = None, **replace: str) -> bytes:
    """The archive `book` with another `content` in `part`, or with some of its text replaced (old=new, by pairs `old0`,
    `new0`)."""
    with zipfile.ZipFile(io.BytesIO(book)) as read:
        parts: dict[str, str | bytes] = {name: read.read(name) for name in read.namelist()}
    if content is None:
        found = parts[part]
        assert isinstance(found, bytes)
        content = found.replace(replace["old"].encode(), replace["new"].encode())
        assert content != found
    parts[part] = content
    return archive(parts)


@cache
def bomb() -> bytes:
    """Half a megabyte that unpacks to 600 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written:
        for name in ("[Content_Types].xml", "xl/workbook.xml"):
            written.writestr(name, "<x/>")
        with written.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(600):
                part.write(b"0" * 1024 * 1024)
    return out.getvalue()


def lying_bomb() -> bytes:
    """The same, with a header that claims 1,000 bytes."""
    data = bytearray(bomb())
    size = (600 * 1024 * 1024).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (1000).to_bytes(4, "little")
    return bytes(data)


def wrong_checksum(book: bytes) -> bytes:
    """The first sheet with a checksum that is not its own."""
    with zipfile.ZipFile(io.BytesIO(book)) as read:
        crc = zlib.crc32(read.read("xl/worksheets/sheet1.xml")).to_bytes(4, "little")
    assert book.count(crc) == 2
    return book.replace(crc, b"\x01\x02\x03\x04")
