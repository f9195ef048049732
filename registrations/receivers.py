from typing import Any

from django.dispatch import receiver

from programme.models import Session
from programme.signals import session_checked, session_saved, session_withdrawn
from registrations.domain import pools


@receiver(session_checked)
def refuse_a_capacity_below_what_is_taken(session: Session, **kwargs: Any) -> None:
    pools.check_capacity(session)


@receiver(session_saved)
def fit_the_general_pool(session: Session, **kwargs: Any) -> None:
    pools.fit_general_pool(session)


@receiver(session_withdrawn)
def refuse_to_hide_a_session_from_those_who_come(session: Session, **kwargs: Any) -> None:
    pools.check_nobody_comes(session)
