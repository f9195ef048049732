"""What `docker build` would see: the files that .dockerignore lets through, and the instructions of the Dockerfile."""

import os
import re
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(parts.get(part) or re.escape(part) for part in re.findall(r"\*\*/|\*\*|.", pattern)))


def is_ignored(path: str, dockerignore: str) -> bool:
    """Docker's rule: of the patterns that match the path or a folder around it, the last decides; `!` lets it in.

    Other than Git's: a pattern without a slash matches at the root only, and a part of an ignored folder can be let in.
    """
    around = [path, *map(str, PurePosixPath(path).parents[:-1])]  # without the root itself
    ignored = False
    for line in dockerignore.splitlines():
        pattern = line.strip().removeprefix("!").strip(" /")
        if pattern and not line.startswith("#") and any(_expression(pattern).fullmatch(name) for name in around):
            ignored = not line.strip().startswith("!")
    return ignored


def context(root: Path = ROOT) -> set[str]:
    """The files that Docker is sent: nothing else can get into the image."""
    dockerignore = (root / ".dockerignore").read_text()
    found = set()
    for folder, folders, files in os.walk(root):
        inside = Path(folder).relative_to(root)
        found |= {path for name in files if not is_ignored(path := (inside / name).as_posix(), dockerignore)}
        # An ignored folder is passed over, unless a line lets in something of it by name.
        ignored = [name for name in folders if is_ignored((inside / name).as_posix(), dockerignore)]
        passed = [name for name in ignored if f"!{(inside / name).as_posix()}/" not in dockerignore]
        folders[:] = [name for name in folders if name not in passed]
    return found


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, each with all that stands behind it."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    return re.findall(r"^([A-Z]+)\s+(.*)$", re.sub(r"\\\n\s*", "", text), re.M)
