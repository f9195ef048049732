"""The people of the demo, all made up: an organiser, an attendee, a student, the coordinator of a partner, and a crowd
so that some sessions are full.

One finds every state of a seat by looking around: free, full with a line, offered until tomorrow, asked for, kept for a
cohort, at the same time as another, too far from another, given out by wishes. An organiser finds reminders to come, an
announcement that was sent to a few, and one that is still a draft.
"""

from datetime import datetime, time, timedelta

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.utils import encrypt
from django.db import transaction
from django.db.models import Count
from django.utils.text import slugify

from accounts.domain import accounts, factors
from accounts.models import Attendee, User
from allocations.domain import allocation
from allocations.models import Allocation
from core import clock
from notices.domain import announcing, reminders
from notices.models import Announcement, ReminderRule
from partners.models import PartnerRole
from programme.models import Session
from registrations.domain import booking, cohorts, pools
from registrations.models import Cohort, Institution, Registration, SeatPool
from venues.models import TravelTime, Venue

ORGANISER = "organisatrice@demo.example"
ATTENDEE = "camille@demo.example"
STUDENT = "etudiante@demo.example"
COORDINATOR = "coordinatrice@demo.example"  # her lists are empty: students-*.csv and .xlsx are there to be handed in
CROWD = "personne"  # how the addresses of the crowd begin
# Small rooms, so that a small crowd fills them: how many seats stay free in each. In the first one waits; in the
# second, offers are made.
SEATS_LEFT = [0, 0, 2, 9]
# A plenary of students whose kept seats are nearly gone, until they are released the evening before.
STUDENTS, STUDENTS_SEATED = "ens-assemblee-etudiante", 68
PLENARY = "ens-assemblee-ouverture"
# The afternoon of the Cnam (cohorts.csv): two masters come for its hours.
PARTNER = "cnam"
PANEL = "gp-puces"
# A workshop on request, and why some of the crowd want to come.
ON_REQUEST = "gp-atelier-ue"
REASONS = [
    "J’enseigne le droit du numérique et prépare un cours sur le règlement européen.",
    "Notre association accompagne des jeunes dans trois départements.",
    "I lead the evaluation team of a public hospital.",
    "Je représente les étudiantes et étudiants de mon école.",
]
# Where the attendee goes: at the same hour there is another workshop, and the way to what follows is long.
OWN_SEATS = ["pairs-dev", "gpai-panel"]
# Given out by wishes: one group that still takes them, and one whose deadline has passed, for the organiser to run.
# Title in French and in English, sessions, days until the deadline, whether the seats wait for it.
WISHED = [
    (
        "Ateliers en parallèle du Sommet",
        "Workshops beside the Summit",
        ["gpai-safe", "gpai-agents", "reseau-travail"],
        2,
        True,
    ),
    ("Ateliers du Grand Palais", "Grand Palais workshops", [ON_REQUEST, "gp-grasp"], -1, False),
]
WAYS = [
    ("grand-palais", "sciences-po", 25, "À pied par la Seine."),
    ("grand-palais", "station-f", 40, ""),
    ("parisante-campus", "station-f", 50, ""),
]
TO_THE_WAITLIST = {
    "subject_fr": "« {session} » est complète : ce que vous pouvez faire",
    "subject_en": "“{session}” is full: what you can do",
    "body_fr": "Bonjour {name},\n\nToutes les places de « {session} » ({when}, {where}) sont prises. "
    "Une place qui se libère va à la personne suivante de la liste d’attente, qui l’apprend par courriel.\n\n"
    "Votre rang est affiché ici : {programme}",
    "body_en": "Hello {name},\n\nAll seats of “{session}” ({when}, {where}) are taken. "
    "A seat that becomes free goes to the next person on the waiting list, who is told by mail.\n\n"
    "Your place on the waiting list is shown here: {programme}",
}
TO_ALL = {
    "subject_fr": "{event} : venir sans attendre à l’entrée",
    "subject_en": "{event}: come in without a queue",
    "body_fr": "Bonjour {name},\n\nPrésentez une pièce d’identité à l’entrée et comptez un quart d’heure pour le "
    "contrôle.\n\nVotre programme : {programme}",
    "body_en": "Hello {name},\n\nPlease show an identity document at the entrance, and allow a quarter of an hour for "
    "the check.\n\nYour programme: {programme}",
}
GIVEN = [
    "Ada",
    "Basile",
    "Chloé",
    "Driss",
    "Élise",
    "Farid",
    "Gaëlle",
    "Hugo",
    "Inès",
    "Jonas",
    "Khadija",
    "Léo",
    "Maëlle",
    "Noé",
]
FAMILY = ["Fictif", "Exemple", "Inventé", "Imaginaire", "Modèle", "Témoin", "Essai", "Fabulé", "Rêvé", "Supposé"]


