from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_encrypt_access_needs")]
    operations = [migrations.RemoveField(model_name="attendee", name="access_needs")]
