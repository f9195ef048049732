import logging
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

import css_inline
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.models import OuterRef, Subquery
from django.utils import translation
from django.utils.translation import gettext_noop

from core import clock
from outbox.domain import holds, lanes, mail_templates, slots
from outbox.domain.mail_kinds import NoLongerTrue, write
from outbox.domain.smtp_replies import Meaning, Reply, understand
from outbox.models import Message, MessageQuerySet, SuppressedAddress

log = logging.getLogger(__name__)

Status = Message.Status
Lane = Message.Lane
GIVE_UP_AFTER = timedelta(hours=24)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=30)
# How long one ring or sweep may last: /readyz expects a sign of life within a minute, also from a worker of one
# process.
SECONDS_AT_ONCE = 20
AT_A_LOOK, SECONDS_A_LOOK = 20, 1.0  # how many messages are seen at once, and how long that is believed
A_BACKLOG = 10  # mails sent by one ring or sweep: there is work for another process
METHOD = re.compile(r"^METHOD:([A-Z]+)\r?$", re.MULTILINE)
CALENDAR = re.compile(r"^BEGIN:VCALENDAR\r?\n.*?^END:VCALENDAR(?:\r?\n|\Z)", re.MULTILINE | re.DOTALL)
# Every mail comes from a program (RFC 3834 5): mailboxes do not answer it, nor tell that somebody is away.
AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
REASONS = {
    SuppressedAddress.Reason.BOUNCED: gettext_noop("Emails to this address bounce."),
    SuppressedAddress.Reason.COMPLAINED: gettext_noop("The owner of this address has reported our emails as spam."),
}
GONE = gettext_noop("What this email was about no longer exists.")


def deliver(message_uuid: uuid.UUID) -> bool:
    """Send one message if it is due and nobody else is at it; tell whether it was sent."""
    return _deliver([Message.objects.filter(uuid=message_uuid)], limit=1) == 1


def deliver_due(
    limit: int = 2000,
    *,
    first: uuid.UUID | None = None,
    urgent_only: bool = False,
    call_for_help: Callable[[], None] | None = None,
) -> int:
    """Send up to `limit` due messages for some seconds, `first` before all, then urgent ones (`urgent_only`: no
    others); return how many were sent.

    It needs no ring. `call_for_help` is called when there is more to do than one process does quickly.
    """
    everything = Message.objects.filter(lane=Lane.URGENT) if urgent_only else Message.objects.all()
    return _deliver(
        [Message.objects.filter(uuid=first), everything] if first else [everything],
        limit=limit,
        call_for_help=call_for_help,
    )


def _deliver(queues: Iterable[MessageQuerySet], *, limit: int, call_for_help: Callable[[], None] | None = None) -> int:
    """Send what is due in `queues`, one after the other, over one connection to the mail server.

    A worker that dies on the way leaves its message to the next one, once its lease is over: that is the only case in
    which a mail can arrive twice (docs/rules.md#mail).
    """
    holds.look_around()
    sent, until = 0, time.monotonic() + SECONDS_AT_ONCE
    with slots.slot() as may_send_all, _Way() as way:
        for queue in queues:
            due = _Due(queue if may_send_all else queue.filter(lane=Lane.URGENT))
            while limit and (message := _next(due, way)):
                limit -= 1
                if _send(message, way):
                    sent += 1
                else:
                    due.forget()  # its lane may rest now
                late = time.monotonic() > until
                if call_for_help and may_send_all and (late or sent == A_BACKLOG):
                    call_for_help()
                if late:
                    return sent
    return sent


class _Due:
    """What is due in a queue, looked at anew after a second: meanwhile others send, somebody asks for a code, a lane is
    paused."""

    def __init__(self, queue: MessageQuerySet) -> None:
        bad = SuppressedAddress.objects.filter(address=OuterRef("to"), cleared_at=None)
        self._queue = queue.annotate(
            bad=Subquery(bad.values("reason")[:1]), bad_words=Subquery(bad.values("words")[:1])
        )
        self._seen: list[Message] = []
        self._templates: dict[tuple[str, str], mail_templates.Texts] = {}
        self._until = 0.0

    def forget(self) -> None:
        self._seen = []

    def look(self) -> bool:
        """Whether anything is due."""
        if not self._seen or time.monotonic() >= self._until:
            self._seen = list(self._queue.deliverable(clock.now())[:AT_A_LOOK])
            if self._seen:
                self._templates = mail_templates.read()
            self._until = time.monotonic() + SECONDS_A_LOOK
        return bool(self._seen)

    def take(self) -> Message:
        """One of the first lane among those seen: any, so that the workers, who see the same ones, get in each other's
        way less often."""
        lane = sum(message.lane == self._seen[0].lane for message in self._seen)
        message = self._seen.pop(0 if self._seen[0].lane == Lane.URGENT else random.randrange(lane))  # noqa: S311
        message.templates = self._templates
        return message


