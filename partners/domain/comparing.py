"""What a new list would change: who is new, changed, the same, elsewhere, or gone (docs/rules.md#lists)."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.emails import normalise_email
from core.folding import fold
from partners.domain import objections
from partners.domain.checking import Finding, Level, Person, same_name, shown
from partners.domain.columns import FIELDS
from partners.models import Invitee
from registrations.models import Cohort, Membership


@dataclass(frozen=True)
class Difference:
    """Somebody who is on the list already, and the fields in which the new list says something else."""

    invitee: Invitee
    person: Person
    fields: tuple[str, ...]


@dataclass
class Comparison:
    """`absent` are those of the cohort whom no row means, whether they are removed or not; `size` is how many people
    the cohort would have; `findings` is what comparing has found about the row of a line."""

    new: list[Person] = field(default_factory=list)
    changed: list[Difference] = field(default_factory=list)
    same: list[Invitee] = field(default_factory=list)
    elsewhere: list[Person] = field(default_factory=list)
    objecting: list[Person] = field(default_factory=list)
    absent: list[Invitee] = field(default_factory=list)
    removed: list[Invitee] = field(default_factory=list)
    size: int = 0
    findings: dict[int, Finding] = field(default_factory=dict)

    def add_finding(self, person: Person, code: str, level: Level, column: str, **said: Any) -> None:
        self.findings[person.line] = Finding(code, level, column, shown(getattr(person, column)), said)

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in ("new", "changed", "same", "removed")}

    @property
    def is_empty(self) -> bool:
        return not (self.new or self.changed or self.removed)


NAMES = ("last_name", "first_name")
ADDRESS = re.compile(r"[^\s,;<>()]+@[^\s,;<>()]+")


def compare(cohort: Cohort, people: Sequence[Person], *, replacing: bool, by_hand: bool = False) -> Comparison:
    """Compare the checked `people` of a list with those who are on it; with `replacing`, who is not in it any more is
    removed.

    In three queries, whatever the size. `by_hand`: somebody was typed, who may have declined before. A row that is to
    be corrected, was skipped, or repeats another removes nobody: whoever it may mean stays.
    """
    listed = list(Invitee.objects.filter(institution=cohort.institution_id).select_related("attendee"))
    by_email = {invitee.email: invitee for invitee in listed}
    by_reference = {invitee.reference: invitee for invitee in listed if invitee.reference}
    by_pk = {invitee.pk: invitee for invitee in listed}
    comparison = Comparison()
    meant: set[int] = set()
    matched: list[tuple[Person, Invitee]] = []
    for person in people:
        of_number = by_reference.get(person.reference)
        if not person.is_good:
            maybe = by_email.get(person.email) or of_number
            meant |= {maybe.pk} if maybe and maybe.cohort_id == cohort.pk else set()
            continue
        invitee = by_pk.get(person.same_as) or by_email.get(person.email)
        if invitee is None and of_number and same_name(person, of_number):
            invitee = of_number  # the number alone is nobody: name and address both different are another person
        if invitee and invitee.cohort_id == cohort.pk:
            if invitee.pk in meant:  # the address means one, the number another who came before
                comparison.add_finding(person, "same_person", Level.ERROR, "email", name=str(invitee))
            else:
                meant.add(invitee.pk)
                matched.append((person, invitee))
        elif invitee:
            comparison.add_finding(person, "other_cohort", Level.WARNING, "email", cohort=invitee.cohort_id)
            comparison.elsewhere.append(person)
        else:
            comparison.new.append(person)
    for person in people:
        if not person.is_good:  # two addresses in one cell, a name written around one
            written = map(normalise_email, ADDRESS.findall(" ".join(person.cells)))
            meant.update(by_email[email].pk for email in written if email in by_email)
    _leave_in_peace(cohort, comparison, by_hand=by_hand)
    _name_the_cohorts(comparison)
    _sort_out(matched, by_reference, comparison)
    comparison.absent = [invitee for invitee in listed if invitee.cohort_id == cohort.pk and invitee.pk not in meant]
    comparison.removed = comparison.absent if replacing else []
    _look_for_likeness(comparison, listed, by_reference, meant)
    comparison.size = _size(cohort, listed, comparison)
    return comparison


def _look_for_likeness(
    comparison: Comparison, listed: list[Invitee], by_reference: dict[str, Invitee], meant: set[int]
) -> None:
    """Of the new, tell who may be somebody on a list under another address, and leave each number to whom it belongs:
    a person says whether they are the same."""
    moving = {
        difference.invitee.pk
        for difference in comparison.changed
        if "reference" in difference.fields and difference.person.reference
    } | {invitee.pk for invitee in comparison.removed}
    by_name: dict[str, list[Invitee]] = defaultdict(list)
    for invitee in listed:
        if invitee.pk not in meant:
            by_name[_name_key(invitee)].append(invitee)
    for person in comparison.new:
        owner = by_reference.get(person.reference)
        namesakes = [
            invitee
            for invitee in (by_name.get(_name_key(person), ()) if by_name else ())
            if not (invitee.reference and person.reference and invitee.reference != person.reference)
        ]
        if owner and owner.pk not in moving:
            comparison.add_finding(
                person, "number_of_another", Level.WARNING, "reference", name=str(owner), email=owner.email, pk=owner.pk
            )
            person.reference = ""
        elif len(namesakes) == 1:
            like = namesakes[0]
            comparison.add_finding(
                person, "probably", Level.WARNING, "email", name=str(like), email=like.email, pk=like.pk
            )


def _name_key(who: Person | Invitee) -> str:
    return " ".join(sorted(fold(f"{who.first_name} {who.last_name}").split()))


def _leave_in_peace(cohort: Cohort, comparison: Comparison, *, by_hand: bool) -> None:
    """Set those aside who are not to be invited again: the institution learns that they decline, and no reason."""
    if addresses := objections.among(
        cohort.institution_id, (person.email for person in comparison.new), by_hand=by_hand
    ):
        comparison.objecting = [person for person in comparison.new if person.email in addresses]
        comparison.new = [person for person in comparison.new if person.email not in addresses]
        for person in comparison.objecting:
            comparison.add_finding(person, "declines", Level.WARNING, "email")


def _sort_out(matched: list[tuple[Person, Invitee]], by_reference: dict[str, Invitee], comparison: Comparison) -> None:
    """Tell who has changed. A number that is somebody else's is no change but an error, unless that person changes
    theirs as well."""
    refused: set[int] = set()
    while True:  # who is refused keeps their number, so that whoever was to have it is refused as well
        moving = {
            mine.pk
            for person, mine in matched
            if person.reference and person.reference != mine.reference and mine.pk not in refused
        }
        taken = {
            mine.pk
            for person, mine in matched
            if (owner := by_reference.get(person.reference)) and owner.pk != mine.pk and owner.pk not in moving
        }
        if taken <= refused:
            break
        refused |= taken
    for person, invitee in matched:
        if invitee.pk in refused:
            comparison.add_finding(
                person, "reference_taken", Level.ERROR, "reference", name=str(by_reference[person.reference])
            )
            continue
        fields = tuple(name for name in FIELDS if _differs(person, invitee, name))
        if invitee.corrected_at and (own := [name for name in fields if name in NAMES]):
            # What the person has corrected stays: the list is told, and changes the rest.
            fields = tuple(name for name in fields if name not in NAMES)
            comparison.add_finding(person, "corrected", Level.WARNING, own[0], name=str(invitee))
        if fields:
            comparison.changed.append(Difference(invitee, person, fields))
            _respect_own_words(person, invitee, fields, comparison)
        else:
            comparison.same.append(invitee)


def _respect_own_words(person: Person, invitee: Invitee, fields: tuple[str, ...], comparison: Comparison) -> None:
    """What somebody has written about themselves stays, whatever a list says: only the list changes."""
    own = invitee.attendee
    if person.line in comparison.findings:
        return
    if own and own.name != person.name and {"first_name", "last_name"} & set(fields):
        comparison.add_finding(person, "own_name", Level.NOTICE, "last_name", name=own.name)
    elif own and "email" in fields:
        comparison.add_finding(person, "own_address", Level.NOTICE, "email")


def _differs(person: Person, invitee: Invitee, name: str) -> bool:
    new = getattr(person, name)
    # A list without a column, or with an empty cell, says nothing about it: only addresses and names are always said.
    return new != getattr(invitee, name) and bool(new or name in ("first_name", "last_name"))


def _name_the_cohorts(comparison: Comparison) -> None:
    lines = [person.line for person in comparison.elsewhere]
    if lines:
        names = dict(
            Cohort.objects.filter(pk__in={comparison.findings[line].said["cohort"] for line in lines}).values_list(
                "pk", "name"
            )
        )
        for line in lines:
            finding = comparison.findings[line]
            comparison.findings[line] = replace(finding, said={"cohort": names[finding.said["cohort"]]})


def _size(cohort: Cohort, listed: list[Invitee], comparison: Comparison) -> int:
    gone = {invitee.pk for invitee in comparison.removed}
    addresses = {invitee.email for invitee in listed if invitee.cohort_id == cohort.pk and invitee.pk not in gone}
    addresses -= {difference.invitee.email for difference in comparison.changed}
    addresses |= {difference.person.email for difference in comparison.changed} | {
        person.email for person in comparison.new
    }
    return len(
        addresses | set(Membership.objects.filter(cohort=cohort).values_list("attendee__user__email", flat=True))
    )
