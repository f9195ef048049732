import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import User, validate_plain_lines
from programme.models import Session
from registrations.domain.replays import Key
from registrations.domain.ways_in import SeatRefused
from registrations.models import CalendarFeed, Topic

NOT_SENT_BY_PEOPLE = {"csrfmiddlewaretoken", "key", "next"}


class Prose(forms.CharField):
    """Some lines of text. A line break counts once, as it does for whoever types it."""

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class SeatForm(forms.Form):
    """What a seat button sends: what its reader knew and chose (registrations.domain.booking.Ask). What makes no sense counts as not sent."""

    seen = forms.CharField(required=False, max_length=36)
    reason = Prose(
        required=False,
        max_length=1000,
        validators=[validate_plain_lines],
        error_messages={"max_length": _("Shorten this: at most %(limit_value)d characters, %(show_value)d are written.")},
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
        return Key.of(user, value, {"path": path, **fields}) if value else None


class MailsForm(forms.Form):
    """The optional mails that somebody wants."""

    wanted = forms.MultipleChoiceField(required=False, choices=Topic, widget=forms.CheckboxSelectMultiple)


class AlarmForm(forms.Form):
    """How long before a session the calendar rings; nothing is never."""

    minutes = forms.TypedChoiceField(choices=[("", ""), *CalendarFeed.ALARMS], required=False, coerce=int, empty_value=None)


class PartyForm(forms.Form):
    """The code of a group that waits together."""

    code = forms.CharField(required=False, max_length=20, validators=[validate_plain_lines])

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.full_clean()
        self.typed: str = self.cleaned_data.get("code", "")  # what cannot be a code is no group's


class WishForm:
    """What a button of the page of wishes sends: the order that it showed, and one change to it.

    Sessions go by their slug; `known` are those that may be named. One that is not raises SeatRefused.
    """

    # `drop` stands in the list of sessions, `leave` in one's own order. "remove" would be a trap: it would hide form.remove() from scripts.
    ACTS = ("add", "up", "down", "drop", "leave")

    def __init__(self, data: QueryDict, known: Mapping[str, Session]) -> None:
        self.act = next((act for act in self.ACTS if act in data), "")
        named = [*data.getlist("wish")[:100], data.get(self.act, "")] if self.act else []
        if not named or any(slug not in known for slug in named):
            raise SeatRefused("unknown", str(_("This session is not among those that are given out here.")))
        *self.seen, self.session = (known[slug] for slug in named)

    @property
    def order(self) -> list[Session]:
        """The order that is asked for. A session that is moved beyond an end stays where it is."""
        others = [session for session in self.seen if session != self.session]
        if self.act == "add":
            return [*self.seen, self.session]
        if self.act in ("drop", "leave") or self.session not in self.seen:
            return others
        place = self.seen.index(self.session) + (1 if self.act == "down" else -1)
        return [*others[: max(place, 0)], self.session, *others[max(place, 0) :]]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
