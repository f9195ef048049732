"""What the answer of a mail server or provider means for the mail that it was given (docs/rules.md#mail)."""

import enum
import re
import smtplib
from dataclasses import dataclass
from http import HTTPStatus

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.core.exceptions import ImproperlyConfigured

TOO_BIG = 552  # the one refusal of a sender that is about the mail and not about us
WAIT = {421, 432}  # "service not available, closing", "the recipient's mail queue has been stopped"
ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")
BUSY = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class Meaning(enum.Enum):
    REFUSED = "this mail is refused for good"
    LATER = "this mail may pass later"
    REST = "the lane must rest"
    AWAY = "the mail server cannot be used, by any mail"


@dataclass(frozen=True)
class Reply:
    """`words` are the server's own, with its code, as organisers read them."""

    meaning: Meaning
    words: str

    @property
    def nameless(self) -> str:
        """The words without the addresses in them, for the log and for what is about no one mail: servers like to
        repeat the recipient."""
        return ADDRESS.sub("…", self.words)


def understand(error: Exception) -> Reply:
    """Judge what sending a mail over an open connection has raised."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, text = next(iter(error.recipients.values()))
            return _smtp(code, text)
        case smtplib.SMTPSenderRefused() if error.smtp_code >= 500 and error.smtp_code != TOO_BIG:
            # Our own address is refused: so it is for all mails.
            return Reply(Meaning.AWAY, _said(error.smtp_code, error.smtp_error))
        case smtplib.SMTPResponseException():
            return _smtp(error.smtp_code, error.smtp_error)
        case smtplib.SMTPNotSupportedError() | UnicodeError():
            return Reply(Meaning.REFUSED, f"{type(error).__name__}: {error}")  # an address that this server cannot read
        case ImproperlyConfigured():
            return Reply(Meaning.AWAY, str(error))
        case AnymailRecipientsRefused():
            said = "" if error.response is None else error.response.text
            return Reply(Meaning.REFUSED, f"{error} {said}"[:2000])
        case AnymailAPIError():
            return _http(error)
        case AnymailError() | ValueError() | TypeError():
            return Reply(Meaning.REFUSED, f"{type(error).__name__}: {error}")
        case _:  # the connection broke, or was too slow
            return Reply(Meaning.LATER, f"{type(error).__name__}: {error}")


def _smtp(code: int, text: bytes | str) -> Reply:
    words = _said(code, text)
    if code in WAIT:
        return Reply(Meaning.REST, words)
    return Reply(Meaning.REFUSED if code >= 500 else Meaning.LATER, words)


def _http(error: AnymailAPIError) -> Reply:
    status = error.status_code
    if status is None or status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Reply(Meaning.AWAY, str(error))
    if status in BUSY:
        return Reply(Meaning.REST, str(error))
    return Reply(Meaning.LATER if status >= 500 else Meaning.REFUSED, str(error))


def _said(code: int, text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(said.split())}"
