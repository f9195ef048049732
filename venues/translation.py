from modeltranslation.translator import TranslationOptions, register

from core.histories import keep_history
from venues.models import Room, Venue


@register(Venue)
class VenueTranslation(TranslationOptions):
    fields = ("name", "accessibility")
    empty_values = {"name": None}


@register(Room)
class RoomTranslation(TranslationOptions):
    fields = ("name",)
    empty_values = {"name": None}  # as it is unique


# Here and not in models.py: a history made before the translated columns exist would not hold them.
keep_history(Venue, excluded_fields=["search"])
keep_history(Room, excluded_fields=["search"])
