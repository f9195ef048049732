import argparse
import re
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import clock

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Command(BaseCommand):
    help = (
        "Moves the clock of a demo or a bench, for all its processes: “manage.py move_clock 2d”, or “3h”, “-45m”; “0”"
        " sets it right."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("by", type=_duration, help="how far from the real time, for example 2d, 3h or -45m")

    def handle(self, *args: Any, by: timedelta, **options: Any) -> None:
        try:
            clock.move(by)
        except RuntimeError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"It is {clock.database_now():%A %Y-%m-%d %H:%M} UTC now.")


def _duration(text: str) -> timedelta:
    if text == "0":
        return timedelta()
    match = re.fullmatch(r"([+-]?[0-9]{1,5})([dhm])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write it like 2d, 3h or -45m")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
