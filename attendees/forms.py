from django import forms
from django.utils.translation import gettext_lazy as _

from attendees.models import PrivacyRequest
from core.text import validate_line, validate_lines


class ObjectionForm(forms.ModelForm):
    """What somebody objects to, in their own words."""

    class Meta:
        model = PrivacyRequest
        fields = ["text"]
        labels = {"text": _("What do you object to, and why?")}
        help_texts = {"text": _("Your own situation is reason enough: you don’t need any other.")}
        widgets = {"text": forms.Textarea(attrs={"rows": 6})}
        error_messages = {"text": {"required": _("Say what you object to.")}}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["text"].validators.append(validate_lines)


class ReasonForm(forms.Form):
    """Why an organiser takes somebody's data: it stands in the history of the account."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=80,
        validators=[validate_line],
        help_text=_("For example: asked by phone, cannot use the site. It stays in the history of the account."),
        error_messages={"required": _("Say why.")},
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )


class EraseForm(forms.Form):
    """The tick that says that one means it."""

    sure = forms.BooleanField(
        label=_("Yes, erase my account and my data for good"),
        error_messages={"required": _("Tick the box if you really want this.")},
    )
