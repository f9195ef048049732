import unicodedata
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from core.emails import EmailFormField
from core.sheets import reader
from core.text import validate_name
from partners.domain import checking, sentences
from partners.domain.checking import Level, Person
from partners.domain.columns import Columns
from partners.models import PartnerRole, Upload


class UploadForm(forms.Form):
    """A list: a file, or what was copied out of one."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.ods"}),
        max_length=1000,
    )
    text = forms.CharField(
        label=_("Or paste the rows"), required=False, widget=forms.Textarea(attrs={"rows": 4}), strip=False
    )
    mode = forms.ChoiceField(choices=Upload.Mode, required=False)
    may_share = forms.BooleanField(
        label=_("My institution is allowed to share these people’s names and addresses, and has told them about it."),
        error_messages={"required": _("Confirm that your institution is allowed to share this data.")},
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("file") and not (cleaned.get("text") or "").strip() and "file" not in self.errors:
            raise ValidationError({"file": _("Choose a file or paste the rows.")})
        return cleaned

    @property
    def handed_in(self) -> tuple[bytes, str]:
        """The bytes and the name of the file; rows that were pasted are a file too."""
        if file := self.cleaned_data["file"]:
            return file.read(), file.name
        return self.cleaned_data["text"].encode("utf-8", "surrogatepass"), ""


class ColumnsForm(forms.Form):
    """Which column is which, "" for none; each column shows two of its cells."""

    use_required_attribute = False
    ORDER = (
        *("last_name", "usage_last_name", "first_name", "usage_first_name", "name"),
        *("email", "reference", "programme"),
    )

    def __init__(self, columns: Columns, samples: Sequence[Sequence[str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [
            (str(index), self._said(index, columns.names[index] if index < len(columns.names) else "", cells))
            for index, cells in enumerate(samples)
        ]
        for field in self.ORDER:
            self.fields[field] = forms.ChoiceField(
                label=sentences.COLUMNS[field],
                choices=[("", _("none")), *names],
                required=field == "email",
                error_messages={
                    "required": _("We can’t invite anyone without an address. Say which column contains the addresses.")
                },
                initial=str(columns.meaning.get(field, "")),
            )
        self.fields["order"] = forms.ChoiceField(
            label=_("Order of full names"),
            choices=[("", _("as the capitals suggest")), *sentences.NAME_ORDERS.items()],
            required=False,
            initial=columns.order,
        )

    @staticmethod
    def _said(index: int, name: str, cells: Sequence[str]) -> str:
        name = name or str(_("Column %(number)d") % {"number": index + 1})
        return f"{name} ({', '.join(checking.shown(cell)[:30] for cell in cells)})" if cells else name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = [cleaned.get(field) for field in self.ORDER if cleaned.get(field)]
        if len(chosen) != len(set(chosen)):
            raise ValidationError(_("You’ve chosen the same column twice."))
        if not self.errors and not any(cleaned.get(name) for name in ("last_name", "first_name", "name")):
            raise ValidationError(_("Say which column contains the names."))
        return cleaned

    @property
    def meaning(self) -> dict[str, int]:
        return {field: int(self.cleaned_data[field]) for field in self.ORDER if self.cleaned_data[field]}

    @property
    def order(self) -> str:
        return str(self.cleaned_data["order"])


class PersonForm(forms.Form):
    """One person, checked as a row of a list is."""

    use_required_attribute = False
    last_name = forms.CharField(
        label=_("Family name"),
        required=False,
        help_text=_("Enter the family name, the first name or both."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    first_name = forms.CharField(
        label=_("First name"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.CharField(
        label=_("Email"),
        error_messages={"required": _("The address is missing. We can’t invite anyone without one.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "email", "spellcheck": "false"}),
    )
    reference = forms.CharField(
        label=_("Number"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    programme = forms.CharField(
        label=sentences.FIELDS["programme"], required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    person: Person

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cells = [str(cleaned.get(name, ""))[: reader.MAX_CELL + 1] for name in self.fields]
        self.person = checking.check_row(
            1, cells, Columns(0, (), {name: index for index, name in enumerate(self.fields)})
        )
        for finding in self.person.findings:
            if finding.level == Level.ERROR and finding.column not in self.errors:
                self.add_error(finding.column or None, sentences.about(finding))
        return cleaned


class NameForm(forms.Form):
    """Somebody's own name, where an institution wrote it otherwise; `seen` tells whether it is still that one."""

    use_required_attribute = False
    last_name = forms.CharField(
        label=_("Family name"),
        required=False,
        max_length=75,
        validators=[validate_name],
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    first_name = forms.CharField(
        label=_("First name"),
        required=False,
        max_length=74,
        validators=[validate_name],
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in ("last_name", "first_name"):
            cleaned[name] = unicodedata.normalize("NFC", cleaned.get(name, ""))
        if not self.errors and not (cleaned["last_name"] or cleaned["first_name"]):
            self.add_error("last_name", _("Enter the family name, the first name or both."))
        return cleaned


class TeamForm(forms.Form):
    """Somebody who is to work for the institution."""

    email = EmailFormField()
    role = forms.ChoiceField(label=_("Role"), choices=PartnerRole.Role, initial=PartnerRole.Role.COORDINATOR)
