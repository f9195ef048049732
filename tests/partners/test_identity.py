"""Signing in through one's own institution, with real providers: who is vouched for, and who is not
(docs/rules.md#institution-sign-in)."""

import base64
import re
from html import unescape
from urllib.parse import urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.cache import caches
from django.test import Client
from django.urls import reverse

from accounts.models import User
from partners import tasks
from partners.models import SignIn, SignInFailure
from tests import make
from tests.partners import identity_providers as providers

pytestmark = pytest.mark.django_db

HOST = {"headers": {"host": "summit.example.org"}}  # SAML takes no host without a dot


@pytest.fixture(scope="module")
def oidc():
    with providers.openid_connect() as address:
        yield address


@pytest.fixture(scope="module")
def saml():
    return providers.SamlProvider()


@pytest.fixture
def cnam():
    return make.institution(name="Cnam", slug="cnam")


@pytest.fixture
def by_oidc(cnam, oidc):
    given = {"server_url": oidc, "client_id": "summit", "secret": "s3cret", "domains": "cnam.example\netu.cnam.example"}
    sign_in = SignIn.objects.create(institution=cnam, is_active=True, **given)
    tasks.fetch_documents()
    return sign_in


@pytest.fixture
def by_saml(cnam, saml, settings):
    settings.ALLOWED_HOSTS = ["summit.example.org"]
    given = {
        "entity_id": saml.entity_id,
        "sso_url": saml.sso_url,
        "certificate": saml.certificate,
        "domains": "cnam.example",
    }
    return SignIn.objects.create(institution=cnam, is_active=True, protocol="saml", **given)


def through_oidc(client: Client, oidc: str, sub: str, path: str = "/accounts/oidc/cnam/login/?next=/me/"):
    """Follow the browser to the provider and back; the answer of our side."""
    there = client.get(path)
    assert there.status_code == 302 and there.url.startswith(oidc), there
    back = urlsplit(providers.consent(there.url, sub))
    return client.get(f"{back.path}?{back.query}")


def who(client: Client) -> str:
    pk = client.session.get("_auth_user_id")
    return User.objects.get(pk=pk).email if pk else ""


class TestOpenIdConnect:
    @pytest.mark.proves("vouched-domains")
    def test_who_is_vouched_for_is_signed_in_and_goes_on(self, client, oidc, by_oidc):
        make.attendee("Ada", email="ada@etu.cnam.example")
        providers.tell(oidc, "ada", email="Ada@etu.cnam.example", email_verified=True)

        response = through_oidc(client, oidc, "ada")

        assert (response.status_code, response.url, who(client)) == (302, "/me/", "ada@etu.cnam.example")
        assert (SocialAccount.objects.count(), SocialToken.objects.count()) == (0, 0)

    def test_a_first_visit_opens_an_account_that_then_asks_for_the_name(self, client, oidc, by_oidc):
        providers.tell(oidc, "neu", email="neu@cnam.example")

        response = through_oidc(client, oidc, "neu")

        assert who(client) == "neu@cnam.example"
        assert response.url.startswith(reverse("accounts:welcome"))

    @pytest.mark.proves("vouched-domains")
    @pytest.mark.parametrize(
        "claims",
        [
            {"email": "ada@other.example", "email_verified": True},
            {"email": "ada@cnam.example.evil.example", "email_verified": True},
            {"email": "ada@cnam.example", "email_verified": False},
            {"email": "not an address"},
            {},
        ],
        ids=["another domain", "a longer domain", "not verified", "no address", "nothing"],
    )
    def test_who_is_not_vouched_for_stays_outside(self, client, oidc, by_oidc, claims):
        providers.tell(oidc, "eve", **claims)

        response = through_oidc(client, oidc, "eve")

        assert (response.url, who(client), User.objects.count()) == (reverse("account_login"), "", 0)
        assert "un code" in client.get(response.url).content.decode()

    def test_who_came_from_an_english_page_is_spoken_to_in_english(self, client, oidc, by_oidc):
        for sub, email in (("eve", "eve@other.example"), ("neu", "neu@cnam.example")):
            providers.tell(oidc, sub, email=email)
        page = client.get("/en/accounts/login/").content.decode()
        [way] = re.findall(r'href="(/accounts/oidc/[^"]*)"', page)

        refused = through_oidc(client, oidc, "eve", way)

        assert refused.url == "/en/accounts/login/"
        assert "doesn’t vouch for eve@other.example" in unescape(client.get(refused.url).content.decode())
        assert through_oidc(client, oidc, "neu", way).url == "/en/accounts/welcome/?next=%2Fen%2Fme%2F"
        assert User.objects.get(email="neu@cnam.example").language == "en"

    def test_who_comes_back_after_it_was_turned_off_is_told_so(self, client, oidc, by_oidc):
        back = urlsplit(providers.consent(client.get("/accounts/oidc/cnam/login/?next=/en/me/").url, "ada"))
        SignIn.objects.update(is_active=False)

        response = client.get(f"{back.path}?{back.query}")

        assert response.url == "/en/accounts/login/"
        assert "through this institution is turned off" in client.get(response.url).content.decode()
        assert client.get("/accounts/oidc/other/login/callback/").status_code == 404

    @pytest.mark.proves("vouched-domains")
    @pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_active": False}])
    def test_organisers_and_closed_accounts_are_vouched_for_by_nobody(self, client, oidc, by_oidc, fields):
        make.user("olympe@cnam.example", **fields)
        providers.tell(oidc, "olympe", email="olympe@cnam.example", email_verified=True)
        through_oidc(client, oidc, "olympe")
        assert who(client) == ""

    @pytest.mark.proves("vouched-domains")
    def test_a_code_of_another_browser_signs_nobody_in(self, client, oidc, by_oidc):
        providers.tell(oidc, "ada", email="ada@cnam.example")
        back = urlsplit(providers.consent(client.get("/accounts/oidc/cnam/login/").url, "ada"))

        other = Client()
        response = other.get(f"{back.path}?{back.query}")

        assert (response.url, who(other)) == (reverse("account_login"), "")

    @pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/", "/accounts/login/"])
    def test_one_goes_on_to_a_page_of_ours_or_to_ones_programme(self, client, oidc, by_oidc, path):
        make.attendee("Ada", email="ada@cnam.example")
        providers.tell(oidc, "ada", email="ada@cnam.example")
        assert through_oidc(client, oidc, "ada", f"/accounts/oidc/cnam/login/?next={path}").url == "/me/"

    @pytest.mark.proves("vouched-domains")
    @pytest.mark.parametrize("page", ["", "/users/nobody", "/nothing/.well-known/x"])
    def test_a_provider_that_is_down_or_says_nonsense_leads_back_to_the_code(self, client, oidc, by_oidc, page):
        by_oidc.server_url = f"{oidc}{page}" if page else "http://localhost:1"
        by_oidc.save()
        response = client.get("/accounts/oidc/cnam/login/")
        assert response.status_code == 302 and response.url == reverse("account_login")


