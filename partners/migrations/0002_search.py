from django.db import migrations, models

from core import folding

SOURCES = {
    "Upload": ("file_name", "file_hash"),
    "Invitee": ("last_name", "first_name", "email", "reference", "programme"),
    "SignIn": ("domains",),
}


def fill(apps, schema_editor):
    folding.fill(apps, "partners", SOURCES)


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0001_initial"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="invitee",
            options={
                "ordering": ["cohort_id", "search", "id"],
                "verbose_name": "person on a list",
                "verbose_name_plural": "people on lists",
            },
        ),
        migrations.AlterModelOptions(
            name="signin",
            options={
                "ordering": ["institution__search"],
                "verbose_name": "sign-in through an institution",
                "verbose_name_plural": "sign-ins through institutions",
            },
        ),
        migrations.AddField(
            model_name="invitee",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="signin",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="upload",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
