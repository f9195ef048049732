"""People whose editions are over, and for how long they are still known (docs/rules.md#privacy).

Who came is kept for one time, who was registered without coming for another. When nothing else ties them to the
installation, all of them goes, their account too; of somebody who stays for another edition, or for what they do here,
the rows of the edition go alone.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from accounts.domain.retention import erase_whole
from accounts.models import Attendee, User
from core import legal_holds, retention
from core.deadlocks import again_after_deadlock
from core.erasure import Why, erase
from core.retention import Held, Part, Scope
from programme.domain.retention import days_of, ends
from programme.models import Duty
from registrations.domain import ledger
from registrations.models import Invitation, Registration

AT_ONCE = 100  # people a transaction


def came(editions: Collection[int], account: str = "pk") -> Q:
    """Whether an account (that of the outer row) had a seat in one of these editions and was not marked as absent, or
    had something to do there."""
    seats = Registration.objects.confirmed().filter(
        session__event__edition__in=editions, attendee__user=OuterRef(account), is_absent=False
    )
    duties = Duty.objects.filter(session__event__edition__in=editions, user=OuterRef(account))
    return Q(Exists(seats.order_by())) | Q(Exists(duties.order_by()))


# --- Who is due -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ends:
    """When each edition ended, and which of them have been kept long enough for those who came, and the others."""

    ended: dict[int, datetime]
    over_for_guests: frozenset[int]
    over_for_others: frozenset[int]

    @classmethod
    def at(cls, at: datetime) -> "_Ends":
        ended = ends()

        def over(key: str) -> frozenset[int]:
            return frozenset(pk for pk, end in ended.items() if Scope(days_of(key, pk), pk, end).is_due(at))

        return cls(ended, over("came"), over("registered"))

    def before(self, edition: int) -> datetime | None:
        """When the edition before this one ended."""
        mine = self.ended[edition]
        return max((end for end in self.ended.values() if end < mine), default=None)

    def is_last(self, edition: int) -> bool:
        return self.ended[edition] == max(self.ended.values())

    def kept(self) -> Q:
        """Accounts that stay: by what they do here, or because not all of their editions have been kept long enough."""
        guests, others = self.over_for_guests, self.over_for_others
        stays = Q(is_staff=True) | Q(is_superuser=True) | retention.tied_for_good()
        stays |= retention.tied(set(self.ended) - (guests | others))
        if only_for_others := others - guests:
            stays |= came(only_for_others)
        for edition in guests - others:
            stays |= retention.tied([edition]) & ~came([edition])
        return stays


def _seen() -> Greatest:
    """When somebody was last here."""
    return Greatest("date_joined", Coalesce("last_login", "date_joined"))


def _untied(edition: int, known: _Ends, scope: Scope, at: datetime) -> QuerySet[User]:
    """Accounts that nothing ties to any edition: they were made for the first that ended after they were last used;
    with none to come, their days count from then."""
    people = User.objects.exclude(Q(is_staff=True) | Q(is_superuser=True) | retention.tied_for_good())
    people = people.exclude(retention.tied()).annotate(seen=_seen())
    meant = Q(seen__lt=known.ended[edition])
    if before := known.before(edition):
        meant &= Q(seen__gte=before)
    if known.is_last(edition):
        meant |= Q(seen__gte=known.ended[edition], seen__lte=scope.before(at))
    return people.filter(meant)


def _of(scope: Scope, *, guests: bool) -> QuerySet[User]:
    """Those who are tied to the edition by rows that go with them, and came, or did not."""
    assert scope.edition is not None  # noqa: S101 - for the types
    people = User.objects.filter(retention.tied([scope.edition], only_going=True))
    return people.filter(came([scope.edition])) if guests else people.exclude(came([scope.edition]))


def _people(*, guests: bool) -> Part:
    def held(scope: Scope, at: datetime) -> Held:
        assert scope.edition is not None  # noqa: S101 - for the types
        number = _of(scope, guests=guests).count()
        if not guests:
            number += _untied(scope.edition, _Ends.at(at), scope, at).count()
        return Held(number, scope.due_at if number else None)

    def due(scope: Scope, at: datetime) -> int:
        return held(scope, at).number if scope.is_due(at) else 0

    def delete(scope: Scope, at: datetime) -> Iterator[int]:
        if not scope.is_due(at):
            return
        assert scope.edition is not None  # noqa: S101 - for the types
        known = _Ends.at(at)
        for keys in retention.in_batches(_of(scope, guests=guests), AT_ONCE):
            yield _let_go(keys, scope.edition, known, at)
        if not guests:
            for keys in retention.in_batches(_untied(scope.edition, known, scope, at), AT_ONCE):
                yield erase_whole(_untied(scope.edition, known, scope, at).filter(pk__in=keys), at)

    return Part(held, due, delete)


def _let_go(accounts: Collection[int], edition: int, known: _Ends, at: datetime) -> int:
    """Erase those whom nothing keeps, and delete what the others had in the edition; return how many people that
    were."""
    gone = erase_whole(User.objects.filter(pk__in=accounts).exclude(known.kept()), at)
    rest = dict(User.objects.filter(pk__in=accounts).values_list("pk", "email"))
    addresses, held = legal_holds.held(set(rest.values()), rest.keys(), at)
    rest = {pk: email for pk, email in rest.items() if pk not in held and email not in addresses}
    if rest:
        _leave(rest, edition, at)
    return gone + len(rest)


@again_after_deadlock
def _leave(people: dict[int, str], edition: int, at: datetime) -> None:
    with transaction.atomic():
        ledger.lock_people(Attendee.objects.filter(user__in=people).values_list("pk", flat=True))
        for tie in retention.ties():
            if tie.edition and tie.goes:
                tie.delete(tie.rows(people, people.values(), edition), at)


GUESTS, OTHERS = _people(guests=True), _people(guests=False)


# --- Addresses without an account -------------------------------------------------------------------------------------


def forget_addresses(addresses: Iterable[str], at: datetime) -> None:
    """Erase what is known of addresses that are nobody's any more: no account has or had them, no row needs them."""
    asked = set(addresses)
    nobodys = asked - set(User.objects.filter(email__in=asked).values_list("email", flat=True))
    nobodys -= set(User.history.filter(email__in=asked).order_by().values_list("email", flat=True))
    nobodys -= retention.known_addresses(nobodys)
    if nobodys:
        erase((), nobodys, why=Why.RETENTION, at=at)


