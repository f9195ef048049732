from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.demo import Demo, running_demo
from tests.smtp import free_port


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory, copy_of_the_product: Callable[[Path], None]) -> Iterator[Demo]:
    """One for the stories that follow each other: what one does in it, another does not look at."""
    folder = tmp_path_factory.mktemp("démo") / "mes données"
    copy_of_the_product(folder / "summit.sqlite3")
    with running_demo(folder, free_port()) as demo:
        demo.url  # noqa: B018 - waits until it answers
        yield demo
