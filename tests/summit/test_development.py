"""`make dev`: pages that reload, a worker that restarts, mails on a page; one Ctrl-C, nothing left behind."""

import os
import pty
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import termios
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from http.cookiejar import CookieJar
from pathlib import Path

import pytest
from django.conf import settings as product
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from programme.models import Session
from summit import supervisor
from summit.demo import cast
from summit.development import Development
from tests import html, make
from tests.development import Server, copy_of_the_code, running_server
from tests.processes import wait_until
from tests.smtp import free_port

pytestmark = pytest.mark.runs_once("a developer's server has a SQLite file of its own")


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_code(tmp_path_factory.mktemp("code"))


@pytest.fixture
def var_dir(tmp_path: Path, copy_of_the_product: Callable[[Path], None]) -> Path:
    """One whose database was migrated before, for the time that it takes."""
    var = tmp_path / "v ar"
    copy_of_the_product(var / "development/summit.sqlite3")
    return var


def gone(server: Server) -> None:
    wait_until(lambda: not server.everything_it_started(), 30, f"gone: {server.everything_it_started()}")


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def ask_for_a_code(url: str, address: str) -> None:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    page = opener.open(f"{url}/en/accounts/signup/", timeout=30).read()
    form = html.sent(page, "signup") | {"login": [address]}
    opener.open(f"{url}/en/accounts/signup/", urllib.parse.urlencode(form, doseq=True).encode(), timeout=30)


# --- Its processes ----------------------------------------------------------------------------------------------------


