from django.core.management import call_command
from django.db import migrations, models


def move_the_cache(apps, schema_editor):
    # Limits were rows of the cache, which forgot a third of them whenever it was full: they begin afresh as counters.
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)
    schema_editor.execute("DROP TABLE IF EXISTS core_limits")


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_legal_hold_history"),
    ]

    operations = [
        migrations.CreateModel(
            name="LimitCounter",
            fields=[
                ("mark", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("key_hash", models.CharField(db_index=True, max_length=64)),
                ("number", models.PositiveIntegerField()),
                ("ends_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunPython(move_the_cache, migrations.RunPython.noop),
    ]
