from modeltranslation.translator import TranslationOptions, register

from core.histories import keep_history
from notices.models import Announcement, ReminderRule


@register(ReminderRule)
class ReminderRuleTranslation(TranslationOptions):
    fields = ("note",)


@register(Announcement)
class AnnouncementTranslation(TranslationOptions):
    fields = ("subject", "body")


# Here and not in models.py: a history made before the translated columns exist would not hold them.
keep_history(ReminderRule)
keep_history(Announcement, excluded_fields=["search"])
