"""The address that someone signs in with."""

import uuid
from collections.abc import Collection
from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.signals import address_changed
from outbox.domain.posting import post

CHANGED = "accounts.address_changed"


class Taken(Exception):
    """Another account has this address. Told to nobody but who has proved that the address is theirs."""


def keep_only_the_address_of(user: User, old: str) -> None:
    """Make `user.email` the only address that `user` signs in with: after a change, the old one opens nothing any more,
    and what was meant for them by it follows (address_changed).

    The next code that is typed proves that the new address is theirs.
    """
    with transaction.atomic():
        EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"primary": True})
        address_changed.send(User, user=user, old=old)


def change(user: User, new: str, *, at: datetime) -> None:
    """Let `user` sign in with `new`, which they have proved to be theirs, and tell the address that they had. Their
    other web sessions end: whoever holds one may be the reason. Raises Taken."""
    try:
        with transaction.atomic():
            current = User.objects.select_for_update(no_key=True, of=["self"]).get(pk=user.pk)
            if (old := current.email) == new:
                return
            user.email, user._history_user = new, user
            user.set_unusable_password()  # what every web session is signed with
            user.save(update_fields=["email", "password"])
            keep_only_the_address_of(user, old)
            post(CHANGED, old, dedupe_key=f"{CHANGED}:{uuid.uuid4()}", language=user.language)
    except IntegrityError as taken:
        user.refresh_from_db(fields=["email", "password"])
        raise Taken from taken


def addresses_of(user: User) -> set[str]:
    """The address of `user` and those that it was before."""
    return {user.email, *user.history.values_list("email", flat=True)}


def of_accounts(accounts: Collection[int]) -> set[str]:
    """The addresses of all these accounts (their ids), past ones too."""
    found = set(User.objects.filter(pk__in=accounts).values_list("email", flat=True))
    found.update(User.history.filter(id__in=accounts).values_list("email", flat=True))
    found.update(EmailAddress.objects.filter(user__in=accounts).values_list("email", flat=True))
    return found
