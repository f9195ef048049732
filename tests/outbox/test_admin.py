from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from outbox.domain.kinds import Letter
from outbox.domain.posting import post
from outbox.domain.retrying import retry
from outbox.models import Message
from tests import make

pytestmark = pytest.mark.django_db
LIST = "/admin/outbox/message/"


def a_message(kind: str = "test.kind", **fields: Any) -> Message:
    post(
        kind,
        "ada@example.org",
        dedupe_key=f"key-{Message.objects.count()}",
        language="fr",
        letter=Letter("Objet", "Code 4F7K2Q", "<b>4F7K2Q</b>"),
    )
    message = Message.objects.latest("id")
    Message.objects.filter(pk=message.pk).update(**fields)
    return message


def test_retry_queues_what_has_failed_and_nothing_else(django_capture_on_commit_callbacks: Any) -> None:
    failed = a_message(status="failed", last_error="550")
    sent = a_message(status="sent", sent_at="2027-01-01T00:00Z")

    with django_capture_on_commit_callbacks() as rings:
        assert retry(Message.objects.all()) == 1
        assert retry(Message.objects.all()) == 0

    failed.refresh_from_db()
    sent.refresh_from_db()
    assert (failed.status, sent.status) == ("queued", "sent")
    assert len(rings) == 1


def test_an_organiser_sends_a_failed_mail_again_from_its_page(client: Client) -> None:
    message = a_message(status="failed", last_error="550 no such mailbox")
    make.sign_in(client, make.organiser())
    page = client.get(f"{LIST}{message.pk}/change/").content.decode()
    assert "550 no such mailbox" in page
    assert 'value="retry_sending"' in page

    answer = client.post(LIST, {"action": "retry_sending", "_selected_action": message.pk, "index": "0", "_back": "1"})

    assert answer.headers["Location"] == f"{LIST}{message.pk}/change/"
    message.refresh_from_db()
    assert message.status == "queued"
    assert 'value="retry_sending"' not in client.get(f"{LIST}{message.pk}/change/").content.decode()


def test_who_may_only_look_sends_nothing_again(client: Client) -> None:
    message = a_message(status="failed", last_error="550")
    staff = make.user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_message"))

    make.sign_in(client, staff).post(LIST, {"action": "retry_sending", "_selected_action": message.pk, "index": "0"})

    message.refresh_from_db()
    assert message.status == "failed"


@pytest.mark.parametrize("kind", ["accounts.login_code", "accounts.email_confirmation"])
def test_a_mail_that_opens_an_account_is_never_shown(client: Client, kind: str) -> None:
    message = a_message(kind, subject="Votre code : 4F7K2Q")
    make.sign_in(client, make.organiser())

    pages = (
        client.get(f"{LIST}{message.pk}/change/").content + client.get(LIST).content + client.get(f"{LIST}{message.pk}/history/").content
    )

    assert b"4F7K2Q" not in pages
    assert message.dedupe_key.encode() not in pages  # a digest of the text: guessing a short code against it is quick
    assert "non montré" in pages.decode()


def test_other_mails_are_shown_as_text(client: Client) -> None:
    message = a_message(text="Bonjour <script>alert(1)</script>")

    page = make.sign_in(client, make.organiser()).get(f"{LIST}{message.pk}/change/").content.decode()

    assert "<pre>Bonjour &lt;script&gt;" in page


def test_a_message_is_never_written_by_hand(client: Client) -> None:
    message = a_message()
    make.sign_in(client, make.organiser())

    assert client.post(f"{LIST}{message.pk}/change/", {"to": "evil@example.org"}).status_code == 403
    assert client.post(f"{LIST}add/", {"to": "evil@example.org"}).status_code == 403
    assert client.post(LIST, {"action": "delete_selected", "_selected_action": message.pk, "index": "0", "post": "yes"}).status_code in (
        200,
        302,
        403,
    )
    message.refresh_from_db()
    assert message.to == "ada@example.org"