def has_other_people() -> bool:
    """Whether the database holds accounts that the demo did not make: then it is not ours to fill."""
    return User.objects.exists() and not User.objects.filter(email=ORGANISER).exists()


def secure_the_office() -> None:
    """Give the organiser and the coordinator a second step, which the demo takes for them
    (accounts/views_factors.py)."""
    for user in User.objects.filter(email__in=[ORGANISER, COORDINATOR]):
        if not factors.of(user):
            data = {"secret": encrypt(generate_totp_secret()), factors.OF_THE_DEMO: True}
            Authenticator.objects.create(user=user, type=factors.Type.TOTP, data=data)
            RecoveryCodes.activate(user)


@transaction.atomic
def welcome_people() -> bool:
    """Make the demo's people; return whether they are new."""
    if User.objects.filter(email=ORGANISER).exists():
        return False
    accounts.make_organiser(ORGANISER, name="Olympe Organisatrice", language="fr")
    now = clock.now()
    attendee = accounts.introduce(accounts.open_account(ATTENDEE, language="fr"), name="Camille Démonstration")
    student = accounts.introduce(accounts.open_account(STUDENT, language="fr"), name="Inès Étudiante")
    crowd = _seat_the_crowd(attendee, now)
    _bring_the_students(student, crowd, now)
    _open_the_lists_of_the_cnam(now)
    _ask_for_seats(crowd, now)
    _wish(crowd, now)
    for session in Session.objects.filter(slug__in=OWN_SEATS, starts_at__gt=now):
        booking.register(booking.Ask(session, attendee, actor=attendee.user, at=now, despite=True))
    _write_ways()
    _write_to_people(now)
    return True


def _seat_the_crowd(attendee: Attendee, now: datetime) -> list[Attendee]:
    """Fill some rooms; let a few wait where nothing is left, `attendee` among them: third in one line, with an offer
    from the other."""
    general = SeatPool.objects.filter(
        cohort=None,
        session__access=Session.Access.REGISTRATION,
        session__status=Session.Status.PUBLISHED,
        session__starts_at__gt=now,
    )
    rooms = (
        general.filter(seats__gt=max(SEATS_LEFT), seats__lte=100)
        .order_by("seats", "session__slug")
        .select_related("session")
    )
    plans = list(zip(rooms[: len(SEATS_LEFT)], SEATS_LEFT, strict=False))
    crowd: list[Attendee] = []
    full = []
    for pool, left in plans:
        _gather(crowd, pool.seats - left)
        for person in crowd[: pool.seats - left]:
            booking.register(booking.Ask(pool.session, person, actor=person.user, at=now, despite=True))
        full += [pool.session] if left == 0 else []
    if len(full) == 2:
        waiting, offering = full
        _gather(crowd, len(crowd) + 5)
        *holders, a, b, c, d, e = crowd
        offering.waiting_list = Session.WaitingList.OFFER
        offering.save()
        for session, line in ((waiting, [a, b, attendee, c, d, e]), (offering, [attendee, a, b])):
            for person in line:
                booking.register(booking.Ask(session, person, actor=person.user, at=now, despite=True, waits=True))
        booking.cancel(offering, holders[0], actor=holders[0].user, at=now)
    return crowd


def _gather(crowd: list[Attendee], number: int) -> None:
    """Let the crowd be `number` people at least."""
    while len(crowd) < number:
        known = len(crowd)
        user = accounts.open_account(f"{CROWD}{known + 1:03}@demo.example", language="en" if known % 5 == 0 else "fr")
        crowd.append(
            accounts.introduce(user, name=f"{GIVEN[known % len(GIVEN)]} {FAMILY[known // len(GIVEN) % len(FAMILY)]}")
        )


def _bring_the_students(student: Attendee, crowd: list[Attendee], now: datetime) -> None:
    """Of the seats that their plenary keeps for students nearly all are gone, and `student` has none yet."""
    plenary = (
        Session.objects.select_related("event__edition", "room__venue").filter(slug=PLENARY, starts_at__gt=now).first()
    )
    cohort = Cohort.objects.filter(slug=STUDENTS).first()
    if plenary is None or cohort is None:
        return
    actor = User.objects.get(email=ORGANISER)
    _release_the_evening_before(plenary, cohort, now)
    _gather(crowd, STUDENTS_SEATED)
    for person in crowd[:STUDENTS_SEATED]:
        cohorts.add_member(cohort, person, actor=actor, at=now)
        booking.register(booking.Ask(plenary, person, actor=person.user, at=now, despite=True))
    cohorts.add_member(cohort, student, actor=actor, at=now)


