"""Lists of an edition that is over are read, and change no more (docs/rules.md#edition-archived)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from accounts.models import User
from outbox.domain.mail_kinds import NoLongerTrue
from outbox.models import Message
from partners import mails
from partners.domain import applying, digests, files, following, responses, reviewing
from partners.models import Invitee, Upload
from programme.models import Edition
from registrations.models import Cohort, Membership
from tests import make
from tests.partners import portal
from tests.partners.portal import ADA, ALAN
from tests.registrations.pages import words

pytestmark = pytest.mark.django_db
pages = pytest.mark.runs_once("pages, whose queries other tests ask of both databases")
OVER = "“Lyon 2024” is over: you can still read its lists, but not change them."


@pytest.fixture
def lyon() -> Edition:
    make.current_edition()
    return make.edition(slug="lyon", name_fr="Lyon 2024", name_en="Lyon 2024", state=Edition.State.OPEN)


@pytest.fixture
def cohort(lyon: Edition) -> Cohort:
    institution = make.institution(name="Cnam", slug="cnam")
    return make.cohort(edition=lyon, institution=institution, slug="medas", name="Master", size=10)


@pytest.fixture
def camille(cohort: Cohort) -> User:
    return portal.role(cohort.institution)


def archive(lyon: Edition) -> None:
    lyon.state = Edition.State.ARCHIVED
    lyon.save()


def page(client: Client, name: str, *args: object, status: int = 200) -> str:
    with override("en"):
        response = client.get(reverse(f"partners:{name}", args=args))
    assert response.status_code == status
    return text(response)


def text(response: Any) -> str:
    return words(response.content.decode())


def hand_in(client: Client) -> Any:
    data = {"file": SimpleUploadedFile("liste.csv", portal.text(ADA)), "may_share": "on"}
    return client.post("/en/partners/cnam/medas/upload/", data)


@pytest.mark.proves("edition-archived")
@pytest.mark.parametrize("state", ["preparation", "open"])
def test_lists_are_prepared_before_and_while_an_edition_is_open(lyon: Edition, cohort: Cohort, state: str) -> None:
    lyon.state = state
    lyon.save()

    portal.invitee(cohort)

    assert Invitee.objects.count() == 1


ACTS: dict[str, Callable[[Invitee, User], Any]] = {
    "upload": lambda ada, who: reviewing.receive(
        ada.cohort, portal.text(ALAN), "liste.csv", actor=who, at=timezone.now()
    ),
    "apply": lambda ada, who: portal.apply(ada.cohort, ALAN),
    "add": lambda ada, who: following.add(ada.cohort, person(ALAN), actor=who, at=timezone.now()),
    "replace": lambda ada, who: following.replace(ada, person(ALAN), actor=who, at=timezone.now()),
    "change": lambda ada, who: following.change(ada, person(ALAN), actor=who, at=timezone.now()),
    "remind": lambda ada, who: following.remind(ada.cohort, at=timezone.now()),
    "resend": lambda ada, who: following.resend(ada, at=timezone.now()),
    "undo": lambda ada, who: applying.undo(Upload.objects.get(), actor=who, at=timezone.now()),
}


def person(row: Any) -> Any:
    return files.read(portal.text(row)).people[0]


@pytest.mark.proves("edition-archived")
@pytest.mark.parametrize("act", sorted(ACTS))
def test_nothing_on_a_list_of_an_archived_edition_changes(
    lyon: Edition, cohort: Cohort, camille: User, act: str
) -> None:
    ada = portal.invitee(cohort)
    archive(lyon)
    before = Invitee.history.count(), Message.objects.count(), Upload.objects.count()

    refusals = (files.ListRefused, ValidationError, following.CannotResend, applying.CannotUndo)
    with override("en"), pytest.raises(refusals) as caught:
        ACTS[act](ada, camille)

    with override("en"):
        error = caught.value
        assert (error.messages if isinstance(error, ValidationError) else [str(error)]) == [OVER]
    assert (Invitee.history.count(), Message.objects.count(), Upload.objects.count()) == before


def test_a_list_that_was_confirmed_when_its_edition_was_archived_is_not_applied(
    lyon: Edition, cohort: Cohort, camille: User
) -> None:
    upload = portal.upload(cohort, portal.text(ADA), camille)
    archive(lyon)

    with override("en"):
        looked_at = portal.confirm(upload, camille)

    assert (looked_at.status, looked_at.refused) == (
        Upload.Status.REVIEW, {"code": "archived", "said": {"edition": "Lyon 2024"}},
    )  # fmt: skip
    assert not Invitee.objects.exists()
    assert OVER in page(portal.signed_in(camille), "review", upload.uuid)


def test_somebody_may_still_be_taken_off_and_have_themselves_erased(
    lyon: Edition, cohort: Cohort, camille: User
) -> None:
    ada, alan = portal.invitee(cohort), portal.invitee(cohort, ALAN)
    archive(lyon)

    following.take_off(ada, actor=camille, at=timezone.now())
    answered = Client().post(f"/en/invitations/{alan.key}/", {"act": "erase"})

    assert answered.status_code == 200
    assert not Invitee.objects.exists()


# --- The portal -------------------------------------------------------------------------------------------------------


@pages
def test_the_page_says_that_it_is_over_and_offers_only_to_take_people_off(
    lyon: Edition, cohort: Cohort, camille: User
) -> None:
    ada, browser = portal.invitee(cohort), portal.signed_in(camille)
    assert OVER not in page(browser, "cohort", "cnam", "medas")
    archive(lyon)

    shown = page(browser, "cohort", "cnam", "medas")

    assert OVER in shown
    for offered in ("Upload a new list", "Add a person", "Remind", "Edit", "Replace", "Send again"):
        assert offered not in shown
    assert "Remove" in shown
    assert "Export (CSV)" in shown
    for address in ("/partners/cnam/medas/add/", f"/partners/people/{ada.uuid}/edit/"):
        assert browser.get(address).headers["Location"] == "/partners/cnam/medas/"
        assert (
            browser.post(address, {"email": "x@x.fr", "last_name": "X"}).headers["Location"] == "/partners/cnam/medas/"
        )
    assert browser.get(f"/partners/people/{ada.uuid}/replace/").headers["Location"] == "/partners/cnam/medas/"
    assert Invitee.objects.get().email == "ada@x.fr"


@pages
def test_a_list_that_is_handed_in_all_the_same_is_answered_with_a_sentence(
    lyon: Edition, cohort: Cohort, camille: User
) -> None:
    browser = portal.signed_in(camille)
    archive(lyon)

    response = hand_in(browser)
    reminded = browser.post("/en/partners/cnam/medas/remind/", follow=True)

    assert response.status_code == 422
    assert f'role="alert">{OVER}' in response.content.decode()
    assert text(reminded).count(OVER) == 2  # as the answer, and as the page says it
    assert not Upload.objects.exists()


@pages
def test_cohorts_stand_by_edition_and_past_ones_below(lyon: Edition, cohort: Cohort, camille: User) -> None:
    browser = portal.signed_in(camille)

    def headings() -> list[str]:
        with override("en"):
            html = browser.get(reverse("partners:institution", args=["cnam"])).content.decode()
        found = re.findall(r"<h([23])([^>]*)>(.*?)</h\1>", html, re.S)
        return [
            re.sub(r"<[^>]+>|\s+", " ", text).strip() + (" (hidden)" if "hidden" in attributes else "")
            for _level, attributes, text in found
        ]

    assert headings() == ["Lyon 2024 (hidden)", "Master"]
    make.cohort(institution=cohort.institution, name="Doctorat")
    Edition.objects.filter(slug="summit").update(starts_on="2030-02-04", ends_on="2030-02-10")
    assert headings() == ["AI Action Summit", "Doctorat", "Lyon 2024", "Master"]
    archive(lyon)
    assert headings() == ["AI Action Summit", "Doctorat", "Past editions", "Master"]
    assert "Lyon 2024 0 of 10 people" in page(browser, "institution", "cnam")


@pages
@pytest.mark.parametrize("number", [1, 4])
def test_the_page_takes_the_same_queries_whatever_the_editions(
    cohort: Cohort, camille: User, number: int, django_assert_num_queries: Any
) -> None:
    browser = portal.signed_in(camille)
    for n in range(number):
        state = Edition.State.ARCHIVED if n % 2 else Edition.State.OPEN
        make.cohort(institution=cohort.institution, edition=make.edition(state=state))

    with django_assert_num_queries(9):
        browser.get("/partners/cnam/")


def test_the_weekly_mail_leaves_them_out(lyon: Edition, cohort: Cohort) -> None:
    assert [line.cohort for line in digests.lines(cohort.institution, timezone.now())] == [cohort]
    archive(lyon)

    assert digests.lines(cohort.institution, timezone.now()) == []


# --- The invited ------------------------------------------------------------------------------------------------------


@pytest.mark.proves("edition-archived")
def test_whoever_is_invited_reads_that_it_is_over(client: Client, lyon: Edition, cohort: Cohort) -> None:
    ada = portal.invitee(cohort)
    address = f"/en/invitations/{ada.key}/"
    assert "will you be there?" in text(client.get(address))
    archive(lyon)

    shown = text(client.get(address))
    answers = [client.post(address, {"act": act}) for act in ("accept", "decline")]

    assert "Lyon 2024 is over" in shown
    assert "You don’t need to do anything: there are no seats left to take." in shown
    assert "Accept" not in shown
    assert [answer.headers["Location"] for answer in answers] == [address, address]
    ada.refresh_from_db()
    assert (ada.status, Membership.objects.count()) == ("invited", 0)
    assert "Lyon 2024 is over" in text(client.get(f"{address}?decline"))
    assert "Erase my data" in text(client.get(f"{address}?erase"))
    for act in (lambda: responses.decline(ada, at=timezone.now()), lambda: portal.accepted(ada)):
        with pytest.raises(responses.Over):
            act()


def test_an_invitation_that_waits_is_not_sent(lyon: Edition, cohort: Cohort) -> None:
    portal.invitee(cohort)
    message = Message.objects.get(kind=applying.INVITATION)
    mails.invitation(message)
    archive(lyon)

    with pytest.raises(NoLongerTrue, match="This edition is over"):
        mails.invitation(message)
