"""A personal link asks; only a button changes anything; and what somebody answers is so for everybody at once
(docs/rules.md#answers)."""

from datetime import date, datetime, timedelta
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from core import erasure
from core.erasure import Why
from outbox.domain import mail_kinds
from outbox.domain.mail_kinds import NoLongerTrue
from outbox.models import MailTemplate, Message
from partners.domain import applying, digests, following, responses, retention
from partners.models import Invitee, Objection
from programme.domain import retention as run
from programme.models import Edition
from registrations.domain import booking
from registrations.models import Limit, Membership, Registration
from tests import make
from tests.crowd import all_at_once
from tests.partners import portal
from tests.partners.portal import ADA, ALAN, EMMY
from tests.registrations.pages import words
from tests.registrations.test_mails import deliver_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def cohort():
    return make.cohort(size=10, institution=make.institution(name="Cnam"), name="Master MéDAS")


@pytest.fixture
def ada(cohort):
    return portal.invitee(cohort, ADA)


def link(invitee: Invitee) -> str:
    return reverse("partners:answer", args=[invitee.key])


@pytest.mark.proves("answer-link")
def test_opening_the_link_changes_nothing(client, ada):
    portal.session_for(ada.cohort)
    for query in ("", "?erase", "?act=accept", "?act=decline"):
        assert client.get(link(ada) + query).status_code == 200
        assert client.head(link(ada) + query).status_code == 200
    assert Invitee.objects.get().status == "invited"
    assert (User.objects.count(), Membership.objects.count()) == (0, 0)


@pytest.mark.proves("answer-link")
@pytest.mark.parametrize("key", ["x", "a" * 64, "é"])
def test_a_link_that_is_wrong_or_old_says_so_and_nothing_else(client, ada, key):
    response = client.get(f"/invitations/{key}/")
    assert response.status_code == 404
    assert "Cnam" not in response.content.decode()


@pytest.mark.proves("accept-once")
def test_who_accepts_has_an_account_is_signed_in_and_has_the_seats_that_they_chose(client, ada):
    day = timezone.now() + timedelta(days=7)
    first, full, other = (portal.session_for(ada.cohort, starts_at=day + timedelta(hours=5 * n)) for n in range(3))
    taker = portal.accepted(portal.invitee(ada.cohort, ALAN))
    portal.seat(full, taker)

    response = client.post(link(ada), {"act": "accept", "session": [first.slug, full.slug, "made-up"]}, follow=True)

    assert "Vous avez accepté" in response.content.decode()
    assert client.session["_auth_user_id"] == str(User.objects.get(email="ada@x.fr").pk)
    mine = Registration.objects.filter(attendee__name="Ada Lovelace")
    assert dict(mine.values_list("session__slug", "status")) == {first.slug: "confirmed", full.slug: "waiting"}
    assert not mine.filter(session=other).exists()
    ada.refresh_from_db()
    assert (ada.status, ada.attendee.name) == ("accepted", "Ada Lovelace")


@pytest.mark.proves("answer-link")
def test_the_link_signs_in_once(client, ada):
    client.post(link(ada), {"act": "accept"})
    client.logout()

    client.post(link(ada), {"act": "accept"})

    assert "_auth_user_id" not in client.session
    assert Membership.objects.count() == 1


@pytest.mark.proves("answer-link")
def test_the_link_signs_nobody_into_an_account_that_was_there(client, ada):
    make.attendee("Ada King", email="ada@x.fr")

    client.post(link(ada), {"act": "accept"})

    assert "_auth_user_id" not in client.session
    ada.refresh_from_db()
    assert ada.attendee.name == "Ada King"


@pytest.mark.proves("accept-once")
@pytest.mark.django_db(transaction=True)
def test_two_who_accept_at_once_open_one_account(cohort):
    ada = portal.invitee(cohort, ADA)
    act = partial(responses.accept, ada, [], language="fr", at=timezone.now())

    answers = all_at_once([act] * 4, threads=4)

    assert sorted(one.is_first_time for one in answers) == [False, False, False, True]
    assert (User.objects.filter(email="ada@x.fr").count(), Membership.objects.count()) == (1, 1)


