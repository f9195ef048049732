from modeltranslation.translator import TranslationOptions, register

from core.histories import keep_history
from registrations.models import Cohort


@register(Cohort)
class CohortTranslation(TranslationOptions):
    fields = ("name",)


# Here and not in models.py: a history made before the translated columns exist would not hold them.
keep_history(Cohort, excluded_fields=["search"])
