"""Who was erased, as hashes in a file outside the database: what a backup brings back goes again
(docs/operations.md#backups).

A line an act, written and forced to disk before the transaction commits. The database keeps the acts that it knows:
one that is in the file alone was lost with a crash or a restore, and is done again. Another file beside it says when
what is old was last deleted.
"""

import fcntl
import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from core.hashes import keyed_hash
from core.models import ErasureAct

log = logging.getLogger(__name__)

UNDONE_AFTER = timedelta(days=1)  # longer than any run, whose acts have the time at which it began


@dataclass(frozen=True)
class Act:
    act: str
    at: datetime
    why: str
    hashes: tuple[str, ...]


def account_hash(account: int) -> str:
    """Of a number: it means the same person where one of their addresses is known too."""
    return hash_of(f"account:{account}")


def address_hash(address: str) -> str:
    return hash_of(f"address:{address}")


def hash_of(words: str) -> str:
    """A hash that says nothing without the site's key."""
    return keyed_hash(f"core.erasure:{words}")


def hashes_of(accounts: Iterable[int], addresses: Iterable[str]) -> list[str]:
    return [*map(account_hash, sorted(accounts)), *map(address_hash, sorted(addresses))]


def path() -> Path:
    return Path(settings.ERASURE_LOG)


def note(hashes: Iterable[str], *, why: str, at: datetime, act: str = "") -> None:
    """Note an act, at the end of its transaction; `act`: one that is done again, whose line is there already."""
    name = act or str(uuid.uuid4())
    ErasureAct.objects.create(uuid=name, at=at)
    if not act:
        _append(json.dumps({"act": name, "at": at.isoformat(), "why": why, "hashes": list(hashes)}))


def _append(line: str) -> None:
    is_new = not path().exists()
    path().parent.mkdir(parents=True, exist_ok=True)
    with open(path(), "ab+", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":  # whoever wrote last was killed: that act has not happened
                file.write(b"\n")
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        folder = os.open(path().parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def note_run(at: datetime) -> None:
    """Note, beside the acts, when what is old was last deleted."""
    path().parent.mkdir(parents=True, exist_ok=True)
    written = _runs().with_suffix(f".{os.getpid()}")
    written.write_text(at.isoformat())
    written.replace(_runs())


def last_run() -> datetime | None:
    """When that was, whatever this database knows."""
    try:
        return datetime.fromisoformat(_runs().read_text())
    except (FileNotFoundError, ValueError):
        return None


def _runs() -> Path:
    return path().with_name("retention")


def missing() -> list[Act]:
    """The acts in the file that this database does not know, in their order.

    What a restore or a crash has lost is the end of the file. An act that is missing although one of more than a day
    later is known was undone together with what it was part of: whoever has its address by now asked for nothing.
    """
    acts = list(_read())
    if not acts:
        return []
    known = {str(name) for name in ErasureAct.objects.values_list("uuid", flat=True)}
    lost, later = [], None
    for act in reversed(acts):
        if act.act in known:
            later = max(filter(None, [later, act.at]))
        elif later is None or act.at > later - UNDONE_AFTER:
            lost.append(act)
    return lost[::-1]


def _read() -> Iterator[Act]:
    try:
        lines = path().read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            moment = datetime.fromisoformat(said["at"])
            yield Act(str(uuid.UUID(said["act"])), moment, said["why"], tuple(said["hashes"]))
        except (ValueError, KeyError, TypeError):
            if line.strip():
                log.warning("%s: line %d is not whole, its act has not happened.", path(), number)
