import argparse
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import clock
from summit.loading.cells import Wrong, day
from summit.loading.loader import OWN_DATA, CannotLoad, load


class Command(BaseCommand):
    help = (
        "Loads a summit (venues, rooms, programme, speakers, institutions, cohorts and their allotments) from CSV "
        "files: all of it, or nothing and a list of every mistake. Loading again changes only what the files change; "
        "a summit that is already loaded keeps its place in the calendar, because people hold seats in it, until "
        "--first-day or --keep-dates says otherwise. The first time, the programme moves by whole weeks so that it "
        "begins at least three weeks from today, at the same weekday and wall-clock times. The previous summits and "
        "the next event keep their dates: they are other summits’ history."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "folder", nargs="?", type=Path, default=OWN_DATA, help="a folder of CSV files (default: the demo’s own)"
        )
        parser.add_argument("--dry-run", action="store_true", help="write nothing, and say what a load would do")
        dates = parser.add_mutually_exclusive_group()
        dates.add_argument("--first-day", type=_day, metavar="YYYY-MM-DD", help="the day on which the programme begins")
        dates.add_argument("--keep-dates", action="store_true", help="the dates of the files")

    def handle(
        self, *args: Any, folder: Path, first_day: date | None, keep_dates: bool, dry_run: bool, **options: Any
    ) -> None:
        try:
            loaded = load(folder, today=clock.today(), first_day=first_day, keep_dates=keep_dates, dry_run=dry_run)
        except CannotLoad as refused:
            number = len(refused.problems)
            raise CommandError(
                f"{refused}\n{number} {'mistake' if number == 1 else 'mistakes'}: nothing was loaded."
            ) from None
        for kind, count in loaded.counts.items():
            self.stdout.write(f"{kind:<17}{count.new:>5} new {count.changed:>5} changed {count.same:>5} same")
        days = loaded.moved_days
        moved = f", {abs(days)} days {'later' if days > 0 else 'earlier'} than in the files" if days else ""
        for sentence in loaded.effects.sentences:
            self.stdout.write(sentence)
        if dry_run:
            self.stdout.write("Nothing was written.")
        self.stdout.write(f"{loaded.changes} changes. The programme begins on {loaded.first_day:%A %Y-%m-%d}{moved}.")


def _day(text: str) -> date:
    try:
        return day(text)
    except Wrong as why:
        raise argparse.ArgumentTypeError(f"{text!r} {why}") from None
