"""Where the tests of an earlier commit stand now: `python -m tests.moved REVISION` prints each beside its new one.

A test is known by its name, else by what it does: of the tests that are new since, the one whose body is most like its
own. It exits with 1 where a test has none.
"""

import ast
import difflib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIKE_ENOUGH = 0.6


@dataclass(frozen=True)
class Test:
    """`name` holds the class as well; `body` is the source without names of modules and their folders."""

    file: str
    name: str
    body: str

    def __str__(self) -> str:
        return f"{self.file}::{self.name}"


def tests_of(file: str, source: str) -> list[Test]:
    found = []
    tree = ast.parse(source)
    for owner in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
        for node in owner.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                name = f"{owner.name}::{node.name}" if isinstance(owner, ast.ClassDef) else node.name
                found.append(Test(file, name, "\n".join(ast.unparse(statement) for statement in node.body)))
    return found


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, cwd=ROOT, capture_output=True, text=True).stdout


def is_of_tests(file: str) -> bool:
    return file.startswith("tests/") and Path(file).name.startswith("test_") and file.endswith(".py")


def at(revision: str) -> list[Test]:
    files = [file for file in git("ls-tree", "-r", "--name-only", revision, "tests").splitlines() if is_of_tests(file)]
    return [test for file in files for test in tests_of(file, git("show", f"{revision}:{file}"))]


def now() -> list[Test]:
    files = [file for file in git("ls-files", "tests").splitlines() if is_of_tests(file) and (ROOT / file).exists()]
    return [test for file in files for test in tests_of(file, (ROOT / file).read_text())]


def pairs(before: list[Test], after: list[Test]) -> list[tuple[Test, Test | None]]:
    """Each test of `before` with the one of `after` that it has become, or with None."""
    found: dict[Test, Test] = {}
    for same in (
        lambda old, new: (old.file, old.name) == (new.file, new.name),
        lambda old, new: (Path(old.file).name, old.name) == (Path(new.file).name, new.name),
        lambda old, new: old.name == new.name,
        lambda old, new: old.name.rpartition("::")[2] == new.name.rpartition("::")[2],
    ):
        left = [test for test in after if test not in found.values()]
        for old in before:
            if old not in found and (new := next((new for new in left if same(old, new)), None)):
                found[old] = new
                left.remove(new)
    left = [test for test in after if test not in found.values()]
    for old in before:
        if old not in found and left:
            ratio, new = max(((alike(old, new), new) for new in left), key=lambda pair: pair[0])
            if ratio >= LIKE_ENOUGH:
                found[old] = new
                left.remove(new)
    return [(old, found.get(old)) for old in before]


def alike(one: Test, other: Test) -> float:
    body = difflib.SequenceMatcher(None, one.body, other.body, autojunk=False)
    name = difflib.SequenceMatcher(None, one.name, other.name, autojunk=False).ratio()
    return max(name, (name + body.ratio()) / 2) if body.quick_ratio() > LIKE_ENOUGH / 2 else name


def main(revision: str) -> int:
    found = pairs(at(revision), now())
    for old, new in found:
        if str(old) != str(new):
            print(f"{old}\n    {new or 'has none'}")
    without = sum(new is None for _old, new in found)
    same = sum(str(old) == str(new) for old, new in found)
    print(f"{len(found)} tests of {revision}: {same} where they were, {without} without a new one.")
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
