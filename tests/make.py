"""Ready-made rows: a test names only what matters to it. `make.session(seats=1)`, `make.attendee()`,
`make.registration()`."""

import time
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.utils import encrypt
from django.test import Client
from django.utils import timezone

from accounts.domain import factors, sign_in_log
from accounts.models import Attendee, User
from allocations.domain import allocation as allocating
from allocations.models import Allocation, AllocationRun
from notices.domain import changes, reminders
from notices.models import Announcement, Change, QuietWindow, ReminderRule
from outbox.models import Message
from programme.models import Day, Edition, Event, Participation, Session, Speaker, Track
from registrations.domain import booking, cohorts
from registrations.models import Cohort, Institution, Invitation, Membership, Registration, SeatPool
from venues.models import Room, TravelTime, Venue

_numbers = count(1)


def user(email: str = "", **fields: Any) -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.org", **fields)


def organiser(name: str = "Olympe Organisatrice", **fields: Any) -> User:
    """Someone who may do everything in the administration, and has given her name."""
    who = user(is_staff=True, is_superuser=True, **fields)
    Attendee.objects.create(user=who, name=name)
    return who


def attendee(name: str = "Ada Lovelace", *, email: str = "", language: str = "fr", **fields: Any) -> Attendee:
    return Attendee.objects.create(user=fields.pop("user", None) or user(email, language=language), name=name, **fields)


def attendees(number: int) -> list[Attendee]:
    """A crowd, in two statements (it leaves no history)."""
    users = User.objects.bulk_create(
        User(email=f"crowd{next(_numbers)}@example.org", password="!") for _ in range(number)
    )
    return Attendee.objects.bulk_create(Attendee(user=user, name=f"Personne {user.pk}") for user in users)


def sign_in(client: Client, who: Attendee | User, *, factor: bool = True) -> Client:
    """Signed in as somebody who has just taken the second step as well, unless told otherwise."""
    user = who.user if isinstance(who, Attendee) else who
    client.force_login(user)
    if factor:
        session = client.session
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "type": "totp", "id": 0, "at": time.time()}]
        session.save()
    return client


def app(user: User) -> str:
    """The secret of an app that `user` takes the second step with; there are recovery codes as well."""
    secret = generate_totp_secret()
    data = {"secret": encrypt(secret)}
    app = Authenticator(user=user, type="totp", data=data)
    beside = [one.pk for one in factors.of(user)]
    factors.add(app, user, beside=beside, at=timezone.now(), this=None, here=sign_in_log.NOWHERE)
    return secret


def venue(**fields: Any) -> Venue:
    n = next(_numbers)
    return Venue.objects.create(
        **{"slug": f"venue-{n}", "city": "Paris", "country": "FR"} | _in_both("name", fields, f"Lieu {n}")
    )


def room(**fields: Any) -> Room:
    n = next(_numbers)
    return Room.objects.create(
        **{"slug": f"room-{n}", "capacity": 2000}
        | _in_both("name", fields, f"Salle {n}")
        | {"venue": fields.get("venue") or venue()}
    )


def travel_time(**fields: Any) -> TravelTime:
    fields = {"minutes": 20} | fields
    return TravelTime.objects.create(
        **fields | {"origin": fields.get("origin") or venue(), "destination": fields.get("destination") or venue()}
    )


# What the law asks of an edition before it may be opened: `**dict.fromkeys(LEGAL_FACTS)` makes one without.
LEGAL_FACTS: dict[str, Any] = {
    "publisher": "Agence du Sommet",
    "publisher_form_fr": "Établissement public",
    "publisher_form_en": "Public institution",
    "publisher_address": "1 place du Sommet, 75001 Paris",
    "publisher_phone": "01 99 00 00 01",
    "publication_director_fr": "Ada Lovelace, directrice",
    "publication_director_en": "Ada Lovelace, Director",
    "host": "Hébergeur SAS",
    "host_address": "2 quai de l’Hébergeur, 59000 Lille",
    "host_phone": "03 53 01 00 02",
    "contact": "contact@example.org",
    "data_controller": "Agence du Sommet",
    "data_protection_officer_fr": "Le délégué à la protection des données de l’Agence",
    "data_protection_officer_en": "The data protection officer of the Agency",
    "privacy_contact": "donnees@example.org",
    "accessibility_level": Edition.AccessibilityLevel.NONE,
    "accessibility_stated_on": date(2026, 9, 1),
    "accessibility_plan_fr": "https://www.example.org/schema-pluriannuel",
    "accessibility_plan_en": "https://www.example.org/plan",
}


def edition(**fields: Any) -> Edition:
    """An edition in preparation that may be opened; `state` and `is_current` may be given."""
    n = next(_numbers)
    defaults = {"slug": f"edition-{n}", "starts_on": date(2027, 2, 4), "ends_on": date(2027, 2, 10)}
    for field in ("tagline", "city"):
        fields = _in_both(field, fields, "")
    return Edition.objects.create(**defaults | LEGAL_FACTS | _in_both("name", fields, f"Sommet {n}"))


def current_edition() -> Edition:
    """The edition at `/`, which is open; made if there is none."""
    known = Edition.objects.filter(is_current=True).first()
    names = {"name_fr": "Sommet pour l’action sur l’IA", "name_en": "AI Action Summit"}
    return known or edition(slug="summit", state=Edition.State.OPEN, is_current=True, **names)


def _in_edition(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"edition": fields.get("edition") or current_edition()}


def track(**fields: Any) -> Track:
    n = next(_numbers)
    fields = _in_edition(fields)
    return Track.objects.create(**{"slug": f"track-{n}"} | _in_both("name", fields, f"Thème {n}"))


