"""Sheets in and out: CSV, XLSX and ODS files that organisers fill in and read back, with what attackers put in them
made harmless.

What is exported is read back unchanged (docs/rules.md#sheets).
"""

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import openpyxl
import tablib
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from import_export.formats.base_formats import CSV, XLSX
from openpyxl.cell.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from core.sheets import confined
from core.sheets.cells import Broken, as_cell, in_a_workbook
from core.sheets.confined import FileRefused

MAX_ROWS = 1_000  # each is checked and written as by hand, in one transaction: others wait for its end
MAX_COLUMNS = 60
MAX_CELL = 32_000

# What a spreadsheet takes for the beginning of a formula, full-width forms and leading blanks included (OWASP ASVS
# 1.2.10).
_FORMULA = re.compile(r"\A'*[\s\x00-\x1f]*[=+\-@|%＝＋－＠\t\r\n\x00]")
_ESCAPED = re.compile(r"\A'+[\s\x00-\x1f]*[=+\-@|%＝＋－＠\t\r\n\x00]")


class SheetError(ValueError):
    """The file as a whole cannot be read; the message is the sentence to show."""


def escape(value: Any) -> Any:
    """`value` as a spreadsheet may open it: a text that would run as a formula gets an apostrophe in front. Numbers
    stay numbers."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def unescape(value: str) -> str:
    """The text that `escape` was given."""
    return value[1:] if _ESCAPED.match(value) else value


def read(data: bytes) -> tablib.Dataset:
    """The rows of a file under their headers, whatever its kind; texts that were escaped are as they were before.
    Raises SheetError."""
    limits = {"max_rows": MAX_ROWS, "max_columns": MAX_COLUMNS, "max_cell": MAX_CELL}
    try:
        answer = confined.read(data, **limits, whole_moments=True)
    except FileRefused as refused:
        raise SheetError(str(refused)) from refused
    dataset = _dataset(_with_what_is_broken(answer))
    dataset.rows_out_of_sight = answer.get("rows_out_of_sight", 0)
    return dataset


def _with_what_is_broken(answer: dict[str, Any]) -> list[tuple[int, list[str]]]:
    """The rows, with a mark in each cell that the spreadsheet has no value for: an empty cell would wipe what is
    there."""
    error = _("This cell contains a spreadsheet error, such as #N/A: write the value instead.")
    formula = _(
        "This cell contains a formula with no value: open the file in a spreadsheet and save it, or write the value "
        "instead."
    )
    errors, formulas = (set(map(tuple, answer.get(name, ()))) for name in ("errors", "not_computed"))
    rows: list[tuple[int, list[str]]] = []
    for line, cells, width in answer["rows"]:
        texts = [unescape(cell) for cell in cells]
        if rows and (errors or formulas):  # what is empty at the end of a row was left out
            texts += [""] * (width - len(cells))
        for column, text in enumerate(texts):
            if (line, column) in errors:
                texts[column] = Broken.saying(error)
            elif not text and (line, column) in formulas:
                texts[column] = Broken.saying(formula)
        rows.append((line, texts))
    return rows


class CsvSheet(CSV):
    """Written as CSV in UTF-8, as the Excel of the reader's language takes it; what is read may be of any kind, as its
    content says."""

    def is_binary(self) -> bool:
        return True  # the bytes are kept as they came: reading them is the work of create_dataset

    def get_title(self) -> str:
        return "CSV"

    def get_content_type(self) -> str:
        return "text/csv; charset=utf-8"

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> tablib.Dataset:
        return read(in_stream)

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> bytes:
        out = io.StringIO(newline="")
        is_french = get_language() == "fr"
        writer = csv.writer(out, delimiter=";" if is_french else ",")
        writer.writerow(dataset.headers)
        writer.writerows([escape(as_cell(cell, decimal_comma=is_french)) for cell in row] for row in dataset)
        return out.getvalue().encode("utf-8-sig")  # with its mark, or Excel takes UTF-8 for Windows-1252


class XlsxSheet(XLSX):
    """Written as the one sheet of an Excel workbook."""

    def get_title(self) -> str:
        return "Excel (XLSX)"

    def create_dataset(self, in_stream: bytes, **kwargs: Any) -> tablib.Dataset:
        return read(in_stream)

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
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def empty_sheet(headers: Sequence[str]) -> bytes:
    """A workbook to fill in: the headers alone, over columns of texts, so that no zero is lost and no number turned
    into a date."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, header, bold=True) for header in headers])
    for number, header in enumerate(headers, 1):
        column = sheet.column_dimensions[get_column_letter(number)]
        column.number_format, column.width = "@", max(24, len(header) + 4)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _dataset(rows: list[tuple[int, list[str]]]) -> tablib.Dataset:
    """The rows under their headers, each as long as the headers, with the line of each in `lines`.

    Raises SheetError for what has no single meaning.
    """
    headers = [cell.replace("\xa0", " ").strip() for cell in rows[0][1]]
    if len(rows) > MAX_ROWS + 1 or len(headers) > MAX_COLUMNS:
        raise SheetError(
            _("A file can have %(rows)d rows and %(columns)d columns at most: split it.")
            % {"rows": MAX_ROWS, "columns": MAX_COLUMNS}
        )
    twice = sorted({header for header in headers if headers.count(header) > 1})
    if not all(headers):
        raise SheetError(_("Column %(number)d needs a name.") % {"number": headers.index("") + 1})
    if twice:
        raise SheetError(_("Each column needs its own name. Repeated: %(names)s.") % {"names": ", ".join(twice)})
    dataset = tablib.Dataset(headers=headers)
    dataset.lines = [line for line, _row in rows[1:]]
    for number, row in rows[1:]:
        if any("\0" in cell for cell in row):
            raise SheetError(_("This file contains NUL bytes: save it as “CSV UTF-8”."))
        if any(row[len(headers) :]):
            raise SheetError(_("Line %(line)d has more cells than the file has columns.") % {"line": number})
        if any(len(cell) > MAX_CELL for cell in row):
            raise SheetError(
                _("A cell on line %(line)d is longer than %(max)d characters.") % {"line": number, "max": MAX_CELL}
            )
        dataset.append([*row[: len(headers)], *([""] * (len(headers) - len(row)))])
    if not len(dataset):
        raise SheetError(_("This file has no rows below its headers."))
    return dataset


def _cell(sheet: Any, value: Any, *, bold: bool = False) -> WriteOnlyCell:
    if isinstance(value, str):
        value = in_a_workbook(value)
    cell = WriteOnlyCell(sheet, value=escape(value))
    if isinstance(value, str):
        cell.data_type = "s"
    if isinstance(value, datetime):
        cell.number_format = "yyyy-mm-dd hh:mm"
    if bold:
        cell.font = Font(bold=True)
    return cell
