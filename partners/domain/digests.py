"""Once a week, each partner learns how its people's seats stand (docs/rules.md#digests)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q

from notices.domain import mail_preferences
from notices.models import Topic
from outbox.domain.posting import post_many
from outbox.models import Message
from partners.models import PartnerRole
from programme.models import Session
from registrations.models import Institution, Membership, Registration, SeatPool

KIND = "partners.digest"
MONDAY_AT = time(8)  # by the clocks of the summit
LATE = timedelta(hours=24)
Status = Registration.Status


@dataclass(frozen=True)
class Line:
    """One cohort: its members, how many of them have a seat somewhere, wait or have no registration, and its seats,
    taken and kept."""

    name: str
    members: int
    seated: int
    waiting: int
    silent: int
    taken: int
    kept: int
    released_at: datetime | None


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
    """Each cohort of `institution` as it stands at `at`, in a constant number of queries; only sessions that are not
    over count."""
    live = Registration.objects.filter(attendee=OuterRef("attendee"), session__ends_at__gt=at)
    seated, waits = (
        live.filter(status=Status.CONFIRMED),
        live.filter(status__in=[Status.WAITING, Status.OFFERED, Status.PENDING]),
    )
    members = Membership.objects.filter(cohort__institution=institution).annotate(
        seated=Exists(seated), waits=Exists(waits)
    )
    people = {
        row["cohort"]: row
        for row in members.order_by()
        .values("cohort")
        .annotate(
            n=Count("pk"),
            n_seated=Count("pk", filter=Q(seated=True)),
            n_waiting=Count("pk", filter=Q(seated=False, waits=True)),
        )
    }
    pools: dict[int, list[SeatPool]] = {}
    for pool in SeatPool.objects.filter(cohort__institution=institution, session__ends_at__gt=at):
        pools.setdefault(pool.cohort_id or 0, []).append(pool)
    lines = []
    for cohort in institution.cohorts.order_by("slug"):
        row = people.get(cohort.pk, {"n": 0, "n_seated": 0, "n_waiting": 0})
        own = pools.get(cohort.pk, [])
        releases = [pool.release_at for pool in own if pool.release_at and pool.release_at > at and pool.left > 0]
        silent = row["n"] - row["n_seated"] - row["n_waiting"]
        taken, kept = sum(pool.taken for pool in own), sum(pool.seats for pool in own)
        lines.append(
            Line(
                cohort.name,
                row["n"],
                row["n_seated"],
                row["n_waiting"],
                silent,
                taken,
                kept,
                min(releases, default=None),
            )
        )
    return lines
