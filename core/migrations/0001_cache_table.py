from django.core.management import call_command
from django.db import migrations


def create_cache_table(apps, schema_editor):
    # What libraries mark in a cache lives in the database: flushing a broker must not forget it.
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


def drop_cache_table(apps, schema_editor):
    for name in ("core_cache", "core_limits"):  # the second is what older installations made here
        schema_editor.execute(f"DROP TABLE IF EXISTS {name}")


class Migration(migrations.Migration):
    operations = [migrations.RunPython(create_cache_table, drop_cache_table)]
