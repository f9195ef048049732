"""Which tests prove each promise of docs/rules.md. `python -m tests.proofs` writes docs/proofs.md.

A test says what it proves: `@pytest.mark.proves("no-overselling")`, on a function, on a class, or in the `pytestmark`
of a module. The sources are read, nothing is run."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
RULES = ROOT / "docs/rules.md"
PROOFS = ROOT / "docs/proofs.md"

# A promise: its anchor, its title, its key. A section: its heading.
PROMISE = re.compile(r'^<a id="([a-z0-9-]+)"></a>\*\*(.+?)\*\* \(`\1`\)', re.M)
PROMISE_OR_SECTION = re.compile(rf"{PROMISE.pattern}|^(##+ .+)$", re.M)
NOTES = {
    "faults": "long",
    "only_on_postgresql": "PostgreSQL only",
    "runs_once": "SQLite only",
    "browser": "SQLite only",
}
HEAD = """\
# Proofs: the tests behind each promise

Generated from the tests by `python -m tests.proofs`: do not edit. Under each promise of [rules.md](rules.md) stand
the tests that fail when it is broken. A test says what it proves with `@pytest.mark.proves("no-overselling")`.

`make test` runs them on SQLite and on PostgreSQL; `make test-faults` runs those marked *long*. What is marked
*SQLite only* says nothing about the database and runs once; what is marked *PostgreSQL only* needs what SQLite does not
have. Some races are run without their guard too (`test_without_…`): that the same crowd then breaks the promise shows
that the race is worth something.
"""


class Proof(NamedTuple):
    """A test (a class or module stands for all in it), the promises that it names, and where its marks let it run."""

    test: str
    keys: list[str]
    notes: list[str]

    def __str__(self) -> str:
        return " ".join([f"- `{self.test}`", *(f"*{note}*" for note in self.notes)])


def keys_of_promises() -> list[str]:
    return [key for key, _title in PROMISE.findall(RULES.read_text())]


def marks_of(node: ast.AST) -> Iterator[tuple[str, list[ast.expr]]]:
    """The pytest marks of a function, class or module, each with its arguments."""
    found = list(getattr(node, "decorator_list", []))
    for line in getattr(node, "body", []):
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "pytestmark":
            found += getattr(line.value, "elts", [line.value])
    for mark in found:
        name, arguments = (mark.func, mark.args) if isinstance(mark, ast.Call) else (mark, [])
        yield ast.unparse(name).removeprefix("pytest.mark."), arguments


def proofs_in(node: ast.AST, test: str, outside: tuple[str, ...] = ()) -> Iterator[Proof]:
    """The proofs in a module or class, in the order of the source."""
    marks = list(marks_of(node))
    inside = [name for name, _arguments in marks]
    outside = tuple(name for name in outside if name != "runs_once" or "on_both" not in inside)
    names = (*outside, *inside)
    keys = [ast.literal_eval(key) for name, arguments in marks if name == "proves" for key in arguments]
    if keys:
        yield Proof(test, keys, list(dict.fromkeys(NOTES[name] for name in names if name in NOTES)))
    for child in getattr(node, "body", []):
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            yield from proofs_in(child, f"{test}::{child.name}", names)


def all_proofs() -> list[Proof]:
    found = []
    for path in sorted((ROOT / "tests").glob("**/test_*.py")):
        found += proofs_in(ast.parse(path.read_text()), str(path.relative_to(ROOT)))
    return found


def page() -> str:
    """The text of docs/proofs.md."""
    proofs = all_proofs()
    parts = [HEAD]
    for key, title, section in PROMISE_OR_SECTION.findall(RULES.read_text()):
        if section:
            parts.append(f"{section}\n")
        else:
            tests = [str(proof) for proof in proofs if key in proof.keys]
            parts.append("\n".join([f'<a id="{key}"></a>**{title}** ([`{key}`](rules.md#{key})):\n', *tests, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    PROOFS.write_text(page())
