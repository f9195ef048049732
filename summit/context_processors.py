from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language


def summit(request: HttpRequest) -> dict[str, Any]:
    """What every page may name: the summit, and whether this is a demonstration."""
    name = settings.SUMMIT_NAME_EN if get_language() == "en" else settings.SUMMIT_NAME_FR
    return {"summit_name": name, "demo_mode": settings.DEMO_MODE}
