"""How long people stay on lists: as long as the first mail to them says, and no longer (docs/rules.md#erasure)."""

from datetime import datetime, timedelta

from django.db.models import Exists, Max, OuterRef

from partners.models import Invitee
from registrations.models import Cohort

SILENT = timedelta(days=30)  # after the last session that keeps seats for their cohort
CAME = timedelta(days=182)


def forget_old(at: datetime) -> int:
    """Delete, with their history, the people of lists whose sessions are long over; return how many. Who accepted keeps their account."""
    lasts = Cohort.objects.annotate(last=Max("allotments__session__ends_at")).filter(last__lte=at - SILENT).values_list("pk", "last")
    found = 0
    for cohort, last in lasts:
        old = Invitee.objects.filter(cohort=cohort)
        if last + CAME > at:
            old = old.exclude(status=Invitee.Status.ACCEPTED)
        ids = list(old.values_list("pk", flat=True))
        for first in range(0, len(ids), 1000):
            Invitee.objects.filter(pk__in=ids[first : first + 1000])._raw_delete(Invitee.objects.db)
        # With the traces of those who were taken off before: they name people as well.
        Invitee.history.filter(cohort_id=cohort).exclude(Exists(Invitee.objects.filter(pk=OuterRef("id")))).delete()
        found += len(ids)
    return found
