"""The portal shows an institution its own lists, and nothing else to anybody else (docs/rules.md#partners)."""

import csv
import io
import re
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.sheets import confined
from notices.domain import mail_preferences
from notices.models import Topic
from outbox.domain import mail_kinds
from outbox.models import Message, SuppressedAddress
from partners import urls
from partners.domain import columns, following, leaving, responses, roles, sentences
from partners.models import Invitee, PartnerRole, Upload
from registrations.models import Cohort, Registration, SeatPool
from tests import make
from tests.crowd import all_at_once
from tests.partners import portal
from tests.partners.portal import ADA, ALAN, EMMY

pytestmark = pytest.mark.django_db

REFUSED = {403, 404}


@pytest.fixture
def cohort() -> Cohort:
    return make.cohort(
        size=10, institution=make.institution(name="Cnam", slug="cnam"), slug="medas", name="Master MéDAS"
    )


@pytest.fixture
def camille(cohort):
    return portal.role(cohort.institution)


@pytest.fixture
def browser(camille) -> Client:
    return portal.signed_in(camille)


def at(name: str, *args: object) -> str:
    return reverse(f"partners:{name}", args=args)


def hand_in(browser: Client, data: bytes, **more: object):
    file = SimpleUploadedFile("liste.csv", data)
    return browser.post(at("upload", "cnam", "medas"), {"file": file, "may_share": "on", **more})


class TestTheStory:
    def test_a_list_is_handed_in_corrected_and_applied(self, browser, cohort):
        assert "Remettre votre liste" in browser.get(at("cohort", "cnam", "medas")).content.decode()

        response = hand_in(browser, portal.text(ADA, ["Turing", "Alan", "alan(at)x.fr", "21002"]))
        page = response.url
        assert "Lecture de la liste" in browser.get(page).content.decode()
        upload = portal.work(Upload.objects.get())

        said = browser.get(page).content.decode()
        assert "alan@x.fr" in said and "Il manque le" in said
        browser.post(at("correct", upload.uuid), {"line": 3, "email": "alan@x.fr"})
        assert "Inviter 2" in browser.get(page).content.decode()
        browser.post(at("confirm", upload.uuid), {"new": 2, "changed": 0, "removed": 0})
        assert "Application de la liste" in browser.get(page).content.decode()
        portal.work(upload)

        assert "2 nouvelles" in browser.get(page).content.decode()
        said = browser.get(at("cohort", "cnam", "medas")).content.decode()
        assert "Ada Lovelace" in said and "2 sur 10" in said

    def test_rows_are_pasted(self, browser):
        browser.post(at("upload", "cnam", "medas"), {"text": portal.text(ADA).decode(), "may_share": "on"})
        upload = portal.work(Upload.objects.get())
        assert upload.counts["new"] == 1
        assert "lignes collées" in browser.get(at("review", upload.uuid)).content.decode()
        assert "pasted rows" in browser.get("/en" + at("review", upload.uuid)).content.decode()

    @pytest.mark.parametrize("missing", ["file", "may_share"])
    def test_what_is_missing_is_said_beside_it(self, browser, missing):
        said = {"file": SimpleUploadedFile("liste.csv", portal.text(ADA)), "may_share": "on"}
        del said[missing]
        response = browser.post(at("upload", "cnam", "medas"), said)
        assert (response.status_code, Upload.objects.count()) == (422, 0)
        assert "à corriger" in response.content.decode()

    @pytest.mark.proves("upload-limits")
    @pytest.mark.parametrize("more", [1, 1024 * 1024])
    def test_a_file_that_is_too_large_is_cut_while_it_comes(self, browser, more):
        response = hand_in(browser, b"x" * (10 * 1024 * 1024 + more))
        assert (response.status_code, Upload.objects.count()) == (413, 0)
        assert "10" in response.content.decode()

    def test_a_form_without_its_token_is_refused(self, camille, cohort):
        strict = Client(enforce_csrf_checks=True)
        make.sign_in(strict, camille)
        assert hand_in(strict, portal.text(ADA)).status_code == 403
        assert not Upload.objects.exists()

    def test_the_name_of_a_file_is_never_a_path_and_is_shown_escaped(self, browser, cohort):
        file = SimpleUploadedFile("x", portal.text(ADA))
        file.name = "../../<b>\u202egnp.csv"
        browser.post(at("upload", "cnam", "medas"), {"file": file, "may_share": "on"})
        upload = portal.work(Upload.objects.get())
        assert "/" not in upload.file_name and "\u202e" not in upload.file_name
        assert "<b>" not in browser.get(at("review", upload.uuid)).content.decode().split("<main", 1)[1].split(
            'class="persons"'
        )[0].replace("<b class", "")

    def test_the_rows_to_fix_are_a_file_that_comes_back_corrected(self, browser, camille, cohort):
        upload = portal.upload(cohort, portal.text(ADA, ["=1+1", "Alan", "", "21002"]), camille)
        response = browser.get(at("rows_to_fix", upload.uuid))
        rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig")), delimiter=";"))
        assert rows[1][:4] == ["'=1+1", "Alan", "", "21002"]
        assert "adresse" in rows[1][4]

    def test_a_page_that_is_out_of_date_is_told_so(self, browser, camille, cohort):
        upload = portal.upload(cohort, portal.text(ADA), camille)
        response = browser.post(at("confirm", upload.uuid), {"new": 5, "changed": 0, "removed": 0}, follow=True)
        assert "changé entre-temps" in response.content.decode()
        assert Upload.objects.get().status == "review"

    def test_a_list_is_taken_back(self, browser, camille, cohort):
        upload = portal.apply(cohort, ADA)
        assert "Annuler" in browser.get(at("undo", upload.uuid)).content.decode()
        assert Invitee.objects.count() == 1
        browser.post(at("undo", upload.uuid))
        assert Invitee.objects.count() == 0

    @pytest.mark.parametrize("number", [1, 3])
    def test_the_pages_take_the_same_queries_whatever_the_people(
        self, browser, cohort, number, django_assert_num_queries
    ):
        portal.apply(cohort, *[ADA, ALAN, EMMY][:number])
        portal.session_for(cohort, seats=3)
        browser.get(at("cohort", "cnam", "medas"))
        with django_assert_num_queries(16):
            browser.get(at("cohort", "cnam", "medas"))


