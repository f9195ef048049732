"""Sheets in and out: CSV and XLSX files that organisers fill in and read back, with what attackers put in them made harmless.

What is exported is read back unchanged (docs/rules.md#sheets).
"""

import csv
import io
import re
import warnings
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import tablib
from django.utils.translation import gettext as _
from import_export.formats.base_formats import CSV, XLSX
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell
from openpyxl.styles import Font

MAX_BYTES = 10 * 1024 * 1024
MAX_UNPACKED_BYTES = 20 * 1024 * 1024
MAX_ROWS = 1_000  # each is checked and written as by hand, in one transaction: others wait for its end
MAX_COLUMNS = 60
MAX_CELL = 32_000

# What a spreadsheet takes for the beginning of a formula, full-width forms and leading blanks included (OWASP ASVS 1.2.10).
_FORMULA = re.compile(r"\A'*[\s\x00-\x1f]*[=+\-@|%＝＋－＠\t\r\n\x00]")
_ESCAPED = re.compile(r"\A'+[\s\x00-\x1f]*[=+\-@|%＝＋－＠\t\r\n\x00]")


Row = tuple[int, list[Any]]  # the line in the file, counted from 1 with the headers, and the cells


class SheetError(ValueError):
    """The file as a whole cannot be read; the message is the sentence to show."""


