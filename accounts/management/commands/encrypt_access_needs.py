from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.domain import access_needs


class Command(BaseCommand):
    help = (
        "Encrypt all access needs with the first of ACCESS_NEEDS_KEYS, so that the others can go "
        "(docs/operations.md). Run it twice at will."
    )

    def handle(self, **_options: Any) -> None:
        if not access_needs.is_offered():
            raise CommandError("ACCESS_NEEDS_KEYS is not set.")
        done, lost = access_needs.encrypt_anew()
        self.stdout.write(f"{done} texts are encrypted with the first key.")
        if lost:
            raise CommandError(
                f"{lost} texts are opened by none of the keys: keep the older ones, and look for theirs."
            )
