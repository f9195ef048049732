"""The pages of signing in through one's institution by SAML: allauth's, for institutions that are set up so. They are
there when SAML is installed."""

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.saml import utils, views
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST, require_safe
from onelogin.saml2.auth import OneLogin_Saml2_Auth, OneLogin_Saml2_Settings
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError

from partners.models import SignIn
from partners.pages import back_to_the_code, coming_back, failed, for_active_sign_ins, setting_out

of_saml = for_active_sign_ins(SignIn.Protocol.SAML)
# What the library raises over answers that are no answers; a broken XML is a SyntaxError.
WRONG = (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, ValueError, SyntaxError, KeyError, TypeError)
KEPT = "saml-acs-session"  # the cookie of allauth's own session
# A word in what the library says, and the cause (domain/sign_in_failures.py); the first that is found.
CAUSES = {
    "audience": "audience",
    "issuer": "issuer",
    "inresponseto": "unasked",
    "sign": "signature",
    "timestamp": "time",
    "timing": "time",
    "expired": "time",
    "subjectconfirmation": "time",
    "status code": "refused",
}


@require_GET
@of_saml
@setting_out
def begin(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Send the browser to the institution's provider."""
    return views.login(request, organization_slug=organization_slug)


@csrf_exempt  # what the provider has signed is checked instead
@require_POST
@of_saml
def receive(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Take the provider's answer.

    The browser sends it without the cookie of its web session, so allauth keeps it in a session of its own for the next
    page. Only what the institution's provider has signed is kept: strangers may post here what they like. What
    is not is answered by the next page too, which knows the language.
    """
    auth = _auth(request, organization_slug)
    try:
        auth.process_response()
        reason = auth.get_last_error_reason() or ""
    except WRONG:  # no provider sends this
        return redirect("saml_finish_acs", organization_slug)
    if reason or auth.get_errors() or not auth.is_authenticated():
        # What the library says may name addresses: the kind of it is enough.
        failed(organization_slug, next((cause for word, cause in CAUSES.items() if word in reason.lower()), "answer"))
        return redirect("saml_finish_acs", organization_slug)
    return views.acs(request, organization_slug=organization_slug)


@require_GET
@of_saml
@coming_back
def finish(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Sign in whoever the answer is about, in the web session that asked."""
    if KEPT not in request.COOKIES:  # the answer was not one
        return back_to_the_code(request)
    try:
        return views.finish_acs(request, organization_slug=organization_slug)
    except PermissionDenied:  # no question is kept that this would be the answer to
        failed(organization_slug, "unasked")
    except WRONG:
        failed(organization_slug, "answer")
    return back_to_the_code(request)


@require_safe
@of_saml
def metadata(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """What the institution needs to know of us."""
    app = get_adapter().get_app(request, provider=SignIn.Protocol.SAML, client_id=organization_slug)
    config = utils.build_saml_config(request, app.settings, organization_slug)
    del config["sp"]["singleLogoutService"]
    said = OneLogin_Saml2_Settings(settings=config, sp_validation_only=True).get_sp_metadata()
    return HttpResponse(said, content_type="text/xml")


def no_logout(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """There is no single logout; allauth's settings want its address all the same."""
    raise Http404


def _auth(request: HttpRequest, slug: str) -> OneLogin_Saml2_Auth:
    provider = get_adapter().get_provider(request, SignIn.Protocol.SAML, client_id=slug)
    return utils.build_auth(request, provider)
