"""From the bytes of files to rows, or to one sentence that says why not: what opens a file runs in a process of its
own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.sheets import reader

MAX_BYTES = 10 * 1024 * 1024
SECONDS = 15  # of waiting; the child has 3 of the processor
ROOT = Path(reader.__file__).parents[2]
READER = f"import sys; sys.path.append({str(ROOT)!r}); from core.sheets.reader import main; main()"

REFUSALS: dict[str, Any] = {
    "empty": gettext_lazy("This file is empty."),
    "too_large": gettext_lazy("This file is larger than %(mb)d MB: split it, or remove pictures and other sheets."),
    "too_many_rows": gettext_lazy("This file has more than %(rows)d rows: split it."),
    "too_many_columns": gettext_lazy("This file has more than %(columns)d columns."),
    "utf16_without_mark": gettext_lazy(
        "The file’s characters cannot be read (UTF-16 without a byte order mark): save it as “CSV UTF-8”."
    ),
    "bad_byte": gettext_lazy(
        "Line %(line)d contains a character that cannot be read (%(byte)s): save the file as “CSV UTF-8”."
    ),
    "two_encodings": gettext_lazy(
        "This file mixes two encodings: line %(line)d (%(byte)s) is not like the others. Open it, check the names"
        " and save it as “CSV UTF-8”."
    ),
    "unreadable_letters": gettext_lazy(
        "The file’s characters cannot be read (unknown encoding): save it as “CSV UTF-8”."
    ),
    "open_quote": gettext_lazy(
        "The quotation mark opened on line %(line)d is never closed, or is in the middle of some text: fix that line."
    ),
    "hopeless_cell": gettext_lazy("A cell on line %(line)d is far too long: was a quotation mark left open?"),
    "bomb": gettext_lazy("Once unpacked, this file is far larger than any list needs to be, so it was refused."),
    "formulas": gettext_lazy(
        "More than %(number)d cells in this file contain formulas: copy them, paste them as values and save the file "
        "again."
    ),
    "encrypted": gettext_lazy("This file is encrypted: save a copy without a password."),
    "other_type": gettext_lazy("This is %(what)s. %(how)s"),
    "damaged": gettext_lazy(
        "This file is damaged, or is not what its name says: open it, save it again as XLSX, ODS or CSV, and try again."
    ),
    "too_slow": gettext_lazy(
        "Reading this file took too long: save it as “CSV UTF-8”, which is read fastest, or split it."
    ),
    "no_such_sheet": gettext_lazy("This workbook has no sheet called “%(sheet)s”. Its sheets are: %(sheets)s."),
}


_EXCEL = gettext_lazy("In Excel, choose File, Save as, then “Excel workbook (.xlsx)”, and upload that file.")
_OFFICE = gettext_lazy("Open it in Excel or LibreOffice, choose File, Save as, then XLSX, and upload that file.")
_COPY = gettext_lazy("Copy its table into a spreadsheet, save that as XLSX, and upload that file.")
_SOURCE = gettext_lazy("Ask whoever gave you the list for an XLSX, ODS or CSV file, and upload that.")
_UNPACK = gettext_lazy("Unpack it and upload the list inside.")
# What a file is when it is no list, and how to make a list of it.
TYPES: dict[str, tuple[Any, Any]] = {
    "XLS": (gettext_lazy("an old Excel file (.xls)"), _EXCEL),
    "XLSB": (gettext_lazy("a binary Excel file (.xlsb)"), _EXCEL),
    "XLSM": (gettext_lazy("an Excel file with macros (.xlsm)"), _EXCEL),
    "XML2003": (gettext_lazy("an Excel 2003 XML file"), _EXCEL),
    "NUMBERS": (
        gettext_lazy("a Numbers file"),
        gettext_lazy("In Numbers, choose File, Export to, then Excel, and upload that file."),
    ),
    "FODS": (gettext_lazy("a flat OpenDocument file (.fods)"), _OFFICE),
    "HTML": (gettext_lazy("a web page, even if its name ends in .xls"), _OFFICE),
    "MHTML": (gettext_lazy("a saved web page"), _OFFICE),
    "PDF": (gettext_lazy("a PDF file"), _SOURCE),
    "DOC": (gettext_lazy("a Word document"), _COPY),
    "DOCX": (gettext_lazy("a Word document"), _COPY),
    "ODT": (gettext_lazy("a text document"), _COPY),
    "RTF": (gettext_lazy("a text document"), _COPY),
    "PPT": (gettext_lazy("a presentation"), _COPY),
    "PPTX": (gettext_lazy("a presentation"), _COPY),
    "ODP": (gettext_lazy("a presentation"), _COPY),
    "ZIP": (gettext_lazy("a ZIP archive"), _UNPACK),
    "RAR": (gettext_lazy("a RAR archive"), _UNPACK),
    "7Z": (gettext_lazy("a 7-Zip archive"), _UNPACK),
    "GZIP": (gettext_lazy("a compressed file"), _UNPACK),
    "PNG": (gettext_lazy("a picture"), _SOURCE),
    "JPEG": (gettext_lazy("a picture"), _SOURCE),
    "GIF": (gettext_lazy("a picture"), _SOURCE),
    "SVG": (gettext_lazy("a picture"), _SOURCE),
    "EML": (gettext_lazy("an email"), gettext_lazy("Upload the file attached to it.")),
    "MSG": (gettext_lazy("an email"), gettext_lazy("Upload the file attached to it.")),
    "VCF": (gettext_lazy("a contacts file"), _SOURCE),
}


class FileRefused(Exception):
    """The file as a whole cannot be read, and nothing was kept; the message is the sentence to show, `code` names the
    case for programs, `said` what belongs into the sentence."""

    sentences: Mapping[str, Any] = REFUSALS

    def __init__(self, code: str, said: Mapping[str, Any] | None = None) -> None:
        what, how = TYPES.get((said or {}).get("type", ""), (_("a file of another type"), _SOURCE))
        super().__init__(self.sentences[code] % ({"what": what, "how": how} | dict(said or {})))
        self.code, self.said = code, dict(said or {})


def read(data: bytes, **options: Any) -> dict[str, Any]:
    """How `data` was read, and its `rows`: line in the file, cells as texts, and how many cells there were before empty
    ones at the end were left out. `options`: those of reader.Options. Raises FileRefused."""
    [answer] = read_all([data], **options)
    if isinstance(answer, FileRefused):
        raise answer
    return answer


def read_all(files: Sequence[bytes], **options: Any) -> list[dict[str, Any] | FileRefused]:
    """The same for several files, by one process that has no settings, no secret, no file and no connection."""
    if any(len(data) > MAX_BYTES for data in files):
        raise FileRefused("too_large", {"mb": MAX_BYTES // 1024 // 1024})
    said = json.dumps({"sizes": [len(data) for data in files], **options})
    command = [sys.executable, "-I", "-c", READER, said]
    try:
        done = subprocess.run(  # noqa: S603
            command, input=b"".join(files), capture_output=True, timeout=SECONDS, check=False, env={"PATH": os.defpath}
        )
        if done.returncode == -signal.SIGXCPU:
            raise FileRefused("too_slow")
        answers = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise FileRefused("too_slow") from error
    except ValueError as error:  # killed, out of memory, or it fell over its input
        raise FileRefused("damaged") from error
    return [FileRefused(**answer["refused"]) if "refused" in answer else answer for answer in answers]
