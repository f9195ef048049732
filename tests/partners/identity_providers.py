"""Identity providers as institutions run them: one for OpenID Connect, a server of its own; one for SAML, which signs
what it says; one that is as strict as ProConnect."""

import base64
import json
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import uuid4
from xml.etree import ElementTree

import jwt
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from tests.processes import wait_until
from tests.smtp import free_port


@contextmanager
def openid_connect() -> Iterator[str]:
    """A provider at the address that is given; it knows whoever is told to it with `tell`."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    address = f"http://localhost:{port}"
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: _answers(f"{address}/.well-known/openid-configuration"), 30, "an identity provider that answers"
        )
        yield address
    finally:
        server.terminate()
        server.wait(10)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).ok
    except requests.ConnectionError:
        return False


def tell(address: str, sub: str, **claims: Any) -> None:
    """Let the provider know somebody."""
    requests.put(f"{address}/users/{sub}", json=claims, timeout=10).raise_for_status()


def consent(address: str, sub: str) -> str:
    """Sign in as `sub` at the provider's page `address`; return where it sends the browser back to."""
    response = requests.post(address, data={"sub": sub}, allow_redirects=False, timeout=10)
    assert response.is_redirect, response.text
    return response.headers["Location"]


class SamlProvider:
    """Answers requests for sign-in with assertions that it has signed."""

    entity_id = "https://idp.example.org/metadata"
    sso_url = "https://idp.example.org/sso"

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.example.org")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=9)
        )
        self.certificate = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
        self.key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def answer(self, address: str, email: str, *, key: str = "", **other: str) -> tuple[str, str]:
        """What the browser posts back, and where, for the request in `address`; `key` signs instead of the provider's
        own."""
        packed = parse_qs(urlsplit(address).query)["SAMLRequest"][0]
        asked = ElementTree.fromstring(zlib.decompress(base64.b64decode(packed), -15))
        said = {
            "answers": asked.attrib["ID"],
            "to": asked.attrib["AssertionConsumerServiceURL"],
            "audience": asked.findtext("{urn:oasis:names:tc:SAML:2.0:assertion}Issuer"),
            "issuer": self.entity_id,
            "email": email,
            "id": f"_{uuid4()}",
            "assertion": f"_{uuid4()}",
            "now": _stamp(0),
            "before": _stamp(-60),
            "after": _stamp(300),
        } | other
        assertion = OneLogin_Saml2_Utils.add_sign(ASSERTION.format(**said), key or self.key, self.certificate).decode()
        response = RESPONSE.format(**said, content=assertion[assertion.index("<saml:Assertion") :])
        return said["to"], base64.b64encode(response.encode()).decode()


def _stamp(seconds: int) -> str:
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


ASSERTION = (
    '<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{assertion}" Version="2.0" '
    'IssueInstant="{now}">'
    "<saml:Issuer>{issuer}</saml:Issuer><saml:Subject>"
    '<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{email}</saml:NameID>'
    '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
    '<saml:SubjectConfirmationData InResponseTo="{answers}" NotOnOrAfter="{after}" Recipient="{to}"/>'
    "</saml:SubjectConfirmation></saml:Subject>"
    '<saml:Conditions NotBefore="{before}" NotOnOrAfter="{after}">'
    "<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
    '<saml:AuthnStatement AuthnInstant="{now}" SessionIndex="{assertion}"><saml:AuthnContext>'
    "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext>"
    "</saml:AuthnStatement></saml:Assertion>"
)
RESPONSE = (
    '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
    'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{id}" Version="2.0" IssueInstant="{now}" '
    'Destination="{to}" InResponseTo="{answers}"><saml:Issuer>{issuer}</saml:Issuer>'
    '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
    "{content}</samlp:Response>"
)


