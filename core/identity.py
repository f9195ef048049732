"""Who speaks: the name, the texts and the contacts of the summit, on pages and in mails (docs/rules.md#editions).

The app that knows says so with `said_by`; the apps below it ask `current_identity`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Protocol

from django.conf import settings


class Identity(Protocol):
    """What pages and mails say of the summit that they belong to, in the language of the moment."""

    @property
    def name(self) -> str: ...

    @property
    def controller(self) -> str:
        """Who answers for the data of the people on partners' lists (GDPR, article 14)."""

    @property
    def privacy_address(self) -> str:
        """Where people write about their data."""

    @property
    def stylesheet(self) -> str:
        """The path of the style sheet with its colour, or nothing."""


@dataclass(frozen=True)
class Nameless:
    """The identity of an installation that has no edition yet, and of pages that must not ask the database."""

    name: str = "Summit"
    stylesheet: str = ""

    @property
    def controller(self) -> str:
        return self.name

    @property
    def privacy_address(self) -> str:
        return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


_asked: list[Callable[[], Identity | None]] = []


def said_by(function: Callable[[], Identity | None]) -> None:
    """Have `function` say who speaks; None when nobody does yet."""
    _asked[:] = [function]


def current_identity() -> Identity:
    """The identity of the current edition; `Nameless` while there is none."""
    return next((said for ask in _asked if (said := ask())), None) or Nameless()
