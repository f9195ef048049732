"""Pages whose address was edited: the old one leads to the new one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse


def follows_edits(model: type[Model]) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Let the page of a `slug` that nothing has any more lead to the page of what had it last, if that may be seen."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapped(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, slug=slug, **kwargs)
            except Http404:
                known: Any = model
                pk = known.history.filter(slug=slug).order_by("-history_date", "-history_id").values_list("id").first()
                now = known._default_manager.filter(pk=pk[0]).values_list("slug").first() if pk else None
                if now is None or now[0] == slug or request.resolver_match is None:
                    raise
                view(request, slug=now[0], **kwargs)  # a page that is not there to be seen leads nowhere
                return HttpResponseRedirect(
                    reverse(request.resolver_match.view_name, kwargs=request.resolver_match.kwargs | {"slug": now[0]})
                )

        return wrapped

    return decorate
