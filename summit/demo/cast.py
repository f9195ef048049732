"""The people of the demo, all made up: an organiser, an attendee, and a crowd so that some sessions are full."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.domain import people
from accounts.models import Attendee, User
from programme.models import Session
from registrations.domain import booking
from registrations.models import SeatPool

ORGANISER = "organisatrice@demo.example"
ATTENDEE = "camille@demo.example"
CROWD = "personne"  # how the addresses of the crowd begin
# Small rooms, so that a small crowd fills them: how many seats stay free in each.
SEATS_LEFT = [0, 2, 9]
GIVEN = ["Ada", "Basile", "Chloé", "Driss", "Élise", "Farid", "Gaëlle", "Hugo", "Inès", "Jonas", "Khadija", "Léo", "Maëlle", "Noé"]
FAMILY = ["Fictif", "Exemple", "Inventé", "Imaginaire", "Modèle", "Témoin", "Essai", "Fabulé", "Rêvé", "Supposé"]


def has_other_people() -> bool:
    """Whether the database holds accounts that the demo did not make: then it is not ours to fill."""
    return User.objects.exists() and not User.objects.filter(email=ORGANISER).exists()


@transaction.atomic
def welcome_people() -> bool:
    """Make the demo's people; return whether they are new."""
    if User.objects.filter(email=ORGANISER).exists():
        return False
    people.make_organiser(ORGANISER, name="Olympe Organisatrice", language="fr")
    people.introduce(people.open_account(ATTENDEE, language="fr"), name="Camille Démonstration")
    _seat_the_crowd(timezone.now())
    return True


def _seat_the_crowd(now: datetime) -> None:
    pools = SeatPool.objects.filter(
        cohort=None, session__access=Session.Access.REGISTRATION, session__status=Session.Status.PUBLISHED, session__starts_at__gt=now
    )
    rooms = pools.filter(seats__gt=max(SEATS_LEFT), seats__lte=100).order_by("seats", "session__slug").select_related("session")
    plans = list(zip(rooms[: len(SEATS_LEFT)], SEATS_LEFT, strict=False))
    crowd: list[Attendee] = []
    for pool, left in plans:
        while len(crowd) < pool.seats - left:
            number = len(crowd)
            user = people.open_account(f"{CROWD}{number + 1:03}@demo.example", language="en" if number % 5 == 0 else "fr")
            name = f"{GIVEN[number % len(GIVEN)]} {FAMILY[number // len(GIVEN) % len(FAMILY)]}"
            crowd.append(people.introduce(user, name=name))
        for attendee in crowd[: pool.seats - left]:
            booking.register(pool.session, attendee, actor=attendee.user, at=now, despite=True)
