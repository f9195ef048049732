"""Servers of others: how long they may take, how much they may send, and where they may be; with real ones."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core import fetching
from core.fetching import Client, NotFetched

pytestmark = pytest.mark.runs_once("the network: no database is asked")


class Odd(BaseHTTPRequestHandler):
    """Answers as its path says."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/hangs":
            self.server.is_over.wait(20)
            return
        body = {"/large": b"x" * (fetching.MAX_BYTES + 1), "/packed": gzip.compress(b"x" * 10_000_000)}.get(
            self.path, b"hello"
        )
        self.send_response(302 if self.path == "/elsewhere" else 200)
        self.send_header("Location", "/other")
        self.send_header("Set-Cookie", "a=b")
        if self.path == "/packed":
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for start in range(0, len(body), 1) if self.path == "/drips" else [None]:
            self.wfile.write(body if start is None else body[start : start + 1])
            if start is not None and self.server.is_over.wait(0.2):
                return

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    made.asked, made.is_over, made.daemon_threads = [], threading.Event(), True
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.is_over.set()
    made.shutdown()
    thread.join()
    made.server_close()


def refused(server: ThreadingHTTPServer, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
    with Client() as client, pytest.raises(NotFetched) as caught:
        client.get(f"{scheme}://{host}:{server.server_port}{path}")
    return caught.value.code


def test_an_answer_comes_whole_and_nothing_is_followed_or_remembered(server):
    with Client() as client:
        answer = client.get(f"http://127.0.0.1:{server.server_port}/elsewhere")
        assert (answer.status_code, answer.text, server.asked) == (302, "hello", ["/elsewhere"])
        assert not client.cookies


@pytest.mark.parametrize("path", ["/hangs", "/drips"])
def test_a_server_that_hangs_or_drips_is_cut_off_when_the_time_is_over(server, path, monkeypatch):
    monkeypatch.setattr(fetching, "SECONDS", 0.5)
    began = time.monotonic()
    assert refused(server, path) == "time"
    assert time.monotonic() - began < 2  # half a second, and what a busy machine takes


def test_a_name_that_nobody_answers_for_is_given_up_in_time(server, monkeypatch):
    monkeypatch.setattr(fetching, "SECONDS", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: server.is_over.wait(5) and [])
    began = time.monotonic()
    assert refused(server, "/", host="slow.example.org") == "time"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("path", ["/large", "/packed"])
def test_an_answer_that_is_large_or_would_unpack_to_much_is_not_taken(server, path):
    assert refused(server, path) == "size"


def test_a_server_without_a_certificate_is_not_believed(server):
    assert refused(server, "/", scheme="https") == "tls"


@pytest.mark.proves("no-typed-address-fetched")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0"])
def test_inner_addresses_are_refused_before_they_are_connected_to(server, host, settings):
    settings.LOOPBACK_PROVIDERS = False
    for scheme in ("http", "https"):
        assert refused(server, "/", host=host, scheme=scheme) == "address"
    assert server.asked == []


@pytest.mark.proves("no-typed-address-fetched")
def test_a_name_that_means_an_inner_address_a_moment_later_leads_nowhere_else(server, monkeypatch):
    """DNS rebinding: the first answer is looked at, and connected to; there is no second question."""
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))]]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: answers.pop())
    with Client() as client:
        assert client.get(f"http://rebinds.example.org:{server.server_port}/").text == "hello"
    assert answers == []


@pytest.mark.proves("no-typed-address-fetched")
def test_a_name_with_one_inner_address_among_others_is_refused(server, monkeypatch):
    places = [("93.184.215.14", server.server_port), ("10.0.0.7", server.server_port)]
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_args, **_more: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", at) for at in places],
    )
    assert refused(server, "/", host="both.example.org", scheme="https") == "address"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1%eth0", "fd00::1", "fec0::1", "ff02::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:f5ff:fffe"),
    ],
)
def test_an_address_of_an_inner_network_is_known_in_every_form(address):
    assert not fetching.is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "::ffff:93.184.215.14"])
def test_a_public_address_is_one(address):
    assert fetching.is_public(address)
