import gettext
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.cache import caches
from django.core.management import call_command, get_commands
from django.db import connection
from django.utils import translation
from django.utils.translation import trans_real

from tests import browser as machine
from tests import flush, template

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and get_commands()["compilemessages"] == "summit":
        call_command("compilemessages", verbosity=0)
        trans_real._translations = {}  # what was read before the catalogues were there, by Django and by Python
        gettext._translations.clear()


def pytest_report_header() -> str:
    return f"database: {_database()}"


def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    """What says nothing about the database runs once, with SQLite; what only one database has runs there. Long tests
    begin first."""
    elsewhere = {"browser", "runs_once"} if connection.vendor == "postgresql" else {"only_on_postgresql"}
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
    left_out = [item for item in items if elsewhere & _marks(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=_seconds, reverse=True)  # one that began last would keep one core busy and the other idle


def _marks(item: pytest.Item) -> set[str]:
    """The names of its marks; those that say where it runs have to say why, and the closest of the two decides."""
    where = [mark for mark in item.iter_markers() if mark.name in ("runs_once", "on_both")]  # the closest first
    if any(len(mark.args) != 1 for mark in where):
        raise pytest.UsageError(f'{item.nodeid}: say why: @pytest.mark.{where[0].name}("…")')
    others = {mark.name for mark in item.iter_markers()} - {"runs_once", "on_both"}
    return others | {mark.name for mark in where[:1]}


def _seconds(item: pytest.Item) -> float:
    mark = item.get_closest_marker("slow")
    return mark.args[0] if mark else 0


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, a test that was skipped was not passed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and _skipped(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if skipped := _skipped(terminalreporter):
        terminalreporter.write_line(
            f"{skipped} skipped" + (": with CI set, that is a failure" if os.environ.get("CI") else ""), red=True
        )
    terminalreporter.write_line(f"This run used {_database()}.", bold=True)


def _skipped(reporter: pytest.TerminalReporter) -> int:
    return len(reporter.stats.get("skipped", []))


def _database() -> str:
    if connection.vendor == "sqlite":
        return f"SQLite {connection.Database.sqlite_version}"
    with connection.Database.connect(**connection.get_connection_params() | {"dbname": "postgres"}) as server:
        version = server.info.server_version
        return f"PostgreSQL {version // 10000}.{version % 10000} at {server.info.host}"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None,
    django_db_use_migrations: bool,
    django_db_createdb: bool,
    pytestconfig: pytest.Config,
) -> None:
    """A test database is copied from a template, unless pytest was told to migrate it, or to keep nothing."""
    cache = getattr(pytestconfig, "cache", None)  # none with `-p no:cacheprovider`
    if cache and django_db_use_migrations and not django_db_createdb:
        template.use(connection, cache.mkdir("databases"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    flush.only_what_holds_rows(connection)


@pytest.fixture(scope="session")
def copy_of_the_product(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], None]:
    """Puts a migrated SQLite file of the product itself at a path: for who starts the product, but not to see it
    migrate."""
    cache = getattr(pytestconfig, "cache", None)
    kept = cache.mkdir("products") if cache else tmp_path_factory.mktemp("products")
    return partial(template.copy_of_the_product, kept)


@pytest.fixture(autouse=True)
def french() -> None:
    """Each test starts in French: the page that the last one asked for may have been English."""
    translation.activate("fr")


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    """Each test starts without kept pages."""
    yield
    for cache in caches.all():
        cache.clear()


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    path = machine.chromium()
    if path is None:
        pytest.skip("no Chromium on this machine (see `make test`)")
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - only browser tests pay for it

    expect.set_options(timeout=20_000)  # what should be there is there in a blink; a busy machine may take seconds
    # Playwright runs an event loop in this thread, and Django would refuse the test's own queries because of it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=machine.arguments(), timeout=120_000)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(chromium: "Browser") -> "Iterator[Page]":
    """A page of a French visitor's browser; it fails the test that met a script error or broke the content security
    policy."""
    context = chromium.new_context(locale="fr-FR", timezone_id="Europe/Paris")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None,
    )
    yield page
    context.close()
    assert complaints == []