class TestTheReview:
    """What somebody can do on the page where a list is checked, and where it takes them next."""

    BAD = ["Turing", "Alan", "alan(at)x.fr", "21002"]

    def focused(self, response) -> list[str]:
        return re.findall(r'id="([^"]+)"[^>]* autofocus', response.content.decode())

    def test_a_row_that_only_asks_for_a_look_can_be_written_anew_too(self, browser, camille, cohort):
        upload = portal.upload(cohort, portal.text(ADA, ["Lovelace", "Ada", "ada.2@x.fr", "21002"]), camille)
        page = at("review", upload.uuid)
        said = browser.get(page).content.decode()
        assert "À vérifier · 1" in said
        assert 'id="line-2"' not in browser.get(page, {"show": "doubtful"}).content.decode()

        response = browser.get(page, {"show": "doubtful", "edit": "3"})
        assert self.focused(response) == ["cell-3-last_name"]
        assert 'name="reference"' in response.content.decode()
        response = browser.post(
            at("correct", upload.uuid) + "?show=doubtful", {"line": 3, "last_name": "Byron", "email": "ann@x.fr"}
        )

        assert response.url == f"{page}?show=doubtful"
        assert [one["last_name"] for one in upload.rows.values_list("person", flat=True) if one] == [
            "Lovelace",
            "Byron",
        ]
        assert "À vérifier" not in browser.get(page).content.decode()

    @pytest.mark.proves("list-review")
    def test_after_a_cell_the_next_one_to_fix_has_the_focus_and_at_last_the_row(self, browser, camille, cohort):
        upload = portal.upload(
            cohort, portal.text(self.BAD, ADA, ["Noether", "Emmy", "emmy(at)x.fr", "21003"]), camille
        )
        assert self.focused(browser.get(at("review", upload.uuid))) == []
        htmx = {"HX-Request": "true"}

        response = browser.post(at("correct", upload.uuid), {"line": 2, "email": "alan@x.fr"}, headers=htmx)
        assert self.focused(response) == ["cell-4-email"]
        response = browser.post(at("correct", upload.uuid), {"line": 4, "email": "emmy@x.fr"}, headers=htmx)
        assert self.focused(response) == ["edit-link-4"]

    def test_names_change_places_and_another_of_two_rows_is_kept(self, browser, camille, cohort):
        straight = [[f"Nom{n}", "Ada", f"ada.nom{n}@x.fr", n] for n in "abcde"]
        turned, twin = ["Zoé", "Zed", "zoe.zed@x.fr", "z"], ["Noma", "Ada", "other@x.fr", "a"]
        upload = portal.upload(cohort, portal.text(*straight, turned, twin), camille)
        said = browser.get(at("review", upload.uuid)).content.decode()
        swap = re.search(r"<form(?:(?!</form>).)*>Les échanger<", said, re.DOTALL)
        assert swap
        fields = dict(re.findall(r'name="(line|last_name|first_name)" value="([^"]*)"', swap[0]))

        browser.post(at("correct", upload.uuid), fields)
        assert "Garder celle-ci" in said
        browser.post(at("keep", upload.uuid), {"line": 8})

        assert upload.rows.get(line=7).person["last_name"] == "Zed"
        assert [upload.rows.get(line=n).verdict for n in (2, 8)] == ["skipped", "new"]

    def test_nothing_is_asked_about_people_of_the_list_when_all_are_in_the_file(self, browser, camille, cohort):
        portal.apply(cohort, ADA)
        upload = portal.upload(cohort, portal.text(ADA, ALAN), camille)
        assert 'name="mode"' not in browser.get(at("review", upload.uuid)).content.decode()

        upload = portal.upload(cohort, portal.text(ALAN), camille)
        said = browser.get(at("review", upload.uuid)).content.decode()
        assert "1 personne de la liste ne figure pas" in said and "Ada Lovelace" not in said
        browser.post(at("mode", upload.uuid), {"mode": "replace"})
        said = browser.get(at("review", upload.uuid)).content.decode()
        assert "Ada Lovelace" in said and "Aucune place ne sera libérée" in said

    @pytest.mark.parametrize("number", [1, 3])
    def test_the_page_takes_the_same_queries_whatever_the_rows(
        self, browser, camille, cohort, number, django_assert_num_queries
    ):
        portal.apply(cohort, EMMY)
        upload = portal.upload(cohort, portal.text(*[self.BAD, ADA, [*ADA]][:number]), camille, replace=True)
        browser.get(at("review", upload.uuid))
        with django_assert_num_queries(14):
            browser.get(at("review", upload.uuid))

    def test_who_loses_a_seat_stands_first_and_an_heir_who_is_erased_is_not_named(self, browser, camille, cohort):
        rows = [[f"Nom{n:02}", "Ada", f"ada{n}@x.fr", f"{n}"] for n in range(55)]
        Cohort.objects.update(size=100)
        portal.apply(cohort, *rows, ALAN)
        session = portal.session_for(cohort)
        upload = portal.upload(cohort, portal.text(ALAN, EMMY), camille, replace=True)
        page = at("review", upload.uuid)
        assert "Aucune place ne sera libérée" in browser.get(page).content.decode()

        portal.seat(session, portal.accepted(portal.invitee(cohort, rows[-1])))
        portal.seat(session, portal.accepted(portal.invitee(cohort, ALAN)))
        said = browser.get(page).content.decode()
        shown = re.findall(r"Ada Nom(\d+)</bdi> <span", said)
        assert (shown[0], len(shown)) == ("54", 50)
        assert "dans votre liste\u00a0: Alan Turing" in said

        responses.erase(portal.invitee(cohort, ALAN), at=timezone.now())
        assert "dans votre liste" not in browser.get(page).content.decode()

    @pytest.mark.parametrize("number", [1, 3])
    def test_what_follows_takes_the_same_queries_whatever_the_sessions(
        self, browser, camille, cohort, number, django_assert_num_queries
    ):
        ada = portal.accepted(portal.invitee(cohort, ADA))
        for hour in range(number):
            portal.seat(portal.session_for(cohort, starts_at=timezone.now() + timedelta(days=1 + hour)), ada)
        upload = portal.upload(cohort, portal.text(EMMY), camille, replace=True)
        browser.get(at("review", upload.uuid))
        with django_assert_num_queries(17):
            browser.get(at("review", upload.uuid))
        assert sentences.freed(leaving.freed_by(cohort, upload.removed, timezone.now()))[0] == f"{number}"

    def test_who_leaves_an_open_row_is_back_at_it_and_a_page_that_is_out_of_date_is_drawn_anew(
        self, browser, camille, cohort
    ):
        upload = portal.upload(cohort, portal.text(ADA, ALAN, ["Noether", "Emmy", "", "21003"]), camille)
        htmx = {"HX-Request": "true"}
        page = at("review", upload.uuid)
        opened = browser.get(page, {"edit": "3"}, headers=htmx).content.decode()
        assert "Ignorer" not in opened and "left=3" in opened
        assert self.focused(browser.get(page, {"left": "3"}, headers=htmx)) == ["edit-link-3"]
        for odd in ("x", "9" * 30, "-1", ""):
            assert browser.get(page, {"left": odd, "edit": odd}, headers=htmx).status_code == 200

        portal.confirm(upload, camille)

        response = browser.get(page, {"edit": "3"}, headers=htmx)
        assert (response.headers.get("HX-Refresh"), response.content) == ("true", b"")

    def test_when_the_row_has_gone_to_another_page_the_table_has_the_focus(self, browser, camille, cohort):
        rows = [[f"Nom{n:02}", "Ada", f"ada{n}@x.fr", f"{n}"] for n in range(55)]
        Cohort.objects.update(size=100)
        upload = portal.upload(cohort, portal.text(*rows, [*self.BAD[:3], "last"]), camille)
        response = browser.post(
            at("correct", upload.uuid), {"line": 57, "email": "alan@x.fr"}, headers={"HX-Request": "true"}
        )
        assert self.focused(response) == []
        assert re.search(r'class="scroll" tabindex="0"[^>]* autofocus', response.content.decode())

    @pytest.mark.proves("list-agreement")
    @pytest.mark.parametrize(
        ("data", "said", "unsaid"),
        [
            ("Nom;Prénom\nLovelace;Ada\n", "Aucune colonne ne semble contenir", "figures"),
            ("Patronyme;Petit nom;Joindre à\nLovelace;Ada;ada@x.fr\n", "quelle colonne est laquelle", "Inviter"),
            ("Nom;Prénom;Courriel\nLovelace;Ada;ada@x.fr\nTuring;Alan;x\n", "1 ligne reste à corriger", "Abandonner"),
        ],
    )
    def test_what_keeps_a_list_from_being_applied_is_said_where_it_would_be(
        self, browser, camille, cohort, data, said, unsaid
    ):
        portal.apply(cohort, ["Lovelace", "Ada", "ada@x.fr", ""])
        page = browser.get(at("review", portal.upload(cohort, data.encode(), camille).uuid)).content.decode()
        bar = page[page.index('<div class="decide">') :]
        assert said in bar and ("Rien de nouveau" in bar) == ("Turing" in data)
        assert unsaid not in (page if unsaid == "figures" else bar)

    @pytest.mark.proves("list-undo")
    def test_a_list_that_somebody_has_answered_says_why_it_cannot_be_undone(self, browser, cohort):
        upload = portal.apply(cohort, ADA)
        assert "Annuler cette liste" in browser.get(at("cohort", "cnam", "medas")).content.decode()
        responses.decline(Invitee.objects.get(), at=timezone.now())
        assert "Annuler cette liste" not in browser.get(at("cohort", "cnam", "medas")).content.decode()
        said = browser.get(at("undo", upload.uuid)).content.decode()
        assert "ne peut plus être annulée" in said and "ont répondu" in said
        assert 'button type="submit" class="button bad"' not in said

    def test_a_list_that_is_undone_already_says_so(self, browser, camille, cohort):
        upload = portal.apply(cohort, ADA)
        browser.post(at("undo", upload.uuid))
        assert "Cette liste a été annulée" in browser.get(at("undo", upload.uuid), follow=True).content.decode()


