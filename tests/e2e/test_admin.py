"""The administration in a real browser: usable by all, in both schemes and on a phone, inside the policy that allows no
inline code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.domain import access_needs
from attendees.domain import objecting
from outbox.domain import holds, lanes, suppression
from outbox.domain.mail_kinds import Letter
from outbox.domain.posting import post
from outbox.models import MailTemplate, Message, SuppressedAddress
from programme.models import Duty, Session
from registrations.domain import booking, pools, waitlist
from registrations.models import Limit, Registration
from tests import browser as machine
from tests import make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

SPILT = (
    "[...document.querySelectorAll('td, th')].filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) =>"
    " cell.innerText)"
)


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["light-wide", "dark-narrow"])
def page(request: pytest.FixtureRequest, chromium: Browser, live_server: Any, client: Client) -> Iterator[Page]:
    """A page of someone who may do everything, in French; at its end, the policy must have refused nothing."""
    scheme, width = request.param
    context = chromium.new_context(
        base_url=live_server.url,
        color_scheme=scheme,
        viewport={"width": width, "height": 800},
        locale="fr-FR",
        timezone_id="Europe/Paris",
    )
    cookie = make.sign_in(client, make.organiser()).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page = context.new_page()
    refused: list[str] = []
    page.on(
        "console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text else None
    )
    page.on("pageerror", lambda error: refused.append(str(error)))
    yield page
    context.close()
    assert refused == []


def faults(page: Page) -> list[str]:
    spilt = [f"{page.url} spills out of its cell: {text}" for text in page.evaluate(SPILT)]
    return machine.unfit(page, of_django=True) + spilt


def judge(page: Page) -> None:
    assert faults(page) == []


def press(page: Page, button: str) -> None:
    machine.follow(page.get_by_role("button", name=button, exact=True))


def a_line() -> Registration:
    """Somebody who waits, with an offer out before them and one who is expected elsewhere."""
    session = make.session(
        title="Éthique et droit", seats=2, waiting_list="offer", event=make.event(clash_policy="refuse")
    )
    seated = [make.registration(session) for _ in range(2)]
    make.registration(make.session(), seated[1].attendee)
    waiting = [
        booking.register(booking.Ask(session, who, actor=who.user, waits=True))
        for who in (make.attendee(), make.attendee(), make.attendee())
    ]
    make.registration(make.session(), waiting[1].attendee)
    waitlist.start_party(waiting[2], actor=waiting[2].attendee.user)
    booking.cancel(session, seated[0].attendee, actor=seated[0].attendee.user)
    return waiting[2]


def a_queue_in_trouble() -> SuppressedAddress:
    """Mails held, a lane paused, a mail server that is away, a mail that was refused, one that came twice, an address
    that is bad."""
    address = "somebody.with.a.very.long.address@an.institution.that.is.not.short.example.org"
    for n, fields in enumerate(
        [{"status": "failed", "last_error": f"550 5.1.1 <{address}>: no"}, {"status": "sent", "takeovers": 1}]
    ):
        post(
            "registrations.confirmed",
            address,
            dedupe_key=f"trouble{n}",
            language="fr",
            letter=Letter("Votre place", "…"),
        )
        Message.objects.filter(dedupe_key=f"trouble{n}").update(**{"sent_at": timezone.now()} | fields)
    suppression.mark(address, "bounced", "550 5.1.1 no such user", at=timezone.now())
    lanes.rest(Message.Lane, f"454 4.7.0 {'x' * 200}", at=timezone.now(), server_is_away=True)
    lanes.pause(Message.Lane.BULK, actor=None)
    holds.hold()
    return SuppressedAddress.objects.get()


def a_request() -> Registration:
    session, who = make.session(access=Session.Access.APPROVAL, holds_requests=False, seats=1), make.attendee()
    return booking.register(booking.Ask(session, who, actor=who.user, reason="Pour ma thèse"))


@pytest.mark.proves("accessible-pages")
@pytest.mark.parametrize("page", machine.LOOKS["fr"][:1], indirect=True, ids=["light-wide then dark-narrow"])
@pytest.mark.slow(40)
def test_every_kind_of_page_is_fit_for_all(page: Page) -> None:
    session = make.session(
        title="Éthique, droit et gouvernance des systèmes d’apprentissage", assumed_fields="start|capacity"
    )
    make.participation(session=session)
    registration = make.registration(session)
    pool = pools.allot(session, make.cohort(), 5)
    membership = make.membership(pool.cohort)
    invitation = make.invitation()
    way = make.travel_time(origin=session.room.venue)
    Limit.objects.create(event=session.event, kind="workshop", at_most=3)
    Duty.objects.create(session=session, user=make.user())
    user = make.user()
    access_needs.write(registration.attendee, "Boucle magnétique", words="Oui", at=timezone.now())
    objection = objecting.object_to_everything(user, "Pas de photos", at=timezone.now())
    line, asked = a_line(), a_request()
    bad = a_queue_in_trouble()
    reminder, announcement = make.reminder(session), make.announcement(session=session)
    found = []

    for path in [
        "",
        "programme/session/",
        "programme/session/?q=nowhere",
        "programme/session/?to_verify=yes&_facets=True",
        "programme/session/add/",
        f"programme/session/{session.pk}/change/",
        f"programme/session/{session.pk}/history/",
        f"programme/session/{session.pk}/delete/",
        "programme/session/import/",
        "programme/session/export/",
        f"venues/venue/{session.room.venue_id}/change/",
        "venues/traveltime/",
        f"venues/traveltime/{way.pk}/change/",
        f"programme/event/{session.event_id}/change/",
        f"programme/session/{invitation.session_id}/change/",
        f"registrations/membership/{membership.pk}/change/",
        "registrations/invitation/",
        "registrations/registration/",
        "registrations/registration/add/",
        f"registrations/registration/{registration.pk}/change/",
        f"registrations/cohort/{pool.cohort_id}/change/",
        "registrations/seatpool/",
        f"registrations/seatpool/{pool.pk}/change/",
        "accounts/user/",
        f"accounts/user/{user.pk}/change/",
        f"accounts/user/{user.pk}/data/",
        f"accounts/user/{user.pk}/delete/",
        f"accounts/attendee/{registration.attendee_id}/change/",
        f"accounts/attendee/{registration.attendee_id}/needs/",
        "attendees/privacyrequest/",
        f"attendees/privacyrequest/{objection.pk}/change/",
        "core/legalhold/",
        "core/legalhold/add/",
        f"programme/session/{session.pk}/waitlist/",
        f"programme/session/{line.session_id}/waitlist/",
        f"programme/session/{line.session_id}/waitlist/?q=nobody",
        f"programme/session/{line.session_id}/clashes/",
        f"programme/session/{line.session_id}/capacity/",
        f"programme/session/{line.session_id}/capacity/?capacity=1",
        "registrations/registration/why/",
        "registrations/registration/why/?find_session=a&find_attendee=a",
        f"registrations/registration/why/?session={line.session_id}&attendee={line.attendee_id}",
        "registrations/registration/?status__exact=pending",
        f"registrations/registration/{asked.pk}/change/",
        "auth/group/add/",
        "outbox/message/",
        f"outbox/message/{registration.pk}/change/",
        "outbox/suppressedaddress/",
        f"outbox/suppressedaddress/{bad.pk}/change/",
        "outbox/mailtemplate/",
        "outbox/mailtemplate/registrations.confirmed/fr/",
        "notices/reminderrule/",
        "notices/reminderrule/add/",
        f"notices/reminderrule/{reminder.pk}/change/",
        "notices/quietwindow/",
        "notices/announcement/add/",
        f"notices/announcement/{announcement.pk}/change/",
        f"registrations/institution/{pool.cohort.institution_id}/change/",
        "programme/edition/",
        f"programme/edition/{session.event.edition_id}/change/",
        f"programme/edition/{session.event.edition_id}/next/",
        f"programme/edition/{session.event.edition_id}/retention/",
        "programme/",
    ]:
        assert page.goto(f"/admin/{path}").ok, path
        found += machine.in_each(machine.LOOKS["fr"], page, faults)

    assert found == []


def test_the_languages_of_a_form_are_tabs_for_the_keyboard_too(page: Page) -> None:
    session = make.session(title="Éthique")
    page.goto(f"/admin/programme/session/{session.pk}/change/")
    french, english = page.get_by_role("tab", name="En français"), page.get_by_role("tab", name="En anglais")
    assert page.locator("#id_title_fr").is_visible()
    assert not page.locator("#id_title_en").is_visible()

    french.focus()
    page.keyboard.press("ArrowRight")

    assert english.get_attribute("aria-selected") == "true"
    page.locator("#id_title_en").fill("Ethics")
    french.click()
    page.locator("#id_title_fr").fill("")
    english.click()
    press(page, "Enregistrer")
    expect(page.locator("#id_title_fr"), "the tab that holds an error is open").to_be_visible()
    judge(page)
    page.locator("#id_title_fr").fill("Éthique")
    press(page, "Enregistrer")
    expect(page).to_have_url(re.compile("/session/$"))
    session.refresh_from_db()
    assert (session.title_fr, session.title_en) == ("Éthique", "Ethics")


def test_what_is_missing_of_an_edition_leads_to_its_field_in_whatever_tab(page: Page) -> None:
    edition = make.edition(publication_director_en="", host="")
    page.goto(f"/admin/programme/edition/{edition.pk}/change/")
    judge(page)

    field = page.locator("#id_publication_director_en")
    expect(field).to_be_hidden()
    page.get_by_role("link", name="Directeur de la publication en anglais").click()
    expect(field).to_be_focused()
    page.get_by_role("link", name="Hébergeur").click()
    expect(page.locator("#id_host")).to_be_focused()


def test_the_template_of_a_mail_is_looked_at_before_it_is_saved(page: Page) -> None:
    """Also without a script: the form is sent into the frame."""
    make.registration(make.session(title="Éthique"), make.attendee("Ada Lovelace"))
    page.goto("/admin/outbox/mailtemplate/registrations.confirmed/fr/")
    mail = page.frame_locator("iframe.letter")
    expect(mail.locator("h1")).to_have_text("Éthique")

    page.get_by_label("Avant les informations").fill("Chère {name}, bienvenue.")
    page.get_by_role("button", name="Aperçu", exact=True).click()
    expect(mail.locator("body")).to_contain_text("Chère Ada Lovelace, bienvenue.")
    page.get_by_role("button", name="Aperçu en texte brut").click()
    expect(mail.locator("pre")).to_contain_text("Chère Ada Lovelace, bienvenue.")
    page.get_by_label("Avant les informations").fill("Chère {nom}")
    page.get_by_role("button", name="Aperçu", exact=True).click()
    expect(mail.locator("[role=alert]")).to_be_visible()
    press(page, "Enregistrer")

    judge(page)
    expect(page.locator(".errorlist")).to_contain_text("{nom}")
    assert not MailTemplate.objects.exists()


@pytest.mark.proves("accessible-pages")
def test_without_a_script_both_languages_are_there(chromium: Browser, live_server: Any, client: Client) -> None:
    session = make.session()
    context = chromium.new_context(base_url=live_server.url, java_script_enabled=False)
    cookie = make.sign_in(client, make.organiser()).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page = context.new_page()

    page.goto(f"/admin/programme/session/{session.pk}/change/")

    assert page.locator("#id_title_fr").is_visible()
    assert page.locator("#id_title_en").is_visible()
    context.close()


def test_an_organiser_imports_a_list_and_cancels_a_seat(page: Page, tmp_path: Path) -> None:
    registration = make.registration(make.session(title="Avant"))
    session = registration.session
    wrong, right = tmp_path / "wrong.csv", tmp_path / "right.csv"
    wrong.write_text(f"slug;title_fr;room\n{session.slug};Après;nowhere\n")
    right.write_text(f"slug;title_fr;colour\n{session.slug};Après;red\n")

    page.goto("/admin/programme/session/import/")
    page.set_input_files("[name=import_file]", wrong)
    press(page, "Voir ce qui changerait")
    expect(page.get_by_text("nowhere")).to_be_visible()
    judge(page)
    page.set_input_files("[name=import_file]", right)
    press(page, "Voir ce qui changerait")
    judge(page)
    press(page, "Importer ces lignes")
    expect(page).to_have_url(re.compile("/session/$"))
    assert Session.objects.get().title_fr == "Après"

    page.goto(f"/admin/registrations/registration/{registration.pk}/change/")
    press(page, "Annuler ces inscriptions…")
    judge(page)
    press(page, "Annuler 1 inscription")
    expect(page.get_by_text("1 inscription est annulée")).to_be_visible()
    assert Registration.objects.get().status == "cancelled"


def test_an_organiser_works_through_a_waiting_list_requests_and_a_smaller_room(page: Page) -> None:
    line, asked = a_line(), a_request()
    other = booking.register(
        booking.Ask(asked.session, someone := make.attendee(), actor=someone.user, reason="Pour apprendre")
    )

    page.goto(f"/admin/programme/session/{line.session_id}/waitlist/")
    page.get_by_role("checkbox", name=line.attendee.name).last.check()
    press(page, "Retirer de la liste d’attente…")
    judge(page)
    press(page, "Retirer 1 personne")
    expect(page.get_by_text("1 personne est retirée")).to_be_visible()

    page.goto("/admin/registrations/registration/?status__exact=pending")
    page.locator("#action-toggle").check()
    page.get_by_role("combobox", name="Action").select_option("grant")
    press(page, "Valider")
    judge(page)
    page.get_by_label("Votre message").fill("Venez tôt.")
    press(page, "Accepter 2 demandes")
    expect(page.get_by_text("1 demande n’a pas pu être tranchée")).to_be_visible()
    judge(page)
    assert {Registration.objects.get(pk=one.pk).status for one in (asked, other)} == {"confirmed", "pending"}

    session = make.session(seats=2)
    for _ in range(2):
        make.registration(session)
    page.goto(f"/admin/programme/session/{session.pk}/change/")
    page.get_by_label("Capacité").fill("1")
    press(page, "Enregistrer")
    machine.follow(page.get_by_role("link", name="Choisir ce que deviennent les personnes…"))
    page.get_by_role("radio", name="Faire passer les dernières").check()
    page.get_by_role("radio", name="Celles qui sont cochées").check()
    press(page, "Réduire la capacité")
    expect(page.get_by_text("Cochez exactement 1 personne")).to_be_visible()
    judge(page)
    page.get_by_role("checkbox").first.check()
    press(page, "Réduire la capacité")
    expect(page.get_by_text("La capacité est maintenant de 1.")).to_be_visible()

    press(page, "Annuler cette session…")
    judge(page)
    press(page, "Annuler 1 session")
    page.get_by_role("button", name="Rétablir en brouillon").wait_for()
    assert not Registration.objects.live().filter(session=session).exists()


def test_two_organisers_at_one_form_see_both_versions(page: Page) -> None:
    session = make.session(title="Avant")
    page.goto(f"/admin/programme/session/{session.pk}/change/")
    session.title_fr = "Entre-temps"
    session.save()

    page.locator("#id_title_fr").fill("Après")
    press(page, "Enregistrer")
    expect(page.get_by_text("Rien n’est encore enregistré")).to_be_visible()
    judge(page)
    press(page, "Enregistrer")
    page.wait_for_url("**/session/")

    assert Session.objects.get().title_fr == "Après"


def test_a_seat_is_given_by_searching_for_who_and_what(page: Page) -> None:
    session, person = make.session(title="Éthique et droit"), make.attendee("Grace Hopper")
    page.goto("/admin/registrations/registration/add/")

    for label, words, found in (("Participant", "Grace", person.name), ("Session", "thique", session.title)):
        page.get_by_role("combobox", name=label).click()
        page.locator(".select2-search__field").fill(words)
        page.get_by_role("option", name=found).click()
    judge(page)
    press(page, "Enregistrer")
    expect(page).to_have_url(re.compile("/registration/$"))

    assert Registration.objects.get().attendee == person


def test_the_scheme_can_be_chosen(page: Page) -> None:
    page.goto("/admin/")
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.locator(".theme-toggle").click()
    page.evaluate("localStorage.setItem('theme', 'light')")
    page.reload()

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
