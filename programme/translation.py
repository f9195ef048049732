from modeltranslation.translator import TranslationOptions, register

from core.histories import keep_history
from programme.models import LEGAL_TEXTS, Day, Edition, Event, Session, Speaker, Track


@register(Edition)
class EditionTranslation(TranslationOptions):
    fields = ("name", "tagline", "city", *LEGAL_TEXTS)
    required_languages = {"fr": ("name",), "en": ("name",)}


@register(Track)
class TrackTranslation(TranslationOptions):
    fields = ("name",)


@register(Day)
class DayTranslation(TranslationOptions):
    fields = ("label",)


@register(Event)
class EventTranslation(TranslationOptions):
    fields = ("title",)


@register(Session)
class SessionTranslation(TranslationOptions):
    fields = ("title", "description")


@register(Speaker)
class SpeakerTranslation(TranslationOptions):
    fields = ("role",)


# Here and not in models.py: a history made before the translated columns exist would not hold them.
keep_history(Edition, excluded_fields=["search"])
keep_history(Day, excluded_fields=["search"])
keep_history(Track, excluded_fields=["search"])
keep_history(Event, excluded_fields=["search"])
keep_history(Session, excluded_fields=["shares_room", "search"])
keep_history(Speaker, excluded_fields=["search"])
