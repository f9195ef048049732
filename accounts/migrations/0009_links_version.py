from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_names_without_web_addresses")]
    operations = [
        migrations.AddField(
            model_name="user",
            name="links_version",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="version of the links"),
        ),
    ]