@pytest.mark.proves("decline-frees-seats")
def test_who_declines_gives_the_seat_to_the_first_on_the_waiting_list_of_the_cohort(client, ada):
    session = portal.session_for(ada.cohort)
    stranger = make.attendee("Zoé Ailleurs")
    portal.seat(session, portal.accepted(ada))
    portal.seat(session, portal.accepted(portal.invitee(ada.cohort, ALAN)))
    assert stranger.pk

    client = portal.signed_in(User.objects.get(email="ada@x.fr"))
    response = client.post(link(ada), {"act": "decline"}, follow=True)
    client.post(link(ada), {"act": "decline"})

    assert "Vous avez décliné" in response.content.decode()
    assert dict(Registration.objects.values_list("attendee__name", "status")) == {
        "Ada Lovelace": "cancelled",
        "Alan Turing": "confirmed",
    }
    ada.refresh_from_db()
    assert (ada.status, ada.attendee) == ("declined", None)
    client.post(link(ada), {"act": "accept"})
    assert Invitee.objects.get(pk=ada.pk).status == "accepted"


@pytest.mark.proves("decline-frees-seats")
def test_giving_everything_back_is_a_question_first(ada):
    portal.seat(portal.session_for(ada.cohort), portal.accepted(ada))

    hers = portal.signed_in(Invitee.objects.get(pk=ada.pk).attendee.user)
    page = hers.get(f"{link(ada)}?decline").content.decode()

    assert "Rendre votre place" in page and 'value="decline"' in page
    assert 'value="decline"' not in hers.get(link(ada)).content.decode()
    assert Registration.objects.get().status == "confirmed"

    page = words(hers.post(link(ada), {"act": "decline"}, follow=True).content.decode())
    assert "Vous avez décliné" in page
    assert "Cette invitation est pour" not in page, "nobody is warned of being signed in as themselves"


@pytest.mark.proves("accept-once")
def test_what_one_has_to_choose_between_is_named(client, cohort, ada):
    at = timezone.now() + timedelta(days=9)
    session, _beside, _other = (
        portal.session_for(cohort, title=title, starts_at=at + timedelta(hours=late))
        for title, late in (("Puces", 0), ("Droit", 0.5), ("Arts", 3))
    )

    assert "En même temps que : Droit" in words(client.get(link(ada)).content.decode())

    portal.seat(session, portal.accepted(ada))
    page = words(portal.signed_in(Invitee.objects.get(pk=ada.pk).attendee.user).get(link(ada)).content.decode())
    assert "« Puces »" in page and "En même temps que : Droit" not in page


@pytest.mark.proves("decline-frees-seats")
def test_whose_seat_ends_is_told_why_by_their_own_wish_or_off_the_list(cohort):
    """Nobody reads that the organisers have cancelled what they gave back themselves, or what their institution has
    taken."""
    session = portal.session_for(cohort, seats=2)
    cohort.institution.name = "Conservatoire national"
    cohort.institution.save()
    ada, alan = (portal.invitee(cohort, row) for row in (ADA, ALAN))
    for one in (ada, alan):
        portal.seat(session, portal.accepted(one))

    responses.decline(ada, at=timezone.now())
    following.take_off(alan, actor=portal.role(cohort.institution), at=timezone.now())

    told = {message.to[0]: message for message in deliver_all()}
    assert words(told["ada@x.fr"].subject) == f"Place libérée : {session.title}"
    assert words(told["alan@x.fr"].subject) == f"Inscription annulée : {session.title}"
    said = words(told["alan@x.fr"].body)
    assert (
        "Alan Turing, vous n’êtes plus sur la liste de votre établissement, Conservatoire national. La place "
        "qu’il vous gardait est libérée."
    ) in said
    assert "les organisateurs" not in said


