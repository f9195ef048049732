"""A test database is a copy of a template, in which the migrations have run once.

A template is named after all that it was made from. Who finds none of that name runs the migrations, as Django does,
and keeps a copy for the others, who wait for it. SQLite's templates are files in `.pytest_cache`, PostgreSQL's are
databases beside those of the tests. `pytest --create-db` runs the migrations, whatever is kept.

`copy_of_the_product` is for tests that start the product itself, on a SQLite file and under its own settings.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import django
from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

KEPT = 5  # who goes from branch to branch finds the template of the other one again


def use(connection: BaseDatabaseWrapper, folder: Path) -> "Files | Databases":
    """Have the test database of `connection` made from a template; `folder` is for those that are files."""
    templates = Files(connection, folder) if connection.vendor == "sqlite" else Databases(connection)
    migrate = connection.creation.create_test_db

    def create_test_db(
        verbosity: int = 1,
        autoclobber: bool = False,
        serialize: bool = True,
        keepdb: bool = False,
    ) -> str:
        if serialize or keepdb:
            return migrate(verbosity, autoclobber, serialize, keepdb)
        with templates.turn():
            if templates.name in templates.all():
                name = templates.copy(verbosity, autoclobber)
                connection.close()
                settings.DATABASES[connection.alias]["NAME"] = connection.settings_dict["NAME"] = name
            else:
                name = migrate(verbosity, autoclobber, serialize)
                templates.keep()
        return name

    connection.creation.create_test_db = create_test_db
    return templates


def key(connection: BaseDatabaseWrapper) -> str:
    """A name for all that decides what a migrated database holds: the migrations, the settings, the packages, and the
    models, whose content types and permissions Django writes down after the migrations."""
    packages = sorted(path.name for path in Path(django.__file__).parents[1].glob("*-info"))  # with their versions
    options = [model._meta for model in apps.get_models()]
    models = [(str(one), str(one.verbose_name_raw), one.default_permissions, one.permissions) for one in options]
    files = [Path(__file__), settings.BASE_DIR / "summit/settings.py", settings.BASE_DIR / "tests/settings.py"]
    texts = [file.read_text() for file in files]
    for app in apps.get_app_configs():
        texts += [(app.label, file.name, file.read_text()) for file in sorted(Path(app.path).glob("migrations/*.py"))]
    return sha256(repr([connection.vendor, packages, models, texts]).encode()).hexdigest()[:16]


def copy_of_the_product(folder: Path, target: Path) -> None:
    """Put a SQLite file at `target` as the product's own settings migrate it: with the table of the cache, which tests
    keep in memory. The first who asks runs the migrations; `folder` keeps the file."""
    templates = Files(connections["default"], folder)
    with templates.turn():
        if templates.name not in templates.all():
            half = folder / "half"
            half.unlink(missing_ok=True)
            environment = os.environ | {
                "DJANGO_SETTINGS_MODULE": "summit.settings",
                "DATABASE_URL": f"sqlite:///{quote(str(half))}",
            }
            command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True)
            half.replace(folder / templates.name)  # whole: who closed it last has emptied the -wal file into it
            templates.forget_old()
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / templates.name, target)


class Files:
    """SQLite's templates, in a folder."""

    def __init__(self, connection: BaseDatabaseWrapper, folder: Path) -> None:
        self.connection, self.folder = connection, folder
        self.name = f"{key(connection)}.sqlite3"

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One process after the other; the turn of one that is killed ends with it."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def all(self) -> list[str]:
        """The names of those that are kept, the one used last at the end."""
        return [path.name for path in sorted(self.folder.glob("*.sqlite3"), key=lambda path: path.stat().st_mtime)]

    def keep(self) -> None:
        """Keep a copy of the test database: whole, or not at all."""
        half = self.folder / "half"
        half.unlink(missing_ok=True)
        with self.connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(half)])  # with what is still in the -wal file beside it
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(self.folder / self.name)
        self.forget_old()

    def forget_old(self) -> None:
        for old in self.all()[:-KEPT]:
            (self.folder / old).unlink()

    def copy(self, verbosity: int, autoclobber: bool) -> str:
        name = self.connection.creation._create_test_db(verbosity, autoclobber)
        shutil.copyfile(self.folder / self.name, name)
        (self.folder / self.name).touch()
        return name


class Databases:
    """PostgreSQL's templates, on the server of the tests."""

    PREFIX = "summit_template_"

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.name = f"{self.PREFIX}{key(connection)}"

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One process after the other; the turn of one that is killed ends with its connection."""
        with self.connection._nodb_cursor() as self.server:
            self.server.execute("SELECT pg_advisory_lock(hashtext(%s))", [self.PREFIX])
            yield

    def all(self) -> list[str]:
        """The names of those that are kept, the one made last at the end."""
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY oid"
        self.server.execute(query, [self.PREFIX])
        return [name for (name,) in self.server.fetchall()]

    def keep(self) -> None:
        """Keep a copy of the test database: PostgreSQL makes it whole, or not at all."""
        self.connection.close()  # a database that somebody is connected to cannot be copied
        self.server.execute(f'CREATE DATABASE "{self.name}" TEMPLATE "{self.connection.settings_dict["NAME"]}"')
        for old in self.all()[:-KEPT]:
            self.server.execute(f'DROP DATABASE "{old}"')

    def copy(self, verbosity: int, autoclobber: bool) -> str:
        self.connection.settings_dict["TEST"]["TEMPLATE"] = self.name
        return self.connection.creation._create_test_db(verbosity, autoclobber)
