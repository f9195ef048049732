"""The one place from which Summit calls servers of others: identity providers that an administrator with every right
has set up. Nobody reaches inner networks through it (docs/rules.md#no-typed-address-fetched)."""

import os
import socket
import threading
import time
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from queue import Empty, SimpleQueue
from typing import Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

SECONDS = 3.0  # from the question to the last byte of the answer
MAX_BYTES = 512 * 1024
_NAT64 = ip_network("64:ff9b::/96")  # IPv4 addresses in IPv6 ones (RFC 6052)
_deadlines = threading.local()


class NotFetched(requests.RequestException):
    """Nothing came that may be used; `code` says why: `address`, `name`, `time`, `tls`, `size`, `connection`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Refused(Exception):
    """As NotFetched; what is an OSError, urllib3 would take for one of its own."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Client(requests.Session):
    """Asks a server within SECONDS and takes MAX_BYTES at most, over https, at public addresses. It follows the server
    nowhere else, sends nothing that the machine keeps for it (proxy, .netrc), and keeps no cookie.

    With LOOPBACK_PROVIDERS it also asks this machine, without https (a demonstration, tests). Raises NotFetched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True  # institutions have authorities of their own
        self.headers["Accept-Encoding"] = "identity"  # nothing that unpacks to more than it was
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter())

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        deadline = _Deadline(SECONDS)
        _deadlines.now = deadline
        try:
            answer = super().request(
                *args, **kwargs | {"allow_redirects": False, "stream": True, "timeout": SECONDS, "proxies": {}}
            )
            with answer:
                body = answer.raw.read(MAX_BYTES + 1, decode_content=False)
        except _Refused as refused:
            raise NotFetched(refused.code) from refused
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise NotFetched("time" if deadline.is_over else _cause(error)) from error
        finally:
            deadline.end()
            self.cookies.clear()
        if deadline.is_over:
            raise NotFetched("time")
        if len(body) > MAX_BYTES or answer.headers.get("Content-Encoding", "identity") != "identity":
            raise NotFetched("size")
        answer._content = body
        return answer

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None  # else requests reads the whole answer, however large, only to leave it


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the public Internet, an IPv4 address inside an IPv6 one included."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inside = _inside(found)
        if inside is not None:
            return is_public(str(inside))
    return found.is_global and not found.is_multicast and not getattr(found, "is_site_local", False)


def _inside(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


class _Deadline:
    """Cuts the connection when the time is over: a timeout of a socket begins anew with each byte."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._at = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def left(self) -> float:
        return max(0.01, self._at - time.monotonic())

    def watch(self, connection: socket.socket) -> None:
        self._socket = connection.dup()  # TLS takes the other one over

    def end(self) -> None:
        self._timer.cancel()
        if self._socket:
            self._socket.close()

    def _cut(self) -> None:
        self.is_over = True
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _connect(host: str, port: int, *, is_plain: bool) -> socket.socket:
    """A connection to an address of `host` that was looked at: the name is not looked up again, so what it means a
    moment later is all the same."""
    deadline: _Deadline = _deadlines.now
    addresses = _addresses(host.strip("[]"), port, deadline.left)
    for _family, _kind, _protocol, _name, place in addresses:
        is_own = settings.LOOPBACK_PROVIDERS and ip_address(str(place[0])).is_loopback
        if not is_own and (is_plain or not is_public(str(place[0]))):
            raise _Refused("address")
    for family, kind, protocol, _name, place in addresses:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.left)
            connection.connect(place)
        except OSError:
            connection.close()
            continue
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        deadline.watch(connection)
        return connection
    raise _Refused("time" if deadline.is_over else "connection")


def _addresses(host: str, port: int, seconds: float) -> list[Any]:
    """What the name means now. The system's own search knows no limit of time, so another thread waits for it."""
    found: SimpleQueue[Any] = SimpleQueue()

    def search() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            found.put([])

    threading.Thread(target=search, daemon=True).start()
    try:
        addresses = found.get(timeout=seconds)
    except Empty:
        raise _Refused("time") from None
    if not addresses:
        raise _Refused("name")
    return list(addresses)


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port or 80, is_plain=True)


class _Secure(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port or 443, is_plain=False)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


def _cause(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "tls"
    return "time" if isinstance(error, requests.Timeout) else "connection"
