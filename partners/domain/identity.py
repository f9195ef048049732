"""Signing in through one's own institution: whom its identity provider may vouch for
(docs/rules.md#institution-sign-in)."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from accounts.domain.accounts import open_account
from accounts.models import User
from core.emails import normalise_domain, normalise_email
from core.folding import in_order
from partners.models import SignIn


class NotVouchedFor(Exception):
    """Nobody is signed in; the message is the sentence to show, `cause` one of domain/sign_in_failures.py."""

    def __init__(self, cause: str, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause


def active_sign_ins() -> list[SignIn]:
    """The institutions through which people can sign in now, by name."""
    active = SignIn.objects.filter(is_active=True).select_related("institution")
    return list(active.order_by(in_order(SignIn, "institution__search")))


def is_active(slug: str, *protocols: str) -> bool:
    """Whether the people of this institution can sign in by one of these protocols now."""
    return SignIn.objects.filter(institution__slug=slug, protocol__in=protocols, is_active=True).exists()


def is_turned_off(slug: str, *protocols: str) -> bool:
    """Whether this institution has a sign-in by one of these protocols that is not active."""
    return SignIn.objects.filter(institution__slug=slug, protocol__in=protocols, is_active=False).exists()


def domains(text: str) -> list[str]:
    """The mail domains that were typed, one a line or parted by commas, in lower case."""
    return [normalise_domain(domain.lstrip("@")) for domain in text.replace(",", "\n").split()]


def person(sign_in: SignIn, email: str, *, is_verified: bool | str | None, language: str) -> User:
    """The account of who was vouched for, opened now if there was none.

    A provider vouches for the addresses of its own domains and no others, so that no institution can sign in as
    somebody of another; organisers always come by code. `is_verified`: what the provider says of the address, None when
    it says nothing. Raises NotVouchedFor.
    """
    email = normalise_email(email)
    try:
        validate_email(email)
    except ValidationError as error:
        raise NotVouchedFor(
            "no_address", _("Your institution didn’t give us your email address. Sign in with a code.")
        ) from error
    is_other = email.rpartition("@")[2] not in domains(sign_in.domains)
    if is_other or is_verified not in (None, True, "true"):  # some providers write it as a text
        raise NotVouchedFor(
            "other_domain" if is_other else "not_verified",
            _("Your institution doesn’t vouch for %(email)s. Sign in with a code.") % {"email": email},
        )
    user = open_account(email, language=language)
    if user.is_staff or not user.is_active:
        raise NotVouchedFor("organiser", _("This account can only sign in with a code."))
    return user
