"""Pages that are the same for everybody, so that any cache may keep them whole."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.cache import cache_control, cache_page
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

View = Callable[..., HttpResponse]


def public_page(view: View | None = None, *, takes_query: bool = False) -> Any:
    """Keep the compressed answer of `view` for PUBLIC_CACHE_SECONDS, in this process and in every cache on the way.

    The view may show nothing about who asks: no user, no message, no CSRF token (docs/rules.md#privacy). A page that
    `takes_query` must redirect whatever it does not understand to an address that it does: only answers with status 200
    are kept, so made-up addresses fill no cache.
    """
    if view is None:
        return lambda view: public_page(view, takes_query=takes_query)
    kept = cache_page(0 if settings.DEBUG else settings.PUBLIC_CACHE_SECONDS, cache="pages")(
        cache_control(public=True)(gzip_page(view))
    )

    @require_safe
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.META.get("QUERY_STRING") and not takes_query:
            return HttpResponseRedirect(request.path)
        # The kept answers differ by this header: as browsers write it in dozens of ways, only what matters is left of
        # it.
        request.META["HTTP_ACCEPT_ENCODING"] = "gzip" if "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", "") else ""
        return kept(request, *args, **kwargs)

    return wrapped
