"""The forms of the sign-in pages."""

import re
import struct
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.forms import ConfirmLoginCodeForm, LoginForm
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm
from allauth.mfa.webauthn.internal import auth as passkeys
from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.domain import factors, regions
from accounts.models import AccessNeeds, Attendee, User
from core import clock
from core.emails import EmailFormField
from core.limits import give_back
from core.text import validate_lines


class SignInForm(LoginForm):
    """The address, nothing else. allauth looks the account up; the answer is the same whether there is one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = EmailFormField(error_messages={"required": _("Enter your email address.")})
        self.fields["login"].widget.attrs["autocomplete"] = "email"


def plain_code(typed: str) -> str:
    """The digits of a code, out of what was typed: a mailbox or a keyboard makes another dash of the dash, or of the
    space."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", typed))


def is_like_a_code(typed: str) -> bool:
    """Whether this could be a code at all. What could not is a slip of the hand, and costs no try."""
    return bool(re.fullmatch(r"[0-9]{8}|[0-9]{16}", plain_code(typed)))


_WRONG_FACTOR = _(
    "This code isn’t right, or has been used already. Wait for the next one; if it never works, have your phone set "
    "its clock automatically."
)
# RuntimeError: what is nested too deeply, and algorithms that nobody knows.
_ODD = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_PASSKEY = _("The passkey didn’t work. Try again, or choose another way.")


def _digits() -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"})


def _code_field() -> forms.CharField:
    return forms.CharField(
        label=_("Code"),
        help_text=_("The digits in the email, with or without the dashes."),
        max_length=40,
        widget=_digits(),
        error_messages={
            "required": _("Enter the code from the email."),
            "max_length": _("A code has eight digits, sometimes sixteen."),
        },
    )