def day(on: date, **fields: Any) -> Day:
    fields = _in_edition(fields)
    return Day.objects.create(date=on, **_in_both("label", fields, "Journée"))


def event(**fields: Any) -> Event:
    n = next(_numbers)
    defaults = {
        "slug": f"event-{n}",
        "kind": Event.Kind.FORUM,
        "starts_on": date(2027, 2, 4),
        "ends_on": date(2027, 2, 10),
    }
    fields = _in_edition(fields)
    return Event.objects.create(**defaults | _in_both("title", fields, f"Événement {n}"))


def session(*, seats: int = 100, starts_at: datetime | None = None, minutes: int = 60, **fields: Any) -> Session:
    """A published session that takes registrations, in a room of its own, in a week."""
    n = next(_numbers)
    starts_at = starts_at or timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
    defaults = {
        "slug": f"session-{n}",
        "kind": Session.Kind.PANEL,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
        "capacity": seats,
        "access": Session.Access.REGISTRATION,
        "status": Session.Status.PUBLISHED,
        "languages": "fr",
    }
    fields = _in_both("title", fields, f"Séance {n}")
    of_event = fields.get("event") or event()
    fields |= {
        "event": of_event,
        "track": fields.get("track") or track(edition=of_event.edition),
        "room": fields.get("room") or room(),
    }
    return Session.objects.create(**defaults | fields)


def speaker(**fields: Any) -> Speaker:
    n = next(_numbers)
    return Speaker.objects.create(**{"slug": f"speaker-{n}", "name": f"Oratrice {n}"} | _in_both("role", fields, ""))


def participation(**fields: Any) -> Participation:
    fields |= {"session": fields.get("session") or session(), "speaker": fields.get("speaker") or speaker()}
    return Participation.objects.create(**fields)


def institution(**fields: Any) -> Institution:
    n = next(_numbers)
    return Institution.objects.create(**{"slug": f"institution-{n}", "name": f"École {n}"} | fields)


def cohort(**fields: Any) -> Cohort:
    n = next(_numbers)
    fields = {"slug": f"cohort-{n}", "size": 20} | _in_both("name", fields, f"Promotion {n}")
    fields = _in_edition(fields)
    return Cohort.objects.create(**fields | {"institution": fields.get("institution") or institution()})


def membership(of: Cohort | None = None, who: Attendee | None = None) -> Membership:
    who = who or attendee()
    return cohorts.add_member(of or cohort(), who, actor=who.user)


def invitation(to: Session | None = None, email: str = "") -> Invitation:
    to = to or session(access=Session.Access.INVITATION)
    return Invitation.objects.create(session=to, email=email or f"guest{next(_numbers)}@example.org")


def pool(session: Session) -> SeatPool:
    """The general pool of `session`, freshly read."""
    return SeatPool.objects.get(session=session, cohort=None)


def registration(of: Session | None = None, who: Attendee | None = None, **asked: Any) -> Registration:
    """A confirmed seat, taken through the same door as everybody's, whatever else the person does meanwhile."""
    who = who or attendee()
    return booking.register(booking.Ask(of or session(), who, actor=who.user, despite=True, **asked))


def allocation(*sessions: Session, **fields: Any) -> Allocation:
    """Sessions that are given out by wishes, which one can give since yesterday and until tomorrow."""
    n, now = next(_numbers), timezone.now().replace(minute=0, second=0, microsecond=0)
    defaults = {"slug": f"allocation-{n}", "opens_at": now - timedelta(days=1), "closes_at": now + timedelta(days=1)}
    made = Allocation.objects.create(**defaults | _in_both("title", fields, f"Ateliers {n}"))
    made.sessions.set(sessions)
    return made


def simulation(of: Allocation | None = None, seed: str = "seed", **fields: Any) -> AllocationRun:
    """A run that gives nobody a seat yet."""
    return allocating.simulate(of or allocation(session()), actor=organiser(), seed=seed, **fields)


def reminder(of: Session | None = None, **fields: Any) -> ReminderRule:
    """A rule of one session, by default the day before at 18:00 by the clocks there; its moment is planned."""
    made = ReminderRule.objects.create(session=of or session(), **fields)
    reminders.plan(timezone.now())
    return made


def moved(of: Session | None = None, *, hours: int = 1, **fields: Any) -> Session:
    """`of`, some hours later, or with other `fields`."""
    found = Session.objects.get(pk=(of or session()).pk)
    found.starts_at += timedelta(hours=hours)
    found.ends_at += timedelta(hours=hours)
    for name, value in fields.items():
        setattr(found, name, value)
    found.save()
    return found


def change() -> Change:
    return moved().changes.get()


def quiet_window(of: Event | None = None) -> QuietWindow:
    return changes.open_window(of.pk if of else None, actor=organiser())


def announcement(**fields: Any) -> Announcement:
    texts = {"subject_fr": "Entrée", "subject_en": "Entrance", "body_fr": "Bonjour {name}.", "body_en": "Hello {name}."}
    return Announcement.objects.create(**{"statuses": ["confirmed"]} | texts | fields)


def message(to: str, **fields: Any) -> Message:
    """A mail that has left."""
    now = timezone.now()
    sent = {"status": Message.Status.SENT, "not_before": now, "sent_at": now}
    return Message.objects.create(
        **{"kind": "tests.mail", "dedupe_key": f"tests:{next(_numbers)}", "to": to} | sent | fields
    )


def _in_both(field: str, fields: dict[str, Any], default: str) -> dict[str, Any]:
    """`fields` with `field` written in French and in English; `title_en=…` still wins."""
    fields = dict(fields)
    text = fields.pop(field, default)
    return {f"{field}_fr": text, f"{field}_en": text} | fields
