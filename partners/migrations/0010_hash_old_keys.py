"""Personal links that were mailed go on working: of each, a hash is kept until it is replaced. The keys that stood in
the names of mails go."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from notices.models import new_token
from partners.domain.objections import key_hash_of

INVITATION, LENGTH, BATCH = "partners.invitation", 43, 500  # LENGTH of a key that was stored


def hash_keys(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _rename_mails(apps)
    invitees = apps.get_model("partners", "Invitee").objects
    for some in _batches(invitees.exclude(key=None)):
        for invitee in some:
            invitee.old_key_hash = key_hash_of(invitee.key)
        invitees.bulk_update(some, ["old_key_hash"])


def _rename_mails(apps: Any) -> None:
    people = apps.get_model("partners", "Invitee").objects
    mails = apps.get_model("outbox", "Message").objects
    for some in _batches(mails.filter(kind=INVITATION).only("pk", "dedupe_key")):
        parts = {mail.pk: mail.dedupe_key.split(":", 2) for mail in some}
        keys = {rest[0][:LENGTH] for _kind, _institution, *rest in parts.values() if rest}
        found = dict(people.filter(key__in=keys).values_list("key", "pk"))
        named = []
        for mail in some:
            kind, institution, *rest = parts[mail.pk]
            if not rest or len(rest[0]) < LENGTH:  # blanked, or renamed already
                continue
            again = rest[0][LENGTH:].lstrip(":")
            row = found.get(rest[0][:LENGTH])
            mail.dedupe_key = f"{kind}:{institution}:{row}:1:{again}" if row else f"{kind}:{institution}:old:{mail.pk}"
            named.append(mail)
        mails.bulk_update(named, ["dedupe_key"])


def make_keys(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What was hashed is lost: whoever has not answered needs another invitation."""
    for model in ("Invitee", "HistoricalInvitee"):
        rows = apps.get_model("partners", model).objects
        for some in _batches(rows):
            for row in some:
                row.key = new_token()
            rows.bulk_update(some, ["key"])


def _batches(rows: Any) -> Any:
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    return (list(rows.filter(pk__in=keys[first : first + BATCH])) for first in range(0, len(keys), BATCH))


class Migration(migrations.Migration):
    atomic = False  # no lock lasts longer than one batch
    dependencies = [("partners", "0009_derived_keys"), ("outbox", "0004_english_reasons")]
    operations = [migrations.RunPython(hash_keys, make_keys)]
