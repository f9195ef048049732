from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("programme", "0007_edition_required"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="session",
            options={
                "ordering": ["starts_at", "room__search", "slug"],
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
            },
        ),
    ]
