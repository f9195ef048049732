"""Processes that must not outlive another one."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable


def die_with(parent: int) -> Callable[[], None]:
    """What a new process calls before anything else: on Linux, it asks the kernel to kill it when `parent`, its parent,
    is killed."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return ask
