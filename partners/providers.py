"""OpenID Connect as allauth speaks it, but with documents that the worker has fetched, tokens that are looked at, and
nothing in a question that the standard or ProConnect does not ask for."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, get_random_string

from core import clock
from core.fetching import Client, NotFetched
from partners.domain import provider_documents, tokens
from partners.domain.sign_in_failures import SignInFailed
from partners.models import ProviderDocuments, SignIn

RANDOM = 43  # characters of state and nonce: ProConnect wants 32 at least
AT_A_TIME = 2  # of the four threads of a web process (gunicorn.conf.py) may wait for providers
_slots = threading.BoundedSemaphore(AT_A_TIME)


@contextmanager
def slot() -> Iterator[None]:
    """While a provider is asked within somebody's request. Raises SignInFailed when too many wait already: a provider
    that hangs must not hold all threads."""
    if not _slots.acquire(blocking=False):
        raise SignInFailed("busy")
    try:
        yield
    finally:
        _slots.release()


def begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Send the browser to the provider of an institution."""
    return OAuth2LoginView.adapter_view(Adapter(request, slug))(request)


def finish(request: HttpRequest, slug: str) -> HttpResponse:
    """Take the browser back, and ask the provider who it is."""
    return _Callback.adapter_view(Adapter(request, slug))(request)


class Adapter(OpenIDConnectOAuth2Adapter):
    """Asks the provider for its token and for what it says about the person: nothing else is asked in a request."""

    nonce = ""

    @property
    def documents(self) -> ProviderDocuments:
        if not hasattr(self, "_documents"):
            try:
                self._documents = provider_documents.usable(self.sign_in, at=clock.now())
            except provider_documents.NotUsable as error:
                raise SignInFailed("documents") from error
        return self._documents

    @property
    def sign_in(self) -> SignIn:
        if not hasattr(self, "_sign_in"):
            self._sign_in = SignIn.objects.get(institution__slug=self.provider_id)
        return self._sign_in

    @property
    def openid_config(self) -> dict[str, Any]:
        return dict(self.documents.configuration)

    def get_access_token_data(self, request: HttpRequest, app: SocialApp, client: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            return dict(super().get_access_token_data(request, app, client, **kwargs))
        except NotFetched as error:
            raise SignInFailed("unreachable", error.code) from error
        except OAuth2Error as error:
            # Of what the provider wrote, which may repeat the secret, only the standard's code (RFC 6749, section 5.2).
            code = re.search(r'"error"\s*:\s*"([a-z_]{1,40})"', str(error))
            said = code[1] if code else ""
            is_ours = said in ("invalid_client", "unauthorized_client")
            raise SignInFailed("client" if is_ours else "code", said) from None

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        id_token = kwargs["response"].get("id_token")
        if not isinstance(id_token, str):
            raise SignInFailed("token", "none")
        said = self._claims(id_token, "token", required=("iss", "aud", "sub", "exp"))
        if not self.nonce or not constant_time_compare(str(said.get("nonce", "")), self.nonce):
            raise SignInFailed("token", "nonce")
        data = {"id_token": said}
        if "userinfo_endpoint" in self.openid_config:
            userinfo = self._userinfo(token.token)
            if userinfo.get("sub") != said["sub"]:  # it may be somebody else's (OpenID Connect Core 1.0, 5.3.2)
                raise SignInFailed("userinfo", "sub")
            data["userinfo"] = userinfo
        return self.get_provider().sociallogin_from_response(request, data)

    def _userinfo(self, access_token: str) -> dict[str, Any]:
        try:
            with Client() as client:
                answer = client.get(self.profile_url, headers={"Authorization": f"Bearer {access_token}"})
        except NotFetched as error:
            raise SignInFailed("unreachable", error.code) from error
        if answer.status_code != 200:
            raise SignInFailed("userinfo", f"HTTP {answer.status_code}")
        if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "application/jwt":
            return self._claims(answer.text.strip(), "userinfo", required=("iss", "aud", "sub"))
        if self.sign_in.protocol == SignIn.Protocol.PROCONNECT:
            raise SignInFailed("userinfo", "not signed")
        said = answer.json()
        if not isinstance(said, dict):
            raise SignInFailed("userinfo", "format")
        return said

    def _claims(self, token: str, cause: str, *, required: tuple[str, ...]) -> dict[str, Any]:
        try:
            return tokens.claims(
                token,
                issuer=self.openid_config["issuer"],
                keys=self.documents.keys["keys"],
                client_id=self.sign_in.client_id,
                secret=self.sign_in.secret,
                required=required,
            )
        except tokens.UnknownKey as error:
            provider_documents.want(self.sign_in, at=clock.now())
            raise SignInFailed(cause, "key") from error
        except tokens.WrongToken as error:
            raise SignInFailed(cause, str(error)) from error


class Provider(OpenIDConnectProvider):
    """Asks for the person's address, and for nothing that a visitor writes into our address."""

    oauth2_adapter_class = Adapter

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        return {"process": AuthProcess.LOGIN, "next_url": get_next_redirect_url(request)}

    def redirect(
        self, request: HttpRequest, process: Any, next_url: str | None = None, data: Any = None, **_kwargs: Any
    ) -> HttpResponse:
        # Before a state is kept: without documents the browser goes nowhere.
        Adapter(request, self.app.provider_id).documents  # noqa: B018
        nonce = get_random_string(RANDOM)
        return super().redirect(request, process, next_url, data, nonce=nonce, auth_params={"nonce": nonce})


class _Callback(OAuth2CallbackView):
    adapter: Adapter

    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, response = super()._get_state(request, provider)
        self.adapter.nonce = (state or {}).get("nonce") or ""
        return state, response
