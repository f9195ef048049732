from django.db import migrations, models

from core import folding

SOURCES = {
    "User": ("email",),
    "Attendee": ("name", "organisation"),
}


def fill(apps, schema_editor):
    folding.fill(apps, "accounts", SOURCES)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="attendee",
            options={
                "ordering": ["search"],
                "permissions": [("view_access_needs", "see people’s access needs")],
                "verbose_name": "attendee",
                "verbose_name_plural": "attendees",
            },
        ),
        migrations.AddField(
            model_name="attendee",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="user",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
