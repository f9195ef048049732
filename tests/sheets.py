"""An organiser imports a sheet: choosing a file, and confirming what the preview says."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


def upload(client: Client, content: bytes | str, name: str = "sessions.csv", model: str = "programme/session") -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(
        f"/admin/{model}/import/", {"import_file": SimpleUploadedFile(name, data), "resource": "0", "format": ""}
    )


def confirm(client: Client, preview: Any, model: str = "programme/session", **changes: str) -> Any:
    form = preview.context["confirm_form"]
    data = {name: value for name in form.fields if (value := form[name].value()) is not None} | changes
    return client.post(f"/admin/{model}/process_import/", data)


def problems(preview: Any) -> list[tuple[int, str, str]]:
    assert preview.status_code == 200
    assert "confirm_form" not in preview.context
    return preview.context["preview"].errors
