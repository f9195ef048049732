"""The order of the house (docs/architecture.md) is checked by machine; here, that the machine objects when the order is
broken."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.runs_once("imports are read from the sources")

APPS = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's Python files in another folder, to break at will."""
    folder = tmp_path_factory.mktemp("copy")
    for app in APPS:
        shutil.copytree(
            settings.BASE_DIR / app,
            folder / app,
            ignore=shutil.ignore_patterns("static", "locale", "templates", "__pycache__", "demo"),
        )
    shutil.copy(settings.BASE_DIR / "pyproject.toml", folder)
    return folder


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def ruff(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_house_is_in_order(copy):
    assert lint_imports(copy).returncode == 0
    assert ruff(copy).returncode == 0


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param("core/limits.py", "import outbox.models", id="the ground floor knows an app"),
        pytest.param("outbox/tasks.py", "import registrations.models", id="the outbox knows an app above it"),
        pytest.param("allocations/models.py", "import notices.models", id="allocations and notices know each other"),
        pytest.param("registrations/domain/booking.py", "import notices.models", id="a seat knows who is reminded"),
        pytest.param("notices/domain/reminders.py", "import partners.models", id="a reminder knows the partners"),
        pytest.param("programme/views.py", "import registrations.models", id="the public pages know who comes"),
        pytest.param("venues/models.py", "import accounts.models", id="venues and people know each other"),
        pytest.param("registrations/views.py", "import summit.urls", id="an app knows the project"),
        pytest.param("registrations/domain/booking.py", "import registrations.mails", id="a rule calls an entry point"),
        pytest.param("accounts/models.py", "import accounts.access", id="a model knows who asks"),
        pytest.param("registrations/views.py", "import registrations.receivers", id="an entry point calls another"),
        pytest.param("programme/views.py", "import programme.urls", id="a view knows its address"),
    ],
)
def test_an_import_against_the_order_is_refused(copy, module, line):
    path = copy / module
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")

    answer = lint_imports(copy)
    path.write_text(before)

    assert answer.returncode == 1, answer.stdout
    assert "BROKEN" in answer.stdout


@pytest.mark.parametrize(
    "line",
    ["from django.http import Http404", "from django.shortcuts import redirect", "import django.template.loader"],
)
def test_a_rule_that_knows_a_page_is_refused(copy, line):
    path = copy / "registrations/domain/booking.py"
    before = path.read_text()
    path.write_text(f"{before}\n{line}\n")

    answer = ruff(copy)
    path.write_text(before)

    assert answer.returncode == 1
    assert "TID251" in answer.stdout
