"""Other ways to sign in than by a code: whoever has some registers them (an app above; docs/architecture.md)."""

from collections.abc import Callable, Iterable

Door = tuple[str, str]  # what it is called, and its address

_others: list[Callable[[], Iterable[Door]]] = []


def register(doors: Callable[[], Iterable[Door]]) -> None:
    """Let the sign-in page show what `doors` gives each time that it is drawn."""
    _others.append(doors)


def others() -> list[Door]:
    """The other ways that there are now."""
    return [door for doors in _others for door in doors()]
