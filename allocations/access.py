"""Which allocations take wishes or show their result."""

from datetime import datetime

from django.shortcuts import get_object_or_404

from allocations.domain import allocation
from allocations.models import Allocation


def visible_allocation(slug: str, at: datetime) -> Allocation:
    """The allocation of that slug; raises Http404 before its wishes begin as for an unknown one."""
    return get_object_or_404(allocation.visible(at), slug=slug)