@pytest.mark.proves("erased-from-lists")
def test_who_has_themselves_erased_leaves_a_hash_alone_and_is_not_named_again(client, ada):
    portal.invitee(ada.cohort, EMMY)
    assert Message.objects.filter(to="ada@x.fr").count() == 1
    assert "Lovelace" not in client.get(link(ada) + "?erase").content.decode().split("<form", 1)[1]

    response = client.post(link(ada), {"act": "erase"})

    assert "Vos données sont effacées" in response.content.decode()
    assert [one.first_name for one in Invitee.objects.all()] == ["Emmy"]
    assert not Invitee.history.filter(first_name="Ada").exists()
    assert not Message.objects.filter(to="ada@x.fr").exists()
    assert [len(one.address_hash) for one in Objection.objects.all()] == [64]
    assert client.get(link(ada)).status_code == 410
    upload = portal.apply(ada.cohort, ADA, EMMY)
    assert upload.counts["new"] == 0
    other = make.cohort()
    portal.apply(other, ADA)
    assert Invitee.objects.filter(cohort=other).exists()  # another institution is another matter


@pytest.mark.proves("erased-from-lists")
def test_the_link_of_somebody_who_was_erased_says_so(client, ada):
    address = f"/invitations/{ada.key}/"
    client.post(address, {"act": "erase"})

    for response in (client.get(address), client.post(address, {"act": "accept"})):
        assert (response.status_code, "Vos données sont effacées" in response.content.decode()) == (410, True)
    assert client.get("/invitations/another/").status_code == 404


def test_who_is_erased_for_one_institution_keeps_the_mails_of_another(client, ada):
    other = portal.invitee(make.cohort(), ADA)

    client.post(link(ada), {"act": "erase"})

    assert [one.context for one in Message.objects.filter(to="ada@x.fr")] == [{"invitee": other.pk}]


def test_a_link_acts_for_who_accepted_whatever_address_the_list_gives_them_since(client, ada):
    mine = portal.accepted(ada)
    portal.apply(ada.cohort, ["Lovelace", "Ada", "victim@x.fr", "21001"])
    assert client.post(link(ada), {"act": "accept"}).status_code == 404  # the old link is void
    ada.refresh_from_db()

    session = portal.session_for(ada.cohort)
    portal.signed_in(mine.user).post(link(ada), {"act": "accept", "session": session.slug})

    assert not User.objects.filter(email="victim@x.fr").exists()
    assert Registration.objects.get().attendee == mine


def test_who_works_for_an_institution_and_never_came_is_not_signed_in_by_a_link(client, ada):
    portal.role(make.institution(), who=make.user("ada@x.fr"))
    client.post(link(ada), {"act": "accept"})
    assert "_auth_user_id" not in client.session


def test_who_leaves_gives_back_what_a_waiting_list_gives_them_meanwhile_and_keeps_their_place_in_others(ada):
    """A limit of one seat: the seat that is given back lets the next line give them another, which goes back too."""
    day = timezone.now() + timedelta(days=7)
    first = portal.session_for(ada.cohort, 1, starts_at=day)
    second = portal.session_for(ada.cohort, 1, starts_at=day + timedelta(hours=5), event=first.event)
    theirs = make.cohort()
    elsewhere = portal.session_for(theirs, 1, starts_at=day + timedelta(hours=10))
    me, other = portal.accepted(ada), portal.accepted(portal.invitee(ada.cohort, ALAN))
    third = make.attendee()
    for who in (me, third):
        make.membership(theirs, who)
    portal.seat(first, me)
    portal.seat(second, other)
    portal.seat(second, me)
    portal.seat(elsewhere, third)
    portal.seat(elsewhere, me)
    Limit.objects.create(event=first.event, at_most=1)
    booking.cancel(second, other, actor=other.user)

    portal.signed_in(me.user).post(link(ada), {"act": "decline"})

    live = Registration.objects.live().filter(attendee=me)
    assert [(one.session, one.status) for one in live] == [(elsewhere, "waiting")]
    assert Invitee.objects.get(pk=ada.pk).status == "declined"


