"""The HTML of a mail alone, for a frame of a page of ours: its own style block is all that it may use."""

import hashlib
import re
from base64 import b64encode

from django.http import HttpResponse

STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def framed(html: str, *, status: int = 200) -> HttpResponse:
    """`html` as an answer that nothing but a page of ours may frame (decorate the view with
    xframe_options_sameorigin)."""
    hashes = [
        f"'sha256-{b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in STYLE.findall(html)
    ]
    # A link of the mail opens in the whole window, as it would from a mailbox.
    response = HttpResponse(html.replace("<head>", '<head><base target="_top">', 1), status=status)
    styles = " ".join(hashes) or "'none'"
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {styles}; frame-ancestors 'self'; form-action 'none'"
    )
    return response
