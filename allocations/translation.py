from modeltranslation.translator import TranslationOptions, register

from allocations.models import Allocation
from core.histories import keep_history


@register(Allocation)
class AllocationTranslation(TranslationOptions):
    fields = ("title",)


# Here and not in models.py: a history made before the translated columns exist would not hold them.
keep_history(Allocation, excluded_fields=["search"])
