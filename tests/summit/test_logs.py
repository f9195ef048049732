"""One record, one line: nobody forges a record by what they call themselves."""

import io
import logging
import os
import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.urls.converters import StringConverter

from summit.logs import SECRET_PAGES, LineFormatter

pytestmark = pytest.mark.runs_once("lines of the log: no database is asked")

ROOT = Path(__file__).parents[2]
FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def line(message: str, *args: object, **fields: object) -> str:
    record = logging.LogRecord("summit", logging.WARNING, __file__, 1, message, args, None)
    record.__dict__ |= fields
    return LineFormatter(FORMAT).format(record)


@pytest.mark.proves("no-forged-text")
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_name_with_a_line_break_stays_in_its_record(end: str):
    written = line("Welcome %s", f"Ada{end}2027-02-04 ERROR summit Everything is lost")

    assert len(written.splitlines()) == 1
    assert "Welcome Ada\\" in written


def test_a_name_cannot_command_the_terminal():
    assert "\x1b" not in line("Welcome %s", "\x1b[2JAda")


def test_french_and_tabs_are_kept():
    assert line("Œuvre\tà l’été — 东京").endswith("Œuvre\tà l’été — 东京")


def test_a_trace_stays_in_its_record():
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        written = line("It failed", exc_info=sys.exc_info())

    assert len(written.splitlines()) == 1
    assert "ValueError: one\\ntwo" in written


def test_times_are_utc():
    written = line("Now", created=datetime(2027, 2, 4, 8, 30, tzinfo=UTC).timestamp(), msecs=7.0)

    assert written.startswith("2027-02-04T08:30:00.007Z WARNING summit Now")


