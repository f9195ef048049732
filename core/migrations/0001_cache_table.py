from django.core.management import call_command
from django.db import migrations


def create_cache_table(apps, schema_editor):
    # Limits live in the database cache: flushing a broker must not forget them.
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


def drop_cache_table(apps, schema_editor):
    schema_editor.execute("DROP TABLE IF EXISTS core_limits")


class Migration(migrations.Migration):
    operations = [migrations.RunPython(create_cache_table, drop_cache_table)]
