import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notices", "0007_hash_old_keys")]
    operations = [
        migrations.AlterField(
            model_name="calendarfeed",
            name="uuid",
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.RemoveField(model_name="calendarfeed", name="token"),
    ]
