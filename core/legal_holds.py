"""Of whom everything stays for a while, by law, whoever asks for its erasure (docs/rules.md#erasure).

A hold names an account by its number, or whoever has an address or has had it: a new address frees nobody.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model

from core import erasure_log
from core.models import LegalHold


@dataclass(frozen=True)
class Found:
    """A hold, and those of some addresses and accounts that it names."""

    hold: LegalHold
    addresses: frozenset[str]
    accounts: frozenset[int]


def naming(addresses: Collection[str], accounts: Collection[int], at: datetime) -> list[Found]:
    """The holds that name some of `addresses` (as core.emails writes them) or `accounts`. One query where there is no
    hold."""
    holds = list(LegalHold.objects.filter(until__gte=at.date()).order_by("-until", "pk"))
    if not holds:
        return []
    known = _addresses_of(addresses, {*accounts, *(hold.account for hold in holds if hold.account is not None)})
    asked = {address: erasure_log.address_hash(address) for address in {*addresses, *set().union(*known.values())}}
    found = []
    for hold in holds:
        people = {
            account
            for account, theirs in known.items()
            if account == hold.account or any(asked[address] == hold.address_hash for address in theirs)
        }
        held = {address for address in addresses if asked[address] == hold.address_hash}
        held |= set(addresses) & {address for account in people for address in known[account]}
        if held or people & set(accounts):
            found.append(Found(hold, frozenset(held), frozenset(people & set(accounts))))
    return found


def held(addresses: Collection[str], accounts: Collection[int], at: datetime) -> tuple[set[str], set[int]]:
    """Those of some addresses and accounts of whom everything stays for now."""
    found = naming(addresses, accounts, at)
    return {address for one in found for address in one.addresses}, {pk for one in found for pk in one.accounts}


def _addresses_of(addresses: Collection[str], accounts: Collection[int]) -> dict[int, set[str]]:
    """The addresses, past ones too, of `accounts`, and of the accounts that have or had one of `addresses`."""
    users: Any = get_user_model()
    numbers = {*accounts}
    for rows, pk in ((users.objects, "pk"), (users.history, "id")):
        for some in _some(addresses):
            numbers.update(rows.filter(email__in=some).order_by().values_list(pk, flat=True))
    known: dict[int, set[str]] = defaultdict(set)
    for rows, pk in ((users.objects, "pk"), (users.history, "id")):
        for some in _some(numbers):
            for number, email in rows.filter(**{f"{pk}__in": some}).order_by().values_list(pk, "email"):
                known[number].add(email)
    return known


def _some(values: Collection[Any]) -> list[list[Any]]:
    ordered = sorted(values, key=str)
    return [ordered[first : first + 2000] for first in range(0, len(ordered), 2000)]
