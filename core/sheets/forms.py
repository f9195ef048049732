"""Choosing a file, and confirming what it would do."""

import uuid
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.forms import ConfirmImportForm, ExportForm, ImportForm
from import_export.tmp_storages import BaseStorage

from core import clock
from core.sheets.confined import MAX_BYTES

PREVIEW_SECONDS = 3600
EXPIRED = gettext_lazy("This preview has expired: choose the file again.")
DAY_FIRST = [("yes", "yes"), ("no", "no")]

STAGED_SECONDS = 24 * 3600


class StagedUpload(BaseStorage):
    """An upload between its preview and its confirmation: under VAR_DIR, seen by the server alone, gone within a
    day (registrations/retention.py)."""

    def save(self, data: bytes) -> None:
        for old in expired(clock.now()):
            old.unlink(missing_ok=True)
        self.name = uuid.uuid4().hex
        (_staging_folder() / self.name).write_bytes(data)

    def read(self) -> bytes:
        return (_staging_folder() / self.name).read_bytes()

    def remove(self) -> None:
        (_staging_folder() / self.name).unlink(missing_ok=True)


class SheetForm(ImportForm):
    """Choose a file; its content tells its format, so nothing else is asked."""

    import_file = forms.FileField(
        label=gettext_lazy("File to import"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx,.ods", "required": True}),
    )
    # A file that was sent already, and what was asked about it.
    staged = forms.CharField(widget=forms.HiddenInput, required=False)
    original_name = forms.CharField(widget=forms.HiddenInput, required=False)
    day_first = forms.ChoiceField(choices=DAY_FIRST, widget=forms.HiddenInput, required=False)
    media = forms.Media()  # none of the library's scripts

    def __init__(self, formats: list[Any], resources: list[Any], *, seal: str, **kwargs: Any) -> None:
        self.seal = _signer(seal)
        super().__init__(formats, resources, **kwargs)
        self.fields["format"].required = False
        self.fields["format"].widget = forms.HiddenInput()

    def staged_again(self) -> dict[str, str]:
        """What to send instead of the file, which is kept here, once a question about it is answered."""
        file = self.cleaned_data["import_file"]
        return {"staged": self.seal.sign(file.tmp_storage_name), "original_name": file.name}

    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file is None:
            if self.data.get("staged"):
                return None
            raise ValidationError(self.fields["import_file"].error_messages["required"])
        if file.size > MAX_BYTES:
            raise ValidationError(_("The file is larger than 10 MB: split it."))
        if not file.name.lower().endswith((".csv", ".txt", ".tsv", ".xlsx", ".ods")):
            raise ValidationError(
                _("Choose a .csv, .xlsx or .ods file. If yours comes from another program, save it as one of these.")
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "import_file" in cleaned and cleaned["import_file"] is None:
            try:
                name = _staged_name(self.seal, cleaned.get("staged", ""))
            except ValidationError as error:
                self.add_error("import_file", error)
            else:
                cleaned["import_file"] = ContentFile(
                    StagedUpload(name=name).read(), cleaned.get("original_name") or "list"
                )
        return cleaned | {"format": "0"}  # its content tells what it is


class ConfirmSheetForm(ConfirmImportForm):
    """Confirms a preview: only its own author's, of the same list, within the hour."""

    hold = forms.BooleanField(
        label=gettext_lazy("Hold these emails in a quiet window until I publish them"), required=False
    )
    day_first = forms.ChoiceField(choices=DAY_FIRST, widget=forms.HiddenInput, required=False)
    shown = forms.CharField(widget=forms.HiddenInput)  # a mark of what was shown, which is what is confirmed

    def __init__(self, *args: Any, seal: str, **kwargs: Any) -> None:
        self.seal = _signer(seal)
        initial = kwargs.get("initial") or {}
        if name := initial.get("import_file_name"):
            initial["import_file_name"] = self.seal.sign(name)
        super().__init__(*args, **kwargs)

    def clean_import_file_name(self) -> str:
        return _staged_name(self.seal, self.cleaned_data["import_file_name"])

    def show(self, mark: str) -> None:
        """Let the form confirm what has this mark, and nothing else."""
        self.initial["shown"] = self.seal.sign(mark)

    def clean_shown(self) -> str:
        try:
            return self.seal.unsign(self.cleaned_data["shown"], max_age=PREVIEW_SECONDS)
        except signing.BadSignature as error:
            raise ValidationError(EXPIRED) from error

    def clean_resource(self) -> str:
        return "0"  # there is one

    def clean_format(self) -> str:
        if self.cleaned_data["format"] != "0":
            raise ValidationError(EXPIRED)
        return "0"


class ExportSheetForm(ExportForm):
    """Choose the format of what is exported."""

    def _init_formats(self, formats: list[Any]) -> None:
        super()._init_formats(formats)
        self.fields["format"] = forms.ChoiceField(
            label=gettext_lazy("Format"),
            choices=[(str(i), f().get_title()) for i, f in enumerate(formats)],
            initial="1",
            widget=forms.RadioSelect,
        )


def _signer(seal: str) -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=f"sheet-preview:{seal}")


def _staged_name(signer: signing.TimestampSigner, signed: str) -> str:
    """The name of a staged upload that this author staged for this list. Raises ValidationError."""
    try:
        name = signer.unsign(signed, max_age=PREVIEW_SECONDS)
    except signing.BadSignature:
        name = ""
    if not name or not (_staging_folder() / name).is_file():
        raise ValidationError(EXPIRED)
    return name


def staged() -> list[Path]:
    """The uploads that wait between their preview and their confirmation."""
    return sorted(_staging_folder().iterdir())


def expired(at: datetime) -> list[Path]:
    """Those of them that nobody can confirm any more."""
    limit, old = at.timestamp() - STAGED_SECONDS, []
    for file in staged():
        with suppress(FileNotFoundError):  # whoever confirmed it was quicker
            old += [file] if file.stat().st_mtime < limit else []
    return old


def forget_staged() -> None:
    """Delete them all, since they may name somebody who was erased: whoever looks at a preview chooses the file
    again."""
    for file in staged():
        file.unlink(missing_ok=True)


def _staging_folder() -> Path:
    folder = Path(settings.VAR_DIR) / "imports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
