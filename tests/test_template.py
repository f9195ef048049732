"""A test database that was copied holds what the migrations make; nobody finds half a template (tests/template.py)."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.apps import apps
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from tests import template

# A process that makes a test database of its own, as pytest-django does, and says whether it migrated, and its content.
PROCESS = """
import json, os, signal
from pathlib import Path
from tests import settings
{first}
import django; django.setup()
from django.db import connection
from django.db.models.signals import post_migrate, pre_migrate
from tests import template
from tests.test_template import content
migrated = []
pre_migrate.connect(lambda **_: migrated.append(True), weak=False)
template.Databases.PREFIX = {prefix!r}
connection.settings_dict["TEST"]["NAME"] = {name!r}
{then}
name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
print(json.dumps([bool(migrated), content()]))
{last}
connection.creation.destroy_test_db(name, verbosity=0)
"""
# A template of two apps is made in a second.
FEW_APPS = """
settings.INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
settings.AUTH_USER_MODEL = "auth.User"
"""
ROOT = Path(__file__).parents[1]
DIE = "os.kill(os.getpid(), signal.SIGKILL)"

DECLARED = {
    "sqlite": ["SELECT type, name, tbl_name, sql FROM sqlite_master", "PRAGMA journal_mode"],
    "postgresql": [
        "SELECT relname, relkind, relpersistence, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        """SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
           attcollation::regcollation, pg_get_expr(adbin, adrelid)
           FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
           LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
           WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped""",
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        """SELECT conrelid::regclass, conname, pg_get_constraintdef(oid)
           FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
        "SELECT tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT sequencename, data_type, increment_by, last_value FROM pg_sequences",
        "SELECT extname, extversion FROM pg_extension",
    ],
}


@pytest.fixture
def folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Path]:
    """A folder for templates, and on PostgreSQL a name for them, that nobody else uses."""
    monkeypatch.setattr(template.Databases, "PREFIX", f"trial_{os.getpid()}_")
    with django_db_blocker.unblock():
        yield tmp_path
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                for name in kept(tmp_path):
                    cursor.execute(f'DROP DATABASE "{name}"')


def kept(folder: Path) -> list[str]:
    """The names of the templates."""
    templates = template.Files(connection, folder) if connection.vendor == "sqlite" else template.Databases(connection)
    with templates.turn():
        return templates.all()


def content() -> dict[str, list[str]]:
    """All that is declared in the database, and all rows (but not when each migration ran)."""
    tables = connection.introspection.table_names() + (["sqlite_sequence"] if connection.vendor == "sqlite" else [])
    queries = [*DECLARED[connection.vendor], "SELECT id, app, name FROM django_migrations"]
    queries += [f'SELECT * FROM "{table}"' for table in tables if table != "django_migrations"]
    found = {}
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(query)
            found[query] = sorted(map(str, cursor.fetchall()))
    return found


def start(folder: Path, then: str, *, number: int = 1, first: str = "", last: str = "") -> subprocess.Popen[str]:
    """Begin to make a test database, if a file in `folder`; `first`, `then` and `last` are lines of that process."""
    name = f"test_trial_{os.getpid()}_{number}" if connection.vendor == "postgresql" else f"{folder}/test_{number}"
    code = PROCESS.format(prefix=template.Databases.PREFIX, name=name, first=first, then=then, last=last)
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def use(templates: Path) -> str:
    return f"templates = template.use(connection, Path({str(templates)!r}))"


def trial(folder: Path, then: str = "", *, number: int = 1, last: str = "") -> subprocess.Popen[str]:
    """Begin to make a small test database from a template in `folder`."""
    return start(folder, f"{use(folder)}\n{then}", number=number, first=FEW_APPS, last=last)


def answer(process: subprocess.Popen[str]) -> tuple[bool, dict[str, list[str]]]:
    """Whether it ran the migrations, and what its database held."""
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    migrated, held = json.loads(said.splitlines()[0])
    return migrated, held


def test_a_copy_holds_what_the_migrations_make(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """The very template that this run uses: one that is out of date would be told here too."""
    templates = use(pytestconfig.cache.mkdir("databases"))
    answer(start(tmp_path, templates))  # so that there is one, in a run with --create-db too

    copied, held = answer(start(tmp_path, templates))
    migrated, made = answer(start(tmp_path, "", number=2))

    assert (copied, migrated) == (False, True)
    assert held.keys() == made.keys()
    assert [name for name in made if held[name] != made[name]] == []
    assert len(made) > 50
    assert made['SELECT * FROM "auth_permission"'] and made['SELECT * FROM "django_content_type"']


def test_of_many_who_start_together_one_migrates(folder: Path) -> None:
    answers = [answer(process) for process in [trial(folder, number=number) for number in range(3)]]

    assert sorted(migrated for migrated, _ in answers) == [False, False, True]
    assert answers[0][1] == answers[1][1] == answers[2][1]
    assert len(kept(folder)) == 1


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(f"post_migrate.connect(lambda **_: {DIE}, weak=False)", id="while it migrates"),
        # PostgreSQL itself makes a database whole or not at all.
        pytest.param(f"os.fsync = lambda _: {DIE}", id="while it writes a file", marks=pytest.mark.runs_once("a file")),
    ],
)
def test_who_is_killed_leaves_no_half_template_and_keeps_nobody_waiting(folder: Path, moment: str) -> None:
    with trial(folder, moment) as killed:
        assert killed.wait(120) == -signal.SIGKILL
    assert kept(folder) == []

    migrated, made = answer(trial(folder))
    copied, held = answer(trial(folder))

    assert (migrated, copied) == (True, False)
    assert held == made


def test_templates_that_nobody_used_lately_are_thrown_away(folder: Path) -> None:
    names = [f"{template.Databases.PREFIX}{number}.sqlite3" for number in range(template.KEPT + 3)]

    answer(trial(folder, last=f"with templates.turn():\n  for templates.name in {names}: templates.keep()"))

    left = kept(folder)
    assert len(left) == template.KEPT
    assert names[-1] in left and names[0] not in left


def test_a_template_is_made_anew_when_a_migration_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = template.key(connection)
    app = apps.get_app_config("venues")
    moved = Path(shutil.copytree(app.path, tmp_path / "moved"))
    monkeypatch.setattr(app, "path", str(moved))

    assert template.key(connection) == before  # where it stands and when it was written says nothing

    keys = {before}
    first = moved / "migrations/0001_initial.py"
    first.write_text(first.read_text() + "# changed\n")
    keys.add(template.key(connection))
    first.rename(first.with_name("0001_renamed.py"))
    keys.add(template.key(connection))
    first.with_name("0009_another.py").write_text("")
    keys.add(template.key(connection))
    assert len(keys) == 4


def test_a_template_is_made_anew_when_something_else_changes_what_migrations_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    keys = [template.key(connection)]
    monkeypatch.setattr(apps.get_model("venues", "Venue")._meta, "permissions", [("may_close", "Can close")])
    keys.append(template.key(connection))
    monkeypatch.setattr(django, "__file__", f"{tmp_path}/django/__init__.py")
    (tmp_path / "Django-6.0.dist-info").mkdir()
    keys.append(template.key(connection))
    for name in ("summit/settings.py", "tests/settings.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text((ROOT / name).read_text())
    settings.BASE_DIR = tmp_path
    assert template.key(connection) == keys[-1]
    for name in ("summit/settings.py", "tests/settings.py"):
        (tmp_path / name).write_text("INSTALLED_APPS = []")
        keys.append(template.key(connection))

    assert len(set(keys)) == 5
