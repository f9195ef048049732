"""Which facts the law asks of a site for its public pages, and which of them an edition still lacks
(docs/rules.md#law)."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from programme.models import LEGAL_TEXTS, Edition

Level = Edition.AccessibilityLevel
IN_LANGUAGE = {"fr": _("%(fact)s in French"), "en": _("%(fact)s in English")}

# In the order of the form. Loi n° 2004-575 (LCEN), articles 1-1 and 6; GDPR, articles 13 and 14; loi n° 2005-102,
# article 47, and décret n° 2019-768 (RGAA).
NEEDED = (
    "publisher",
    "publisher_form",
    "publisher_address",
    "publisher_phone",
    "publication_director",
    "host",
    "host_address",
    "host_phone",
    "contact",
    "data_controller",
    "data_protection_officer",
    "privacy_contact",
    "accessibility_level",
    "accessibility_stated_on",
    "accessibility_plan",
)
# What a level other than “not compliant” rests on.
NEEDED_BY_LEVEL: dict[str, tuple[str, ...]] = {
    Level.PARTIAL: ("accessibility_tests", "accessibility_gaps"),
    Level.FULL: ("accessibility_tests",),
}
# None of these is known again for the next edition: its statement is made anew.
STATED = ("accessibility_level", "accessibility_stated_on", "accessibility_tests", "accessibility_gaps")
OPTIONAL = ("publisher_registration", "security_contact", "accessibility_contact")
# Of one text each, and of one in each language.
SINGLE = tuple(name for name in (*NEEDED, *OPTIONAL) if name not in LEGAL_TEXTS)
IN_BOTH = tuple(f"{name}_{language}" for name in LEGAL_TEXTS for language in ("fr", "en"))


@dataclass(frozen=True)
class Missing:
    """A fact that an edition lacks: the field to fill in, and what people call it."""

    field: str
    name: str


def needed(edition: Edition) -> tuple[str, ...]:
    """The facts that `edition` needs to be open. None when its pages are on another site, which states its own."""
    if edition.link and not edition.is_current and not (edition.pk and edition.events.exists()):
        return ()
    return (*NEEDED, *NEEDED_BY_LEVEL.get(edition.accessibility_level, ()))


def missing(edition: Edition) -> list[Missing]:
    """The facts that `edition` needs and lacks, in both languages where it has two."""
    found = []
    for name in needed(edition):
        label = str(Edition._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
        if name not in LEGAL_TEXTS:
            if not str(getattr(edition, name) or "").strip():
                found.append(Missing(name, label))
            continue
        absent = [code for code in IN_LANGUAGE if not (getattr(edition, f"{name}_{code}") or "").strip()]
        if absent:
            named = label if len(absent) == len(IN_LANGUAGE) else IN_LANGUAGE[absent[0]] % {"fact": label}
            found.append(Missing(f"{name}_{absent[0]}", str(named)))
    return found


def open_without_facts() -> Iterable[tuple[Edition, list[Missing]]]:
    """The open editions that lack some: they were open before a fact was asked of them, or lost it since."""
    for edition in Edition.objects.filter(state=Edition.State.OPEN).order_by("pk"):
        if lacks := missing(edition):
            yield edition, lacks