@pytest.mark.proves("erased-from-lists")
def test_an_account_that_is_erased_leaves_every_list(ada):
    portal.invitee(make.cohort(), ADA)
    user = portal.accepted(ada).user

    erasure.erase([user.pk], why=Why.BY_PERSON, at=timezone.now())

    assert not Invitee.objects.exists()
    assert not Invitee.history.exists()


def test_a_cohort_that_is_complete_lets_nobody_more_in(client, ada):
    for _ in range(10):
        make.membership(ada.cohort)

    response = client.post(link(ada), {"act": "accept"}, follow=True)

    assert "est complète" in response.content.decode()
    assert Invitee.objects.get().status == "invited"
    assert not User.objects.filter(email="ada@x.fr").exists()


class TestTheMail:
    def letter(self, invitee: Invitee):
        return mail_kinds.write(Message.objects.get(kind="partners.invitation", to=invitee.email))

    @pytest.mark.proves("one-invitation-link")
    def test_it_says_who_gave_the_name_and_what_one_can_do(self, ada):
        session = portal.session_for(ada.cohort, title="Atelier")
        letter = self.letter(ada)

        assert letter.subject == "Sommet pour l’action sur l’IA\u00a0: Cnam vous invite"
        for said in ("Cnam", ada.key, session.title, "CNIL", "RGPD", "?erase"):
            assert said in letter.text
            assert said in letter.html

    @pytest.mark.proves("one-invitation-link")
    def test_no_template_takes_the_notice_away(self, ada):
        MailTemplate.objects.create(
            kind="partners.invitation", language="fr", subject="Venez", opening="Bonjour.", closing=""
        )
        letter = self.letter(ada)

        assert letter.subject == "Venez"
        assert "CNIL" in letter.text and "CNIL" in letter.html

    @pytest.mark.proves("one-invitation-link")
    def test_it_is_not_sent_to_who_has_left_the_list_or_answered(self, ada):
        responses.decline(ada, at=timezone.now())
        with pytest.raises(NoLongerTrue):
            self.letter(ada)

    @pytest.mark.proves("one-invitation-link")
    def test_an_address_that_changes_gets_a_new_link_and_the_old_one_opens_nothing(self, client, ada):
        portal.apply(ada.cohort, ["Lovelace", "Ada", "countess@x.fr", "21001"])

        assert client.get(link(ada)).status_code == 404
        new = Invitee.objects.get()
        assert new.key != ada.key
        assert new.key in self.letter(new).text

    @pytest.mark.proves("one-invitation-link")
    @pytest.mark.parametrize("at_once", [1, 1000])
    def test_beyond_what_an_institution_may_send_in_a_day_they_leave_on_the_next(
        self, cohort, settings, monkeypatch, at_once
    ):
        settings.PARTNER_INVITATIONS_A_DAY = 2
        monkeypatch.setattr(applying, "BATCH", at_once)

        upload = portal.apply(cohort, ADA, ALAN, EMMY)
        portal.apply(cohort, ["Bob", "Bob", "bob@x.fr", "21004"], ["Eve", "Eve", "eve@x.fr", "21005"])

        days = [(one.not_before - upload.applied_at).days for one in Message.objects.order_by("pk")]
        assert days == [0, 0, 1, 1, 2]


