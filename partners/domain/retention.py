"""How long people stay on lists: as long as the first mail to them says, and no longer (docs/rules.md#erasure)."""

from datetime import datetime, timedelta

from django.db.models import Exists, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce

from partners.models import Correction, Invitee
from programme.models import Session
from registrations.models import Cohort

# After the last session that keeps seats for their cohort, or of the edition where none does.
SILENT = timedelta(days=30)
CAME = timedelta(days=182)


def _last() -> Coalesce:
    """The end of a cohort's last session, or of its edition's; NULL while there is no session at all."""
    of_edition = Session.objects.filter(event__edition=OuterRef("edition")).order_by("-ends_at").values("ends_at")[:1]
    return Coalesce(Max("allotments__session__ends_at"), Subquery(of_edition))


def kept_until(invitee: Invitee) -> datetime | None:
    """When somebody on a list will be forgotten, as it looks now; None while the session is not known that they were
    listed for."""
    last = Cohort.objects.annotate(last=_last()).values_list("last", flat=True).get(pk=invitee.cohort_id)
    if last is None or invitee.created_at >= last:
        return None
    return last + (CAME if invitee.status == Invitee.Status.ACCEPTED else SILENT)


def forget_old(at: datetime) -> int:
    """Delete, with their history, the people of lists whose sessions are long over; return how many. Who accepted keeps
    their account."""
    lasts = Cohort.objects.annotate(last=_last()).filter(last__lte=at - SILENT).values_list("pk", "last")
    found = 0
    for cohort, last in lasts:
        # Who came onto the list since is meant for what is to come.
        old = Invitee.objects.filter(cohort=cohort, created_at__lt=last)
        if last + CAME > at:
            old = old.exclude(status=Invitee.Status.ACCEPTED)
        ids = list(old.values_list("pk", flat=True))
        for first in range(0, len(ids), 1000):
            Invitee.objects.filter(pk__in=ids[first : first + 1000])._raw_delete(Invitee.objects.db)
            Invitee.history.filter(id__in=ids[first : first + 1000]).delete()
        # With the traces of those who were taken off before: they name people as well.
        traces = Invitee.history.filter(cohort_id=cohort, history_date__lte=at - SILENT)
        traces.exclude(Exists(Invitee.objects.filter(pk=OuterRef("id")))).delete()
        found += len(ids)
    listed = Invitee.objects.filter(institution=OuterRef("institution"), email=OuterRef("email"))
    Correction.objects.exclude(Exists(listed)).delete()
    return found
