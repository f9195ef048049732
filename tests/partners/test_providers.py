"""ProConnect as its public guide says, providers that hang, lie or change their keys, and what is told of it."""

import logging
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core import clock
from core.fetching import SECONDS
from partners import providers, tasks
from partners.domain import provider_documents
from partners.models import ProviderDocuments, SignIn, SignInFailure
from tests import make, processes
from tests.partners import portal
from tests.partners.identity_providers import ProConnect
from tests.processes import wait_until
from tests.smtp import free_port

pytestmark = pytest.mark.django_db

BACK = "http://testserver/accounts/oidc/cnam/login/callback/"
BEGIN = "/accounts/oidc/cnam/login/"


@pytest.fixture
def proconnect():
    with ProConnect(BACK).running() as running:
        yield running


@pytest.fixture
def sign_in(proconnect):
    given = {"server_url": proconnect.address, "client_id": proconnect.client_id, "secret": proconnect.secret}
    of = make.institution(name="Cnam", slug="cnam")
    made = SignIn.objects.create(institution=of, is_active=True, protocol="proconnect", domains="cnam.example", **given)
    tasks.fetch_documents()
    return made


def through(client: Client, query: str = ""):
    """Follow the browser to the provider and back; the answer of our side."""
    there = client.get(BEGIN + query)
    assert there.status_code == 302, there
    answer = requests.get(there.url, allow_redirects=False, timeout=10)
    assert answer.is_redirect, answer.text
    back = urlsplit(answer.headers["Location"])
    return client.get(f"{back.path}?{back.query}")


def who(client: Client) -> str:
    pk = client.session.get("_auth_user_id")
    return User.objects.get(pk=pk).email if pk else ""


def failures() -> list[tuple[str, str]]:
    return list(SignInFailure.objects.values_list("cause", "detail"))


