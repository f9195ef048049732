"""The sign-in log: who came in, or could not, how and from where (docs/rules.md#sign-in-log)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from accounts.models import SignInEvent, User

Kind = SignInEvent.Kind
SHOWN = 20

# Kept as words of the log, shown in those of the reader.
MEANS: dict[str, str | Promise] = {
    "code": gettext_lazy("code from an email"),
    "institution": gettext_lazy("through an institution"),
    "invitation": gettext_lazy("invitation"),
    "webauthn": gettext_lazy("passkey"),
    "totp": gettext_lazy("code from an app"),
    "recovery_codes": gettext_lazy("recovery code"),
}


@dataclass(frozen=True)
class Where:
    """From which network and in what browser somebody asks, in words."""

    network: str = ""
    browser: str = ""


NOWHERE = Where()  # on the server itself


def record(
    kind: Kind,
    account: User,
    *,
    at: datetime,
    means: Iterable[str] = (),
    here: Where = NOWHERE,
    actor: User | None = None,
) -> None:
    """Write a line about `account`; `actor` where somebody else did it."""
    SignInEvent.objects.create(
        account=account,
        kind=kind,
        means=" ".join(means),
        network=here.network,
        browser=here.browser,
        happened_at=at,
        actor=actor,
    )


def means_of(records: Iterable[dict[str, Any]]) -> list[str]:
    """What somebody signed in with, of what allauth noted in the web session, without repetition."""
    names = {"socialaccount": "institution"}
    found = [one["type"] if one["method"] == "mfa" else names.get(one["method"], one["method"]) for one in records]
    return list(dict.fromkeys(found))


def in_words(means: str) -> str:
    """“code from an email, passkey”, in the language of the reader."""
    return ", ".join(str(MEANS.get(one, one)) for one in means.split())


def latest(account: User) -> list[SignInEvent]:
    """The last lines about `account`, the newest first."""
    return list(SignInEvent.objects.filter(account=account)[:SHOWN])