class TestSaml:
    def through(self, client, saml, email, goes_on="/me/", **other):
        there = client.get(f"/accounts/saml/cnam/login/?next={goes_on}", **HOST)
        assert there.url.startswith(saml.sso_url)
        to, answer = saml.answer(there.url, email, **other)
        response = client.post(urlsplit(to).path, {"SAMLResponse": answer}, **HOST)
        return client.get(response.url, **HOST) if response.url.endswith("/finish/") else response

    @pytest.mark.proves("vouched-domains")
    def test_who_is_vouched_for_is_signed_in_and_goes_on(self, client, saml, by_saml):
        make.attendee("Ada", email="ada@cnam.example")
        response = self.through(client, saml, "ada@cnam.example")
        assert (response.url, who(client)) == ("/me/", "ada@cnam.example")

    def test_who_came_from_an_english_page_is_spoken_to_in_english(self, client, saml, by_saml):
        response = self.through(client, saml, "ada@cnam.example", "/en/me/", key=providers.SamlProvider().key)

        assert response.url == "/en/accounts/login/"
        assert "didn’t sign you in" in unescape(client.get(response.url, **HOST).content.decode())

    def test_another_domain_stays_outside(self, client, saml, by_saml):
        self.through(client, saml, "ada@other.example")
        assert who(client) == ""

    @pytest.mark.proves("vouched-domains")
    def test_what_another_has_signed_is_worth_nothing(self, client, saml, by_saml):
        response = self.through(client, saml, "ada@cnam.example", key=providers.SamlProvider().key)
        assert (response.url, who(client)) == (reverse("account_login"), "")

    @pytest.mark.proves("vouched-domains")
    @pytest.mark.parametrize(
        "other",
        [
            {"audience": "https://other.example.org/"},
            {"issuer": "https://evil.example/"},
            {"after": "2020-01-01T00:00:00Z"},
            {"answers": "_made-up"},
        ],
        ids=["for another site", "by another provider", "too late", "to a question that nobody asked"],
    )
    def test_what_was_said_to_others_or_at_another_time_is_worth_nothing(self, client, saml, by_saml, other):
        self.through(client, saml, "ada@cnam.example", **other)
        assert who(client) == ""

    def test_the_institution_is_given_our_metadata(self, client, by_saml):
        said = client.get("/accounts/saml/cnam/metadata/", **HOST)
        assert said.status_code == 200
        assert b"/accounts/saml/cnam/acs/" in said.content


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'


def rows() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in apps.get_models() if model._meta.managed}


