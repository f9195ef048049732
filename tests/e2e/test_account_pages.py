"""The pages of one's account in a real browser: fit for all, in both languages and schemes, on a phone too."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Attendee, User
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
