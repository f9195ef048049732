"""The public pages in a real browser: fit for all in both languages and schemes, quick by htmx, whole without
script."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from programme.models import Event, Participation, Session
from tests import browser as machine
from tests import make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

MORNING = datetime(2031, 2, 3, 8, 30, tzinfo=UTC)  # 9:30 in Paris, a Monday
LONG = " ".join(["Un titre qui ne finit pas"] * 12)[:300]


@pytest.fixture
def summit() -> None:
    """Six days, every state of a session, and the extremes: a title of 300 characters, 30 speakers, an event without
    sessions."""
    days = [make.day(date(2031, 2, 3) + timedelta(days=n), label=f"Forum et rencontres, journée {n}") for n in range(6)]
    venue = make.venue(
        slug="palais",
        name="Grand Palais",
        address="Avenue X",
        accessibility_fr="De plain-pied.",
        latitude=48.8,
        longitude=2.3,
    )
    room = make.room(venue=venue, name="Nef, scène principale", allows_several_sessions=True)
    tracks = [
        make.track(slug=f"theme-{n}", name=f"Thématique {n}", colour=colour)
        for n, colour in enumerate(("#222222", "#1F6FB2", "#F5F5F5"))
    ]
    event = make.event(slug="forum", title="Forum multi-acteurs", venue=venue, city="Paris")
    make.event(slug="seoul", kind=Event.Kind.ROAD_TO_THE_SUMMIT, city="Séoul", date_precision=Event.DatePrecision.MONTH)
    common: dict[str, Any] = {"room": room, "event": event, "starts_at": MORNING}
    for n, access in enumerate(Session.Access.values):
        make.session(
            slug=f"session-{access}",
            title=f"Accès {access}",
            access=access,
            track=tracks[n % 3],
            languages="fr|en",
            **common,
        )
    make.session(slug="annulee", title="Annulée", status=Session.Status.CANCELLED, track=tracks[0], **common)
    make.session(
        slug="passee", title="Passée", track=tracks[0], **common | {"starts_at": MORNING - timedelta(days=3650)}
    )
    make.session(slug="demain", title="Demain", track=tracks[1], **common | {"starts_at": MORNING + timedelta(days=1)})
    full = make.session(
        slug="longue", title_fr=LONG, title_en="", description_fr=LONG, description_en="", track=tracks[2], **common
    )
    for n in range(30):
        role = Participation.Role.ANNOUNCED if n < 3 else Participation.Role.PANELLIST
        make.participation(
            session=full,
            speaker=make.speaker(slug=f"voix-{n}", name=f"{chr(65 + n % 26)}da Lovelace {n}"),
            role=role,
            position=n,
        )
    assert len(days) == 6


ADDRESSES = [
    "",
    "programme/?day=2031-02-03",
    "programme/?day=2031-02-03&track=theme-1",
    "programme/?day=2031-02-05&track=theme-1",
    "sessions/longue/",
    "sessions/session-registration/",
    "sessions/annulee/",
    "sessions/passee/",
    "speakers/",
    "speakers/voix-3/",
    "venues/",
    "venues/palais/",
    "events/forum/",
    "events/seoul/",
    "legal/",
    "privacy/",
    "cookies/",
    "accessibility/",
    "nulle-part/",
]


@pytest.fixture(params=machine.LOOKS)
def visitor(request: pytest.FixtureRequest, chromium: Browser, live_server: Any) -> Iterator[Page]:
    language = request.param
    scheme, width = machine.LOOKS[language][0]
    base_url = f"{live_server.url}/{'en/' if language == 'en' else ''}"
    context = chromium.new_context(
        base_url=base_url, color_scheme=scheme, viewport={"width": width, "height": 800}, locale=language
    )
    page = context.new_page()
    refused: list[str] = []
    page.on(
        "console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text else None
    )
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.looks = machine.LOOKS[language]  # type: ignore[attr-defined]
    yield page
    context.close()
    assert refused == []


def no_sideways_scroll(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} scrolls sideways"


@pytest.mark.proves("accessible-pages")
def test_every_public_page_is_fit_for_all(visitor: Page, summit: None) -> None:
    for address in ADDRESSES:
        visitor.goto(address)
        expect(visitor.locator(".htmx-request")).to_have_count(0)

        assert machine.in_each(visitor.looks, visitor, machine.unfit) == []  # type: ignore[attr-defined]


@pytest.mark.proves("accessible-pages")
def test_text_twice_as_large_still_fits_a_phone(chromium: Browser, live_server: Any, summit: None) -> None:
    context = chromium.new_context(base_url=live_server.url, viewport={"width": 390, "height": 800})
    page = context.new_page()
    for address in ADDRESSES:
        page.goto(f"/{address}")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        no_sideways_scroll(page)
    context.close()


def test_fingers_find_what_they_aim_at(chromium: Browser, live_server: Any, summit: None) -> None:
    """44 px for whatever is not a link inside a sentence or a title of its own row."""
    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto("/programme/?day=2031-02-03&track=theme-1", wait_until="networkidle")

    small = page.evaluate(
        """[...document.querySelectorAll(".top a, .day, .chip, .button, .clear")]
        .filter((target) => target.getBoundingClientRect().height < 43.5).map((target) => target.outerHTML)"""
    )

    assert small == []
    context.close()


def test_filters_work_without_leaving_the_page(page: Page, live_server: Any, summit: None) -> None:
    page.goto(f"{live_server.url}/programme/?day=2031-02-03")
    expect(page.locator("#seat-session-registration")).to_contain_text("places sur")
    page.evaluate("window.stayed = true")

    page.get_by_label("Thématique").focus()
    page.get_by_label("Thématique").select_option("theme-1")

    page.wait_for_url(f"{live_server.url}/programme/?day=2031-02-03&track=theme-1")
    expect(page.locator(".row")).to_have_count(2)
    expect(page.locator("#seat-session-registration")).to_contain_text("places sur")
    expect(page.locator("#found")).to_have_text("2 sessions")
    expect(page.get_by_label("Thématique")).to_be_focused()
    expect(page).to_have_title(re.compile("Programme du lundi"))

    page.locator("#day-2031-02-04").click()
    page.wait_for_url(f"{live_server.url}/programme/?day=2031-02-04&track=theme-1")
    expect(page.locator("h1")).to_have_text(re.compile("Mardi 4"))
    expect(page.locator("[aria-current=date]")).to_have_id("day-2031-02-04")
    expect(page.locator("#language")).to_have_attribute("href", "/en/programme/?day=2031-02-04&track=theme-1")
    assert page.evaluate("window.stayed")

    page.go_back()
    expect(page.locator("h1")).to_have_text(re.compile("Lundi 3"))
    page.get_by_role("link", name="Retirer les filtres").click()
    expect(page.locator(".row")).to_have_count(7)


@pytest.mark.proves("accessible-pages")
def test_the_programme_is_whole_without_script(chromium: Browser, live_server: Any, summit: None) -> None:
    context = chromium.new_context(
        base_url=live_server.url, java_script_enabled=False, viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    page.goto("/programme/?day=2031-02-03")

    page.get_by_label("Thématique").select_option("theme-1")
    page.get_by_role("button", name="Filtrer").click()

    assert page.url == f"{live_server.url}/programme/?day=2031-02-03&track=theme-1"
    # It is the same for those who have a seat there, wait for one, or are offered one.
    expect(page.locator("#seat-session-registration a")).to_contain_text("Voir les places")
    page.locator("#seat-session-registration a").click()
    assert page.url == f"{live_server.url}/sessions/session-registration/seat/"
    context.close()


@pytest.mark.proves("accessible-pages")
def test_a_keyboard_reaches_the_content_first_and_sees_where_it_is(page: Page, live_server: Any, summit: None) -> None:
    page.goto(f"{live_server.url}/programme/?day=2031-02-03")

    page.keyboard.press("Tab")
    expect(page.get_by_text("Aller au contenu")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.locator(".day").first).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_current_day_is_in_view_when_the_strip_is_long(chromium: Browser, live_server: Any, summit: None) -> None:
    for n in range(6, 20):
        make.day(date(2031, 2, 3) + timedelta(days=n))
    context = chromium.new_context(base_url=live_server.url, viewport={"width": 390, "height": 800})
    page = context.new_page()

    page.goto("/programme/?day=2031-02-20")

    expect(page.locator("[aria-current=date]")).to_be_in_viewport(ratio=1)
    no_sideways_scroll(page)
    context.close()