class TestFollowing:
    @pytest.fixture
    def session(self, cohort):
        session = portal.session_for(cohort)
        portal.seat(session, portal.accepted(portal.invitee(cohort, ADA)))
        portal.seat(session, portal.accepted(portal.invitee(cohort, ALAN)))
        portal.invitee(cohort, EMMY)
        return session

    @pytest.mark.proves("partner-progress")
    def test_who_is_how_far(self, session, cohort):
        found = following.standing(cohort, timezone.now())
        assert (found.listed, found.seated, found.waiting, found.invited, found.declined) == (3, 1, 1, 1, 0)
        over = session.ends_at + timedelta(minutes=1)
        found = following.standing(cohort, over)
        assert (found.seated, found.attended, found.waiting) == (0, 1, 0)

    @pytest.mark.parametrize(
        ("state", "names"),
        [("seated", ["Ada"]), ("waiting", ["Alan"]), ("invited", ["Emmy"]), ("x", ["Ada", "Alan", "Emmy"])],
    )
    def test_the_list_is_filtered_and_searched(self, browser, session, state, names):
        said = browser.get(at("cohort", "cnam", "medas"), {"state": state}).content.decode()
        assert sorted(re.findall(r'class="name" dir="auto">(\w+)', said)) == names
        said = browser.get(at("cohort", "cnam", "medas"), {"q": "love ada@"}).content.decode()
        assert re.findall(r'class="name" dir="auto">(\w+)', said) == ["Ada"]

    @pytest.mark.proves("partner-progress")
    def test_a_partner_does_not_learn_who_goes_to_what(self, browser, session, cohort):
        said = browser.get(at("export", "cnam", "medas")).content.decode("utf-8-sig")
        assert session.title not in said
        assert "Avec une place" in said and "Ada" in said

    @pytest.mark.proves("partner-progress")
    def test_the_export_runs_no_formula(self, browser, cohort):
        portal.apply(cohort, ["=HYPERLINK(1)", "Ada", "ada@x.fr", "21001"])
        assert "'=HYPERLINK" in browser.get(at("export", "cnam", "medas")).content.decode("utf-8-sig")

    @pytest.mark.proves("partner-people")
    def test_who_declined_is_replaced_in_one_step(self, browser, session, cohort):
        ada = Invitee.objects.get(first_name="Ada")
        said = browser.get(at("replace", ada.uuid)).content.decode()
        assert "1 place sera libérée" in said and "dans votre liste\u00a0: Alan Turing" in said
        response = browser.post(
            at("replace", ada.uuid), {"first_name": "Sophie", "last_name": "Germain", "email": "sophie(at)x.fr"}
        )
        assert response.status_code == 422

        browser.post(at("replace", ada.uuid), {"first_name": "Sophie", "last_name": "Germain", "email": "sophie@x.fr"})

        assert sorted(Invitee.objects.values_list("first_name", flat=True)) == ["Alan", "Emmy", "Sophie"]
        assert [str(one.attendee) for one in Registration.objects.confirmed()] == ["Alan Turing"]
        assert Message.objects.filter(kind="partners.invitation", to="sophie@x.fr").count() == 1

    @pytest.mark.proves("partner-people")
    def test_who_declined_and_was_replaced_is_not_asked_again_by_the_next_list_but_by_hand(
        self, browser, session, camille, cohort
    ):
        responses.decline(Invitee.objects.get(first_name="Emmy"), at=timezone.now())
        emmy = Invitee.objects.get(first_name="Emmy")
        browser.post(at("replace", emmy.uuid), {"first_name": "Sophie", "last_name": "Germain", "email": "sophie@x.fr"})

        upload = portal.upload(cohort, portal.text(ADA, ALAN, EMMY), camille)
        assert (
            upload.counts["new"],
            upload.counts["elsewhere"],
            following.standing(cohort, timezone.now()).declined,
        ) == (0, 1, 1)

        browser.post(at("add", "cnam", "medas"), {"first_name": "Emmy", "last_name": "Noether", "email": "emmy@x.fr"})
        assert Invitee.objects.get(first_name="Emmy").status == "invited"
        assert following.standing(cohort, timezone.now()).declined == 0

    def test_nobody_is_replaced_by_somebody_who_is_listed(self, browser, session):
        ada = Invitee.objects.get(first_name="Ada")
        response = browser.post(at("replace", ada.uuid), {"first_name": "A", "last_name": "T", "email": "alan@x.fr"})
        assert (response.status_code, Invitee.objects.filter(first_name="Ada").exists()) == (422, True)
        assert Registration.objects.confirmed().get().attendee.name == "Ada Lovelace"

    @pytest.mark.proves("partner-people")
    def test_somebody_is_taken_off_after_a_question(self, browser, session):
        ada = Invitee.objects.get(first_name="Ada")
        assert "Alan Turing" in browser.get(at("remove", ada.uuid)).content.decode()
        assert Invitee.objects.count() == 3
        browser.post(at("remove", ada.uuid))
        assert [str(one.attendee) for one in Registration.objects.confirmed()] == ["Alan Turing"]

    def test_one_person_is_added_without_a_file(self, browser, cohort):
        browser.post(
            at("add", "cnam", "medas"), {"first_name": "Sophie", "last_name": "Germain", "email": "sophie@x.fr"}
        )
        assert str(Invitee.objects.get()) == "Sophie Germain"

    @pytest.mark.proves("partner-people")
    def test_the_silent_are_reminded_at_most_every_three_days(self, browser, cohort, session):
        browser.post(at("remind", "cnam", "medas"))
        assert not Message.objects.filter(kind="partners.reminder").exists()
        Message.objects.update(status="sent", sent_at=timezone.now() - timedelta(days=4))

        browser.post(at("remind", "cnam", "medas"))
        browser.post(at("remind", "cnam", "medas"))

        assert [one.to for one in Message.objects.filter(kind="partners.reminder")] == ["emmy@x.fr"]
        assert "Dernier rappel" in browser.get(at("cohort", "cnam", "medas")).content.decode()
        assert "attend votre réponse" in mail_kinds.write(Message.objects.get(kind="partners.reminder")).subject


