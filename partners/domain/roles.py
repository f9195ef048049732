"""Who may do what for an institution, and how that changes (docs/rules.md#partners)."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain.accounts import open_account
from accounts.models import User
from core.limits import Limit
from outbox.domain.posting import post
from partners.domain.applying import lock
from partners.models import PartnerRole
from registrations.models import Institution

Role = PartnerRole.Role
ORGANISER = "organiser"
OWNS = frozenset({Role.OWNER, ORGANISER})
EDITS = OWNS | {Role.COORDINATOR}
WELCOME = "partners.team"
CHANGED = Limit("roles-changed", amount=100, per=timedelta(days=1))  # each signs somebody out
BROUGHT_IN = Limit("brought-in", amount=30, per=timedelta(days=1))  # each is a mail to an address that somebody typed
# What an organiser needs in order to work with lists on behalf of an institution, in the administration and in the
# portal.
ON_BEHALF = "partners.change_invitee"


def role_in(user: User, institution: Institution) -> str:
    """The role of `user` in `institution` as it is now: "organiser" for who may act on behalf of all, "" for a
    stranger."""
    role = PartnerRole.objects.filter(institution=institution, user=user).values_list("role", flat=True).first()
    if role is None and user.is_active and user.is_staff and user.has_perm(ON_BEHALF):
        return ORGANISER
    return role or ""


def may_edit(user: User | None, institution: Institution) -> bool:
    """Whether `user` may hand in lists of `institution` at this moment."""
    return user is not None and user.is_active and role_in(user, institution) in EDITS


def may_own(user: User, institution: Institution) -> bool:
    """Whether `user` may say who works for `institution`."""
    return role_in(user, institution) in OWNS


def bring_in(
    institution: Institution, email: str, role: str, *, actor: User, language: str, at: datetime
) -> tuple[PartnerRole, bool]:
    """Give the person of this address a role, and write to them; tell whether that is new. Whoever has a role keeps it.

    Raises ValidationError when `actor` no longer says who works there, TooMany after 30 people in a day.
    """
    with transaction.atomic():
        lock(institution.pk)
        if not may_own(actor, institution):
            raise _no_owner()
        user = open_account(email, language=language)
        current = PartnerRole.objects.filter(institution=institution, user=user).first()
        if current:
            return current, False
        BROUGHT_IN.take(str(institution.pk), at=at)
        made = PartnerRole(institution=institution, user=user, role=role)
        made._history_user = actor
        made.save(force_insert=True)
        post(
            WELCOME,
            user.email,
            dedupe_key=f"{WELCOME}:{made.pk}:{at:%Y%m%dT%H%M%S%f}",
            language=user.language,
            context={"role": made.pk},
        )
    return made, True


def _no_owner() -> ValidationError:
    return ValidationError(_("You can no longer change who works for this institution."), code="not_owner")


def change(role: PartnerRole, new: str, *, actor: User) -> bool:
    """Let somebody have another role, or with "" none any more; tell whether that changed anything. Raises
    ValidationError when the institution would have no owner left, and when somebody raises their own role."""
    with transaction.atomic():
        # Of two who take each other's role away, the second finds that they are no owner any more.
        lock(role.institution_id)
        current = PartnerRole.objects.select_related("institution").filter(pk=role.pk).first()
        if current is None or current.role == new:
            return False
        if not may_own(actor, current.institution):
            raise _no_owner()
        others = PartnerRole.objects.filter(
            institution=current.institution_id, role=Role.OWNER, user__is_active=True
        ).exclude(pk=current.pk)
        if current.role == Role.OWNER and not others.exists():
            raise ValidationError(
                _("An institution must have at least one owner. Make somebody else an owner first."), code="last_owner"
            )
        current._history_user = actor
        if new:
            current.role = new
            current.save(update_fields=["role"])
        else:
            current.delete()
    return True
