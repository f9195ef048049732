"""A real SMTP server that keeps what it is given and can be told to refuse, to dawdle or to be away."""

import asyncio
import os
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core.mail.backends.smtp import EmailBackend


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mailbox:
    """What arrived, in order. `refuse` holds answers to give instead, by recipient: `{"ada@example.org": "550 no such
    user"}`.

    `refuse_sender` and `refuse_data` answer every mail so; `hang_up_at` are recipients whose mail breaks the
    connection.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.received: list[tuple[str, Message]] = []
        self.refuse: dict[str, str] = {}
        self.refuse_sender = self.refuse_data = ""
        self.hang_up_at: set[str] = set()
        self.slow: set[str] = set()  # recipients that `seconds_each` is for; empty: all
        self.seconds_each = 0.0
        self.mails_per_connection = 0  # 0: any number
        self.connections = 0
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

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        session.carried = 0  # type: ignore[attr-defined]
        self.connections += 1
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse_sender:
            return self.refuse_sender
        if self.mails_per_connection and session.carried >= self.mails_per_connection:  # type: ignore[attr-defined]
            return "421 4.7.0 too many mails over one connection"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.refuse.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.seconds_each and not (self.slow and self.slow.isdisjoint(envelope.rcpt_tos)):
            await asyncio.sleep(self.seconds_each)
        if self.hang_up_at.intersection(envelope.rcpt_tos):
            server.transport.close()
            return "250 OK"
        if self.refuse_data:
            return self.refuse_data
        session.carried += 1  # type: ignore[attr-defined]
        content: Any = envelope.content
        self.received += [(to, message_from_bytes(content)) for to in envelope.rcpt_tos]
        return "250 OK"


class DiesOnceAccepted(EmailBackend):
    """kill -9 of its process between the mail server's "250" and whatever the process would write down about it."""

    def send_messages(self, email_messages: Any) -> int:
        super().send_messages(email_messages)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.open()
    try:
        yield box
    finally:
        box.close()