class TestTheTeam:
    @pytest.fixture
    def olga(self, cohort):
        return portal.role(cohort.institution, "owner", make.attendee("Olga", email="olga@x.fr").user)

    def test_an_owner_brings_somebody_in_who_gets_a_mail_and_comes_in_by_a_code(self, olga, cohort):
        browser = portal.signed_in(olga)
        browser.post(at("team", "cnam"), {"invite": "1", "email": "Neu@X.fr", "role": "coordinator"})
        browser.post(at("team", "cnam"), {"invite": "1", "email": "neu@x.fr", "role": "owner"})

        made = PartnerRole.objects.get(user__email="neu@x.fr")
        assert (made.role, made.history.get().history_user) == ("coordinator", olga)
        letter = mail_kinds.write(Message.objects.get(kind="partners.team"))
        assert "Cnam" in letter.subject and "/partners/cnam/" in letter.text
        assert portal.signed_in(made.user).get(at("cohort", "cnam", "medas")).status_code == 200

    @pytest.mark.proves("partner-roles")
    def test_one_owner_stays(self, olga, cohort):
        browser = portal.signed_in(olga)
        mine = PartnerRole.objects.get(user=olga)
        for role in ("", "viewer"):
            said = browser.post(at("team", "cnam"), {"member": mine.pk, "role": role}, follow=True).content.decode()
            assert "garde au moins un responsable" in said
        assert PartnerRole.objects.get(pk=mine.pk).role == "owner"

    @pytest.mark.proves("partner-roles")
    def test_nobody_raises_their_own_role(self, camille, browser, olga):
        mine = PartnerRole.objects.get(user=camille)
        assert browser.post(at("team", "cnam"), {"member": mine.pk, "role": "owner"}).status_code == 403
        assert PartnerRole.objects.get(pk=mine.pk).role == "coordinator"

    def test_roles_of_others_are_out_of_reach(self, olga, cohort):
        other = PartnerRole.objects.get(user=portal.role(make.institution()))
        browser = portal.signed_in(olga)
        for number in (other.pk, 0, "x", "9" * 30):
            assert browser.post(at("team", "cnam"), {"member": number, "role": ""}).status_code == 404
        assert PartnerRole.objects.filter(pk=other.pk).exists()

    @pytest.mark.proves("partner-roles")
    @pytest.mark.django_db(transaction=True)
    def test_of_two_owners_who_let_each_other_go_at_once_one_stays(self):
        institution = make.institution()
        owners = [portal.role(institution, "owner", make.user()) for _ in range(2)]
        of = {one.user_id: one for one in PartnerRole.objects.all()}

        acts = [partial(roles.change, of[owners[1 - n].pk], "", actor=owners[n]) for n in range(2)]
        all_at_once(acts, threads=2)

        assert PartnerRole.objects.filter(role="owner").count() == 1

    @pytest.mark.proves("partner-roles")
    def test_a_role_that_is_taken_away_closes_every_door_at_once(self, browser, camille, cohort):
        upload = portal.upload(cohort, portal.text(ADA), camille)
        PartnerRole.objects.update(role="viewer")
        assert browser.get(at("cohort", "cnam", "medas")).status_code == 200
        assert browser.post(at("confirm", upload.uuid), {"new": 1, "changed": 0, "removed": 0}).status_code == 403

        PartnerRole.objects.all()._raw_delete("default")  # whatever takes it away: no receiver ends the web session
        assert browser.get(at("export", "cnam", "medas")).status_code == 404
        assert browser.post(at("confirm", upload.uuid), {"new": 1, "changed": 0, "removed": 0}).status_code == 404
        assert Upload.objects.get().status == "review"


