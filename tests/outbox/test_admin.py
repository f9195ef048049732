import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from outbox.domain import holds, lanes, suppression
from outbox.domain.mail_kinds import Letter
from outbox.domain.posting import post
from outbox.domain.retrying import retry
from outbox.models import Hold, LaneState, Message, SuppressedAddress
from tests import make

pytestmark = pytest.mark.django_db
Lane = Message.Lane
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


@pytest.mark.proves("no-sign-in-mail-shown")
@pytest.mark.parametrize(
    "kind", ["accounts.login_code", "accounts.email_confirmation", "partners.invitation", "partners.reminder"]
)
def test_a_mail_that_opens_an_account_is_never_shown(client: Client, kind: str) -> None:
    message = a_message(kind, subject="Votre code : 4F7K2Q")
    make.sign_in(client, make.organiser())

    pages = (
        client.get(f"{LIST}{message.pk}/change/").content
        + client.get(LIST).content
        + client.get(f"{LIST}{message.pk}/history/").content
    )

    assert b"4F7K2Q" not in pages
    assert message.dedupe_key.encode() not in pages  # a digest of the text: guessing a short code against it is quick
    assert "non montré" in pages.decode()


def test_other_mails_are_shown_as_text(client: Client) -> None:
    message = a_message(text="Bonjour <script>alert(1)</script>")

    page = make.sign_in(client, make.organiser()).get(f"{LIST}{message.pk}/change/").content.decode()

    assert '<pre dir="auto">Bonjour &lt;script&gt;' in page


def test_a_mail_without_a_text_says_whether_it_will_get_one(client: Client) -> None:
    make.sign_in(client, make.organiser())

    for status, words in (("queued", "écrit au moment de l’envoi"), ("dropped", "jamais écrit")):
        message = a_message(status=status, text="", last_error="The offer has expired.")
        assert words in client.get(f"{LIST}{message.pk}/change/").content.decode()


def test_a_message_is_never_written_by_hand(client: Client) -> None:
    message = a_message()
    make.sign_in(client, make.organiser())

    assert client.post(f"{LIST}{message.pk}/change/", {"to": "evil@example.org"}).status_code == 403
    assert client.post(f"{LIST}add/", {"to": "evil@example.org"}).status_code == 403
    assert client.post(
        LIST, {"action": "delete_selected", "_selected_action": message.pk, "index": "0", "post": "yes"}
    ).status_code in (
        200,
        302,
        403,
    )
    message.refresh_from_db()
    assert message.to == "ada@example.org"


class TestQueue:
    """The table of lanes above the list, and its buttons."""

    @pytest.fixture(autouse=True)
    def olympe(self, client: Client) -> Any:
        olympe = make.organiser()
        make.sign_in(client, olympe)
        return olympe

    def act(self, client: Client, act: str, lane: int | str = "") -> str:
        answer = client.post(f"{LIST}queue/", {"act": act, "lane": lane}, follow=True)
        assert answer.redirect_chain == [(LIST, 302)]
        return answer.content.decode()

    @pytest.mark.proves("mail-history")
    def test_each_lane_shows_what_is_due_later_failed_and_since_when(self, client: Client) -> None:
        a_message(lane=Lane.URGENT, status="failed", last_error="550")
        a_message(lane=Lane.BULK)
        a_message(lane=Lane.BULK, not_before=timezone.now() + timedelta(hours=1))
        a_message(lane=Lane.BULK, status="sent", sent_at=timezone.now())

        urgent, normal, bulk = client.get(LIST).context["lanes"]

        assert (urgent.due, urgent.later, urgent.counts) == (0, 0, {"failed": 1})
        assert (normal.due, normal.later, normal.counts) == (0, 0, {})
        assert (bulk.due, bulk.later, bulk.counts) == (1, 1, {"queued": 2, "sent": 1})
        assert bulk.due_since <= timezone.now()

    @pytest.mark.proves("mail-history")
    def test_a_lane_is_paused_and_resumed_and_the_page_says_since_when(self, client: Client, olympe: Any) -> None:
        page = self.act(client, "pause", Lane.BULK)
        assert "Cette file est en pause" in page
        assert LaneState.objects.get(lane=Lane.BULK).paused_at
        assert LaneState.history.get().history_user == olympe

        page = self.act(client, "resume", Lane.BULK)
        assert "Cette file est ouverte" in page
        assert LaneState.objects.get(lane=Lane.BULK).paused_at is None

    @pytest.mark.proves("mail-history")
    def test_a_mail_server_that_is_away_is_shown_with_its_words_and_tried_on_request(self, client: Client) -> None:
        lanes.rest(Lane, "454 <b>TLS</b> not available", at=timezone.now(), server_is_away=True)
        page = client.get(LIST).content.decode()
        assert "454 &lt;b&gt;TLS&lt;/b&gt; not available" in page
        assert "attend le serveur de courrier" in page

        self.act(client, "resume", Lane.NORMAL)

        assert not LaneState.objects.filter(rests_until__isnull=False).exists()

    @pytest.mark.proves("restored-database-silent")
    @pytest.mark.parametrize(("act", "left"), [("release-new", "dropped"), ("release-all", "queued")])
    def test_a_hold_is_told_and_ended_by_a_choice(self, client: Client, olympe: Any, act: str, left: str) -> None:
        old = a_message()
        holds.hold(actor=olympe)
        a_message()
        page = client.get(LIST).content.decode()
        assert "Aucun courriel ne part" in page
        assert "1 courriel attendait" in page
        assert "courriels retenus" in client.get("/admin/").content.decode()

        page = self.act(client, act)

        old.refresh_from_db()
        assert (old.status, Message.objects.filter(status="queued").count()) == (left, 1 if left == "dropped" else 2)
        assert "Aucun courriel ne part" not in page
        assert Hold.history.first().history_user == olympe
        assert "plus rapide" in self.act(client, act)

    @pytest.mark.parametrize(
        ("act", "lane"), [("pause", "7"), ("pause", ""), ("pause", "x"), ("resume", "\0"), ("", "1"), ("burn", "1")]
    )
    def test_an_odd_request_changes_nothing(self, client: Client, act: str, lane: str) -> None:
        self.act(client, act, lane)

        assert not LaneState.objects.exists()

    def test_who_may_only_look_has_no_buttons_and_changes_nothing(self, client: Client) -> None:
        staff = make.user(is_staff=True)
        staff.user_permissions.set(Permission.objects.filter(codename="view_message"))
        make.sign_in(client, staff)

        assert "queue/" not in client.get(LIST).content.decode()
        assert client.post(f"{LIST}queue/", {"act": "pause", "lane": 1}).status_code == 403
        assert not LaneState.objects.exists()

    def test_reading_the_address_changes_nothing(self, client: Client) -> None:
        assert client.get(f"{LIST}queue/?act=pause&lane=1").status_code == 403


