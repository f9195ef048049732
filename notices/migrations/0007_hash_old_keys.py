"""Calendar addresses that were given out go on working: of each, a hash is kept until there is a new one."""

import uuid
from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from notices.domain.calendar_feeds import old_key_hash_of
from notices.models import new_token


def hash_tokens(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    feeds = apps.get_model("notices", "CalendarFeed").objects
    for some in _batches(feeds):
        for feed in some:
            feed.uuid, feed.old_key_hash = uuid.uuid4(), old_key_hash_of(feed.token)
        feeds.bulk_update(some, ["uuid", "old_key_hash"])


def make_tokens(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What was hashed is lost: the calendars need a new address."""
    feeds = apps.get_model("notices", "CalendarFeed").objects
    for some in _batches(feeds):
        for feed in some:
            feed.token = new_token()
        feeds.bulk_update(some, ["token"])


def _batches(rows: Any) -> Any:
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    return (list(rows.filter(pk__in=keys[first : first + 500])) for first in range(0, len(keys), 500))


class Migration(migrations.Migration):
    atomic = False  # no lock lasts longer than one batch
    dependencies = [("notices", "0006_derived_keys")]
    operations = [migrations.RunPython(hash_tokens, make_tokens)]