class TestWhoReachesWhat:
    """Every address of the portal, asked by everyone about what is theirs and what is another's."""

    # What each address is asked with, about one institution: filled by `addresses`.
    POSTS = {
        "correct": {"line": "2", "email": "evil@x.fr"},
        "skip": {"line": "2"},
        "keep": {"line": "2"},
        "columns": {"email": "2"},
        "accept": {"what": "formulas"},
        "same": {"line": "2"},
        "correct_as_before": {},
        "read_as": {"encoding": "utf-8"},
        "mode": {"mode": "replace"},
        "confirm": {"new": "1", "changed": "0", "removed": "0"},
        "discard": {},
        "undo": {},
        "replace": {"first_name": "E", "last_name": "V", "email": "evil@x.fr"},
        "remove": {},
        "upload": {"text": "Nom;Courriel\nEvil;evil@x.fr", "may_share": "on"},
        "add": {"first_name": "E", "last_name": "V", "email": "evil@x.fr"},
        "remind": {},
        "edit": {"first_name": "E", "last_name": "V", "email": "evil@x.fr"},
        "resend": {},
        "team": {"invite": "1", "email": "evil@x.fr", "role": "owner"},
    }
    FOR_ALL = {"home", "help", "model_csv", "model_xlsx", "answer"}
    VIEWED = {"institution", "team", "cohort", "export"}
    OWNED = {"team"}

    def world(self, name: str) -> dict[str, object]:
        """An institution with the same people and numbers as any other, each named after it in what is shown."""
        cohort = make.cohort(institution=make.institution(name=f"Institut {name}"), name=f"Cohorte {name}")
        roles_ = {
            role: portal.role(cohort.institution, role, make.attendee(f"{role} {name}").user)
            for role in PartnerRole.Role.values
        }
        portal.apply(cohort, [f"Nom{name}", "Ada", "ada@x.fr", "1001"])
        upload = portal.upload(
            cohort, portal.text([f"Nom{name}", "Alan", "alan@x.fr", "1002"]), roles_["owner"], name=f"{name}.csv"
        )
        return {"cohort": cohort, "upload": upload, "invitee": Invitee.objects.get(cohort=cohort), **roles_}

    def addresses(self, world: dict) -> dict[str, str]:
        cohort = world["cohort"]
        of = {
            "uuid": world["upload"].uuid,
            "slug": cohort.institution.slug,
            "cohort_slug": cohort.slug,
            "key": world["invitee"].key,
        }
        found = {}
        for pattern in urls.urlpatterns:
            values = {name: of[name] for name in pattern.pattern.converters}
            if pattern.name in ("replace", "remove", "edit", "resend"):
                values["uuid"] = world["invitee"].uuid
            found[pattern.name] = reverse(f"partners:{pattern.name}", kwargs=values)
        return found

    def test_no_institution_or_cohort_takes_the_address_of_another_page(self):
        cohort = make.cohort(slug="team", institution=make.institution(slug="help"))
        for one in (cohort, cohort.institution):
            with pytest.raises(ValidationError, match="slug"):
                one.full_clean()

    @pytest.mark.proves("partner-isolation")
    def test_every_address_is_known_here(self):
        names = {pattern.name for pattern in urls.urlpatterns}
        private = names - self.FOR_ALL
        assert private == {*self.POSTS, *self.VIEWED, "institution", "review", "progress", "rows_to_fix"}

    @pytest.mark.proves("partner-isolation")
    @pytest.mark.runs_once("who reaches what is decided in Python")
    def test_nobody_reaches_what_is_not_theirs(self, client):
        own, other = self.world("Alpha"), self.world("Beta")
        stranger = make.attendee("Sans Rôle").user
        staff = make.user(is_staff=True)
        state = self.state(other)
        for who in (stranger, staff, own["owner"], own["coordinator"], own["viewer"]):
            browser = portal.signed_in(who)
            for prefix in ("", "/en"):
                for name, address in self.addresses(other).items():
                    if name in self.FOR_ALL:
                        continue
                    for ask in (browser.get, browser.head, partial(browser.get, headers={"HX-Request": "true"})):
                        response = ask(prefix + address)
                        assert response.status_code in ({405} if name in self.POSTS else set()) | {404}, (
                            who,
                            name,
                            response.status_code,
                        )
                        assert "Beta" not in response.content.decode()
                    response = browser.post(prefix + address, self.POSTS.get(name, {}))
                    assert response.status_code in {404, 405}, (who, name, response.status_code)
            assert "Beta" not in browser.get("/partners/", follow=True).content.decode()
        for name, address in self.addresses(other).items():
            if name not in self.FOR_ALL:
                response = client.get(address)
                assert response.status_code in {302, 405}, name
                assert "Beta" not in response.content.decode()
                assert client.post(address, self.POSTS.get(name, {})).status_code in {302, 405}, name
        assert self.state(other) == state

    @pytest.mark.proves("partner-isolation")
    def test_a_missing_thing_is_answered_like_anothers(self):
        own, other = self.world("Alpha"), self.world("Beta")
        browser = portal.signed_in(own["owner"])
        there = self.addresses(other)
        for name, missing in [
            ("cohort", "/partners/no/such/"),
            (
                "review",
                at("review", make.cohort().institution.history.model and "0" * 8 + "-0000-4000-8000-" + "0" * 12),
            ),
        ]:
            a, b = browser.get(there[name]), browser.get(missing)
            assert (a.status_code, a.content.decode().replace(there[name], "")) == (
                b.status_code,
                b.content.decode().replace(missing, ""),
            )

    @pytest.mark.proves("partner-isolation")
    def test_each_role_does_what_it_may_and_no_more(self):
        own = self.world("Alpha")
        for role in ("viewer", "coordinator"):
            browser = portal.signed_in(own[role])
            for name, address in self.addresses(own).items():
                if name in self.FOR_ALL:
                    continue
                if role == "viewer":
                    expected = (
                        200
                        if name in self.VIEWED
                        else (
                            405
                            if name in self.POSTS and name not in ("undo", "replace", "remove", "add", "edit")
                            else 403
                        )
                    )
                    assert browser.get(address).status_code == expected, name
                    if name in self.POSTS:
                        assert browser.post(address, self.POSTS[name]).status_code == 403, name
                elif name in self.OWNED:
                    assert browser.post(address, self.POSTS[name]).status_code == 403

    @pytest.mark.proves("partner-isolation")
    def test_an_organiser_works_on_behalf_of_all(self):
        own = self.world("Alpha")
        browser = portal.signed_in(make.organiser())
        for name in ("institution", "cohort", "team", "review"):
            assert browser.get(self.addresses(own)[name]).status_code == 200
        assert "Institut Alpha" in browser.get("/partners/", follow=True).content.decode()

    def test_an_organiser_does_not_see_anybodys_link_in_what_has_changed(self):
        own = self.world("Alpha")
        invitee = own["invitee"]
        was = invitee.key
        portal.apply(own["cohort"], ["NomAlpha", "Ada", "countess@x.fr", "1001"])
        invitee.refresh_from_db()
        browser = portal.signed_in(make.organiser())

        for page in ("change", "history"):
            said = browser.get(f"/admin/partners/invitee/{invitee.pk}/{page}/").content.decode()
            assert "countess@x.fr" in said
            assert was not in said and invitee.key not in said

    def state(self, world: dict) -> list:
        cohort = world["cohort"]
        return [
            *Invitee.objects.filter(cohort=cohort).values_list(),
            *Upload.objects.filter(cohort=cohort).values_list("pk", "status", "mode", "counts"),
            *world["upload"].rows.values_list("line", "cells", "is_skipped"),
            *PartnerRole.objects.filter(institution=cohort.institution).values_list(),
        ]


