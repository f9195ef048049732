from django import template
from django.conf import settings
from django.utils.translation import get_language

register = template.Library()


@register.simple_tag
def summit_name() -> str:
    """The name of the summit in the language of the mail."""
    return settings.SUMMIT_NAME_EN if get_language() == "en" else settings.SUMMIT_NAME_FR


@register.simple_tag
def base_url() -> str:
    """The address that links of a mail begin with: the configured one, never the Host that a request claimed."""
    return settings.BASE_URL
