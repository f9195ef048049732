import hashlib
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import clock
from core.sheets import reader
from core.sheets.confined import MAX_BYTES
from partners.domain import applying, files, reporting
from partners.domain.comparing import compare
from partners.domain.files import ListRefused
from partners.models import ColumnName, Upload
from registrations.models import Cohort


class Command(BaseCommand):
    help = (
        "Read the list of a cohort's people as the portal does, and say what it would change and every problem of "
        "every row. Changes nothing without --apply. Exits 2 when the file is refused, and when it is to be "
        "applied while what its columns mean is a guess."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("cohort", metavar="COHORT", help="the slug of the cohort")
        parser.add_argument("file", metavar="FILE", type=Path, help="CSV, XLSX or ODS")
        parser.add_argument("--sheet", default="", help="the number, from 1, or the name of the sheet of a workbook")
        parser.add_argument(
            "--encoding", default="", choices=["", *reader.ENCODINGS], help="of a CSV file, when names are read wrongly"
        )
        parser.add_argument(
            "--columns",
            default="",
            metavar="FIELD=COLUMN,…",
            help="which column is which, by header or number from 1: last_name=1,first_name=2,email=3 (also "
            "usage_last_name, usage_first_name, name, reference, programme)",
        )
        parser.add_argument("--replace", action="store_true", help="take off the list who is not in the file any more")
        parser.add_argument("--apply", action="store_true", help="put it into force")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        cohort = Cohort.objects.filter(slug=options["cohort"]).first()
        if cohort is None:
            raise CommandError(f"There is no cohort “{options['cohort']}”.")
        try:
            data = (
                options["file"].read_bytes() if options["file"].stat().st_size <= MAX_BYTES else b"\0" * (MAX_BYTES + 1)
            )
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        report = _report(cohort, data, options)
        self.stdout.write(
            json.dumps(report, indent=2, ensure_ascii=False)
            if options["json"]
            else _told(report, applied=options["apply"])
        )
        if report["refused"]:
            sys.exit(2)


def _report(cohort: Cohort, data: bytes, options: dict[str, Any]) -> dict[str, Any]:
    read = comparison = None
    try:
        chosen = dict(part.strip().partition("=")[::2] for part in options["columns"].split(",") if part.strip())
        remembered = dict(ColumnName.objects.filter(institution=cohort.institution_id).values_list("name", "field"))
        asked = {"encoding": options["encoding"], "sheet": options["sheet"], "chosen": chosen, "remembered": remembered}
        read = files.read(data, **asked)
        comparison = compare(cohort, read.people, replacing=options["replace"])
        if not any(person.is_good for person in read.people):
            raise ListRefused("nobody")
        applying.check_size(cohort, comparison)
        if options["apply"] and read.columns.guessed:
            raise ListRefused("guessed")
        if options["apply"]:
            upload = Upload(
                institution=cohort.institution,
                cohort=cohort,
                file_name=options["file"].name[-255:],
                file_hash=hashlib.sha256(data).hexdigest(),
                mode=Upload.Mode.REPLACE if options["replace"] else Upload.Mode.ADD,
            )
            applying.apply(upload, read.people, actor=None, at=clock.now())
    except ListRefused as refused:
        return reporting.report(read, comparison, refused)
    return reporting.report(read, comparison, None)


def _told(report: dict[str, Any], *, applied: bool) -> str:
    if report["refused"]:
        lines = [report["refused"]["message"]]
    else:
        counts = ", ".join(f"{report[name]} {name}" for name in ("new", "changed", "same", "removed"))
        lines = [f"{report['rows']} rows: {counts}. {'Applied.' if applied else 'Nothing was changed: add --apply.'}"]
    for kind in ("rejected", "warnings"):
        if report[kind]:
            lines += ["", f"{kind.capitalize()}:"]
            lines += [
                f"  {' '.join(filter(None, [_place(one), one['value'] and repr(one['value'])]))}: {one['message']}"
                for one in report[kind]
            ]
    return "\n".join(lines)


def _place(line: dict[str, Any]) -> str:
    return f"row {line['row']} {line['column']}".strip() if line["row"] else "the list"