def test_who_works_for_nobody_is_told_how_to_begin():
    assert "Aucun établissement" in portal.signed_in(make.attendee().user).get(at("home")).content.decode()


def test_the_help_is_open_to_all(client):
    said = client.get(at("help")).content.decode()
    assert "50\u202f000" in said and "LibreOffice" in said


@pytest.mark.parametrize(
    "pattern",
    [one for one in urls.urlpatterns if one.name not in ("answer", "help", "model_csv", "model_xlsx")],
    ids=lambda one: one.name,
)
def test_whoever_was_signed_out_meanwhile_is_sent_to_the_whole_sign_in_page(pattern):
    """A fragment has no room for it: htmx is told to leave the page. Before anything is looked up, so that nothing is
    told."""
    made_up = {"uuid": uuid4(), "slug": "cnam", "cohort_slug": "medas"}
    address = reverse(f"partners:{pattern.name}", kwargs={name: made_up[name] for name in pattern.pattern.converters})

    by_htmx, by_hand = Client().post(address, headers={"HX-Request": "true"}), Client().post(address)

    assert (by_htmx.status_code, by_htmx["HX-Redirect"]) == (200, reverse("account_login"))
    assert (by_hand.status_code, by_hand["Location"]) == (302, reverse("account_login"))


class TestFollowingUp:
    """Afterwards: each number leads to its people, and each person can be corrected, written to again or reminded."""

    @pytest.fixture
    def people(self, cohort):
        portal.apply(cohort, ADA, ALAN, EMMY)
        Message.objects.filter(kind="partners.invitation").update(status="sent", sent_at=timezone.now())
        return {one.first_name: one for one in Invitee.objects.all()}

    @pytest.mark.proves("partner-people")
    def test_each_number_opens_the_people_whom_it_counts(self, browser, cohort, people):
        portal.seat(portal.session_for(cohort), portal.accepted(people["Ada"]))
        responses.erase(people["Alan"], at=timezone.now())
        SuppressedAddress.objects.create(address="emmy@x.fr", reason="bounced", reported_at=timezone.now())
        page = browser.get(at("cohort", "cnam", "medas")).content.decode()

        links = dict(re.findall(r'href="[^"]*\?state=(\w+)"[^>]*>\s*(\d+)', page))
        assert links == {"seated": "1", "invited": "1", "declined": "1", "unreachable": "1"}
        for state, names in {"seated": ["Ada"], "invited": ["Emmy"], "declined": [], "unreachable": ["Emmy"]}.items():
            said = browser.get(at("cohort", "cnam", "medas"), {"state": state}).content.decode()
            listed = [name for name in ("Ada", "Alan", "Emmy") if f'<b class="name" dir="auto">{name}' in said]
            assert listed == names
            assert ("1 d’entre elles n’est plus nommée ici" in said) == (state == "declined")
        assert "Adresse inutilisable" in page

    @pytest.mark.proves("partner-people")
    def test_a_person_is_corrected_in_place(self, browser, cohort, people):
        before = people["Ada"].key
        Invitee.objects.filter(pk=people["Ada"].pk).update(programme="Master A")
        page = browser.get(at("edit", people["Ada"].uuid)).content.decode()
        values = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
        values.pop("csrfmiddlewaretoken")
        assert values == dict(zip(("last_name", "first_name", "email", "reference"), ADA, strict=True)) | {
            "programme": "Master A"
        }

        values |= {"last_name": "King", "email": "ada@king.fr"}
        browser.post(at("edit", people["Ada"].uuid), values)
        browser.post(at("edit", people["Ada"].uuid), values)

        people["Ada"].refresh_from_db()
        assert (people["Ada"].last_name, people["Ada"].email) == ("King", "ada@king.fr")
        assert (people["Ada"].reference, people["Ada"].programme) == (ADA[3], "Master A")
        assert people["Ada"].key != before
        assert Message.objects.filter(to="ada@king.fr").count() == 1
        trace = people["Ada"].history.first()
        assert (trace.history_change_reason, trace.history_user is not None) == ("edited", True)

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"email": "alan@x.fr"}, "Alan Turing a déjà cette adresse."),
            ({"reference": ALAN[3]}, "Ce numéro est déjà celui de Alan Turing."),
            ({"email": "alan(at)x.fr"}, "Il manque le"),
            ({"last_name": "", "first_name": ""}, "Le nom manque"),
        ],
    )
    def test_what_cannot_be_is_said_beside_the_field_and_nothing_changes(self, browser, people, values, said):
        typed = {"last_name": "Lovelace", "first_name": "Ada", "email": "ada@x.fr", "reference": ADA[3]} | values
        response = browser.post(at("edit", people["Ada"].uuid), typed)

        assert response.status_code == 422
        assert said in response.content.decode()
        people["Ada"].refresh_from_db()
        assert (people["Ada"].email, people["Ada"].reference) == ("ada@x.fr", ADA[3])

    @pytest.mark.proves("partner-people")
    def test_an_invitation_is_sent_again_with_one_press_and_not_twice(self, browser, people, time_machine):
        time_machine.move_to(timezone.now() + timedelta(hours=2))
        for _ in range(2):
            browser.post(at("resend", people["Ada"].uuid))
        assert Message.objects.filter(to="ada@x.fr").count() == 2
        assert Message.objects.filter(to="ada@x.fr").latest("pk").context == {"invitee": people["Ada"].pk}

        time_machine.move_to(timezone.now() + timedelta(hours=2))
        SuppressedAddress.objects.create(address="ada@x.fr", reason="bounced", reported_at=timezone.now())
        said = browser.post(at("resend", people["Ada"].uuid), follow=True).content.decode()
        assert "corrigez l’adresse" in said
        mail_preferences.choose("alan@x.fr", Topic.INVITATIONS, wanted=False)
        browser.post(at("resend", people["Alan"].uuid))
        portal.accepted(people["Emmy"])
        browser.post(at("resend", people["Emmy"].uuid))
        assert Message.objects.filter(kind="partners.invitation").count() == 4

    @pytest.mark.proves("partner-people")
    def test_only_those_who_are_chosen_are_reminded(self, browser, cohort, people, time_machine):
        time_machine.move_to(timezone.now() + timedelta(days=4))
        stranger = portal.invitee(make.cohort(), ADA)
        address = at("remind", "cnam", "medas")
        page = browser.get(at("cohort", "cnam", "medas")).content.decode()
        assert page.count('form="remind" name="person"') == 3

        browser.post(address, {"who": "chosen"})
        assert not Message.objects.filter(kind="partners.reminder").exists()
        browser.post(address, {"who": "chosen", "person": [people["Ada"].uuid, stranger.uuid, "no-uuid"]})

        assert [message.to for message in Message.objects.filter(kind="partners.reminder")] == ["ada@x.fr"]

    def test_the_release_of_seats_is_shown(self, browser, cohort, people):
        session = portal.session_for(cohort, 2, starts_at=timezone.now() + timedelta(days=20))
        SeatPool.objects.filter(session=session, cohort=cohort).update(release_at=timezone.now() + timedelta(days=10))

        assert "Les autres seront remises à tous" in browser.get(at("cohort", "cnam", "medas")).content.decode()

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_an_empty_list_is_downloaded_and_read_back(self, client, kind):
        for prefix, header in (("", "Nom"), ("/en", "Family name")):
            response = client.get(f"{prefix}/partners/help/list.{kind}")
            answer = confined.read(response.content)
            assert answer["rows"][0][1][0] == header
            assert f".{kind}" in response["Content-Disposition"]
            found = columns.find([(line, cells) for line, cells, _width in answer["rows"]])
            assert set(found.meaning) == {"last_name", "first_name", "email", "reference", "programme"}
