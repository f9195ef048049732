from typing import Any

from django.db import migrations


def forget_links(apps: Any, schema_editor: Any) -> None:
    """Lists that were applied kept the addresses to which the cells of their workbook led."""
    uploads = apps.get_model("partners", "Upload").objects
    for upload in uploads.filter(status__in=["applied", "undone"], read_as__has_key="links").iterator():
        del upload.read_as["links"]
        upload.save(update_fields=["read_as"])


class Migration(migrations.Migration):
    dependencies = [("partners", "0006_corrected_and_shared")]

    operations = [migrations.RunPython(forget_links, migrations.RunPython.noop)]
