"""Devices on which somebody has signed in before: what strangers try with their address does not slow them down
(docs/rules.md#sign-in-limits)."""

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from core.hashes import keyed_hash

COOKIE = "known_device"
AGE = 182 * 24 * 3600
PEOPLE = 5  # who share a device; the latest
_SALT = "accounts.devices"


def known_device(request: HttpRequest, address: str) -> str:
    """The name of the device, if somebody has signed in on it with `address`; else empty."""
    read = _read(request)
    return f"device {read['id']}" if _hash(address) in read["of"] else ""


def remember(request: HttpRequest, response: HttpResponse, address: str) -> None:
    """Note on the device that somebody has signed in with `address`."""
    read, named = _read(request), _hash(address)
    people = [named, *(other for other in read["of"] if other != named)][:PEOPLE]
    response.set_cookie(
        COOKIE,
        signing.dumps({"id": read["id"], "of": people}, salt=_SALT),
        max_age=AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, Any]:
    try:
        return signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=AGE)
    except signing.BadSignature:
        return {"id": secrets.token_urlsafe(12), "of": []}


def _hash(address: str) -> str:
    return keyed_hash(f"accounts.devices:{address}")
