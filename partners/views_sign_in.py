"""The pages of signing in through one's institution: allauth's, but that nothing which a provider does is an error of
ours, and that whoever came from an English page is spoken to in English."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import requests
from allauth.socialaccount.providers.openid_connect import views
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from partners.models import SignIn
from partners.pages import back_to_the_code

View = Callable[..., HttpResponse]
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


def _whatever_it_answers(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (requests.RequestException, ValueError, KeyError, TypeError):
            # It is down, or what it says is no JSON, or lacks something.
            return back_to_the_code(request)

    return never_cache(wrapped)


def _if_still_open(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, provider_id: str, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, provider_id, **kwargs)
        except Http404:
            if not SignIn.objects.filter(institution__slug=provider_id, is_active=False).exists():
                raise
            return back_to_the_code(request, _("Sign-in through this institution is turned off."))

    return wrapped


begin = setting_out(_whatever_it_answers(views.login))
finish = coming_back(_if_still_open(_whatever_it_answers(views.callback)))
