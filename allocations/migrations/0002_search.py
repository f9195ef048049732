from django.db import migrations, models

from core import folding

SOURCES = {
    "Allocation": ("title_fr", "title_en", "slug"),
}


def fill(apps, schema_editor):
    folding.fill(apps, "allocations", SOURCES)


class Migration(migrations.Migration):
    dependencies = [
        ("allocations", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="allocation",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
