"""What a test with transactions leaves is deleted after it. Django empties every table and makes content types and
permissions anew, which takes longer than many a test; here only tables that hold rows are emptied, and those two are
kept as they are."""

from typing import Any

from django.contrib.contenttypes.management import create_contenttypes
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.models.signals import post_migrate

from core import append_only

KEPT = {"django_content_type", "auth_permission"}  # what the models say, and no test changes


def only_what_holds_rows(connection: BaseDatabaseWrapper) -> None:
    """From now on, for every test database of the kind of `connection`.

    It is said of the kind: while a browser runs, Django gives the same thread another connection.
    """
    post_migrate.disconnect(create_contenttypes)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")

    def sql_flush(self: BaseDatabaseOperations, style: Any, tables: list[str], **options: bool) -> list[str]:
        asked = [
            f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {self.quote_name(table)})"
            for table in tables
            if table not in KEPT
        ]
        with self.connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(asked))
            emptied = [table for (table,) in cursor.fetchall()]
        statements = [f"DELETE FROM {self.quote_name(table)}" for table in emptied]
        if {append_only.AGED, append_only.NEVER} & set(emptied):
            vendor = self.connection.vendor
            return [*append_only.dropped(vendor), *statements, *append_only.created(vendor)]
        return statements

    type(connection.ops).sql_flush = sql_flush  # type: ignore[method-assign]