@pytest.mark.proves("sparse-logs")
def test_gunicorn_writes_its_lines_in_the_same_form_and_without_forgeries(tmp_path: Path, free_port: int):
    (tmp_path / "answer.py").write_text(
        "def application(environ, start):\n    start('200 OK', [])\n    return [b'ok']\n"
    )
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "--workers", "1"]
    command += ["--bind", f"127.0.0.1:{free_port}", "--pythonpath", f"{ROOT},{tmp_path}", "answer"]
    with (tmp_path / "out").open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        for request in (
            (
                "GET /%0d%0aforged?name=lovelace HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Firefox\r\nConnection: "
                "close\r\n\r\n"
            ),
            "GET /vt HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x\x0bforged\r\nConnection: close\r\n\r\n",
            "GET /cr HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x\rforged\r\nConnection: close\r\n\r\n",
            "GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        ):
            ask(free_port, request.encode())
    finally:
        server.terminate()
        server.wait(timeout=30)

    written = (tmp_path / "out").read_text()
    lines = written.splitlines()
    assert [
        line
        for line in lines
        if not re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (INFO|WARNING) gunicorn\.(error|access) ", line)
    ] == []
    [line] = [line for line in lines if "/\\r" in line]
    assert re.search(r'gunicorn\.access 127\.0\.0\.1 "GET /\\r\\nforged HTTP/1\.1" 200 \d+ bytes [\d.]+ ms -$', line)
    # A header with a line break is refused, and none is logged; nor is what was searched for.
    assert written.count("forged") == 1
    assert not re.search("lovelace|Firefox", written)
    assert any('"GET /last HTTP/1.1" 200' in line for line in lines)


# Each kind of secret, as an address holds it; KEY is what no line may hold.
KEY = "K3yoooooooooooooooooooooooooooooooooooooooooooooooooooo1"
SECRETS = [
    *(f"{language}/{page}/{KEY}/" for page in SECRET_PAGES for language in ("", "/en")),
    f"/invitations/{KEY}/?erase",
    "/invitations/short-old-key/",
    f"/calendar/{KEY}/summit.ics",
    f"/calendar/{KEY}.ics",
    f"/%69nvitations/{KEY}/",
    f"/accounts/login/?next=%2Finvitations%2F{KEY}%2F%3Ferase",
    "/accounts/login/?next=%2Fen%2Finvitations%2Fshort-old-key%2F",
    "/accounts/confirm/?next=%252Fmails%252Fshort-old-key%252F&x=1",
    "/accounts/oidc/cnam/login/callback/?code=short-old-key&state=short-old-key",
    "/accounts/login/?next=%2Foidc%2F%3Fcode%3Dshort-old-key%26x%3D1",
    "/x/?a=1&id_token=short-old-key&session_state=short-old-key",
    "/x/?SAMLResponse=short-old-key%3D%3D&RelayState=short-old-key",
    "/admin/accounts/user/?q=ada%40short-old-key.example",
    "/admin/accounts/user/?q=ada@short-old-key.example",
    "/admin/accounts/user/?q=Ada+ada%40short-old-key.example+x&o=1",
    "/x/?ada@short-old-key.example",
    "/accounts/login/?next=%2Fadmin%2F%3Fq%3Dada%2540short-old-key.example",
]


def leaks(text: str) -> list[str]:
    return [line for line in text.splitlines() if KEY in line or "short-old-key" in line or "ada@" in line]


@pytest.mark.proves("sparse-logs")
@pytest.mark.parametrize("address", SECRETS)
def test_no_line_holds_what_opens_something(address: str):
    for said in (f'"GET {address} HTTP/1.1" 200', f"Not Found: {address}", f"'{address}' failed", address):
        written = line("%s", said)
        assert leaks(written) == [] and "***" in written


@pytest.mark.proves("sparse-logs")
@pytest.mark.parametrize(
    "harmless",
    [
        "GET /sessions/une-tres-longue-seance-sur-l-ethique-et-la-gouvernance-2027/ HTTP/1.1",
        "GET /me/mails/?x=1 HTTP/1.1",
        "GET /me/calendar/ HTTP/1.1",
        "GET /programme/?track=code&day=2 HTTP/1.1",
        "POST /mail/events/mailgun/ HTTP/1.1",
        "Task notices.tasks.tell[0b6a5c1e-9d6c-4c43-9c36-2f3a8c0e9f11] succeeded in 0.2s: None",
        "GET /accounts/login/?next=%2Fme%2F HTTP/1.1",
    ],
)
def test_the_rest_of_a_line_stays(harmless: str):
    assert line("%s", harmless).endswith(harmless)


@pytest.mark.proves("sparse-logs")
def test_a_query_stays_but_for_its_secrets():
    written = line("GET /x/?day=2&code=1234-5678&track=ethics HTTP/1.1")
    assert written.endswith("GET /x/?day=2&code=***&track=ethics HTTP/1.1")


@pytest.mark.proves("sparse-logs")
def test_every_page_whose_path_holds_a_key_is_known():
    """A new one must be added, or shown to be no secret."""

    def paths(resolver: URLResolver, before: str = ""):
        for one in resolver.url_patterns:
            path = before + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from paths(one, path)
            elif any(type(converter) is StringConverter for converter in one.pattern.converters.values()):
                yield path

    known = {path.partition("<")[0].rpartition("/")[0].rpartition("/")[2] for path in paths(get_resolver())}
    admin_and_colours = {"mailtemplate", "accents"}
    assert known - admin_and_colours == set(SECRET_PAGES)


@pytest.mark.proves("sparse-logs")
@pytest.mark.django_db
def test_what_django_logs_of_each_is_masked(client: Client):
    """As it reaches the stream, through the handlers of the settings."""
    handler = next(one for one in logging.getLogger().handlers if isinstance(one.formatter, LineFormatter))
    assert isinstance(handler, logging.StreamHandler)
    stream, handler.stream = handler.stream, io.StringIO()
    try:
        for address in SECRETS:
            client.get(address)
            Client(enforce_csrf_checks=True).post(address)
        written = handler.stream.getvalue()
    finally:
        handler.stream = stream
    assert leaks(written) == [] and written.count("***") >= len(SECRETS)


@pytest.mark.proves("sparse-logs")
def test_what_gunicorn_logs_of_each_is_masked(tmp_path: Path, free_port: int):
    (tmp_path / "answer.py").write_text(
        "def application(environ, start):\n"
        "    if environ['QUERY_STRING'] == 'fail': raise ValueError(environ['RAW_URI'])\n"
        "    start('200 OK', [])\n    return [b'ok']\n"
    )
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "--workers", "1"]
    command += ["--bind", f"127.0.0.1:{free_port}", "--pythonpath", f"{ROOT},{tmp_path}", "answer"]
    with (tmp_path / "out").open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        for address in [*SECRETS, f"/invitations/{KEY}/?fail"]:
            ask(free_port, f"GET {address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    finally:
        server.terminate()
        server.wait(timeout=30)

    written = (tmp_path / "out").read_text()
    assert leaks(written) == []
    assert len([line for line in written.splitlines() if "gunicorn.access" in line]) >= len(SECRETS)
    assert "ValueError" in written


@pytest.mark.proves("sparse-logs")
def test_what_a_worker_logs_of_each_is_masked():
    """Celery sets its own loggers up beside those of the settings."""
    script = (
        "import logging, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'summit.settings'\n"
        "import django; django.setup()\n"
        "from summit.celery import app\n"
        "app.log.setup(loglevel='INFO', redirect_stdouts=True)\n"
        f"for address in {SECRETS!r}:\n"
        "    for name in ('celery', 'celery.app.trace', 'celery.worker', 'celery.beat', 'outbox.tasks'):\n"
        "        logging.getLogger(name).error('Task raised: %s', address)\n"
        "    print('printed ' + address)\n"
    )
    environ = os.environ | {"SECRET_KEY": "0123456789-abcdefghij" * 3, "BASE_URL": "https://summit.example.org"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    written = done.stdout + done.stderr
    assert leaks(written) == []
    assert written.count("Task raised") == 5 * len(SECRETS) and written.count("printed") == len(SECRETS)


def ask(port: int, request: bytes, tries: int = 100) -> None:
    for _ in range(tries):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(request)
                while connection.recv(4096):
                    pass
                return
        except ConnectionRefusedError:
            time.sleep(0.1)
    pytest.fail("gunicorn does not answer")