class TestProConnect:
    @pytest.mark.proves("vouched-domains")
    @pytest.mark.parametrize("algorithm", ["RS256", "HS256"])
    def test_its_people_are_signed_in(self, client, proconnect, sign_in, algorithm):
        make.attendee(email="ada@cnam.example")
        proconnect.algorithm = algorithm
        response = through(client, "?next=/me/")
        assert (response.url, who(client), failures()) == ("/me/", "ada@cnam.example", [])

    @pytest.mark.proves("vouched-domains")
    def test_nothing_is_asked_that_the_guide_does_not_name(self, client, proconnect, sign_in):
        asked = [parse_qs(urlsplit(client.get(f"{BEGIN}{query}").url).query) for query in ("", "?scope=phone,siret")]
        asked.append(parse_qs(urlsplit(client.get(f"{BEGIN}?auth_params=prompt%3Dnone&process=connect").url).query))
        for said in asked:
            assert set(said) == {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce"}
            assert set(said["scope"][0].split()) == {"openid", "email"}
            assert min(len(said["state"][0]), len(said["nonce"][0])) >= 32
        assert len({said[name][0] for said in asked for name in ("state", "nonce")}) == 6

    @pytest.mark.proves("vouched-domains")
    @pytest.mark.parametrize(
        ("what", "twist", "failure"),
        [
            ("token", lambda said: said | {"nonce": "x" * 43}, ("token", "nonce")),
            ("token", lambda said: {**said, "nonce": None}, ("token", "nonce")),
            ("token", lambda said: said | {"aud": "another-service"}, ("token", "audience")),
            ("token", lambda said: said | {"iss": "https://evil.example"}, ("token", "issuer")),
            ("token", lambda said: said | {"exp": int(time.time()) - 120}, ("token", "expired")),
            ("token", lambda said: jwt.encode(said, None, algorithm="none"), ("token", "algorithm")),
            ("token", lambda said: jwt.encode(said, "x" * 32, algorithm="HS256"), ("token", "signature")),
            ("token", lambda _said: "no.token.atall", ("token", "format")),
            ("token", lambda _said: 7, ("token", "none")),
            ("userinfo", lambda said: said | {"unsigned": True}, ("userinfo", "not signed")),
            ("userinfo", lambda said: said | {"sub": "somebody else"}, ("userinfo", "sub")),
            ("userinfo", lambda said: said | {"aud": "another-service"}, ("userinfo", "audience")),
            ("userinfo", lambda said: jwt.encode(said, "x" * 32, algorithm="HS256"), ("userinfo", "signature")),
            ("userinfo", lambda said: said | {"email": "ada@other.example"}, ("other_domain", "")),
            ("userinfo", lambda said: said | {"email": ""}, ("no_address", "")),
            ("userinfo", lambda said: said | {"email_verified": False}, ("not_verified", "")),
        ],
    )
    def test_a_token_that_is_not_what_it_should_be_signs_nobody_in(
        self, client, proconnect, sign_in, what, twist, failure
    ):
        proconnect.twist[what] = twist
        response = through(client)
        assert (response.url, who(client), failures()) == (reverse("account_login"), "", [failure])

    @pytest.mark.proves("vouched-domains")
    def test_a_new_key_is_fetched_by_the_worker_and_not_by_who_signs_in(self, client, proconnect, sign_in):
        ProviderDocuments.objects.update(fetched_at=clock.now() - timedelta(minutes=5))
        proconnect.kid = "second"
        proconnect.asked.clear()

        assert through(client).url == reverse("account_login")
        assert proconnect.asked == ["/authorize", "/token"]
        tasks.fetch_documents()

        through(client)
        assert who(client) == "ada@cnam.example"

    def test_an_answer_counts_once(self, client, proconnect, sign_in):
        there = client.get(BEGIN).url
        back = urlsplit(requests.get(there, allow_redirects=False, timeout=10).headers["Location"])
        client.get(f"{back.path}?{back.query}")
        client.logout()
        client.get(f"{back.path}?{back.query}")
        assert (who(client), failures()) == ("", [("unasked", "")])


class TestDocuments:
    @pytest.mark.proves("provider-documents")
    def test_nobody_who_signs_in_has_them_fetched(self, client, proconnect, sign_in):
        proconnect.asked.clear()
        for _ in range(3):
            client.get("/accounts/login/")
            client.get(BEGIN)
        assert proconnect.asked == []

    def test_they_are_fetched_again_within_the_hour_and_later_and_later_while_they_fail(self, proconnect, sign_in):
        now = clock.now()
        assert not provider_documents.due(now + timedelta(minutes=59))
        assert provider_documents.fetch(sign_in, at=now + timedelta(minutes=61))
        assert not provider_documents.fetch(sign_in, at=now + timedelta(minutes=61))  # another worker's

        proconnect.server.shutdown()
        proconnect.server.server_close()
        at, waits = now + timedelta(hours=3), []
        for _ in range(8):
            provider_documents.fetch(sign_in, at=at)
            due_at = ProviderDocuments.objects.get().due_at
            waits.append(int((due_at - at).total_seconds() / 60))
            at = due_at
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
        assert ProviderDocuments.objects.get().problem in ("connection", "time")
        assert provider_documents.usable(sign_in, at=now + timedelta(hours=24))
        with pytest.raises(provider_documents.NotUsable):
            provider_documents.usable(sign_in, at=now + timedelta(hours=26))

    @pytest.mark.parametrize(
        ("name", "value", "problem"),
        [
            ("jwks_uri", None, "incomplete"),
            ("authorization_endpoint", "http://evil.example/", "address"),
            ("authorization_endpoint", "javascript:alert(1)", "address"),
            ("jwks_uri", "http://10.0.0.1/jwks", "address"),
        ],
    )
    def test_documents_that_lead_elsewhere_or_lack_something_are_not_taken(
        self, proconnect, sign_in, monkeypatch, name, value, problem
    ):
        said = proconnect._json
        monkeypatch.setattr(proconnect, "_json", lambda it, status=200: said({**it, name: value}, status))
        provider_documents.fetch(sign_in, at=clock.now() + timedelta(hours=2))
        kept = ProviderDocuments.objects.get()
        assert (kept.problem, kept.configuration["issuer"]) == (problem, proconnect.address)

    def test_those_of_another_address_are_not_gone_by(self, client, proconnect, sign_in):
        sign_in.server_url = "https://idp.example.org"
        sign_in.save()
        assert client.get(BEGIN).url == reverse("account_login")
        assert failures() == [("documents", "")]

    @pytest.mark.proves("provider-documents")
    def test_saving_a_sign_in_has_them_fetched(
        self, client, proconnect, sign_in, django_capture_on_commit_callbacks, monkeypatch
    ):
        make.sign_in(client, make.organiser())
        form = {"institution": sign_in.institution_id, "protocol": "openid_connect", "domains": "cnam.example"}
        form |= {"server_url": "https://idp.example.org", "client_id": "x", "secret": ""}
        with django_capture_on_commit_callbacks() as rung:
            assert client.post(f"/admin/partners/signin/{sign_in.pk}/change/", form).status_code == 302
        assert len(rung) == 1
        assert [found.pk for found in provider_documents.due(clock.now())] == [sign_in.pk]


class TestFailures:
    @pytest.mark.proves("sign-in-failures")
    def test_they_are_logged_and_counted_with_their_cause_and_without_secrets(
        self, client, proconnect, sign_in, caplog
    ):
        sign_in.secret = "another-secret-that-is-wrong"
        sign_in.save()
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                through(client)

        kept = SignInFailure.objects.get()
        assert (kept.cause, kept.detail, kept.number) == ("client", "invalid_client", 3)
        assert "Sign-in through cnam failed: client (invalid_client)" in caplog.text
        assert "another-secret" not in caplog.text and "@" not in caplog.text

    @pytest.mark.proves("sign-in-failures")
    def test_what_a_browser_brings_back_is_kept_as_a_code_alone(self, client, sign_in):
        for error in ("access_denied", "ada@cnam.example", "<b>", "x" * 200):
            state = parse_qs(urlsplit(client.get(BEGIN).url).query)["state"][0]
            client.get(f"{BEGIN}callback/", {"error": error, "state": state})
            assert failures() == [("refused", "access_denied" if error == "access_denied" else "")]

    @pytest.mark.proves("sign-in-failures")
    def test_owners_and_organisers_read_them_in_words(self, client, sign_in):
        client.get(f"{BEGIN}callback/?state=x&code=y")
        words = "La réponse est arrivée trop tard"
        owner, viewer = make.user("o@cnam.example"), make.user("v@cnam.example")
        portal.role(sign_in.institution, "owner", owner)
        portal.role(sign_in.institution, "viewer", viewer)

        assert words in make.sign_in(Client(), owner).get("/partners/cnam/").content.decode()
        assert words not in make.sign_in(Client(), viewer).get("/partners/cnam/").content.decode()
        page = make.sign_in(client, make.organiser()).get(f"/admin/partners/signin/{sign_in.pk}/change/")
        assert words in page.content.decode()

    def test_those_of_last_month_are_forgotten(self, client, sign_in):
        client.get(f"{BEGIN}callback/?state=x&code=y")
        SignInFailure.objects.update(last_at=clock.now() - timedelta(days=31), number=7)
        client.get(f"{BEGIN}callback/?state=x&code=y")
        assert SignInFailure.objects.get().number == 1


@contextmanager
def web_server(port: int, folder: Path):
    """gunicorn as it serves the product, one process, on the database of the test."""
    command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--bind", f"127.0.0.1:{port}"]
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_DATABASE_URL": processes.database_url()}
    with (folder / "web.log").open("w") as log:
        server = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: (folder / "web.log").read_text().count("Booting worker"), 60, "a web server that serves")
        wait_until(lambda: seconds(f"http://127.0.0.1:{port}/accounts/login/") < 5, 60, "a first page")
        yield
    finally:
        server.terminate()
        server.wait(40)


