from django.db import migrations, models

from core import folding

SOURCES = {
    "Announcement": ("subject_fr", "subject_en", "body_fr", "body_en"),
}


def fill(apps, schema_editor):
    folding.fill(apps, "notices", SOURCES)


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="announcement",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
