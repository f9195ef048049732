"""Once a week, each partner learns how its people's seats stand (docs/rules.md#digests)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Exists, OuterRef

from core.folding import in_order
from notices.domain import mail_preferences
from notices.models import Topic
from outbox.domain.posting import post_many
from outbox.models import Message
from partners.domain import following
from partners.domain.following import Standing
from partners.models import Invitee, PartnerRole
from programme.models import Edition, Session
from registrations.models import Cohort, Institution, SeatPool

KIND = "partners.digest"
MONDAY_AT = time(8)  # by the clocks of the summit
LATE = timedelta(hours=24)


@dataclass(frozen=True)
class Line:
    """One cohort with the numbers that the portal shows, when its unsold seats are released, if they are, and how many
    of its people have corrected their name within the week."""

    cohort: Cohort
    standing: Standing
    released_at: datetime | None
    corrected: int = 0


def moment(at: datetime) -> datetime:
    """The last moment at which digests were due."""
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    monday = datetime.combine(local.date() - timedelta(days=local.weekday()), MONDAY_AT, local.tzinfo)
    return monday if monday <= at else datetime.combine(monday.date() - timedelta(days=7), MONDAY_AT, local.tzinfo)


def send_due(at: datetime) -> int:
    """Queue this week's digests if their moment has come; return how many. Two clocks that do it at once queue each
    once."""
    due = moment(at)
    prefix = f"{KIND}:{due:%G-W%V}:"
    if at - due > LATE or Message.objects.filter(kind=KIND, dedupe_key__startswith=prefix).exists():
        return 0
    to_come = SeatPool.objects.filter(
        cohort__institution=OuterRef("institution"), session__status=Session.Status.PUBLISHED
    )
    roles = PartnerRole.objects.filter(
        Exists(to_come.filter(session__ends_at__gt=due)), user__is_active=True, created_at__lte=due
    )
    roles = mail_preferences.wanting(roles, Topic.DIGESTS, "user").select_related("user").order_by("pk")
    mails = [
        (role.user.email, f"{prefix}{role.pk}", role.user.language, {"role": role.pk, "due": due.isoformat()})
        for role in roles
    ]
    post_many(KIND, mails)
    return len(mails)


def lines(institution: Institution, at: datetime) -> list[Line]:
    """Each cohort of `institution` as it stands at `at`, in a constant number of queries."""
    cohorts = list(institution.cohorts.filter(edition__state=Edition.State.OPEN).order_by(in_order(Cohort)))
    standings = following.standings(cohorts, at)
    releases: dict[int, list[datetime]] = {}
    for pool in SeatPool.objects.filter(cohort__in=cohorts, session__ends_at__gt=at, release_at__gt=at):
        if pool.left > 0 and pool.release_at and pool.cohort_id:
            releases.setdefault(pool.cohort_id, []).append(pool.release_at)
    lately = Invitee.objects.filter(cohort__in=cohorts, corrected_at__gt=at - timedelta(days=7))
    corrected = dict(lately.order_by().values_list("cohort").annotate(n=Count("pk")))
    return [
        Line(cohort, standings[cohort.pk], min(releases.get(cohort.pk, []), default=None), corrected.get(cohort.pk, 0))
        for cohort in cohorts
    ]
