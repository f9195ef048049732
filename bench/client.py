"""A small keep-alive HTTP client that costs little CPU, since it shares the machine with the server that it
measures."""

import asyncio
import contextlib
import http.client
import itertools
import resource
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

PAGES_PER_S = 20
BUSY = 8  # requests under way at once
SEAT_BOX = {"HX-Request": "true", "HX-Target": "seat-box"}


@dataclass(slots=True)
class Answer:
    """What came back. `status` is 0 when the connection broke or the time was over first; `body` is empty unless
    kept."""

    key: int
    status: int
    seconds: float
    ended_at: float
    head: bytes = b""
    body: bytes = b""

    def header(self, name: str) -> str:
        """The value of the header `name`, or an empty string."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""


@dataclass
class Rush:
    """All answers of one rush, and how much of one core the client itself used: near 1, it is the client that was
    measured."""

    answers: list[Answer] = field(default_factory=list)
    started_at: float = 0.0
    seconds: float = 0.0
    client_cpu: float = 0.0

    def per_s(self) -> float:
        return round(len(self.answers) / self.seconds, 1) if self.seconds else 0.0

    def ms(self, percent: float) -> float:
        """The time, in milliseconds, within which `percent` of the answers came."""
        times = sorted(answer.seconds for answer in self.answers)
        return round(times[min(int(len(times) * percent / 100), len(times) - 1)] * 1000, 1) if times else 0.0


def request_bytes(
    path: str,
    *,
    port: int,
    cookies: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> bytes:
    """A GET of `path`, or the POST of a form `body`, ready to send."""
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if cookies:
        lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in cookies.items()))
    if body is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def rush(
    port: int,
    requests: Iterable[tuple[int, bytes]],
    *,
    concurrency: int,
    seconds: float | None = None,
    limit: float = 60,
    keep: bool = False,
) -> Rush:
    """Send `requests` (key and bytes) to 127.0.0.1:`port` over `concurrency` connections, each waiting for its answer.

    Stops when they run out, or starts none after `seconds`; after `limit` seconds what is still open counts as broken.
    `keep` keeps the bodies.
    """
    return asyncio.run(_rush(port, iter(requests), concurrency, seconds, limit, keep))


async def _rush(
    port: int, requests: Iterator[tuple[int, bytes]], concurrency: int, seconds: float | None, limit: float, keep: bool
) -> Rush:
    loop, result = asyncio.get_running_loop(), Rush()
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    result.started_at = time.perf_counter()
    stop_at = result.started_at + seconds if seconds else None
    connections = [_Connection(loop, port, requests, result.answers, stop_at, keep) for _ in range(concurrency)]
    for connection in connections:
        connection.next()
    _, late = await asyncio.wait([connection.done for connection in connections], timeout=limit)
    if late:
        for connection in connections:
            connection.give_up()
    result.seconds = time.perf_counter() - result.started_at
    used = resource.getrusage(resource.RUSAGE_SELF)
    result.client_cpu = round((used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime) / result.seconds, 2)
    return result


class _Connection(asyncio.Protocol):
    """One client: asks, waits for the whole answer, asks again; opens a new connection when the server closed the last
    one."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        port: int,
        requests: Iterator[tuple[int, bytes]],
        answers: list[Answer],
        stop_at: float | None,
        keep: bool,
    ) -> None:
        self.loop, self.port, self.requests, self.answers, self.stop_at, self.keep = (
            loop,
            port,
            requests,
            answers,
            stop_at,
            keep,
        )
        self.done: asyncio.Future[None] = loop.create_future()
        self.transport: asyncio.Transport | None = None
        self.asked: tuple[int, bytes] | None = None
        self.began = 0.0
        self.opening: asyncio.Task[None] | None = None

    def next(self) -> None:
        self.asked = None
        if self.stop_at is None or time.perf_counter() < self.stop_at:
            self.asked = next(self.requests, None)
        if self.asked is None:
            self._finish()
            return
        self.got, self.head, self.want, self.chunked = bytearray(), b"", -1, False
        self.began = time.perf_counter()
        if self.transport and not self.transport.is_closing():
            self.transport.write(self.asked[1])
        else:
            self.opening = self.loop.create_task(self._open())

    async def _open(self) -> None:
        try:
            self.transport, _ = await self.loop.create_connection(lambda: self, "127.0.0.1", self.port)
        except OSError:
            self._answer(0)
            return
        if self.asked:
            self.transport.write(self.asked[1])

    def data_received(self, data: bytes) -> None:
        if self.asked is None:
            return
        self.got += data
        if not self.head:
            end = self.got.find(b"\r\n\r\n")
            if end < 0:
                return
            self.head = bytes(self.got[:end])
            del self.got[: end + 4]
            lower = self.head.lower()
            self.chunked = b"transfer-encoding: chunked" in lower
            mark = lower.find(b"\r\ncontent-length:")
            if mark >= 0:
                self.want = int(lower[mark + 17 :].split(b"\r\n", 1)[0])
            elif lower[9:12] in (b"204", b"304"):
                self.want = 0
        if self.chunked:
            if self.got.endswith(b"0\r\n\r\n"):
                self._answer(int(self.head[9:12]))
        elif self.want >= 0 and len(self.got) >= self.want:
            self._answer(int(self.head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.asked is not None:
            # Without a length, the end of the connection is the end of the answer; otherwise it broke.
            self._answer(int(self.head[9:12]) if self.head and self.want < 0 and not self.chunked else 0)

    def _answer(self, status: int) -> None:
        asked, self.asked = self.asked, None
        if asked is None:
            return
        now = time.perf_counter()
        body = (_unchunk(bytes(self.got)) if self.chunked else bytes(self.got)) if self.keep else b""
        self.answers.append(Answer(asked[0], status, now - self.began, now, self.head if self.keep else b"", body))
        if self.transport and b"connection: close" in self.head.lower():
            self.transport.close()
            self.transport = None
        # Not at once: a server that refuses every connection would otherwise fill the stack.
        self.loop.call_soon(self.next)

    def give_up(self) -> None:
        self.requests, self.stop_at = iter(()), 0.0
        if self.asked:
            self._answer(0)
        if self.opening:
            self.opening.cancel()
        self._finish()

    def _finish(self) -> None:
        if self.transport:
            self.transport.close()
            self.transport = None
        if not self.done.done():
            self.done.set_result(None)


def _unchunk(data: bytes) -> bytes:
    parts = []
    with contextlib.suppress(ValueError):
        while data:
            size, _, rest = data.partition(b"\r\n")
            length = int(size.split(b";")[0], 16)
            parts.append(rest[:length])
            data = rest[length + 2 :]
    return b"".join(parts)


def web_figures(at_rest: float, meanwhile: float, busy_at_rest: float, busy_meanwhile: float) -> dict[str, float]:
    """What a bench prints of how long an answer of the web took, in ms, at rest and beside its work."""
    return {
        "web_p95_ms_at_rest": at_rest,
        "web_p95_ms": meanwhile,
        "web_p95_ratio": round(meanwhile / at_rest, 2),
        "busy_web_p95_ms_at_rest": busy_at_rest,
        "busy_web_p95_ms": busy_meanwhile,
        "busy_web_p95_ratio": round(busy_meanwhile / busy_at_rest, 2),
    }


class Pages:
    """Strangers who ask for the seat box of one session, at `path`, and mind how long it takes."""

    def __init__(self, port: int, path: str) -> None:
        self.port, self.path = port, path

    def p95_ms_while(self, act: Callable[[], object]) -> float:
        """The time within which 95 % of the answers came while `act` went on, to one who asks some times a second."""
        took: list[float] = []
        over = threading.Event()
        asking = threading.Thread(target=self._ask, args=[took, over])
        asking.start()
        try:
            act()
        finally:
            over.set()
            asking.join()
        took.sort()
        return round(took[min(int(len(took) * 0.95), len(took) - 1)] * 1000, 1)

    def busy_p95_ms(self, seconds: float, going_on: Callable[[], bool] = lambda: True) -> float:
        """The same for as many visitors as the web has time for, for `seconds` or as long as something is
        `going_on`."""
        ask = request_bytes(self.path, port=self.port, headers=SEAT_BOX)
        asked = itertools.takewhile(lambda _: going_on(), itertools.repeat((0, ask)))
        return rush(self.port, asked, concurrency=BUSY, seconds=seconds, limit=seconds + 60).ms(95)

    def _ask(self, took: list[float], over: threading.Event) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not over.is_set():
            began = time.perf_counter()
            connection.request("GET", self.path, headers=SEAT_BOX)
            answer = connection.getresponse()
            answer.read()
            seconds = time.perf_counter() - began
            took.append(seconds if answer.status == 200 else 999.0)
            over.wait(max(0.0, 1 / PAGES_PER_S - seconds))
        connection.close()