class ProConnect:
    """A provider that behaves as the public guide of ProConnect says, over HTTP on loopback: it refuses a question with
    anything that the guide does not name, gives a code that lives for 30 seconds, and signs what it says about people.

    `twist` changes what it answers: a function for `token` or `userinfo`, from the claims to what is sent.
    https://partenaires.proconnect.gouv.fr/docs/fournisseur-service/implementation_technique
    """

    client_id, secret = "a-service", "a-secret-of-the-service-that-is-long-enough"
    NEEDED = {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce"}
    OPTIONAL = {"claims", "prompt", "idp_hint", "login_hint"}
    SCOPES = {"openid", "given_name", "usual_name", "email", "uid", "siret", "siren", "organizational_unit", "phone"}

    def __init__(self, redirect_uri: str) -> None:
        self.redirect_uri = redirect_uri
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid, self.algorithm = "first", "RS256"
        self.person = {"sub": "0f1e", "email": "ada@cnam.example", "uid": "1234"}
        self.twist: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.hangs: set[str] = set()  # paths that are never answered
        self.asked: list[str] = []
        self.is_over = threading.Event()
        self.codes: dict[str, tuple[float, str]] = {}
        self.tokens: set[str] = set()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._answer(self)

            def do_POST(self) -> None:
                provider._answer(self)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://localhost:{self.server.server_port}/api/v2"

    @contextmanager
    def running(self) -> "Iterator[ProConnect]":
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.is_over.set()
            self.server.shutdown()
            thread.join()
            self.server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path, _, query = request.path.removeprefix("/api/v2").partition("?")
        self.asked.append(path)
        form = request.rfile.read(int(request.headers.get("Content-Length") or 0)).decode()
        if path in self.hangs:
            self.is_over.wait(30)
            return
        status, kind, body = {
            "/.well-known/openid-configuration": self._configuration,
            "/jwks": self._jwks,
            "/authorize": lambda: self._authorize(dict(parse_qsl(query, keep_blank_values=True))),
            "/token": lambda: self._token(dict(parse_qsl(form, keep_blank_values=True))),
            "/userinfo": lambda: self._userinfo(request.headers.get("Authorization", "")),
        }[path]()
        request.send_response(status)
        request.send_header("Location" if status == 302 else "Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body.encode())

    def _json(self, said: Any, status: int = 200) -> tuple[int, str, str]:
        return status, "application/json;charset=utf-8", json.dumps(said)

    def _configuration(self) -> tuple[int, str, str]:
        names = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "userinfo_endpoint": "userinfo",
            "jwks_uri": "jwks",
            "end_session_endpoint": "session/end",
        }
        said = {name: f"{self.address}/{path}" for name, path in names.items()}
        return self._json(said | {"issuer": self.address, "code_challenge_methods_supported": ["S256"]})

    def _jwks(self) -> tuple[int, str, str]:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return self._json({"keys": [key | {"kid": self.kid, "use": "sig", "alg": "RS256"}]})

    def _authorize(self, asked: dict[str, str]) -> tuple[int, str, str]:
        is_right = (
            self.NEEDED <= set(asked) <= self.NEEDED | self.OPTIONAL
            and (asked["response_type"], asked["client_id"]) == ("code", self.client_id)
            and asked["redirect_uri"] == self.redirect_uri
            and min(len(asked["state"]), len(asked["nonce"])) >= 32
            and {"openid"} <= set(asked["scope"].split()) <= self.SCOPES
        )
        if not is_right:
            return self._json({"error": "Y000400", "asked": asked}, 400)
        code = uuid4().hex
        self.codes[code] = (time.monotonic(), asked["nonce"])
        return 302, f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.address})}", ""

    def _token(self, form: dict[str, str]) -> tuple[int, str, str]:
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.secret):
            return self._json({"error": "invalid_client", "error_description": f"not {form}"}, 401)
        given_at, nonce = self.codes.pop(form.get("code", ""), (0, ""))
        is_right = (
            set(form) == {"grant_type", "client_id", "client_secret", "redirect_uri", "code"}
            and form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == self.redirect_uri
            and time.monotonic() - given_at < 30
        )
        if not is_right:
            return self._json({"error": "invalid_grant"}, 400)
        access = uuid4().hex
        self.tokens.add(access)
        claims = {"sub": self.person["sub"], "nonce": nonce, "acr": "eidas1", "amr": ["pwd"], "exp": self._in(60)}
        said = {"access_token": access, "token_type": "Bearer", "expires_in": 60, "scope": "openid email"}
        return self._json(said | {"id_token": self._signed("token", claims)})

    def _userinfo(self, authorization: str) -> tuple[int, str, str]:
        if authorization.removeprefix("Bearer ") not in self.tokens:
            return self._json({"error": "invalid_token"}, 401)
        said = self._signed("userinfo", dict(self.person))
        return self._json(said) if isinstance(said, dict) else (200, "application/jwt", said)

    def _in(self, seconds: int) -> int:
        return int(time.time()) + seconds

    def _signed(self, what: str, claims: dict[str, Any]) -> Any:
        claims = {"iss": self.address, "aud": self.client_id, "iat": self._in(0)} | claims
        said = self.twist.get(what, dict)(claims)
        if not isinstance(said, dict) or said.pop("unsigned", False):
            return said
        key: Any = self.secret if self.algorithm == "HS256" else self.key
        return jwt.encode(said, key, algorithm=self.algorithm, headers={"kid": self.kid})
