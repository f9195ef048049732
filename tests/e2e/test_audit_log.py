"""The audit log and what browsers report, in a real browser."""

import time

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.domain import access_needs
from core import audit_log
from core.models import CspReport
from programme.models import Session
from tests import make
from tests.e2e.test_admin import judge, page, press

__all__ = ["page"]  # the fixture of the administration

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.proves("audit-log", "accessible-pages")
def test_the_audit_log_is_read_searched_and_turned_over(page: Page) -> None:
    session = make.session(title="Éthique et droit")
    for _again in range(60):
        session.capacity += 1
        session.save()
    ada = make.attendee("Ada Lovelace")
    access_needs.write(ada, "rampe", words="oui", at=timezone.now())
    access_needs.read(ada, reader=make.organiser(), at=timezone.now())
    audit_log.record("exported", Session, rows=3, fields=["capacity", "title_fr"], filters=["status"])

    page.goto("/admin/core/auditlogentry/")
    judge(page)
    page.get_by_role("textbox", name="Personne").fill("lovelace")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Lecture")).to_contain_text("Ada Lovelace")
    judge(page)

    page.get_by_role("link", name="Tout afficher").click()
    page.get_by_role("link", name="Plus anciens").click()
    expect(page.get_by_role("link", name="Plus récents")).to_be_visible()
    judge(page)

    page.goto("/admin/core/auditlogentry/?person=nobody")
    expect(page.get_by_text("Aucun résultat.")).to_be_visible()
    judge(page)


@pytest.mark.proves("csp-reports")
def test_what_the_browser_blocks_is_reported_by_itself_and_cleared(page: Page) -> None:
    page.goto("/admin/core/cspreport/")
    expect(page.get_by_text("Rien n’a été bloqué.")).to_be_visible()
    judge(page)

    stranger = page.context.new_page()
    stranger.goto("/programme/")
    stranger.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://evil.example/x.png?ada'}))")
    ends = time.monotonic() + 15
    while not CspReport.objects.exists() and time.monotonic() < ends:
        stranger.wait_for_timeout(100)
    stranger.close()

    page.reload()
    expect(page.get_by_role("row", name="Une image, https://evil.example")).to_contain_text("/programme/")
    judge(page)
    press(page, "Vider la liste")
    expect(page.get_by_text("Rien n’a été bloqué.")).to_be_visible()
