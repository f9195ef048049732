from django.db import migrations

# PostgreSQL can hold the rule in one constraint; on SQLite Session.clean() and the commands are its only place
# (docs/architecture.md, "Two databases"). Not in the model's Meta: SQLite would choke on it.
ADD = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
ALTER TABLE programme_session ADD CONSTRAINT session_has_its_room_to_itself
EXCLUDE USING gist (room_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&)
WHERE (status <> 'cancelled' AND NOT shares_room) DEFERRABLE INITIALLY IMMEDIATE
"""
REMOVE = "ALTER TABLE programme_session DROP CONSTRAINT session_has_its_room_to_itself"


def run_on_postgresql(sql):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql)

    return run


class Migration(migrations.Migration):
    dependencies = [("programme", "0001_initial")]

    operations = [migrations.RunPython(run_on_postgresql(ADD), run_on_postgresql(REMOVE))]
