"""Codes that are mailed to an address: to sign in, and to show once more that it is theirs.

An address has one current code, which all who ask for it share: strangers who ask in somebody's name neither void the
code that is in her mailbox nor have another one sent. A device on which she signed in before has a code of its own, and
so have a person who is signed in and an invitation (`asked_by`).
"""

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import constant_time_compare

from accounts.domain import limits
from accounts.models import MailedCode
from core.hashes import keyed_hash
from core.limits import TooMany, give_back
from outbox.domain.posting import post
from outbox.models import Message

SIGN_IN, NEW_ADDRESS = "accounts.code", "accounts.new_address"
SHORT, LONG = 8, 16  # digits; the long ones once the short ones were guessed at too often (accounts/domain/limits.py)
TIME = timedelta(seconds=settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT)
# How long one code is sent to an address that was mailed thirty times today: twelve mails more at the most.
SLOW = timedelta(hours=2)


class Void(Exception):
    """The code has run out, was used, or was guessed at too often: one has to ask again."""


@dataclass(frozen=True)
class Sent:
    """A code that is on its way, as a web session keeps it: of the code itself, the number of its row. `again_at`, of
    one that was mailed a moment ago: when it will be mailed again if somebody asks."""

    address: str
    number: int
    at: float
    asked_by: str = ""
    code: str = ""
    mailed_at: datetime | None = None
    again_at: datetime | None = None

    def kept(self) -> dict[str, Any]:
        return {"address": self.address, "number": self.number, "at": self.at, "asked_by": self.asked_by}

    @classmethod
    def read(cls, kept: Any) -> "Sent | None":
        return cls(**kept) if kept and "number" in kept else None

    @property
    def is_new(self) -> bool:
        """Whether it is to be mailed now."""
        return self.again_at is None


@transaction.atomic
def issue(address: str, *, asked_by: str = "", at: datetime) -> Sent:
    """The current code of `address`, and whether it is to be mailed now: a new one is, one that is on its way already
    is not before its time. The same is done for every address, whoever it belongs to."""
    whose = {"address_hash": hash_of(address), "asked_by": asked_by}
    is_guessed = limits.GUESSES_A_DAY.is_spent(address, source=asked_by, at=at)
    current = MailedCode.objects.filter(**whose, is_current=True)
    row = current.select_for_update().first()
    if row and (at >= row.ends_at - TIME or (is_guessed and row.digits == SHORT)):
        current.update(is_current=False)
        row = None
    nonce = secrets.token_hex(16)
    if row is None:
        life = SLOW if _is_mailed_often(address, asked_by, at) else TIME
        made = MailedCode(
            **whose,
            nonce=nonce,
            digits=LONG if is_guessed else SHORT,
            issued_at=at,
            mailed_at=at,
            ends_at=at + life + TIME,
        )
        MailedCode.objects.bulk_create([made], ignore_conflicts=True)  # somebody else may have asked at this moment
        row = current.get()
    due_at = _again_at(row)
    again_at: datetime | None = due_at
    if row.nonce == nonce:
        again_at = None
    elif at >= due_at:
        if _is_mailed_often(address, asked_by, at):
            again_at = row.ends_at - TIME
        else:
            row.mailed_at, row.mails, again_at = at, row.mails + 1, None
            row.save(update_fields=["mailed_at", "mails"])
    return Sent(address, row.pk, at.timestamp(), asked_by, _code(row), row.mailed_at, again_at)


def _is_mailed_often(address: str, asked_by: str, at: datetime) -> bool:
    """Count a mail; whether it is more than an address gets in a day."""
    try:
        limits.MAILS_A_DAY.take(address, source=asked_by, at=at)
    except TooMany:
        return True
    return False


def _again_at(row: MailedCode) -> datetime:
    """When the same code may be mailed again: a mail can be lost, but a mailbox must not be flooded."""
    until = row.ends_at - TIME
    if until - row.issued_at > TIME:
        return until
    return min(row.mailed_at + timedelta(minutes=2 ** (row.mails - 1)), until)


def mail(sent: Sent, *, kind: str, language: str, account: int | str = "") -> None:
    """Post a code that is to be mailed."""
    post(
        kind,
        sent.address,
        dedupe_key=f"{kind}:{account}:{uuid.uuid4()}",
        language=language,
        context={"code": "-".join(sent.code[first : first + 4] for first in range(0, len(sent.code), 4))},
        lane=Message.Lane.URGENT,
    )


def send(address: str, *, account: int, kind: str, language: str, at: datetime, asked_by: str = "") -> Sent:
    """Post the code of `address`, whoever it belongs to, for the person of `account`; of an invitation, `asked_by` says
    so. Raises TooMany where it is an address that they only want to have."""
    if kind == NEW_ADDRESS:
        limits.ASKED_OF_AN_ADDRESS.take(address, at=at)
    sent = issue(address, asked_by=asked_by or f"{kind} {account}", at=at)
    if sent.is_new:
        mail(sent, kind=kind, language=language, account=account)
    return sent


def is_right(sent: Sent, typed: str, *, network: str, at: datetime) -> bool:
    """Whether `typed`, digits alone, is the code that was sent, or the one that was mailed since. It works once. Raises
    TooMany, and Void after three tries or fifteen minutes. Tries are counted before the code is looked at: of a burst,
    no more than three are."""
    asked_at = datetime.fromtimestamp(sent.at, UTC)
    if at - asked_at > TIME:
        raise Void
    mark = limits.CODES_TRIED.take(sent.address, source=f"{sent.asked_by} {network}", at=at)
    try:
        limits.TRIES_OF_A_CODE.take(sent.address, source=f"{sent.asked_by} {sent.number}", at=asked_at)
        if len(typed) == SHORT:
            limits.GUESSES_A_DAY.take(sent.address, source=sent.asked_by, at=at)
    except TooMany as spent:
        raise Void from spent
    theirs = MailedCode.objects.filter(address_hash=hash_of(sent.address), asked_by=sent.asked_by)
    rows = theirs.filter(Q(pk=sent.number) | Q(is_current=True), ends_at__gt=at)
    right = [row for row in rows if constant_time_compare(_code(row), typed)]
    if not right:
        return False
    if not theirs.filter(pk=right[0].pk, used_at=None).update(used_at=at, is_current=False):
        raise Void
    give_back(mark)
    return True


def forget(addresses: Any) -> None:
    """Delete the codes of these addresses, of whom nothing is to be kept."""
    MailedCode.objects.filter(address_hash__in=[hash_of(address) for address in addresses]).delete()


def hash_of(address: str) -> str:
    return keyed_hash(f"accounts.codes.address:{address}")


def _code(row: MailedCode) -> str:
    number = int(keyed_hash(f"accounts.codes:{row.address_hash}:{row.asked_by}:{row.nonce}"), 16)
    return f"{number % 10**row.digits:0{row.digits}}"
