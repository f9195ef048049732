"""The validator of the files that others read: compose, workflows, forms."""

import subprocess
import sys
from pathlib import Path

from tests.deployment import ROOT


def refused(schema: str, *paths: Path) -> str:
    """What the validator has against these files; nothing when they follow `schema`, one of those that it knows."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr  # anything else is a validator that could not look
    return done.stdout + done.stderr if done.returncode else ""
