"""Where allauth's providers meet the house: they are set up by institution, and end in a sign-in like every other."""

from typing import Any, cast

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import redirect, resolve_url
from django.utils.crypto import get_random_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.access import is_safe_next
from core.fetching import Client
from partners.domain import identity
from partners.models import SignIn
from partners.pages import back_to_the_code, failed
from partners.providers import RANDOM, Provider

SAML = SignIn.Protocol.SAML


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """No account of a provider is kept: who was vouched for is signed in by their address, as if a code had been
    typed."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """What is set up for institutions and active; `provider` is a protocol or the slug of an institution."""
        sign_ins = SignIn.objects.filter(is_active=True).select_related("institution")
        if provider == SAML:  # its addresses have the institution as `client_id`
            sign_ins = sign_ins.filter(protocol=SAML, institution__slug=client_id)
        elif provider:
            sign_ins = sign_ins.filter(institution__slug=provider)
        apps = [_app(sign_in) for sign_in in sign_ins]
        return [app for app in apps if not client_id or app.client_id == client_id]

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Any:
        """Ours for OpenID Connect; `provider` is the slug of an institution, or SAML."""
        app = self.get_app(request, provider=provider, client_id=client_id)
        if app.provider == SignIn.Protocol.OIDC:
            return Provider(request, app=app)
        return super().get_provider(request, provider, client_id=client_id)

    def get_requests_session(self) -> Client:
        return Client()

    def generate_state_param(self, state: dict[str, Any]) -> str:
        return get_random_string(RANDOM)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Sign in who was vouched for, and end allauth's own way here."""
        sign_in = SignIn.objects.filter(institution__slug=sociallogin.account.provider, is_active=True).first()
        if sign_in is None:
            raise ImmediateHttpResponse(back_to_the_code(request, _("Sign-in through this institution is turned off.")))
        email, is_verified = _address(sign_in, sociallogin)
        try:
            user = identity.person(
                sign_in, email, is_verified=is_verified, language="en" if get_language() == "en" else "fr"
            )
        except identity.NotVouchedFor as refused:
            failed(sign_in.institution.slug, refused.cause)
            raise ImmediateHttpResponse(back_to_the_code(request, str(refused))) from refused
        address = cast("str", sociallogin.state.get("next") or "")
        address = address if is_safe_next(address) else resolve_url(settings.LOGIN_REDIRECT_URL)
        if request.user == user:
            raise ImmediateHttpResponse(redirect(address))
        record_authentication(request, user, "socialaccount", provider=sign_in.institution.slug)
        raise ImmediateHttpResponse(perform_login(request, Login(user=user, redirect_url=address)))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Note why, and go back to the code. Without a state it is the answer to a question that nobody asked here."""
        is_asked = bool((extra_context or {}).get("state")) or exception is not None
        said = request.GET.get("error", "")
        failed(provider.app.provider_id, "refused" if is_asked else "unasked", said if is_asked else "")
        raise ImmediateHttpResponse(back_to_the_code(request))


def _app(sign_in: SignIn) -> SocialApp:
    slug = sign_in.institution.slug
    app = SocialApp(provider=sign_in.protocol, provider_id=slug, name=sign_in.institution.name)
    if sign_in.protocol == SignIn.Protocol.PROCONNECT:
        # Its public guide: whatever it does not name (PKCE too) is refused, the secret comes in the form, and no level
        # of assurance (acr) is asked for: every one will do.
        app.provider = SignIn.Protocol.OIDC
        app.client_id, app.secret = sign_in.client_id, sign_in.secret
        app.settings = {
            "server_url": sign_in.server_url,
            "oauth_pkce_enabled": False,
            "scope": ["openid", "email"],
            "token_auth_method": "client_secret_post",
        }
    elif sign_in.protocol == SignIn.Protocol.OIDC:
        app.client_id, app.secret = sign_in.client_id, sign_in.secret
        app.settings = {"server_url": sign_in.server_url, "oauth_pkce_enabled": True}
    else:
        app.client_id = slug  # the name of the institution in the addresses of allauth's pages
        app.settings = {
            "idp": {"entity_id": sign_in.entity_id, "sso_url": sign_in.sso_url, "x509cert": sign_in.certificate},
            "advanced": {
                "want_assertion_signed": True,
                "want_name_id": True,
                "want_attribute_statement": False,
                "reject_idp_initiated_sso": True,
            },
        }
    return app


def _address(sign_in: SignIn, sociallogin: SocialLogin) -> tuple[str, bool | None]:
    """The address that the provider gives, and whether it says that it has verified it."""
    data = sociallogin.account.extra_data
    if sign_in.protocol in SignIn.OPENID:
        both = [data.get("userinfo") or {}, data.get("id_token") or {}]
        said = next((said for said in both if said.get("email")), {})  # never the address of one, verified by the other
        return str(said.get("email") or ""), said.get("email_verified")
    return (sociallogin.user.email if sociallogin.user else "") or "", None
