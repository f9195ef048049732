"""What the law asks for: the facts without which an edition is not opened, and the pages that tell them
(docs/rules.md#law)."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings as configuration
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone, translation
from django.utils.html import escape

from core import clock
from core.retention import kinds, sentences
from outbox.domain.delivery import deliver_due
from outbox.models import Heartbeat, Message
from programme.domain import editions, legal_facts, next_edition, retention
from programme.models import LEGAL_TEXTS, Edition, Session
from summit import health
from tests import make
from tests.partners import portal

pytestmark = pytest.mark.django_db
State, Level = Edition.State, Edition.AccessibilityLevel
pages = pytest.mark.runs_once("pages, whose queries other tests ask of both databases")
PATHS = ("/legal/", "/privacy/", "/cookies/", "/accessibility/")
AUDIT = {f"accessibility_{part}_{code}": f"{part} {code}" for part in ("tests", "gaps") for code in ("fr", "en")}


def page_of(address: str, client: Client | None = None) -> str:
    answer = (client or Client()).get(address)
    assert answer.status_code == 200, address
    return " ".join(answer.content.decode().split())


# --- Facts ------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("legal-facts")
@pytest.mark.parametrize("field", sorted(make.LEGAL_FACTS))
def test_an_edition_is_not_opened_while_a_fact_is_missing(field: str) -> None:
    edition = make.edition(**{field: None if field == "accessibility_stated_on" else ""})
    label = str(Edition._meta.get_field(re.sub("_(fr|en)$", "", field)).verbose_name)  # type: ignore[union-attr]

    with pytest.raises(ValidationError) as refused:
        editions.open_edition(edition, actor=None)

    assert [fact.field for fact in legal_facts.missing(edition)] == [field]
    assert label in refused.value.messages[0]
    assert not Edition.objects.public().exists()
    Edition.objects.filter(pk=edition.pk).update(**make.LEGAL_FACTS)
    assert editions.open_edition(edition, actor=None)


def test_every_fact_that_is_needed_is_tried_above() -> None:
    tried = {re.sub("_(fr|en)$", "", field) for field in make.LEGAL_FACTS}

    assert tried == set(legal_facts.NEEDED)


def test_the_refusal_names_each_in_both_languages_at_once() -> None:
    edition = make.edition(
        host="", host_phone=" ", publisher_form_fr="", publisher_form_en="", publication_director_en=""
    )

    with translation.override("en"), pytest.raises(ValidationError) as refused:
        editions.open_edition(edition, actor=None)

    [sentence] = refused.value.messages
    assert sentence.endswith(": legal form, publication director in English, host, telephone of the host.")


@pytest.mark.parametrize("level", [Level.PARTIAL, Level.FULL])
@pytest.mark.proves("legal-facts")
def test_a_level_rests_on_an_audit(level: Level) -> None:
    edition = make.edition(accessibility_level=level)
    needed = (
        ["accessibility_tests_fr", "accessibility_gaps_fr"] if level == Level.PARTIAL else ["accessibility_tests_fr"]
    )

    assert [fact.field for fact in legal_facts.missing(edition)] == needed
    for field, text in AUDIT.items():
        setattr(edition, field, text)
    assert legal_facts.missing(edition) == []


@pytest.mark.proves("legal-facts")
def test_one_that_is_open_without_facts_stays_open_and_is_not_made_current_again() -> None:
    before = make.current_edition()
    bare = make.edition(state=State.OPEN, host="")

    with pytest.raises(ValidationError, match="hébergeur"):
        editions.make_current(bare, actor=None)

    assert editions.current() == before
    assert not editions.open_edition(bare, actor=None)
    editions.archive(bare, actor=None)
    with pytest.raises(ValidationError, match="hébergeur"):  # what is archived is not opened again without them
        editions.open_edition(bare, actor=None)


def test_one_on_its_own_site_needs_none_until_it_has_pages_here() -> None:
    make.current_edition()
    away = make.edition(link="https://summit.example.org/", host="")

    assert legal_facts.missing(away) == []
    make.event(edition=away)
    assert [fact.field for fact in legal_facts.missing(away)] == ["host"]


def test_the_first_one_that_is_opened_needs_them_even_with_a_site_of_its_own() -> None:
    away = make.edition(link="https://summit.example.org/", host="")

    with pytest.raises(ValidationError, match="hébergeur"):
        editions.open_edition(away, actor=None)


def test_the_next_edition_keeps_the_facts_but_not_the_statement_of_accessibility() -> None:
    source = make.edition(**AUDIT, legal_text_fr="Texte", security_contact="a@example.org")

    new = next_edition.start_next(
        source, slug="n", names={"fr": "N", "en": "N"}, first_day=source.starts_on, with_sessions=False, actor=None
    )

    assert {fact.field for fact in legal_facts.missing(new)} == {"accessibility_level", "accessibility_stated_on"}
    assert (new.host, new.legal_text_fr, new.security_contact) == ("Hébergeur SAS", "Texte", "a@example.org")  # type: ignore[attr-defined]
    assert (new.accessibility_tests_fr, new.accessibility_plan_fr) == (None, make.LEGAL_FACTS["accessibility_plan_fr"])  # type: ignore[attr-defined]


@pages
def test_the_page_of_the_edition_leads_to_what_is_missing(client: Client) -> None:
    make.sign_in(client, make.organiser())
    bare = make.edition(host="", publication_director_en="")
    address = f"/en/admin/programme/edition/{bare.pk}/change/"

    page = page_of(address, client)

    assert "Needed before this edition can be opened" in page
    links = re.findall('<a href="#(id_.+?)">(.+?)</a>', page)
    assert links == [("id_publication_director_en", "Publication director in English"), ("id_host", "Host")]
    assert all(f'id="{field}"' in page for field, _name in links)
    Edition.objects.filter(pk=bare.pk).update(state=State.OPEN)
    assert "Missing on the pages that the law asks for" in page_of(address, client)
    Edition.objects.filter(pk=bare.pk).update(**make.LEGAL_FACTS)
    assert "Missing on the pages" not in page_of(address, client)


@pages
def test_opening_in_the_administration_says_what_is_missing(client: Client) -> None:
    make.sign_in(client, make.organiser())
    bare = make.edition(host="")

    answer = client.post(
        "/en/admin/programme/edition/",
        {"action": "open_edition", "_selected_action": [bare.pk], "index": "0"},
        follow=True,
    )

    assert "The law asks for what is missing here: host." in answer.content.decode()
    assert Edition.objects.get().state == State.PREPARATION


@pytest.mark.django_db(transaction=True)
@pytest.mark.proves("legal-facts")
def test_readyz_notes_what_an_open_edition_lacks_and_goes_on_being_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrations_are_applied", True)
    Heartbeat.objects.create(name="sweep", seen_at=timezone.now())
    edition = make.current_edition()

    assert "notes" not in Client().get("/readyz").json()
    Edition.objects.filter(pk=edition.pk).update(host="", publisher="")
    answer = Client().get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["notes"] == ["The edition summit is open and lacks what the law asks for: publisher, host."]


def test_lists_of_sessions_do_not_read_the_long_texts() -> None:
    make.session()

    [session] = Session.objects.with_place()

    assert "legal_text" in session.event.edition.get_deferred_fields()
    assert session.event.edition.get_deferred_fields() < {
        name for field in LEGAL_TEXTS for name in (field, f"{field}_fr", f"{field}_en")
    }


# --- Pages ------------------------------------------------------------------------------------------------------------


@pages
@pytest.mark.proves("legal-pages")
def test_the_legal_notice_tells_the_facts_in_both_languages() -> None:
    make.current_edition()

    french, english = page_of("/legal/"), page_of("/en/legal/")

    for fact in ("publisher", "publisher_address", "publisher_phone", "host", "host_address", "host_phone", "contact"):
        assert make.LEGAL_FACTS[fact] in french and make.LEGAL_FACTS[fact] in english, fact
    assert "Établissement public" in french and "Ada Lovelace, directrice" in french
    assert "Public institution" in english and "Ada Lovelace, Director" in english
    assert "loi n°\xa02004-575" in Client().get("/legal/").content.decode()
    assert "Pas encore indiqué" not in french


@pages
@pytest.mark.proves("legal-pages")
def test_the_page_on_personal_data_has_what_articles_13_and_14_ask() -> None:
    make.current_edition()

    page, english = page_of("/privacy/"), page_of("/en/privacy/")

    for heading in (
        "Responsable du traitement",
        "Données et finalités",
        "Origine des données",
        "Base légale",
        "Durées de conservation",
        "Destinataires",
        "Hors de l’Union européenne",
        "Vos droits",
        "Réclamation",
    ):
        assert re.search(rf"<h2[^>]*>{heading}</h2>", page), heading
    assert "Agence du Sommet" in page and "mailto:donnees@example.org" in page and "https://www.cnil.fr/" in page
    assert "délégué à la protection des données de l’Agence" in page
    assert "Aucune donnée n’est transférée" in page and "Hébergeur SAS" in page
    assert "Article 6(1)(e)" in english


@pages
def test_how_long_things_are_kept_and_why_is_what_the_edition_says(settings: Any) -> None:
    edition = make.current_edition()
    retention.choose(edition, {"mail_texts": 45}, actor=None)
    edition.legal_basis = "contract"
    edition.save()

    page = page_of("/en/privacy/")

    with translation.override("en"):
        told = sentences(edition)
    assert len(told) == len(kinds())
    for sentence in told:
        assert escape(sentence) in page
    assert "45 days" in page and "Article 6(1)(b)" in page and "Article 6(1)(e)" not in page
    assert f"works for {settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60} minutes" in page


@pages
@pytest.mark.proves("accessibility-statement")
@pytest.mark.parametrize(
    ("level", "french", "english"),
    [
        (Level.NONE, "non conforme", "not compliant"),
        (Level.PARTIAL, "partiellement conforme", "partially compliant"),
        (Level.FULL, "totalement conforme", "fully compliant"),
    ],
)
def test_the_level_of_accessibility_is_stated_and_named_in_every_footer(
    level: Level, french: str, english: str
) -> None:
    edition = make.current_edition()
    Edition.objects.filter(pk=edition.pk).update(accessibility_level=level, **AUDIT if level != Level.NONE else {})

    for path in ("/", "/programme/", "/legal/", "/accounts/login/"):
        assert f"Accessibilité\xa0: {french}" in Client().get(path).content.decode(), path
        assert f"Accessibility: {english}" in page_of(f"/en{path}"), path
    page = page_of("/en/accessibility/")
    assert f"<strong>{english}</strong>" in page and "1 September 2026" in page
    assert "https://formulaire.defenseurdesdroits.fr/" in page and "mailto:contact@example.org" in page
    assert 'href="https://www.example.org/plan"' in page
    assert ("tests en" in page) == (level != Level.NONE)
    assert ("Nobody has audited this site" in page) == (level == Level.NONE)
    assert "has not been tested with screen readers" in page


@pages
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.proves("legal-pages")
def test_organisers_write_another_opening_and_the_facts_stay(path: str) -> None:
    edition = make.current_edition()
    name = {"/legal/": "legal", "/privacy/": "privacy", "/cookies/": "cookies"}.get(path, "accessibility")
    before = set(re.findall("<h2[^>]*>(.+?)</h2>", page_of(path)))
    Edition.objects.filter(pk=edition.pk).update(
        **{f"{name}_text_fr": "Premier <b>.\n\nSecond.", f"{name}_text_en": "In English."}
    )

    page = page_of(path)

    assert "<p>Premier &lt;b&gt;.</p> <p>Second.</p>" in page and "In English." in page_of(f"/en{path}")
    assert set(re.findall("<h2[^>]*>(.+?)</h2>", page)) == before


@pages
@pytest.mark.parametrize("path", PATHS)
def test_a_fresh_installation_has_the_pages_with_a_sentence(path: str) -> None:
    page, english = page_of(path), page_of(f"/en{path}")

    assert "Il n’y en a pas encore." in page and "There is none yet." in english
    assert ("sessionid" in page) == (path == "/cookies/")
    assert all(f'href="{other}"' in page for other in PATHS)
    assert 'href="/accessibility/"' in page and "Accessibilité\xa0:" not in Client().get(path).content.decode()


@pages
def test_what_is_not_stated_is_said_so() -> None:
    edition = make.current_edition()
    blank = {name: None if name == "accessibility_stated_on" else "" for name in make.LEGAL_FACTS}
    Edition.objects.filter(pk=edition.pk).update(**blank)

    for path in ("/legal/", "/privacy/", "/accessibility/"):
        assert "Pas encore indiqué" in page_of(path), path


@pages
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.proves("public-pages-same-for-all")
def test_the_pages_are_the_same_for_everybody_and_take_few_queries(path: str, django_assert_num_queries: Any) -> None:
    make.current_edition()
    known = make.sign_in(Client(), make.attendee())

    with django_assert_num_queries(1 + (path in ("/legal/", "/privacy/"))):  # the edition; languages, or its periods
        answer = known.get(path)

    assert answer.content == Client().get(path).content
    assert "public" in answer["Cache-Control"] and not answer.cookies and "Cookie" not in answer.get("Vary", "")


@pages
def test_they_are_those_of_the_current_edition_on_the_pages_of_others_too() -> None:
    make.current_edition()
    over = make.edition(slug="lyon", state=State.ARCHIVED, accessibility_level=Level.FULL)

    page = page_of(f"/editions/{over.slug}/")

    assert all(f'href="{path}"' in page for path in PATHS)
    assert "totalement conforme" not in page
    assert Client().get("/editions/lyon/legal/").status_code == 404


# --- Where they are linked --------------------------------------------------------------------------------------------


@pages
@pytest.mark.proves("legal-pages")
def test_every_footer_leads_to_them(client: Client) -> None:
    session, cohort = make.session(slug="seance"), make.cohort()
    invitee = portal.invitee(cohort)
    public = ("/", "/programme/", "/speakers/", "/venues/", "/editions/", "/sessions/seance/", *PATHS)
    for path in (*public, "/accounts/login/", "/accounts/signup/", f"/invitations/{invitee.key}/", "/nulle-part/"):
        page = " ".join(Client().get(path).content.decode().split())
        foot = page[page.index('<footer class="foot">') :]
        assert all(f'href="{law}"' in foot for law in PATHS), path
    organiser = make.organiser()
    portal.role(cohort.institution, "owner", organiser)
    make.sign_in(client, organiser)
    for path in ("/me/", "/accounts/profile/", "/partners/help/", "/admin/", "/admin/programme/session/"):
        page = page_of(path, client)
        foot = page[page.index("<footer") :]
        assert all(f'href="{law}"' in foot for law in PATHS), path
    assert session


@pages
@pytest.mark.proves("legal-pages")
def test_they_are_linked_where_data_is_asked_for(client: Client) -> None:
    cohort = make.cohort()
    camille = portal.role(cohort.institution)
    invitee = portal.invitee(cohort)
    make.sign_in(client, camille)
    upload = f"/partners/{cohort.institution.slug}/{cohort.slug}/"

    for path, who in (
        ("/accounts/signup/", Client()),
        ("/accounts/profile/", client),
        (upload, client),
        (f"/invitations/{invitee.key}/", Client()),
    ):
        page = page_of(path, who)
        main = page[page.index("<main") : page.index("</main>")]
        assert 'href="/privacy/"' in main, path


@pages
def test_every_mail_leads_to_the_page_on_personal_data() -> None:
    make.registration(who=make.attendee(language="en"))
    deliver_due()

    mail = Message.objects.get()

    for body in (mail.text, mail.html):
        assert f"{configuration.BASE_URL}/en/privacy/" in body


# --- Cookies ----------------------------------------------------------------------------------------------------------


@pages
@pytest.mark.proves("cookies-told")
def test_the_page_names_the_cookies_that_pages_set_and_no_other(client: Client) -> None:
    """Somebody reads the programme, signs in by a code, registers, changes the profile, and looks at the rest."""
    make.current_edition()
    session = make.session(slug="seance")
    who = make.attendee()
    found: dict[str, Any] = {}

    def note(answer: Any) -> Any:
        found.update({name: morsel for name, morsel in answer.cookies.items() if morsel.value})
        return answer

    for path in ("/", "/programme/", "/sessions/seance/", "/sessions/seance/seat/", "/speakers/", "/venues/", *PATHS):
        note(client.get(path))
    assert found == {}  # none while one only reads

    note(client.get("/accounts/login/"))
    note(client.post("/accounts/login/", {"login": who.user.email}))
    code = Message.objects.get().context["code"]
    note(client.post("/accounts/login/code/", {"code": code}))
    assert client.session.get("_auth_user_id") == str(who.user.pk)
    for path in ("/me/", "/accounts/profile/", "/sessions/seance/seat/", "/me/mails/", "/en/me/"):
        note(client.get(path))
    note(client.post("/sessions/seance/register/", {"seen": ""}))
    note(client.post("/accounts/profile/", {"name": "Ada", "language": "en", "timezone": "Europe/Paris"}))
    note(client.get("/me/"))
    note(client.post("/accounts/logout/"))

    page = page_of("/en/cookies/")
    told = dict(re.findall(r'data-cookie="(\w+)">.*?<span class="soft">(.+?)</span>', page))
    assert set(told) == set(found)
    for name, morsel in found.items():
        if morsel["max-age"]:
            assert told[name] == f"{int(morsel['max-age']) // 86400} days."
        else:
            assert told[name] == "Until that page shows it."
    assert session


# --- security.txt -----------------------------------------------------------------------------------------------------


def fields(answer: Any) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in answer.content.decode().splitlines())


@pages
@pytest.mark.proves("security-txt")
def test_security_txt_says_where_to_report_a_weakness(settings: Any) -> None:
    settings.SECURITY_CONTACT = "https://summit.example.org/report"
    edition = make.current_edition()

    answer = Client().get("/.well-known/security.txt")

    told = fields(answer)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert told["Contact"] == "https://summit.example.org/report"
    assert told["Preferred-Languages"] == "fr, en"
    assert told["Canonical"] == f"{configuration.BASE_URL}/.well-known/security.txt"
    expires = datetime.strptime(told["Expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert 30 < (expires - clock.now()).days < 365
    Edition.objects.filter(pk=edition.pk).update(security_contact="securite@example.org")
    assert fields(Client().get("/.well-known/security.txt"))["Contact"] == "mailto:securite@example.org"
    assert "/.well-known/security.txt" in page_of("/legal/")


@pages
def test_without_a_contact_there_is_no_security_txt() -> None:
    assert Client().get("/.well-known/security.txt").status_code == 404
    make.current_edition()
    assert Client().get("/.well-known/security.txt").status_code == 404
    assert "security.txt" not in page_of("/legal/")
