"""What identity providers say of themselves: fetched by a worker and kept, so that nobody who signs in waits for it
(docs/rules.md#provider-documents)."""

import logging
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q

from core.fetching import Client, NotFetched
from partners.models import ProviderDocuments, SignIn

log = logging.getLogger(__name__)

FRESH = timedelta(hours=1)  # then they are fetched again
USABLE = timedelta(days=1)  # a provider that answers no more for so long is not believed any longer
RETRY = timedelta(minutes=1)  # doubled with each failure, up to FRESH
AT_A_TIME = 5  # two documents each, three seconds at most for one: a worker's process is held for half a minute
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


class NotUsable(Exception):
    """The provider's documents are not there yet, or cannot be had any more."""


class _Wrong(Exception):
    """What came is not what the standard asks for; the message is the code."""


def due(at: datetime) -> list[SignIn]:
    """The sign-ins by OpenID Connect whose documents are to be fetched now, those that wait for the longest first."""
    for sign_in in SignIn.objects.filter(protocol__in=SignIn.OPENID, documents=None):
        ProviderDocuments.objects.get_or_create(sign_in=sign_in, defaults={"due_at": at})
    waiting = SignIn.objects.filter(protocol__in=SignIn.OPENID, documents__due_at__lte=at)
    return list(waiting.order_by("documents__due_at")[:AT_A_TIME])


def fetch(sign_in: SignIn, *, at: datetime) -> bool:
    """Fetch and keep the documents of a provider. False when they are not due, or another worker is at it.

    What was there before stays when they cannot be had, as long as it is of the same address.
    """
    kept = ProviderDocuments.objects.filter(sign_in=sign_in)
    before = kept.filter(due_at__lte=at).first()
    if not before or not kept.filter(due_at=before.due_at).update(due_at=at + RETRY):
        return False
    address = address_of(sign_in)
    try:
        configuration, keys = _documents(address)
    except (NotFetched, _Wrong) as error:
        code = str(error)
        log.warning("The documents of the provider of %s could not be fetched: %s", sign_in.institution.slug, code)
        failed = min(before.failed + 1, 30)
        stale: dict[str, Any] = {} if before.address == address else {"configuration": {}, "keys": {}}
        kept.update(
            problem=code, failed=failed, due_at=at + min(FRESH, RETRY * 2 ** (failed - 1)), address=address, **stale
        )
        return True
    kept.update(
        address=address, configuration=configuration, keys=keys, fetched_at=at, due_at=at + FRESH, failed=0, problem=""
    )
    return True


def want(sign_in: SignIn, *, at: datetime) -> bool:
    """Have the documents fetched soon, since the set-up or the provider's keys have changed; whether they will be. At
    most once a minute, whatever people send."""
    made = ProviderDocuments.objects.get_or_create(sign_in=sign_in, defaults={"due_at": at})[1]
    kept = ProviderDocuments.objects.filter(sign_in=sign_in, due_at__gt=at)
    changed = ~Q(address=address_of(sign_in))
    return made or bool(kept.filter(Q(fetched_at__lt=at - RETRY) | changed).update(due_at=at))


def usable(sign_in: SignIn, *, at: datetime) -> ProviderDocuments:
    """The documents to go by. Raises NotUsable."""
    found = ProviderDocuments.objects.filter(sign_in=sign_in, fetched_at__gt=at - USABLE).first()
    if not found or not found.configuration or found.address != address_of(sign_in):
        raise NotUsable
    return found


def address_of(sign_in: SignIn) -> str:
    """Where the provider's configuration is (OpenID Connect Discovery 1.0, section 4)."""
    if "/.well-known/" in sign_in.server_url:
        return sign_in.server_url
    return f"{sign_in.server_url.rstrip('/')}/.well-known/openid-configuration"


def _documents(address: str) -> tuple[dict[str, Any], dict[str, Any]]:
    with Client() as client:
        configuration = _json(client, address)
        if any(not isinstance(configuration.get(name), str) for name in NEEDED):
            raise _Wrong("incomplete")
        # The browser is sent there: core/fetching.py looks at the others.
        if not _is_secure(configuration["authorization_endpoint"]):
            raise _Wrong("address")
        keys = _json(client, configuration["jwks_uri"])
    if not isinstance(keys.get("keys"), list) or not all(isinstance(key, dict) for key in keys["keys"]):
        raise _Wrong("keys")
    return configuration, keys


def _json(client: Client, address: str) -> dict[str, Any]:
    answer = client.get(address)
    if answer.status_code != 200:
        raise _Wrong(f"HTTP {answer.status_code}")
    try:
        said = answer.json()
    except ValueError as error:
        raise _Wrong("format") from error
    if not isinstance(said, dict):
        raise _Wrong("format")
    return said


def _is_secure(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    is_own = settings.LOOPBACK_PROVIDERS and parts.hostname in ("localhost", "127.0.0.1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_own))
