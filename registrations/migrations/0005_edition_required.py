import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registrations", "0004_editions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="cohort",
            name="edition",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cohorts",
                to="programme.edition",
                verbose_name="edition",
            ),
        ),
    ]
