from django.db import migrations, models

from core import folding

SOURCES = {
    "Day": ("label_fr", "label_en"),
    "Track": ("name_fr", "name_en", "slug"),
    "Event": ("title_fr", "title_en", "slug", "organiser", "city"),
    "Speaker": ("name", "slug", "organisation", "role_fr", "role_en"),
    "Session": ("title_fr", "title_en", "slug"),
}


def fill(apps, schema_editor):
    folding.fill(apps, "programme", SOURCES)


class Migration(migrations.Migration):
    dependencies = [
        ("programme", "0002_session_has_its_room_to_itself"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="event",
            options={
                "ordering": ["starts_on", "ends_on", "search"],
                "verbose_name": "event",
                "verbose_name_plural": "events",
            },
        ),
        migrations.AlterModelOptions(
            name="speaker",
            options={"ordering": ["search"], "verbose_name": "speaker", "verbose_name_plural": "speakers"},
        ),
        migrations.AlterModelOptions(
            name="track",
            options={"ordering": ["search"], "verbose_name": "track", "verbose_name_plural": "tracks"},
        ),
        migrations.AddField(
            model_name="day",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="event",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="session",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="speaker",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="track",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
