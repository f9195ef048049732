"""The settings say what they read, in three places that agree, and refuse a wrong value with a sentence instead of a
trace."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.runs_once("settings are read before any database is asked")

KEY = "a-key-for-tests-that-guards-nothing-at-all-0123456789"

WRONG = {
    "SECRET_KEY": "short",
    "BASE_URL": "summit.example.org",
    "ALLOWED_HOSTS": "good.example.org,https://bad.example.org",
    "TRUSTED_PROXY_COUNT": "-1",
    "DATABASE_URL": "mysql://summit:Tell-Nobody@db/summit",
    "DATABASE_POOL_SIZE": "many",
    "BROKER_URL": "broker:6379",
    "EMAIL_URL": "mailto:someone@example.org",
    "DEFAULT_FROM_EMAIL": "Summit",
    "MAIL_WEBHOOK_SECRET": "short",
    "MAIL_LEASE_SECONDS": "0",
    "MAIL_SWEEP_SECONDS": "3600",
    "SECURITY_CONTACT": "http://summit.example.org",
    "PUBLIC_CACHE_SECONDS": "1h",
    "VAR_DIR": "/dev/null/var",
    "ERASURE_LOG": "/dev/null/acts.jsonl",
    "PARTNER_INVITATIONS_A_DAY": "0",
    "ACCESS_NEEDS_KEYS": "too-short",
    "LOG_LEVEL": "LOUD",
    "DEBUG": "perhaps",
    "DEMO_MODE": "2",
    "BENCH_MODE": "oui",
}


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the product with these variables and no other of its own."""
    environment = {"PATH": os.environ["PATH"], "SECRET_KEY": KEY, "PYTHONPATH": str(ROOT)} | variables
    if "VAR_DIR" not in variables:
        environment["VAR_DIR"] = os.environ["VAR_DIR"]  # the tests' own
    command = (sys.executable, *command)
    return subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def variables_of_the_settings() -> set[str]:
    tree = ast.parse((ROOT / "summit/settings.py").read_text())
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("env.")
    ]
    return {call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)}


def variables_of_the_docs() -> tuple[set[str], set[str]]:
    ours, others = (ROOT / "docs/configuration.md").read_text().split("\n## Variables of what Summit runs on\n")
    return set(re.findall(r"^\| `([A-Z_]+)` \|", ours, re.M)), set(re.findall(r"^\| `([A-Z_]+)` \|", others, re.M))


def test_docs_describe_every_variable_and_no_other():
    documented, _ = variables_of_the_docs()

    assert documented == variables_of_the_settings()


def test_the_example_shows_every_variable_and_no_other():
    shown = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    ours, others = variables_of_the_docs()

    # docker-compose.yml decides the first; the second is for experts.
    assert shown == (ours | others) - {"PORT", "GUNICORN_CMD_ARGS"}


def test_docker_compose_reads_only_documented_variables():
    read = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))

    assert read <= set.union(*variables_of_the_docs())


def test_docs_tell_the_real_defaults():
    source = (ROOT / "summit/settings.py").read_text()
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| `([^`]+)` \|",
        (ROOT / "docs/configuration.md").read_text().split("\n## Variables of what")[0],
        re.M,
    )

    wrong = [
        f"{name}: {default}"
        for name, default in rows
        if not re.search(rf'"{name}", "?{re.escape(default)}"?[,)]', source)
    ]

    assert len(rows) > 8
    assert wrong == []


def test_every_variable_has_a_wrong_value_here():
    assert set(WRONG) == variables_of_the_settings()


MANAGE, GUNICORN = ("manage.py", "check"), ("-m", "gunicorn", "--check-config", "summit.wsgi")


@pytest.mark.parametrize(("command", "name"), [*((MANAGE, name) for name in sorted(WRONG)), (GUNICORN, "SECRET_KEY")])
def test_a_wrong_value_stops_the_start_with_one_sentence(name: str, command: tuple[str, ...]):
    done = run(*command, **{name: WRONG[name]})

    assert done.returncode == 1
    assert done.stdout == ""
    [sentence] = done.stderr.splitlines()
    assert re.fullmatch(rf"Summit cannot start: {name}: \S.+ \(see docs/configuration\.md\)\.", sentence)
    assert sentence.count("_") - name.count("_") <= 2 * ("MODE" in sentence)  # no other variable is blamed
    assert "Tell-Nobody" not in sentence


@pytest.mark.parametrize(
    "url",
    [
        "anymail://nobody?API_KEY=x",
        "anymail://postmark",
        "anymail://postmark?token=x",
        "anymail:///?API_KEY=x",
        "anymail://../x?A=b",
    ],
)
def test_a_provider_that_nobody_knows_or_that_has_no_settings_stops_the_start(url: str):
    done = run("manage.py", "check", EMAIL_URL=url)

    assert (done.returncode, done.stderr.startswith("Summit cannot start: EMAIL_URL: after ")) == (1, True), done.stderr


def test_several_wrong_values_are_all_named_at_once():
    done = run("manage.py", "check", **{name: value for name, value in WRONG.items() if name != "DEBUG"})

    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert [name for name in WRONG if f"{name}: " not in sentence] == ["DEBUG"]


def test_production_does_not_start_without_a_key():
    done = run("manage.py", "check", SECRET_KEY="")
    assert (done.returncode, done.stderr.startswith("Summit cannot start: SECRET_KEY: ")) == (1, True)

    environment = {"PATH": os.environ["PATH"], "VAR_DIR": os.environ["VAR_DIR"]}
    unset = subprocess.run(
        [sys.executable, "manage.py", "check"], check=False, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (unset.returncode, unset.stderr.startswith("Summit cannot start: SECRET_KEY: it must be set")) == (1, True)


@pytest.mark.parametrize("mode", ["DEMO_MODE", "BENCH_MODE"])
def test_the_open_modes_do_not_start_under_a_public_address(mode: str):
    done = run("manage.py", "check", **{mode: "1", "BASE_URL": "https://summit.example.org"})

    assert (done.returncode, done.stderr.startswith("Summit cannot start: BASE_URL: ")) == (1, True)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"DEBUG": "1", "BASE_URL": "https://summit.example.org"}, "DEBUG"),
        ({"DEBUG": "1", "BASE_URL": "https://localhost:8000"}, "DEBUG"),
        ({"DEBUG": "1", "BASE_URL": "http://summit.example.org", "SECRET_KEY": ""}, "SECRET_KEY"),
        (
            {
                "DEBUG": "1",
                "BASE_URL": "http://10.0.0.7:8000",
                "SECRET_KEY": "only-for-demo-and-debug-never-in-production",
            },
            "SECRET_KEY",
        ),
    ],
)
def test_what_everybody_can_read_does_not_start_under_a_public_address(given: dict[str, str], word: str):
    done = run("manage.py", "check", **given)

    assert (done.returncode, done.stderr.startswith("Summit cannot start: BASE_URL: ")) == (1, True), done.stderr
    assert word in done.stderr


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "summit.localhost"])
def test_a_developer_needs_no_key(host: str):
    assert run("manage.py", "check", DEBUG="1", SECRET_KEY="", BASE_URL=f"http://{host}").returncode == 0


def test_deployment_checks_find_nothing_under_production_settings():
    done = run(
        "manage.py",
        "check",
        "--deploy",
        "--fail-level",
        "DEBUG",
        BASE_URL="https://summit.example.org",
        TRUSTED_PROXY_COUNT="1",
        SECRET_KEY=f"{KEY[:49]}!",
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "no issues" in done.stdout
