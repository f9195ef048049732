"""Sheets in and out: what attackers and offices put in files."""
# ruff: noqa: DTZ001 - the clocks of a sheet and of a wall know no zone

import io
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import pytest
import tablib

from core.sheets.formats import MAX_ROWS, CsvSheet, SheetError, XlsxSheet, escape, unescape
from core.wall_time import at_wall_time
from tests.partners import files
from venues.models import Venue

pytestmark = pytest.mark.runs_once("sheets are read and written without a database")

PARIS = Venue(timezone="Europe/Paris").zone
DANGEROUS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-1+1",
    "@SUM(1;1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "==1",
    " =1",
    '=HYPERLINK("http://x")',
    "|x",
    "%x",
]
HARMLESS = ["+33 6 12 34 56 78", "-", "'quoted'", "'=already", "''=twice", "l’été", "12", "a=b", "", " blank ahead"]


def csv(text: str, encoding: str = "utf-8") -> tablib.Dataset:
    return CsvSheet().create_dataset(text.encode(encoding))


def workbook(*rows: list[Any], **options: Any) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name, value in options.items():
        setattr(book.active, name, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.proves("safe-export")
@pytest.mark.parametrize("text", DANGEROUS)
def test_a_text_that_would_run_as_a_formula_is_text(text: str) -> None:
    assert escape(text) == f"'{text}"


@pytest.mark.proves("safe-export")
@pytest.mark.parametrize("sheet", [CsvSheet(), XlsxSheet()], ids=["csv", "xlsx"])
def test_what_is_exported_is_read_back_unchanged(sheet: Any) -> None:
    texts = [text for text in DANGEROUS + HARMLESS if "\r" not in text]  # a workbook writes its line ends its own way
    written = tablib.Dataset(
        *([f"row-{n}", text, -2.5, n] for n, text in enumerate(texts)), headers=["slug", "name", "latitude", "capacity"]
    )

    read = sheet.create_dataset(sheet.export_data(written))

    assert [row[1] or "" for row in read] == texts
    assert [row[2].replace(",", ".") for row in read] == ["-2.5"] * len(texts)


@pytest.mark.parametrize("text", DANGEROUS + HARMLESS)
def test_escaping_is_undone_exactly(text: str) -> None:
    assert unescape(escape(text)) == text


def test_a_workbook_holds_no_formula_cell() -> None:
    written = tablib.Dataset(*([text] for text in DANGEROUS), headers=["=1+1"])

    sheet = openpyxl.load_workbook(io.BytesIO(XlsxSheet().export_data(written))).active

    assert {cell.data_type for row in sheet.rows for cell in row} == {"s"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "sep={}\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_files_of_offices_are_read_right(delimiter: str, start: str, encoding: str, end: str) -> None:
    rows = [["slug", "name"], ["oe", "Cœur d’été €"], ["quoted", f'"a{delimiter} b"']]

    read = csv(start.format(delimiter) + end.join(delimiter.join(row) for row in rows), encoding)

    assert read.headers == ["slug", "name"]
    assert list(read) == [("oe", "Cœur d’été €"), ("quoted", f"a{delimiter} b")]


def test_a_cell_may_hold_several_lines_and_blank_rows_are_passed_over() -> None:
    read = csv('slug,name\n\na,"one\ntwo"\n,\n"b",three\n')

    assert list(read) == [("a", "one\ntwo"), ("b", "three")]
    assert read.lines == [3, 5]  # as a spreadsheet numbers them


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "vide"),
        (b"\n\n", "vide"),
        (b"slug,name\n", "sous ses titres"),
        (b'slug,name\na,"open\nb,c\n', "ligne 2"),
        (b"slug,slug\na,b\n", "slug"),
        (b"slug,,name\na,b,c\n", "colonne 2"),
        (b"slug\na,b\n", "ligne 2"),
        (b"s\0l\0u\0g\0", "UTF-16"),
        (b"slug\na\0\n", "nuls"),
        (b"slug\n" + b"a" * 40_000, "32000"),
        (b"PK\x03\x04 a workbook", "endommagé"),
        (b"slug\n" + b"a\n" * (MAX_ROWS + 1), "1000"),
        (b",".join(b"c%d" % n for n in range(70)) + b"\n1\n", "60"),
    ],
)
def test_a_file_without_a_single_meaning_is_refused_with_a_sentence(content: bytes, words: str) -> None:
    with pytest.raises(SheetError, match=words):
        CsvSheet().create_dataset(content)


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", b"\0" * 60_000_000)
    return out.getvalue()


def entities() -> bytes:
    good = io.BytesIO(workbook(["slug"], ["a"]))
    out = io.BytesIO()
    with zipfile.ZipFile(good) as before, zipfile.ZipFile(out, "w") as after:
        for info in before.infolist():
            data = before.read(info)
            if info.filename == "xl/worksheets/sheet1.xml":
                data = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + data.partition(b"?>")[2]
            after.writestr(info.filename, data)
    return out.getvalue()


@pytest.mark.proves("import-preview")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xd0\xcf\x11\xe0 encrypted",
        b"%PDF-1.7",
        workbook(["slug"], ["a"])[:-200],
        workbook(["slug", "slug"], ["a", "b"]),
        workbook(),
        bomb(),
        entities(),
    ],
    ids=["empty", "encrypted", "pdf", "cut", "twice", "blank", "bomb", "entities"],
)
def test_a_workbook_that_is_none_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(SheetError):
        XlsxSheet().create_dataset(content)


def test_the_xml_of_workbooks_is_read_by_defusedxml() -> None:
    assert openpyxl.DEFUSEDXML


@pytest.mark.parametrize("sheet", [CsvSheet(), XlsxSheet()], ids=["as csv", "as xlsx"])
def test_a_file_is_what_it_holds_whatever_it_is_called(sheet: Any) -> None:
    table = files.ods([["slug", "name"], ["a", "Élysée"]])

    for content in (table, workbook(["slug", "name"], ["a", "Élysée"]), "slug;name\na;Élysée\n".encode()):
        assert list(sheet.create_dataset(content)) == [("a", "Élysée")]


def test_the_first_sheet_that_is_seen_is_read() -> None:
    book = openpyxl.Workbook()
    book.active.sheet_state = "hidden"
    book.active.append(["hidden"])
    seen = book.create_sheet()
    seen.append(["slug", "capacity", "at"])
    seen.append(["a", 12, datetime(2027, 2, 10, 14, 29, 59, 999_900)])  # as a workbook rounds half past two
    seen.append(["b", None, datetime(2027, 2, 10)])
    out = io.BytesIO()
    book.save(out)

    read = XlsxSheet().create_dataset(out.getvalue())

    assert list(read) == [("a", "12", "2027-02-10 14:30"), ("b", "", "2027-02-10 00:00")]


@pytest.mark.parametrize(
    ("wall", "offset"),
    [(datetime(2027, 2, 10, 14, 30), 1), (datetime(2027, 7, 10, 14, 30), 2), (datetime(2027, 3, 28, 3, 0), 2)],
)
def test_a_wall_clock_means_one_instant(wall: datetime, offset: int) -> None:
    assert at_wall_time(wall, PARIS).utcoffset().total_seconds() == offset * 3600


@pytest.mark.parametrize(
    ("wall", "words"), [(datetime(2027, 3, 28, 2, 30), "n’existe pas"), (datetime(2026, 10, 25, 2, 30), "deux fois")]
)
def test_the_hours_of_the_nights_when_clocks_change_are_refused(wall: datetime, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        at_wall_time(wall, PARIS)
