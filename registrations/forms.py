import uuid
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.text import validate_lines
from registrations.domain.idempotency import Key

NOT_SENT_BY_PEOPLE = {"csrfmiddlewaretoken", "key", "next"}


class Prose(forms.CharField):
    """Some lines of text. A line break counts once, as it does for whoever types it."""

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class SeatForm(forms.Form):
    """What a seat button sends: what its reader knew and chose (registrations.domain.booking.Ask). What makes no sense
    counts as not sent."""

    seen = forms.CharField(required=False, max_length=36)
    reason = Prose(
        required=False,
        max_length=1000,
        validators=[validate_lines],
        error_messages={
            "max_length": _("Shorten this to %(limit_value)d characters or fewer: you’ve used %(show_value)d.")
        },
    )
    despite = forms.BooleanField(required=False)
    key = forms.UUIDField(required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.full_clean()
        self.leave = {code for text in data.getlist("leave")[:20] if (code := _uuid(text))}

    @property
    def said(self) -> dict[str, Any]:
        """The answers that make sense, as arguments of booking.register."""
        return {
            "seen": self.cleaned_data.get("seen", ""),
            "reason": self.cleaned_data.get("reason", ""),
            "despite": self.cleaned_data.get("despite", False),
            "leave": self.leave,
        }

    def once(self, user: User, path: str) -> Key | None:
        """The key of the form, with a fingerprint of where it was sent and of what was sent with it."""
        value = self.cleaned_data.get("key")
        fields = {name: self.data.getlist(name) for name in self.data if name not in NOT_SENT_BY_PEOPLE}  # type: ignore[attr-defined]
        return Key.from_post(user, value, {"path": path, **fields}) if value else None


class PartyForm(forms.Form):
    """The code of a group that waits together."""

    code = forms.CharField(required=False, max_length=20, validators=[validate_lines])

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.full_clean()
        self.typed: str = self.cleaned_data.get("code", "")  # what cannot be a code is no group's


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
