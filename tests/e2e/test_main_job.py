"""The main job, by a newcomer in French, against the real processes of the demo: read, sign in, take a seat, get the
mail, give it back."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from icalendar import Calendar
from playwright.sync_api import Browser, Page, expect

from tests import browser as machine
from tests.demo import Demo

pytestmark = pytest.mark.browser

TITLE = "Intervention de Yann Le Cun"
SECONDS_FOR_A_MAIL = 10


@pytest.fixture
def mailbox(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="fr-FR")
    yield context.new_page()
    context.close()


def latest_mail(mailbox: Page, demo: Demo, to: str, subject: str) -> None:
    """Open the page of the mails of `to` and wait, without touching it, until one with this subject has arrived."""
    mailbox.goto(f"{demo.url}/demo/mail/?to={to}")
    row = mailbox.locator("#mails li").filter(has_text=subject).filter(has_text="Arrivé")
    expect(row).to_have_count(1, timeout=SECONDS_FOR_A_MAIL * 1000)


def sign_in(page: Page, mailbox: Page, demo: Demo, address: str, button: str) -> None:
    page.get_by_label("Adresse").fill(address)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_label("Code")).to_be_visible()
    latest_mail(mailbox, demo, address, "code")
    page.get_by_label("Code").fill(mailbox.locator("#mails .code").first.inner_text())
    machine.follow(page.get_by_role("button", name="Continuer"))


@pytest.mark.proves("real-browser")
@pytest.mark.slow(50)  # beside the story of a partner, whose demo it uses
def test_from_the_programme_to_a_seat_and_back(
    page: Page, mailbox: Page, demo: Demo, chromium: Browser, tmp_path: Path
) -> None:
    # The programme, then the session.
    page.goto(f"{demo.url}/programme/")
    page.get_by_role("link", name=TITLE, exact=True).click()
    expect(page.get_by_role("heading", name=TITLE, level=1)).to_be_visible()

    # A first visit: an address, the code of the mail, a name.
    page.get_by_role("link", name="Se connecter pour réserver").click()
    sign_in(page, mailbox, demo, "elise@example.org", "Créer un compte")
    page.get_by_label("Nom").fill("Élise d’Été")
    page.get_by_role("button", name="Continuer").click()

    # The seat, and its confirmation with a calendar entry that a calendar can read.
    page.get_by_role("button", name="Réserver ma place").click()
    expect(page.get_by_text("Votre place est confirmée").first).to_be_visible()
    taken_at = time.monotonic()
    latest_mail(mailbox, demo, "elise@example.org", f"Votre place : {TITLE}")
    assert time.monotonic() - taken_at < SECONDS_FOR_A_MAIL
    mailbox.get_by_role("link", name=f"Votre place : {TITLE}").click()
    letter = mailbox.frame_locator("iframe")
    expect(letter.get_by_role("heading", name=TITLE)).to_be_visible()
    assert letter.locator("h1").evaluate("e => getComputedStyle(e).fontSize") == "27px", (
        "the letter's own style was refused"
    )
    expect(mailbox.locator("pre.letter")).to_contain_text("Élise d’Été")
    assert machine.unfit(mailbox) == []
    with mailbox.expect_download() as download:
        mailbox.get_by_role("link", name="session.ics").click()
    download.value.save_as(tmp_path / "session.ics")
    entry = Calendar.from_ical((tmp_path / "session.ics").read_bytes())
    [event] = entry.walk("VEVENT")
    assert (event["SUMMARY"], event["DTSTART"].params["TZID"], event["DTSTART"].dt.strftime("%H:%M")) == (
        TITLE,
        "Europe/Paris",
        "09:45",
    )
    assert [zone["TZID"] for zone in entry.walk("VTIMEZONE")] == ["Europe/Paris"]

    # My programme, from which the seat is given back; the mail that says so takes the entry out of the calendar.
    page.goto(f"{demo.url}/me/")
    expect(page.get_by_role("link", name=TITLE, exact=True)).to_be_visible()
    page.get_by_role("link", name=re.compile("Annuler")).click()
    page.get_by_role("button", name=re.compile("^Libérer")).click()
    latest_mail(mailbox, demo, "elise@example.org", f"Place libérée : {TITLE}")

    # The organiser sees both, with who and when.
    office = chromium.new_context(locale="fr-FR").new_page()
    office.goto(f"{demo.url}/admin/registrations/registration/?q=elise@example.org")
    sign_in(office, mailbox, demo, "organisatrice@demo.example", "Recevoir un code")
    office.goto(f"{demo.url}/admin/registrations/registration/?q=elise@example.org")
    row = office.locator("#result_list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Élise d’Été")
    expect(row).to_contain_text("Annulée")
    row.locator("th a").click()
    office.get_by_role("link", name="Historique").click()
    history = office.locator("#change-history tbody tr, .change-history tbody tr")
    expect(history).to_have_count(2)
    for line in history.all():
        expect(line).to_contain_text("elise@example.org")
        expect(line).to_contain_text(time.strftime("%Y"))
    office.context.close()