def _invitations(scope: Scope) -> QuerySet[Invitation]:
    """Invitations by name to people who never opened an account."""
    accounts = User.objects.filter(email=OuterRef("email"))
    return Invitation.objects.filter(session__event__edition=scope.edition).exclude(Exists(accounts.order_by()))


def _held_invitations(scope: Scope, at: datetime) -> Held:
    number = _invitations(scope).count()
    return Held(number, scope.due_at if number else None)


def _invitation_traces(scope: Scope) -> QuerySet[Any]:
    """What the history says of such people whose invitation was taken back, or went to another address first."""
    accounts = User.objects.filter(email=OuterRef("email"))
    there = Invitation.objects.filter(pk=OuterRef("id"), email=OuterRef("email"))
    lines = Invitation.history.filter(session__event__edition=scope.edition)
    return lines.exclude(Exists(accounts.order_by())).exclude(Exists(there.order_by()))


def _delete_invitations(scope: Scope, at: datetime) -> Iterator[int]:
    if not scope.is_due(at):
        return
    for keys in retention.in_batches(_invitations(scope)):
        with transaction.atomic():
            rows = dict(_invitations(scope).filter(pk__in=keys).values_list("pk", "email"))
            held, _accounts = legal_holds.held(set(rows.values()), (), at)
            gone = [pk for pk, email in rows.items() if email not in held]
            lines = Invitation.history.filter(id__in=gone).order_by()
            addresses = {rows[pk] for pk in gone} | set(
                lines.values_list("email", flat=True)
            )  # past ones got mails too
            number = retention.delete_with_history(Invitation.objects.filter(pk__in=gone), at)
            forget_addresses(addresses, at)
        yield number
    for keys in retention.in_batches(_invitation_traces(scope)):
        with transaction.atomic():
            lines = _invitation_traces(scope).filter(pk__in=keys)
            addresses = set(lines.order_by().values_list("email", flat=True))
            held, _accounts = legal_holds.held(addresses, (), at)
            lines.exclude(email__in=held).delete()
            forget_addresses(addresses - held, at)
        yield 0  # nobody is invited by them any more


INVITATIONS = Part(
    _held_invitations, lambda scope, at: _invitations(scope).count() if scope.is_due(at) else 0, _delete_invitations
)
