"""Mail through a provider instead of SMTP, and what comes back from it: real payloads, signed or with the password of
the address."""

import hashlib
import hmac
import json
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.test import Client
from django.utils import timezone

from outbox.domain.delivery import deliver_due
from outbox.domain.mail_kinds import Letter
from outbox.domain.posting import post
from outbox.models import LaneState, Message, SuppressedAddress
from tests.processes import environment, run_python

pytestmark = pytest.mark.django_db

SECRET = "a-secret-for-tests-0123456789-abcdefgh"
KEY = "key-of-the-signatures"


@pytest.fixture(autouse=True)
def provider(settings):
    settings.MAIL_WEBHOOK_SECRET = SECRET
    settings.ANYMAIL = {
        "WEBHOOK_SECRET": f"summit:{SECRET}",
        "MAILGUN_WEBHOOK_SIGNING_KEY": KEY,
        "POSTMARK_SERVER_TOKEN": "token",
    }


@pytest.fixture(autouse=True)
def written_to():
    post("test.hello", "ada@example.org", dedupe_key="written", language="fr", letter=Letter("Bonjour", "…"))
    Message.objects.update(status="sent", sent_at=timezone.now())


def report(client: Client, provider: str, payload: object, *, password: str = SECRET):
    body = payload if isinstance(payload, str) else json.dumps(payload)
    headers = {"Authorization": "Basic " + b64encode(f"summit:{password}".encode()).decode()} if password else {}
    return client.post(f"/mail/events/{provider}/", body, content_type="application/json", headers=headers)


def postmark(kind: str, to: str = "ada@example.org", record: str = "Bounce") -> dict:
    """As in Postmark's documentation of its bounce and spam-complaint webhooks."""
    return {
        "RecordType": record,
        "MessageStream": "outbound",
        "ID": 4323372036854775807,
        "Type": kind,
        "TypeCode": 1,
        "Name": "Hard bounce",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Email": to,
        "From": "summit@testserver",
        "BouncedAt": "2026-06-05T16:33:54.9070259Z",
    }


def mailgun(event: str, severity: str = "permanent", *, key: str = KEY) -> dict:
    """As in Mailgun's documentation of its webhooks, signed."""
    timestamp, token = "1529006854", "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": timestamp, "token": token, "signature": signature},
        "event-data": {
            "event": event,
            "severity": severity,
            "reason": "bounce",
            "id": "G9Bn5sl1TC6nu79C8C0bwg",
            "timestamp": 1521233195.375624,
            "recipient": "ada@example.org",
            "delivery-status": {"code": 550, "message": "5.1.1 no such user", "description": ""},
            "message": {"headers": {"message-id": "20130503192659.13651.20287@mg.example.org"}},
            "user-variables": {},
        },
    }


class TestReports:
    @pytest.mark.proves("bounced-address")
    def test_a_bounce_marks_the_address_with_the_servers_words(self, client: Client):
        assert report(client, "postmark", postmark("HardBounce", "Ada@Example.org")).status_code == 200

        bad = SuppressedAddress.objects.get()
        assert (bad.address, bad.reason, bad.cleared_at) == ("ada@example.org", "bounced", None)
        assert "550 5.1.1" in bad.words
        assert bad.reported_at.year == 2026

    def test_a_report_that_comes_twice_is_one(self, client: Client):
        report(client, "postmark", postmark("HardBounce"))
        report(client, "postmark", postmark("HardBounce"))

        assert SuppressedAddress.objects.count() == 1
        assert SuppressedAddress.history.count() == 1

    def test_a_complaint_marks_the_address(self, client: Client):
        report(client, "postmark", postmark("SpamComplaint", record="SpamComplaint"))

        assert SuppressedAddress.objects.get().reason == "complained"

    @pytest.mark.proves("bounced-address")
    @pytest.mark.parametrize("kind", ["SoftBounce", "Transient", "AutoResponder", "Blocked"])
    def test_what_may_heal_marks_nothing(self, client: Client, kind: str):
        assert report(client, "postmark", postmark(kind)).status_code == 200

        assert not SuppressedAddress.objects.exists()

    def test_an_address_that_we_never_wrote_to_is_not_kept(self, client: Client):
        report(client, "postmark", postmark("HardBounce", "stranger@example.org"))

        assert not SuppressedAddress.objects.exists()

    @pytest.mark.proves("bounced-address")
    def test_a_signed_report_is_believed(self, client: Client):
        assert report(client, "mailgun", mailgun("failed")).status_code == 200

        assert SuppressedAddress.objects.get().reason == "bounced"

    def test_a_temporary_failure_is_not_acted_on(self, client: Client):
        assert report(client, "mailgun", mailgun("failed", "temporary")).status_code == 200

        assert not SuppressedAddress.objects.exists()


