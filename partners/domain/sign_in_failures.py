"""Why people could not sign in through their institution: for the log, for organisers and for the institution's owners,
in words, without naming anybody (docs/rules.md#sign-in-failures)."""

import logging
import re
from datetime import datetime, timedelta

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from partners.models import SignInFailure

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
CAUSES = {
    "documents": _("The provider’s documents (configuration and keys) could not be fetched."),
    "busy": _("Too many people were waiting for the provider’s answer at the same time."),
    "unreachable": _("The provider’s server didn’t answer in time or couldn’t be reached."),
    "refused": _("The provider sent the person back without signing them in."),
    "unasked": _("The answer came too late, in another browser, or without having been asked for."),
    "client": _("The provider doesn’t accept our client ID or secret."),
    "code": _("The provider didn’t exchange its code for a token."),
    "token": _("The provider’s token isn’t valid."),
    "userinfo": _("What the provider says about the person can’t be read."),
    "signature": _("The provider’s answer isn’t signed with the certificate that is set up here."),
    "audience": _("The provider’s answer was meant for another site."),
    "issuer": _("The answer came from another provider than the one that is set up here."),
    "time": _("The provider’s answer had expired, or its clock is wrong."),
    "answer": _("The provider’s answer can’t be used."),
    "no_address": _("The provider didn’t give an email address."),
    "other_domain": _("The address isn’t in the email domains that are set up here."),
    "not_verified": _("The provider says that it hasn’t verified the address."),
    "organiser": _("The account signs in with a code only (an organiser’s, or closed)."),
}


class SignInFailed(Exception):
    """Nobody is signed in: `cause` is one of CAUSES, `detail` a short code of the protocol."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"{cause} {detail}".strip())
        self.cause, self.detail = cause, detail


def note(sign_in_id: int, slug: str, cause: str, detail: str = "", *, at: datetime) -> None:
    """Count a failure and log it. What a provider wrote is kept only as far as it looks like a code."""
    detail = detail if re.fullmatch(r"[A-Za-z0-9_. -]{1,60}", detail) else ""
    log.warning("Sign-in through %s failed: %s%s", slug, cause, f" ({detail})" if detail else "")
    row = SignInFailure.objects.filter(sign_in_id=sign_in_id, cause=cause)
    row.filter(last_at__lt=at - KEPT).delete()
    if not row.update(number=F("number") + 1, last_at=at, detail=detail):
        # Of two that are the first at once, both count.
        first = SignInFailure(sign_in_id=sign_in_id, cause=cause, number=0, first_at=at, last_at=at)
        SignInFailure.objects.bulk_create([first], ignore_conflicts=True)
        row.update(number=F("number") + 1, last_at=at, detail=detail)


def last(institution_id: int, at: datetime) -> list[SignInFailure]:
    """The failures of an institution within a month, the latest first."""
    found = SignInFailure.objects.filter(sign_in__institution_id=institution_id, last_at__gte=at - KEPT)
    return list(found[: len(CAUSES)])


PROBLEMS = {
    "address": _("an address in it isn’t public or doesn’t start with https"),
    "name": _("the server’s name isn’t known"),
    "time": _("the server didn’t answer in time"),
    "tls": _("the server’s certificate isn’t valid"),
    "size": _("the answer is too large"),
    "connection": _("the server can’t be reached"),
    "incomplete": _("the configuration lacks something that the standard asks for"),
    "format": _("the answer isn’t JSON"),
    "keys": _("the answer holds no keys"),
}


def problem(code: str) -> str:
    """Why a provider's documents could not be fetched, in words; an HTTP status says it itself."""
    return str(PROBLEMS.get(code, code))


def sentence(failure: SignInFailure) -> str:
    """The cause in words."""
    return str(CAUSES.get(failure.cause, failure.cause))
