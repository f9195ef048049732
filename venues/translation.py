from modeltranslation.translator import TranslationOptions, register
from simple_history import register as keep_history

from venues.models import Venue


@register(Venue)
class VenueTranslation(TranslationOptions):
    fields = ("accessibility",)


# Here and not in models.py: a history made before the translated columns exist would not hold them.
keep_history(Venue, excluded_fields=["search"])
