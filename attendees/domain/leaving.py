"""What erasing an account means to the person and to others, said before it is done (docs/rules.md#own-account)."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.domain.erasure import last_superusers
from accounts.models import User
from core.personal_data import Erasure
from partners.domain.erasure import roles_of_last_owners
from partners.models import PartnerRole
from programme.models import Speaker
from registrations.models import Registration

# What a report says of the rows of a table.
BECAME: dict[Erasure, str | Promise] = {
    Erasure.DELETED: gettext_lazy("deleted"),
    Erasure.BLANKED: gettext_lazy("emptied of what names you"),
    Erasure.ENDED: gettext_lazy("ended, then deleted"),
    Erasure.UNLINKED: gettext_lazy("no longer linked to you"),
    Erasure.WITH_PARENT: gettext_lazy("deleted"),
}


@dataclass(frozen=True)
class Consequences:
    """What goes: seats to come, those of them that somebody waits for, places on waiting lists, requests, roles for
    institutions; `refused` says why it cannot be done yet."""

    seats: int = 0
    wanted: int = 0
    waiting: int = 0
    requests: int = 0
    roles: int = 0
    speaks: bool = False
    refused: tuple[str, ...] = ()


def consequences(user: User, at: datetime) -> Consequences:
    """What erasing `user` now would mean. Reads only: lists move until it is done."""
    mine = Registration.objects.live().filter(attendee__user=user, session__ends_at__gt=at)
    status = dict(mine.values_list("session", "status"))
    held = [session for session, state in status.items() if state in ("confirmed", "offered")]
    waited_for = Registration.objects.waiting().filter(session__in=held).exclude(attendee__user=user)
    return Consequences(
        seats=len(held),
        wanted=waited_for.order_by().values("session").distinct().count(),
        waiting=list(status.values()).count("waiting"),
        requests=list(status.values()).count("pending"),
        roles=PartnerRole.objects.filter(user=user).count(),
        speaks=Speaker.objects.filter(user=user).exists(),
        refused=tuple(_refused(user)),
    )


def _refused(user: User) -> list[str]:
    """Why `user` cannot go yet, said to them (accounts and partners judge, in their domain/erasure.py)."""
    sentence = _("You are the last owner of %(institution)s: make somebody else an owner first.")
    said = [sentence % {"institution": role.institution.name} for role in roles_of_last_owners([user.pk])]
    if last_superusers([user.pk]):
        said.append(_("Yours is the last account with full rights: give them to someone else first."))
    return said