@pytest.mark.proves("list-people-retention")
def test_people_stay_on_lists_as_long_as_they_were_told(cohort):
    session = portal.session_for(cohort)
    portal.seat(session, portal.accepted(portal.invitee(cohort, ADA)))
    portal.invitee(cohort, ALAN)
    later = make.session(starts_at=session.ends_at + timedelta(days=160))
    emmy = portal.invitee(make.cohort(), EMMY)  # no session is kept for her list: the last of all counts

    def on_lists(after: datetime, days: int) -> set[str]:
        run.run(after + timedelta(days=days))
        assert set(Invitee.history.values_list("first_name", flat=True)) == {
            one.first_name for one in Invitee.objects.all()
        }
        return {one.first_name for one in Invitee.objects.all()}

    end = run.ends()[cohort.edition_id]
    assert retention.kept_until(emmy) == end + timedelta(days=30)
    assert on_lists(session.ends_at, 29) == {"Ada", "Alan", "Emmy"}
    assert on_lists(session.ends_at, 31) == {"Ada", "Emmy"}
    assert on_lists(session.ends_at, 181) == {"Ada", "Emmy"}
    assert on_lists(session.ends_at, 183) == {"Emmy"}
    assert end >= later.ends_at
    assert on_lists(end, 31) == set()


@pytest.mark.proves("list-people-retention")
def test_who_comes_onto_a_list_late_is_not_forgotten_with_those_who_were_there_in_time(cohort):
    portal.session_for(cohort, starts_at=timezone.now() - timedelta(days=300))
    gone = {"starts_on": date(2020, 1, 1), "ends_on": date(2020, 1, 1)}
    Edition.objects.update(**gone)

    for row, one in ((ADA, cohort), (ALAN, make.cohort())):
        late = portal.invitee(one, row)
        assert retention.kept_until(late) == late.created_at + timedelta(days=30)
    run.run(timezone.now())
    assert Invitee.history.count() == 2
    run.run(timezone.now() + timedelta(days=31))
    assert not Invitee.history.exists()


def test_who_is_signed_in_as_somebody_else_is_told_for_whom_it_is(ada):
    other = portal.signed_in(make.attendee(email="bob@x.fr").user)
    page = other.get(link(ada)).content.decode()
    assert "ada@x.fr" in page and "bob@x.fr" in page


def test_a_post_without_its_token_is_refused(ada):
    assert Client(enforce_csrf_checks=True).post(link(ada), {"act": "erase"}).status_code == 403
    assert Invitee.objects.exists()


@pytest.mark.proves("own-corrections")
def test_people_see_what_was_given_about_them(client, ada):
    Invitee.objects.update(programme="Marketing digital")

    page = words(client.get(link(ada)).content.decode())

    for said in ("Ada Lovelace", "ada@x.fr", "21001", "Marketing digital"):
        assert said in page


def corrected(client, ada, **fields):
    form = client.get(link(ada) + "?correct").context["name_form"]
    data = {"act": "correct", "last_name": "King", "first_name": "Ada", "seen": form.initial["seen"]}
    return client.post(link(ada), data | fields)


@pytest.mark.proves("own-corrections")
def test_a_corrected_name_is_a_change_that_the_institution_sees(client, ada, cohort):
    assert corrected(client, ada).status_code == 302

    ada.refresh_from_db()
    assert (str(ada), ada.corrected_at is not None) == ("Ada King", True)
    last = ada.history.latest()
    assert (last.history_change_reason, last.history_user) == ("corrected", None)
    owner = portal.signed_in(portal.role(cohort.institution))
    assert "A corrigé son nom" in words(
        owner.get(f"/partners/{cohort.institution.slug}/{cohort.slug}/").content.decode()
    )
    [line] = digests.lines(cohort.institution, timezone.now())
    assert line.corrected == 1


