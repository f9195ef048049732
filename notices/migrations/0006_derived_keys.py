import uuid

from django.db import migrations, models

from notices.models import new_token


class Migration(migrations.Migration):
    """What keys are derived from. Questions that were asked already keep the address that was mailed: version 0."""

    dependencies = [("notices", "0005_index_addresses")]
    operations = [
        migrations.AddField(
            model_name="calendarfeed",
            name="key_version",
            field=models.PositiveIntegerField(default=1, editable=False, verbose_name="version of the address"),
        ),
        migrations.AddField(
            model_name="historicalcalendarfeed",
            name="key_version",
            field=models.PositiveIntegerField(default=1, editable=False, verbose_name="version of the address"),
        ),
        migrations.AddField(
            model_name="calendarfeed",
            name="old_key_hash",
            field=models.CharField(blank=True, db_index=True, default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="calendarfeed",
            name="uuid",
            field=models.UUIDField(default=uuid.uuid4, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="calendarfeed",
            name="token",
            field=models.CharField(default=new_token, editable=False, max_length=64, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="reconfirmation",
            name="key_version",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="version of the address"),
        ),
        migrations.AlterField(
            model_name="reconfirmation",
            name="key_version",
            field=models.PositiveIntegerField(default=1, editable=False, verbose_name="version of the address"),
        ),
    ]
