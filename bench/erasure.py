"""How long an erasure takes: one person of a summit with 100,000 registrations, then tens of thousands by retention.

Prints one JSON object last; docs/benchmarks.md tells what each figure means.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.workplace import arguments, progress, workplace

SESSIONS = 40
EVERY = 1000


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--people", type=_from_one, default=50_000, help="each with two registrations")
    parser.add_argument("--erased", type=_from_one, default=50_000, help="how many go by retention")
    parser.add_argument("--batch", type=_from_one, default=100, help="people in one transaction, as retention does")
    given = parser.parse_args()
    with workplace(given):
        progress(f"Writing {given.people} people with two registrations each…")
        sessions = make(given)
        print(json.dumps(measure(given, sessions)))


def make(given: Any) -> list[Any]:
    """People with their histories, one seat that is over and one to come, mails, web sessions, and a list of which each
    tenth is on."""
    from django.contrib.admin.models import CHANGE, LogEntry  # noqa: PLC0415
    from django.contrib.contenttypes.models import ContentType  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415
    from simple_history.utils import bulk_create_with_history  # noqa: PLC0415

    from accounts.models import Attendee, User, WebSession  # noqa: PLC0415
    from partners.models import Invitee  # noqa: PLC0415
    from registrations.domain import booking  # noqa: PLC0415
    from tests import make  # noqa: PLC0415

    now = timezone.now()
    organiser = make.organiser()
    users = [User(email=f"bench{n}@example.org", password="!") for n in range(given.people)]
    users = bulk_create_with_history(users, User, batch_size=EVERY)
    people = [Attendee(user=user, name=f"Personne {user.pk}") for user in users]
    people = bulk_create_with_history(people, Attendee, batch_size=EVERY)
    event, track, room = make.event(), make.track(), make.room(capacity=given.people)
    sessions = []
    for n in range(SESSIONS):
        starts_at = now + timedelta(days=2, hours=2 * n)
        fields = {"event": event, "track": track, "room": room, "waiting_list": "automatic"}
        sessions.append(make.session(seats=given.people, starts_at=starts_at, **fields))
    half = SESSIONS // 2
    for at in (0, half):
        chosen = [(sessions[at + n % half], person) for n, person in enumerate(people)]
        pools = {session.pk: make.pool(session) for session in sessions}
        taken = [(session, person, pools[session.pk]) for session, person in chosen]
        for first in range(0, len(taken), 10 * EVERY):
            booking.seat_many(taken[first : first + 10 * EVERY], actor=organiser, at=now)
    WebSession.objects.bulk_create(
        [
            WebSession(session_key=f"{n:040}", session_data="x", expire_date=now, account=user)
            for n, user in enumerate(users[::5])
        ],
        batch_size=EVERY,
    )
    kind = ContentType.objects.get_for_model(Attendee)
    LogEntry.objects.bulk_create(
        LogEntry(user=organiser, content_type=kind, object_id=str(person.pk), object_repr="x", action_flag=CHANGE)
        for person in people[::20]
    )
    cohort = make.cohort(size=given.people)
    invitees = [
        Invitee(institution=cohort.institution, cohort=cohort, email=person.user.email, last_name=person.name)
        for person in people[::10]
    ]
    bulk_create_with_history(invitees, Invitee, batch_size=EVERY)
    return sessions


def measure(given: Any, sessions: list[Any]) -> dict[str, Any]:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from accounts.models import User  # noqa: PLC0415
    from core import erasure  # noqa: PLC0415
    from core.erasure import Why  # noqa: PLC0415
    from programme.models import Session  # noqa: PLC0415
    from registrations.domain import invariants  # noqa: PLC0415
    from registrations.models import Figure, Registration  # noqa: PLC0415

    registrations = Registration.objects.count()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    # The first half of the sessions is over, with a seat of everybody.
    half = len(sessions) // 2
    for session in sessions[:half]:
        days = timedelta(days=30)
        Session.objects.filter(pk=session.pk).update(starts_at=session.starts_at - days, ends_at=session.ends_at - days)
    people = list(User.objects.filter(is_staff=False).order_by("pk").values_list("pk", flat=True))
    progress("Erasing one person…")
    one: list[float] = []
    statements = 0
    for pk in people[:10]:
        began = time.perf_counter()
        with CaptureQueriesContext(connection) as queries:
            erasure.erase([pk], why=Why.BY_PERSON, at=timezone.now())
        one.append(time.perf_counter() - began)
        statements = len(queries)
    # By retention, everything is over.
    after = timezone.now() + timedelta(days=365)
    progress(f"Erasing {given.erased} people by retention, {given.batch} at a time…")
    rest = people[10 : 10 + given.erased]
    batches: list[float] = []
    in_batch = 0
    began = time.perf_counter()
    for first in range(0, len(rest), given.batch):
        started = time.perf_counter()
        if first == 0:
            with CaptureQueriesContext(connection) as queries:
                erasure.erase(rest[: given.batch], why=Why.RETENTION, at=after)
            in_batch = len(queries)
        else:
            erasure.erase(rest[first : first + given.batch], why=Why.RETENTION, at=after)
        batches.append(time.perf_counter() - started)
    seconds = time.perf_counter() - began
    ordered = sorted(batches)
    return {
        "registrations": registrations,
        "one_seconds": round(sorted(one)[len(one) // 2], 3),
        "one_longest_seconds": round(max(one), 3),
        "one_statements": statements,
        "people": len(rest),
        "batch": given.batch,
        "seconds": round(seconds, 1),
        "batch_p50_seconds": round(ordered[len(ordered) // 2], 3),
        "batch_longest_seconds": round(ordered[-1], 3),
        "batch_statements": in_batch,
        "figures": Figure.objects.count(),
        "errors": len(invariants.check(timezone.now())["breaches"]),
        "database": connection.vendor,
    }


def _from_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    main()
