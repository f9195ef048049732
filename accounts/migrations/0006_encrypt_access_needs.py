"""What people have told is encrypted where it goes; the column that held it in clear is emptied, then removed."""

from datetime import timedelta
from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone

from accounts.domain import access_needs


def encrypt(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Consent was not asked for then: none is made up. It is asked for when the person saves their profile."""
    attendees = apps.get_model("accounts", "Attendee").objects
    needs = apps.get_model("accounts", "AccessNeeds").objects
    edition = apps.get_model("programme", "Edition").objects.filter(is_current=True).first()
    now = timezone.now()
    kept_until = (edition.ends_on if edition else now.date()) + timedelta(days=30)
    told = attendees.exclude(access_needs="")
    if told.exists() and not access_needs.is_offered():
        raise RuntimeError("People have told their access needs: set ACCESS_NEEDS_KEYS first (docs/configuration.md).")
    for attendee in told.order_by("pk").iterator():
        token = access_needs.encrypt(attendee.access_needs, attendee.pk)
        needs.create(attendee=attendee, token=token, written_at=now, kept_until=kept_until)
    told.update(access_needs="")


def decrypt(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    attendees = apps.get_model("accounts", "Attendee").objects
    needs = apps.get_model("accounts", "AccessNeeds").objects
    for kept in needs.order_by("pk").iterator():
        text = access_needs.decrypt(kept.token, kept.pk)
        attendees.filter(pk=kept.pk).update(access_needs=text)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_access_needs"), ("programme", "0007_edition_required")]
    operations = [migrations.RunPython(encrypt, decrypt)]
