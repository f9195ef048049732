"""One record, one line: nobody forges a record by what they call themselves."""

import logging
import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from summit.logs import LineFormatter

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
    assert re.search(r'gunicorn\.access 127\.0\.0\.1 "GET /\\r\\nforged HTTP/1\.1" 200 \d+ bytes [\d.]+ ms$', line)
    # A header with a line break is refused, and none is logged; nor is what was searched for.
    assert written.count("forged") == 1
    assert not re.search("lovelace|Firefox", written)
    assert any('"GET /last HTTP/1.1" 200' in line for line in lines)


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
