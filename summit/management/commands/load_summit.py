import argparse
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import translation

from core import clock
from programme.domain import legal_facts
from programme.models import Edition
from summit.loading.cells import Wrong, day
from summit.loading.loader import OWN_DATA, CannotLoad, load


class Command(BaseCommand):
    help = (
        "Loads an edition of the summit (venues, rooms, programme, speakers, institutions, cohorts and their "
        "allotments) from CSV files: all of it, or nothing and a list of every mistake. Loading again changes only "
        "what the files change; an edition that is already loaded keeps its place in the calendar, because people hold "
        "seats in it, until --first-day or --keep-dates says otherwise. The first time, the programme moves by whole "
        "weeks so that it begins at least three weeks from today, at the same weekday and wall-clock times. The first "
        "edition of all is open at once if edition.csv holds the facts that the law asks for; any other is in "
        "preparation until an organiser opens it. Nothing of another "
        "edition changes; venues, rooms, speakers and institutions are shared. Sessions, events and cohorts whose slug "
        "another edition has get the slug of theirs appended. The editions of other_editions.csv keep their dates."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "folder", nargs="?", type=Path, default=OWN_DATA, help="a folder of CSV files (default: the demo’s own)"
        )
        parser.add_argument(
            "--edition",
            default="",
            metavar="SLUG",
            help="the edition to load (default: that of edition.csv, or the one that has these sessions already, or "
            "the year in which the programme begins)",
        )
        parser.add_argument("--dry-run", action="store_true", help="write nothing, and say what a load would do")
        dates = parser.add_mutually_exclusive_group()
        dates.add_argument("--first-day", type=_day, metavar="YYYY-MM-DD", help="the day on which the programme begins")
        dates.add_argument("--keep-dates", action="store_true", help="the dates of the files")

    def handle(
        self,
        *args: Any,
        folder: Path,
        edition: str,
        first_day: date | None,
        keep_dates: bool,
        dry_run: bool,
        **options: Any,
    ) -> None:
        how: dict[str, Any] = {"first_day": first_day, "keep_dates": keep_dates, "dry_run": dry_run}
        try:
            loaded = load(folder, today=clock.today(), edition=edition, **how)
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
        self.stdout.write(_state(loaded.edition))
        if dry_run:
            self.stdout.write("Nothing was written.")
        self.stdout.write(f"{loaded.changes} changes. The programme begins on {loaded.first_day:%A %Y-%m-%d}{moved}.")


def _state(edition: Edition) -> str:
    name = f"The edition {edition.slug} ({edition.name_en})"  # type: ignore[attr-defined]  # modeltranslation's
    if not edition.is_public:
        address = settings.BASE_URL + reverse("admin:app_list", args=["programme"])
        sentence = f"{name} is in preparation: open it in the administration ({address})."
        with translation.override("en"):
            lacks = ", ".join(fact.name for fact in legal_facts.missing(edition))
        return f"{sentence} The law asks for facts that it lacks: {lacks}." if lacks else sentence
    return f"{name} is open{' and the current one' if edition.is_current else ''}."


def _day(text: str) -> date:
    try:
        return day(text)
    except Wrong as why:
        raise argparse.ArgumentTypeError(f"{text!r} {why}") from None
