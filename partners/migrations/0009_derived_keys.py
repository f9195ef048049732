from django.db import migrations, models

from notices.models import new_token


class Migration(migrations.Migration):
    """What the keys of personal links are derived from."""

    dependencies = [("partners", "0008_names_without_web_addresses")]
    operations = [
        migrations.AddField(
            model_name="historicalinvitee",
            name="key_version",
            field=models.PositiveIntegerField(default=1, editable=False, verbose_name="version of the personal link"),
        ),
        migrations.AddField(
            model_name="invitee",
            name="key_version",
            field=models.PositiveIntegerField(default=1, editable=False, verbose_name="version of the personal link"),
        ),
        migrations.AddField(
            model_name="invitee",
            name="old_key_hash",
            field=models.CharField(blank=True, db_index=True, default="", editable=False, max_length=64),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="invitee",
            name="key",
            field=models.CharField(default=new_token, editable=False, max_length=64, null=True, unique=True),
        ),
        migrations.AlterField(
            model_name="historicalinvitee",
            name="key",
            field=models.CharField(db_index=True, default=new_token, editable=False, max_length=64, null=True),
        ),
    ]
