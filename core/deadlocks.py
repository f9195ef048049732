"""What PostgreSQL ended to free others is done again."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection

P = ParamSpec("P")
T = TypeVar("T")


def again_after_deadlock(act: Callable[P, T]) -> Callable[P, T]:
    """Do `act` once more when PostgreSQL ended it to free others: nothing of it was kept.

    One session at a time, nobody waits in a circle. But an organiser who saves several in one transaction holds the
    pools of the first while asking for people of the second. Inside such a transaction nothing can be done again.
    """

    @wraps(act)
    def patiently(*args: P.args, **kwargs: P.kwargs) -> T:
        for _try in range(3):
            try:
                return act(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or getattr(error.__cause__, "sqlstate", "") != "40P01":
                    raise
        return act(*args, **kwargs)

    return patiently
