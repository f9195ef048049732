"""What the pages of the portal have in common."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _


def back_to_the_code(request: HttpRequest, sentence: str = "") -> HttpResponse:
    """Back to the sign-in page, where a code always does, with the `sentence` that says why."""
    messages.error(request, sentence or _("Your institution didn’t sign you in. Try again, or sign in with a code."))
    return redirect("account_login")


def as_file(text: str, name: str) -> HttpResponse:
    """`text` as a CSV file of that name to keep, with the mark that makes Excel read UTF-8."""
    response = HttpResponse(text.encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, name)  # noqa: FBT003
    return response
