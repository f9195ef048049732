"""How long people stay on lists: as long as the first mail to them says, and no longer (docs/rules.md#erasure)."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from core import legal_holds, retention
from core.deadlocks import again_after_deadlock
from core.retention import Held, Part, Scope
from partners.domain import applying
from partners.models import Correction, Invitee, Upload
from programme.domain.retention import days_of, ends
from registrations.domain.retention import came, forget_addresses
from registrations.models import Cohort

AT_ONCE = 300  # people a transaction
Status = Invitee.Status


def kept_until(invitee: Invitee) -> datetime:
    """When somebody on a list will be forgotten, as it looks now: so many days after the last session that keeps seats
    for their cohort, or after the edition where none does. Who came onto the list later is meant for what is to come,
    or was entered late: their days count from the end of the edition, or from then."""
    cohort = Cohort.objects.annotate(last=Max("allotments__session__ends_at")).get(pk=invitee.cohort_id)
    edition = cohort.edition_id
    end = ends([edition])[edition]
    last = cohort.last or end
    accepted = Invitee.objects.filter(pk=invitee.pk, status=Status.ACCEPTED)
    if not accepted.exists():
        kind = "never_accepted"
    else:
        kind = "came" if accepted.filter(came([edition], "attendee__user")).exists() else "registered"
    begins = last if invitee.created_at < last else max(end, invitee.created_at)
    return begins + timedelta(days=days_of(kind, edition))


# --- People on lists --------------------------------------------------------------------------------------------------


def _never_accepted(edition: int) -> Q:
    return ~Q(status=Status.ACCEPTED)


def _registered(edition: int) -> Q:
    return Q(status=Status.ACCEPTED) & ~came([edition], "attendee__user")


def _came(edition: int) -> Q:
    return Q(status=Status.ACCEPTED) & came([edition], "attendee__user")


def _lasts(scope: Scope) -> list[tuple[Cohort, datetime]]:
    """The cohorts of an edition, with the end of the last session that keeps seats for each, or of the edition."""
    assert scope.edition is not None and scope.ended_at is not None  # noqa: S101, PT018 - for the types
    cohorts = Cohort.objects.filter(edition=scope.edition).annotate(last=Max("allotments__session__ends_at"))
    return [(cohort, cohort.last or scope.ended_at) for cohort in cohorts.order_by("pk")]


def _due(cohort: Cohort, last: datetime, scope: Scope, at: datetime) -> Q:
    """Those of a cohort who have been kept long enough (`kept_until`)."""
    before, due = scope.before(at), Q(pk__in=[])
    if last <= before:
        due |= Q(created_at__lt=last)
    if scope.is_due(at):
        due |= Q(created_at__gte=last, created_at__lte=before)
    return Q(cohort=cohort) & due


def _on_lists(who: Callable[[int], Q], *, with_traces: bool = False) -> Part:
    def people(scope: Scope) -> QuerySet[Invitee]:
        assert scope.edition is not None  # noqa: S101 - for the types
        return Invitee.objects.filter(who(scope.edition), cohort__edition=scope.edition)

    def held(scope: Scope, at: datetime) -> Held:
        number = people(scope).count()
        lasts = [last for _cohort, last in _lasts(scope)] if number else []
        return Held(number, min(lasts) + timedelta(days=scope.days) if lasts else None)

    def due(scope: Scope, at: datetime) -> int:
        return sum(people(scope).filter(_due(cohort, last, scope, at)).count() for cohort, last in _lasts(scope))

    def delete(scope: Scope, at: datetime) -> Iterator[int]:
        for cohort, last in _lasts(scope):
            found = people(scope).filter(_due(cohort, last, scope, at))
            for keys in retention.in_batches(found, AT_ONCE):
                yield _forget(cohort.institution_id, found.filter(pk__in=keys), at)
            if with_traces and last <= scope.before(at):
                yield from _forget_traces(cohort, scope.before(at), at)

    return Part(held, due, delete)


@again_after_deadlock
def _forget(institution: int, people: QuerySet[Invitee], at: datetime) -> int:
    """Delete people of lists of an institution, with their history, and what their address alone still tells; return
    how many. Who has answered meanwhile stays."""
    with transaction.atomic():
        applying.lock(institution)
        rows = list(people.values_list("pk", "email", "attendee__user"))
        emails, accounts = legal_holds.held({row[1] for row in rows}, {row[2] for row in rows} - {None}, at)
        found = {pk: email for pk, email, account in rows if email not in emails and account not in accounts}
        if found:
            lines = Invitee.history.filter(id__in=found)
            addresses = {*found.values(), *lines.order_by().values_list("email", flat=True)}  # past ones got mails too
            Invitee.objects.filter(pk__in=found)._raw_delete(Invitee.objects.db)
            lines.delete()
            _forget_what_was_typed(institution, addresses, at)
    return len(found)


def _forget_traces(cohort: Cohort, before: datetime, at: datetime) -> Iterator[int]:
    """Delete what the history says of people who were taken off before: it names them as well."""
    there = Invitee.objects.filter(pk=OuterRef("id"))
    traces = Invitee.history.filter(cohort_id=cohort.pk, history_date__lte=before).exclude(Exists(there))
    for keys in retention.in_batches(traces, AT_ONCE):
        with transaction.atomic():
            applying.lock(cohort.institution_id)
            written = dict(traces.filter(pk__in=keys).values_list("pk", "email"))
            held, _accounts = legal_holds.held(set(written.values()), (), at)
            addresses = set(written.values()) - held
            traces.filter(pk__in=[pk for pk, email in written.items() if email in addresses]).delete()
            _forget_what_was_typed(cohort.institution_id, addresses, at)
        yield 0  # they are no people of the lists any more


def _forget_what_was_typed(institution: int, addresses: object, at: datetime) -> None:
    listed = Invitee.objects.filter(institution=OuterRef("institution"), email=OuterRef("email"))
    typed = Correction.objects.filter(institution=institution, email__in=list(addresses))  # type: ignore[call-overload]
    typed.exclude(Exists(listed)).delete()
    forget_addresses(addresses, at)  # type: ignore[arg-type]


NEVER_ACCEPTED = _on_lists(_never_accepted, with_traces=True)
REGISTERED = _on_lists(_registered)
CAME = _on_lists(_came)


# --- Files of lists ---------------------------------------------------------------------------------------------------


def upload_kept_until(upload: Upload) -> datetime:
    """When an upload that nobody confirms is dropped, with its file and its rows."""
    return upload.created_at + timedelta(days=days_of("uploads", upload.cohort.edition_id))


def _uploads(scope: Scope) -> QuerySet[Upload]:
    return Upload.objects.filter(status__in=Upload.UNFINISHED, cohort__edition=scope.edition)


def _drop(scope: Scope, at: datetime) -> Iterator[int]:
    """One by one, under the lock of its institution, and not one that a worker has."""
    old = _uploads(scope).filter(created_at__lte=scope.before(at)).exclude(busy_until__gte=at)
    for [key] in retention.in_batches(old, 1):
        with transaction.atomic():
            for institution in Upload.objects.filter(pk=key).values_list("institution", flat=True):
                applying.lock(institution)
            dropped = old.filter(pk=key).delete()[1].get("partners.Upload", 0)
        yield dropped


_by_age = retention.ageing(_uploads, "created_at")
UPLOADS = Part(_by_age.held, _by_age.due, _drop)
