from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts.domain import accounts
from accounts.models import Attendee, User
from core.emails import normalise_email


class Command(BaseCommand):
    help = (
        "Let someone do everything in the administration: they sign in with their address and an e-mailed code. Run "
        "it twice at will."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the person's address")
        parser.add_argument("--name", default="", help="the person's name (otherwise the beginning of the address)")
        parser.add_argument(
            "--language",
            default="fr",
            choices=list(User.Language.values),
            help="the language of their mails, for a new account",
        )

    def handle(self, *, email: str, name: str, language: str, **_options: Any) -> None:
        try:
            email = normalise_email(email)
            validate_email(email)
            name = Attendee._meta.get_field("name").clean(name.strip(), None) if name.strip() else ""
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        user, changed = accounts.make_organiser(email, name=name, language=language)
        self.stdout.write(f"{user} is {'now' if changed else 'already'} an organiser.")
