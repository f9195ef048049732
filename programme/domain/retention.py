"""How long data about people is kept for an edition, and the run that keeps to it (docs/rules.md#privacy).

What there is to delete is said by the apps (core/retention.py); here is when an edition ended, what its organisers have
chosen, and what was done.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from core import audit_log, erasure, erasure_log, retention
from core.retention import Held, Kind, Scope
from programme.domain import editions
from programme.models import Edition, RetentionRule, RetentionRun

log = logging.getLogger(__name__)


# --- What was chosen --------------------------------------------------------------------------------------------------


def policy(edition: Edition | None) -> dict[str, int]:
    """The days for which each kind of data is kept: what the organisers of `edition` have chosen, or what is proposed.

    What belongs to no edition goes by the current one.
    """
    chosen = dict(edition.retention_rules.values_list("kind", "days")) if edition else {}
    return {kind.key: _days(kind, chosen) for kind in retention.kinds()}


def days_of(key: str, edition_id: int) -> int:
    """For how many days a kind of data of an edition is kept."""
    chosen = RetentionRule.objects.filter(edition=edition_id, kind=key).values_list("kind", "days")
    return _days(retention.kind(key), dict(chosen))


def _days(kind: Kind, chosen: Mapping[str, int]) -> int:
    days = kind.proposed if kind.is_fixed else chosen.get(kind.key, kind.proposed)
    return min(max(days, kind.least), kind.most)  # bounds may have become narrower than a row is old


def legal_basis(basis: str) -> str:
    """What makes it lawful to keep people's data, as they are told it (GDPR, article 6): the sentence for the legal
    basis of an edition, a public task unless said otherwise."""
    match basis:
        case "legitimate_interests":
            return _("This is in our legitimate interest and yours (GDPR, Article 6(1)(f)).")
        case "contract":
            return _("We need it to give you what you ask for (GDPR, Article 6(1)(b)).")
        case "consent":
            return _("We do so with your consent, which you can withdraw at any time (GDPR, Article 6(1)(a)).")
        case _public_task:
            return _("This is part of our public task (GDPR, Article 6(1)(e)).")


def check(key: str, days: int) -> None:
    """Raise ValidationError, with a sentence, when a kind of data may not be kept for so many days."""
    kind = retention.kind(key)
    if not kind.least <= days <= kind.most:
        raise ValidationError(
            ngettext("Between %(least)d and %(most)d day.", "Between %(least)d and %(most)d days.", kind.most)
            % {"least": kind.least, "most": kind.most}
        )


def choose(edition: Edition, chosen: Mapping[str, int], *, actor: User | None) -> list[str]:
    """Have kinds of data of `edition` kept for so many days from the next run on; return the keys of those that this
    changed. The proposed number needs no row, and is followed should it change. Raises ValidationError by kind: then
    nothing is changed."""
    errors = {}
    for key, days in chosen.items():
        try:
            check(key, days)
        except ValidationError as error:
            errors[key] = error.messages
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        Edition.objects.select_for_update(no_key=True).get(pk=edition.pk)
        before = policy(edition)
        changed = [key for key, days in chosen.items() if days != before[key]]
        rules = {rule.kind: rule for rule in edition.retention_rules.filter(kind__in=changed)}
        for key in changed:
            rule = rules.get(key) or RetentionRule(edition=edition, kind=key)
            rule.days, rule._history_user = chosen[key], actor
            if rule.days != retention.kind(key).proposed:
                rule.save()
            elif rule.pk:
                rule.delete()
        for key in changed:
            if (tell := retention.kind(key).changed) and edition.is_current:
                tell(edition.ends_on, chosen[key])
    return changed


# --- When an edition ended --------------------------------------------------------------------------------------------


def ends(only: Iterable[int] | None = None) -> dict[int, datetime]:
    """When each edition ends, or some of them: with its last session, and not before the last of its days is over."""
    found = Edition.objects.order_by("pk") if only is None else Edition.objects.filter(pk__in=list(only)).order_by("pk")
    last = found.annotate(last=Max("events__sessions__ends_at"))
    return {
        pk: max(filter(None, [session, datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))]))
        for pk, session, day, zone in last.values_list("pk", "last", "ends_on", "timezone")
    }


def scopes(kind: Kind, days: Mapping[int | None, Mapping[str, int]], ended: Mapping[int, datetime]) -> list[Scope]:
    """What a run looks at for `kind`: each edition, or the installation."""
    if not kind.per_edition:
        return [Scope(days[None][kind.key])]
    return [Scope(days[pk][kind.key], pk, end) for pk, end in ended.items()]


# --- The run ----------------------------------------------------------------------------------------------------------


def run(at: datetime, *, hourly: bool | None = None) -> dict[str, int]:
    """Delete what has been kept long enough at `at`, in short transactions; return how many of each kind went.

    `hourly`: only what was promised in hours, or only the rest. Doing it twice, or by two at once, deletes nothing
    more; what one run leaves, the next finds. A kind that fails is logged, and keeps no other from going.
    """
    deleted: dict[str, int] = {}
    ended, days = ends(), _policies()
    for kind in retention.kinds():
        if hourly is not None and kind.is_hourly != hourly:
            continue
        for scope in scopes(kind, days, ended):
            gone = 0
            try:
                for number in kind.delete(scope, at):
                    gone += number
            except Exception:
                log.exception("Data of the kind %s could not be deleted", kind.key)
            else:
                _note(kind, scope, at, gone)
            deleted[kind.key] = deleted.get(kind.key, 0) + gone
    erasure_log.note_run(at)
    erasure.empty_the_journal()
    return deleted


def run_again(at: datetime) -> bool:
    """Run where this database, restored from a backup, knows of no run as late as the file outside it: what had gone
    goes again before anything is shown or sent. Returns whether it was so."""
    last, known = erasure_log.last_run(), RetentionRun.objects.aggregate(last=Max("ran_at"))["last"]
    if last is None or (known is not None and known >= last):
        return False
    run(at)
    return True


def _policies() -> dict[int | None, dict[str, int]]:
    known: dict[int | None, dict[str, int]] = {edition.pk: policy(edition) for edition in Edition.objects.all()}
    return known | {None: policy(editions.current())}


def _note(kind: Kind, scope: Scope, at: datetime, deleted: int) -> None:
    noted = RetentionRun.objects.filter(edition=scope.edition, kind=kind.key)
    if not noted.update(ran_at=at, deleted=deleted, deleted_in_all=F("deleted_in_all") + deleted):
        row = RetentionRun(edition_id=scope.edition, kind=kind.key, ran_at=at, deleted=deleted, deleted_in_all=deleted)
        RetentionRun.objects.bulk_create([row], ignore_conflicts=True)  # two runs at once
    if deleted:
        audit_log.record("retention", kind=kind.key, rows=deleted)
        log.info("%s of the kind %s deleted", deleted, kind.key)


# --- What goes when ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A kind of data of an edition: for how many days it is kept, how many there are, how many of them should have gone
    by now, when the next go, and the last run."""

    kind: Kind
    days: int
    held: Held
    due: int
    last: RetentionRun | None

    @property
    def kept(self) -> str:
        return retention.span(self.days) if self.days else _("at once")

    @property
    def is_proposed(self) -> bool:
        return self.days == self.kind.proposed


