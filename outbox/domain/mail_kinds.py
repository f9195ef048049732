"""The kinds of mail: an app above registers, per kind, the function that writes the letter when a worker is about to
send it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.urls import reverse

from core.text import NOT_IN_A_HEADER
from outbox.models import Message

LONGEST_SUBJECT = Message._meta.get_field("subject").max_length


def one_line(text: str) -> str:
    """`text` without line breaks of any alphabet, control characters, and marks that make it read backwards."""
    return re.sub(r"[ \t\r\n]+", " ", NOT_IN_A_HEADER.sub(" ", text)).strip()  # no-break spaces stay


@dataclass(frozen=True)
class Letter:
    """A mail ready to send; its subject is made one line of a length that servers take.

    `html` keeps its style block: delivery puts the styles inline. `calendar` is an .ics text. `headers`: more of them,
    by name (an optional mail says how to be rid of its kind, RFC 8058); they are written anew at each try, and not
    kept.
    """

    subject: str
    text: str
    html: str = ""
    calendar: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", one_line(self.subject)[:LONGEST_SUBJECT])


def link(name: str, *args: str) -> str:
    """The address of the page `name`, as a mail writes it: it begins with the configured one, never with what a request
    claimed."""
    return settings.BASE_URL + reverse(name, args=args)


class NoLongerTrue(Exception):
    """The mail would tell what is no longer so (a seat given back meanwhile): it is dropped, with this reason, a
    sentence of the catalogue (gettext_noop) that is translated where it is read."""


Write = Callable[[Message], Letter]
_writers: dict[str, Write] = {}
_keys: set[str] = set()


def writes(kind: str, *, is_key: bool = False) -> Callable[[Write], Write]:
    """Register the decorated function as the writer of `kind`. It runs in the language of the message.

    `is_key`: whoever reads such a mail can act as the person that it is sent to; nobody else is shown its text.
    """

    def register(write: Write) -> Write:
        _writers[kind] = write
        if is_key:
            _keys.add(kind)
        return write

    return register


def is_key(kind: str) -> bool:
    """Whether reading a mail of this kind is enough to act as the person that it is sent to."""
    return kind.startswith("accounts.") or kind in _keys


def write(message: Message) -> Letter:
    """Write `message`'s letter; one that was posted ready-made is taken as it is.

    Raises NoLongerTrue, KeyError for a kind that nobody writes, and whatever a broken template raises.
    """
    if message.subject:
        return Letter(message.subject, message.text, message.html, message.calendar)
    return _writers[message.kind](message)
