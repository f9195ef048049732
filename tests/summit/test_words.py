"""One word per thing: what docs/glossary.md bans stands in no catalogue, template, symbol or page of the docs."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest

pytestmark = pytest.mark.runs_once("words: no database is asked")

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs/glossary.md"
LISTED = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=ROOT, capture_output=True, text=True).stdout
FILES = [ROOT / name for name in LISTED.split("\0") if name and (ROOT / name).exists()]
SAYS_WHAT_IS_BANNED = {GLOSSARY, Path(__file__)}


def rows() -> list[list[str]]:
    table = [line for line in GLOSSARY.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1:]]


BANNED = sorted(word for row in rows() for word in re.findall(r"`([^`]+)`", row[4]))
PATTERN = re.compile(rf"(?<![\w-])({'|'.join(re.escape(word) for word in BANNED)})(?![\w-])", re.IGNORECASE)


def texts_of(file: Path) -> Iterator[str]:
    """What people or developers read in a file: sentences as they are, symbols with their parts apart as well."""
    match file.suffix:
        case ".po":
            for entry in polib.pofile(str(file)):
                yield from (entry.msgid, entry.msgid_plural, entry.msgstr, *entry.msgstr_plural.values())
        case ".md" | ".html" | ".txt" | ".css" | ".js":
            yield file.read_text()
        case ".py":
            yield from symbols(ast.parse(file.read_text()))
            yield file.stem


def symbols(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.alias(name=name):
                yield name
            case ast.Constant(value=str(text)):
                yield text


def apart(symbol: str) -> str:
    """`left_line` and `BadAddress` as a sentence has them."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", symbol).replace("_", " ")


def found_in(file: Path) -> set[str]:
    return {
        word.lower()
        for text in texts_of(file)
        for told in (text, apart(text))
        for word in PATTERN.findall(told)
    }  # fmt: skip


def test_the_glossary_bans_something() -> None:
    assert len(rows()) > 40
    assert {"wording", "mend", "next in line", "bad address"} <= set(BANNED)


def test_no_thing_has_two_names() -> None:
    names = [name.strip().lower() for row in rows() for name in row[0].split(",")]

    assert sorted(names) == sorted(set(names))


def test_what_is_banned_stands_nowhere() -> None:
    looked_at = [file for file in FILES if file not in SAYS_WHAT_IS_BANNED and "migrations" not in file.parts]

    assert {str(file.relative_to(ROOT)): words for file in looked_at if (words := found_in(file))} == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "django.po",
            'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n\nmsgid "The next in line"\nmsgstr ""\n',
        ),
        ("page.html", "<p>Wording of mails</p>"),
        ("page.md", "Rows are mended."),
        ("views.py", "def _mend(): ..."),
        ("models.py", "class BadAddress: ..."),
        ("bad_address.py", ""),
    ],
)
def test_a_banned_word_is_found_wherever_it_stands(tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_text(content)

    assert found_in(file)
