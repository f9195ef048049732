from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("registrations", "0007_figures"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="idempotencykey",
            options={"verbose_name": "key of a form", "verbose_name_plural": "keys of forms"},
        ),
    ]
