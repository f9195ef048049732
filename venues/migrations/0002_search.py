from django.db import migrations, models

from core import folding

SOURCES = {
    "Venue": ("name", "slug", "address", "city"),
    "TravelTime": ("note",),
    "Room": ("name", "slug"),
}


def fill(apps, schema_editor):
    folding.fill(apps, "venues", SOURCES)


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0001_initial"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="room",
            options={"ordering": ["venue__search", "search"], "verbose_name": "room", "verbose_name_plural": "rooms"},
        ),
        migrations.AlterModelOptions(
            name="traveltime",
            options={
                "ordering": ["origin__search", "destination__search"],
                "verbose_name": "travel time",
                "verbose_name_plural": "travel times",
            },
        ),
        migrations.AlterModelOptions(
            name="venue",
            options={"ordering": ["search"], "verbose_name": "venue", "verbose_name_plural": "venues"},
        ),
        migrations.AddField(
            model_name="room",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="traveltime",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="venue",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
