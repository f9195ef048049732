"""Links between the pages of one edition."""

from typing import Any

from django import template
from django.urls import reverse

from programme.domain import retention

register = template.Library()


@register.simple_tag
def page_of(edition: Any, name: str, slug: str = "") -> str:
    """The address of a page of the programme (`home`, `programme`, `session`…) where it stands for `edition`."""
    at_root = getattr(edition, "is_current", True)  # what is nobody's edition has its pages at `/`
    where = {} if at_root else {"edition": edition.slug}
    return reverse(f"programme:{name}", kwargs=where | ({"slug": slug} if slug else {}))


@register.simple_tag
def legal_basis(edition: Any) -> str:
    """What makes it lawful to keep people's data: as `edition` says, or while there is none, as a new one would."""
    return retention.legal_basis(getattr(edition, "legal_basis", ""))
