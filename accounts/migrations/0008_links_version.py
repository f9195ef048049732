from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_remove_access_needs")]
    operations = [
        migrations.AddField(
            model_name="user",
            name="links_version",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="version of the links"),
        ),
    ]
