from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from partners.domain import sentences, sign_in_failures
from partners.domain.checking import Level
from partners.domain.following import Standing
from partners.models import SignInFailure, UploadRow

register = template.Library()

VERDICT_CLASSES: dict[str, str] = {
    UploadRow.Verdict.TO_FIX: "bad",
    UploadRow.Verdict.TWICE: "warn",
    UploadRow.Verdict.ELSEWHERE: "warn",
    UploadRow.Verdict.SAME: "quiet",
    UploadRow.Verdict.SKIPPED: "quiet",
    UploadRow.Verdict.NOBODY: "quiet",
}

LEVEL_CLASSES: dict[str, str] = {Level.ERROR: "why", Level.WARNING: "remark warn"}

# From who comes to who does not, the silent last.
ORDER = ("attended", "seated", "waiting", "accepted", "declined", "invited")


@register.filter
def cause(failure: SignInFailure) -> str:
    """Why people could not sign in through their institution."""
    return sign_in_failures.sentence(failure)


@register.simple_tag
def bars(standing: Standing) -> list[dict[str, Any]]:
    """The parts of the bar that shows how a cohort stands, in thousandths of its width, each with its number and
    words."""
    shown, x = [], 0
    everybody = sum(getattr(standing, name) for name in ORDER)
    for name in ORDER:
        number = getattr(standing, name)
        if number:
            width = round(1000 * number / everybody)
            shown.append(
                {"name": name, "number": number, "x": x, "width": width, "words": str(sentences.STATES[name]).lower()}
            )
            x += width
    return shown


@register.filter
def outcome(counts: dict[str, int]) -> str:
    """What came of a list, in words: "12 new people, 3 changed"."""
    people = {
        "new": ngettext_lazy("%(n)d new person", "%(n)d new people", "n"),
        "changed": ngettext_lazy("%(n)d person changed", "%(n)d people changed", "n"),
        "same": ngettext_lazy("%(n)d person unchanged", "%(n)d people unchanged", "n"),
        "removed": ngettext_lazy("%(n)d person removed", "%(n)d people removed", "n"),
    }
    more = {
        "new": ngettext_lazy("%(n)d new", "%(n)d new", "n"),
        "changed": ngettext_lazy("%(n)d changed", "%(n)d changed", "n"),
        "same": ngettext_lazy("%(n)d unchanged", "%(n)d unchanged", "n"),
        "removed": ngettext_lazy("%(n)d removed", "%(n)d removed", "n"),
    }
    there = [name for name in people if counts.get(name)]
    said = [(more if n else people)[name] % {"n": counts[name]} for n, name in enumerate(there)]
    return ", ".join(said) or _("nothing new")


@register.filter
def state(invitee: Any) -> str:
    """How far somebody is."""
    return str(sentences.state_of(invitee))


@register.filter
def state_class(invitee: Any) -> str:
    """The colour of that: green comes, amber waits, red needs somebody."""
    if invitee.status == "declined":
        return "bad"
    return (
        ""
        if invitee.status == "accepted" and (invitee.seated or invitee.attended)
        else "warn"
        if invitee.status == "accepted"
        else "quiet"
    )


@register.filter
def verdict_class(row: UploadRow) -> str:
    """The colour of what a row is: red needs somebody, amber a look, grey changes nothing."""
    return VERDICT_CLASSES.get(row.verdict, "")


@register.filter
def level_class(level: str) -> str:
    """How what was found in a row is shown: what keeps it out, or what is only said."""
    return LEVEL_CLASSES.get(level, "remark")
