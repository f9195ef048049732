"""The image can be built, and holds what runs and nothing else: told from its files, for no Docker is needed here."""

import fnmatch
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from django.apps import apps

from summit.loading.loader import OWN_DATA
from tests.image import ROOT, context, instructions, is_ignored

pytestmark = pytest.mark.runs_once("the image is told from files")

APPS = {app.name for app in apps.get_app_configs() if Path(app.path).parent == ROOT}
FILES = context()
RUNS = [command for instruction, command in instructions() if instruction == "RUN"]
COPIES = [arguments.split() for instruction, arguments in instructions() if instruction == "COPY"]
FROM_CONTEXT = [arguments for arguments in COPIES if not arguments[0].startswith("--from=")]


def git(*arguments: str, lines: str = "") -> list[str]:
    """What git says about the clone, line by line."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone: what belongs to the project cannot be told")
    how = {"cwd": ROOT, "input": lines, "capture_output": True, "text": True}
    done = subprocess.run(["git", "-c", "safe.directory=*", *arguments], check=False, **how)
    assert not done.stderr
    return done.stdout.splitlines()


def test_whatever_is_copied_is_there():
    copied = [source for *sources, _ in FROM_CONTEXT for source in sources]
    missing = [
        source
        for source in copied
        if source != "." and not any(fnmatch.fnmatch(name, source) or name.startswith(f"{source}/") for name in FILES)
    ]

    assert "." in copied
    assert missing == []


def test_whatever_is_installed_was_copied_before():
    copied = {f"{target}{source}" for *sources, target in FROM_CONTEXT for source in sources}
    installed = set(re.findall(r"--requirement ([^\s}]+)", " ".join(RUNS)))

    assert installed == {"/tmp/requirements.lock", "/tmp/requirements-saml.lock"}
    assert installed <= copied
    for path in installed:
        assert not re.search(r"^(-r|-c|--requirement|--constraint)\b", (ROOT / Path(path).name).read_text(), re.M)


def test_whatever_the_commands_name_is_there():
    started = " ".join(arguments for instruction, arguments in instructions() if instruction == "CMD")

    assert any("python manage.py" in command for command in RUNS)
    assert started == '["gunicorn", "summit.wsgi"]'
    assert {"manage.py", "gunicorn.conf.py", "summit/wsgi.py", "summit/celery.py"} <= FILES


def test_every_app_is_there_and_compiled():
    linted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    (compiled,) = [command.split()[4:] for command in RUNS if command.startswith("python -m compileall -q ")]

    assert {"summit", "registrations", "outbox"} <= APPS
    assert {Path(name).parts[0] for name in FILES if "/" in name} == APPS
    assert set(linted) == APPS
    assert sorted(compiled) == sorted(APPS)


def test_every_file_of_an_app_is_there():
    """Its templates, catalogues, static files, migrations, and what the demonstration loads."""
    ours = {name for name in git("ls-files", *APPS) if (ROOT / name).exists()}

    assert {Path(name).suffix for name in ours} >= {".py", ".html", ".txt", ".po", ".css", ".js", ".woff2", ".csv"}
    assert sorted(ours - FILES) == []
    assert {path.relative_to(ROOT).as_posix() for path in OWN_DATA.glob("*.csv")} <= FILES


def test_nothing_else_is_there():
    """Neither what only developers need nor what is made while one works, wherever it lies."""
    assert {name for name in FILES if "/" not in name} == {
        *("manage.py", "gunicorn.conf.py", "requirements.lock", "requirements-saml.lock", "LICENSE", "NOTICE"),
    }
    assert git("check-ignore", "--stdin", lines="\n".join(FILES)) == []


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".git/config", ".venv/bin/python", "var/summit.sqlite3", "var/media/speaker.jpg", "dump.sql"),
        *("summit.sqlite3", "summit/db.sqlite3", "summit/db.sqlite3-wal", "summit/.env", "accounts/.pytest_cache/x"),
        *("tests/settings.py", "docs/rules.md", "bench/pages.py", "requirements.txt", "pyproject.toml", "Makefile"),
        *("venues/__pycache__/x.pyc.14031", "venues/x.pyc", "venues/locale/fr/LC_MESSAGES/django.mo"),
    ],
)
def test_what_may_lie_around_is_kept_out(path: str):
    assert is_ignored(path, (ROOT / ".dockerignore").read_text())


@pytest.mark.parametrize(
    ("dockerignore", "ignored", "let_in"),
    [
        pytest.param("*", ["a", "a/b", ".a"], [], id="a star ignores all, with what lies below"),
        pytest.param("*\n!a", ["b", "b/a"], ["a", "a/b/c"], id="a folder is let in with all that it holds"),
        pytest.param("*\n!a\na/b", ["a/b", "a/b/c"], ["a/c"], id="a later line wins"),
        pytest.param("!a\n*", ["a"], [], id="an earlier line loses"),
        pytest.param("a", ["a", "a/b"], ["b/a", "ab"], id="a name is looked for at the root"),
        pytest.param("*.x", ["a.x"], ["b/a.x"], id="a star stops at a slash"),
        pytest.param("**/*.x", ["a.x", "b/a.x", "b/c/a.x/d"], ["a.xy", "axx"], id="two stars go down any way"),
        pytest.param("a/**", ["a/b", "a/b/c"], ["a", "b"], id="two stars at the end mean all that is below"),
        pytest.param("a?", ["ab"], ["a", "abc"], id="a question mark stands for one sign"),
        pytest.param("/a/\n# b\n\n", ["a/c"], ["b", "# b"], id="slashes around, comments and empty lines say nothing"),
    ],
)
def test_patterns_are_read_as_docker_reads_them(dockerignore: str, ignored: list[str], let_in: list[str]):
    for path in ignored:
        assert is_ignored(path, dockerignore)
    for path in let_in:
        assert not is_ignored(path, dockerignore)


def test_a_part_of_an_ignored_folder_is_found(tmp_path: Path):
    for name in ("a/b/c", "a/d", "e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text("*\n!a/b\n!e")

    assert context(tmp_path) == {"a/b/c", "e"}
