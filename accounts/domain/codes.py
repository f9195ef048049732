"""Codes by which somebody who is signed in shows once more that an address is theirs (docs/rules.md#own-account)."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.domain import limits
from core.limits import TooMany, give_back
from outbox.domain.posting import post
from outbox.models import Message

SIGN_IN, NEW_ADDRESS = "accounts.code", "accounts.new_address"


class Void(Exception):
    """The code has run out, or was guessed at too often: another one must be asked for."""


@dataclass(frozen=True)
class Sent:
    """A code that is on its way, as a web session keeps it: of the code itself, a hash."""

    address: str
    digest: str
    at: float

    def kept(self) -> dict[str, Any]:
        return {"address": self.address, "digest": self.digest, "at": self.at}

    @classmethod
    def read(cls, kept: Any) -> "Sent | None":
        return cls(**kept) if kept else None


def send(address: str, *, account: int, kind: str, language: str, at: datetime) -> Sent:
    """Post a new code to `address`, whoever it belongs to, for the person of `account`. Raises TooMany, as signing in
    does."""
    limits.CODES_SENT.take(address, at=at)
    limits.CODES_SENT_A_DAY.take(address, at=at)
    code = f"{secrets.randbelow(10**8):08}"
    post(
        kind,
        address,
        dedupe_key=f"{kind}:{account}:{uuid.uuid4()}",
        language=language,
        context={"code": f"{code[:4]}-{code[4:]}"},
        lane=Message.Lane.URGENT,
    )
    return Sent(address, _digest(address, code), at.timestamp())


def is_right(sent: Sent, typed: str, *, at: datetime, counted: str = "") -> bool:
    """Whether `typed`, eight digits, is the code that was sent. Raises TooMany, and Void after three tries or fifteen
    minutes. Tries are counted before the code is looked at: of a burst, no more than three are.

    `counted`: by what, where others than the owner of the address can try, and must not use up what that person has.
    """
    issued_at = datetime.fromtimestamp(sent.at, UTC)
    if at - issued_at > timedelta(seconds=settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT):
        raise Void
    mark = limits.CODES_TRIED.take(counted or sent.address, at=at)
    try:
        limits.TRIES_OF_A_CODE.take(f"{sent.address} {sent.digest}", at=issued_at)
    except TooMany as spent:
        raise Void from spent
    if not constant_time_compare(_digest(sent.address, typed), sent.digest):
        return False
    give_back(mark)
    return True


def _digest(address: str, code: str) -> str:
    return salted_hmac("accounts.codes", f"{address} {code}", algorithm="sha256").hexdigest()
