from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import get_language

GetResponse = Callable[[HttpRequest], HttpResponse]
METHODS = ["GET", "HEAD", "POST", "OPTIONS"]


def refuse_odd_methods(get_response: GetResponse) -> GetResponse:
    """Answer 405 to what no page takes: PUT, TRACE or a word that somebody made up."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        return get_response(request)

    return middleware


def say_what_pages_may_use(get_response: GetResponse) -> GetResponse:
    """Forbid to pages, and to whatever they would load, the devices that they never ask for; say where browsers report
    what they block."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        if settings.REPORTING_ENDPOINTS:
            response.headers.setdefault("Reporting-Endpoints", settings.REPORTING_ENDPOINTS)
        return response

    return middleware


def refuse_odd_bytes(get_response: GetResponse) -> GetResponse:
    """Answer 400 to a NUL in an address: PostgreSQL cannot hold one, so a search for it would be a crash."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return render(request, "400.html", status=400)
        return get_response(request)

    return middleware


def keep_private_pages_private(get_response: GetResponse) -> GetResponse:
    """Forbid shared caches to keep any page that did not declare itself public (docs/rules.md#privacy)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "public" not in response.get("Cache-Control", ""):
            patch_cache_control(response, private=True, no_store=True)
            if request.headers.get("HX-Request"):
                # A public page is the same for htmx: it picks the part that it wants.
                patch_vary_headers(response, ["HX-Request"])
        return response

    return middleware


class LanguageOfTheAddress(LocaleMiddleware):
    """Django's own, without `Vary: Accept-Language`: here the address alone says the language, so one kept copy serves
    everybody."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:  # type: ignore[override]
        response.headers.setdefault("Content-Language", get_language() or "fr")
        return response


def explain_refused_methods(get_response: GetResponse) -> GetResponse:
    """Give people a page, not a void, when an address does not take what their browser sent."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == 405 and not response.content and request.method in ("GET", "POST"):
            response.content = render(request, "405.html").content
        return response

    return middleware
