"""The pages about one's mails and calendar in a real browser: fit for all, in both languages and schemes, on a phone
too."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Attendee
from notices.domain import mail_preferences, reminders
from notices.models import CalendarFeed, OptOut, Reconfirmation, Topic
from tests import browser as machine
from tests import make
from tests.e2e.test_wish_pages import ada, judge, page  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.proves("accessible-pages", "no-foreign-scripts")
def test_a_calendar_gets_its_address_by_keyboard_and_its_page_is_fit_for_all(page: Page, ada: Attendee) -> None:  # noqa: F811
    page.goto(f"{page.prefix}/me/")  # type: ignore[attr-defined]
    machine.follow(page.locator("a[href$='/me/calendar/']"))
    judge(page)
    page.locator("button[value=open]").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")

    expect(page.locator("#feed-address")).to_have_value(
        f"http://testserver/calendar/{CalendarFeed.objects.get(attendee=ada).key}/summit.ics"
    )
    judge(page)


@pytest.mark.proves("accessible-pages", "no-foreign-scripts")
def test_the_choice_of_mails_is_fit_for_all(page: Page, ada: Attendee) -> None:  # noqa: F811
    page.goto(f"{page.prefix}/me/mails/")  # type: ignore[attr-defined]
    judge(page)
    page.locator("#topic-reminders").uncheck()
    machine.follow(page.locator("main button[type=submit]"))

    expect(page.locator("#topic-reminders")).not_to_be_checked()
    assert OptOut.objects.get().topic == Topic.REMINDERS


@pytest.mark.proves("accessible-pages", "no-foreign-scripts")
def test_the_pages_behind_the_links_of_mails_are_fit_for_all(page: Page, ada: Attendee) -> None:  # noqa: F811
    session = make.session(title="Éthique, droit et gouvernance des systèmes d’apprentissage")
    make.registration(session, ada)
    make.reminder(session, timing="before", minutes=48 * 60, answer_hours=24)
    reminders.remind(session.starts_at - timedelta(hours=48) + timedelta(seconds=1))
    prefix = page.prefix  # type: ignore[attr-defined]

    page.goto(f"{prefix}/mails/{mail_preferences.key(make.message(ada.user.email), Topic.ANNOUNCEMENTS)}/")
    judge(page)
    machine.follow(page.locator("main button[type=submit]"))
    expect(page.locator("main [role=status]")).to_be_visible()
    judge(page)

    page.goto(f"{prefix}/still-coming/{Reconfirmation.objects.get().key}/")
    judge(page)
    machine.follow(page.locator("button[name=yes]"))
    expect(page.locator("main .lead[role=status]")).to_be_visible()
    judge(page)
    assert Reconfirmation.objects.get().answered_at <= timezone.now()
