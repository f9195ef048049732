"""A real SMTP server that keeps what it is given and can be told to refuse, to dawdle or to be away."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mailbox:
    """What arrived, in order. `refuse` holds answers to give instead: `{"ada@example.org": "550 no such user"}`, once each with `once`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.received: list[tuple[str, Message]] = []
        self.refuse: dict[str, str] = {}
        self.seconds_each = 0.0
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def message_ids(self) -> Counter[str]:
        return Counter(str(message["Message-ID"]) for _, message in list(self.received))

    @property
    def recipients(self) -> list[str]:
        return [to for to, _ in list(self.received)]

    def open(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if answer := self.refuse.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.seconds_each:
            await asyncio.sleep(self.seconds_each)
        content: Any = envelope.content
        self.received += [(to, message_from_bytes(content)) for to in envelope.rcpt_tos]
        return "250 OK"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.open()
    try:
        yield box
    finally:
        box.close()
