"""What browsers block is counted, in words, without anything about people, and nobody fills the table."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from core import clock, csp_reports
from core.models import AuditLogEntry, CspReport
from core.views import receive_csp_report
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.proves("csp-reports")]

PAGE = "/en/admin/core/cspreport/"


@pytest.fixture(autouse=True)
def fresh_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csp_reports, "_window", (0.0, 0))


def report(
    directive: str = "script-src-elem", blocked: Any = "https://evil.example/x.js?token=1", **said: Any
) -> bytes:
    return json.dumps(
        {
            "csp-report": {
                "document-uri": "http://testserver/sessions/ethique/?q=Ada",
                "effective-directive": directive,
                "blocked-uri": blocked,
                "script-sample": "var name = 'Ada Lovelace'",
                "referrer": "http://testserver/invitations/secret/",
            }
            | said
        }
    ).encode()


def post(client: Client, body: bytes, content_type: str = "application/csp-report") -> int:
    return client.post(csp_reports.PATH, body, content_type=content_type).status_code


def rows() -> list[tuple[str, str, str, int]]:
    return list(CspReport.objects.order_by("id").values_list("directive", "blocked", "page", "number"))


def test_a_report_is_counted_by_directive_origin_and_page(client: Client) -> None:
    for _again in range(3):
        assert post(client, report()) == 204

    assert rows() == [("script-src-elem", "https://evil.example", "sessions/…/", 3)]
    row = CspReport.objects.get()
    assert row.first_seen_at <= row.last_seen_at <= clock.now()


def test_reports_of_the_newer_kind_are_read_too(client: Client) -> None:
    body = {"documentURL": "http://testserver/en/", "effectiveDirective": "img-src", "blockedURL": "data"}
    said = [{"type": "csp-violation", "body": body}, {"type": "deprecation", "body": {"id": "x"}}]

    assert post(client, json.dumps(said).encode(), "application/reports+json") == 204

    assert rows() == [("img-src", "data", "", 1)]


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("http://testserver/", ""),
        ("http://testserver/en/sessions/ethique/", "sessions/…/"),
        ("http://testserver/invitations/K3yoooooooooooooooooooooooooooooooooooooo1/", "invitations/…/"),
        ("http://testserver/ada-lovelace/", csp_reports.NO_PAGE),
        ("http://testserver/admin/programme/session/12/change/?x=1#y", "admin/programme/session/…/change/"),
        ("http://evil.example/sessions/ethique/", None),
        ("https://user@testserver/", None),
        ("about:blank", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_of_a_page_its_kind_is_kept(address: str, page: str | None) -> None:
    assert csp_reports.pattern_of(address, "testserver") == page


@pytest.mark.parametrize(
    ("blocked", "origin"),
    [
        ("inline", "inline"),
        ("https://Evil.example:8443/a?b=ada@x.fr#c", "https://evil.example:8443"),
        ("https://ada:secret@evil.example/", "https://evil.example"),
        ("data:text/html,Ada", "data"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]"),
        ("wss://evil.example/", "wss://evil.example"),
        ("chrome-extension://abcdef/x.js", ""),
        ("javascript:alert(1)", ""),
        ("https://evil.example\n.fr/", "https://evil.example.fr"),
        ("https://<b>/", ""),
        ("https://" + "a" * 200 + "/", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_of_what_was_blocked_the_origin_is_kept(blocked: str, origin: str) -> None:
    assert csp_reports.origin_of(blocked) == origin


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/csp-report", 400),
        (b"\xff\xfe", "application/csp-report", 400),
        (b"[" * 10_000, "application/csp-report", 400),
        (b"[1]", "application/reports+json", 400),
        (b'{"csp-report": []}', "application/csp-report", 400),
        (b'[{"type": "csp-violation", "body": 1}]', "application/reports+json", 400),
        (b"null", "application/csp-report", 400),
        (report(padding="x" * 1_000_000), "application/csp-report", 413),
        (report(), "application/x-www-form-urlencoded", 415),
        (report(), "text/plain", 415),
        (report(), "application/json", 415),
        (report(**{"document-uri": "https://evil.example/"}), "application/csp-report", 204),
        (report(directive="no-such-src"), "application/csp-report", 204),
        (report(blocked="chrome-extension://x"), "application/csp-report", 204),
        (report(blocked=12), "application/csp-report", 204),
    ],
)
def test_what_is_no_report_of_ours_leaves_nothing(client: Client, body: bytes, content_type: str, status: int) -> None:
    assert post(client, body, content_type) == status
    assert not CspReport.objects.exists()


def test_only_posts_are_taken_from_anybody_without_a_form(client: Client) -> None:
    stranger = Client(enforce_csrf_checks=True)

    assert post(stranger, report()) == 204
    assert client.get(csp_reports.PATH).status_code == 405
    assert "sessionid" not in stranger.cookies


def test_ten_thousand_posts_leave_few_rows_and_cost_little() -> None:
    def answer(number: int) -> int:
        body = report(blocked=f"https://h{number}.example/")
        request = RequestFactory().post(csp_reports.PATH, body, content_type="application/csp-report")
        return receive_csp_report(request).status_code

    with CaptureQueriesContext(connection) as queries:
        answers = [answer(number) for number in range(10_000)]

    assert (answers.count(204), answers.count(429)) == (csp_reports.A_MINUTE, 10_000 - csp_reports.A_MINUTE)
    assert CspReport.objects.count() == csp_reports.A_MINUTE
    assert len(queries) <= 4 * csp_reports.A_MINUTE


def test_the_table_has_an_end_and_what_is_old_makes_room(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csp_reports, "ROWS", 3)
    for number in range(5):
        post(client, report(blocked=f"https://h{number}.example/"))
    assert [blocked for _directive, blocked, _page, _number in rows()] == [f"https://h{n}.example" for n in range(3)]

    post(client, report(blocked="https://h1.example/"))
    CspReport.objects.filter(blocked="https://h0.example").update(last_seen_at=clock.now() - timedelta(days=31))
    post(client, report(blocked="https://new.example/"))

    assert [(row[1], row[3]) for row in rows()] == [
        ("https://h1.example", 2),
        ("https://h2.example", 1),
        ("https://new.example", 1),
    ]


def test_a_post_of_many_reports_counts_for_some(client: Client) -> None:
    body = {"documentURL": "http://testserver/", "effectiveDirective": "img-src"}
    said = [{"type": "csp-violation", "body": body | {"blockedURL": f"https://h{n}.fr"}} for n in range(100)]

    assert post(client, json.dumps(said).encode(), "application/reports+json") == 204

    assert CspReport.objects.count() == csp_reports.A_POST


def test_every_page_says_where_and_allows_no_more_than_before(client: Client) -> None:
    answer = client.get("/")

    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy.pop("report-uri") == csp_reports.PATH
    assert policy == {
        **dict.fromkeys(("default-src", "frame-ancestors", "base-uri"), "'none'"),
        **dict.fromkeys(("script-src", "style-src", "font-src", "connect-src", "manifest-src"), "'self'"),
        **dict.fromkeys(("frame-src", "form-action"), "'self'"),
        "img-src": "'self' data:",
    }
    assert "Reporting-Endpoints" not in answer
    with override_settings(REPORTING_ENDPOINTS='csp="/csp-reports/"'):
        assert client.get("/")["Reporting-Endpoints"] == 'csp="/csp-reports/"'
    assert settings.REPORTING_ENDPOINTS == ""


# --- The page ---------------------------------------------------------------------------------------------------------


def test_owners_read_it_in_words_and_clear_it(client: Client) -> None:
    make.sign_in(client, make.organiser())
    assert "Nothing has been blocked." in client.get(PAGE).content.decode()
    post(client, report())
    post(client, report("style-src-attr", "inline", **{"document-uri": "http://testserver/nowhere/"}))

    page = client.get(PAGE).content.decode()

    assert "A script, https://evil.example" in page
    assert "/sessions/…/" in page
    assert "A style, written into the page" in page
    assert "a page that does not exist" in page

    assert client.get(f"{PAGE}clear/").status_code == 405
    assert client.post(f"{PAGE}clear/", follow=True).status_code == 200
    assert not CspReport.objects.exists()
    assert AuditLogEntry.objects.get().facts == {"rows": 2}


def test_a_full_list_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csp_reports, "ROWS", 1)
    make.sign_in(client, make.organiser())
    post(client, report())

    assert "The list is full" in client.get(PAGE).content.decode()


def test_others_do_not(client: Client) -> None:
    make.sign_in(client, make.user(is_staff=True))
    post(client, report())

    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}clear/").status_code == 403
    assert CspReport.objects.exists()