def _open_the_lists_of_the_cnam(now: datetime) -> None:
    """Two masters come for one afternoon; their coordinator has not handed in her lists yet."""
    institution = Institution.objects.filter(slug=PARTNER).first()
    panel = (
        Session.objects.select_related("event__edition", "room__venue").filter(slug=PANEL, starts_at__gt=now).first()
    )
    if institution is None or panel is None:
        return
    coordinator = accounts.introduce(accounts.open_account(COORDINATOR, language="fr"), name="Claire Coordinatrice")
    PartnerRole.objects.create(institution=institution, user=coordinator.user, role=PartnerRole.Role.OWNER)
    noon = panel.local_starts_at.replace(hour=13, minute=0)
    for cohort in institution.cohorts.all():
        cohort.starts_at, cohort.ends_at = noon, noon + timedelta(hours=6)
        cohort.save()
        _release_the_evening_before(panel, cohort, now)


def _release_the_evening_before(session: Session, cohort: Cohort, now: datetime) -> None:
    eve = session.local_starts_at.replace(hour=18, minute=0) - timedelta(days=1)
    if pool := SeatPool.objects.filter(session=session, cohort=cohort).first():
        pools.allot(session, cohort, pool.seats, at=now, release_at=eve)


def _ask_for_seats(crowd: list[Attendee], now: datetime) -> None:
    """Some of the crowd ask for a seat in a workshop; the organiser has not decided yet."""
    workshop = (
        Session.objects.select_related("event__edition", "room__venue")
        .filter(slug=ON_REQUEST, starts_at__gt=now)
        .first()
    )
    if workshop is None:
        return
    for person, reason in zip(crowd, REASONS, strict=False):
        booking.register(booking.Ask(workshop, person, actor=person.user, at=now, reason=reason, despite=True))


def _wish(crowd: list[Attendee], now: datetime) -> None:
    """Let the crowd rank what they would like: of each group, most want the first session, the others each of the rest
    in turn."""
    eve = now.replace(hour=17, minute=0, second=0, microsecond=0)
    for title, title_en, slugs, days, holds_seats in WISHED:
        sessions = list(Session.objects.filter(slug__in=slugs, starts_at__gt=eve + timedelta(days=days)))
        if len(sessions) < len(slugs):
            continue
        sessions.sort(key=lambda session: slugs.index(session.slug))
        group = Allocation.objects.create(
            slug=slugify(title),
            title_fr=title,
            title_en=title_en,
            opens_at=eve - timedelta(days=5),
            closes_at=eve + timedelta(days=days),
            wishes_at_most=3,
            seats_at_most=2,
            holds_seats=holds_seats,
        )
        group.sessions.set(sessions)
        for number, person in enumerate(crowd):
            turn = number % len(sessions) if number % 4 == 0 else 0
            ranking = (sessions[turn:] + sessions[:turn])[:3]
            # They have asked already.
            possible = [session for session in ranking if session.slug != ON_REQUEST or number >= len(REASONS)]
            allocation.express(group, person, possible, at=eve - timedelta(days=4))


def _write_ways() -> None:
    """What organisers know of some ways."""
    venues = {venue.slug: venue for venue in Venue.objects.all()}
    for origin, destination, minutes, note in WAYS:
        if origin in venues and destination in venues:
            TravelTime.objects.get_or_create(
                origin=venues[origin], destination=venues[destination], defaults={"minutes": minutes, "note": note}
            )


def _write_to_people(now: datetime) -> None:
    """Reminders of the event of the longest line, whether those with a seat in that session still come, and two
    announcements about it: one was sent to the line, one is a draft."""
    lines = Session.objects.filter(starts_at__gt=now, registrations__status=Registration.Status.WAITING)
    session = (
        lines.annotate(waiting=Count("registrations"))
        .select_related("event__edition")
        .order_by("-waiting", "pk")
        .first()
    )
    if session is None:
        return
    actor = User.objects.get(email=ORGANISER)
    for rule in (
        ReminderRule(
            event=session.event,
            days=1,
            at_time=time(18),
            note_fr="Venez avec une pièce d’identité.",
            note_en="Please bring an identity document.",
        ),
        ReminderRule(event=session.event, timing=ReminderRule.Timing.BEFORE, minutes=2 * 60, late_minutes=60),
        ReminderRule(session=session, timing=ReminderRule.Timing.BEFORE, minutes=48 * 60, answer_hours=24),
    ):
        rule._history_user = actor
        rule.save()
    reminders.plan(now)
    sent = Announcement(session=session, statuses=[Registration.Status.WAITING], **TO_THE_WAITLIST)
    draft = Announcement(event=session.event, statuses=[Registration.Status.CONFIRMED], **TO_ALL)
    for announcement in (sent, draft):
        announcement._history_user = actor
        announcement.save()
    announcing.schedule(sent, now, actor=actor)
    announcing.send_due(now)
