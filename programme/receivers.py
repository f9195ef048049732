from collections.abc import Iterable
from typing import Any

from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from accounts.domain import access_needs
from core import clock
from core.effects import Watch, warnings_asked, watching
from programme.domain import editions, moving
from programme.domain.warnings import warnings
from programme.models import Day, Duty, Edition, Event, Participation, Session
from programme.signals import edition_saved, session_saved
from venues.models import Room, Venue
from venues.signals import place_changed


@receiver(place_changed)
def take_sessions_along(rooms: Iterable[int], *, keeps_hours: bool, **kwargs: Any) -> None:
    """The sessions to come in these rooms are where the rooms are now."""
    moving.follow(rooms, keeps_hours=keeps_hours, at=clock.now())


@receiver(edition_saved)
@receiver(post_delete, sender=Edition)
def forget_what_pages_say(**kwargs: Any) -> None:
    editions.forget_shown()


@receiver(pre_save, sender=Edition)
def keep_access_needs_as_long_as_was_said(instance: Edition, **kwargs: Any) -> None:
    """They are deleted some days after the edition, whenever that is."""
    if instance.pk is None:
        return
    before = Edition.objects.filter(pk=instance.pk, is_current=True).values_list("ends_on", flat=True).first()
    if before and before != instance.ends_on:
        access_needs.move_last_day(before, instance.ends_on)


# --- What was touched is looked at, when somebody asks ----------------------------------------------------------------


def _touch(**which: Any) -> None:
    if watch := watching():
        found = Session.objects.on(which.pop("day")) if "day" in which else Session.objects.all()
        found = found.filter(**which)
        watch.touched["session"] |= set(found.order_by().values_list("pk", flat=True))


@receiver(session_saved)
def touch_the_session(session: Session, **kwargs: Any) -> None:
    if watch := watching():
        watch.touched["session"].add(session.pk)


@receiver([post_save, post_delete], sender=Participation)
@receiver([post_save, post_delete], sender=Duty)
def touch_where_somebody_is_expected(instance: Participation | Duty, **kwargs: Any) -> None:
    if watch := watching():
        watch.touched["session"].add(instance.session_id)


@receiver(post_save, sender=Event)
def touch_the_sessions_of_the_event(instance: Event, **kwargs: Any) -> None:
    _touch(event=instance)


@receiver([pre_save, post_save, post_delete], sender=Day)
def touch_the_sessions_of_the_day(instance: Day, **kwargs: Any) -> None:
    """Those of the day that it is, and before it is saved those of the day that it was."""
    if watching():
        kept = Day.objects.filter(pk=instance.pk).first() or instance
        _touch(day=kept.date, event__edition=kept.edition_id)


@receiver(post_save, sender=Room)
def touch_the_sessions_in_the_room(instance: Room, **kwargs: Any) -> None:
    _touch(room=instance)


@receiver(post_save, sender=Venue)
def touch_the_sessions_at_the_venue(instance: Venue, **kwargs: Any) -> None:
    _touch(room__venue=instance)


@receiver(warnings_asked)
def say_what_to_look_at(watch: Watch, **kwargs: Any) -> list[str]:
    touched = watch.touched["session"]
    return [str(warning) for warning in warnings(touched)] if touched else []
