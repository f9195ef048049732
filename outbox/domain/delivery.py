import logging
import random
import re
import smtplib
import uuid
from datetime import datetime, timedelta

import css_inline
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import BadHeaderError, EmailMultiAlternatives
from django.core.validators import validate_email
from django.db import OperationalError
from django.utils import timezone, translation

from outbox.domain.kinds import NoLongerTrue, write
from outbox.models import Message

log = logging.getLogger(__name__)

GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_PAUSE = timedelta(minutes=30)
# Line breaks of every alphabet, control characters, and the marks that make a subject read backwards (docs/rules.md#names).
NOT_IN_A_HEADER = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def deliver(message_uuid: uuid.UUID) -> bool:
    """Send one message if it is due and nobody else is at it; tell whether it was sent.

    A worker that dies on the way leaves the message to the next one, once its lease is over: that is the only case in
    which a mail can arrive twice (docs/rules.md#mail).
    """
    message = _claim(message_uuid, timezone.now())
    if message is None:
        return False
    try:
        validate_email(message.to)  # one address: the SMTP backend would object too late, after building the header
        with translation.override(message.language):
            letter = write(message)
        message.subject = " ".join(NOT_IN_A_HEADER.sub(" ", letter.subject).split())[:998]
        message.text, message.html, message.calendar = letter.text, letter.html, letter.calendar
        email = _as_email(message)
    except NoLongerTrue as reason:
        return _finish(message, Message.Status.DROPPED, last_error=str(reason))
    except OperationalError:
        raise  # the database went away, not the message: whoever comes after the lease tries again
    except Exception as error:  # a message that cannot be written must not hold up the others
        log.exception("Message %s cannot be written", message.uuid)
        return _finish(message, Message.Status.FAILED, last_error=f"{type(error).__name__}: {error}")
    try:
        email.send()
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        return _give_up_or_retry(message, f"{code} {words!r}", final=code >= 500)
    except smtplib.SMTPResponseException as error:
        return _give_up_or_retry(
            message,
            f"{error.smtp_code} {error.smtp_error!r}",
            final=error.smtp_code >= 500 and not isinstance(error, smtplib.SMTPConnectError),
        )
    except (BadHeaderError, ValidationError, UnicodeError) as error:
        return _finish(message, Message.Status.FAILED, last_error=f"{type(error).__name__}: {error}")
    except (OSError, smtplib.SMTPException) as error:
        return _give_up_or_retry(message, f"{type(error).__name__}: {error}", final=False)
    return _finish(
        message,
        Message.Status.SENT,
        sent_at=timezone.now(),
        last_error="",
        subject=message.subject,
        text=message.text,
        html=message.html,
        calendar=message.calendar,
    )


def deliver_due(limit: int = 200) -> int:
    """Send up to `limit` due messages, urgent ones first; return how many were sent. The sweep: it needs no ring."""
    sent = 0
    for _ in range(limit):
        # A fresh look after each: another worker may have sent the next ones, and someone may have asked for a code.
        message_uuid = Message.objects.due(timezone.now()).values_list("uuid", flat=True).first()
        if message_uuid is None:
            break
        sent += deliver(message_uuid)
    return sent


def _claim(message_uuid: uuid.UUID, now: datetime) -> Message | None:
    # One conditional UPDATE decides between two workers, on both databases.
    token = uuid.uuid4()
    lease_until = now + timedelta(seconds=settings.MAIL_LEASE_SECONDS)
    due = Message.objects.due(now).order_by().filter(uuid=message_uuid)
    if not due.update(status=Message.Status.SENDING, lease_until=lease_until, lease_token=token):
        return None
    message = Message.objects.get(uuid=message_uuid)
    message.lease_token = token
    return message


def _as_email(message: Message) -> EmailMultiAlternatives:
    email = EmailMultiAlternatives(
        message.subject, message.text, settings.DEFAULT_FROM_EMAIL, [message.to], headers={"Message-ID": message.message_id}
    )
    if message.html:
        email.attach_alternative(css_inline.inline(message.html, keep_style_tags=True, load_remote_stylesheets=False), "text/html")
    if message.calendar:
        email.attach("session.ics", message.calendar, "text/calendar; charset=utf-8")
    email.message()  # builds every header now, so that a bad one fails this message and not the connection
    return email


def _finish(message: Message, status: Message.Status, **fields: object) -> bool:
    # Only the holder of the lease may write: a worker that was away too long finds that another has taken over.
    fields |= {"status": status, "lease_until": None, "lease_token": None, "tries": message.tries + 1}
    Message.objects.filter(uuid=message.uuid, lease_token=message.lease_token).update(**fields)
    return status == Message.Status.SENT


def _give_up_or_retry(message: Message, error: str, *, final: bool) -> bool:
    now = timezone.now()
    if final or now - message.created_at > GIVE_UP_AFTER:
        return _finish(message, Message.Status.FAILED, last_error=error)
    pause = min(timedelta(seconds=30 * 2 ** min(message.tries, 10)), LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
    log.warning("Message %s will be tried again: %s", message.uuid, error)
    return _finish(message, Message.Status.QUEUED, last_error=error, not_before=now + pause)
