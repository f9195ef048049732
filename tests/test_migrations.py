"""The migrations run forwards and backwards on both databases, and say what the models say."""

from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from summit import settings as product

OURS = [config.label for config in apps.get_app_configs() if Path(config.path).parent == product.BASE_DIR]


def tables():
    return {
        name for name in connection.introspection.table_names() if name.startswith(tuple(f"{app}_" for app in OURS))
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow(30)
def test_every_migration_can_be_taken_back_and_run_again(settings):
    settings.CACHES = product.CACHES  # tests keep limits in memory; the product's table must come and go too
    before = tables()
    assert before

    # Third-party tables that point at ours go with them: Django walks the whole graph.
    executor = MigrationExecutor(connection)
    executor.migrate([(app, None) for app in OURS])
    assert tables() == set()

    call_command("migrate", verbosity=0)
    assert tables() == before | {"core_limits"}


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
