"""A database that comes back from a backup sends nothing until somebody has said what becomes of the old mails."""

import json
import sqlite3
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from outbox.domain import holds
from outbox.domain.delivery import deliver_due
from outbox.domain.mail_kinds import Letter
from outbox.domain.posting import post
from outbox.models import Hold, Home, Message
from tests import make
from tests.processes import answer_of, environment
from tests.smtp import mailbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def box(settings):
    with mailbox() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box


def a_mail(key, **options):
    post(
        "test.hello",
        f"{key}@example.org",
        dedupe_key=key,
        language="fr",
        letter=Letter("Bonjour", "Bonjour Ada"),
        **options,
    )


def mails(*words):
    out = StringIO()
    call_command("mails", *words, stdout=out)
    return out.getvalue()


LOOK_AND_SEND = """
import json
from outbox.domain.delivery import deliver_due
from outbox.models import Hold, Message
sent = deliver_due()
print(json.dumps([sent, list(Hold.objects.filter(released_at=None).values_list("reason", flat=True)), \
Message.objects.filter(status="queued").count()]))
"""


@pytest.fixture
def restored(tmp_path):
    """The address of a copy of this test's database, as a backup that is put back on a new host."""
    if connection.vendor == "sqlite":
        copy = tmp_path / "restored.sqlite3"
        with sqlite3.connect(copy) as target:
            connection.connection.backup(target)
        target.close()
        yield f"sqlite:///{copy}"
        return
    name, copy = connection.settings_dict["NAME"], f"{connection.settings_dict['NAME']}_restored"
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{copy}"')
        cursor.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
    try:
        yield environment(tmp_path)["DATABASE_URL"].removesuffix(name) + copy
    finally:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')


@pytest.mark.proves("restored-database-silent")
@pytest.mark.django_db(transaction=True)
def test_a_restored_database_sends_nothing_and_the_old_one_goes_on(box, request, tmp_path):
    assert deliver_due() == 0  # it moves in
    for n in range(5):
        a_mail(f"waiting{n}")

    here = environment(tmp_path, EMAIL_URL=box.url, DATABASE_URL=request.getfixturevalue("restored"))
    assert answer_of(LOOK_AND_SEND, here) == [0, ["restored"], 5]
    assert answer_of(LOOK_AND_SEND, here) == [0, ["restored"], 5]
    assert box.received == []

    assert deliver_due() == 5
    assert not Hold.objects.exists()


def test_a_new_database_moves_in_without_a_word(box):
    a_mail("one")

    assert deliver_due() == 1
    assert Home.objects.get().fingerprint == holds.fingerprint()
    assert deliver_due() == 0
    assert not Hold.objects.exists()


class TestHeld:
    @pytest.fixture(autouse=True)
    def held(self, box):
        a_mail("old")
        a_mail("code", lane=Message.Lane.URGENT)
        Message.objects.filter(dedupe_key="old").update(
            status="sending", lease_until=timezone.now(), lease_token=uuid4()
        )
        Home.objects.create(pk=1, fingerprint="another host")
        assert deliver_due() == 0
        a_mail("new")

    @pytest.mark.proves("restored-database-silent")
    def test_nothing_leaves_not_even_a_code(self, box):
        assert deliver_due() == 0
        assert box.received == []
        assert Message.objects.filter(status="queued").count() == 3  # also the one that a worker had in its hands

    @pytest.mark.proves("restored-database-silent")
    def test_what_may_have_been_sent_is_dropped_on_request_and_the_rest_leaves(self, box):
        olympe = make.organiser()

        assert holds.release(drop_older=True, actor=olympe) == 2
        assert holds.release(drop_older=True, actor=olympe) is None

        assert deliver_due() == 1
        assert box.recipients == ["new@example.org"]
        old = Message.objects.get(dedupe_key="old")
        assert (old.status, old.last_error) == ("dropped", "Held after a restore: it may already have been sent.")
        hold = Hold.objects.get()
        assert (hold.dropped, bool(hold.released_at), Hold.history.first().history_user) == (2, True, olympe)

    def test_all_of_it_leaves_on_request(self, box):
        assert holds.release(drop_older=False) == 0

        assert deliver_due() == 3

    def test_the_command_line_shows_it_and_ends_it(self, box):
        """Nobody can sign in meanwhile: the code is held too."""
        state = json.loads(mails("state"))
        assert ([hold["reason"] for hold in state["held"]], state["held_mails"]) == (["restored"], 2)
        assert [(lane["lane"], lane["due"]) for lane in state["lanes"]] == [("urgent", 1), ("normal", 2), ("bulk", 0)]

        assert "2 dropped" in mails("release", "--drop-older")
        assert "1 sent" in mails("send")

    def test_the_moment_of_the_backup_can_be_said(self, box):
        with pytest.raises(CommandError):
            mails("release", "--drop-before", "yesterday")
        assert "0 dropped" in mails("release", "--drop-before", "2020-01-01T00:00")

    def test_a_choice_must_be_made(self, box):
        with pytest.raises(CommandError):
            mails("release")
        assert deliver_due() == 0


def test_an_operator_can_hold_all_mails(box):
    a_mail("one")
    mails("hold")
    mails("hold")
    assert deliver_due() == 0
    assert Hold.objects.get().reason == "declared"

    mails("release", "--send-all")

    assert deliver_due() == 1
    with pytest.raises(CommandError, match="No mail is held"):
        mails("release", "--send-all")


def test_the_database_knows_one_hold_for_a_reason():
    holds.hold()
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.create(reason="declared", started_at=timezone.now())
