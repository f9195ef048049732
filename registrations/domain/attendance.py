"""Who was there, and who was not."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from simple_history.utils import bulk_update_with_history

from accounts.models import User
from registrations.models import Registration


def mark_absent(registrations: Iterable[Registration], *, absent: bool, actor: User, at: datetime) -> int:
    """Note that people who had a seat were, or were not, absent from sessions that have begun; return how many notes
    changed."""
    with transaction.atomic():
        chosen = Registration.objects.select_for_update(no_key=True, of=("self",)).confirmed()
        chosen = chosen.filter(
            pk__in=[registration.pk for registration in registrations], session__starts_at__lte=at, is_absent=not absent
        )
        found = list(chosen.order_by("pk"))
        for registration in found:
            registration.is_absent = absent
        bulk_update_with_history(found, Registration, ["is_absent"], default_user=actor, default_date=at)
    return len(found)
