from typing import Any

from django.dispatch import receiver

from programme.models import Session
from programme.signals import session_checked, session_saved
from registrations.domain import pools


@receiver(session_checked)
def refuse_a_capacity_below_what_is_taken(session: Session, **kwargs: Any) -> None:
    pools.check_capacity(session)


@receiver(session_saved)
def fit_the_general_pool(session: Session, **kwargs: Any) -> None:
    pools.fit_general_pool(session)
