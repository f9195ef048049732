from django.db import migrations, models

from core import folding

SOURCES = {
    "Institution": ("name", "slug"),
    "Cohort": ("name_fr", "name_en", "slug"),
    "Invitation": ("email",),
}


def fill(apps, schema_editor):
    folding.fill(apps, "registrations", SOURCES)


class Migration(migrations.Migration):
    dependencies = [
        ("registrations", "0001_initial"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="cohort",
            options={"ordering": ["search"], "verbose_name": "cohort", "verbose_name_plural": "cohorts"},
        ),
        migrations.AlterModelOptions(
            name="institution",
            options={"ordering": ["search"], "verbose_name": "institution", "verbose_name_plural": "institutions"},
        ),
        migrations.AlterModelOptions(
            name="membership",
            options={
                "ordering": ["attendee__search", "id"],
                "verbose_name": "member",
                "verbose_name_plural": "members",
            },
        ),
        migrations.AddField(
            model_name="cohort",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="institution",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="invitation",
            name="search",
            field=models.TextField(default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
