"""Where data about people lies: each app declares its models, in a module `personal_data`, and whoever exports, erases
or forgets runs through what is declared (docs/rules.md#privacy)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db.models import ForeignKey, Model, Q, QuerySet


class Erasure(Enum):
    """What becomes of a row when the person that it is about is erased."""

    DELETED = "deleted, with its history"
    BLANKED = "what names the person is emptied; what is counted stays"
    ENDED = "ended by the rules of its app, with the consequences for others, then deleted with its history"
    UNLINKED = "the link to the person is cut; the row is about something else"
    WITH_PARENT = "goes with the row that it belongs to"


class Retention(Enum):
    """How long a row is kept where nobody asks for its erasure."""

    ACCOUNT = "as long as the account"
    EVENT = "until the event is over, and the days after it that people were told"
    ACCESS_NEEDS = "until the event is over, and the days after it that people were told, or consent is withdrawn"
    LIST = "as long as the first mail to the person says"
    UPLOAD = "until its list is applied, or dropped unapplied"
    MAIL = "its text as long as the edition says"
    FORM = "48 hours"
    SESSION = "until it expires"
    ACTS = "as long as the traces of signing in"
    ADDRESS = "until the address is used again"
    OBJECTION = "as a hash, so that nobody is asked again"
    PROGRAMME = "as long as the programme that it is part of"


@dataclass(frozen=True)
class PersonalData:
    """One model that holds data about people.

    `accounts` are the lookups from a row to the account of the person, `addresses` those to an e-mail address,
    `exported` the fields that the person gets. `blanked`: the fields that erasing empties; a link, only where it leads
    to the person. `buried`: JSON fields in which people are named as well: the app cleans them in a step of its own
    (core/erasure.py).
    """

    model: type[Model]
    accounts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    exported: tuple[str, ...] = ()
    erasure: Erasure = Erasure.DELETED
    retention: Retention = Retention.ACCOUNT
    blanked: tuple[str, ...] = ()
    buried: tuple[str, ...] = ()

    def about(self, account_id: int, addresses: Iterable[str]) -> QuerySet[Model]:
        """The rows about the person who has that account and these addresses (in lower case)."""
        found = Q(pk=None)
        for lookup in self.accounts:
            found |= Q(**{lookup: account_id})
        for lookup in self.addresses:
            found |= Q(**{f"{lookup}__in": list(addresses)})
        return self.model._base_manager.filter(found).distinct()

    def keys(self, accounts: Collection[int], addresses: Collection[str]) -> set[Any]:
        """The primary keys of the rows about these people, by one query for each lookup: an index serves each, and none
        serves them all."""
        rows = self.model._base_manager.order_by()
        found: set[Any] = set()
        for lookups, values in ((self.accounts, accounts), (self.addresses, addresses)):
            for lookup in lookups if values else ():
                found.update(rows.filter(**{f"{lookup}__in": values}).values_list("pk", flat=True))
        return found

    @property
    def is_deleted(self) -> bool:
        return self.erasure in (Erasure.DELETED, Erasure.ENDED, Erasure.WITH_PARENT)

    @property
    def links(self) -> list[str]:
        """Those of the fields to be emptied that lead to an account."""
        fields = (self.model._meta.get_field(name) for name in self.blanked)
        return [field.name for field in fields if isinstance(field, ForeignKey)]

    @property
    def history(self) -> type[Model] | None:
        """The model that keeps what its rows were, if it has one."""
        return getattr(getattr(self.model, "history", None), "model", None)


_declared: dict[type[Model], PersonalData] = {}


def declare(*kinds: PersonalData) -> None:
    """Add models to the registry. Raises ValueError for one that is there already."""
    for kind in kinds:
        if kind.model in _declared:
            raise ValueError(f"{kind.model._meta.label} is declared twice")
        _declared[kind.model] = kind


def declared() -> list[PersonalData]:
    """What all apps have declared, the apps on top first: what refers to others comes before them."""
    return list(_declared.values())
