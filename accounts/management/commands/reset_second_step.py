from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.domain import factors
from accounts.models import User
from core import clock
from core.emails import normalise_email


class Command(BaseCommand):
    help = (
        "Forget the second step of somebody who has lost it, sign them out everywhere and write to them: for the last "
        "owner, whom nobody else can help. Make sure that it is really they."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the person's address")

    def handle(self, *, email: str, **_options: Any) -> None:
        user = User.objects.filter(email=normalise_email(email)).first()
        if user is None:
            raise CommandError(f"There is no account with the address {email}.")
        done = factors.reset(user, actor=None, at=clock.now())
        what = "the next sign-in asks for a new second step." if done else "nothing to reset."
        self.stdout.write(f"{user}: {what}")
