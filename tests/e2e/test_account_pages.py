"""The pages of one's account in a real browser: fit for all, in both languages and schemes, on a phone too."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Attendee, User
from notices.domain import calendar_feeds
from notices.models import CalendarFeed
from outbox.models import Message
from partners.domain import responses
from partners.models import Invitee
from tests import browser as machine
from tests import make
from tests.accounts.test_sign_in import last_code
from tests.attendees.test_account import a_full_life
from tests.e2e.test_wish_pages import ada, judge, page  # noqa: F401 - fixtures
from tests.partners import portal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.proves("accessible-pages", "no-foreign-scripts", "own-account")
def test_the_account_is_seen_taken_along_and_erased(page: Page, ada: Attendee) -> None:  # noqa: F811
    prefix, email = page.prefix, ada.user.email  # type: ignore[attr-defined]
    page.goto(f"{prefix}/me/account/")
    judge(page)
    a_full_life(ada)
    page.reload()
    judge(page)

    machine.follow(page.locator("a[href$='/me/account/download/']"))
    judge(page)  # a code first
    machine.follow(page.locator("button[value=send]"))
    judge(page)
    page.locator("input[name=code]").fill(last_code(email))
    machine.follow(page.locator("form.code button[type=submit]"))
    judge(page)
    with page.expect_download() as download:
        page.locator("main button[type=submit]").click()
    assert download.value.suggested_filename.endswith(".zip")

    for part in ("address", "object", "erase"):
        page.goto(f"{prefix}/me/account/{part}/")
        judge(page)
    machine.follow(page.locator("main button[type=submit]"))
    judge(page)  # with its error
    page.locator("input[name=sure]").check()
    machine.follow(page.locator("main button[type=submit]"))
    judge(page)
    expect(page.locator("main [role=status]")).to_be_visible()
    assert not User.objects.filter(pk=ada.user_id).exists()


@pytest.mark.proves("accessible-pages")
def test_access_needs_are_told_with_consent(page: Page, ada: Attendee) -> None:  # noqa: F811
    page.goto(f"{page.prefix}/accounts/profile/")  # type: ignore[attr-defined]
    page.locator("#id_access_needs").fill("Boucle magnétique")
    machine.follow(page.locator("main button.button[type=submit]"))
    judge(page)  # the tick is missing
    page.locator("#id_consent").check()
    machine.follow(page.locator("main button.button[type=submit]"))
    judge(page)
    expect(page.locator("#id_consent")).to_be_checked()


@pytest.mark.proves("accessible-pages", "own-corrections")
def test_a_name_is_corrected_on_the_page_of_the_invitation(page: Page, ada: Attendee) -> None:  # noqa: F811
    invitee = portal.invitee(make.cohort(), ["Lovelace", "Ada", "ada@x.fr", "21001"])
    page.goto(f"{page.prefix}/invitations/{invitee.key}/")  # type: ignore[attr-defined]
    judge(page)
    machine.follow(page.locator("a[href='?correct']"))
    judge(page)
    page.locator("#id_last_name").fill("")
    page.locator("#id_first_name").fill("")
    machine.follow(page.locator("button[value=correct]"))
    judge(page)  # with its error
    page.locator("#id_last_name").fill("King")
    machine.follow(page.locator("button[value=correct]"))
    judge(page)
    expect(page.locator("section.given")).to_contain_text("King")


@pytest.mark.proves("accessible-pages", "answered-link")
def test_an_invitation_that_was_answered_asks_for_the_code_of_its_person(page: Page, ada: Attendee) -> None:  # noqa: F811
    invitee = portal.invitee(make.cohort(), ["Hopper", "Grace", "grace@x.fr", "21002"])
    responses.decline(invitee, at=timezone.now())
    page.goto(f"{page.prefix}/invitations/{invitee.key}/")  # type: ignore[attr-defined]
    judge(page)
    expect(page.locator("main")).not_to_contain_text("Grace")
    machine.follow(page.locator("button[value=send]"))
    judge(page)
    page.locator("#id_code").fill("0000-0000")
    machine.follow(page.locator("button[value=code]"))
    judge(page)  # a wrong one
    mail = Message.objects.filter(kind="accounts.code", to="grace@x.fr").latest("pk")
    page.locator("#id_code").fill(mail.context["code"])
    machine.follow(page.locator("button[value=code]"))
    judge(page)
    expect(page.locator("main")).to_contain_text("Grace Hopper")
    machine.follow(page.locator("button[value=accept]"))
    assert Invitee.objects.get().status == "accepted"


@pytest.mark.proves("accessible-pages", "revoked-links")
def test_all_links_are_revoked_on_a_page_that_says_what_ends(page: Page, ada: Attendee) -> None:  # noqa: F811
    feed = calendar_feeds.open_feed(ada, actor=ada.user)
    portal.invitee(make.cohort(), ["Lovelace", "Ada", ada.user.email, "21001"])
    page.goto(f"{page.prefix}/me/account/links/")  # type: ignore[attr-defined]
    machine.follow(page.locator("button[value=send]"))
    page.locator("input[name=code]").fill(last_code(ada.user.email))
    machine.follow(page.locator("form.code button[type=submit]"))
    judge(page)
    machine.follow(page.locator("main button.bad"))
    expect(page.locator("main [role=status]")).to_be_visible()
    judge(page)
    assert CalendarFeed.objects.get().key != feed.key
