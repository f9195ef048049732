"""Lines of the log: one record each, and no secret in them (docs/rules.md#sparse-logs)."""

import logging
import re
import time

from core.acts import request_id

# Whatever a reader of logs could take for the end of a line, or for a command to the terminal.
_CONTROLS = {
    code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029) if code != ord("\t")
}

# The pages whose path holds a key: what follows the name is the secret. tests/summit/test_logs.py compares it with the
# addresses that there are.
SECRET_PAGES = ("calendar", "invitations", "mails", "still-coming")
# What an address says of itself, also where it stands in another one (?next=%2Finvitations%2F…).
_SLASH, _EQUALS = r"(?:/|%(?:25)*2F)", r"(?:=|%(?:25)*3D)"
_END = r"\s\"'<>"
_PATH = re.compile(
    rf"({_SLASH}(?:{'|'.join(SECRET_PAGES)}){_SLASH})(?:(?!{_SLASH}|%(?:25)*3F)[^?&#{_END}])+", re.IGNORECASE
)
_PARAMETERS = "code|key|nonce|state|token|[a-z]+_(?:code|state|token)|SAML(?:Request|Response)|RelayState"
_PARAMETER = re.compile(
    rf"((?:[?&;]|%(?:25)*(?:3F|26))(?:{_PARAMETERS}){_EQUALS})[^&#%{_END}]*(?:%(?!(?:25)*26)[^&#%{_END}]*)*",
    re.IGNORECASE,
)
_ADDRESS = re.compile(rf"([?&;=]|%(?:25)*(?:3F|26|3D))[^?&;=#{_END}]*?(?:@|%(?:25)*40)[^&#{_END}]*", re.IGNORECASE)
# Whatever else looks like a key (core/keys.py), where the name of its page is written in another way.
_KEY = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[A-Za-z0-9_-]{43,}(?![\w-])")


def masked(line: str) -> str:
    """`line` without the keys of secret links, codes, and addresses in queries."""
    line = _PATH.sub(r"\1***", line)
    line = _PARAMETER.sub(r"\1***", line)
    return _KEY.sub("***", _ADDRESS.sub(r"\1***", line))


class LineFormatter(logging.Formatter):
    """Keeps one record on one line, so that a name or a User-Agent with a line break cannot forge a record, and what
    opens something out of it. Times are UTC, and a line that belongs to a request begins with its id."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the library
        if said := request_id():
            record.message = f"[{said}] {record.message}"
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record)).translate(_CONTROLS)
