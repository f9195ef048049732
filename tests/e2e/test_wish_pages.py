"""Wishes in a real browser: ranked by keyboard and by touch, with and without a script, and fit for all."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import Attendee, User
from allocations.domain import allocation as allocating
from allocations.models import Allocation, Wish
from tests import browser as machine
from tests import make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def cookie(who: Attendee | User, url: str) -> dict[str, str]:
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": make.sign_in(Client(), who).cookies[settings.SESSION_COOKIE_NAME].value,
        "url": url,
    }


@pytest.fixture
def ada() -> Attendee:
    return make.attendee()


@pytest.fixture(params=machine.LOOKS)
def page(request: pytest.FixtureRequest, chromium: Browser, live_server: Any, ada: Attendee) -> Iterator[Page]:
    """A page of Ada's browser; at its end, the policy must have refused nothing."""
    language = request.param
    scheme, width = machine.LOOKS[language][0]
    context = chromium.new_context(
        base_url=live_server.url,
        color_scheme=scheme,
        viewport={"width": width, "height": 844},
        locale="en-GB" if language == "en" else "fr-FR",
    )
    context.add_cookies([cookie(ada, live_server.url)])
    page = context.new_page()
    page.prefix = "/en" if language == "en" else ""  # type: ignore[attr-defined]
    page.looks = machine.LOOKS[language]  # type: ignore[attr-defined]
    refused: list[str] = []
    page.on(
        "console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text else None
    )
    page.on("pageerror", lambda error: refused.append(str(error)))
    yield page
    context.close()
    assert refused == []


