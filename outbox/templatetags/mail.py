from typing import Any

from django import template
from django.conf import settings

from core.identity import Identity, current_identity

register = template.Library()


@register.simple_tag(takes_context=True)
def summit(context: dict[str, Any]) -> Identity:
    """Who speaks in the mail: the `edition` that it is about, else the current one."""
    return context.get("edition") or current_identity()


@register.simple_tag
def base_url() -> str:
    """The address that links of a mail begin with: the configured one, never the Host that a request claimed."""
    return settings.BASE_URL
