"""A mail server that accepts everything and notes what came when: a process of its own, so small that it measures
nothing but the sender.

`python bench/sink.py FILE` prints its port and writes a line for each mail: time, recipient, Message-ID.
"""

import asyncio
import re
import sys
import time
from typing import TextIO

MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, notes: TextIO) -> None:
        self.notes, self.got, self.to, self.in_data = notes, bytearray(), "", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.say(b"220 sink")

    def say(self, words: bytes) -> None:
        self.transport.write(words + b"\r\n")  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.got += data
        while True:
            end = self.got.find(b"\r\n.\r\n" if self.in_data else b"\r\n")
            if end < 0:
                return
            part = bytes(self.got[:end])
            del self.got[: end + (5 if self.in_data else 2)]
            if self.in_data:
                self.in_data = False
                found = MESSAGE_ID.search(part)
                self.notes.write(f"{time.time():.4f} {self.to} {found.group(1).decode() if found else '?'}\n")
                self.notes.flush()
                self.say(b"250 OK")
            else:
                self.answer(part)

    def answer(self, line: bytes) -> None:
        match line[:4].upper():
            case b"DATA":
                self.in_data = True
                self.say(b"354 go on")
            case b"RCPT":
                self.to = line.partition(b"<")[2].partition(b">")[0].decode()
                self.say(b"250 OK")
            case b"QUIT":
                self.say(b"221 bye")
                self.transport.close()
            case _:
                self.say(b"250 OK")


async def main(path: str) -> None:
    with open(path, "a", encoding="utf-8") as notes:
        server = await asyncio.get_running_loop().create_server(lambda: Sink(notes), "127.0.0.1", 0, backlog=200)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
