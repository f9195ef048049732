"""The pages of signing in through one's institution (OpenID Connect): allauth's, but that nothing which a provider does
is an error of ours."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import requests
from allauth.socialaccount.providers.openid_connect import views
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from partners.pages import back_to_the_code

View = Callable[..., HttpResponse]


def _whatever_it_answers(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (requests.RequestException, ValueError, KeyError, TypeError):
            # It is down, or what it says is no JSON, or lacks something.
            return back_to_the_code(request)

    return never_cache(wrapped)


begin = _whatever_it_answers(views.login)
finish = _whatever_it_answers(views.callback)
