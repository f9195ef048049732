"""What the docs point to exists, and nothing in the repository tells about the machine that it was written on."""

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.conf import settings

from tests import proofs

pytestmark = pytest.mark.runs_once("the docs are files")

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
_LISTED = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=ROOT, capture_output=True, text=True).stdout.split(
    "\0"
)
FILES = [ROOT / name for name in _LISTED if name]


def anchors(page: Path) -> set[str]:
    """The anchors of a page: those that a forge makes from headings, and those that stand in it."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    return anchors_of_headings(text) | set(re.findall(r'<a id="([\w-]+)">', text))


def anchors_of_headings(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).strip().replace(" ", "-") for heading in headings
    }


def links(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.M | re.S)
    return [
        link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http://", "https://", "mailto:"))
    ]


def texts() -> list[tuple[Path, str]]:
    read = []
    for file in FILES:
        try:
            read.append((file, file.read_text()))
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return read


def test_the_docs_are_looked_at():
    assert {page.name for page in DOCS} > {
        "README.md",
        "rules.md",
        "architecture.md",
        "operations.md",
        "configuration.md",
        "development.md",
    }


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


def test_the_proofs_are_those_that_the_tests_name():
    assert proofs.PROOFS.read_text() == proofs.page(), "run: python -m tests.proofs"


def test_every_promise_has_a_key_of_its_own_and_a_proof():
    rules = proofs.RULES.read_text()
    keys = proofs.keys_of_promises()
    proved = {key for proof in proofs.all_proofs() for key in proof.keys}

    without_key = [
        line for line in rules.split("\n") if line.startswith(("**", "<a ")) and not proofs.PROMISE.match(line)
    ]
    assert without_key == []
    assert [key for key in keys if keys.count(key) > 1 or key in anchors_of_headings(rules)] == []
    assert [key for key in keys if key not in proved] == []


def test_every_proof_names_a_promise():
    keys = proofs.keys_of_promises()

    assert [f"{proof.test}: {key}" for proof in proofs.all_proofs() for key in proof.keys if key not in keys] == []


def test_the_rules_are_a_contract_that_people_can_read():
    rules = proofs.RULES.read_text()

    assert len(rules.split()) <= 8000
    assert re.findall(r"\btests/\S+|\btest_\w+", rules) == []


# A letter and a number out of a list that nobody has, as it stood in comments, headings and names of tests.
NUMBER = r"(?<![\w#%\\+])[FGUW]\d{1,2}\b|_[fguw]\d{1,2}_|Test[FGUW]\d"


def test_rules_are_named_by_words_and_not_by_numbers():
    found = []
    for file, text in texts():
        if file.suffix in (".py", ".md", ".html", ".js", ".css", ".toml", ".yml", ".sh"):
            found += [f"{file.relative_to(ROOT)}: {number}" for number in re.findall(NUMBER, text)]

    assert found == []


def test_the_decisions_are_numbered_without_a_gap():
    pages = sorted(ROOT.glob("docs/decisions/*.md"))

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.read_text().startswith(f"# {int(page.name[:4])}. ")


def test_commands_in_the_docs_exist():
    known = {path.stem for path in ROOT.glob("*/management/commands/*.py")} | {
        "migrate",
        "collectstatic",
        "shell",
        "check",
        "makemessages",
    }
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))

    for page in DOCS:
        text = page.read_text()
        assert set(re.findall(r"manage\.py ([a-z_]+)", text)) - {"help"} <= known, page.name
        assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)) <= targets, page.name
        assert set(re.findall(r'make manage ARGS="(\w+)', text)) - {"help"} <= known, page.name


DEVELOPMENT = (ROOT / "docs/development.md").read_text()


def test_every_command_for_developers_is_described():
    makefile = (ROOT / "Makefile").read_text()
    commands = re.findall(r"^([a-z-]+):.*\n\t\$\(DEVELOPMENT\)", makefile, re.M)

    assert "dev" in commands and len(commands) == 7
    assert [name for name in commands if f"| `make {name}" not in DEVELOPMENT] == []


def test_the_tests_that_developers_are_told_to_run_are_there():
    named = re.findall(r"\bARGS=\"?(tests/[\w/.]+)(?:::(\w+))?", DEVELOPMENT)
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or (name and f"def {name}(" not in (ROOT / path).read_text())
    ]

    assert len(named) > 3
    assert missing == []


def test_the_files_of_the_checklists_are_there():
    """What the checklists of development.md name, from the root: folders too."""
    named = re.findall(r"^\d\. .*$", DEVELOPMENT, re.M)
    paths = {path for line in named for path in re.findall(r"`((?:\.?\w[\w.-]*/)+[\w.-]*)`", line)}

    assert len(paths) > 25
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def test_the_tasks_of_beat_are_those_of_the_settings():
    rows = re.findall(r"^\| `(\w+\.tasks\.\w+)` \|", (ROOT / "docs/operations.md").read_text(), re.M)

    assert sorted(rows) == sorted(entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values())


def test_the_modules_that_the_docs_name_are_there():
    """As a path from the root; a name alone stands for a module beside the last one that was named with its folder."""
    missing = []
    for page in DOCS:
        for name in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|html|css|js))`", page.read_text()):
            folders = [ROOT, *ROOT.glob("*/apps.py")]
            if not any((folder if folder.is_dir() else folder.parent).joinpath(name).exists() for folder in folders):
                missing.append(f"{page.name}: {name}")

    assert missing == []


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
        found += [
            f"{file.relative_to(ROOT)}: {word}"
            for word in MACHINE
            if re.search(rf"(?<![\w.:/-]){re.escape(word)}", text)
        ]
        found += [f"{file.relative_to(ROOT)}: {secret}" for secret in re.findall(SECRET, text)]
        found += [
            f"{file.relative_to(ROOT)}: {host}"
            for host in re.findall(r"https?://(?:[\w.-]*\.(?:internal|local|lan|corp))\b", text)
        ]

    assert FILES
    assert found == []


def test_no_file_of_a_developer_is_kept():
    assert [
        file.name
        for file in FILES
        if file.name in (".env", ".DS_Store") or file.suffix in (".mo", ".sqlite3", ".pyc", ".log")
    ] == []
