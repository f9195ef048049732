"""Mail templates: what organisers write is checked when saved, filled in one pass, and never keeps a mail from
leaving."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation

from outbox.domain import delivery, mail_templates
from outbox.domain.mail_templates import Texts
from outbox.models import MailTemplate, Message
from tests import make
from tests.crowd import all_at_once
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db
KIND = "registrations.confirmed"
PAGE = f"/en/admin/outbox/mailtemplate/{KIND}/fr/"
FRAME = f"{PAGE}frame/"
OURS = Texts("Bienvenue à {title}", "Chère {name},\nvous êtes attendue {when}.", "À bientôt.\nL’équipe")


def save(texts: Texts = OURS, language: str = "fr", **fields: Any) -> bool:
    kind = mail_templates.kinds[KIND]
    fields.setdefault("seen", mail_templates.version(kind, language))
    return mail_templates.save(kind, language, texts, actor=fields.pop("actor", None) or make.organiser(), **fields)


def typed(texts: Texts = OURS, **more: str) -> dict[str, str]:
    seen = mail_templates.version(mail_templates.kinds[KIND], "fr")
    return vars(texts) | {"seen": seen, "key": mail_templates.new_key()} | more


def the_mail() -> Any:
    """The confirmation that a new person gets."""
    mail.outbox.clear()
    make.registration(make.session(title_fr="Gouvernance", title_en="Governance"), make.attendee("Ada"))
    delivery.deliver_due()
    [message] = mail.outbox
    return message


@pytest.mark.proves("editable-mail-templates")
def test_mails_say_what_organisers_wrote_in_both_parts_and_in_that_language_alone() -> None:
    save()

    message = the_mail()

    assert message.subject == "Bienvenue à Gouvernance"
    assert "Chère Ada,\nvous êtes attendue " in message.body and "À bientôt.\n\nL’équipe" in message.body
    html = message.alternatives[0][0]
    assert "Chère Ada,<br>vous êtes attendue " in html and "L’équipe</p>" in html
    with translation.override("en"):
        assert mail_templates.texts_of(KIND) == mail_templates.standard(mail_templates.kinds[KIND])


@pytest.mark.proves("template-never-blocks-mail")
@pytest.mark.parametrize(
    "text",
    [
        "{name.__class__}",
        "{event.__init__.__globals__}",
        "{{7*7}}",
        "{0}",
        "{}",
        "{Name}",
        "{ name }",
        "alone {",
        "}",
        "{until}",
    ],
)
def test_what_is_no_placeholder_is_refused_when_saved(text: str) -> None:
    """Also a placeholder that this kind has no value for."""
    for texts in (Texts(text, "Bonjour"), Texts("Objet", f"Bonjour {text}"), Texts("Objet", "Bonjour", text)):
        with pytest.raises(ValidationError):
            save(texts)
    assert not MailTemplate.objects.exists()


@pytest.mark.parametrize("text", ["%s %(name)s %d", "100 %", "{% load x %}", "$name", "<b>{name}</b>"])
def test_other_signs_are_letters_like_any(text: str) -> None:
    if "{%" in text:
        with pytest.raises(ValidationError):
            save(Texts("Objet", text))
        return
    save(Texts("Objet", text))

    message = the_mail()

    assert text.replace("{name}", "Ada") in message.body
    assert "<b>Ada</b>" not in message.alternatives[0][0].partition("<h1")[2]


@pytest.mark.proves("template-never-blocks-mail")
def test_what_a_name_holds_is_never_read_as_a_placeholder() -> None:
    """One pass."""
    save(Texts("{name}", "{name} – {title}"))
    make.registration(make.session(title="{name} {{7*7}}"), make.attendee("{title} {0.__class__} %(name)s"))
    delivery.deliver_due()

    [message] = mail.outbox
    assert message.subject == "{title} {0.__class__} %(name)s"
    assert "{title} {0.__class__} %(name)s – {name} {{7*7}}" in message.body


@pytest.mark.proves("template-never-blocks-mail")
def test_a_template_that_fits_no_longer_never_keeps_a_mail_from_leaving() -> None:
    """The placeholder that it uses is gone with a release, or somebody wrote past the form: the standard text
    leaves."""
    MailTemplate.objects.create(kind=KIND, language="fr", subject="{gone}", opening="{gone.__class__}", closing="{")

    message = the_mail()

    assert words(message.subject) == "Votre place : Gouvernance"


@pytest.mark.proves("template-edits")
def test_the_standard_text_is_not_kept_and_going_back_to_it_leaves_its_trace() -> None:
    olympe = make.organiser()
    kind = mail_templates.kinds[KIND]
    with translation.override("fr"):
        usual = mail_templates.standard(kind)

    assert not save(usual) and not MailTemplate.objects.exists()
    assert save(actor=olympe) and not save(actor=olympe)
    assert save(usual, actor=olympe) and not MailTemplate.objects.exists()
    assert list(MailTemplate.history.order_by("history_id").values_list("history_type", "history_user")) == [
        ("+", olympe.pk),
        ("-", olympe.pk),
    ]


def test_of_two_organisers_the_second_sees_what_the_first_wrote() -> None:
    seen = mail_templates.version(mail_templates.kinds[KIND], "fr")
    save(seen=seen)

    with pytest.raises(mail_templates.Changed) as faster:
        save(Texts("Autre", "Autre"), seen=seen)

    assert faster.value.theirs == OURS


@pytest.mark.proves("template-edits")
@pytest.mark.django_db(transaction=True)
def test_two_at_once_write_one() -> None:
    olympe = make.organiser()
    kind = mail_templates.kinds[KIND]

    def write(number: int) -> bool:
        try:
            return mail_templates.save(kind, "fr", Texts(f"Objet {number}", "Bonjour"), seen="", actor=olympe)
        except mail_templates.Changed:
            return False

    assert sum(all_at_once([partial(write, number) for number in range(5)])) == 1
    assert MailTemplate.objects.count() == MailTemplate.history.count() == 1


# --- The pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def olympe(client: Client) -> Any:
    who = make.organiser()
    make.sign_in(client, who)
    return who


def test_the_list_names_every_kind_and_says_which_were_reworded(
    client: Client, olympe: Any, django_assert_num_queries: Any
) -> None:
    save()
    client.get("/en/admin/outbox/mailtemplate/")
    with django_assert_num_queries(3):  # who is signed in, the templates, the edition
        page = client.get("/en/admin/outbox/mailtemplate/").content.decode()

    assert all(str(kind.label) in page for kind in mail_templates.kinds.values())
    assert page.count("customised") == 1


def test_a_text_is_saved_shown_and_taken_back(client: Client, olympe: Any) -> None:
    make.session()
    assert "{title}" in client.get(PAGE).content.decode()

    assert client.post(PAGE, typed()).status_code == 302
    page = client.get(PAGE).content.decode()
    assert "Bienvenue à {title}" in page and "Back to the standard text" in page
    assert "Bienvenue à" in client.get(f"{FRAME}?part=text").content.decode()

    assert client.post(PAGE, typed(standard="1")).status_code == 302
    assert not MailTemplate.objects.exists()
    assert MailTemplate.history.first().history_user == olympe


@pytest.mark.proves("template-never-blocks-mail")
def test_a_wrong_text_is_refused_beside_its_box_and_nothing_is_saved(client: Client, olympe: Any) -> None:
    answer = client.post(PAGE, typed(Texts("{titel}", "", "{")))

    assert answer.status_code == 422
    page = answer.content.decode()
    assert (
        "“{titel}” is not a placeholder you can use here" in page
        and "This field is required." in page
        and "There’s a stray brace" in page
    )
    assert not MailTemplate.objects.exists()


@pytest.mark.proves("template-edits")
def test_a_second_organiser_gets_409_with_the_other_text_and_may_then_save(client: Client, olympe: Any) -> None:
    mine = typed(Texts("Le mien", "Bonjour"))
    save()

    answer = client.post(PAGE, mine)

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Bienvenue à {title}" in page and "Le mien" in page
    assert client.post(PAGE, typed(Texts("Le mien", "Bonjour"))).status_code == 302
    assert MailTemplate.objects.get().subject == "Le mien"


@pytest.mark.proves("editable-mail-templates")
def test_what_is_typed_is_previewed_without_being_saved(client: Client, olympe: Any) -> None:
    make.session(title="Gouvernance")

    html = client.post(FRAME, typed(html="1"))
    text = client.post(FRAME, typed(text="1")).content.decode()

    assert "Chère Olympe Organisatrice,<br>" in html.content.decode()
    assert "style-src 'sha256-" in html["Content-Security-Policy"] and "unsafe" not in html["Content-Security-Policy"]
    assert html["X-Frame-Options"] == "SAMEORIGIN"
    assert "Bienvenue à Gouvernance" in text and '<pre dir="auto">Chère Olympe Organisatrice,' in text
    assert client.post(FRAME, typed(Texts("{x}", "Bonjour"))).status_code == 422
    assert not MailTemplate.objects.exists()


def test_with_no_session_at_all_the_page_says_so(client: Client, olympe: Any) -> None:
    assert "There’s nothing to write this kind of email about yet" in client.get(FRAME).content.decode()
    assert (
        "There’s nothing to write this kind of email about yet"
        in client.post(PAGE, typed(test="1"), follow=True).content.decode()
    )
    assert not Message.objects.exists()


@pytest.mark.proves("editable-mail-templates")
def test_a_test_goes_to_the_organiser_alone_once_and_without_an_entry(client: Client, olympe: Any) -> None:
    registration = make.registration(make.session(title="Gouvernance"), make.attendee("Ada"))
    Message.objects.all().delete()
    asked = typed(test="1")

    client.post(PAGE, asked)
    client.post(PAGE, asked)  # a double click
    delivery.deliver_due()

    [message] = mail.outbox
    assert message.to == [olympe.email] and registration.attendee.user.email not in message.recipients()
    assert (
        message.subject == "[Essai] Bienvenue à Gouvernance"
        and "Chère Ada," in message.body
        and not message.attachments
    )
    assert not MailTemplate.objects.exists()


def test_only_whoever_may_change_mail_templates_does_and_an_unknown_kind_is_404(client: Client) -> None:
    who = make.user(is_staff=True)
    make.sign_in(client, who)
    assert {client.get(path).status_code for path in ("/en/admin/outbox/mailtemplate/", PAGE, FRAME)} == {403}
    who.user_permissions.add(Permission.objects.get(codename="view_mailtemplate"))
    assert {client.get(path).status_code for path in ("/en/admin/outbox/mailtemplate/", PAGE, FRAME)} == {200}
    assert client.post(PAGE, typed()).status_code == 403
    who.user_permissions.add(Permission.objects.get(codename="change_mailtemplate"))
    assert client.post(PAGE, typed()).status_code == 302
    for path in ("unknown/fr/", f"{KIND}/de/", f"{KIND}/de/frame/"):
        assert client.get(f"/en/admin/outbox/mailtemplate/{path}").status_code == 404
