"""Pages in a real browser where the words are odd: one that does not break, a title that does not end, Arabic, letters
twice as large."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from programme.models import Session
from tests import make
from tests import odd_words as odd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

# Widths in pixels, and the size of letters: twice the usual one is what WCAG 1.4.4 asks for.
SIZES = [(390, ""), (1280, "200%"), (640, "200%"), (390, "200%")]
TOO_WIDE = """() => document.documentElement.scrollWidth > innerWidth
    ? [document.documentElement.scrollWidth, ...[...document.querySelectorAll("body *")]
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).slice(0, 3)
        .map((one) => `${one.tagName}.${one.className}`)].join(" ")
    : "" """


@pytest.fixture
def enter(chromium: Browser, live_server: Any) -> Iterator[Callable[[User | None], Page]]:
    contexts = []

    def enter(who: User | None) -> Page:
        context = chromium.new_context(
            base_url=live_server.url, viewport={"width": 390, "height": 844}, locale="fr-FR", has_touch=True
        )
        contexts.append(context)
        if who:
            cookie = make.sign_in(Client(), who).cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        return context.new_page()

    yield enter
    for context in contexts:
        context.close()


@pytest.mark.proves("accessible-pages")
@pytest.mark.slow(13)
def test_no_word_and_no_size_of_letters_makes_a_page_wider_than_its_window(
    enter: Callable[[User | None], Page],
) -> None:
    who, _session, addresses = odd.summit(f"{odd.WORD} {odd.ARABIC} {'ก' * 60}")
    page = enter(who)
    found = []
    for address in addresses:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(address)
        expect(page.locator(".htmx-request")).to_have_count(0)
        for width, letters in SIZES:
            page.set_viewport_size({"width": width, "height": 844})
            page.evaluate("size => { document.documentElement.style.fontSize = size }", letters)
            if wide := page.evaluate(TOO_WIDE):
                found.append(f"{address} at {width} {letters}: {wide}")

    assert found == []


@pytest.mark.proves("accessible-pages")
@pytest.mark.parametrize("words", [odd.TITLE[:270], odd.WORD, odd.ARABIC, "機械学習" * 67], ids=str.split)
def test_the_button_of_a_session_is_in_the_first_screen_whatever_its_title(
    enter: Callable[[User | None], Page], words: str
) -> None:
    session = make.session(title=words, track=make.track(name="Souveraineté et communs numériques"))
    page = enter(None)

    page.goto(f"/sessions/{session.slug}/")
    button = page.locator("#seat-box .button")
    expect(button).to_have_text("Se connecter pour réserver")
    expect(button).to_be_in_viewport(ratio=1)
    expect(page.locator("h1")).to_have_text(words.strip())

    page.goto(f"/sessions/{session.slug}/seat/")
    expect(page.locator("#seat-box .button")).to_be_in_viewport(ratio=1)


def test_a_title_in_arabic_begins_at_its_right_and_stands_at_the_edge_of_the_page(
    enter: Callable[[User | None], Page],
) -> None:
    session: Session = make.session(title=odd.ARABIC, description_fr=f"Bonjour.\n\n{odd.ARABIC}")
    page = enter(make.organiser())

    page.goto(f"/sessions/{session.slug}/")
    style = "one => { const { direction, textAlign } = getComputedStyle(one); return [direction, textAlign] }"
    assert page.locator("h1").evaluate(style) == ["rtl", "left"]
    first, second = page.locator(".lead p").all()
    assert [one.evaluate("one => getComputedStyle(one).unicodeBidi") for one in (first, second)] == ["plaintext"] * 2

    page.goto("/admin/programme/session/")
    assert page.locator("th.field-title").evaluate(style)[0] == "rtl"
