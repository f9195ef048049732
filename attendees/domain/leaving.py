"""What erasing an account means to the person and to others, said before it is done (docs/rules.md#own-account)."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from core.personal_data import Erasure
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
    roles = list(PartnerRole.objects.filter(user=user).select_related("institution"))
    return Consequences(
        seats=len(held),
        wanted=waited_for.order_by().values("session").distinct().count(),
        waiting=list(status.values()).count("waiting"),
        requests=list(status.values()).count("pending"),
        roles=len(roles),
        speaks=Speaker.objects.filter(user=user).exists(),
        refused=tuple(_refused(user, roles)),
    )


def _refused(user: User, roles: list[PartnerRole]) -> list[str]:
    sentences = []
    owned = [role.institution for role in roles if role.role == PartnerRole.Role.OWNER]
    others = PartnerRole.objects.filter(institution__in=owned, role=PartnerRole.Role.OWNER, user__is_active=True)
    kept = set(others.exclude(user=user).values_list("institution", flat=True))
    for institution in owned:
        if institution.pk not in kept:
            sentence = _("You are the last owner of %(institution)s: make somebody else an owner first.")
            sentences.append(sentence % {"institution": institution.name})
    if user.is_superuser and not User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk).exists():
        sentences.append(_("Yours is the last account with full rights: give them to someone else first."))
    return sentences
