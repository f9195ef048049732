import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.http import escape_leading_slashes

from core.identity import current_identity
from summit import __version__

# Which entry of the main navigation stands for a page, by the name of its address.
SECTIONS = {
    "programme:programme": "programme",
    "programme:session": "programme",
    "programme:event": "programme",
    "programme:speakers": "speakers",
    "programme:speaker": "speakers",
    "venues:venues": "venues",
    "venues:venue": "venues",
    "registrations:me": "me",
}

# How htmx behaves on every page; an answer with mistakes in a form (422) is shown too.
HTMX_CONFIG = json.dumps(
    {
        "allowEval": False,
        "includeIndicatorStyles": False,
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..|422", "swap": True},
            {"code": "[45]..", "swap": False, "error": True},
        ],
    }
)


def summit(request: HttpRequest) -> dict[str, Any]:
    """What every page may name: the edition that it belongs to, whether this is a demonstration, and the addresses of
    the page in both languages.

    Nothing here may depend on who asks: public pages are kept whole by caches.
    """
    # An address that only takes forms may answer with a page that has another one.
    address = escape_leading_slashes(getattr(request, "page_address", request.get_full_path()))
    french = escape_leading_slashes(address.removeprefix("/en")) if address.startswith("/en/") else address
    return {
        "edition": SimpleLazyObject(lambda: getattr(request, "edition", None) or current_identity()),
        "summit_version": __version__,
        "demo_mode": settings.DEMO_MODE,
        "base_url": settings.BASE_URL,
        "htmx_config": HTMX_CONFIG,
        "address": address,
        "french_address": french,
        "english_address": f"/en{french}",
        "section": SECTIONS.get(request.resolver_match.view_name) if request.resolver_match else None,
    }