class TestStrangers:
    """Whoever is not the provider changes nothing, and never meets a crash."""

    @pytest.mark.parametrize("password", ["", "wrong"])
    def test_without_the_password(self, client: Client, password: str):
        assert report(client, "postmark", postmark("HardBounce"), password=password).status_code == 400
        assert not SuppressedAddress.objects.exists()

    @pytest.mark.proves("bounced-address")
    def test_with_a_wrong_signature(self, client: Client):
        assert report(client, "mailgun", mailgun("failed", key="guessed")).status_code == 400
        assert not SuppressedAddress.objects.exists()

    @pytest.mark.parametrize("provider", ["nobody", "sendgrid-tracking", "amazon_ses", "resend"])
    def test_a_provider_that_is_unknown_or_not_set_up(self, client: Client, provider: str):
        assert report(client, provider, {}).status_code in (400, 404)

    def test_without_a_secret_the_address_does_not_exist(self, client: Client, settings):
        settings.MAIL_WEBHOOK_SECRET = ""
        settings.ANYMAIL = {"WEBHOOK_SECRET": "summit:"}

        assert report(client, "postmark", postmark("HardBounce"), password="").status_code == 404

    @pytest.mark.parametrize(
        "body", ["", "{", "[]", "null", '"text"', "{}", '{"RecordType": 1}', '{"RecordType": "Bounce", "Type": []}']
    )
    def test_what_is_not_a_report(self, client: Client, body: str):
        assert report(client, "postmark", body).status_code in (200, 400)

    @pytest.mark.parametrize("to", [None, 7, "", "nobody", "a\0@example.org", "a@example.org, b@example.org"])
    def test_what_is_not_an_address(self, client: Client, to: object):
        assert report(client, "postmark", postmark("HardBounce") | {"Email": to}).status_code == 200
        assert not SuppressedAddress.objects.exists()

    def test_reading_it_tells_nothing(self, client: Client):
        assert client.get("/mail/events/postmark/").status_code == 405


class Provider(BaseHTTPRequestHandler):
    """A stand-in for Postmark's API on loopback."""

    answers: list[tuple[int, dict]] = []
    asked: list[dict] = []

    def do_POST(self):
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status, answer = self.answers.pop(0)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def api(settings):
    """Mails go out by Postmark's API; the test says what it answers."""
    Provider.answers, Provider.asked = [], []
    server = HTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL |= {"POSTMARK_API_URL": f"http://127.0.0.1:{server.server_port}/", "REQUESTS_TIMEOUT": 5}
    yield Provider
    server.shutdown()
    thread.join()
    server.server_close()


ACCEPTED = {
    "To": "grace@example.org",
    "SubmittedAt": "2026-02-17T07:25:01Z",
    "MessageID": "1",
    "ErrorCode": 0,
    "Message": "OK",
}


class TestSending:
    def mail(self):
        post(
            "test.hello",
            "grace@example.org",
            dedupe_key="new",
            language="fr",
            letter=Letter("Bonjour", "Bonjour", "<p>Bonjour</p>"),
        )
        return Message.objects.get(dedupe_key="new")

    def send(self, api, *answers):
        api.answers += answers
        message = self.mail()
        deliver_due()
        message.refresh_from_db()
        return message

    def test_a_mail_leaves_by_the_providers_api_with_its_own_message_id(self, api):
        message = self.send(api, (200, ACCEPTED))

        assert message.status == "sent"
        [asked] = api.asked
        assert asked["To"] == "grace@example.org"
        headers = {header["Name"]: header["Value"] for header in asked["Headers"]}
        assert headers["Message-ID"] == message.message_id
        assert (headers["Auto-Submitted"], headers["X-Auto-Response-Suppress"]) == ("auto-generated", "All")

    def test_an_address_that_the_provider_refuses_fails_with_its_words(self, api):
        words = (
            "You tried to send to recipients that are inactive. Found inactive addresses: grace@example.org. Inactive"
            " recipients are …"
        )
        message = self.send(api, (422, {"ErrorCode": 406, "Message": words}))

        assert message.status == "failed"
        assert "inactive" in message.last_error

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_provider_that_is_busy_rests_the_lane(self, api, status):
        message = self.send(api, (status, {"ErrorCode": 429, "Message": "Rate limit exceeded"}))

        assert message.status == "queued"
        assert list(LaneState.objects.exclude(failures=0).values_list("lane", flat=True)) == [Message.Lane.NORMAL]

    def test_a_wrong_key_fails_no_mail(self, api):
        message = self.send(api, (401, {"ErrorCode": 10, "Message": "Bad or missing server API token."}))

        assert message.status == "queued"
        assert LaneState.objects.filter(failures=1, server_is_away=True).count() == 3

    def test_an_error_of_the_provider_puts_the_mail_off(self, api):
        message = self.send(api, (500, {}))

        assert (message.status, bool(message.failing_since)) == ("queued", True)
        assert not LaneState.objects.exclude(failures=0)


@pytest.mark.runs_once("settings: no database is asked")
def test_a_provider_is_chosen_by_one_variable(tmp_path):
    code = (
        "from django.conf import settings; print(settings.EMAIL_BACKEND, settings.ANYMAIL['MAILGUN_API_KEY'], "
        "settings.ANYMAIL['MAILGUN_SENDER_DOMAIN'])"
    )
    done = run_python(
        code, environment(tmp_path, EMAIL_URL="anymail://mailgun?API_KEY=a%26b&SENDER_DOMAIN=mg.example.org")
    )

    assert done.stdout == "anymail.backends.mailgun.EmailBackend a&b mg.example.org\n", done.stderr
