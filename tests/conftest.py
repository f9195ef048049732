from collections.abc import Iterator

import pytest
from django.core.cache import caches
from django.core.management import call_command, get_commands


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and get_commands()["compilemessages"] == "summit":
        call_command("compilemessages", verbosity=0)


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    """Each test starts without kept pages and with unused sign-in limits."""
    yield
    for cache in caches.all():
        cache.clear()
