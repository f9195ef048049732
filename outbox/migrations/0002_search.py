from django.db import migrations, models

from core import folding

SOURCES = {
    "SuppressedAddress": ("address", "words"),
}


def fill(apps, schema_editor):
    folding.fill(apps, "outbox", SOURCES)


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="suppressedaddress",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