class TestStrangers:
    """Whoever knows an address of ours may send there what they like."""

    @pytest.mark.proves("no-row-for-strangers")
    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize(
        "path",
        [
            *("oidc/nowhere/login/", "oidc/nowhere/login/callback/?state=x&code=y", "oidc/cnam/login/?next=/me/"),
            *("oidc/openid_connect/login/", "oidc/saml/login/", "oidc/closed/login/", "oidc/closed/login/callback/"),
            *("saml/nowhere/login/", "saml/nowhere/acs/", "saml/nowhere/acs/finish/", "saml/nowhere/metadata/"),
            *("saml/bare/login/", "saml/bare/acs/", "saml/bare/acs/finish/", "saml/nowhere/sls/", "saml/cnam/sls/"),
            *("saml/open/acs/", "saml/open/login/", "saml/saml/acs/"),
        ],
    )
    def test_nothing_is_kept_for_an_institution_that_has_no_such_sign_in(self, client, by_saml, path, method):
        """Cnam has SAML, two have OpenID Connect; one is closed, and one has nothing."""
        given = {
            "server_url": "https://idp.example.org",
            "client_id": "summit",
            "secret": "s3cret",
            "domains": "x.example",
        }
        for slug, is_active in {"open": True, "open-too": True, "closed": False}.items():
            of = make.institution(name=slug, slug=slug)
            SignIn.objects.create(institution=of, is_active=is_active, **given)
        make.institution(name="Bare", slug="bare")
        before, kept = rows(), len(caches["default"]._cache)

        response = getattr(client, method)(
            f"/accounts/{path}", {"SAMLResponse": "x"} if method == "post" else {}, **HOST
        )

        is_asked_so = "sls" in path or (method == "post") == path.endswith("/acs/")
        assert response.status_code == (404 if is_asked_so else 405)
        assert not response.cookies
        assert (rows(), len(caches["default"]._cache)) == (before, kept)

    @pytest.mark.proves("no-row-for-strangers")
    @pytest.mark.parametrize(
        "said", ["x", "!!!", base64.b64encode(b"no XML").decode(), base64.b64encode(BOMB).decode()]
    )
    def test_what_a_provider_has_not_signed_is_not_kept(self, client, by_saml, said):
        before = rows()
        response = client.post("/accounts/saml/cnam/acs/", {"SAMLResponse": said}, **HOST)
        assert (response.status_code, response.url, rows()) == (302, reverse("saml_finish_acs", args=["cnam"]), before)

    def test_what_another_has_signed_is_not_kept_either_but_counted_in_one_row(self, client, saml, by_saml):
        there = Client().get("/accounts/saml/cnam/login/", **HOST)
        to, answer = saml.answer(there.url, "ada@cnam.example", key=providers.SamlProvider().key)
        before = rows()
        for _ in range(3):
            assert client.post(urlsplit(to).path, {"SAMLResponse": answer}, **HOST).url == reverse(
                "saml_finish_acs", args=["cnam"]
            )
        assert rows() == before | {"SignInFailure": 1}
        assert SignInFailure.objects.get().number == 3

    @pytest.mark.proves("no-row-for-strangers")
    @pytest.mark.parametrize("method", ["head", "put", "delete", "patch", "options", "trace"])
    def test_odd_methods_are_refused(self, client, by_saml, method):
        given = {
            "server_url": "https://idp.example.org",
            "client_id": "summit",
            "secret": "s3cret",
            "domains": "x.example",
        }
        SignIn.objects.create(institution=make.institution(name="Open", slug="open"), is_active=True, **given)
        before = rows()
        for path in ("oidc/open/login/", "oidc/open/login/callback/", "saml/cnam/login/", "saml/cnam/acs/finish/"):
            assert getattr(client, method)(f"/accounts/{path}", **HOST).status_code == 405
        assert client.get("/accounts/saml/cnam/acs/", **HOST).status_code == 405
        assert rows() == before


class TestSignInMethods:
    def test_the_sign_in_page_shows_those_that_are_open(self, client, by_oidc):
        SignIn.objects.create(institution=make.institution(name="Fermée"), domains="x.fr")
        said = client.get("/accounts/login/?next=/wishes/").content.decode()
        assert 'href="/accounts/oidc/cnam/login/?next=/wishes/"' in said
        assert "Fermée" not in said

    def test_one_that_is_closed_or_unknown_is_not_there(self, client, by_oidc):
        by_oidc.is_active = False
        by_oidc.save()
        for path in ("/accounts/oidc/cnam/login/", "/accounts/oidc/other/login/", "/accounts/saml/cnam/login/"):
            assert client.get(path).status_code == 404

    @pytest.mark.proves("vouched-domains")
    def test_only_administrators_with_every_right_set_one_up_and_the_secret_is_shown_to_nobody(self, client, by_oidc):
        page = f"/admin/partners/signin/{by_oidc.pk}/change/"
        make.sign_in(client, make.organiser())
        assert "s3cret" not in client.get(page).content.decode()
        form = {
            "institution": by_oidc.institution_id,
            "protocol": "openid_connect",
            "domains": "Cnam.example, @etu.cnam.example",
            "server_url": "http://insecure.example/",
            "client_id": "x",
            "secret": "",
        }
        assert "https" in client.post(page, form).content.decode()
        form["server_url"] = "https://idp.cnam.example/"
        client.post(page, form)
        by_oidc.refresh_from_db()
        assert (by_oidc.secret, by_oidc.domains) == ("s3cret", "cnam.example\netu.cnam.example")
        assert "s3cret" not in client.get(f"/admin/partners/signin/{by_oidc.pk}/history/").content.decode()

        staff = make.user(is_staff=True)
        staff.user_permissions.set(Permission.objects.filter(content_type__app_label="partners"))
        assert make.sign_in(Client(), staff).get(page).status_code == 403
