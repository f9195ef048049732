"""Tables whose rows the database itself refuses to change or to delete (docs/rules.md#audit-log).

Whoever writes a migration that makes such a table anew (on SQLite: most changes of its columns) ends it with
`created()` again: the triggers go with the old table. A test looks for them after all migrations.
"""

from typing import Any

from django.db import connection

AGED = "core_auditlogentry"  # what is as old as that may be deleted: the run of retention does it
NEVER = "core_auditlogday"
DAYS = 180  # less than the shortest time that organisers may choose
REFUSAL = "the audit log is neither changed nor deleted"

_SQLITE = (
    f"""CREATE TRIGGER {AGED}_update BEFORE UPDATE ON {AGED} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER {AGED}_delete BEFORE DELETE ON {AGED}
        WHEN OLD.at > strftime('%Y-%m-%d %H:%M:%S', 'now', '-{DAYS} days')
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    # INSERT OR REPLACE deletes without asking the trigger above.
    f"""CREATE TRIGGER {AGED}_replace BEFORE INSERT ON {AGED} WHEN EXISTS (SELECT 1 FROM {AGED} WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",  # noqa: S608 - our own words alone
    f"""CREATE TRIGGER {NEVER}_update BEFORE UPDATE ON {NEVER} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER {NEVER}_delete BEFORE DELETE ON {NEVER} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER {NEVER}_replace BEFORE INSERT ON {NEVER} WHEN EXISTS (SELECT 1 FROM {NEVER} WHERE day = NEW.day)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",  # noqa: S608 - our own words alone
)
_POSTGRESQL = (
    f"""CREATE FUNCTION core_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$""",
    f"""CREATE TRIGGER {AGED}_update BEFORE UPDATE ON {AGED} FOR EACH ROW EXECUTE FUNCTION core_append_only()""",
    f"""CREATE TRIGGER {AGED}_delete BEFORE DELETE ON {AGED} FOR EACH ROW
        WHEN (OLD.at > CURRENT_TIMESTAMP - interval '{DAYS} days') EXECUTE FUNCTION core_append_only()""",
    f"""CREATE TRIGGER {AGED}_truncate BEFORE TRUNCATE ON {AGED} EXECUTE FUNCTION core_append_only()""",
    f"""CREATE TRIGGER {NEVER}_change BEFORE UPDATE OR DELETE ON {NEVER} FOR EACH ROW
        EXECUTE FUNCTION core_append_only()""",
    f"""CREATE TRIGGER {NEVER}_truncate BEFORE TRUNCATE ON {NEVER} EXECUTE FUNCTION core_append_only()""",
)


def created(vendor: str = "") -> tuple[str, ...]:
    """The statements that have the database refuse."""
    return _POSTGRESQL if (vendor or connection.vendor) == "postgresql" else _SQLITE


def dropped(vendor: str = "") -> tuple[str, ...]:
    """The statements that take it back."""
    is_postgresql = (vendor or connection.vendor) == "postgresql"
    names = [words.split()[2] for words in created(vendor) if words.startswith("CREATE TRIGGER")]
    if not is_postgresql:
        return tuple(f"DROP TRIGGER {name}" for name in names)
    triggers = [f"DROP TRIGGER {name} ON {name.rpartition('_')[0]}" for name in names]
    return (*triggers, "DROP FUNCTION core_append_only()")


def create(apps: Any, schema_editor: Any) -> None:
    for statement in created(schema_editor.connection.vendor):
        schema_editor.execute(statement, None)


def drop(apps: Any, schema_editor: Any) -> None:
    for statement in dropped(schema_editor.connection.vendor):
        schema_editor.execute(statement, None)
