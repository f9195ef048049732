"""Other ways to sign in than by a code: whoever has some registers them (an app above; docs/architecture.md)."""

from collections.abc import Callable, Iterable

SignInMethod = tuple[str, str]  # what it is called, and its address

_others: list[Callable[[], Iterable[SignInMethod]]] = []


def register(methods: Callable[[], Iterable[SignInMethod]]) -> None:
    """Let the sign-in page show what `doors` gives each time that it is drawn."""
    _others.append(methods)


def others() -> list[SignInMethod]:
    """The other ways that there are now."""
    return [method for methods in _others for method in methods()]
