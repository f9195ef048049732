"""What no text of ours may hold, and numbers as a browser sends them: one list, from which every form, model, mail and
sheet takes its own (docs/rules.md#names)."""

import re
import unicodedata
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
_DOTS = str.maketrans("\u3002\uff61", "..")  # what a browser reads as a dot
_REFUSED = _("This text contains a hidden character: type it again by hand.")

# What mail programs make a link of. A country's ending counts after two letters or before a slash (M.Le Gall is none).
_ENDINGS = (
    "com|net|org|edu|gov|mil|int|biz|info|name|pro|mobi|app|dev|xyz|top|site|online|club|live|link|click|shop|store"
    "|tech|space|website|world|news|page|blog|cloud|agency|email|example"
)
_WEB_ADDRESS = re.compile(
    r"[a-z][a-z0-9+-]*://|\bwww\d?\.\w|\w\.\w{2,}/"
    rf"|(?<![\w.])(?:[\w-]+\.)*(?:[\w-]+\.(?:{_ENDINGS})|[\w-]{{2,}}\.(?!du|el|le)[a-z]{{2}})(?![\w-]|\.\w)",
    re.IGNORECASE,
)


def validate_line(text: str) -> None:
    """Raise ValidationError for a character that is part of no name, title or other text of one line."""
    if _NOT_IN_A_LINE.search(text):
        raise ValidationError(_REFUSED)


def has_web_address(text: str) -> bool:
    """Whether mail programs would make a link of a part of `text`, in whatever width of letters it is written."""
    return bool(_WEB_ADDRESS.search(unicodedata.normalize("NFKC", text).translate(_DOTS)))


def validate_name(text: str) -> None:
    """Raise ValidationError for what is no name of a person: mails begin with it, whoever typed it
    (docs/rules.md#names-as-written)."""
    validate_line(text)
    if has_web_address(text):
        raise ValidationError(_("A name can’t contain a web address."))


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
