"""A worker keeps one of its processes free of ordinary mails: when a slow mail server holds up all others, a sign-in
code still leaves."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_file: int | None = None
_slots = 0


def reserve(processes: int) -> None:
    """Say, before it forks, how many processes a worker has: all but one may send ordinary mails at once. One alone may
    do everything."""
    global _file, _slots  # noqa: PLW0603 - what the processes of one worker share
    _file, path = tempfile.mkstemp()  # open as long as the worker lives, and nobody else's
    os.unlink(path)
    _slots = max(1, processes - 1)


@contextmanager
def slot() -> Iterator[bool]:
    """Take a slot for ordinary mails if one is free, and give it back; yields whether there was one. Whoever is no
    worker has one.

    The kernel keeps the slots as locks on a file without a name, and takes back those of a process that was killed.
    """
    taken = _take()
    try:
        yield taken is not None
    finally:
        if _file is not None and taken is not None:
            fcntl.lockf(_file, fcntl.LOCK_UN, 1, taken)


def _take() -> int | None:
    if _file is None:
        return 0
    for number in range(_slots):
        try:
            fcntl.lockf(_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            continue
        return number
    return None