@pytest.mark.slow(40)
def test_pages_mails_and_the_worker_follow_each_change_and_one_ctrl_c_ends_all(var_dir: Path, code: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running_server(var_dir, port, code) as server:
            url = server.url
            assert f"Port {port} is taken: using {url.rpartition(':')[2]}." in server.said
            listening = subprocess.run(
                [sys.executable, "-m", "summit.development"],
                cwd=code, env=os.environ | {"VAR_DIR": str(var_dir)}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert (listening.returncode, f"runs already: {url}" in listening.stdout) == (1, True)

            # The worker sends what is posted, and starts again with what it has read.
            ask_for_a_code(url, "grace@demo.example")
            server.shows("/en/demo/mail/", "grace@demo.example")
            worker = server.processes("celery")
            change(code / "accounts/templates/accounts/emails/code.txt", "{{ code }}", "{{ code }} changed mail")
            wait_until(lambda: server.processes("celery").isdisjoint(worker) and server.processes("celery"), 30, "anew")
            ask_for_a_code(url, "ada@demo.example")
            server.shows("/en/demo/mail/?to=ada", "ada@demo.example</span>")
            mail = re.findall(r"/en/demo/mail/[0-9a-f-]{36}/", server.page("/en/demo/mail/?to=ada"))[0]
            server.shows(mail, "changed mail")

            # A template, a style and a translation: shown without a restart of the pages.
            web = server.processes("runserver")
            change(code / "programme/templates/programme/no_edition.html", "<h1", "<p>Changed template</p><h1")
            server.shows("/", "Changed template")
            (code / "core/static/core/site.css").write_text("/* changed style */")
            server.shows("/static/core/site.css", "changed style")
            change(code / "venues/locale/fr/LC_MESSAGES/django.po", 'msgstr "Lieux"', 'msgstr "Autres lieux"')
            server.shows("/", "Autres lieux")
            assert server.processes("runserver") == web

            # Code with a mistake ends no more than what cannot run with it.
            change(code / "summit/settings.py", "env.seal()", "env.seal(")
            wait_until(lambda: "The web has ended" in server.said, 30, f"told\n{server.said[-3000:]}")
            wait_until(lambda: "The worker has ended" in server.said, 30, f"told\n{server.said[-3000:]}")
            assert "SyntaxError" in server.said
            assert server.process.poll() is None
            change(code / "summit/settings.py", "env.seal(", "env.seal()")
            server.shows("/", "Changed template")
            wait_until(lambda: server.processes("celery"), 30, "a worker again")

            seconds = server.stop(signal.SIGINT)

    assert server.process.returncode == 0
    assert seconds < supervisor.SECONDS_TO_STOP * 3
    gone(server)


@pytest.mark.slow(15)
def test_a_dead_worker_is_told_and_a_dead_valkey_ends_the_rest(var_dir: Path, code: Path) -> None:
    with running_server(var_dir, free_port(), code) as server:
        server.page("/")
        [worker] = {os.getpgid(number) for number in server.processes("celery")}

        os.kill(worker, signal.SIGKILL)

        wait_until(lambda: "The worker has ended (-9). It starts again when" in server.said, 30, "told")
        wait_until(lambda: not server.processes("celery"), 30, "no orphan of the worker")
        server.page("/")

        [valkey] = server.processes("valkey-server")
        os.kill(valkey, signal.SIGKILL)

        assert server.process.wait(30) == 1
        assert "The valkey has ended (-9)" in server.said
    gone(server)


@pytest.mark.slow(10)
def test_a_breakpoint_in_a_view_stops_in_the_terminal_and_ctrl_c_gives_it_back_as_it_was(
    var_dir: Path, code: Path, request: pytest.FixtureRequest
) -> None:
    view, ours, theirs = code / "venues/views.py", *pty.openpty()
    whole, terminal = view.read_text(), termios.tcgetattr(theirs)
    request.addfinalizer(lambda: (view.write_text(whole), os.close(ours), os.close(theirs)))
    # What a debugger does to the terminal, and would leave behind when it is killed.
    change(view, "    places = list", "    __import__('tty').setcbreak(0); breakpoint()\n    places = list")
    with running_server(var_dir, free_port(), code, stdin=theirs) as server:
        url = server.url
        with ThreadPoolExecutor() as visitors:
            visit = visitors.submit(urllib.request.urlopen, f"{url}/venues/", timeout=60)
            wait_until(lambda: "(Pdb)" in server.said, 30, "a prompt")
            os.write(ours, b"print('reads', request.path)\n")
            wait_until(lambda: "reads /venues/" in server.said, 30, "an answer")
            assert termios.tcgetattr(theirs) != terminal

            server.stop(signal.SIGINT)

            assert visit.exception(30)
    assert termios.tcgetattr(theirs) == terminal
    gone(server)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process ask to end with its parent")
@pytest.mark.slow(10)
def test_a_killed_starter_leaves_no_orphans(var_dir: Path, code: Path) -> None:
    with running_server(var_dir, free_port(), code) as server:
        server.page("/")
        assert len(server.processes("runserver")) == 2

        server.stop(signal.SIGKILL)

        gone(server)


# --- Its folder and its database --------------------------------------------------------------------------------------


def test_commands_run_on_its_database_whatever_the_shell_holds(tmp_path: Path) -> None:
    """`make shell`, `make manage` and the others."""
    shell = os.environ | {"VAR_DIR": str(tmp_path), "DATABASE_URL": "postgresql://prod/summit", "DEBUG": "0"}
    code = "from django.conf import settings as s; print(s.DATABASES['default']['NAME'], s.DEBUG, s.EMAIL_URL)"

    done = subprocess.run(
        [sys.executable, "-m", "summit.development", "manage", "shell", "--no-imports", "--command", code],
        cwd=product.BASE_DIR, env=shell, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == f"{tmp_path}/development/summit.sqlite3 True dummy://\n"


def test_reset_removes_its_own_traces_and_nothing_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    (tmp_path / "development").mkdir()
    for name in ("summit.sqlite3", "development/summit.sqlite3", "development/dev.key", "development/letter.txt"):
        (tmp_path / name).touch()

    assert supervisor.reset(Development) == 0

    assert (tmp_path / "summit.sqlite3").exists()
    assert {path.name for path in (tmp_path / "development").iterdir()} == {"letter.txt", "dev.lock"}


@pytest.fixture
def of_a_developer(settings: Settings) -> None:
    settings.DEBUG = settings.DEMO_MODE = True


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["DEBUG", "DEMO_MODE"])
def test_preparation_is_refused_elsewhere(of_a_developer: None, settings: Settings, mode: str) -> None:
    setattr(settings, mode, False)

    with pytest.raises(CommandError, match="is off"):
        call_command("prepare_development", seed=True)

    assert not Session.objects.exists()


@pytest.mark.django_db
def test_the_people_of_the_demo_come_when_they_are_asked_for(
    of_a_developer: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """To sessions that are there, which takes less time than to those of the demo."""
    make.session(starts_at=timezone.now() - timedelta(days=3))
    call_command("prepare_development")
    assert not User.objects.exists()

    call_command("prepare_development", seed=True)

    assert User.objects.filter(email=cast.ORGANISER, is_staff=True).exists()
    assert "`make dev-reset` starts over" in capsys.readouterr().out
    assert Session.objects.count() == 1


@pytest.mark.django_db
def test_a_developers_own_accounts_are_not_mixed_with_those_of_the_demo(of_a_developer: None) -> None:
    make.attendee()
    call_command("prepare_development")

    with pytest.raises(CommandError, match="make dev-reset"):
        call_command("prepare_development", seed=True)

    assert not Session.objects.exists()


@pytest.mark.django_db
def test_a_database_of_another_branch_is_told_as_such(of_a_developer: None) -> None:
    MigrationRecorder.Migration.objects.create(app="venues", name="0099_of_another_branch")

    with pytest.raises(CommandError, match="another branch"):
        call_command("prepare_development")


def test_whoever_starts_it_reads_how_to_sign_in(var_dir: Path) -> None:
    server = Development(var_dir / "development")
    with closing(sqlite3.connect(server.var / "summit.sqlite3")) as database, database:
        assert 'make manage ARGS="make_organiser' in "\n".join(server.welcome("http://localhost:8000", 1))

        columns = [row[1] for row in database.execute("PRAGMA table_info(accounts_user)") if row[1] != "id"]
        values = [{"email": cast.ORGANISER, "language": "fr"}.get(column, "") for column in columns]
        marks = ", ".join("?" * len(columns))
        database.execute(f"INSERT INTO accounts_user ({', '.join(columns)}) VALUES ({marks})", values)

    words = "\n".join(server.welcome("http://localhost:8000", 1))
    assert all(address in words for address in (cast.ORGANISER, cast.ATTENDEE, cast.COORDINATOR))
    assert "http://localhost:8000/demo/mail/" in words and "make_organiser" not in words


# --- Catalogues -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("xgettext"), reason="gettext is not installed")
def test_catalogues_take_up_what_the_code_says_and_name_what_is_left_to_translate(
    tmp_path: Path, settings: Settings
) -> None:
    app = tmp_path / "venues"
    shutil.copytree(product.BASE_DIR / "venues", app, ignore=shutil.ignore_patterns("__pycache__"))
    settings.BASE_DIR = tmp_path
    catalogue = app / "locale/fr/LC_MESSAGES/django.po"
    before = catalogue.read_text()

    call_command("update_catalogues")
    assert catalogue.read_text() == before  # not even a line is broken elsewhere

    (app / "new.py").write_text('from django.utils.translation import gettext as _\n_("A brand new sentence")\n')
    with pytest.raises(CommandError, match="“A brand new sentence” is not translated"):
        call_command("update_catalogues")

    assert 'msgid "A brand new sentence"' in catalogue.read_text()


# --- Commands ---------------------------------------------------------------------------------------------------------


def recipe(*arguments: str) -> str:
    """What `make` would run, without what it would install."""
    command = ["make", "--dry-run", "--old-file", ".venv/development", *arguments]
    return subprocess.run(command, check=True, cwd=product.BASE_DIR, capture_output=True, text=True).stdout


def test_a_test_that_is_named_runs_alone_on_sqlite_and_without_a_browser() -> None:
    said = recipe("test", "ARGS=--pdb tests/venues/test_models.py::test_x -k 'x or y'")

    command = "-m pytest -n 0 --pdb tests/venues/test_models.py::test_x -k 'x or y';"
    assert f"TEST_DATABASE_URL= .venv/bin/python {command}" in said
    assert "tests.postgres" not in said and "tests.browser" not in said
    assert 'make test-postgresql ARGS="tests/venues/test_models.py::test_x"' in said
    assert "tests.browser" in recipe("test", "ARGS=tests/e2e/test_seats.py")


@pytest.mark.parametrize("arguments", [[], ["ARGS=-x -k tests"]])
def test_all_tests_run_on_both_databases_when_none_is_named(arguments: list[str]) -> None:
    said = recipe("test", *arguments)

    assert all(words in said for words in ("tests.browser", "TEST_DATABASE_URL= ", "-m tests.postgres"))


@pytest.mark.slow(5)
@pytest.mark.parametrize(("name", "answer"), [("test_this_passes", 0), ("test_this_fails", 2)])
def test_the_answer_of_a_named_test_is_that_of_make(name: str, answer: int, tmp_path: Path) -> None:
    for part in ("Makefile", ".venv"):
        (tmp_path / part).symlink_to(product.BASE_DIR / part)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_trial.py").write_text("def test_this_passes(): pass\ndef test_this_fails(): assert 0\n")
    command = ["make", "--old-file", ".venv/development", "test", f"ARGS=tests/test_trial.py::{name}"]
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    env["PYTEST_ADDOPTS"] = "-p no:django"  # there is no project in that folder

    done = subprocess.run(command, check=False, cwd=tmp_path, env=env, capture_output=True, text=True)

    assert done.returncode == answer, done.stdout + done.stderr
    assert f'make test-postgresql ARGS="tests/test_trial.py::{name}"' in done.stdout
