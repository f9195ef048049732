"""The pages of signing in through one's institution (OpenID Connect, ProConnect): allauth's, but that nothing which a
provider does is an error of ours, nor holds our threads."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from partners import providers
from partners.domain.sign_in_failures import SignInFailed
from partners.models import SignIn
from partners.pages import back_to_the_code, coming_back, failed, for_active_sign_ins, setting_out

View = Callable[[HttpRequest, str], HttpResponse]


def _whatever_it_answers(view: View) -> View:
    @require_GET
    @for_active_sign_ins(*SignIn.OPENID)
    @wraps(view)
    def wrapped(request: HttpRequest, provider_id: str) -> HttpResponse:
        try:
            return view(request, provider_id)
        except SignInFailed as failure:
            failed(provider_id, failure.cause, failure.detail)
            if failure.cause == "busy":
                return back_to_the_code(
                    request, _("Your institution’s server is slow. Try again in a moment, or sign in with a code.")
                )
        except (ValueError, KeyError, TypeError) as error:  # what it says is no JSON, or lacks something
            failed(provider_id, "answer", type(error).__name__)
        return back_to_the_code(request)

    return wrapped


@_whatever_it_answers
@setting_out
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the browser to the institution's provider."""
    return providers.begin(request, provider_id)


@_whatever_it_answers
@coming_back
def finish(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Sign in whoever the provider vouches for."""
    with providers.slot():
        return providers.finish(request, provider_id)
