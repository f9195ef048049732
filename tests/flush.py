"""What a test with transactions leaves is deleted after it. Django empties every table and makes content types and
permissions anew, which takes longer than many a test; here only tables that hold rows are emptied, and those two are
kept as they are."""

from typing import Any

from django.contrib.contenttypes.management import create_contenttypes
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate

KEPT = {"django_content_type", "auth_permission"}  # what the models say, and no test changes


def only_what_holds_rows(connection: BaseDatabaseWrapper) -> None:
    """From now on, for the test database of `connection`."""
    post_migrate.disconnect(create_contenttypes)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    quote = connection.ops.quote_name

    def sql_flush(style: Any, tables: list[str], **options: bool) -> list[str]:
        asked = [
            f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in tables if table not in KEPT
        ]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(asked))
            return [f"DELETE FROM {quote(table)}" for (table,) in cursor.fetchall()]

    connection.ops.sql_flush = sql_flush
