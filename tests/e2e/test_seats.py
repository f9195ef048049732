"""Seats in a real browser: every state fit for all, by keyboard and without a script, and nobody loses the thread of
what they clicked."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from accounts.models import Attendee
from programme.models import Event, Session
from registrations.domain import booking, pools, waitlist
from registrations.models import Invitation, Limit, Membership, Registration
from tests import browser as machine
from tests import make
from tests.registrations.pages import words
from tests.registrations.test_seat_pages import REASON, ask, full, give_back, status_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

NOW = timezone.now()
NOON = NOW.replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=30)
LONG = " ".join(["Un titre qui ne finit pas"] * 12)[:300]
# A page more or less for each of some thirty states: not all four.
VARIANTS = [("fr", "dark", 390), ("en", "light", 1280)]

Mode = Session.WaitingList


@pytest.fixture
def enter(chromium: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """Open a browser of somebody who is signed in; at the end, the policy must have refused nothing and no script have
    failed."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def enter(
        who: Attendee | None, *, lang: str = "fr", scheme: str = "light", width: int = 1280, **options: Any
    ) -> Page:
        base = f"{live_server.url}/{'en/' if lang == 'en' else ''}"
        context = chromium.new_context(
            base_url=base,
            color_scheme=scheme,
            viewport={"width": width, "height": 800},
            locale=lang,
            timezone_id="Europe/Paris",
            **options,
        )
        contexts.append(context)
        if who:
            cookie = make.sign_in(Client(), who).cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.on(
            "console",
            lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield enter
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def ada() -> Attendee:
    return make.attendee()


@pytest.fixture
def states(ada: Attendee) -> dict[str, Session]:
    """A session in each state for Ada, all on one day, some with titles that do not end."""
    day = make.day(NOON.date())
    venue = make.venue(name="Grand Palais")
    strict, swaps = (make.event(clash_policy=policy) for policy in (Event.ClashPolicy.REFUSE, Event.ClashPolicy.SWAP))
    limited = make.event(title="Ateliers")
    Limit.objects.create(event=limited, at_most=1)

    def at(hours: float, **fields: Any) -> dict[str, Any]:
        room = make.room(venue=venue)
        return {
            "starts_at": NOON + timedelta(hours=hours),
            "minutes": 20,
            "room": room,
            "title": f"Heure {hours}",
        } | fields

    approval = Session.Access.APPROVAL
    found = {
        "mine": make.session(**at(0, title=LONG)),
        "clash": make.session(**at(0)),
        "swap": make.session(**at(0, event=swaps)),
        "refused clash": make.session(**at(0, event=strict)),
        "open": make.session(**at(1)),
        "full": full(waiting=2, **at(1.5)),
        "full without a line": full(waiting_list=Mode.NONE, **at(1.6)),
        "waiting": full(waiting=2, **at(2)),
        "together": full(waiting=2, **at(2.5)),
        "before the draw": full(waiting_list=Mode.DRAW, draw_at=NOW + timedelta(days=1), **at(3)),
        "drawn": full(waiting=2, waiting_list=Mode.DRAW, draw_at=NOW + timedelta(days=1), **at(3.5)),
        "offered": full(waiting_list=Mode.OFFER, **at(4)),
        "pending": make.session(access=approval, **at(4.5)),
        "asks": make.session(access=approval, **at(5)),
        "not granted": make.session(access=approval, **at(5.5)),
        "not yet": make.session(registration_opens_at=NOW + timedelta(days=1), **at(6)),
        "closed": make.session(registration_closes_at=NOW - timedelta(days=1), **at(6.2)),
        "by invitation": make.session(access=Session.Access.INVITATION, **at(6.4)),
        "invited": make.session(access=Session.Access.INVITATION, **at(6.6)),
        "of a cohort": make.session(access=Session.Access.COHORT, **at(6.8)),
        "held": make.session(event=limited, **at(7)),
        "limit": make.session(event=limited, **at(7.5)),
        "cancelled": make.session(status=Session.Status.CANCELLED, **at(8)),
    }
    for name in ("mine", "waiting", "together", "before the draw", "drawn", "offered", "held"):
        ask(found[name], ada)
    waitlist.start_party(Registration.objects.get(session=found["together"], attendee=ada), actor=ada.user)
    waitlist.draw(found["drawn"], NOW + timedelta(days=2))
    give_back(found["offered"])
    ask(found["pending"], ada, reason=REASON)
    booking.decide(
        ask(found["not granted"], ada, reason=REASON), grant=False, answer="Complet.", actor=make.organiser()
    )
    Invitation.objects.create(session=found["invited"], email=ada.user.email)
    cohort = make.cohort(name="Master MéDAS")
    Membership.objects.create(cohort=cohort, attendee=ada)
    pools.allot(found["of a cohort"], cohort, 5)
    past = make.session(title="Passée")
    ask(past, ada)
    Session.objects.filter(pk=past.pk).update(starts_at=NOW - timedelta(days=1), ends_at=NOW - timedelta(hours=20))
    assert day.date == NOON.date()
    return found


def faults(page: Page, name: str) -> list[str]:
    expect(page.locator(".htmx-request")).to_have_count(0)
    return [f"{name} {fault}" for fault in machine.unfit(page)]


@pytest.mark.proves("accessible-pages")
@pytest.mark.parametrize(("lang", "scheme", "width"), VARIANTS, ids=str)
@pytest.mark.slow(8)
def test_every_state_is_fit_for_all(
    enter: Callable[..., Page], ada: Attendee, states: dict[str, Session], lang: str, scheme: str, width: int
) -> None:
    page = enter(ada, lang=lang, scheme=scheme, width=width)
    found = []

    for name, session in states.items():
        page.goto(f"sessions/{session.slug}/seat/")
        found += faults(page, name)
    for name in ("mine", "waiting", "offered", "pending"):
        page.goto(f"sessions/{states[name].slug}/cancel/")
        found += faults(page, f"giving up: {name}")
    page.goto(f"sessions/{states['waiting'].slug}/seat/")
    page.locator(".party summary").click()
    page.locator("#seat-code").fill("FAUX")
    page.locator(".beside button").click()
    expect(page.locator("#seat-code-error")).to_be_visible()
    found += faults(page, "a wrong code")
    page.goto(f"sessions/{states['clash'].slug}/")
    expect(page.locator("#seat-box .clash")).to_be_visible()
    found += faults(page, "the session's own page")
    page.goto(f"programme/?day={NOON:%Y-%m-%d}")
    expect(page.locator(f"#seat-{states['waiting'].slug} .badge")).to_be_visible()
    page.locator(f"#act-{states['clash'].slug}").click()
    expect(page.locator(f"#seat-{states['clash'].slug} .note")).to_be_focused()
    found += faults(page, "rows")
    page.goto("me/")
    found += faults(page, "my programme")
    page.locator(f"#act-{states['mine'].slug}").click()
    expect(page.locator(f"#seat-{states['mine'].slug} form")).to_be_visible()
    found += faults(page, "my programme, giving up")
    page.goto(f"sessions/{states['drawn'].slug}/draw/")
    found += faults(page, "lots")

    assert found == []


@pytest.mark.proves("accessible-pages")
def test_a_strangers_view_of_every_state_is_fit_for_all(enter: Callable[..., Page], states: dict[str, Session]) -> None:
    page = enter(None, width=390)
    found = []
    for name, session in states.items():
        page.goto(f"sessions/{session.slug}/seat/")
        found += faults(page, name)

    assert found == []


@pytest.mark.proves("accessible-pages")
def test_text_twice_as_large_fits_a_phone_and_fingers_find_their_aim(
    enter: Callable[..., Page], ada: Attendee, states: dict[str, Session]
) -> None:
    page = enter(ada, width=390, has_touch=True, is_mobile=True)
    found = []
    addresses = [
        "me/",
        *(
            f"sessions/{states[name].slug}/seat/"
            for name in ("clash", "waiting", "together", "offered", "asks", "pending")
        ),
    ]
    for address in addresses:
        page.goto(address)
        found += page.evaluate(
            """[...document.querySelectorAll("main :is(.button, button, summary, input:not([type=hidden]), textarea)")]
            .filter((target) => target.offsetParent && target.getBoundingClientRect().height < 43.5)"""
            ".map((target) => target.outerHTML)"
        )
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append(f"{page.url} scrolls sideways")

    assert found == []


# --- Acts -------------------------------------------------------------------------------------------------------------


def focused(page: Page) -> str:
    return words(page.evaluate("document.activeElement.innerText"))


def tab_to(page: Page, said: str) -> None:
    """Walk on with the keyboard until what has the focus says so."""
    for _step in range(40):
        page.keyboard.press("Tab")
        if said in focused(page):
            return
    raise AssertionError(f"no Tab leads to {said!r}")


@pytest.mark.proves("clash-before-click")
def test_a_clash_is_swapped_by_keyboard_and_both_rows_tell_it(enter: Callable[..., Page], ada: Attendee) -> None:
    make.day(NOON.date())
    held, wanted = make.session(title="Puces", starts_at=NOON), make.session(title="Gouvernance", starts_at=NOON)
    ask(held, ada)
    page = enter(ada)
    page.goto(f"programme/?day={NOON:%Y-%m-%d}")
    expect(page.locator(f"#seat-{wanted.slug}")).to_contain_text("Chevauche « Puces »")
    expect(page.locator(".htmx-settling, .htmx-added")).to_have_count(0)  # for 20 ms it is a link like any other

    page.locator(f"#act-{wanted.slug}").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#seat-{wanted.slug} .note")).to_be_focused()
    tab_to(page, "Ne rien changer")
    page.keyboard.press("Enter")
    expect(page.locator(f"#act-{wanted.slug}")).to_be_focused()
    expect(page.locator(f"#act-{wanted.slug}")).to_contain_text("Échanger")
    expect(page.locator(".htmx-settling, .htmx-added")).to_have_count(0)  # for 20 ms it is a link like any other
    page.keyboard.press("Enter")
    expect(page.locator(f"#seat-{wanted.slug} .note")).to_be_focused()
    tab_to(page, "Quitter « Puces » et réserver")
    page.keyboard.press("Enter")

    expect(page.locator(f"#seat-{wanted.slug} .seat-notice")).to_be_focused()
    expect(page.locator(f"#seat-{wanted.slug} .badge")).to_have_text("Votre place")
    expect(page.locator(f"#seat-{held.slug}")).to_contain_text("Chevauche « Gouvernance »")
    expect(page.locator(f"#seat-{wanted.slug} .seat-notice")).to_be_visible()
    assert (status_of(held, ada), status_of(wanted, ada)) == ("swapped", "confirmed")


@pytest.mark.proves("waitlist-before-joining")
def test_whoever_waits_gets_the_seat_that_another_browser_gives_back(enter: Callable[..., Page], ada: Attendee) -> None:
    session, grace = make.session(seats=1), make.attendee("Grace Hopper")
    ask(session, grace)
    hers, his = enter(ada), enter(grace, width=390)
    hers.goto(f"sessions/{session.slug}/")
    hers.get_by_role("button", name="Rejoindre la liste d’attente").click()
    expect(hers.locator("#seat-box .note")).to_have_text(
        "Cette session est complète : vous êtes au rang 1 de la liste d’attente.".replace(" :", "\xa0:")
    )
    expect(hers.locator("#seat-box .note")).to_be_focused()

    his.goto(f"sessions/{session.slug}/")
    his.get_by_role("link", name="Annuler ma place").click()
    expect(his.locator("#seat-box")).to_contain_text("La première personne de la liste d’attente la recevra.")
    expect(his.get_by_role("link", name="Garder ma place")).to_be_focused()
    his.get_by_role("button", name="Libérer ma place").click()
    expect(his.locator("#seat-box")).to_contain_text("Votre place est libérée.")

    hers.reload()
    expect(hers.locator("#seat-box")).to_contain_text("Votre place est confirmée")
    assert status_of(session, ada) == "confirmed"


@pytest.mark.proves("my-programme-order")
def test_an_offer_is_accepted_in_the_list_and_stands_among_the_seats_then(
    enter: Callable[..., Page], ada: Attendee
) -> None:
    session = full(waiting_list=Mode.OFFER, title="Puces")
    ask(session, ada)
    give_back(session)
    page = enter(ada, width=390)
    page.goto("me/")
    page.evaluate("window.stayed = true")

    page.get_by_role("button", name="Accepter – Puces").click()

    expect(page.locator("#mine > .note")).to_be_focused()
    expect(page.locator("#mine > .note")).to_contain_text("Votre place est confirmée.")
    expect(page.get_by_role("heading", name="Une place vous est proposée")).to_have_count(0)
    expect(page.locator(f"#seat-{session.slug}")).to_contain_text("Votre place")
    assert page.evaluate("window.stayed")
    page.locator(f"#act-{session.slug}").click()
    page.get_by_role("button", name="Libérer – Puces").click()
    expect(page.locator("#mine")).to_contain_text("Vous n’avez pas encore de place.")
    assert page.evaluate("window.stayed")


@pytest.mark.proves("accessible-pages")
def test_everything_works_without_a_script(enter: Callable[..., Page], ada: Attendee) -> None:
    held, wanted = make.session(title="Puces", starts_at=NOON), make.session(title="Gouvernance", starts_at=NOON)
    ask(held, ada)
    line, asked = (
        full(starts_at=NOON + timedelta(hours=3)),
        make.session(access=Session.Access.APPROVAL, starts_at=NOON + timedelta(hours=5)),
    )
    page = enter(ada, java_script_enabled=False, width=390)

    page.goto(f"sessions/{wanted.slug}/")
    page.locator("#seat-box a").click()
    page.get_by_role(
        "button", name="Quitter « Puces » et réserver".replace("« ", "«\xa0").replace(" »", "\xa0»")
    ).click()
    expect(page.locator(".note.success")).to_contain_text("Votre place est confirmée.")

    page.goto("me/")
    page.locator(f"#act-{wanted.slug}").click()
    page.get_by_role("button", name="Libérer ma place").click()
    assert page.url.endswith("/me/")
    expect(page.locator(".note.success")).to_have_text("Votre place est libérée.")

    page.goto(f"sessions/{line.slug}/seat/")
    page.get_by_role("button", name="Rejoindre la liste d’attente").click()
    page.locator(".party summary").click()
    page.locator("#seat-code").fill("FAUX")
    page.get_by_role("button", name="Rejoindre", exact=True).click()
    expect(page.locator("#seat-code")).to_have_value("FAUX")
    expect(page.locator("#language")).to_have_attribute("href", f"/en/sessions/{line.slug}/seat/")
    expect(page.locator("#seat-code-error")).to_be_visible()
    page.get_by_role("button", name="Former un groupe").click()
    expect(page.locator(".party .code")).to_be_visible()
    page.get_by_role("link", name="Quitter la liste d’attente").click()
    page.get_by_role("button", name="Quitter la liste d’attente").click()
    expect(page.locator(".note.success")).to_have_text("Vous avez quitté la liste d’attente.")

    page.goto(f"sessions/{asked.slug}/seat/")
    page.get_by_label("Pourquoi voulez-vous venir").fill(REASON)
    page.get_by_role("button", name="Demander une place").click()
    expect(page.locator(".quote")).to_contain_text(REASON)
    assert [status_of(session, ada) for session in (held, wanted, line, asked)] == [
        "swapped",
        "by_person",
        "left_waitlist",
        "pending",
    ]


def test_an_answer_422_takes_its_place_and_the_focus(enter: Callable[..., Page], ada: Attendee) -> None:
    session = make.session(access=Session.Access.APPROVAL)
    page = enter(ada)
    page.goto(f"sessions/{session.slug}/")
    reason = page.get_by_label("Pourquoi voulez-vous venir")
    reason.fill("Bon\u202ejour")

    page.get_by_role("button", name="Demander une place").click()

    expect(page.locator("#seat-box .note.error")).to_be_focused()
    # The browser gives the focus at once, htmx once more a moment later.
    expect(page.locator(".htmx-settling")).to_have_count(0)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(reason).to_be_focused()
    expect(reason).to_have_value("Bon\u202ejour")


@pytest.mark.proves("typed-text-kept")
def test_a_click_that_the_network_loses_is_sent_the_ordinary_way(enter: Callable[..., Page], ada: Attendee) -> None:
    """It has its effect once, whether the first one arrived or not."""
    session = make.session()
    page = enter(ada)
    page.goto(f"sessions/{session.slug}/")
    page.get_by_role("button", name="Réserver ma place").wait_for()

    def lose_the_answer(route: Any) -> None:
        route.fetch()
        route.abort()

    page.route("**/register/", lose_the_answer, times=1)
    page.get_by_role("button", name="Réserver ma place").click()

    page.wait_for_url(f"**/sessions/{session.slug}/seat/")
    expect(page.locator(".note.success")).to_contain_text("Votre place est confirmée.")
    assert Registration.objects.count() == 1


def test_the_lot_of_a_person_is_found_among_the_others(enter: Callable[..., Page], ada: Attendee) -> None:
    session = full(waiting=3, waiting_list=Mode.DRAW, draw_at=NOW + timedelta(days=1))
    mine = ask(session, ada)
    waitlist.draw(session, NOW + timedelta(days=2))
    page = enter(ada)
    page.goto(f"sessions/{session.slug}/seat/")

    page.get_by_role("link", name="Le voir dans le tirage").click()

    row = page.locator(f"[id='{mine.uuid}']")
    expect(row).to_be_in_viewport()
    assert row.evaluate("row => getComputedStyle(row).backgroundColor") != page.locator("tbody tr").first.evaluate(
        "row => row.matches(':target') ? '' : getComputedStyle(row).backgroundColor"
    )