class TestWhoGotWhat:
    @pytest.fixture(autouse=True)
    def signed_in(self, client: Client) -> None:
        make.sign_in(client, make.organiser())

    def found(self, client: Client, address: str) -> set[str]:
        return {message.to for message in client.get(address).context["cl"].result_list}

    @pytest.mark.proves("mail-history")
    def test_a_persons_name_finds_their_mails(self, client: Client) -> None:
        make.attendee("Ada Lovelace", email="ada@example.org")
        a_message()
        a_message(to="grace@example.org")

        assert self.found(client, f"{LIST}?q=lovelace") == {"ada@example.org"}
        assert self.found(client, f"{LIST}?q=grace@") == {"grace@example.org"}
        assert self.found(client, f"{LIST}?q=nobody") == set()

    @pytest.mark.proves("mail-history")
    @pytest.mark.parametrize(
        "page", ["/admin/accounts/attendee/{0.pk}/change/", "/admin/accounts/user/{0.user_id}/change/"]
    )
    def test_the_page_of_a_person_leads_to_their_mails_also_under_an_older_address(
        self, client: Client, page: str
    ) -> None:
        ada = make.attendee(email="before@example.org")
        ada.user.email = "ada@example.org"
        ada.user.save()
        for to in ("ada@example.org", "before@example.org", "grace@example.org"):
            a_message(to=to)

        links = re.findall(r'href="([^"]+to__in[^"]+)"', client.get(page.format(ada)).content.decode())

        assert len(links) == 1
        assert self.found(client, unescape(links[0])) == {"ada@example.org", "before@example.org"}

    def test_a_mail_that_a_crash_may_have_doubled_says_so(self, client: Client) -> None:
        a_message(status="sent", sent_at=timezone.now(), takeovers=1)

        assert "à nouveau, après une panne" in client.get(LIST).content.decode()

    def test_what_summit_says_is_translated_and_the_servers_words_are_not(self, client: Client) -> None:
        a_message(status="dropped", last_error="Emails to this address bounce.\n550 no such user")

        page = client.get(LIST).content.decode()

        assert "Les courriels envoyés à cette adresse reviennent." in page
        assert "550 no such user" in page


class TestSuppressionList:
    @pytest.mark.proves("bounced-address")
    def test_an_organiser_sees_them_in_the_list_and_clears_one(self, client: Client) -> None:
        olympe = make.organiser()
        make.sign_in(client, olympe)
        a_message()
        suppression.mark("ada@example.org", "bounced", "550 no such user", at=timezone.now())
        bad = SuppressedAddress.objects.get()
        assert "les courriels reviennent" in client.get(LIST).content.decode()
        page = client.get(f"/admin/outbox/suppressedaddress/{bad.pk}/change/").content.decode()
        assert "550 no such user" in page
        assert 'value="clear_marks"' in page

        client.post(
            "/admin/outbox/suppressedaddress/",
            {"action": "clear_marks", "_selected_action": bad.pk, "index": "0", "_back": "1"},
        )

        bad.refresh_from_db()
        assert bad.cleared_at
        assert "les courriels reviennent" not in client.get(LIST).content.decode()

    def test_who_may_only_look_clears_nothing(self, client: Client) -> None:
        a_message()
        suppression.mark("ada@example.org", "bounced", "", at=timezone.now())
        staff = make.user(is_staff=True)
        staff.user_permissions.set(Permission.objects.filter(codename="view_suppressedaddress"))

        data = {"action": "clear_marks", "_selected_action": SuppressedAddress.objects.get().pk, "index": "0"}
        make.sign_in(client, staff).post("/admin/outbox/suppressedaddress/", data)

        assert SuppressedAddress.objects.get().cleared_at is None


@pytest.mark.proves("mail-text-retention")
def test_deleting_an_account_drops_its_mails_and_names(client: Client) -> None:
    ada = make.attendee("Ada", email="ada@example.org")
    message = a_message()
    make.sign_in(client, make.organiser())

    answer = client.post(f"/admin/accounts/user/{ada.user_id}/delete/", {"post": "yes"})

    assert answer.status_code == 200  # the report
    message.refresh_from_db()
    assert (message.status, message.to, message.text) == ("dropped", "", "")
