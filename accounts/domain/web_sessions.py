"""Whose a web session is, beside what is signed inside it: so that it is found when somebody is erased; and for how
long it is open (docs/rules.md#web-sessions)."""

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.utils.http import base36_to_int

from accounts.models import User, WebSession
from core.emails import normalise_email
from core.hashes import keyed_hash

ADDRESS = "sign_in_address"  # in the visitor's session: an address has no place in a URL or a log
PENDING = "account_login"  # where allauth keeps who waits for a code
STARTED, SEEN, BROWSER = "signed_in_at", "seen_at", "browser"  # said to the person alone
IDLE, MOST = timedelta(minutes=30), timedelta(hours=12)  # of organisers (ASVS 5.0, 7.3)
EARLIEST = datetime.min.replace(tzinfo=UTC)
RECENT = timedelta(minutes=15)
REFRESHED = timedelta(minutes=5)  # no row is written more often to say that somebody is there

BROWSERS = {"Edge": "Edg", "Opera": "OPR/", "Samsung Internet": "SamsungBrowser", "Firefox": "Firefox/|FxiOS"}
BROWSERS |= {"Chrome": "Chrome/|CriOS|Chromium", "Safari": "Safari/"}
SYSTEMS = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "ChromeOS": "CrOS"}
SYSTEMS |= {"macOS": "Mac OS X|Macintosh", "Linux": "Linux|X11"}


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


# --- Where somebody is signed in, and for how long --------------------------------------------------------------------


@dataclass(frozen=True)
class SignedIn:
    """A browser in which somebody is signed in: its name and its system, as far as it says them."""

    browser: str
    started_at: datetime | None
    is_this: bool


def begin(session: MutableMapping[str, Any], browser: str, now: float) -> None:
    """Note when (seconds since 1970) and in what browser somebody signed in."""
    session[STARTED] = session[SEEN] = now
    session[BROWSER] = browser


def browser_of(agent: str) -> str:
    """“Firefox, Linux”, of what a browser says of itself; empty where that is neither."""
    named = (
        next((name for name, mark in known.items() if re.search(mark, agent)), "") for known in (BROWSERS, SYSTEMS)
    )
    return ", ".join(filter(None, named))


def signed_in(user: User, this: str | None, now: float) -> list[SignedIn]:
    """Where `user` is signed in, this browser first, then the latest; `this` is the key of the web session that
    asks."""
    found = []
    for row in WebSession.objects.filter(account=user).order_by():
        data = row.get_decoded()
        if data.get(SESSION_KEY) == str(user.pk) and is_still_open(data, user, now):
            started = data.get(STARTED)
            moment = datetime.fromtimestamp(started, UTC) if started else None
            found.append(SignedIn(data.get(BROWSER, ""), moment, row.session_key == this))
    return sorted(found, key=lambda one: (one.is_this, one.started_at or EARLIEST), reverse=True)


def end_all(user: User, *, but: str | None = None) -> int:
    """Sign `user` out of every browser, but for the web session with that key; return how many there were."""
    return WebSession.objects.filter(account=user).exclude(session_key=but or "").delete()[0]


def has_just_begun(session: Any, now: float) -> bool:
    """Whether somebody signed in a quarter of an hour ago at most (`now`: seconds since 1970)."""
    return now - session.get(STARTED, 0) < RECENT.total_seconds()


def is_still_open(session: Any, user: User, now: float) -> bool:
    """Whether the web session of `user` goes on at `now` (seconds since 1970, of the machine: like that of cookies).
    That of an organiser ends after half an hour without a click, and after twelve hours; whoever becomes one is one
    from the next click on."""
    if not user.is_staff:
        return True
    started, seen = session.get(STARTED, now), session.get(SEEN, now)
    if now - started >= MOST.total_seconds() or now - seen >= IDLE.total_seconds():
        return False
    if STARTED not in session or SEEN not in session or now - seen >= REFRESHED.total_seconds():
        session[STARTED], session[SEEN] = started, now
    return True
