"""What protects every page alike: host names, the content policy, https, no calls to other sites."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

ROOT = Path(__file__).parents[2]
APPS = sorted(folder.parent for folder in ROOT.glob("*/apps.py"))
EVERYWHERE = ["/", "/en/programme/", "/accounts/login/", "/me/", "/admin/", "/nowhere/", "/livez"]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.runs_once("answers and sources: what protects a page does not depend on the database"),
]


@pytest.mark.parametrize(
    "host", ["evil.example.org", "testserver.evil.example.org", "testserver:80@evil.example.org", "evil.example.org:80"]
)
def test_a_foreign_host_name_is_refused(client: Client, host: str):
    assert client.get("/", headers={"host": host}).status_code == 400


def test_a_host_name_that_a_stranger_forwards_is_ignored(client: Client):
    answer = client.get(
        "/accounts/login/", headers={"x-forwarded-host": "evil.example.org", "forwarded": "host=evil.example.org"}
    )

    assert answer.status_code == 200
    assert b"evil.example.org" not in answer.content


@pytest.mark.proves("no-foreign-scripts")
@pytest.mark.parametrize("path", EVERYWHERE[:-1])
def test_every_page_runs_only_our_own_scripts_and_cannot_be_framed(client: Client, path: str):
    answer = client.get(path)

    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert {name: policy[name] for name in ("default-src", "frame-ancestors", "base-uri")} == dict.fromkeys(
        ("default-src", "frame-ancestors", "base-uri"), "'none'"
    )
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "form-action")} == {"'self'"}
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert (answer["X-Content-Type-Options"], answer["X-Frame-Options"]) == ("nosniff", "DENY")
    assert answer["Referrer-Policy"] == "same-origin"
    assert {"camera=()", "microphone=()", "geolocation=()"} <= set(answer["Permissions-Policy"].split(", "))


@pytest.mark.parametrize("path", [*EVERYWHERE[:-1], "/static/core/site.css"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_a_method_that_no_page_takes_is_refused(client: Client, path: str, method: str):
    answer = client.generic(method, path, headers={"x-http-method-override": "GET"})

    assert answer.status_code == 405
    assert "GET" in answer["Allow"]


@pytest.mark.proves("no-cached-personal-pages")
@pytest.mark.parametrize("path", EVERYWHERE)
@pytest.mark.on_both("runs a statement that no other test runs")
def test_no_page_is_kept_by_a_shared_cache_unless_it_says_so(client: Client, path: str):
    answer = client.get(path)

    kept = answer["Cache-Control"]
    assert "no-store" in kept or ("public" in kept and not answer.cookies and "Cookie" not in answer.get("Vary", ""))


ASK = """
import json, sys, warnings, django
warnings.simplefilter("ignore")
django.setup()
from django.test import Client
client = Client(headers={"host": "summit.example.org", "x-forwarded-proto": "https"})
answer = client.get("/admin/login/", follow=False)
from django.conf import settings
print(json.dumps([answer.get("Strict-Transport-Security", ""), \
settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE]))
"""


@pytest.mark.runs_once("settings: a process of its own, which asks no database")
@pytest.mark.parametrize(
    ("address", "proxies", "expected"),
    [
        ("https://summit.example.org", "1", ["max-age=31536000; includeSubDomains; preload", True, True]),
        ("https://summit.example.org", "0", ["", True, True]),  # anybody can send the header
        ("http://summit.example.org", "1", ["", False, False]),
    ],
)
def test_https_is_believed_only_of_a_proxy_that_was_announced(address: str, proxies: str, expected: list[object]):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "summit.settings",
        "BASE_URL": address,
        "TRUSTED_PROXY_COUNT": proxies,
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK], check=True, cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert json.loads(done.stdout) == expected


def _is_of(name: str, clients: set[str]) -> bool:
    return any(name == client or name.startswith(f"{client}.") for client in clients)


@pytest.mark.proves("no-typed-address-fetched")
@pytest.mark.runs_once("the sources are read")
def test_no_code_of_ours_calls_other_sites():
    """An address that somebody typed is never fetched, so nobody reaches inner networks through Summit."""
    clients = {"requests", "httpx", "aiohttp", "urllib3", "http.client", "urllib.request", "ftplib"}
    # The demo and `make dev` ask their own server on loopback whether it has started; the other asks the identity
    # providers that an administrator with every right has set up (tests/core/test_fetching.py).
    allowed = {ROOT / name for name in ("summit/supervisor.py", "core/fetching.py")}

    found = []
    for file in [file for app in APPS for file in app.rglob("*.py") if file not in allowed]:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{file.relative_to(ROOT)}: {name}" for name in names if _is_of(name, clients)]

    assert len(APPS) >= 6
    assert found == []
