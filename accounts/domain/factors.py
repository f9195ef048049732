"""The second step of signing in: a passkey, an app that makes codes, recovery codes (docs/rules.md#second-factor).

allauth keeps them (allauth.mfa); who must have one, what a code is worth and what follows from a change is ours.
"""

import base64
import hashlib
from collections.abc import Collection, Iterable, MutableMapping
from datetime import datetime, timedelta
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.utils import decrypt
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts.domain import sign_in_log, web_sessions
from accounts.domain.sign_in_log import Where
from accounts.models import User
from core import audit_log
from core.limits import Limit
from outbox.domain.posting import post

Type = Authenticator.Type
CHANGED = "accounts.factor"
NEEDED = "needs_factor"  # in the web session of somebody who works for an institution
# Of a million codes three are right: of fifty a day a guess is right in two years and a half, at the earliest.
GUESSED_A_DAY = Limit("factors-guessed-a-day", amount=50, per=timedelta(days=1))
TRIED = Limit("factors-tried", amount=5, per=timedelta(minutes=5))
AT_MOST = 10  # passkeys, and the app
OF_THE_DEMO = "of_the_demo"  # an app that nobody has: make demo takes the step itself
PERIOD = 30  # seconds that a code of an app is shown for (RFC 6238)
LATE = 20  # periods that the clock of a phone may be wrong by for us to say so


class WrongClock(ValidationError):
    """The code is right for another moment: the clock of the phone is wrong."""


def ask_for_one(session: MutableMapping[str, Any]) -> None:
    """Have this web session ask for a second step, whatever the account's own rights are."""
    session[NEEDED] = True


def is_needed(session: Any, user: User) -> bool:
    """Whether `user` may do nothing here without a second step: organisers, and whoever edits an institution's
    lists."""
    return bool(user.is_staff or session.get(NEEDED))


