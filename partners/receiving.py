"""What comes in is cut while it comes: no more than a list may have is ever kept of it
(docs/rules.md#upload-limits)."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, MemoryFileUploadHandler, StopUpload
from django.http import HttpRequest

from core.sheets.confined import MAX_BYTES
from core.text import whole_number

MORE = 256 * 1024  # rows that were pasted apart, the other fields of the form and the words around the file


def is_far_too_large(request: HttpRequest) -> bool:
    """Whether the request says itself that it brings more than a list: then nothing of it is read."""
    length = whole_number(request.META.get("CONTENT_LENGTH") or "0")
    return length is None or length > MAX_BYTES + MORE


class CutUpload(FileUploadHandler):
    """Keeps nothing of a file after the size of a list; `too_large` then says so."""

    too_large = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if start + len(raw_data) > MAX_BYTES:
            self.too_large = True
            # The rest is read and thrown away, or the browser would never see our answer.
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


class InMemory(MemoryFileUploadHandler):
    """Keeps a list in memory: no file of people lies in a folder of the machine."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True
