from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("partners", "0010_hash_old_keys")]
    operations = [
        migrations.RemoveField(model_name="historicalinvitee", name="key"),
        migrations.RemoveField(model_name="invitee", name="key"),
    ]
