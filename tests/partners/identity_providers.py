"""Identity providers as institutions run them: one for OpenID Connect, a server of its own; one for SAML, which signs
what it says."""

import base64
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4
from xml.etree import ElementTree

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
