"""The sign-in pages in a real browser: usable by all, by keyboard, without script, and inside the policy that allows no
inline code."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from outbox.models import Message
from tests import browser as machine
from tests import make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture(params=machine.LOOKS)
def page(request: pytest.FixtureRequest, chromium: Browser, live_server: Any) -> Iterator[Page]:
    with machine.visitor(chromium, live_server.url, request.param) as page:
        yield page


def judge(page: Page) -> None:
    assert machine.in_each(page.looks, page, machine.unfit) == []  # type: ignore[attr-defined]


def press_enter(page: Page) -> None:
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.proves("accessible-pages")
def test_a_new_person_comes_in_by_keyboard_and_every_page_is_fit_for_all(page: Page) -> None:
    page.goto("accounts/login/")
    judge(page)

    page.locator("[name=login]").focus()
    page.keyboard.type("not an address")
    press_enter(page)
    judge(page)
    assert page.evaluate("document.activeElement.className") == "errors"  # the summary takes the focus…
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "id_login"  # …and leads to the field

    page.fill("[name=login]", "ada@example.org")
    page.focus("[formaction]")
    press_enter(page)
    judge(page)
    page.fill("[name=code]", "0000-0000")
    press_enter(page)
    judge(page)
    page.fill("[name=code]", Message.objects.get(to="ada@example.org").context["code"])
    press_enter(page)
    judge(page)
    press_enter_in(page, "[name=name]", "")
    judge(page)
    press_enter_in(page, "[name=name]", "Ada Lovelace")

    page.goto("accounts/profile/")
    judge(page)
    press_enter_in(page, "[name=name]", "A\u202eda")
    judge(page)
    page.goto("accounts/logout/")
    judge(page)
    page.goto("admin/")
    judge(page)


def press_enter_in(page: Page, field: str, text: str) -> None:
    page.fill(field, text)
    page.focus(field)
    press_enter(page)


@pytest.mark.proves("accessible-pages")
def test_the_other_pages_of_the_door_are_fit_for_all(page: Page) -> None:
    make.attendee(email="ada@example.org")
    page.goto("accounts/signup/")
    judge(page)
    page.goto("accounts/login/")
    press_enter_in(page, "[name=login]", "ada@example.org")
    judge(page)
    machine.follow(page.locator("[value=resend]"))
    judge(page)
    for _wrong in range(3):
        press_enter_in(page, "[name=code]", "1111 1111")
    judge(page)
    page.goto("accounts/login/")
    press_enter_in(page, "[name=login]", "ada@example.org")  # a code is on its way already, and the page says so
    judge(page)
    for _wrong in range(3):
        press_enter_in(page, "[name=code]", "1111 1111")
    assert page.locator("h1").inner_text() in ("Un instant, s’il vous plaît", "One moment, please")
    judge(page)


@pytest.mark.proves("accessible-pages")
def test_the_door_opens_without_script(chromium: Browser, live_server: Any) -> None:
    ada = make.attendee(email="ada@example.org")
    context = chromium.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/accounts/login/?next=/accounts/profile/")

    page.fill("[name=login]", "ada@example.org")
    machine.follow(page.locator("main .actions button:visible"))
    page.fill("[name=code]", Message.objects.get().context["code"])
    machine.follow(page.locator("main .actions button:visible"))

    page.wait_for_url("**/accounts/profile/")
    assert page.locator("[name=name]").input_value() == ada.name
    context.close()
