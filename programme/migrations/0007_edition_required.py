import django.db.models.deletion
from django.db import migrations, models


def _required(related_name):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to="programme.edition",
        verbose_name="edition",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("programme", "0006_first_edition"),
    ]

    operations = [
        migrations.AlterField(model_name="day", name="edition", field=_required("days")),
        migrations.AlterField(model_name="event", name="edition", field=_required("events")),
        migrations.AlterField(model_name="track", name="edition", field=_required("tracks")),
    ]
