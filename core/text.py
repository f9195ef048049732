"""What no text of ours may hold, and numbers as a browser sends them: one list, from which every form, model, mail and
sheet takes its own (docs/rules.md#names)."""

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# Control characters and the line and paragraph separators: a way to forge a mail header or a row of a list.
CONTROLS = "\x00-\x1f\x7f-\x9f\u2028\u2029"
# Marks that turn the reading order. ZWJ and ZWNJ are not among them: they are letters' business in Arabic or Indic
# names.
DIRECTIONS = "\u200e\u200f\u202a-\u202e\u2066-\u2069"
# The mark of a byte order, that of a lost character, and halves of a character: what a broken encoding leaves behind.
BROKEN = "\ufeff\ufffd\ud800-\udfff"
# What nobody sees and nobody types on purpose; U+2400 is how a row of an upload keeps a NUL, which PostgreSQL takes in
# no text.
INVISIBLE = "\u200b\u2060-\u2064\u2400"

# What makes one line two, or read backwards: mail headers take a blank instead.
NOT_IN_A_HEADER = re.compile(f"[{CONTROLS}{DIRECTIONS}]")
NOT_IN_A_LIST = re.compile(f"[{CONTROLS}{DIRECTIONS}{BROKEN}{INVISIBLE}]")
_NOT_IN_A_LINE = re.compile(f"[{CONTROLS}{DIRECTIONS}{BROKEN}]")
_LINE_BREAKS_AND_TABS = "\t\r\n"
_REFUSED = _("This text contains a hidden character: type it again by hand.")


def validate_line(text: str) -> None:
    """Raise ValidationError for a character that is part of no name, title or other text of one line."""
    if _NOT_IN_A_LINE.search(text):
        raise ValidationError(_REFUSED)


def validate_lines(text: str) -> None:
    """The same for a text of several lines."""
    validate_line(text.translate({ord(letter): None for letter in _LINE_BREAKS_AND_TABS}))


def whole_number(text: str, *, digits: int = 18) -> int | None:
    """The whole number that a browser or a file sent, or None for whatever is none: a sign, digits of another alphabet
    (which Python would read), more `digits` than a key of the database has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else None


def whole_numbers(texts: Iterable[str]) -> list[int]:
    """The numbers among what a browser sent, such as the primary keys of ticked rows."""
    return [value for text in texts if (value := whole_number(text)) is not None]
