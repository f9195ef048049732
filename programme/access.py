"""Which edition the public pages are about, and which of its pages anybody may see."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from programme.domain import editions
from programme.models import Edition


def edition_of(slug: str) -> Edition:
    """The public edition of that slug; raises Http404 for one in preparation, and for one that is kept elsewhere."""
    edition = Edition.objects.public().filter(slug=slug).first()
    if edition is None or (edition.link and not edition.is_current and not edition.events.exists()):
        raise Http404
    return edition


def in_edition(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Give `view` the edition of its address, or the current one, which is None while there is none. Of each page there
    is one address: the others lead there."""

    @wraps(view)
    def wrapped(request: HttpRequest, *, edition: str = "", **kwargs: Any) -> HttpResponse:
        if not edition:
            found = editions.shown()
        else:
            found = _following_edits(edition)
            if away := elsewhere(request, found):
                return away
        request.edition = found  # type: ignore[attr-defined]  # for summit.context_processors
        return view(request, found, **kwargs)

    return wrapped


def _following_edits(slug: str) -> Edition:
    """The edition of that slug, or the one that had it last, if it may be seen."""
    try:
        return edition_of(slug)
    except Http404:
        known: Any = Edition
        if Edition.objects.filter(slug=slug).exists():
            raise
        before = known.history.filter(slug=slug).order_by("-history_date", "-history_id").values_list("id").first()
        now = Edition.objects.filter(pk=before[0]).values_list("slug").first() if before else None
        if now is None:
            raise
        return edition_of(now[0])


def address_in(edition: Edition, name: str, **kwargs: Any) -> str:
    """The address of a page of `edition`, by the name of its pattern."""
    of_edition = {} if edition.is_current else {"edition": edition.slug}
    return reverse(f"programme:{name}", kwargs=kwargs | of_edition)


def elsewhere(request: HttpRequest, edition: Edition) -> HttpResponse | None:
    """The way to the page that was asked for where it stands among those of `edition`; None when it is this one."""
    match = request.resolver_match
    if match is None:
        raise Http404
    kwargs = {name: value for name, value in match.kwargs.items() if name != "edition"}
    address = address_in(edition, match.url_name or "home", **kwargs)
    # Not by comparing editions: the current one may have changed since a cache was asked which it is.
    if address == request.path:
        request.edition = edition  # type: ignore[attr-defined]
        return None
    query = request.META.get("QUERY_STRING", "")
    return HttpResponseRedirect(f"{address}?{query}" if query else address)