class CodeForm(ConfirmLoginCodeForm):
    """The code of the mail; `tries_left` is how many tries remain if it is not right."""

    def __init__(self, *args: Any, tries_left: int = 0, is_right: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tries_left, self.is_right = tries_left, is_right
        self.fields["code"] = _code_field()

    def clean_code(self) -> str:
        typed = self.cleaned_data["code"]
        if not is_like_a_code(typed):
            raise ValidationError(_("A code has eight digits, sometimes sixteen."))
        if not self.is_right:
            wrong = ngettext(
                "This is not the code from the latest email. You have one try left.",
                "This is not the code from the latest email. You have %(left)d tries left.",
                self.tries_left,
            )
            raise ValidationError(wrong % {"left": self.tries_left})
        return plain_code(typed)


class ProofForm(forms.Form):
    """The code of a mail, typed by somebody who is signed in. What could not be one costs no try."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"] = _code_field()

    def clean_code(self) -> str:
        typed = self.cleaned_data["code"]
        if not is_like_a_code(typed):
            raise ValidationError(_("A code has eight digits, sometimes sixteen."))
        return plain_code(typed)

    def is_wrong(self) -> None:
        self.add_error("code", _("This is not the code from the latest email."))


RECOVERY_DIGITS = 8  # too many to be guessed: allauth.mfa


class FactorForm(AuthenticateForm):
    """A code of the app, or a recovery code, of `user`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = factors.of(self.user)
        has_app = any(one.type == factors.Type.TOTP for one in self.known)
        self.fields["code"] = forms.CharField(
            label=_("Code from your app") if has_app else _("Recovery code"),
            help_text=_("The six digits that the app shows now, or one of your recovery codes.")
            if has_app
            else _("One of those that you kept when you added your passkey."),
            max_length=40,
            widget=_digits(),
            error_messages={"required": _("Enter the code from your app."), "max_length": _WRONG_FACTOR},
        )

    def clean_code(self) -> str:
        """Raises TooMany after five wrong ones: it is counted before anything is compared."""
        code = plain_code(self.cleaned_data["code"])
        now = clock.now()
        mark = factors.TRIED.take(str(self.user.pk), at=now)
        if len(code) < RECOVERY_DIGITS:
            factors.GUESSED_A_DAY.take(str(self.user.pk), at=now)
        authenticator = factors.accept(self.user, code, time.time())
        if authenticator is None:
            raise ValidationError(_WRONG_FACTOR)
        give_back(mark)
        self.authenticator = authenticator
        return code


class AnswerField(forms.JSONField):
    """What a passkey answers, or anything that somebody sends instead."""

    def to_python(self, value: Any) -> Any:
        with _read_safely():
            return super().to_python(value)


class PasskeyForm(AuthenticateWebAuthnForm):
    """What a passkey answers; of `user`, or of whoever it says."""

    credential = AnswerField(widget=forms.HiddenInput)
    authenticator: Authenticator

    def clean_credential(self) -> Authenticator:
        with _read_safely():
            self.authenticator = super().clean_credential()
        return self.authenticator


class NewPasskeyForm(forms.Form):
    """What a new passkey answers, and what its owner calls it."""

    name = forms.CharField(
        label=_("Name of this passkey"),
        help_text=_("So that you know it again: “my phone”, “blue key”…"),
        max_length=60,
        required=False,
        validators=[validate_lines],
    )
    credential = AnswerField(widget=forms.HiddenInput, error_messages={"required": _PASSKEY, "invalid": _PASSKEY})

    def clean_name(self) -> str:
        return self.cleaned_data["name"] or gettext("Passkey")

    def clean_credential(self) -> Any:
        credential = self.cleaned_data["credential"]
        with _read_safely():
            passkeys.parse_registration_response(credential)
            passkeys.complete_registration(credential)
        return credential


@contextmanager
def _read_safely() -> Iterator[None]:
    """What is no answer of a passkey may be anything: the libraries stumble over it in many ways."""
    try:
        yield
    except ValidationError:
        raise
    except (*_ODD, struct.error) as odd:
        raise ValidationError(_PASSKEY) from odd


class FirstCodeForm(forms.Form):
    """The first code of an app that has read `secret`; `period` is the one that it was right for."""

    code = forms.CharField(
        label=_("Code from the app"),
        help_text=_("The six digits that it shows now."),
        max_length=40,
        error_messages={"required": _("Enter the code that the app shows.")},
    )
    period = 0

    def __init__(self, *args: Any, secret: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secret = secret
        self.fields["code"].widget = _digits()

    def clean_code(self) -> str:
        code = plain_code(self.cleaned_data["code"])
        self.period = factors.check_first_code(self.secret, code, time.time())
        return code


class AddressForm(forms.Form):
    """The address that somebody wants to sign in with."""

    email = EmailFormField(label=_("New address"), error_messages={"required": _("Enter your email address.")})

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["email"].widget.attrs["autocomplete"] = "email"

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email == self.user.email:
            raise ValidationError(_("This is already the address of your account."))
        return email


class _PersonForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, value in cleaned.items():
            if isinstance(value, str):
                cleaned[name] = unicodedata.normalize("NFC", value)  # é is é, typed in one stroke or in two
        return cleaned


_LANGUAGES = [("fr", "Français"), ("en", "English")]  # each in itself, and read so
_NAME_LABEL = _("Your name")
_NAME_HINT = _("Just as you write it. It will be printed on your badge.")
_NAME_ERRORS = {"name": {"required": _("Enter your name, just as you write it.")}}


def _text(autocomplete: str) -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": autocomplete})


class WelcomeForm(_PersonForm):
    class Meta:
        model = Attendee
        fields = ["name"]
        widgets = {"name": _text("name")}
        labels = {"name": _NAME_LABEL}
        help_texts = {"name": _NAME_HINT}
        error_messages = _NAME_ERRORS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].validators.append(validate_lines)


class ProfileForm(_PersonForm):
    country = forms.ChoiceField(
        label=_("Country"), required=False, widget=forms.Select(attrs={"autocomplete": "country"})
    )
    language = forms.ChoiceField(
        label=_("Language"),
        help_text=_("The language of the emails we send you."),
        widget=forms.RadioSelect,
        choices=[(code, format_html('<span lang="{}">{}</span>', code, name)) for code, name in _LANGUAGES],
    )
    timezone = forms.ChoiceField(
        label=_("Time zone"),
        help_text=_("Session times are always shown in the venue’s time zone. This one is for your reminders."),
    )

    class Meta:
        model = Attendee
        fields = ["name", "organisation", "country"]
        widgets = {"name": _text("name"), "organisation": _text("organization")}
        labels = {"name": _NAME_LABEL, "organisation": _("Organisation")}
        help_texts = {
            "name": _NAME_HINT,
            "organisation": _("Your company, school, institution or newsroom."),
        }
        error_messages = _NAME_ERRORS

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        reads = "en" if get_language() == "en" else "fr"
        self.fields["country"].choices = [("", _("Not specified")), *regions.countries(reads)]  # type: ignore[attr-defined]
        zones = regions.time_zones(reads)
        if not any(user.timezone == zone for _continent, cities in zones for zone, _city in cities):
            # An old name of a place: still a good one.
            zones = [(user.timezone, [(user.timezone, user.timezone)]), *zones]
        self.fields["timezone"].choices = zones  # type: ignore[attr-defined]
        self.initial.update(language=user.language, timezone=user.timezone)
        for name in ("name", "organisation"):
            self.fields[name].validators.append(validate_lines)


class AccessNeedsForm(forms.Form):
    """What somebody needs in order to come, and that they agree to have it kept. `kept` is what there is now, `words`
    the sentence that they agree to.

    A form that was drawn before something else was saved, in another tab, changes nothing: it might bring back what was
    just withdrawn.
    """

    access_needs = forms.CharField(
        label=_("Access needs"),
        help_text=_("A wheelchair space, sign language, a seat near the door…"),
        max_length=1000,
        required=False,
        strip=True,
        validators=[validate_lines],
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    consent = forms.BooleanField(required=False)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, kept: AccessNeeds | None, text: str, words: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept
        self.initial = {"access_needs": text, "consent": bool(kept and kept.consent), "seen": self._version}
        self.fields["consent"].label = words

    @property
    def _version(self) -> str:
        return f"{self.kept.written_at.timestamp():.6f}" if self.kept else ""

    @property
    def is_withdrawn(self) -> bool:
        """Whether nothing is to be kept any more: the text is empty, or the box that was ticked no longer is."""
        return not self.cleaned_data["access_needs"] or not self.cleaned_data["consent"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        cleaned["access_needs"] = unicodedata.normalize("NFC", cleaned["access_needs"])
        if cleaned["seen"] != self._version:
            self.add_error("access_needs", _("This was changed in another window: reload the page and check it."))
        elif cleaned["access_needs"] and not cleaned["consent"] and not (self.kept and self.kept.consent):
            self.add_error("consent", _("Tick this box, or leave the access needs empty."))
        return cleaned