@pytest.mark.proves("own-corrections")
def test_the_next_list_changes_the_rest_and_never_a_corrected_name(client, ada, cohort):
    corrected(client, ada)
    coordinator = portal.role(cohort.institution)

    upload = portal.upload(cohort, portal.text(["Lovelace", "Ada", "ada@x.fr", "21099"]), coordinator)
    row = upload.rows.get(person__email="ada@x.fr")
    assert (row.verdict, row.is_doubtful, row.was) == ("changed", True, {"reference": "21001"})
    [finding] = [one for one in row.findings if one["code"] == "corrected"]
    assert finding["said"] == {"name": "Ada King"}
    portal.confirm(upload, coordinator)

    ada.refresh_from_db()
    assert (str(ada), ada.reference) == ("Ada King", "21099")
    again = portal.upload(cohort, portal.text(["Lovelace", "Ada", "ada@x.fr", "21099"]), coordinator)
    assert (again.counts["changed"], again.counts["same"]) == (0, 1)


@pytest.mark.proves("own-corrections")
def test_nor_does_a_hand_in_the_portal(client, ada, cohort):
    corrected(client, ada)
    owner = portal.signed_in(portal.role(cohort.institution))
    data = {"last_name": "Lovelace", "first_name": "Ada", "email": "ada@x.fr", "reference": "21001", "programme": ""}

    answer = owner.post(reverse("partners:edit", args=[ada.uuid]), data)

    assert "Ada King" in words(answer.content.decode())
    ada.refresh_from_db()
    assert str(ada) == "Ada King"


def test_a_form_of_another_tab_corrects_nothing(client, ada):
    seen = client.get(link(ada) + "?correct").context["name_form"].initial["seen"]
    corrected(client, ada)

    stale = corrected(client, ada, first_name="Augusta", seen=seen)

    ada.refresh_from_db()
    assert "id_last_name_error" in stale.content.decode()
    assert str(ada) == "Ada King"


@pytest.mark.parametrize(
    "odd",
    [{"last_name": "", "first_name": ""}, {"last_name": "a\0b"}, {"last_name": "a\u202eb"}, {"last_name": "x" * 76}],
)
def test_odd_names_are_an_error_beside_the_field(client, ada, odd):
    answer = corrected(client, ada, **odd)

    ada.refresh_from_db()
    assert "id_last_name_error" in answer.content.decode()
    assert (str(ada), ada.corrected_at) == ("Ada Lovelace", None)


def test_a_correction_leaves_no_trace_where_nothing_changes_or_nothing_may(client, ada, cohort):
    corrected(client, ada, last_name="Lovelace")
    cohort.edition.state = "archived"
    cohort.edition.is_current = False
    cohort.edition.save()
    responses_are_over = corrected_anyway(client, ada)

    ada.refresh_from_db()
    assert responses_are_over.status_code == 302
    assert (str(ada), ada.corrected_at) == ("Ada Lovelace", None)


def corrected_anyway(client, ada):
    return client.post(link(ada), {"act": "correct", "last_name": "King", "seen": responses.name_seen(ada)})


def test_who_is_behind_a_wrong_link_corrects_nothing(client, ada):
    assert client.post("/invitations/x/", {"act": "correct", "last_name": "King"}).status_code == 404


@pytest.mark.proves("own-corrections")
def test_who_said_that_a_list_may_be_shared_is_kept_and_shown(client, cohort):
    coordinator = portal.role(cohort.institution)
    upload = portal.upload(cohort, portal.text(ADA), coordinator)

    assert upload.shared_by == coordinator
    assert timezone.now() - upload.shared_at < timedelta(minutes=1)
    page = make.sign_in(Client(), make.organiser()).get(f"/admin/partners/upload/{upload.pk}/change/").content.decode()
    assert "partage confirmé par" in page.lower()


@pytest.mark.proves("own-corrections")
def test_the_first_mail_says_what_the_portal_shows(ada, cohort):
    """Each state that the portal has is named there, and sessions are not shown."""
    Message.objects.get(kind=applying.INVITATION)
    deliver_all()
    text = " ".join(Message.objects.get(kind=applying.INVITATION).text.split())

    for said in ("votre réponse", "une place", "en attendez une", "êtes venu", "vous parviennent"):
        assert said in text
    assert set(following.STATES) == {"invited", "accepted", "seated", "waiting", "declined", "attended"}