def escape(value: Any) -> Any:
    """`value` as a spreadsheet may open it: a text that would run as a formula gets an apostrophe in front. Numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def unescape(value: str) -> str:
    """The text that `escape` was given."""
    return value[1:] if _ESCAPED.match(value) else value


class CsvSheet(CSV):
    """CSV in UTF-8 or in the Windows code page of French offices, with commas, semicolons or tabs."""

    def is_binary(self) -> bool:
        return True  # the bytes are kept as they came: reading them is the work of create_dataset

    def get_title(self) -> str:
        return "CSV"

    def get_content_type(self) -> str:
        return "text/csv; charset=utf-8"

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> tablib.Dataset:
        if in_stream[:4] == b"PK\x03\x04" or in_stream[:4] == b"\xd0\xcf\x11\xe0":
            raise SheetError(_("This is not a CSV file but a workbook: choose the XLSX format, or save it as CSV."))
        text = _decode(in_stream)
        first, _newline, rest = text.partition("\n")
        before = 0
        if declared := re.fullmatch(r"(?i)\ufeff?sep=(.)\r?", first):  # Excel's own first line
            text, before, delimiter = rest, 1, declared[1]
        else:
            delimiter = max((",", ";", "\t"), key=first.count)
        # \r alone ends a line too on old Macs; the reader is given lines, so that it can tell where a quote was left open.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows: list[Row] = []
        line = before + 1
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    rows.append((line, [unescape(cell) for cell in row]))
                if len(rows) > MAX_ROWS + 1:
                    break
                line = before + reader.line_num + 1
        except csv.Error as error:
            raise SheetError(
                _("Line %(line)d cannot be read: is a quotation mark left open? (%(error)s)") % {"line": line, "error": error}
            ) from error
        return _dataset(rows)

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> bytes:
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(dataset.headers)
        writer.writerows([escape(_as_text(cell)) for cell in row] for row in dataset)
        return out.getvalue().encode("utf-8-sig")  # with its mark, or Excel takes UTF-8 for Windows-1252


class XlsxSheet(XLSX):
    """The first visible sheet of an Excel workbook."""

    def get_title(self) -> str:
        return "Excel (XLSX)"

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> tablib.Dataset:
        _refuse_what_is_no_workbook(in_stream)
        rows: list[Row] = []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about styles and extensions that a list does not need
                book = openpyxl.load_workbook(io.BytesIO(in_stream), read_only=True, data_only=True)
                sheet = next(sheet for sheet in book.worksheets if sheet.sheet_state == "visible")
                sheet.reset_dimensions()  # the size that the file claims may be a lie
                for line, row in enumerate(sheet.iter_rows(max_row=MAX_ROWS + 2, max_col=MAX_COLUMNS + 1, values_only=True), 1):
                    cells = [unescape(cell) if isinstance(cell, str) else cell for cell in row]
                    if any(cell not in (None, "") for cell in cells):
                        rows.append((line, cells))
        except Exception as error:  # openpyxl lets KeyError, BadZipFile, ParseError, EntitiesForbidden and more through
            raise SheetError(_("This workbook cannot be read: open it, save it again as XLSX, and try once more.")) from error
        return _dataset(rows)

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> bytes:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.freeze_panes = "A2"
        sheet.append([_cell(sheet, header, bold=True) for header in dataset.headers])
        for row in dataset:
            sheet.append([_cell(sheet, value) for value in row])
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()


FORMATS = [CsvSheet, XlsxSheet]


def _decode(data: bytes) -> str:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return _plain(data, encoding)
    if b"\0" in data:
        raise SheetError(_("This file holds NUL bytes: save it as “CSV UTF-8”."))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _plain(data, "cp1252")  # never Latin-1: it turns œ, € and ’ into control characters


def _plain(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SheetError(_("The letters of this file cannot be read: save it as “CSV UTF-8”.")) from error
    if "\0" in text:
        raise SheetError(_("This file holds NUL bytes: save it as “CSV UTF-8”."))
    return text


def _dataset(rows: list[Row]) -> tablib.Dataset:
    """The rows under their headers, each as long as the headers, with the line of each in `lines`.

    Raises SheetError for what has no single meaning.
    """
    if not rows:
        raise SheetError(_("This file has no row."))
    headers = [str(cell if cell is not None else "").replace("\xa0", " ").strip() for cell in rows[0][1]]
    while headers and not headers[-1]:
        headers.pop()
    if len(rows) > MAX_ROWS + 1 or len(headers) > MAX_COLUMNS:
        raise SheetError(
            _("At most %(rows)d rows and %(columns)d columns at once: split the file.") % {"rows": MAX_ROWS, "columns": MAX_COLUMNS}
        )
    twice = sorted({header for header in headers if headers.count(header) > 1})
    if twice or not all(headers):
        raise SheetError(
            _("Each column needs a name of its own. Without one, or named twice: %(names)s.") % {"names": ", ".join(twice) or "–"}
        )
    dataset = tablib.Dataset(headers=headers)
    dataset.lines = [line for line, _row in rows[1:]]
    for number, row in rows[1:]:
        if any(cell not in (None, "") for cell in row[len(headers) :]):
            raise SheetError(_("Line %(line)d has more cells than the file has columns.") % {"line": number})
        if any(isinstance(cell, str) and len(cell) > MAX_CELL for cell in row):
            raise SheetError(_("A cell of line %(line)d is longer than %(max)d characters.") % {"line": number, "max": MAX_CELL})
        dataset.append([*row[: len(headers)], *([""] * (len(headers) - len(row)))])
    if not len(dataset):
        raise SheetError(_("This file has no row under its headers."))
    return dataset


def _refuse_what_is_no_workbook(data: bytes) -> None:
    if data[:4] == b"\xd0\xcf\x11\xe0":
        raise SheetError(_("This file is encrypted, or an old .xls: save a copy as XLSX without a password."))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except zipfile.BadZipFile as error:
        raise SheetError(_("This is not an XLSX file: choose the right file, or save it as XLSX.")) from error
    # The sizes that the archive declares bound what is unpacked: Python's zipfile reads no further, and checks the sum after.
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > 200 or unpacked > MAX_UNPACKED_BYTES or unpacked > 200 * max(len(data), 10_000):
        raise SheetError(_("This workbook unpacks to more than a list ever needs: it is refused."))
    names = {info.filename for info in infos}
    if "xl/vbaProject.bin" in names or "[Content_Types].xml" not in names or not any(name.startswith("xl/work") for name in names):
        raise SheetError(_("This is not an XLSX file: choose the right file, or save it as XLSX."))


def _as_text(cell: Any) -> Any:
    return cell.strftime("%Y-%m-%d %H:%M") if isinstance(cell, datetime) else cell


def _cell(sheet: Any, value: Any, *, bold: bool = False) -> WriteOnlyCell:
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
    cell = WriteOnlyCell(sheet, value=escape(value))
    if isinstance(value, str):
        cell.data_type = "s"
    if isinstance(value, datetime):
        cell.number_format = "yyyy-mm-dd hh:mm"
    if bold:
        cell.font = Font(bold=True)
    return cell