@pytest.fixture
def allocation() -> Allocation:
    """Twelve sessions over three days, two of them at the same hour, one with a very long title, one that is
    cancelled."""
    first = timezone.now().replace(minute=0) + timedelta(days=7)
    titles = ["Éthique", "Arts", "Une " + "très " * 55 + "longue séance", *(f"Séance {n}" for n in range(9))]
    sessions = [
        make.session(title=title, starts_at=first + timedelta(hours=5 * (n // 2))) for n, title in enumerate(titles)
    ]
    sessions[-1].status = "cancelled"
    sessions[-1].save()
    return make.allocation(*sessions, title="Ateliers de la semaine", wishes_at_most=4)


def judge(page: Page) -> None:
    assert machine.in_each(page.looks, page, machine.unfit) == []  # type: ignore[attr-defined]


def settled(page: Page) -> None:
    """The browser gives the focus at once, htmx takes the form over a moment later: a key before that goes to a whole
    new page."""
    expect(page.locator(".htmx-settling, .htmx-added")).to_have_count(0)


def order(ada: Attendee) -> list[str]:
    return [wish.session.title for wish in Wish.objects.filter(attendee=ada).select_related("session").order_by("rank")]


@pytest.mark.proves("accessible-pages", "no-foreign-scripts")
def test_every_state_of_the_page_is_fit_for_all(page: Page, allocation: Allocation, ada: Attendee) -> None:
    address = f"{page.prefix}/wishes/"  # type: ignore[attr-defined]
    page.goto(address)
    judge(page)
    page.goto(f"{address}{allocation.slug}/")
    judge(page)
    page.locator("summary").first.click()
    allocating.express(allocation, ada, list(allocation.sessions.order_by("starts_at", "slug")[:4]))
    page.reload()
    judge(page)
    Allocation.objects.update(closes_at=timezone.now() - timedelta(minutes=1))
    page.reload()
    judge(page)
    run = make.simulation(Allocation.objects.get())
    allocating.commit(run, actor=make.organiser())
    page.reload()
    for summary in page.locator("summary").all():
        summary.click()
    judge(page)


@pytest.mark.proves("accessible-pages")
def test_wishes_are_ranked_by_keyboard_and_the_focus_stays_where_one_is(
    page: Page, allocation: Allocation, ada: Attendee
) -> None:
    page.goto(f"{page.prefix}/wishes/{allocation.slug}/")  # type: ignore[attr-defined]
    ethics, arts = (allocation.sessions.get(title_fr=title) for title in ("Éthique", "Arts"))

    for number, session in enumerate((arts, ethics), 1):
        page.locator(f"#toggle-{session.slug}").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#mine [role=status]")).to_contain_text(str(number))
        settled(page)
        expect(page.locator(f"#toggle-{session.slug}")).to_be_focused()
    judge(page)

    page.locator(f"#up-{ethics.slug}").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#mine .order li").first).to_contain_text("Éthique")
    settled(page)
    expect(page.locator(f"#down-{ethics.slug}")).to_be_focused()
    assert order(ada) == ["Éthique", "Arts"]

    page.locator(f"#leave-{ethics.slug}").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#mine .order li")).to_have_count(1)
    settled(page)
    expect(page.locator("#mine-title")).to_be_focused()
    assert order(ada) == ["Arts"]


def test_what_one_adds_stays_under_the_finger(page: Page, allocation: Allocation) -> None:
    """The list above grows with each wish; the button that was pressed does not move."""
    page.goto(f"{page.prefix}/wishes/{allocation.slug}/")  # type: ignore[attr-defined]
    button = page.locator(f"#toggle-{allocation.sessions.get(title_fr='Séance 4').slug}")
    button.scroll_into_view_if_needed()
    before = button.bounding_box()

    button.click()
    expect(page.locator("#mine [role=status]")).to_be_attached()

    after = button.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < 2


@pytest.mark.proves("accessible-pages")
def test_the_page_is_whole_without_a_script(
    chromium: Browser, live_server: Any, allocation: Allocation, ada: Attendee
) -> None:
    context = chromium.new_context(
        base_url=live_server.url, java_script_enabled=False, locale="fr-FR", viewport={"width": 390, "height": 844}
    )
    context.add_cookies([cookie(ada, live_server.url)])
    page = context.new_page()
    page.goto(f"/wishes/{allocation.slug}/")
    last = allocation.sessions.get(title_fr="Séance 7")

    machine.follow(page.locator(f"#toggle-{last.slug}"))

    assert page.url.endswith(f"#session-{last.slug}"), "one stays where one was"
    assert order(ada) == ["Séance 7"]
    page.get_by_role("link", name="Vos souhaits").last.click()
    machine.follow(page.locator(f"#leave-{last.slug}"))
    assert order(ada) == []
    context.close()


@pytest.mark.proves("accessible-pages", "no-foreign-scripts")
def test_the_pages_of_organisers_are_fit_for_all(
    chromium: Browser, live_server: Any, allocation: Allocation, ada: Attendee
) -> None:
    looks, unfit = machine.LOOKS["fr"], partial(machine.unfit, of_django=True)
    scheme, width = looks[0]
    context = chromium.new_context(
        base_url=live_server.url, color_scheme=scheme, viewport={"width": width, "height": 800}, locale="fr-FR"
    )
    context.add_cookies([cookie(make.organiser(), live_server.url)])
    page = context.new_page()
    allocating.express(allocation, ada, list(allocation.sessions.order_by("starts_at", "slug")[:4]))
    Allocation.objects.update(closes_at=timezone.now() - timedelta(minutes=1))
    run = make.simulation(Allocation.objects.get())
    found = []

    for path in (
        "allocation/",
        f"allocation/{allocation.pk}/change/",
        "allocation/add/",
        "allocationrun/",
        f"allocationrun/{run.pk}/change/?q=ada",
    ):
        assert page.goto(f"/admin/allocations/{path}").ok
        found += machine.in_each(looks, page, unfit)
    page.goto(f"/admin/allocations/allocation/{allocation.pk}/change/")
    machine.follow(page.get_by_role("button", name="Simuler…"))
    found += machine.in_each(looks, page, unfit)
    machine.follow(page.get_by_role("button", name="Simuler", exact=True))
    expect(page.get_by_text("Ceci est une simulation")).to_be_visible()
    machine.follow(page.get_by_role("button", name="Appliquer…"))
    found += machine.in_each(looks, page, unfit)
    machine.follow(page.get_by_role("button", name="Attribuer"))
    expect(page.get_by_text("attribuées, et chaque personne est prévenue").first).to_be_visible()

    assert found == []
    context.close()
