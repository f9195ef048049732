from collections.abc import Iterable
from typing import Any

from django.dispatch import receiver

from core import clock
from programme.domain import moving
from venues.signals import place_changed


@receiver(place_changed)
def take_sessions_along(rooms: Iterable[int], *, keeps_hours: bool, **kwargs: Any) -> None:
    """The sessions to come in these rooms are where the rooms are now."""
    moving.follow(rooms, keeps_hours=keeps_hours, at=clock.now())
