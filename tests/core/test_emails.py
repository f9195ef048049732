"""One mailbox is one text, and one person at every door (docs/rules.md#names-as-written)."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from core import erasure
from core.emails import EmailFormField, normalise_domain, normalise_email, readable_email
from core.erasure import Why
from notices.domain import mail_preferences
from notices.models import Topic
from outbox.domain import posting, suppression
from outbox.models import Message, SuppressedAddress
from partners.domain import identity, objections
from partners.models import Invitee, PartnerRole, SignIn
from registrations.domain import ways_in
from registrations.models import Invitation
from tests import make
from tests.partners import portal

CHLOE = "chloe@xn--cole-9oa.fr"
WAYS = {
    "letters": "chloe@école.fr",
    "two strokes": "chloe@e\u0301cole.fr",
    "capitals": "Chloe@ÉCOLE.FR",
    "punycode": "chloe@xn--cole-9oa.fr",
    "punycode in capitals": "CHLOE@XN--COLE-9OA.FR",
    "final dot": "chloe@école.fr.",
    "final dot of punycode": "chloe@xn--cole-9oa.fr.",
    "another dot": "chloe@école。fr",
    "full width": "chloe@ｅ\u0301ｃｏｌｅ.fr",
    "another at": "chloe＠école.fr",
    "needless quotes": '"chloe"@école.fr',
    "unseen": "\u200bchloe@éco\u00adle.fr\ufeff",
    "turned": "\u202achloe@école.fr\u202c",
    "blanks": "\u00a0 chloe@école.fr\t",
}
every_way = pytest.mark.parametrize("written", WAYS.values(), ids=WAYS.keys())


class TestTheText:
    pytestmark = pytest.mark.runs_once("no database is asked")

    @pytest.mark.proves("names-as-written")
    @every_way
    def test_every_way_gives_the_same(self, written):
        assert normalise_email(written) == CHLOE
        assert EmailFormField().clean(written) == CHLOE

    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ("  Ada@Example.ORG ", "ada@example.org"),
            ("ada@MÜNCHEN.example", "ada@xn--mnchen-3ya.example"),
            ("ada@faß.example", "ada@xn--fa-hia.example"),  # not fass.example, which may be somebody else's
            ("ada@παράδειγμα.gr", "ada@xn--hxajbheg2az3al.gr"),
            ("ada@مثال.example", "ada@xn--mgbh0fb.example"),
            ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
            ("ada@❤.example", "ada@xn--qei.example"),  # no such domain under IDNA 2008; those that exist are older
            ('"ada lovelace"@example.org', '"ada lovelace"@example.org'),
            ("e\u0301mile@example.org", "émile@example.org"),
            ("ada", "ada"),
            ("ada@exa..mple.org", "ada@exa..mple.org"),
            ("ada@", "ada@"),
            ("", ""),
        ],
    )
    def test_what_is_kept(self, written, kept):
        assert normalise_email(written) == kept
        assert normalise_email(kept) == kept

    @pytest.mark.parametrize(
        "written", ["ada", "ada@example", "ada@[127.0.0.1]", f"{'a' * 65}@example.org", "a@b@c.fr"]
    )
    def test_what_no_mailbox_is_called_is_refused(self, written):
        with pytest.raises(ValidationError):
            EmailFormField().clean(written)

    def test_a_domain_alone(self):
        assert {normalise_domain(text) for text in ("École.FR.", "xn--COLE-9oa.fr", " e\u0301cole.fr")} == {
            "xn--cole-9oa.fr"
        }

    def test_people_read_the_letters_of_a_domain_but_no_mixture(self):
        assert readable_email(CHLOE) == "chloe@école.fr"
        assert readable_email("ada@example.org") == "ada@example.org"
        assert readable_email("a@xn--exmple-4nf.org") == "a@xn--exmple-4nf.org"  # one Cyrillic letter
        assert readable_email("a@xn--a.org") == "a@xn--a.org"  # no such letters


@pytest.mark.django_db
class TestTheDoors:
    @pytest.fixture
    def chloe(self):
        return make.attendee("Chloé", email="chloe@école.fr")

    @pytest.mark.proves("names-as-written")
    @every_way
    def test_signing_in_and_signing_up_open_one_account(self, client, chloe, written):
        for address in ("/accounts/login/", "/accounts/signup/"):
            asked = client.post(address, {"login": written})
            page = client.get(asked["Location"]).content.decode()
            code = Message.objects.filter(kind="accounts.code", to=CHLOE).latest("pk").context["code"]
            visitor = client.post("/accounts/login/code/", {"code": code})

            assert (User.objects.count(), visitor.status_code) == (1, 302)
            assert "chloe@école.fr" in page
            assert client.session["_auth_user_id"] == str(chloe.user.pk)
            client.logout()

    @every_way
    def test_an_invitation_lets_its_person_in(self, chloe, written):
        invitation = make.invitation(email=written)

        assert Invitation.objects.get(email=written) == invitation
        assert ways_in.is_invited(invitation.session, chloe)

    @every_way
    def test_a_list_names_one_person_once(self, chloe, written):
        cohort = make.cohort()
        portal.apply(cohort, ["Martin", "Chloé", "chloe@école.fr", "17"])

        quoted = written.replace('"', '""')
        row = ["Martin", "Chloé", f'"{quoted}"', "17"]
        again = portal.apply(cohort, row)

        assert (Invitee.objects.get().email, again.counts["same"]) == (CHLOE, 1)
        assert portal.accepted(Invitee.objects.get()) == chloe

    @every_way
    def test_a_colleague_gets_one_role(self, chloe, written):
        institution = make.institution()
        owner = portal.signed_in(portal.role(institution, "owner"))

        for _ in range(2):
            owner.post(f"/partners/{institution.slug}/team/", {"invite": "1", "email": written, "role": "viewer"})

        assert PartnerRole.objects.filter(user=chloe.user).count() == 1
        assert User.objects.count() == 2

    @every_way
    def test_a_provider_vouches_for_its_domain_however_written(self, chloe, written):
        sign_in = SignIn(institution=make.institution(), domains="other.fr\n@École.fr.")

        assert identity.person(sign_in, written, is_verified=True, language="fr") == chloe.user

    @every_way
    def test_the_administration_keeps_one_account(self, chloe, written):
        olympe = make.sign_in(Client(), make.organiser())

        answer = olympe.post(
            "/admin/accounts/user/add/", {"email": written, "language": "fr", "timezone": "Europe/Paris"}
        )

        assert answer.status_code == 200
        assert User.objects.filter(email=CHLOE).count() == 1
        assert User.objects.count() == 2

    @every_way
    def test_the_command_makes_the_person_an_organiser(self, chloe, written):
        call_command("make_organiser", written, name="Chloé")

        assert User.objects.get().is_staff

    @every_way
    def test_a_report_of_the_mail_provider_and_an_erasure_mean_one_address(self, chloe, written):
        posting.post("accounts.code", written, dedupe_key="a", language="fr", context={"code": "1"})
        suppression.mark(written, "bounced", "", at=timezone.now())

        assert (Message.objects.get().to, SuppressedAddress.objects.get().address) == (CHLOE, CHLOE)

        chloe.user.delete()
        erasure.erase((), [written], why=Why.BY_PERSON, at=timezone.now())

        assert (Message.objects.get().to, SuppressedAddress.objects.count()) == ("", 0)

    @every_way
    def test_who_wants_no_mail_or_no_list_is_known_by_any(self, chloe, written):
        institution = make.institution()

        mail_preferences.choose(written, Topic.ANNOUNCEMENTS, wanted=False)

        assert mail_preferences.off("chloe@école.fr") == {Topic.ANNOUNCEMENTS}
        assert objections.hash_of(institution.pk, written) == objections.hash_of(institution.pk, CHLOE)
