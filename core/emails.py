"""E-mail addresses: one mailbox is one text, however it was written (docs/rules.md#names-as-written)."""

import re
import unicodedata
from typing import Any

import idna
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.text import DIRECTIONS

# What a mailbox or a word processor leaves in a copied address, and nobody sees: spaces without width, joiners, the
# soft hyphen; around it also the marks of a reading order, which inside would make it read as another one.
_UNSEEN = re.compile(f"[\u00ad\u200b-\u200d\u2060-\u2064\ufeff]|^[\\s{DIRECTIONS}]+|[\\s{DIRECTIONS}]+$")
_OTHER_AT = re.compile("[\uff20\ufe6b]")  # the signs of Chinese and Japanese keyboards
_OTHER_DOTS = re.compile("[\u3002\uff0e\uff61]")  # those that end a label as well (UTS 46)
_PLAIN = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")  # as nearly all are
_NEEDLESS_QUOTES = re.compile(r'"([\w!#$%&\'*+/=?^`{|}~-]+(?:\.[\w!#$%&\'*+/=?^`{|}~-]+)*)"')


def normalise_email(email: str) -> str:
    """The one text by which a mailbox is kept and compared: lower case, composed letters (NFC), nothing unseen, and the
    domain as `normalise_domain` writes it. What is no address comes back just as trimmed."""
    if _PLAIN.fullmatch(email):
        return email
    email = _OTHER_AT.sub("@", _UNSEEN.sub("", email))
    local, at, domain = email.rpartition("@")
    if not at:
        return unicodedata.normalize("NFC", email).lower()
    local = _NEEDLESS_QUOTES.sub(r"\1", local) if local.startswith('"') else local
    # Composed again after: the small letter of “İ” is written in two.
    return f"{unicodedata.normalize('NFC', unicodedata.normalize('NFC', local).lower())}@{normalise_domain(domain)}"


def normalise_domain(domain: str) -> str:
    """A mail domain in lower case and in the letters that mail servers exchange: `École.fr.` is `xn--cole-9oa.fr`
    (IDNA 2008, with the mapping of UTS 46 as browsers do it). What has no such form comes back in lower case."""
    domain = _OTHER_DOTS.sub(".", _UNSEEN.sub("", domain))
    if domain.endswith(".") and not domain.endswith(".."):
        domain = domain[:-1]
    if domain.isascii():
        return domain.lower()
    for encode in (lambda text: idna.encode(text, uts46=True), lambda text: text.encode("idna")):
        try:
            return encode(domain).decode("ascii").lower()
        except UnicodeError:  # IDNAError is one
            continue
    return unicodedata.normalize("NFC", domain).lower()


def readable_email(email: str) -> str:
    """The address as its owner writes it: `chloe@école.fr`. A domain of letters that do not belong together, which
    might imitate another, stays as it is."""
    local, at, domain = email.rpartition("@")
    if "xn--" not in domain:
        return email
    try:
        letters = idna.decode(domain)
    except UnicodeError:
        return email
    return f"{local}{at}{letters}" if len(scripts_of(letters)) == 1 else email


def scripts_of(text: str) -> set[str]:
    """The scripts of the letters of `text`: LATIN, GREEK, CYRILLIC …"""
    return {unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha()}


class EmailField(models.EmailField):
    """An address that is kept, and looked for, in its one form, whoever writes it and by whichever way."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return normalise_email(value) if isinstance(value, str) else value

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return normalise_email(value) if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": EmailFormField, **kwargs})

    def deconstruct(self) -> Any:
        """As Django's own field: a column of the database does not differ."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.EmailField", args, kwargs


class EmailFormField(forms.EmailField):
    """An address that somebody types, in its one form; refuses what Django's check lets through though no mailbox is
    called so."""

    default_error_messages = {
        "required": _("Enter an email address."),
        "invalid": _("Enter an email address like name@example.org."),
        "max_length": _("This address is too long: it must have %(limit_value)d characters or fewer."),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Email address"))
        kwargs.setdefault("max_length", 254)
        super().__init__(**kwargs)
        self.widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return normalise_email(value) if isinstance(value, str) else value

    def clean(self, value: Any) -> Any:
        value = super().clean(value)
        local, _at, domain = value.rpartition("@")
        if value and (len(local) > 64 or domain.startswith("[") or "." not in domain):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return value