def _next(due: _Due, way: "_Way") -> Message | None:
    # The connection comes first, then the lease: a mail server that cannot be reached costs no mail a try.
    while due.look() and way.open():
        message = due.take()
        if _claim(message, clock.now()):
            way.message = message
            return message
    return None


def _claim(message: Message, now: datetime) -> bool:
    """Take `message` under a lease, unless somebody has touched it since it was seen; if a worker had it, that one has
    died."""
    as_seen = Message.objects.filter(
        pk=message.pk, status=message.status, lease_token=message.lease_token, tries=message.tries
    )
    message.takeovers += message.status == Status.SENDING
    message.lease_token = uuid.uuid4()
    # One conditional UPDATE decides between two workers, on both databases.
    return bool(
        as_seen.update(
            status=Status.SENDING,
            takeovers=message.takeovers,
            lease_token=message.lease_token,
            lease_until=now + timedelta(seconds=settings.MAIL_LEASE_SECONDS),
        )
    )


def _send(message: Message, way: "_Way") -> bool:
    if message.bad and message.lane != Lane.URGENT:  # type: ignore[attr-defined]
        reason = f"{REASONS[message.bad]}\n{message.bad_words}".strip()  # type: ignore[attr-defined]
        return _finish(message, Status.DROPPED, last_error=reason)
    try:
        validate_email(message.to)  # one address: the SMTP backend would object too late, after building the header
        with translation.override(message.language), mail_templates.known(message.templates):
            letter = write(message)
        message.subject, message.text, message.html, message.calendar = (
            letter.subject,
            letter.text,
            letter.html,
            letter.calendar,
        )
        email = _as_email(message, letter.headers)
    except NoLongerTrue as reason:
        return _finish(message, Status.DROPPED, last_error=str(reason))
    except ObjectDoesNotExist:
        return _finish(message, Status.DROPPED, last_error=GONE)
    except OperationalError:
        raise  # the database went away, not the message: whoever comes after the lease tries again
    except Exception as error:  # a message that cannot be written must not hold up the others
        log.exception("Message %s cannot be written", message.uuid)
        return _finish(message, Status.FAILED, last_error=f"{type(error).__name__}: {error}")
    reply = way.carry(email)
    if reply:
        return _not_sent(message, reply)
    texts = {"subject": message.subject, "text": message.text, "html": message.html, "calendar": message.calendar}
    _finish(message, Status.SENT, sent_at=clock.now(), last_error="", failing_since=None, **texts)
    if message.lane in way.ailing or way.server_was_away:
        lanes.recover(message.lane)
        way.look_at_lanes()
    return True


class _Email(EmailMultiAlternatives):
    """A mail that is put together once: to see whether that works, and to be sent."""

    def message(self, **options: Any) -> Any:
        if not hasattr(self, "_message"):
            self._message = super().message(**options)
        return self._message


def _as_email(message: Message, headers: Mapping[str, str]) -> _Email:
    headers = {**headers, **AUTOMATIC, "Message-ID": message.message_id}
    email = _Email(message.subject, message.text, settings.DEFAULT_FROM_EMAIL, [message.to], headers=headers)
    if message.html:
        email.attach_alternative(
            css_inline.inline(message.html, keep_style_tags=True, load_remote_stylesheets=False), "text/html"
        )
    _add_calendars(email, CALENDAR.findall(message.calendar))
    email.message()  # a header that is bad fails this message now, and not the connection later
    return email


def _add_calendars(email: _Email, calendars: Sequence[str]) -> None:
    """Attach each calendar as a file of its own: programs take in the first of a file, or none of several."""
    for number, calendar in enumerate(calendars, start=1):
        match = METHOD.search(calendar)
        mimetype = f"text/calendar; method={match[1] if match else 'PUBLISH'}"
        # Outlook acts on a part of the alternatives that names its method, Gmail and Apple on the file too. Providers
        # take the file alone. Several are no alternatives of one mail.
        if len(calendars) == 1 and not settings.EMAIL_BACKEND.startswith("anymail."):
            email.attach_alternative(calendar, mimetype)
        email.attach("session.ics" if len(calendars) == 1 else f"session-{number}.ics", calendar, mimetype)


