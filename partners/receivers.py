from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.domain import factors, web_sessions
from accounts.models import User
from partners.domain import roles
from partners.models import PartnerRole


@receiver(user_logged_in)
def ask_for_a_second_step(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Of whoever edits lists of an institution (docs/rules.md#second-factor); organisers are asked anyway."""
    if request is not None and PartnerRole.objects.filter(user=user, role__in=roles.EDITS).exists():
        factors.ask_for_one(request.session)


@receiver([post_save, post_delete], sender=PartnerRole)
def end_web_sessions(instance: PartnerRole, **kwargs: Any) -> None:
    """Whose role changes signs in again, wherever it was changed: what is asked of them then is what it takes now.
    Organisers have taken their second step."""
    if not instance.user.is_staff:
        web_sessions.end_all(instance.user)
