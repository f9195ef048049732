"""A form has its effect once, however often it is sent (docs/rules.md#seats)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import User
from registrations.models import IdempotencyKey


@dataclass(frozen=True)
class Key:
    """What is hidden in one rendered form, and a fingerprint of what was sent with it."""

    user: User
    value: UUID
    body: str

    @classmethod
    def from_post(cls, user: User, value: UUID, fields: Mapping[str, Any]) -> "Key":
        text = "\0".join(f"{name}={fields[name]}" for name in sorted(fields))
        return cls(user, value, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


class KeyReused(Exception):
    """The key was used for something else: what was sent is not what its form showed."""


def spend(key: Key | None, answer: dict[str, Any]) -> None:
    """Note, in the transaction of the effect, that `key` has had it. A second time raises IntegrityError, and the
    effect goes with it."""
    if key:
        IdempotencyKey.objects.create(user=key.user, key=key.value, body=key.body, answer=answer)


def answer_of(key: Key | None) -> dict[str, Any] | None:
    """What was answered when `key` had its effect, or None; raises KeyReused when something else was sent then."""
    spent = key and IdempotencyKey.objects.filter(user=key.user, key=key.value).first()
    if not spent:
        return None
    if spent.body != key.body:  # type: ignore[union-attr]
        raise KeyReused
    return spent.answer
