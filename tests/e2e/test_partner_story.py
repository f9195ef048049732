"""The job of a partner, in French, in a browser, against the real processes of the demo: a list comes in, people
answer, places move on."""

import os
import re
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Locator, Page, expect

from accounts.domain import factors
from summit.loading.loader import OWN_DATA
from tests import browser as machine
from tests.demo import Demo
from tests.e2e.test_main_job import latest_mail, sign_in
from tests.processes import run_python

pytestmark = pytest.mark.browser

OWNER, COORDINATOR = "coordinatrice@demo.example", "claude@cnam-fictif.example"
# One seat in the panel for the whole master, so that whoever comes second waits.
ONE_SEAT = """
from programme.models import Session
from registrations.domain import pools
from registrations.models import Cohort
pools.allot(Session.objects.get(slug="gp-puces"), Cohort.objects.get(slug="cnam-medas"), 1)
"""
PANEL = "La chaîne d’approvisionnement des puces électroniques"


def is_good(page: Page) -> None:
    """The page can be used by everybody, on a phone as well."""
    assert machine.unfit(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert machine.too_wide(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})


def add_an_app(page: Page) -> None:
    """The second step that whoever edits lists needs, with an app that read the key of the page."""
    is_good(page)
    secret = page.locator(".key").inner_text().replace(" ", "")
    page.get_by_label("Code de l’application").fill(
        format_hotp_value(hotp_value(secret, int(time.time()) // factors.PERIOD))
    )
    machine.follow(page.get_by_role("button", name="Ajouter cette application"))
    is_good(page)
    machine.follow(page.get_by_role("link", name="Je les ai gardés"))


def invitation(mailbox: Page, demo: Demo, to: str) -> str:
    """The personal link of the mail to this address."""
    latest_mail(mailbox, demo, to, "vous invite")
    machine.follow(mailbox.get_by_role("link", name=re.compile("vous invite")).first)
    found = re.search(r"http://\S+/invitations/\S+/", mailbox.locator("pre.letter").inner_text())
    assert found
    return found[0]


def row(page: Page, name: str) -> Locator:
    return page.locator(".persons li").filter(has_text=name)


@pytest.mark.proves(
    "list-review",
    "list-agreement",
    "partner-people",
    "one-invitation-link",
    "accept-once",
    "decline-frees-seats",
    "erased-from-lists",
)
@pytest.mark.slow(50)
def test_a_list_comes_in_people_answer_and_places_move_on(
    page: Page, chromium: Browser, demo: Demo, tmp_path: Path
) -> None:
    database = f"sqlite:///{quote(str(demo.folder / 'summit.sqlite3'))}"
    kept = run_python(
        ONE_SEAT,
        os.environ
        | {"DATABASE_URL": database, "VAR_DIR": str(demo.folder), "DJANGO_SETTINGS_MODULE": "summit.settings"},
    )
    assert kept.returncode == 0, kept.stderr
    mailbox = chromium.new_context(locale="fr-FR").new_page()

    # The owner brings a coordinator in, who comes with the mail and hands in the list of one master.
    owner = chromium.new_context(locale="fr-FR").new_page()
    owner.goto(f"{demo.url}/partners/")
    sign_in(owner, mailbox, demo, OWNER, "Recevoir un code")
    machine.follow(owner.get_by_role("link", name="Qui travaille sur les listes"))
    is_good(owner)
    owner.get_by_label("Adresse").fill(COORDINATOR)
    machine.follow(owner.get_by_role("button", name="Ajouter et prévenir par courriel"))
    expect(owner.get_by_text("un courriel lui explique comment commencer")).to_be_visible()
    latest_mail(mailbox, demo, COORDINATOR, "Vous travaillez désormais sur les listes")
    machine.follow(mailbox.get_by_role("link", name=re.compile("Vous travaillez désormais sur les listes")).first)
    found = re.search(r"http://\S+/partners/\S+/", mailbox.locator("pre.letter").inner_text())
    assert found
    page.goto(found[0])
    sign_in(page, mailbox, demo, COORDINATOR, "Recevoir un code")
    add_an_app(page)
    page.get_by_label("Votre nom").fill("Claude Coordination")
    machine.follow(page.get_by_role("button", name="Continuer"))
    expect(page.get_by_role("heading", name="Conservatoire national", level=1)).to_be_visible()
    is_good(page)
    machine.follow(page.get_by_role("link", name=re.compile("MéDAS")))
    is_good(page)
    page.get_by_label("Fichier").set_input_files(OWN_DATA / "students-medas.csv")
    page.get_by_label(re.compile("Mon établissement a le droit")).check()
    machine.follow(page.get_by_role("button", name="Lire la liste"))
    expect(page.get_by_role("heading", name="Vérifiez la liste")).to_be_visible()
    is_good(page)

    # Every problem at once; the cells that can be corrected are, the row that cannot is skipped.
    wrong = page.locator("td.wrong form")
    assert wrong.count() > 1
    wrong.last.locator("input:not([type=hidden])").fill("tape@etu.cnam-fictif.example")
    typed = wrong.last.locator("input:not([type=hidden])").get_attribute("id")
    while (left := wrong.count()) > 0:
        form = wrong.first
        box = form.locator("input:not([type=hidden])")
        line = form.locator("input[name=line]").input_value()
        if not box.input_value():
            box.fill(f"ligne{line}@etu.cnam-fictif.example")
        form.get_by_role("button", name=re.compile("Corriger|Valider")).click()
        expect(wrong).to_have_count(left - 1)
        if left > 1:
            expect(page.locator(f"#{typed}")).to_have_value("tape@etu.cnam-fictif.example")
            expect(wrong.first.locator("input:not([type=hidden])")).to_be_focused()
    is_good(page)
    machine.follow(page.get_by_role("button", name=re.compile(r"^Inviter 50")))
    expect(page.get_by_role("heading", name="La liste a été appliquée")).to_be_visible()
    machine.follow(page.get_by_role("link", name="Suivre les réponses"))
    expect(page.get_by_text("Personnes\u00a0: 50 sur 50")).to_be_visible()
    is_good(page)

    # Fifty invitations leave.
    mailbox.goto(f"{demo.url}/demo/mail/?to=etu.cnam-fictif.example")
    people = page.locator(".persons li")
    names = [people.nth(n).locator(".name").inner_text() for n in range(5)]
    addresses = [people.nth(n).locator(".meta span").first.inner_text() for n in range(5)]

    # Three accept: one has the seat, one waits; one declines, one is erased.
    links = [invitation(mailbox, demo, address) for address in addresses]
    student = chromium.new_context(locale="fr-FR").new_page()
    for n in range(3):
        student.context.clear_cookies()
        student.goto(links[n])
        if n == 0:
            is_good(student)
        if n < 2:
            student.get_by_label(PANEL).check()
        machine.follow(student.get_by_role("button", name="Accepter"))
        expect(student.get_by_role("heading", name="Vous avez accepté")).to_be_visible()
        if n < 2:
            expect(
                student.get_by_text("votre place est confirmée" if n == 0 else "vous êtes sur sa liste d’attente")
            ).to_be_visible()
        is_good(student)
    student.context.clear_cookies()
    student.goto(links[3])
    machine.follow(student.get_by_role("button", name="Décliner"))
    expect(student.get_by_role("heading", name="Vous avez décliné")).to_be_visible()
    student.goto(links[4])
    machine.follow(student.get_by_role("link", name=re.compile("Effacer vos données")))
    is_good(student)
    machine.follow(student.get_by_role("button", name="Effacer mes données"))
    expect(student.get_by_role("heading", name="Vos données sont effacées")).to_be_visible()

    page.reload()
    for n, state in enumerate(["Avec une place", "En attente", "D’accord, sans place", "Refus"]):
        expect(row(page, names[n])).to_contain_text(state)
    expect(row(page, names[4])).to_have_count(0)
    is_good(page)

    # The one who has the seat cannot come after all: it goes to the classmate who waits.
    # The link has been answered: the browser of before is gone, so it asks for a code.
    student.goto(links[0])
    is_good(student)
    machine.follow(student.get_by_role("button", name="Recevoir un code"))
    latest_mail(mailbox, demo, addresses[0], "code")
    student.get_by_label("Code").fill(mailbox.locator("#mails .code").first.inner_text())
    machine.follow(student.get_by_role("button", name="Continuer"))
    machine.follow(student.get_by_role("link", name="Je ne peux finalement pas venir"))
    is_good(student)
    machine.follow(student.get_by_role("button", name="Je ne peux finalement pas venir"))
    latest_mail(mailbox, demo, addresses[1], "Une place pour vous")
    page.reload()
    expect(row(page, names[1])).to_contain_text("Avec une place")

    # Who declined is replaced.
    machine.follow(row(page, names[3]).get_by_role("link", name="Remplacer"))
    is_good(page)
    page.get_by_label("Nom", exact=True).or_(page.get_by_label(re.compile("^Nom"))).first.fill("Germain")
    page.get_by_label(re.compile("^Prénom")).fill("Sophie")
    page.get_by_label(re.compile("^Courriel")).fill("sophie.germain@etu.cnam-fictif.example")
    machine.follow(page.get_by_role("button", name="Remplacer et inviter"))
    expect(page.get_by_text("prend la place de")).to_be_visible()
    invitation(mailbox, demo, "sophie.germain@etu.cnam-fictif.example")

    # The other master's list comes as a workbook.
    page.goto(f"{demo.url}/partners/")
    machine.follow(page.get_by_role("link", name=re.compile("Marketing")))
    hand_in(page, OWN_DATA / "students-marketing-digital.xlsx")
    is_good(page)
    edit = page.get_by_role("link", name=re.compile("Modifier la ligne"))
    edit.last.click()
    expect(page.locator("tr.edited input:not([type=hidden])").first).to_be_focused()
    is_good(page)
    page.get_by_role("link", name="Annuler", exact=True).click()
    expect(page.locator("tr.edited")).to_have_count(0)
    expect(edit.last).to_be_focused()
    machine.follow(page.get_by_role("button", name=re.compile("^(Inviter|Appliquer)")))
    expect(page.get_by_role("heading", name="La liste a été appliquée")).to_be_visible()

    # The first list again: nothing new. Who declined and who is erased are not asked again.
    page.goto(f"{demo.url}/partners/cnam/cnam-medas/")
    hand_in(page, OWN_DATA / "students-medas.csv")
    expect(page.get_by_text("Rien de nouveau")).to_be_visible()
    is_good(page)
    machine.follow(page.get_by_role("button", name="Fermer"))
    expect(page.get_by_text("Rien n’a changé")).to_be_visible()
    assert time.strftime("%Y") in page.content()


def hand_in(page: Page, path: Path) -> None:
    page.get_by_label("Fichier").set_input_files(path)
    page.get_by_label(re.compile("Mon établissement a le droit")).check()
    machine.follow(page.get_by_role("button", name="Lire la liste"))
    expect(page.get_by_role("heading", name="Vérifiez la liste")).to_be_visible()
