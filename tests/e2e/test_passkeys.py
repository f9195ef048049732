"""Passkeys in a real browser, with its virtual authenticator: made, used on the way in and instead of a code; and the
pages of the second step, fit for all (docs/rules.md#second-factor)."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.domain import factors
from accounts.models import SignInEvent, User
from outbox.models import Message
from tests import browser as machine
from tests import make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(params=machine.LOOKS)
def page(request: pytest.FixtureRequest, chromium: Browser, live_server: Any, settings: Any) -> Iterator[Page]:
    """A browser on a device that holds passkeys."""
    settings.BASE_URL = live_server.url
    with machine.visitor(chromium, live_server.url, request.param) as page:
        page.device = page.context.new_cdp_session(page)  # type: ignore[attr-defined]
        page.device.send("WebAuthn.enable")  # type: ignore[attr-defined]
        yield page


def plug_in(page: Page, **options: Any) -> str:
    made = page.device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE | options})  # type: ignore[attr-defined]
    return made["authenticatorId"]


def judge(page: Page) -> None:
    assert machine.in_each(page.looks, page, machine.unfit) == []  # type: ignore[attr-defined]


def type_the_code(page: Page, user: User) -> None:
    page.goto("accounts/login/?next=/admin/")
    page.locator("[name=login]").fill(user.email)
    machine.follow(page.locator("form[action$='login/'] button[type=submit]").first)
    code = Message.objects.filter(kind="accounts.code", to=user.email).latest("id").context["code"]
    page.locator("[name=code]").fill(code)
    machine.follow(page.locator("form.code button[type=submit]"))


def sign_out(page: Page) -> None:
    page.goto("accounts/security/")
    machine.follow(page.locator(".account button"))


@pytest.mark.proves("second-factor")
@pytest.mark.slow(40)
def test_an_organiser_makes_a_passkey_and_needs_no_code_any_more(page: Page) -> None:
    user = make.organiser()
    plug_in(page)

    type_the_code(page, user)
    judge(page)
    page.locator("[name=name]").fill("téléphone")
    machine.follow(page.locator("[data-passkey=create] button"))
    judge(page)  # recovery codes
    assert page.locator(".codes li").count() == 10
    machine.follow(page.locator("a.button"))
    assert page.url.endswith("/admin/")
    page.goto("accounts/security/")
    judge(page)
    expect(page.get_by_text("téléphone").first).to_be_visible()

    sign_out(page)
    page.goto("accounts/login/?next=/admin/")
    judge(page)
    machine.follow(page.locator("[data-passkey=get] button"))
    assert page.url.endswith("/admin/")
    assert SignInEvent.objects.latest("id").means == "webauthn"

    sign_out(page)
    type_the_code(page, user)
    judge(page)  # the second step
    page.locator("[name=code]").fill("000000")
    machine.follow(page.locator("form.code button[type=submit]"))
    judge(page)
    machine.follow(page.locator("[data-passkey=get] button"))
    assert page.url.endswith("/admin/")


@pytest.mark.proves("second-factor")
def test_a_passkey_that_is_not_this_accounts_or_was_refused_opens_nothing(page: Page) -> None:
    ada, bob = make.organiser(), make.organiser("Bob")
    device = plug_in(page)
    type_the_code(page, ada)
    machine.follow(page.locator("[data-passkey=create] button"))
    sign_out(page)

    make.app(bob)
    type_the_code(page, bob)
    assert page.locator("[data-passkey]").count() == 0  # bob has none
    page.goto("accounts/login/")
    page.device.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})  # type: ignore[attr-defined]
    page.locator("[data-passkey=get] button").click()
    expect(page.locator("[data-said]")).to_be_visible()
    judge(page)

    factors.reset(ada, actor=None, at=make.timezone.now())
    page.device.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})  # type: ignore[attr-defined]
    machine.follow(page.locator("[data-passkey=get] button"))
    expect(page.locator(".errors").first).to_be_visible()
    page.goto("me/")
    assert "/accounts/login/" in page.url


@pytest.mark.proves("second-factor")
def test_a_passkey_of_another_host_is_refused(page: Page, settings: Any) -> None:
    """The device answers for the site that it sees; what another site was told is worth nothing here."""
    user = make.organiser()
    plug_in(page)
    type_the_code(page, user)
    settings.BASE_URL = "https://summit.example.org"  # as if this page were a copy of the site
    page.reload()
    page.locator("[data-passkey=create] button").click()
    expect(page.locator("[data-passkey=create] [data-said]")).to_be_visible()
    assert factors.of(user) == []


def test_without_script_there_is_still_a_way(chromium: Browser, live_server: Any) -> None:
    context = chromium.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    type_the_code(page, make.organiser())
    assert page.locator("[data-passkey]:visible").count() == 0
    expect(page.locator("img.qr")).to_be_visible()
    context.close()