def _not_sent(message: Message, reply: Reply) -> bool:
    now = clock.now()
    since = message.failing_since or now
    if reply.meaning == Meaning.AWAY:
        lanes.rest(Lane, reply.nameless, at=now, server_is_away=True)
    elif reply.meaning == Meaning.REST:
        lanes.rest([message.lane], reply.nameless, at=now)
    one_try = bool(message.bad)  # type: ignore[attr-defined]
    if reply.meaning == Meaning.REFUSED or one_try or now - since >= GIVE_UP_AFTER:
        return _finish(message, Status.FAILED, last_error=reply.words)
    log.warning("Message %s will be tried again: %s", message.uuid, reply.nameless)
    again = {"last_error": reply.words, "failing_since": since}
    if reply.meaning != Meaning.AWAY:  # else it keeps its place
        pause = min(FIRST_PAUSE * 2 ** min(message.tries, 10), LONGEST_PAUSE)
        again["not_before"] = now + pause * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
    return _finish(message, Status.QUEUED, **again)


def _finish(message: Message, status: Message.Status, **fields: object) -> bool:
    """Write down how it ended; a database that restarts just now is waited for, since the mail may be out already."""
    fields |= {"status": status, "lease_until": None, "lease_token": None, "tries": message.tries + 1}
    until = time.monotonic() + settings.MAIL_LEASE_SECONDS
    while True:
        try:
            # Only the holder of the lease may write: a worker that was away too long finds that another has taken over.
            Message.objects.filter(uuid=message.uuid, lease_token=message.lease_token).update(**fields)
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > until:
                raise
            connection.close()
            time.sleep(0.5)
        else:
            return status == Status.SENT


class _Way:
    """The connection to the mail server or provider, for mail after mail, and the lease of the mail that is on it.

    The lease is renewed by a thread as long as this process lives, so it may be short (a killed worker is replaced
    soon) and the server slow (a mail that takes a minute is not sent by two workers).
    """

    def __init__(self) -> None:
        self.message: Message | None = None
        self.ailing: set[int] = set()
        self.server_was_away = False
        self._connection: Any = None
        self._carried = 0
        self._done = threading.Event()
        self._keeper: threading.Thread | None = None

    def __enter__(self) -> "_Way":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._keeper:
            self._keeper.join()
        self._close()

    def open(self) -> bool:
        """Connect and sign in, if that is not done; when it fails, all lanes rest."""
        if self._connection:
            return True
        way = get_connection()
        try:
            way.open()
        except Exception as error:  # noqa: BLE001 - the test judges it
            lanes.rest(Lane, understand(error).words, at=clock.now(), server_is_away=True)
            return False
        self._connection, self._carried = way, 0
        self.look_at_lanes()
        if not self._keeper:
            self._keeper = threading.Thread(target=self._keep_the_lease, daemon=True)
            self._keeper.start()
        return True

    def look_at_lanes(self) -> None:
        self.ailing, self.server_was_away = lanes.ailing()

    def carry(self, email: EmailMultiAlternatives) -> Reply | None:
        """Hand `email` over; None when the other side has accepted it, else its answer."""
        try:
            self._connection.send_messages([email])
        except Exception as error:  # noqa: BLE001 - the test judges it
            reply, was_used = understand(error), self._carried > 0
        else:
            self._carried += 1
            return None
        if reply.meaning == Meaning.REFUSED:
            return reply  # of this mail; the connection is as good as before
        self._close()
        if was_used and reply.meaning in (Meaning.LATER, Meaning.REST) and self.open():
            return self.carry(email)  # many servers take so many mails over one connection, and no more
        return reply

    def _close(self) -> None:
        way, self._connection = self._connection, None
        if way:
            try:
                way.close()
            except Exception as error:  # noqa: BLE001 - it is of no use any more
                log.info("The connection to the mail server did not end well: %s", error)

    def _keep_the_lease(self) -> None:
        try:
            while not self._done.wait(settings.MAIL_LEASE_SECONDS / 3):
                if message := self.message:
                    until = clock.now() + timedelta(seconds=settings.MAIL_LEASE_SECONDS)
                    Message.objects.filter(uuid=message.uuid, lease_token=message.lease_token).update(lease_until=until)
        except DatabaseError as error:
            log.warning("The lease of a mail could not be renewed: %s", error)
        finally:
            connection.close()
