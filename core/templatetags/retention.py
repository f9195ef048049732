"""How long data about people is kept, on pages: made from what the run goes by."""

from typing import Any

from django import template

from core.retention import sentences

register = template.Library()


@register.simple_tag
def how_long(*keys: str, edition: Any = None) -> str:
    """What people are told about these kinds of data of an edition; without one, of the current edition."""
    return " ".join(sentences(edition, *keys))


@register.simple_tag
def periods(edition: Any = None) -> list[str]:
    """What people are told about every kind of data of an edition; without one, of the current edition."""
    return sentences(edition)
