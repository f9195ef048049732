from django.db import migrations
from django.db.models import F

from registrations.models import new_token


def tell(apps, schema_editor):
    """Every list that is there was put into force, and everybody on it has a link of their own from now on."""
    upload, invitee = apps.get_model("partners", "Upload"), apps.get_model("partners", "Invitee")
    upload.objects.update(status="applied", created_at=F("applied_at"))
    for pk in list(invitee.objects.filter(key=None).values_list("pk", flat=True)):
        invitee.objects.filter(pk=pk).update(key=new_token())


class Migration(migrations.Migration):
    dependencies = [("partners", "0002_portal")]

    operations = [migrations.RunPython(tell, migrations.RunPython.noop)]
