"""What the pages of the portal have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from core import clock
from partners.domain import identity, sign_in_failures
from partners.models import SignIn

View = Callable[..., HttpResponse]


def back_to_the_code(request: HttpRequest, sentence: str = "") -> HttpResponse:
    """Back to the sign-in page, where a code always does, with the `sentence` that says why."""
    messages.error(request, sentence or _("Your institution didn’t sign you in. Try again, or sign in with a code."))
    return redirect("account_login")


LANGUAGE = "institution_sign_in_language"  # in the session of whoever is on the way to their institution and back


def setting_out(view: View) -> View:
    """`view` leads to an institution: its address knows no language, the page to go on to afterwards does."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        language = translation.get_language_from_path(request.GET.get("next", "")) or settings.LANGUAGE_CODE
        request.session[LANGUAGE] = language
        translation.activate(language)
        return view(request, *args, **kwargs)

    return wrapped


def coming_back(view: View) -> View:
    """`view` answers whoever comes back from an institution, in the language in which they set out."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        translation.activate(request.session.pop(LANGUAGE, settings.LANGUAGE_CODE))
        return view(request, *args, **kwargs)

    return wrapped


def _turned_off(request: HttpRequest) -> HttpResponse:
    return back_to_the_code(request, _("Sign-in through this institution is turned off."))


def for_active_sign_ins(*protocols: SignIn.Protocol) -> Callable[[View], View]:
    """Let the view run for an institution, named by its slug, whose sign-in has one of these protocols and is active.
    For every other nothing is looked at or kept, and there is no page (docs/rules.md#institution-sign-in); but whoever
    set out before it was turned off is told so."""

    def decorated(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            (slug,) = kwargs.values()
            if not identity.is_active(slug, *protocols):
                if LANGUAGE in request.session and identity.is_turned_off(slug, *protocols):
                    return coming_back(_turned_off)(request)
                raise Http404
            return view(request, **kwargs)

        return never_cache(wrapped)

    return decorated


def failed(slug: str, cause: str, detail: str = "") -> None:
    """Note why nobody was signed in through this institution."""
    for pk in SignIn.objects.filter(institution__slug=slug).values_list("pk", flat=True):
        sign_in_failures.note(pk, slug, cause, detail, at=clock.now())


def as_file(text: str, name: str) -> HttpResponse:
    """`text` as a CSV file of that name to keep, with the mark that makes Excel read UTF-8."""
    response = HttpResponse(text.encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, name)  # noqa: FBT003
    return response
