"""Rows from before the words of Summit changed say why a mail was not sent in the language of their reader."""

import importlib
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.utils import timezone, translation

from outbox.models import Message

pytestmark = pytest.mark.django_db
[FILE] = (settings.BASE_DIR / "outbox/migrations").glob("*_english_reasons.py")
migration: Any = importlib.import_module(f"outbox.migrations.{FILE.stem}")


def dropped(reason: str) -> Message:
    fields = {"kind": "test", "dedupe_key": str(uuid.uuid4()), "not_before": timezone.now()}
    return Message.objects.create(to="ada@example.org", status="dropped", last_error=reason, **fields)


def test_a_reason_kept_in_the_words_of_before_is_translated_again() -> None:
    ours, servers = dropped("The offer has ended."), dropped("Mails to this address bounce.\n550 No such user")
    other = dropped("Spam: The offer has ended.")

    migration.forwards(apps, None)

    for message in (ours, servers, other):
        message.refresh_from_db()
    with translation.override("fr"):
        assert ours.reason == "La proposition a expiré."
        assert servers.reason.startswith("Les courriels") and servers.reason.endswith("\n550 No such user")
    assert other.last_error == "Spam: The offer has ended."

    migration.backwards(apps, None)

    ours.refresh_from_db()
    assert ours.last_error == "The offer has ended."


@pytest.mark.parametrize("new", [new for _old, new in migration.REWORDED])
def test_every_new_reason_is_one_that_catalogues_have(new: str) -> None:
    with translation.override("fr"):
        assert translation.gettext(new) != new