def was_given(session: Any, *, since: float = 0) -> bool:
    """Whether a second step was taken in this web session, at `since` (seconds since 1970) or later."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    return any(one.get("method") == "mfa" and one.get("at", 0) >= since for one in records)


def is_awaited(session: Any, user: User) -> bool:
    """Whether `user` is signed in but for the second step."""
    return is_needed(session, user) and not was_given(session)


def of(user: User) -> list[Authenticator]:
    """What `user` can take the second step with: passkeys first, recovery codes last."""
    order = {Type.WEBAUTHN: 0, Type.TOTP: 1, Type.RECOVERY_CODES: 2}
    return sorted(Authenticator.objects.filter(user=user), key=lambda one: (order[Type(one.type)], one.pk))


def of_the_demo(user: User) -> Authenticator | None:
    """The app of somebody made up, whose step a demonstration takes; never elsewhere."""
    return next((one for one in of(user) if settings.DEMO_MODE and one.data.get(OF_THE_DEMO)), None)


def steps(authenticators: Iterable[Authenticator]) -> list[Authenticator]:
    """Those that are a second step of their own: recovery codes are not."""
    return [one for one in authenticators if one.type != Type.RECOVERY_CODES]


def unused_codes(authenticators: Iterable[Authenticator]) -> list[str]:
    """The recovery codes that are left."""
    return [code for one in authenticators if one.type == Type.RECOVERY_CODES for code in one.wrap().get_unused_codes()]


# --- Secrets of apps: encrypted with a key of the site's own ----------------------------------------------------------


def _cipher() -> Fernet:
    secret = hashlib.sha256(f"accounts.factors\0{settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(secret))


def encrypt_secret(text: str) -> str:
    return _cipher().encrypt(text.encode()).decode()


def decrypt_secret(text: str) -> str:
    """The secret, or one that no code fits where it was encrypted with another SECRET_KEY."""
    try:
        return _cipher().decrypt(text.encode()).decode()
    except InvalidToken:
        return generate_totp_secret()


# --- Codes ------------------------------------------------------------------------------------------------------------


def period_of(secret: str, typed: str, now: float, *, around: int = 1) -> int | None:
    """The period whose code was typed, among those up to `around` away from `now` (seconds since 1970)."""
    middle = int(now) // PERIOD
    for away in sorted(range(-around, around + 1), key=abs):
        if constant_time_compare(format_hotp_value(hotp_value(secret, middle + away)), typed):
            return middle + away
    return None


def check_first_code(secret: str, typed: str, now: float) -> int:
    """The period of the first code of an app. Raises ValidationError, and WrongClock where it is right for another
    time."""
    found = period_of(secret, normalize_user_code(typed), now, around=LATE)
    if found is None:
        raise ValidationError(_("This isn’t the code that the app shows now. Wait for the next one and try again."))
    if abs(away := found - int(now) // PERIOD) > 1:
        minutes = max(1, round(abs(away) * PERIOD / 60))
        words = (
            _("Your phone’s clock is about %(minutes)d min fast: let it set the time automatically, then try again.")
            if away > 0
            else _(
                "Your phone’s clock is about %(minutes)d min slow: let it set the time automatically, then try again."
            )
        )
        raise WrongClock(words % {"minutes": minutes})
    return found


@transaction.atomic
def accept(user: User, typed: str, now: float) -> Authenticator | None:
    """The app or the recovery codes of which this is a code; each is worth something once (ASVS 5.0, 6.5.1). None for a
    wrong one."""
    code = normalize_user_code(typed)
    locked = Authenticator.objects.select_for_update().filter(user=user).exclude(type=Type.WEBAUTHN)
    for one in locked.order_by("-type"):
        if one.type == Type.RECOVERY_CODES:
            if one.wrap().validate_code(code):
                return one
            continue
        found = period_of(decrypt(one.data["secret"]), code, now)
        if found is not None and found > one.data.get("last_period", 0):
            one.data["last_period"] = found
            one.save(update_fields=["data"])
            return one
    return None


# --- Changes ----------------------------------------------------------------------------------------------------------


def add(
    authenticator: Authenticator,
    user: User,
    *,
    beside: Collection[int],
    at: datetime,
    this: str | None,
    here: Where,
) -> bool:
    """Keep a new passkey or app of `user`, end their other web sessions and write to them; tell whether recovery codes
    were made with it. `beside`: the keys of those that were there when it was judged that `user` may. Raises
    ValidationError where there are others by now, and where there are too many."""
    with transaction.atomic():
        known = _locked(user)
        if not {one.pk for one in known} <= set(beside):
            raise ValidationError(_("Another one has just been added: sign in again with it."))
        if len(steps(known)) >= AT_MOST:
            raise ValidationError(_("You have %(number)d already: remove one first.") % {"number": AT_MOST})
        if authenticator.type == Type.TOTP and any(one.type == Type.TOTP for one in known):
            raise ValidationError(_("You have an app already: remove it first."))
        authenticator.save()
        has_codes = any(one.type == Type.RECOVERY_CODES for one in known)
        if not has_codes:
            RecoveryCodes.activate(user)
        sign_in_log.record(sign_in_log.Kind.FACTOR_ADDED, user, at=at, means=[authenticator.type], here=here)
        _follow(user, "added", at, this)
    return not has_codes


def remove(
    authenticator: Authenticator, user: User, *, may_be_last: bool, at: datetime, this: str | None, here: Where
) -> None:
    """Forget a passkey or an app; the recovery codes go with the last. Raises ValidationError where `user` must have
    one and this is the last."""
    with transaction.atomic():
        known = _locked(user)
        if authenticator.pk not in {one.pk for one in known}:
            return
        others = [one for one in steps(known) if one.pk != authenticator.pk]
        if not others and not may_be_last:
            raise ValidationError(_("You need a second step: add another one before you remove this."))
        gone = [authenticator.pk] if others else [one.pk for one in known]
        Authenticator.objects.filter(pk__in=gone).delete()
        sign_in_log.record(sign_in_log.Kind.FACTOR_REMOVED, user, at=at, means=[authenticator.type], here=here)
        _follow(user, "removed", at, this)


def renew_codes(user: User, *, at: datetime, this: str | None, here: Where) -> None:
    """New recovery codes in place of the old ones, which are worth nothing from now on."""
    with transaction.atomic():
        if not steps(_locked(user)):
            return
        Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).delete()
        RecoveryCodes.activate(user)
        sign_in_log.record(sign_in_log.Kind.RECOVERY_CODES, user, at=at, here=here)
        _follow(user, "codes", at, this)


def reset(user: User, *, actor: User | None, at: datetime) -> bool:
    """Forget all second steps of somebody who has lost them, and sign them out everywhere; they and `actor` get a mail.
    The next sign-in asks for a new one. Tell whether there was any. `actor`: None on the server itself."""
    with transaction.atomic():
        known = _locked(user)
        if not known:
            return False
        Authenticator.objects.filter(pk__in=[one.pk for one in known]).delete()
        sign_in_log.record(sign_in_log.Kind.FACTOR_RESET, user, at=at, actor=actor)
        audit_log.record("reset", user, actor=actor, role="operator" if actor is None else None)
        _follow(user, "reset", at, None)
        if actor is not None and actor != user:
            _tell(actor, "reset_by_you", at, about=user)
    return True


def _locked(user: User) -> list[Authenticator]:
    """All of `user`, whose changes wait for each other."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    return of(user)


def _follow(user: User, what: str, at: datetime, this: str | None) -> None:
    web_sessions.end_all(user, but=this)
    _tell(user, what, at)


def _tell(to: User, what: str, at: datetime, about: User | None = None) -> None:
    post(
        CHANGED,
        to.email,
        dedupe_key=f"{CHANGED}:{to.pk}:{what}:{at:%Y%m%dT%H%M%S%f}:{about.pk if about else ''}",
        language=to.language,
        context={"what": what, "account": about.pk if about else None},
    )