def table(edition: Edition | None, at: datetime) -> list[Row]:
    """What goes when, of `edition`, and with the current one of what belongs to no edition; without one, the latter
    alone."""
    days, of_all = policy(edition), edition is None or edition == editions.current()
    ended = ends([edition.pk]) if edition else {}
    runs = {
        (run.edition_id, run.kind): run
        for run in RetentionRun.objects.filter(edition=None) | RetentionRun.objects.filter(edition=edition)
    }
    return [
        Row(kind, scope.days, kind.held(scope, at), kind.due(scope, at), runs.get((scope.edition, kind.key)))
        for kind in retention.kinds()
        if kind.per_edition or of_all
        for scope in scopes(kind, {None: days, edition.pk if edition else None: days}, ended)
    ]


def would_go(edition: Edition, chosen: Mapping[str, int], at: datetime) -> int:
    """How many more would go at the next run if these numbers of days were chosen."""
    before, ended = policy(edition), ends([edition.pk])
    is_current = edition == editions.current()
    more = 0
    for key, days in chosen.items():
        kind = retention.kind(key)
        if days >= before[key] or not (kind.per_edition or is_current):
            continue
        scope = Scope(days, edition.pk, ended[edition.pk]) if kind.per_edition else Scope(days)
        then = Scope(before[key], scope.edition, scope.ended_at)
        more += max(0, kind.due(scope, at) - kind.due(then, at))
    return more
