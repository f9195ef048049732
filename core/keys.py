"""Keys of secret links: derived from a row, never stored (docs/rules.md#derived-keys).

A key is the UUID of a row and an HMAC of what the link is for, that UUID and a version. Whoever reads the database
learns no link; a new version of the row ends the links before it.
"""

import base64
import hashlib
import hmac
import re
from uuid import UUID

from django.conf import settings
from django.utils.crypto import constant_time_compare

_PROOF = 26  # bytes of the HMAC: with those of the UUID, 56 characters and no padding
_KEY = re.compile(r"[A-Za-z0-9_-]{56}")


def key(purpose: str, row: UUID, version: int) -> str:
    """The key of `row` for `purpose`, in characters that an address may hold."""
    secret = f"core.keys\0{settings.SECRET_KEY}".encode()
    proof = hmac.new(secret, f"{purpose}\0{row}\0{version}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(row.bytes + proof[:_PROOF]).decode()


def row_of(key: str) -> UUID | None:
    """Which row `key` names, whether or not it is right; None where it is no key at all."""
    return UUID(bytes=base64.urlsafe_b64decode(key)[:16]) if _KEY.fullmatch(key) else None


def is_right(typed: str, purpose: str, row: UUID, version: int) -> bool:
    """Whether `typed` is the key of `row` for `purpose`, compared in a time that tells nothing."""
    return constant_time_compare(typed, key(purpose, row, version))
