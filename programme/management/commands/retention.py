from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from core import clock
from programme.domain import retention
from programme.models import Edition


class Command(BaseCommand):
    help = (
        "Says how long data about people are kept, how many there are, and how many should have gone by now;"
        " with --run, deletes those."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--run", action="store_true", help="delete what has been kept long enough")

    def handle(self, *args: Any, run: bool, **options: Any) -> None:
        at = clock.now()
        if run:
            deleted = retention.run(at)
            for key, number in deleted.items():
                if number:
                    self.stdout.write(f"{key}: {number} deleted")
            if not any(deleted.values()):
                self.stdout.write("Nothing had been kept long enough.")
            return
        editions: list[Edition | None] = [*Edition.objects.order_by("starts_on", "pk")]
        for edition in editions or [None]:
            self.stdout.write(f"\n{edition or 'No edition yet'}")
            self.stdout.write(f"{'kind':16}{'days':>6}{'held':>9}{'due now':>9}  {'next':17}  last run")
            for row in retention.table(edition, at):
                following, last = row.held.next_at, row.last and row.last.ran_at
                self.stdout.write(
                    f"{row.kind.key:16}{row.days:>6}{row.held.number:>9}{row.due:>9}"
                    f"  {_moment(following):17}  {_moment(last)}"
                )
        self.stdout.write("\nNothing was deleted: add --run to delete what is due now.")


def _moment(moment: Any) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else "-"
