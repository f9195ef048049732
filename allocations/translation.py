from modeltranslation.translator import TranslationOptions, register
from simple_history import register as keep_history

from allocations.models import Allocation


@register(Allocation)
class AllocationTranslation(TranslationOptions):
    fields = ("title",)


# Here and not in models.py: a history made before the translated columns exist would not hold them.
keep_history(Allocation, excluded_fields=["search"])
