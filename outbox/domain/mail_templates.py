"""What mails say around their facts: one standard text for each kind, or what organisers wrote instead
(docs/rules.md#mail-templates)."""

import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from outbox.domain.mail_kinds import Letter
from outbox.domain.posting import post
from outbox.models import MailTemplate

LANGUAGES = ("fr", "en")
FIELDS = ("subject", "opening", "closing")
TEST = "outbox.test"
_placeholder = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Texts:
    """The texts of a mail: `opening` stands before its facts, `closing` after its button, one paragraph a line."""

    subject: str
    opening: str
    closing: str = ""

    def fill(self, known: Mapping[str, str]) -> "Texts":
        return Texts(*(fill(getattr(self, name), known) for name in FIELDS))

    @property
    def lines(self) -> list[str]:
        return self.closing.splitlines()


@dataclass(frozen=True)
class Kind:
    """A kind of mail whose template organisers may change.

    `subject`, `opening` and `closing` are the standard text, in which a placeholder is written %(name)s; `placeholders`
    says what each stands for. `sample` writes such a mail about real data, as far as there is any, for the organiser
    who is given; None when there is nothing that it could be about.
    """

    key: str
    label: str | Promise
    group: str | Promise
    subject: str | Promise
    opening: str | Promise
    closing: str | Promise
    placeholders: Mapping[str, str | Promise]
    sample: Callable[[Any], Letter | None]


kinds: dict[str, Kind] = {}
# The templates by kind and language that the letters written inside `known` have, where they were read or typed
# already.
_known: ContextVar[Mapping[tuple[str, str], Texts] | None] = ContextVar("known", default=None)


def register(*new: Kind) -> None:
    """Let organisers change the template of these kinds. They are shown in the order in which they were registered."""
    kinds.update({kind.key: kind for kind in new})


class _InBraces(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def standard(kind: Kind) -> Texts:
    """The standard text in the language of the moment, with its placeholders in braces."""
    return Texts(*(str(getattr(kind, name)) % _InBraces() if getattr(kind, name) else "" for name in FIELDS))


def texts_of(key: str) -> Texts:
    """The texts of kind `key` in the language of the moment, to be filled: what organisers wrote, else the standard
    ones.

    What they wrote was checked when it was saved. A text that fits no longer (the kind has other placeholders since) is
    passed over for the standard one: no template keeps a mail from leaving.
    """
    kind, language, written = kinds[key], _language(), _known.get()
    if written is None:
        written = read(kind=key, language=language)
    texts = written.get((key, language))
    return standard(kind) if texts is None or wrong(kind, texts) else texts


def read(**which: str) -> dict[tuple[str, str], Texts]:
    """What organisers wrote, by kind and language: all of it, or that of one kind or language."""
    rows = MailTemplate.objects.filter(**which).order_by()
    return {(row.kind, row.language): Texts(row.subject, row.opening, row.closing) for row in rows}


@contextmanager
def known(written: Mapping[tuple[str, str], Texts]) -> Iterator[None]:
    """Let the letters that are written inside have these templates: read once for many, or typed and not saved yet."""
    token = _known.set(written)
    try:
        yield
    finally:
        _known.reset(token)


def _language() -> str:
    return (translation.get_language() or "fr")[:2]


def fill(text: str, known: Mapping[str, str]) -> str:
    """`text` with its placeholders filled in, in one pass: what a value holds is never read as a placeholder."""
    return _placeholder.sub(lambda match: known.get(match[1], match[0]), text)


def check(text: str, usable: Collection[str]) -> None:
    """Raise ValidationError for a brace in `text` that does not belong to one of the placeholders `usable`."""
    for name in _placeholder.findall(text):
        if name not in usable:
            sentence = _("“%(name)s” is not a placeholder you can use here. You can use: %(known)s.")
            raise ValidationError(
                sentence % {"name": f"{{{name}}}", "known": ", ".join(f"{{{one}}}" for one in usable)}
            )
    if "{" in (rest := _placeholder.sub("", text)) or "}" in rest:
        raise ValidationError(_("There’s a stray brace. Braces are for placeholders, like {name}."))


def wrong(kind: Kind, texts: Texts) -> dict[str, ValidationError]:
    """What cannot be filled in, by the name of the text."""
    found = {}
    for name in FIELDS:
        try:
            check(getattr(texts, name), kind.placeholders)
        except ValidationError as error:
            found[name] = error
    return found


def try_out(kind: Kind, texts: Texts, language: str, reader: Any) -> Letter | None:
    """The letter that `texts` would make in `language`, written for `reader` about what there is; nothing is kept."""
    with translation.override(language), known({(kind.key, language): texts}):
        return kind.sample(reader)


class Changed(Exception):
    """Somebody else has saved the template since it was shown."""

    def __init__(self, theirs: Texts) -> None:
        super().__init__()
        self.theirs = theirs


def version(kind: Kind, language: str) -> str:
    """What tells this template from every other state of it."""
    last = MailTemplate.history.filter(kind=kind.key, language=language).order_by("-history_id").first()
    return str(last.history_id) if last else ""


def save(kind: Kind, language: str, texts: Texts, *, seen: str, actor: Any) -> bool:
    """Keep what organisers wrote; the standard text is not kept. Tell whether anything changed.

    Raises ValidationError, by text, for what cannot be filled in, and Changed when the template is not the one that was
    `seen`.
    """
    if errors := wrong(kind, texts):
        raise ValidationError(errors)
    with translation.override(language):
        usual = standard(kind)
    try:
        with transaction.atomic():
            row = MailTemplate.objects.select_for_update().filter(kind=kind.key, language=language).first()
            before = Texts(row.subject, row.opening, row.closing) if row else usual
            if texts == before:
                return False
            if version(kind, language) != seen:
                raise Changed(before)
            row = row or MailTemplate(kind=kind.key, language=language)
            row._history_user = actor
            if texts == usual:
                row.delete()
            else:
                row.subject, row.opening, row.closing = texts.subject, texts.opening, texts.closing
                row.save()
            return True
    except IntegrityError as taken:  # two have written the first template at once
        row = MailTemplate.objects.get(kind=kind.key, language=language)
        raise Changed(Texts(row.subject, row.opening, row.closing)) from taken


def new_key() -> str:
    """What makes a test that is asked for once leave once."""
    return str(uuid.uuid4())


def send_test(kind: Kind, texts: Texts, language: str, *, to: Any, key: str) -> bool:
    """Send the letter that `texts` make to the organiser `to` alone, once for one `key`; False when there is nothing to
    write it about."""
    letter = try_out(kind, texts, language, to)
    if letter is None:
        return False
    with translation.override(language):
        subject = _("[Test] %(subject)s") % {"subject": letter.subject}
    with transaction.atomic():
        # Without the entry, which would end up in the organiser's calendar.
        test = Letter(subject, letter.text, letter.html)
        post(TEST, to.email, dedupe_key=f"{TEST}:{to.pk}:{key}", language=language, letter=test)
    return True
