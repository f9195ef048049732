"""What the lists hear from below."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from accounts.models import User
from core import clock
from partners.domain import responses


@receiver(pre_delete, sender=User)
def forget_on_every_list(instance: User, **kwargs: Any) -> None:
    """Whoever has their account erased leaves no trace on the list that named them."""
    responses.forget(instance, at=clock.now())
