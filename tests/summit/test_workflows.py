"""The files that forges and editors read: valid, safe, and true to the commands of this repository."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.summit.schemas import refused
from tests.summit.test_requirements import canonical, pins

pytestmark = pytest.mark.runs_once("files: no database is asked")

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob(".github/workflows/*.yml"))}
JOBS = {f"{name}: {job}": plan for name, workflow in WORKFLOWS.items() for job, plan in workflow["jobs"].items()}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
MATRIX: list[dict[str, Any]] = WORKFLOWS["ci"]["jobs"]["test"]["strategy"]["matrix"]["include"]
HOOKS: list[dict[str, Any]] = [
    hook for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"] for hook in repo["hooks"]
]


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.github-workflows", "workflows/*.yml"),
        ("custom.github-workflows-require-timeout", "workflows/*.yml"),
        ("vendor.dependabot", "dependabot.yml"),
        ("vendor.github-issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
        ("vendor.github-issue-config", "ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_the_files_of_the_forge_follow_their_schemas(schema: str, pattern: str):
    paths = list(ROOT.glob(f".github/{pattern}"))

    assert paths
    assert refused(schema, *paths) == ""


def test_the_validator_refuses_a_wrong_workflow(tmp_path: Path):
    wrong = tmp_path / "ci.yml"
    wrong.write_text((ROOT / ".github/workflows/ci.yml").read_text().replace("runs-on:", "run-on:"))

    assert "runs-on" in refused("vendor.github-workflows", wrong)


def test_every_action_is_one_commit():
    """A tag can be moved to other code, a commit cannot; the comment is what dependabot and people read."""
    used = [
        line
        for path in ROOT.glob(".github/workflows/*.yml")
        for line in re.findall(r"uses: (.+)$", path.read_text(), re.M)
        if not line.startswith("./")
    ]

    assert used
    assert [line for line in used if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line)] == []
    assert len(set(used)) == len({line.partition("@")[0] for line in used})


def test_a_workflow_may_read_and_the_release_alone_may_write():
    assert WORKFLOWS["ci"]["permissions"] == {"contents": "read"}
    assert WORKFLOWS["release"]["permissions"] == {}
    assert {name: plan["permissions"] for name, plan in JOBS.items() if "permissions" in plan} == {
        "release: ci": {"contents": "read"},
        "release: release": {"contents": "write"},
    }
    for plan in JOBS.values():
        for step in plan.get("steps", []):
            assert "${{" not in step.get("run", ""), "what others may write is no part of a command: use env"
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"] == {"persist-credentials": False}


def test_the_jobs_are_commands_of_the_makefile():
    lines = [step["run"] for plan in JOBS.values() for step in plan.get("steps", []) if "run" in step]
    made = set(re.findall(r"\bmake (?:--silent )?([a-z-]+)", "\n".join(lines)))

    assert {"test-image", "audit", "version", "release-notes"} <= made
    assert made | {part["target"] for part in MATRIX} <= TARGETS
    assert {"check", "test-sqlite", "test-browser", "test-postgresql", "test-faults"} == {
        part["target"] for part in MATRIX
    }


def test_the_oldest_python_is_that_of_the_image_and_of_the_lock_files():
    oldest = MATRIX[0]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["requires-python"] == f">={oldest}"
    assert f"--python-version {oldest} " in (ROOT / "Makefile").read_text()
    assert re.search(rf"^ARG PYTHON={re.escape(oldest)}-", (ROOT / "Dockerfile").read_text(), re.M)
    assert [part["python"] for part in MATRIX if part["target"] == "test-sqlite"] == [oldest, "3.12", "3.13"]


@pytest.mark.parametrize("script", sorted(ROOT.glob(".ci/*")), ids=lambda script: script.name)
def test_the_scripts_of_ci_can_be_read(script: Path):
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)


def test_the_hooks_before_a_commit_are_the_pinned_programs():
    """They run from .venv: a version of their own could differ from that of `make check`."""
    programs = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in HOOKS}
    makers = {
        file.name: canonical(package.name)
        for package in distributions()
        for file in package.files or []
        if file.name in programs and file.parent.name == "bin"
    }

    assert {"ruff", "djlint", "check-yaml"} <= programs
    assert all(set(hook) & {"rev", "additional_dependencies"} == set() for hook in HOOKS)
    assert all(hook["language"] == "unsupported" for hook in HOOKS)
    assert {program: makers.get(program) in pins("requirements-dev.txt") for program in programs} == dict.fromkeys(
        programs, True
    )


def test_the_hooks_are_read_by_the_program_that_runs_them():
    command = [sys.executable, "-m", "pre_commit", "validate-config", ".pre-commit-config.yaml"]

    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
