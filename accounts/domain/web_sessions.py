"""Whose a web session is, beside what is signed inside it: so that it is found when somebody is erased."""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.utils.http import base36_to_int

from core.emails import normalise_email
from core.hashes import keyed_hash

ADDRESS = "sign_in_address"  # in the visitor's session: an address has no place in a URL or a log
PENDING = "account_login"  # where allauth keeps who waits for a code


def account_of(data: dict[str, Any]) -> int | None:
    """The account that is signed in, or that a code was sent to."""
    if said := data.get(SESSION_KEY):
        return int(said)
    pending = (data.get(PENDING) or {}).get("user_pk")
    return base36_to_int(pending) if pending else None  # as allauth writes keys


def typed_hash(data: dict[str, Any]) -> str:
    """The hash of the address that was typed to sign in; empty where there is none."""
    typed = data.get(ADDRESS) or (data.get(PENDING) or {}).get("email")
    return address_hash(typed) if typed else ""


def address_hash(address: str) -> str:
    """A hash of an address, which says nothing without the site's key."""
    words = f"accounts.session:{normalise_email(address)}"
    return keyed_hash(words)
