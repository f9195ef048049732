"""The address that someone signs in with."""

from collections.abc import Collection

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User


def keep_only_the_address_of(user: User) -> None:
    """Make `user.email` the only address that `user` signs in with: after a change, the old one opens nothing any more.

    The next code that is typed proves that the new address is theirs.
    """
    with transaction.atomic():
        EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"primary": True})


def addresses_of(user: User) -> set[str]:
    """The address of `user` and those that it was before."""
    return {user.email, *user.history.values_list("email", flat=True)}


def of_accounts(accounts: Collection[int]) -> set[str]:
    """The addresses of all these accounts (their ids), past ones too."""
    found = set(User.objects.filter(pk__in=accounts).values_list("email", flat=True))
    found.update(User.history.filter(id__in=accounts).values_list("email", flat=True))
    found.update(EmailAddress.objects.filter(user__in=accounts).values_list("email", flat=True))
    return found
