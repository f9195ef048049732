"""Keys are derived from a row and its version; none is stored (docs/rules.md#derived-keys)."""

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from core import keys
from notices.domain import calendar_feeds, mail_preferences
from notices.models import Reconfirmation, Reminder, Topic
from outbox.models import Message
from tests import make
from tests.partners import portal

pytestmark = pytest.mark.proves("derived-keys")
ROW = uuid.UUID("12345678-1234-4234-8234-123456789abc")


def test_a_key_opens_one_row_for_one_purpose_in_one_version() -> None:
    key = keys.key("a", ROW, 1)

    assert keys.row_of(key) == ROW and keys.is_right(key, "a", ROW, 1)
    assert not keys.is_right(key, "b", ROW, 1)
    assert not keys.is_right(key, "a", ROW, 2)
    assert not keys.is_right(key, "a", uuid.uuid4(), 1)
    assert len({keys.key("a", ROW, version) for version in range(50)}) == 50


def test_a_key_of_another_site_opens_nothing(settings: Any) -> None:
    key = keys.key("a", ROW, 1)
    settings.SECRET_KEY = "another" * 10
    assert not keys.is_right(key, "a", ROW, 1)


@pytest.mark.parametrize("change", range(56))
def test_every_character_of_a_key_counts(change: int) -> None:
    key = keys.key("a", ROW, 1)
    other = key[:change] + ("A" if key[change] != "A" else "B") + key[change + 1 :]
    row = keys.row_of(other)
    assert row is not None and not keys.is_right(other, "a", row, 1)


@pytest.mark.parametrize("odd", ["", "x", "é" * 56, "=" * 56, "+/" * 28, "a" * 55, "a" * 57, "\0" * 56, " " * 56])
def test_what_is_no_key_names_no_row(odd: str) -> None:
    assert keys.row_of(odd) is None


@pytest.mark.django_db
def test_no_key_stands_in_the_database() -> None:
    """Before a mail is written: what was sent is kept with its text, as long as the texts of mails are."""
    invitee = portal.invitee(make.cohort(), portal.ADA)
    ada = make.attendee(email="ada@x.fr")
    feed = calendar_feeds.open_feed(ada, actor=ada.user)
    make.reminder(timing="before", minutes=60, answer_hours=1)
    reminder = Reminder.objects.get()
    seat = make.registration(reminder.session, ada)
    asked = Reconfirmation.objects.create(registration=seat, reminder=reminder, answer_until=reminder.due_at)
    mail = Message.objects.get(kind="partners.invitation")
    secrets = [invitee.key, feed.key, asked.key, mail_preferences.key(mail, Topic.INVITATIONS)]
    assert len({keys.row_of(secret) for secret in secrets}) == 4

    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
            rows = str(cursor.fetchall())
            assert not [secret for secret in secrets if secret[22:] in rows], model
