"""Lines of templates, styles and scripts are as short as those of Python, which ruff looks at."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.runs_once("files: no database is asked")

ROOT = Path(__file__).parents[2]
LONGEST = 120
LISTED = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=ROOT, capture_output=True, text=True).stdout
DATA = "tests/partners/lists/"  # files as others write them
FILES = [
    ROOT / name
    for name in LISTED.split("\0")
    if name.endswith((".html", ".txt", ".css", ".js")) and not name.startswith(DATA)
]


def too_long(file: Path) -> list[int]:
    """A picture inside a style is one line, however long."""
    lines = enumerate(file.read_text().splitlines(), 1)
    return [number for number, line in lines if len(line) > LONGEST and 'url("data:' not in line]


def test_no_line_is_longer_than_those_of_python() -> None:
    sources = [file for file in FILES if file.exists() and file.parent != ROOT]

    assert len(sources) > 150
    assert {str(file.relative_to(ROOT)): lines for file in sources if (lines := too_long(file))} == {}
