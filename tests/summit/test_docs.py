"""What the docs point to exists, and nothing in the repository tells about the machine that it was written on."""

import ast
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

pytestmark = pytest.mark.runs_once

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
_LISTED = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=ROOT, capture_output=True, text=True).stdout.split("\0")
FILES = [ROOT / name for name in _LISTED if name]


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes from the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).strip().replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.M | re.S)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http://", "https://", "mailto:"))]


def texts() -> list[tuple[Path, str]]:
    read = []
    for file in FILES:
        try:
            read.append((file, file.read_text()))
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return read


def test_the_docs_are_looked_at():
    assert {page.name for page in DOCS} > {"README.md", "rules.md", "architecture.md", "operations.md", "configuration.md"}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    broken = []
    for link in links(page):
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_code_points_to_docs_that_exist():
    broken = []
    for file, text in texts():
        for path, anchor in re.findall(r"\b(docs/[\w/-]+\.md)(?:#([\w-]+))?", text) if file.suffix != ".md" else []:
            page = ROOT / path
            if not page.exists() or (anchor and anchor not in anchors(page)):
                broken.append(f"{file.relative_to(ROOT)}: {path}#{anchor}")

    assert broken == []


def test_every_proof_is_a_test():
    proofs = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/rules.md").read_text())

    missing = []
    for path, name in proofs:
        tree = ast.parse((ROOT / path).read_text()) if (ROOT / path).exists() else ast.Module([], [])
        if name not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{path}::{name}")

    assert len(proofs) > 30
    assert missing == []


def test_the_decisions_are_numbered_without_a_gap():
    pages = sorted(ROOT.glob("docs/decisions/*.md"))

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.read_text().startswith(f"# {int(page.name[:4])}. ")


def test_commands_in_the_docs_exist():
    known = {path.stem for path in ROOT.glob("*/management/commands/*.py")} | {"migrate", "collectstatic", "shell", "check", "makemessages"}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))

    for page in DOCS:
        text = page.read_text()
        assert set(re.findall(r"manage\.py ([a-z_]+)", text)) - {"help"} <= known, page.name
        assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)) <= targets, page.name


def test_the_picture_is_light():
    picture = ROOT / "docs/programme.png"

    assert picture.stat().st_size <= 250 * 1024
    assert picture.read_bytes()[16:20] == (1280).to_bytes(4)


# Written apart, so that this file does not find itself.
MACHINE = [
    "/ro" + "ot/",
    "/ho" + "me/",
    "/wo" + "rk/",
    "/opt/py" + "pi",
    "/Us" + "ers/",
    "pypi-mi" + "rror",
    "index-u" + "rl",
    "extra-ind" + "ex",
]
SECRET = r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30}|xox[abp]-\d|(?<![\w.])AIza[\w-]{30}"


def test_nothing_tells_about_the_machine_or_a_secret():
    found = []
    for file, text in texts():
        found += [f"{file.relative_to(ROOT)}: {word}" for word in MACHINE if re.search(rf"(?<![\w.:/-]){re.escape(word)}", text)]
        found += [f"{file.relative_to(ROOT)}: {secret}" for secret in re.findall(SECRET, text)]
        found += [f"{file.relative_to(ROOT)}: {host}" for host in re.findall(r"https?://(?:[\w.-]*\.(?:internal|local|lan|corp))\b", text)]

    assert FILES
    assert found == []


def test_no_file_of_a_developer_is_kept():
    assert [file.name for file in FILES if file.name in (".env", ".DS_Store") or file.suffix in (".mo", ".sqlite3", ".pyc", ".log")] == []
