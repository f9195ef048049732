"""Who is asking: the attendee behind a request, or the page that they must go through first."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import Attendee, User

View = Callable[..., HttpResponse]


def attendee_of(request: HttpRequest) -> Attendee | None:
    """The attendee who is signed in, or None for a stranger and for an account that has not given its name yet."""
    return getattr(request.user, "attendee", None) if request.user.is_authenticated else None


def attendee_required(view: View) -> View:
    """Let the view run for a signed-in attendee only, as `request.attendee`; others sign in, or give their name, and come back."""

    @login_required
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        attendee = attendee_of(request)
        if attendee is None:
            came_from = request.get_full_path() if request.method == "GET" else request.POST.get("next", "")
            return redirect(f"{reverse('accounts:welcome')}?{urlencode({'next': came_from})}")
        request.attendee = attendee  # type: ignore[attr-defined]
        attendee.user = cast("User", request.user)
        return view(request, *args, **kwargs)

    return wrapped
