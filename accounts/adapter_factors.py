from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.domain import factors
from core.identity import current_identity


class FactorAdapter(DefaultMFAAdapter):
    """What allauth asks about second steps: the site is the one of BASE_URL, whatever a request says, and secrets are
    encrypted."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This didn’t work. Try again, or take the second step in another way."),
    }

    def get_totp_issuer(self) -> str:
        return current_identity().name

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": urlsplit(settings.BASE_URL).hostname or "localhost", "name": current_identity().name}

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        name = getattr(getattr(user, "attendee", None), "name", "") or user.email
        return super().get_public_key_credential_user_entity(user) | {"display_name": name, "name": user.email}

    def encrypt(self, text: str) -> str:
        return factors.encrypt_secret(text)

    def decrypt(self, encrypted_text: str) -> str:
        return factors.decrypt_secret(encrypted_text)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Ours are posted with the change (accounts/domain/factors.py)."""