def seconds(address: str) -> float:
    began = time.monotonic()
    assert requests.get(address, timeout=30).status_code == 200
    return time.monotonic() - began


@pytest.mark.proves("provider-documents")
class TestAProviderThatHangs:
    def test_a_page_that_begins_asks_it_nothing(self, client, proconnect, sign_in):
        proconnect.hangs |= {"/token", "/jwks", "/.well-known/openid-configuration"}
        proconnect.asked.clear()
        for _ in range(20):
            began = time.monotonic()
            assert client.get(BEGIN).url.startswith(proconnect.address)
            assert client.get("/accounts/login/").status_code == 200
            assert time.monotonic() - began < SECONDS
        assert proconnect.asked == []

    @pytest.mark.django_db(transaction=True)
    def test_forty_who_come_back_from_it_hold_up_nobody_else(self, proconnect, sign_in, tmp_path):
        """A web server of one process and four threads, and forty browsers that it should ask the provider about."""
        port = free_port()
        site = f"http://127.0.0.1:{port}"
        proconnect.redirect_uri = f"{site}/accounts/oidc/cnam/login/callback/"
        with web_server(port, tmp_path):
            browsers = [requests.Session() for _ in range(40)]
            backs = []
            for browser in browsers:
                there = browser.get(site + BEGIN, allow_redirects=False, timeout=30).headers["Location"]
                backs.append(requests.get(there, allow_redirects=False, timeout=10).headers["Location"])
            alone = sorted(seconds(f"{site}/accounts/login/") for _ in range(9))[4]
            proconnect.hangs |= {"/token", "/jwks", "/.well-known/openid-configuration"}

            with ThreadPoolExecutor(40) as crowd:
                began = time.monotonic()
                answers = [
                    crowd.submit(browser.get, back, allow_redirects=False, timeout=60)
                    for browser, back in zip(browsers, backs, strict=True)
                ]
                wait_until(lambda: "/token" in proconnect.asked, 10, "a question to the provider")
                time.sleep(0.5)  # the crowd itself is through: what is left is who waits for the provider
                meanwhile = sorted(seconds(f"{site}/accounts/login/") for _ in range(9))[4]
                assert proconnect.asked.count("/token") == providers.AT_A_TIME
                assert time.monotonic() - began < SECONDS + 2, "nobody waits any more: nothing was measured"
                found = [answer.result() for answer in answers]

        assert {(answer.status_code, answer.headers["Location"]) for answer in found} == {(302, "/accounts/login/")}
        assert dict(SignInFailure.objects.values_list("cause", "number")) == {"unreachable": 2, "busy": 38}
        assert meanwhile < 3 * alone + 0.1  # as before; where threads are held it is seconds

    def test_the_worker_gives_it_up_in_time(self, proconnect, sign_in):
        proconnect.hangs.add("/.well-known/openid-configuration")
        began = time.monotonic()
        provider_documents.fetch(sign_in, at=clock.now() + timedelta(hours=2))
        assert time.monotonic() - began < SECONDS + 2
        assert ProviderDocuments.objects.get().problem == "time"
