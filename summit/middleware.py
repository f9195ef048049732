from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils.cache import patch_cache_control, patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponse]


def refuse_odd_bytes(get_response: GetResponse) -> GetResponse:
    """Answer 400 to a NUL in an address: PostgreSQL cannot hold one, so a search for it would be a crash."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return HttpResponseBadRequest("Bad request")
        return get_response(request)

    return middleware


def keep_private_pages_private(get_response: GetResponse) -> GetResponse:
    """Forbid shared caches to keep any page that did not declare itself public (docs/rules.md#privacy)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "public" not in response.get("Cache-Control", ""):
            patch_cache_control(response, private=True, no_store=True)
        if request.headers.get("HX-Request"):
            patch_vary_headers(response, ["HX-Request"])
        return response

    return middleware
